import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import peers
import pytest
from peers import HURRIED, count_upload, hear, link, ndt7_server, send_for
from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from client_sdk.measurement.throughput import transfer
from client_sdk.measurement.transfer import Transfer


def reset(connection: ServerConnection) -> None:
    """End the connection as a middlebox does."""
    sock = connection.transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.transport.abort()


def against(handler: peers.Handler, direction: Any, **options: Any) -> Transfer:
    """One transfer with a server that does this."""

    async def run() -> Transfer:
        async with ndt7_server(handler) as url:
            return await transfer(url, direction, **{"rule": HURRIED} | options)

    return asyncio.run(run())


def test_a_download_counts_what_was_sent() -> None:
    sent: list[int] = []

    async def handler(connection: ServerConnection) -> None:
        sent.append(await send_for(connection, 0.9, pause_s=0.001))

    done = against(handler, "download", full_length=True)
    assert (done.outcome, done.stop, done.ip_family) == ("ok", "closed", "ipv4")
    assert done.received == sent[0]
    fields = done.fields("download", full_length=True, rule=HURRIED)
    assert fields["download_bytes"] == sent[0]
    assert sum(map(int, fields["download_buckets"].split())) <= sent[0]
    assert fields["download_bps"] > 0


def test_a_steady_download_is_stopped_by_the_rule() -> None:
    closed = []

    async def handler(connection: ServerConnection) -> None:
        try:
            await send_for(connection, 30, pause_s=0.001)
        finally:
            closed.append(connection.close_code)

    done = against(handler, "download", rule=replace(HURRIED, target=10.0))
    assert (done.outcome, done.stop) == ("ok", "ci")
    assert 0.6 <= done.arrivals[-1][0] < 1.5
    assert closed


def test_full_length_runs_past_the_rule() -> None:
    async def handler(connection: ServerConnection) -> None:
        await send_for(connection, 30, pause_s=0.001)

    done = against(handler, "download", rule=replace(HURRIED, target=10.0), full_length=True)
    assert (done.outcome, done.stop) == ("ok", "time_cap")
    fields = done.fields("download", full_length=True, rule=replace(HURRIED, target=10.0))
    assert fields["download_would_stop_ms"] < fields["download_duration_ms"]
    assert fields["download_would_stop_bps"] > 0


def test_a_server_that_ends_by_itself_at_the_usual_time_ended_nothing_early() -> None:
    async def handler(connection: ServerConnection) -> None:
        await send_for(connection, 1.46, pause_s=0.001)

    assert against(handler, "download", full_length=True).stop == "time_cap"


def test_a_message_of_16_mib_counts_while_it_comes() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.send(bytes(1 << 24))

    async def run() -> Transfer:
        async with ndt7_server(handler) as url, link(int(url.rpartition(":")[2]), 8_000_000) as port:
            return await transfer(f"ws://127.0.0.1:{port}", "download", rule=HURRIED, full_length=True)

    done = asyncio.run(run())
    assert (done.outcome, done.stop) == ("ok", "time_cap")
    assert done.received is not None
    assert 100_000 < done.received < 1 << 24
    assert len({total for _, total in done.arrivals}) > 10


def test_the_byte_cap_is_told_and_kept() -> None:
    queries: list[str] = []

    async def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        queries.append(connection.request.path)
        await send_for(connection, 30, pause_s=0.0002)

    done = against(handler, "download", max_bytes=300_000, query={"access_token": "t"})
    assert (done.outcome, done.stop) == ("ok", "byte_cap")
    assert done.received is not None
    assert 300_000 <= done.received < 600_000
    assert queries == ["/ndt/v7/download?access_token=t&max_ms=2500&max_bytes=300000"]
    assert done.fields("download", full_length=False)["download_lower_bound"] is True


