"""A device's copy of its data is whole, verifiable and its own."""

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from client_sdk.sample import Sample
from client_sdk.signing.envelope import open_envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import open_receipt
from collector.intake.devices import invite
from collector.storage.witnessed import Witness, record_witness


def test_the_copy_holds_all_that_is_known_and_nothing_of_others(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    code, _ = invite(collector.store, "Équipe Nièvre", 1, timedelta(days=1), datetime.now(UTC))
    phone, other = phone_of(collector, enrolled=False), phone_of(collector)
    phone.enrol(invitation=code)
    before, after = phone.key, SigningKey.generate()
    first = phone.seal([make_sample(position_mock=True, latitude=47.0, longitude=3.0), b"{}"])
    phone.receipt(first)
    other.send([make_sample()])
    assert phone.rotate(after).status_code == 201
    phone.key = after
    second = phone.seal([make_sample()])
    phone.receipt(second)
    for device, test_id in ((before, "mine"), (other.key, "theirs")):
        witness = Witness(
            device=device.public.thumbprint,
            test_id=test_id,
            direction="upload",
            started_at=datetime(2026, 11, 20, tzinfo=UTC),
            bytes=9,
            duration_ms=1.5,
        )
        record_witness(collector.store, witness)
    answer = phone.access()
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as copy:
        assert copy.testzip() is None
        files = {name: copy.read(name) for name in copy.namelist()}
    device = json.loads(files.pop("device.json"))
    assert device["device"] == after.public.thumbprint
    assert (device["tier"], device["invitation"]) == ("field_team", "Équipe Nièvre")
    assert [key["thumbprint"] for key in device["keys"]] == [before.public.thumbprint, after.public.thumbprint]
    readme = files.pop("README.txt").decode()
    assert "Copie des données" in readme
    assert "Copy of your device" in readme
    samples = [json.loads(line) for line in files.pop("samples.ndjson").splitlines()]
    assert len(samples) == 2
    mocked = next(sample for sample in samples if sample["device"] == before.public.thumbprint)
    assert (mocked["flags"], mocked["excluded"], mocked["latitude"]) == ("position-mock", True, 47.0)
    (transfer,) = [json.loads(line) for line in files.pop("witnesses.ndjson").splitlines()]
    assert (transfer["test_id"], transfer["bytes"]) == ("mine", 9)
    # envelopes verify again, with what the copy itself says
    keys = {before.public.thumbprint: before.public, after.public.thumbprint: after.public}
    for envelope in (first, second):
        name = next(name for name in files if envelope.sha256 in name and name.endswith(".gz"))
        body, told = files.pop(name), json.loads(files.pop(name.removesuffix(".ndjson.gz") + ".json"))
        assert body == envelope.body
        assert gzip.decompress(body)
        assert open_envelope(body, told["signature"], keys.get).sha256 == envelope.sha256
        receipt = open_receipt(told["receipt"], collector.key.public, envelope.sha256)
        assert receipt.received_at == told["received_at"]
    assert files == {}
    assert [path for path in collector.settings.data.iterdir() if path.name.startswith("tmp")] == []


def test_a_device_without_anything_gets_a_copy_too(collector: Any, phone_of: Any) -> None:
    with zipfile.ZipFile(io.BytesIO(phone_of(collector).access().content)) as copy:
        assert copy.read("samples.ndjson") == b""
        assert sorted(copy.namelist()) == ["README.txt", "device.json", "samples.ndjson", "witnesses.ndjson"]


def test_a_stranger_gets_none(collector: Any, phone_of: Any) -> None:
    answer = phone_of(collector, enrolled=False).access()
    assert (answer.status_code, answer.json()["rule"]) == (401, "jws-unknown-key")
