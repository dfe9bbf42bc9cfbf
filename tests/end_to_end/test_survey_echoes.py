"""Echoes of a survey over a real network that is cut, against a real collector: what is said, and what is not."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from survey_rig import Relay, free_port

from client_sdk.enrolment import enrol
from client_sdk.measurement import access, latency
from client_sdk.measurement.route import Route
from client_sdk.outbox.queue import Outbox
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey
from client_sdk.sources.reading import RadioReading
from client_sdk.survey import echoing, settling
from client_sdk.survey.channel import Channel
from client_sdk.survey.echoing import Echoes
from client_sdk.survey.fences import FenceRules
from client_sdk.survey.peer import Peer
from client_sdk.survey.settling import Undecided
from client_sdk.survey.timeline import Timeline
from client_sdk.survey.way import Way, try_connection
from collector.serving import running_collector
from collector.settings import Settings


class Network:
    """A collector behind a relay, and one modem in service whose echoes go there."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.port, self.folder = free_port(), folder
        self.server = stack.enter_context(ExitStack())
        self.start_collector()
        self.relay = Relay("127.0.0.2", self.port)
        stack.callback(self.relay.close)
        key = SigningKey.generate()
        with Outbox(folder / "outbox.sqlite") as outbox, httpx.Client() as client:
            self.peer = Peer(enrol(f"http://127.0.0.2:{self.port}", key, outbox, None, client), key, folder)
        self.samples: list[Sample] = []
        self.events: list[str] = []

    def start_collector(self) -> None:
        self.server.enter_context(running_collector(Settings(data=self.folder / "server", port=self.port)))

    # what a channel gives to its recorder
    def add(self, modem: str, samples: list[Sample], /) -> None:
        self.samples += samples

    def undecided(self, what: Undecided, /) -> None:
        pass

    def note(self, at_ms: int, kind: str, detail: str = "", /) -> None:
        self.events.append(kind)

    def told(self) -> set[tuple[str, str | None, str | None]]:
        return {(one.kind, one.outcome, one.rtt_protocol) for one in self.samples}

    async def survey(self, drive: Callable[[Callable[..., Any]], Any]) -> None:
        """Let the modem echo, its fences being half a second long, while ``drive`` does things to the network."""
        self.channel = channel = Channel("orange", {}, FenceRules(duration_s=0.5), Timeline(time.monotonic(), 0), self)
        echoes = Echoes(channel, self.peer, 10.0, lambda: Route(), lambda count: None)
        channel.open(time.monotonic())

        async def live() -> None:
            while True:
                now_s = time.monotonic()
                channel.add_reading(
                    RadioReading(
                        taken_at_s=now_s,
                        source="modemmanager",
                        service_state="in_service",
                        service_evidence="strong",
                        fields={"rat": "lte", "lte_rsrp_dbm": -99.0},
                    ),
                    now_s,
                )
                channel.advance(now_s)
                await asyncio.sleep(0.1)

        async def until(condition: Callable[[], bool]) -> None:
            async with asyncio.timeout(120):
                while not condition():
                    await asyncio.sleep(0.02)

        tasks = [asyncio.create_task(live()), asyncio.create_task(echoes.run())]
        echoes.want()
        try:
            await drive(until)
            await echoes.rest()
        finally:
            for task in tasks:
                task.cancel()
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task
        channel.close(time.monotonic())
        channel.finish()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    with ExitStack() as stack:
        yield Network(tmp_path, stack)


@pytest.fixture(autouse=True)
def _sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """An echo is lost sooner, and one second of silence is enough, so that nobody waits."""
    monkeypatch.setattr(latency, "LOSS_S", 0.4)
    monkeypatch.setattr(settling, "ECHO_TIMEOUT_S", 0.4)
    monkeypatch.setattr(access, "_TIMEOUT_S", 2.0)
    monkeypatch.setattr(settling, "NO_DATA_S", 1.0)
    monkeypatch.setattr(settling, "TRY_TIMEOUT_S", 1.0)
    monkeypatch.setattr(echoing, "FIRST_WAIT_S", 0.2)
    monkeypatch.setattr(echoing, "LONGEST_WAIT_S", 0.5)