def test_the_server_hears_what_arrived() -> None:
    heard: list[dict[str, Any]] = []

    async def handler(connection: ServerConnection) -> None:
        sender = asyncio.create_task(send_for(connection, 0.7, pause_s=0.001))
        try:
            await hear(connection, lambda message: heard.append(json.loads(message)))
        finally:
            await asyncio.gather(sender, return_exceptions=True)

    done = against(handler, "download", full_length=True, max_bytes=1_000_000)
    assert heard
    assert {(told["Origin"], told["Test"]) for told in heard} == {("client", "download")}
    assert all("ConnectionInfo" not in told for told in heard)
    assert heard[-1]["AppInfo"]["NumBytes"] == done.received


@pytest.mark.parametrize("kind", ["AppInfo", "TCPInfo"])
def test_an_upload_is_what_the_server_counted(kind: str) -> None:
    async def handler(connection: ServerConnection) -> None:
        await count_upload(connection, kind=kind)

    done = against(handler, "upload", full_length=True)
    assert (done.outcome, done.stop, done.server_id) == ("ok", "time_cap", peers.UUID)
    assert done.received is not None
    assert 0 < done.received <= done.payload_bytes


def test_an_upload_ends_within_one_message_of_its_cap() -> None:
    async def handler(connection: ServerConnection) -> None:
        await count_upload(connection)

    done = against(handler, "upload", max_bytes=100_000)
    assert (done.outcome, done.stop) == ("ok", "byte_cap")
    assert done.received == done.payload_bytes
    assert 100_000 <= done.payload_bytes < 100_000 + 8192


def test_messages_of_an_upload_start_small_and_stay_a_sixteenth() -> None:
    sizes: list[int] = []

    async def handler(connection: ServerConnection) -> None:
        await hear(connection, lambda message: sizes.append(len(message)))

    against(handler, "upload", max_bytes=5_000_000)
    assert sizes[0] == 8192
    sent = 0
    for before, size in zip([8192, *sizes], sizes, strict=False):
        assert size == before or (size == 2 * before and before < sent / 16)
        sent += size
    assert max(sizes) == 1 << 16


async def tell(connection: ServerConnection, *messages: Any) -> None:
    """Receive for a while, and say these things about it."""

    async def drain() -> None:
        async for _ in connection:
            pass

    drainer = asyncio.create_task(drain())
    for message in messages:
        await connection.send(message if isinstance(message, str) else json.dumps(message))
        await asyncio.sleep(0.02)
    await drainer


def app_info(elapsed_us: Any, count: Any, **more: Any) -> dict[str, Any]:
    return {"AppInfo": {"ElapsedTime": elapsed_us, "NumBytes": count}, **more}


def test_counts_that_cannot_be_are_not_believed() -> None:
    odd = [
        "not json",
        "[" * 10_000,
        "[]",
        {},
        app_info(None, 5),
        app_info(-100, 5),
        app_info(100_000, -5),
        app_info(100_000, "5"),
        app_info(100_000, True),
        app_info(100_000, 10**14),
        app_info(100_000.5, 20),
        app_info(60_000_000, 20),
        app_info(200_000, 4000, Origin="client"),
        {"AppInfo": 3, "TCPInfo": [], "ConnectionInfo": {"UUID": 7}},
        app_info(200_000, 4096),
        app_info(100_000, 8192),
        app_info(300_000, 1024),
        app_info(400_000, 8192),
    ]

    async def handler(connection: ServerConnection) -> None:
        await tell(connection, *odd)

    done = against(handler, "upload")
    assert done.arrivals == ((0.2, 4096), (0.4, 8192))
    assert done.server_id is None


@pytest.mark.parametrize("factor", [100.0, -1.0])
def test_a_server_that_lies_is_not_the_networks_doing(factor: float) -> None:
    async def handler(connection: ServerConnection) -> None:
        await count_upload(connection, factor=factor)

    done = against(handler, "upload")
    assert done.outcome == "websocket"
    assert "upload_bps" not in done.fields("upload", full_length=False)


async def read_in_silence(connection: ServerConnection) -> None:
    async for _ in connection:
        pass


async def never_read(connection: ServerConnection) -> None:
    await asyncio.Event().wait()


async def close_at_once(connection: ServerConnection) -> None:
    await connection.close()


