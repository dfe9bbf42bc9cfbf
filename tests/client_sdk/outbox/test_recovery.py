"""A damaged outbox is set aside, and what can be read of it goes on."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.hiding import hide
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import OutboxError
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import LineVerdict, Receipt

NewSample = Callable[..., Sample]
COUNT = 2000


@pytest.fixture
def filled(
    tmp_path: Path, key: SigningKey, pinned: Callable[[str, VerifyingKey], PinnedCollector], new_sample: NewSample
) -> Path:
    """An outbox with 2,000 samples of a survey, the first 500 of them sent to one of two collectors."""
    path = tmp_path / "outbox.sqlite"
    with Outbox(path) as outbox:
        for name in ("one", "two"):
            outbox.pin(pinned(f"https://{name}.example", SigningKey.generate().public))
        hide(outbox, -21.1, 55.5, 500)
        survey = Surveys(outbox).begin({"campaign": "été"}, 1_000)
        Surveys(outbox).note(survey, 1_000, "started")
        outbox.add((new_sample() for _ in range(COUNT)), survey=survey, modem="a")
        delivery = Delivery(outbox, outbox.collectors()[0])
        with Holder(tmp_path) as holder:
            envelope = delivery.lease(key, holder)
        assert envelope
        verdicts = tuple(LineVerdict(line=line, verdict="stored") for line in range(1, 501))
        receipt = Receipt(envelope_sha256=envelope.sha256, received_at="then", verdicts=verdicts)
        delivery.settle(envelope, receipt, "jws")
        outbox.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def lines_of(path: Path) -> dict[int, tuple[str, bytes]]:
    file = sqlite3.connect(path)
    try:
        return {seq: (sample_id, line) for seq, sample_id, line in file.execute("SELECT seq, id, line FROM samples")}
    finally:
        file.close()


def pages_of(path: Path, table: str) -> list[int]:
    """Offsets of a table's pages in the file."""
    file = sqlite3.connect(path)
    try:
        page_bytes = file.execute("PRAGMA page_size").fetchone()[0]
        root = file.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()[0]
    finally:
        file.close()
    content = path.read_bytes()
    kinds = {0x0D: "leaf", 0x05: "interior"}
    found, waiting = [], [root]
    while waiting:
        number = waiting.pop()
        start = (number - 1) * page_bytes
        if kinds.get(content[start]) == "interior":
            cells = int.from_bytes(content[start + 3 : start + 5], "big")
            places = [
                start + int.from_bytes(content[start + 12 + 2 * i : start + 14 + 2 * i], "big") for i in range(cells)
            ]
            waiting += [int.from_bytes(content[place : place + 4], "big") for place in places]
            waiting.append(int.from_bytes(content[start + 8 : start + 12], "big"))
        elif kinds.get(content[start]) == "leaf":
            found.append(start)
    return sorted(found)


def damage(path: Path, *starts: int, length: int = 4096) -> bytes:
    content = bytearray(path.read_bytes())
    for start in starts:
        content[start : start + length] = b"\xff" * length
    path.write_bytes(content)
    return bytes(content)


def test_the_samples_around_damaged_pages_go_on_as_they_were(
    filled: Path, key: SigningKey, new_sample: NewSample
) -> None:
    before = lines_of(filled)
    pages = pages_of(filled, "samples")
    assert len(pages) > 50
    content = damage(filled, pages[3], pages[20], pages[21], pages[40])
    with Outbox(filled) as outbox:
        assert outbox.damage
        assert outbox.damage.aside.read_bytes() == content
        assert (outbox.damage.complete, outbox.damage.collectors) == (False, 2)
        assert COUNT * 0.85 < outbox.damage.samples < COUNT
        after = lines_of(filled)
        assert len(after) == outbox.damage.samples
        assert after.items() <= before.items()  # the same numbers and bytes: a collector knows them again
        first, second = (Delivery(outbox, one).counts() for one in outbox.collectors())
        assert (first.sent + first.pending, second.sent, second.pending) == (len(after), 0, len(after))
        assert 400 < first.sent <= 500
        (survey,) = Surveys(outbox).all()
        assert survey.options == {"campaign": "été"}
        assert len(Surveys(outbox).samples(survey.id)) == len(after)
        assert outbox.connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert outbox.add([new_sample(latitude=-21.1, longitude=55.5)]).hidden == 1  # still
        outbox.add([new_sample()])
        assert max(lines_of(filled)) > COUNT  # the counter never goes back
        with Holder(filled.parent) as holder:
            assert Delivery(outbox, outbox.collectors()[0]).lease(key, holder)
    with Outbox(filled) as outbox:
        assert outbox.damage is None


