"""Samples that travel on a stick: anyone carries them, nobody changes them, and their receipts come home."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.outbox.carrying import carry, export, settle_from
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.queue import Counts, Outbox, PinnedCollector
from client_sdk.outbox.sealed_files import read_sealed
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey

NewSample = Callable[..., Sample]


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    return tmp_path / "stick"


@pytest.fixture
def enrolled(outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any) -> PinnedCollector:
    return enrol(live_collector.base_url, key, outbox, client=client)


def test_samples_go_out_and_receipts_come_home(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    enrolled: PinnedCollector,
    live_collector: Any,
    new_sample: NewSample,
) -> None:
    outbox.add(new_sample() for _ in range(1203))
    written = export(outbox, key, stick)
    assert (written.envelopes, written.samples, written.already) == (3, 1203, 0)
    assert outbox.counts() == Counts(pending=1203, in_flight=0, sent=0, rejected=0)
    names = sorted(path.name for path in stick.iterdir())
    assert len(names) == 6
    assert all(name.startswith(f"maille-{key.public.thumbprint[:8]}-") for name in names)
    lines = [json.loads(line)["seq"] for name in names if name.endswith(".gz") for line in _lines(stick / name)]
    assert sorted(lines) == list(range(1203))

    # the carrier has no key and no outbox: only the collector's address and key
    carried = carry(stick, [enrolled], client, quiet_folder=tmp_path / "carrier")
    assert (carried.envelopes, carried.stored, carried.duplicates, carried.troubles) == (3, 1203, 0, ())
    assert live_collector.store.count_samples() == 1203
    assert len(list(stick.glob("*.jws"))) == 3
    assert carry(stick, [enrolled], client, quiet_folder=tmp_path / "carrier").arrived_before == 3

    home = settle_from(outbox, key.public, stick)
    assert (home.sent, home.duplicates, home.rejected, home.disbelieved) == (1203, 0, 0, ())
    assert outbox.counts() == Counts(pending=0, in_flight=0, sent=1203, rejected=0)
    assert len(outbox.receipts()) == 3
    assert settle_from(outbox, key.public, stick).sent == 0
    assert export(outbox, key, stick).samples == 0


def _lines(path: Path) -> list[bytes]:
    return gzip.decompress(path.read_bytes()).splitlines()


def test_samples_that_also_went_by_network_are_told_as_known(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    enrolled: PinnedCollector,
    live_collector: Any,
    new_sample: NewSample,
) -> None:
    outbox.add(new_sample() for _ in range(10))
    export(outbox, key, stick)
    outbox.add(new_sample() for _ in range(5))
    again = export(outbox, key, stick)
    assert (again.envelopes, again.samples, again.already) == (1, 5, 10)
    carry(stick, [enrolled], client, quiet_folder=tmp_path)
    sent = upload(outbox, key, client).checked()
    assert (sent.sent, sent.duplicates) == (0, 15)  # the stick was faster
    assert settle_from(outbox, key.public, stick) == settle_from(outbox, key.public, tmp_path)  # nothing is left
    assert live_collector.store.count_samples() == 15


def test_what_two_collectors_wait_for_travels_once(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    enrolled: PinnedCollector,
    pinned: Callable[..., PinnedCollector],
    new_sample: NewSample,
) -> None:
    outbox.add([new_sample()])
    upload(outbox, key, client).checked()
    other = pinned("https://other.example", SigningKey.generate().public)
    outbox.pin(other)
    outbox.add([new_sample()])
    written = export(outbox, key, stick)
    assert (written.envelopes, written.samples) == (2, 2)
    wanted = sorted((len(file.addressees), file.samples) for file in read_sealed(stick)[0])
    assert wanted == [(1, 1), (2, 1)]
    carried = carry(stick, [enrolled], client, quiet_folder=tmp_path)
    assert (carried.envelopes, carried.unknown) == (1, ("https://other.example",))
    settle_from(outbox, key.public, stick)
    assert [Delivery(outbox, one).counts().pending for one in (enrolled, other)] == [0, 2]


def test_a_stranger_on_the_stick_stops_nobody(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    enrolled: PinnedCollector,
    new_sample: NewSample,
) -> None:
    with Outbox(tmp_path / "stranger.sqlite") as strange:
        strange.pin(enrolled)
        strange.add([new_sample()])
        export(strange, SigningKey.generate(), stick)
    outbox.add([new_sample()])
    export(outbox, key, stick)
    (stick / "maille-broken.json").write_text("{}")
    (stick / "notes.txt").write_text("mine")
    carried = carry(stick, [enrolled], client, quiet_folder=tmp_path)
    assert (carried.stored, [path.name for path in carried.unusable]) == (1, ["maille-broken.json"])
    (trouble,) = carried.troubles
    assert "is not an enrolled device" in str(trouble.error)


def test_what_was_changed_on_the_way_is_not_believed(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    enrolled: PinnedCollector,
    new_sample: NewSample,
) -> None:
    outbox.add([new_sample(), new_sample()])
    export(outbox, key, stick)
    (body,) = stick.glob("*.gz")
    carry(stick, [enrolled], client, quiet_folder=tmp_path)
    (receipt,) = stick.glob("*.jws")
    forged = receipt.read_text()
    receipt.write_text(forged[:-4] + ("AAAA" if not forged.endswith("AAAA") else "BBBB"))
    assert settle_from(outbox, key.public, stick).disbelieved == (receipt,)
    assert outbox.counts().pending == 2
    receipt.write_text(forged)
    original = body.read_bytes()
    body.write_bytes(original + b"x")
    assert read_sealed(stick)[1] == [body.with_name(body.name.removesuffix(".ndjson.gz") + ".json")]
    assert settle_from(outbox, key.public, stick).sent == 0
    body.write_bytes(original)
    assert settle_from(outbox, key.public, stick).sent == 2


def test_an_export_cut_short_is_no_envelope(
    outbox: Outbox, key: SigningKey, stick: Path, enrolled: PinnedCollector, new_sample: NewSample
) -> None:
    outbox.add([new_sample()])
    export(outbox, key, stick)
    (description,) = stick.glob("*.json")
    description.unlink()  # it is written last
    assert read_sealed(stick) == ([], [])
    assert export(outbox, key, stick).samples == 1
    assert len(read_sealed(stick)[0]) == 1


def test_a_collector_that_is_down_is_asked_once(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    stick: Path,
    tmp_path: Path,
    serve: Callable[..., str],
    pinned: Callable[..., PinnedCollector],
    new_sample: NewSample,
) -> None:
    seen: list[Any] = []
    busy = pinned(serve(lambda request: (seen.append(request), (503, {}, b""))[1]), SigningKey.generate().public)
    outbox.pin(busy)
    outbox.add(new_sample() for _ in range(1000))
    export(outbox, key, stick)
    carried = carry(stick, [busy], client, quiet_folder=tmp_path)
    assert (carried.envelopes, len(carried.troubles), len(seen)) == (0, 1, 1)
