"""A survey on the road, with everything that goes wrong there: at the end every interval is accounted for once.

``MAILLE_SOAK_S`` makes it longer, ``MAILLE_SOAK_SEED`` another one.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from survey_rig import Modem, Receiver, Relay, free_port, install_modem_manager, maille

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.surveys import Surveys
from client_sdk.survey.accounts import unaccounted
from client_sdk.survey.control import is_running

DURATION_S = float(os.environ.get("MAILLE_SOAK_S", "25"))
SEED = int(os.environ.get("MAILLE_SOAK_SEED", "20261124"))
MODEMS = ("orange", "sfr")
KILL_EVERY_S = max(6.0, min(30.0, DURATION_S / 20))
CALM_S = max(1.3, min(8.0, DURATION_S / 40))
"""Between two things that happen, on average; a long run leaves time for what takes time to establish."""


class Road:
    """The device, its modems, its receiver, the collector and the network between."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.environment = install_modem_manager(folder)
        self.modems = [Modem(folder / "modems" / str(number), plmn) for number, plmn in enumerate(("20801", "20810"))]
        self.port, gps_port = free_port(), free_port()
        self.receiver = Receiver(folder, gps_port)
        stack.callback(self.receiver.close)
        self.collector = ExitStack()
        stack.callback(lambda: self.collector.close())
        self.start_collector()
        self.relay = Relay("127.0.0.2", self.port)
        stack.callback(self.relay.close)
        self.survey: subprocess.Popen[str] | None = None
        self.deaths = 0
        self.output = folder / "survey.log"
        self.words = [
            *("--modem", "orange=modemmanager:0", "--modem", "sfr=modemmanager:1"),
            *("--position", f"gpsd:127.0.0.1:{gps_port}"),
            *("--context", "vehicle", "--campaign", "Nièvre 2026", "--vehicle", "van 2"),
            *("--test-every", "5s", "--download-mb", "0.3", "--upload-mb", "0.3", "--json"),
        ]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(maille(*words), env=self.environment, capture_output=True, text=True, check=False)

    def start_collector(self) -> None:
        from collector.serving import running_collector
        from collector.settings import Settings

        self.collector.enter_context(running_collector(Settings(data=self.folder / "server", port=self.port)))

    def stop_collector(self) -> None:
        self.collector.close()
        self.collector = ExitStack()

    def start(self, *words: str) -> None:
        """Begin the survey, or go on with it."""
        with self.output.open("a") as log:
            self.survey = subprocess.Popen(maille("survey", *words), env=self.environment, stdout=log, stderr=log)
        until(lambda: is_running(self.folder / "home"), "the survey does not begin")

    def kill(self, number: int) -> None:
        """End the survey's process, kindly or not."""
        assert self.survey
        self.survey.send_signal(number)
        self.survey.wait()
        self.deaths += 1


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Road]:
    with ExitStack() as stack:
        made = Road(tmp_path, stack)
        yield made
        if made.survey and made.survey.poll() is None:
            made.survey.kill()
            made.survey.wait()


def until(condition: Callable[[], Any], what: str) -> None:
    deadline_s = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)


def happen(road: Road, chance: random.Random) -> None:
    """Something that happens on the road."""
    modem = chance.choice(road.modems)
    match chance.randrange(10 if DURATION_S >= 60 else 9):
        case 0:
            modem.lose_service()
        case 1 | 2:
            modem.serve(chance.choice(("lte", "5gnr")), chance.uniform(-125, -70))
        case 3:
            modem.pull_out()
        case 4:
            modem.switch_off()
        case 5:
            road.relay.cut()
        case 6:
            road.relay.restore()
        case 7:
            road.stop_collector()
            time.sleep(chance.uniform(0.0, 2.0))
            road.start_collector()
        case 9:
            assert road.survey
            road.survey.send_signal(signal.SIGSTOP)
            time.sleep(chance.uniform(4.0, 8.0))
            road.survey.send_signal(signal.SIGCONT)
        case _:
            road.run(*chance.choice((("survey", "pause"), ("survey", "test"), ("survey", "resume"), ("status",))))


def kept(road: Road) -> tuple[Surveys, Outbox]:
    outbox = Outbox(road.folder / "home" / "outbox.sqlite")
    return Surveys(outbox), outbox