def test_a_file_of_which_nothing_can_be_read_begins_anew(filled: Path, new_sample: NewSample) -> None:
    content = damage(filled, 0)
    with Outbox(filled) as outbox:
        assert outbox.damage
        assert (outbox.damage.samples, outbox.damage.complete, outbox.damage.collectors) == (0, False, 0)
        assert outbox.damage.aside.read_bytes() == content
        outbox.add([new_sample()])
        assert min(lines_of(filled)) > COUNT


def test_a_damaged_index_loses_nothing(filled: Path) -> None:
    before = lines_of(filled)
    file = sqlite3.connect(filled)
    root = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'samples_by_survey'").fetchone()[0]
    file.close()
    damage(filled, (root - 1) * 4096)
    with Outbox(filled) as outbox:
        assert outbox.damage
        assert (outbox.damage.samples, outbox.damage.complete) == (COUNT, True)
        assert lines_of(filled) == before


def test_an_outbox_of_the_first_version_is_read_back_too(tmp_path: Path, first_version: Callable[..., object]) -> None:
    path = tmp_path / "outbox.sqlite"
    first_version(path)
    file = sqlite3.connect(path)
    root = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'samples_by_state'").fetchone()[0]
    file.close()
    damage(path, (root - 1) * 4096)
    with Outbox(path) as outbox:
        assert outbox.damage
        assert (outbox.damage.samples, outbox.damage.complete) == (6, True)
        assert outbox.counts().pending == 3


def test_a_file_in_use_elsewhere_is_not_set_aside(filled: Path) -> None:
    held = "from client_sdk.outbox.queue import Outbox; import pathlib, sys; o = Outbox(pathlib.Path(sys.argv[1])); "
    command = [sys.executable, "-c", held + "print(flush=True); sys.stdin.read()", str(filled)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        damage(filled, *pages_of(filled, "samples")[3:6])
        with pytest.raises(OutboxError, match="is damaged, and another program is using it"):
            Outbox(filled)
        other.communicate()
    with Outbox(filled) as outbox:
        assert outbox.damage


@pytest.mark.parametrize("killed_after", ["reading", "the first renaming", "the second renaming"])
def test_being_killed_while_it_reads_back_loses_nothing(filled: Path, killed_after: str) -> None:
    content = damage(filled, *pages_of(filled, "samples")[3:6])
    copy = filled.with_name("copy.sqlite")
    shutil.copy(filled, copy)
    with Outbox(copy) as outbox:
        assert outbox.damage
        samples = outbox.damage.samples
        outbox.connection.execute("PRAGMA journal_mode = DELETE")
    recovered = filled.with_name("outbox.sqlite.recovered")
    if killed_after == "reading":
        recovered.with_name(f"{recovered.name}.partial").write_bytes(b"half")
    else:
        os.replace(copy, recovered)
    if killed_after == "the second renaming":
        filled.rename(filled.with_name("outbox.sqlite.damaged-1"))
    with Outbox(filled) as outbox:
        assert outbox.damage
        assert outbox.damage.samples == samples
        assert len(lines_of(filled)) == samples
    assert not recovered.exists()
    assert content in [path.read_bytes() for path in filled.parent.glob("outbox.sqlite.damaged-*")]


def test_damage_that_shows_while_in_use_is_told(filled: Path, new_sample: NewSample) -> None:
    with Outbox(filled) as outbox:
        outbox.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        outbox.connection.execute("PRAGMA cache_size = 1")
        damage(filled, *pages_of(filled, "samples")[-3:])
        with pytest.raises(OutboxError, match=r"is damaged .* then run `maille status`"):
            outbox.add([new_sample()])
