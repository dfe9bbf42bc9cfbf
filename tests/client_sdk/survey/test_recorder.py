"""What a survey gives to its recorder is written, in order, whatever happens to the disk or the process."""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from survey_drive import NOON_MS

from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample, new_sample_id
from client_sdk.survey.recorder import Recorder, recover
from client_sdk.survey.settling import Undecided


@pytest.fixture
def survey(outbox: Outbox) -> str:
    return Surveys(outbox).begin({"campaign": "Nièvre"}, NOON_MS)


@pytest.fixture
def recorder(tmp_path: Path, survey: str) -> Recorder:
    return Recorder(tmp_path / "outbox.sqlite", tmp_path / "drafts.json", survey)


def numbered(new_sample: Callable[..., Sample], count: int) -> list[Sample]:
    return [new_sample(id=new_sample_id(NOON_MS + number), duration_ms=number) for number in range(count)]


def test_samples_and_events_are_written_in_order_under_their_survey(
    recorder: Recorder, outbox: Outbox, survey: str, new_sample: Callable[..., Sample]
) -> None:
    samples = numbered(new_sample, 30)

    recorder.note(NOON_MS, "started")
    for sample in samples:
        recorder.add("orange", [sample])
    recorder.add("sfr", [])
    recorder.note(NOON_MS + 9, "stopped", "by hand")
    recorder.alive(NOON_MS + 5)
    recorder.end(NOON_MS + 9)

    assert recorder.close(60)
    journal = Surveys(outbox)
    assert [(one.modem, (one.fields or {})["id"]) for one in journal.samples(survey)] == [
        ("orange", sample.id) for sample in samples
    ]
    assert [(event.at_ms, event.kind, event.detail) for event in journal.events(survey)] == [
        (NOON_MS, "started", ""),
        (NOON_MS + 9, "stopped", "by hand"),
    ]
    assert (journal.unfinished(), journal.all()[0].ended_ms) == (None, NOON_MS + 9)


def test_what_was_undecided_is_recovered_once(
    recorder: Recorder, outbox: Outbox, survey: str, tmp_path: Path, new_sample: Callable[..., Sample]
) -> None:
    orange, sfr, decided = numbered(new_sample, 3)
    recorder.undecided(Undecided("orange", (orange, decided)))
    recorder.undecided(Undecided("sfr", (sfr,)))
    recorder.add("orange", [new_sample(id=decided.id, kind="signal", duration_ms=7)])  # and then the process dies
    assert recorder.close(60)

    assert recover(outbox, tmp_path / "drafts.json", survey) == 2
    assert recover(outbox, tmp_path / "drafts.json", survey) == 0

    kept = [(one.modem, one.fields or {}) for one in Surveys(outbox).samples(survey)]
    assert {fields["id"]: modem for modem, fields in kept} == {decided.id: "orange", orange.id: "orange", sfr.id: "sfr"}
    assert next(fields for _, fields in kept if fields["id"] == decided.id)["duration_ms"] == 7


def test_nothing_is_recovered_from_another_survey_or_from_a_torn_file(outbox: Outbox, tmp_path: Path) -> None:
    drafts = tmp_path / "drafts.json"
    for content in ("", "{", "[]", '{"survey": "s"}', '{"survey": "s", "modems": {"m": [{"id": 1}]}}'):
        drafts.write_text(content)
        assert recover(outbox, drafts, "s") == 0
    drafts.write_text('{"survey": "another", "modems": {"m": []}}')
    assert recover(outbox, drafts, "s") == 0
    assert recover(outbox, tmp_path / "missing.json", "s") == 0


DISK_FULL = """
import resource, signal, sys
from pathlib import Path
from client_sdk.sample import Sample, new_sample_id
from client_sdk.survey import recorder as module
from client_sdk.survey.recorder import Recorder

module.RETRY_S = 0.01
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder, survey = Path(sys.argv[1]), sys.argv[2]
recorder = Recorder(folder / "outbox.sqlite", folder / "drafts.json", survey)
made = 0

def add():
    global made
    made += 1
    fields = {"measured_at": "2026-11-23T16:34:00.123Z", "duration_ms": made, "campaign": "x" * 60}
    recorder.add("orange", [Sample(id=new_sample_id(made), seq=0, kind="signal", **fields)])

while recorder.trouble is None:
    add()
print(recorder.trouble, flush=True)
for _ in range(5):
    add()
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(recorder.close(60), recorder.trouble, made, flush=True)
"""


def test_a_full_disk_is_told_and_nothing_is_lost(outbox: Outbox, tmp_path: Path, survey: str) -> None:
    # a limit on the size of files stands for the disk: SQLite meets the same failure of write(2)
    limit = (tmp_path / "outbox.sqlite").stat().st_size + 400_000
    done = subprocess.run(
        [sys.executable, "-c", DISK_FULL, tmp_path, survey],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY)),
    )

    assert done.returncode == 0, done.stderr
    told, end = done.stdout.splitlines()
    assert "disk" in told
    closed, trouble, made = end.split()
    assert (closed, trouble) == ("True", "None")
    durations = [(one.fields or {})["duration_ms"] for one in Surveys(outbox).samples(survey)]
    assert durations == list(range(1, int(made) + 1))


KILLED = """
import sys
from pathlib import Path
from client_sdk.sample import Sample, new_sample_id
from client_sdk.survey.recorder import Recorder
from client_sdk.survey.settling import Undecided

folder, survey = Path(sys.argv[1]), sys.argv[2]
recorder = Recorder(folder / "outbox.sqlite", folder / "drafts.json", survey)
ids, number = [new_sample_id(n) for n in range(100_000)], 0
waiting = []
while number < len(ids):
    # one fence closes, the one before it is decided: what a channel does
    fields = {"measured_at": "2026-11-23T16:34:00.123Z", "duration_ms": number}
    waiting.append(Sample(id=ids[number], seq=0, kind="signal", **fields))
    recorder.undecided(Undecided("orange", tuple(waiting)))
    if len(waiting) > 2:
        recorder.add("orange", [waiting.pop(0)])
    number += 1
    while len(recorder._jobs) > 2:
        pass
    print(number, flush=True)
"""


def test_a_process_killed_at_any_instant_loses_and_repeats_nothing_that_had_closed(
    outbox: Outbox, tmp_path: Path, survey: str
) -> None:
    known = 0
    for life in range(4):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, tmp_path, survey], stdout=subprocess.PIPE, text=True
        ) as one:
            assert one.stdout
            for _ in range(20):
                closed = int(one.stdout.readline())
            time.sleep(0.005 * life)
            one.send_signal(signal.SIGKILL)
            closed = max([closed, *map(int, one.stdout.read().split())])
        assert json.loads((tmp_path / "drafts.json").read_text())["survey"] == survey
        recover(outbox, tmp_path / "drafts.json", survey)
        samples: list[Any] = Surveys(outbox).samples(survey)[known:]
        durations = sorted(one.fields["duration_ms"] for one in samples)
        # at most the two jobs on their way to the disk are missing, at the end
        assert durations == list(range(len(durations)))
        assert closed - 3 <= len(durations) <= closed + 3
        known += len(durations)
