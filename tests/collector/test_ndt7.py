"""The ndt7 endpoints against a client that follows the published protocol, and clients that do not."""

import asyncio
import json
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from client_sdk.signing.jws import sign_compact
from collector.storage.witnessed import Witness, find_witnesses

NDT7 = "net.measurementlab.ndt.v7"
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def opened(phone: Any, direction: str, query: str, protocol: str | None = NDT7, close_timeout: float = 0.2) -> Any:
    base = phone.collector.base_url.replace("http", "ws", 1)
    protocols: Any = None if protocol is None else [protocol]
    return connect(
        f"{base}/ndt/v7/{direction}?{query}",
        subprotocols=protocols,
        compression=None,
        max_size=1 << 24,
        ping_interval=None,
        proxy=None,
        close_timeout=close_timeout,
    )


def run(phone: Any, direction: str, query: str, talk: Callable[[ClientConnection], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with opened(phone, direction, query) as connection:
            assert connection.subprotocol == NDT7
            return await talk(connection)

    return asyncio.run(whole())


def refusal(phone: Any, query: str, protocol: str | None = NDT7) -> tuple[int, str, dict[str, str]]:
    async def attempt() -> Any:
        with pytest.raises(InvalidStatus) as refused:
            async with opened(phone, "download", query, protocol):
                pass
        answer = refused.value.response
        return answer.status_code, json.loads(bytes(answer.body or b""))["rule"], dict(answer.headers)

    found: tuple[int, str, dict[str, str]] = asyncio.run(attempt())
    return found


def witness_of(phone: Any, test_id: str, direction: Any) -> Witness:
    """The server writes it once the connection is over."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = find_witnesses(phone.collector.store, phone.key.public.thumbprint, [test_id])
        if (test_id, direction) in found:
            return found[test_id, direction]
        time.sleep(0.02)
    raise AssertionError("no witness")


def wait_for_a_slot(phone: Any) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            run(phone, "download", f"access_token={phone.session()['token']}&max_bytes=1", receive_all)
            return
        except InvalidStatus:
            time.sleep(0.02)
    raise AssertionError("the slot did not come back")


async def receive_all(connection: ClientConnection) -> tuple[list[int], list[dict[str, Any]]]:
    sizes: list[int] = []
    told: list[dict[str, Any]] = []
    received = 0
    start = time.perf_counter()
    try:
        async for message in connection:
            if isinstance(message, str):
                told.append(json.loads(message))
                info = {"ElapsedTime": round((time.perf_counter() - start) * 1e6), "NumBytes": received}
                await connection.send(json.dumps({"AppInfo": info}))
            else:
                sizes.append(len(message))
                received += len(message)
    except ConnectionClosed:
        pass
    return sizes, told


async def send_for(connection: ClientConnection, messages: list[int], *, linger: bool = True) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []

    async def listen() -> None:
        async for message in connection:
            assert isinstance(message, str)
            told.append(json.loads(message))

    listener = asyncio.create_task(listen())
    for size in messages:
        await connection.send(os.urandom(size))
    if linger:
        await listener
    else:
        listener.cancel()
    return told


def test_a_download_follows_the_rules_of_messages(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()
    query = f"access_token={granted['token']}&max_bytes=3000000"
    sizes, told = run(phone, "download", query, receive_all)
    assert sizes[0] == 1 << 13
    assert all(size & (size - 1) == 0 and 1 << 10 <= size <= 1 << 24 for size in sizes)
    assert 3_000_000 <= sum(sizes) < 3_000_000 + max(sizes)
    before = sizes[0]
    for number, size in enumerate(sizes[1:], start=1):
        assert size == before or (size == 2 * before and before < sum(sizes[:number]) / 16)
        before = size
    assert told
    for message in told:
        assert (message["Origin"], message["Test"]) == ("server", "download")
        assert message["ConnectionInfo"]["UUID"] == granted["test_id"]
        assert {"Client", "Server"} <= message["ConnectionInfo"].keys()
        assert message["AppInfo"].keys() == {"ElapsedTime", "NumBytes"}


def test_an_upload_is_counted_by_its_receiver(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()
    sizes = [1 << 13] * 40 + [1 << 20]
    query = f"access_token={granted['token']}&max_bytes={sum(sizes)}"
    told = run(phone, "upload", query, lambda connection: send_for(connection, sizes))
    counts = [message["AppInfo"]["NumBytes"] for message in told]
    times = [message["AppInfo"]["ElapsedTime"] for message in told]
    assert counts == sorted(counts)
    assert times == sorted(times)
    assert counts[-1] == sum(sizes)
    assert all(message["ConnectionInfo"]["UUID"] == granted["test_id"] for message in told)
    seen = witness_of(phone, granted["test_id"], "upload")
    assert (seen.bytes, seen.device) == (sum(sizes), phone.key.public.thumbprint)
    assert seen.duration_ms == pytest.approx(times[-1] / 1000, abs=0.01)


def test_a_silent_upload_is_told_so_a_few_times_a_second(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    query = f"access_token={phone.session()['token']}&max_ms=1500"
    told = run(phone, "upload", query, lambda connection: send_for(connection, [1 << 13]))
    assert {message["AppInfo"]["NumBytes"] for message in told} == {1 << 13}
    assert 2 <= len(told) <= 15
    assert told[-1]["AppInfo"]["ElapsedTime"] > 1_000_000


def test_bytes_of_an_unfinished_message_count_as_they_arrive(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)

    async def talk(connection: ClientConnection) -> int:
        async def halves() -> Any:
            yield os.urandom(100_000)
            await first_told.wait()
            yield os.urandom(28_000)

        first_told = asyncio.Event()
        sender = asyncio.create_task(connection.send(halves()))
        async for message in connection:
            counted: int = json.loads(message)["AppInfo"]["NumBytes"]
            if counted:
                first_told.set()
                await sender
                return counted
        return 0

    query = f"access_token={phone.session()['token']}"
    assert 90_000 < run(phone, "upload", query, talk) <= 100_000


def test_a_download_is_witnessed_by_what_its_receiver_says(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()

    async def boast(connection: ClientConnection) -> None:
        await connection.send(json.dumps({"AppInfo": {"ElapsedTime": 1_000, "NumBytes": 10**14}}))
        await receive_all(connection)

    run(phone, "download", f"access_token={granted['token']}&max_bytes=500000", boast)
    assert witness_of(phone, granted["test_id"], "download").bytes < 700_000


def test_a_client_may_leave_at_any_time(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()

    async def leave(connection: ClientConnection) -> None:
        await connection.recv()

    async def reset(connection: ClientConnection) -> None:
        opened_socket = connection.transport.get_extra_info("socket")
        opened_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        await connection.send(os.urandom(1 << 14))
        connection.transport.abort()

    run(phone, "download", f"access_token={granted['token']}", leave)
    run(phone, "upload", f"access_token={granted['token']}", reset)
    witness_of(phone, granted["test_id"], "download")
    witness_of(phone, granted["test_id"], "upload")
    sizes, _ = run(phone, "download", f"access_token={phone.session()['token']}&max_bytes=1", receive_all)
    assert sizes == [1 << 13]


def test_a_binary_message_against_the_direction_ends_the_test(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)

    async def misuse() -> int | None:
        query = f"access_token={phone.session()['token']}"
        async with opened(phone, "download", query, close_timeout=30) as connection:
            await connection.send(b"x" * 1024)
            with pytest.raises(ConnectionClosed):
                async for _ in connection:
                    pass
            code: int | None = connection.close_code
            return code

    assert asyncio.run(misuse()) == 1003


def test_a_handshake_that_breaks_the_protocol_is_refused(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    token = phone.session()["token"]
    assert refusal(phone, f"access_token={token}", None)[:2] == (400, "measurement-protocol")
    assert refusal(phone, f"access_token={token}", "other")[:2] == (400, "measurement-protocol")
    assert refusal(phone, f"access_token={token}&x={'y' * 4096}")[:2] == (400, "measurement-protocol")
    # of duplicate keys the first counts, and a key without a value is empty
    query = f"access_token={token}&max_bytes=1&max_bytes=x&flag"
    assert run(phone, "download", query, receive_all)[0] == [1 << 13]


def test_without_a_good_token_nothing_is_transferred(running_collector: Any, phone_of: Any) -> None:
    now = [NOW]
    phone = phone_of(running_collector(clock=lambda: now[0]))
    token = phone.session(NOW)["token"]
    claims = {"device": "x", "test_id": "x", "expires_at": "2099-01-01T00:00:00.000Z"}
    forged = sign_compact(json.dumps(claims).encode(), phone.key, "maille-measurement-token")
    receipt = phone.post(phone.seal([b"{}"])).text
    for query in ("", "access_token=", f"access_token={token}x", f"access_token={forged}", f"access_token={receipt}"):
        status, rule, headers = refusal(phone, query)
        assert (status, rule, headers["www-authenticate"]) == (401, "measurement-token", "Bearer")
    for _ in range(2):
        run(phone, "download", f"access_token={token}&max_bytes=1", receive_all)
    assert refusal(phone, f"access_token={token}")[:2] == (401, "measurement-token")  # used up
    now[0] = NOW + timedelta(minutes=5)
    assert refusal(phone, f"access_token={token}")[:2] == (401, "measurement-token")


def test_transfers_share_a_few_slots_and_give_them_back(running_collector: Any, phone_of: Any) -> None:
    collector = running_collector(measurement_slots=1)
    phone, other = phone_of(collector), phone_of(collector)

    async def busy() -> None:
        async with opened(phone, "download", f"access_token={phone.session()['token']}") as running:
            await running.recv()
            with pytest.raises(InvalidStatus) as refused:
                async with opened(other, "upload", f"access_token={other.session()['token']}"):
                    pass
            assert refused.value.response.status_code == 503
            assert int(refused.value.response.headers["Retry-After"]) > 0

    asyncio.run(busy())
    wait_for_a_slot(other)  # the server notices in its own time that the first one left


def test_pings_are_answered_where_udp_does_not_pass(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    base = phone.collector.base_url.replace("http", "ws", 1)

    async def ping(query: str) -> float:
        async with connect(f"{base}/v1/measurement/latency?{query}", proxy=None) as connection:
            return await (await connection.ping())

    assert asyncio.run(ping(f"access_token={phone.session()['token']}")) > 0
    with pytest.raises(InvalidStatus):
        asyncio.run(ping(""))


def test_other_clients_find_what_they_count_on(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    sizes = [1 << 13] * 20
    query = f"access_token={phone.session()['token']}&max_bytes={sum(sizes)}"
    told = run(phone, "upload", query, lambda connection: send_for(connection, sizes))
    last = told[-1]["TCPInfo"]
    assert last["BytesReceived"] > sum(sizes)
    assert last["ElapsedTime"] > 0
    assert 0 < last["MinRTT"] <= last["RTT"] + last["RTTVar"]
    _, told = run(phone, "download", f"access_token={phone.session()['token']}&max_bytes=300000", receive_all)
    assert told[-1]["AppInfo"]["NumBytes"] >= 300_000  # the last message sums up
    assert told[-1]["TCPInfo"]["BytesSent"] > 0


def test_only_payload_counts(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()

    async def talk(connection: ClientConnection) -> list[dict[str, Any]]:
        async def pieces() -> Any:
            for _ in range(64):
                yield os.urandom(128)

        for _ in range(50):
            await (await connection.ping(b"x" * 125))
        await connection.send(json.dumps({"AppInfo": {"ElapsedTime": 1, "NumBytes": 1}, "Padding": "x" * 5000}))
        await connection.send(pieces())
        return await send_for(connection, [1 << 13])

    told = run(phone, "upload", f"access_token={granted['token']}&max_bytes={1 << 14}", talk)
    assert told[-1]["AppInfo"]["NumBytes"] == 1 << 14
    assert witness_of(phone, granted["test_id"], "upload").bytes == 1 << 14


def test_a_download_is_witnessed_though_its_receiver_says_nothing(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    granted = phone.session()

    async def swallow(connection: ClientConnection) -> int:
        return sum([len(message) async for message in connection if isinstance(message, bytes)])

    received = run(phone, "download", f"access_token={granted['token']}&max_bytes=2000000", swallow)
    seen = witness_of(phone, granted["test_id"], "download")
    assert received * 0.99 <= seen.bytes <= received
    assert seen.duration_ms > 0


def test_a_client_that_does_not_read_is_left(running_collector: Any, phone_of: Any) -> None:
    phone = phone_of(running_collector(measurement_slots=1))
    host, port = phone.collector.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as deaf:
        deaf.sendall(
            f"GET /ndt/v7/download?access_token={phone.session()['token']}&max_ms=1 HTTP/1.1\r\nHost: x\r\n"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: {NDT7}\r\n\r\n".encode()
        )
        wait_for_a_slot(phone)


def test_a_message_on_the_latency_connection_is_passed_over(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    url = f"{phone.collector.base_url.replace('http', 'ws', 1)}/v1/measurement/latency"

    async def talk() -> float:
        async with connect(f"{url}?access_token={phone.session()['token']}", proxy=None) as connection:
            await connection.send(b"x")
            await connection.send("x")
            return await (await connection.ping())

    assert asyncio.run(talk()) > 0