@pytest.mark.timeout(max(300, round(DURATION_S * 3)))
def test_every_interval_is_accounted_for_once_on_the_device_and_on_the_server(road: Road) -> None:
    chance = random.Random(SEED)
    enrolled = road.run("device", "enrol", f"http://127.0.0.2:{road.port}", "--accept-privacy-notice")
    assert enrolled.returncode == 0, enrolled.stderr
    road.start("start", *road.words)
    until(lambda: '"sample"' in road.output.read_text(), "no sample came")

    end_s, kill_s = time.monotonic() + DURATION_S, time.monotonic() + KILL_EVERY_S
    while time.monotonic() < end_s:
        time.sleep(chance.uniform(0.1, 2 * CALM_S))
        happen(road, chance)
        if time.monotonic() >= kill_s:
            road.kill(chance.choice((signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)))
            if chance.random() < 0.5:
                time.sleep(chance.uniform(0.0, 2.0))
            road.start(*(("resume", "--json") if chance.random() < 0.5 else ("start", *road.words)))
            kill_s = time.monotonic() + chance.uniform(0.3, 2.0) * KILL_EVERY_S
    road.relay.restore()
    for modem in road.modems:
        modem.serve("lte", -99.0)
    assert road.deaths >= 2

    # the end: the survey goes on to the last, and everything arrives
    road.run("survey", "resume")  # it may be paused
    samples_before = road.output.read_text().count('"sample"')
    until(lambda: road.output.read_text().count('"sample"') > samples_before, "the survey no longer records")
    stopped = road.run("survey", "stop", "--json")
    assert json.loads(stopped.stdout) == {"state": "stopped"}, stopped.stderr
    assert road.survey
    assert road.survey.wait() == 0, road.output.read_text()[-3000:]
    uploaded = road.run("upload", "--json")
    assert uploaded.returncode == 0, uploaded.stderr

    surveys, outbox = kept(road)
    with outbox:
        (record,) = surveys.all()
        samples, events = surveys.samples(record.id), surveys.events(record.id)
    assert record.ended_ms == events[-1].at_ms
    assert (events[0].kind, events[-1].kind) == ("started", "stopped")
    # each death is noted, and explains what it cost
    interruptions = [event for event in events if event.kind == "interrupted"]
    assert len(interruptions) >= road.deaths - [event.kind for event in events].count("paused")
    fields = [(one.modem or "", one.fields or {}) for one in samples]
    assert unaccounted(fields, events, MODEMS) == []
    assert {modem for modem, _ in fields} == set(MODEMS)
    assert {one.state for one in samples} == {"sent"}

    # the server has exactly these, each once
    with sqlite3.connect(road.folder / "server" / "collector.sqlite") as server:
        rows = server.execute("SELECT id, measured_at, duration_ms, kind FROM samples").fetchall()
    server.close()
    told = sorted((one["id"], one["duration_ms"], one["kind"]) for _, one in fields)
    assert sorted((sample_id, duration_ms, kind) for sample_id, _, duration_ms, kind in rows) == told
    # what was declared once is in every sample, through every death
    assert {(one["campaign"], one["vehicle"], one["context"]) for _, one in fields} == {
        ("Nièvre 2026", "van 2", "vehicle")
    }
    # nothing is said against an operator that was not seen: no service came from a modem without service only
    for _, one in fields:
        assert (one["kind"] == "service") == (one["service_state"] in ("no_service", "limited")) or one[
            "service_state"
        ] in ("radio_off", "sim_missing")
    with suppress(KeyError):
        print(os.environ["MAILLE_SOAK_S"], summary(fields, events, road.deaths))  # noqa: T201


def summary(fields: list[tuple[str, dict[str, Any]]], events: list[Any], deaths: int) -> str:
    """What a long run saw, for who runs it."""
    kinds: dict[str, int] = {}
    for _, one in fields:
        name = f"{one['kind']} {one.get('outcome') or one['service_state']}"
        kinds[name] = kinds.get(name, 0) + 1
    return f"{deaths} deaths, {len(fields)} samples, {len(events)} events: {json.dumps(kinds)}"