async def reset_at_once(connection: ServerConnection) -> None:
    reset(connection)


async def data_against_the_direction(connection: ServerConnection) -> None:
    await send_for(connection, 30, pause_s=0.01)


@pytest.mark.parametrize(
    ("handler", "direction", "outcome"),
    [
        (never_read, "download", "no_data"),
        (close_at_once, "download", "websocket"),
        (reset_at_once, "download", "websocket"),
        (read_in_silence, "upload", "websocket"),
        (never_read, "upload", "websocket"),
        (close_at_once, "upload", "websocket"),
        (reset_at_once, "upload", "websocket"),
        (data_against_the_direction, "upload", "websocket"),
    ],
)
def test_a_transfer_without_data_says_whose_trouble_it_is(handler: Any, direction: str, outcome: str) -> None:
    done = against(handler, direction)
    assert done.outcome == outcome
    assert done.problem or outcome == "no_data"
    assert f"{direction}_bps" not in done.fields(direction, full_length=False)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [reset, ServerConnection.close])
@pytest.mark.parametrize("direction", ["download", "upload"])
def test_an_early_end_is_reported_as_a_lower_bound(
    direction: str, end: Callable[[ServerConnection], Awaitable[None] | None]
) -> None:
    async def handler(connection: ServerConnection) -> None:
        if direction == "download":
            await send_for(connection, 0.3, pause_s=0.001)
        else:
            counting = asyncio.create_task(count_upload(connection))
            await asyncio.sleep(0.3)
            counting.cancel()
        if ended := end(connection):
            await ended

    done = against(handler, direction, full_length=True)
    assert (done.outcome, done.stop) == ("ok", "closed")
    fields = done.fields(direction, full_length=True, rule=HURRIED)  # type: ignore[arg-type]
    assert fields[f"{direction}_lower_bound"] is True
    assert fields[f"{direction}_bps"] > 0


def test_a_stall_keeps_what_came_and_tells_no_rate() -> None:
    async def handler(connection: ServerConnection) -> None:
        await send_for(connection, 0.2, pause_s=0.001)
        await connection.wait_closed()

    done = against(handler, "download")
    assert (done.outcome, done.stop) == ("stalled", "stalled")
    fields = done.fields("download", full_length=False, rule=HURRIED)
    assert fields["download_bytes"] == done.received
    assert not {"download_bps", "download_whole_bps", "download_lower_bound"} & fields.keys()


def test_an_upload_that_the_server_stops_counting_stalls() -> None:
    async def handler(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send(json.dumps(app_info(100_000, 8192)))
        await never_read(connection)

    async def run() -> Transfer:
        async with ndt7_server(handler) as url:
            return await transfer(url, "upload", rule=HURRIED)

    done = asyncio.run(run())
    assert (done.outcome, done.stop, done.received) == ("stalled", "stalled", 8192)


def test_pings_are_answered_and_odd_frames_survived() -> None:
    ponged: list[float] = []

    async def handler(connection: ServerConnection) -> None:
        for _ in range(40):
            await connection.send([bytes(5000), bytes(3192)])
            await connection.send("{" * 500)
            await connection.send(json.dumps({"AppInfo": {"NumBytes": 10**12}, "ConnectionInfo": {"UUID": peers.UUID}}))
            ponged.append(await (await connection.ping()))
            await asyncio.sleep(0.01)

    done = against(handler, "download")
    assert (done.outcome, done.received, done.server_id) == ("ok", 40 * 8192, peers.UUID)
    assert len(ponged) == 40


def test_a_frame_beyond_the_protocols_largest_ends_the_transfer() -> None:
    async def handler(connection: ServerConnection) -> None:
        await send_for(connection, 0.2, pause_s=0.001)
        head = Frame(Opcode.BINARY, b"").serialize(mask=False)[:1] + struct.pack("!BQ", 127, 1 << 40)
        connection.transport.write(head)
        await connection.wait_closed()

    done = against(handler, "download")
    assert (done.outcome, done.stop) == ("ok", "closed")