OK = ("latency", "ok", "udp")
NO_DATA = ("latency", "no_data", "udp")


def test_a_network_that_drops_everything_is_registered_but_no_data(network: Network) -> None:
    async def drive(until: Any) -> None:
        await until(lambda: OK in network.told())
        network.relay.cut()
        await until(lambda: NO_DATA in network.told())
        before = len(network.samples)
        network.relay.restore()
        await until(lambda: OK in {(one.kind, one.outcome, one.rtt_protocol) for one in network.samples[before + 5 :]})

    asyncio.run(network.survey(drive))

    silent = [one for one in network.samples if one.outcome == "no_data"]
    assert all(one.service_state == "in_service" and one.rtt_sent == one.rtt_lost for one in silent)
    assert all((one.rtt_sent or 0) > 0 and one.rtt_median_ms is None for one in silent)
    # one run of silence, not some here and there
    outcomes = "".join({"no_data": "x", "ok": "o"}.get(one.outcome or "", "s") for one in network.samples)
    assert "xox" not in outcomes


def test_a_collector_that_is_down_is_held_against_nobody(network: Network) -> None:
    async def drive(until: Any) -> None:
        await until(lambda: OK in network.told())
        await asyncio.get_running_loop().run_in_executor(None, network.server.close)
        await until(lambda: len([one for one in network.samples if one.kind == "signal"]) >= 4)
        before = len(network.samples)
        await asyncio.get_running_loop().run_in_executor(None, network.start_collector)
        await until(lambda: any(one.outcome == "ok" for one in network.samples[before + 3 :]))

    asyncio.run(network.survey(drive))

    assert "no_data" not in {one.outcome for one in network.samples}


def test_where_udp_is_dropped_echoes_go_over_websocket_and_say_so(network: Network) -> None:
    async def drive(until: Any) -> None:
        network.relay.drops_datagrams = True
        await until(lambda: ("latency", "ok", "websocket") in network.told())

    asyncio.run(network.survey(drive))

    assert "no_data" not in {one.outcome for one in network.samples}


def test_where_nothing_passes_any_more_a_connection_that_did_says_nothing(network: Network) -> None:
    async def drive(until: Any) -> None:
        await until(lambda: OK in network.told())
        network.relay.drops_datagrams = True
        await until(lambda: network.channel.settler.blocked)
        network.relay.cut()
        await until(lambda: NO_DATA in network.told())

    asyncio.run(network.survey(drive))

    assert {one.service_state for one in network.samples} == {"in_service"}


def test_a_survey_begun_where_nothing_passes_asks_with_what_it_had(network: Network) -> None:
    async def first(until: Any) -> None:
        await until(lambda: OK in network.told())

    async def second(until: Any) -> None:
        await until(lambda: NO_DATA in network.told())
        network.relay.restore()
        await until(lambda: OK in network.told())

    asyncio.run(network.survey(first))
    network.samples.clear()
    network.relay.cut()
    network.peer = Peer(network.peer.collector, network.peer.key, network.folder)  # a process of its own
    asyncio.run(network.survey(second))

    assert {one.service_state for one in network.samples} == {"in_service"}


def test_a_connection_is_reached_refused_or_lost(network: Network) -> None:
    async def tried(way: Way | None) -> bool | None:
        assert way
        result = await try_connection(way)
        return None if result is None else result.reached

    async def drive() -> None:
        way = await network.peer.way(Route())
        assert await tried(way) is True
        network.relay.cut()
        assert await tried(way) is False
        network.relay.restore()
        assert way
        refused = Way(Route(), "127.0.0.3", (way.remote[0], "127.0.0.3", network.port))
        assert await tried(refused) is True  # a refusal is an answer
        # nothing could leave: says nothing
        assert await tried(await network.peer.way(Route("no-such-interface"))) is None

    asyncio.run(drive())
