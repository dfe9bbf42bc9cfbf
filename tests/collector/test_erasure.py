"""Erasure reaches every file and every column, spares the others, and survives a restored backup."""

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import MetaData, create_engine, inspect, select

from client_sdk.sample import Sample, new_sample_id
from client_sdk.signing.base64url import decode_base64url
from client_sdk.signing.jws import verify_compact
from client_sdk.signing.keys import SigningKey
from collector.intake.accept import Bench, judge_envelope
from collector.intake.devices import find_any_key, invite
from collector.intake.erasure import erase_again
from collector.secret import load_or_create_secret
from collector.storage.archive import device_token, write_archive
from collector.storage.archive.locking import only_run
from collector.storage.devices import find_device
from collector.storage.erasures import erase_device, reapply_erasures
from collector.storage.recording import record_envelopes
from collector.storage.store import Store
from collector.storage.witnessed import Witness, find_witnesses, record_witness

MONTHS = ("2026-09", "2026-10", "2026-11")
SAMPLES = 120


def refusal(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["rule"]


def erased(phone: Any, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    payload, _ = verify_compact(
        answer.text, {phone.collector.key.public.thumbprint: phone.collector.key.public}.get, "maille-erasure-receipt"
    )
    told: dict[str, Any] = json.loads(payload)
    return told


def stored(settings: Any) -> Iterator[bytes]:
    """Everything that is kept: each file of the directory of data, and each value of each column of the database."""
    for path in settings.data.rglob("*"):
        if path.is_file():
            yield path.read_bytes()
    url = settings.database_url
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        for path in file.parent.glob(f"{file.name}*"):
            yield path.read_bytes()
    engine = create_engine(url)
    try:
        metadata = MetaData()
        metadata.reflect(engine)
        assert set(inspect(engine).get_table_names()) >= {"samples", "envelopes", "witnesses", "devices", "erasures"}
        with engine.connect() as connection:
            for table in metadata.tables.values():
                # as text, so that a column of any type is looked at
                for row in connection.execute(select(table)):
                    for value in row:
                        yield bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    finally:
        engine.dispose()


def traces(settings: Any, needles: dict[str, bytes]) -> set[str]:
    everything = b"\n".join(stored(settings))
    return {name for name, needle in needles.items() if needle in everything}


def samples_of(make_sample: Callable[..., Sample], name: str) -> list[Sample]:
    return [
        make_sample(
            id=new_sample_id(1_790_000_000_000 + number * 40_000_000 + len(name)),
            measured_at=f"{MONTHS[number % 3]}-{1 + number % 28:02d}T08:00:{number % 60:02d}.000Z",
            device_model=f"Model {name}",
            campaign=f"Campaign {name}",
            latitude=47.0 + number / 1000,
            longitude=3.0,
        )
        for number in range(SAMPLES)
    ]


def test_nothing_of_an_erased_device_is_left_anywhere(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone, other = phone_of(collector, enrolled=False), phone_of(collector)
    code, _ = invite(collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    assert phone.enrol(invitation=code, key_created_at="2026-09-01T06:07:08.123Z").status_code == 201
    first, second = phone.key, SigningKey.generate()
    mine, theirs = samples_of(make_sample, "Zaphod-1"), samples_of(make_sample, "neighbour")
    for start in range(0, SAMPLES, 12):  # in turns, so that rows of both lie on the same pages
        if start == SAMPLES // 2:
            assert phone.rotate(second).status_code == 201
            phone.key = second
        phone.send(mine[start : start + 12])
        other.send(theirs[start : start + 12])
    for device in (phone, other):
        witness = Witness(
            device=device.key.public.thumbprint,
            test_id=f"test {device.key.public.thumbprint}",
            direction="download",
            started_at=datetime(2026, 11, 20, tzinfo=UTC),
            bytes=1,
            duration_ms=1,
        )
        record_witness(collector.store, witness)
    settings = collector.settings
    write_archive(collector.store, settings.archive, load_or_create_secret(settings.device_token_key))
    token_key = load_or_create_secret(settings.device_token_key)
    needles = {
        "model": b"Model Zaphod-1",
        "campaign": b"Campaign Zaphod-1",
        "first thumbprint": first.public.thumbprint.encode(),
        "second thumbprint": second.public.thumbprint.encode(),
        "first key": first.public.jwk["x"].encode(),
        "second key": second.public.jwk["x"].encode(),
        "raw key": decode_base64url(second.public.jwk["x"]),
        "first token": device_token(token_key, first.public.thumbprint).encode(),
        "second token": device_token(token_key, second.public.thumbprint).encode(),
        **{f"sample {number}": sample.id.encode() for number, sample in enumerate(mine)},
    }
    before = traces(settings, needles)
    assert before >= needles.keys() - {"raw key", "second token", "first token"}
    assert before & {"first token", "second token"}

    told = erased(phone, phone.erase())

    assert (told["device"], told["samples"], told["envelopes"]) == (second.public.thumbprint, SAMPLES, 10)
    wait_until(lambda: not list(archived(settings, phone)) and not list(Path(settings.archive).glob(".aside-*")))
    assert traces(settings, needles) == set()
    digests = {hashlib.sha256(key.public.thumbprint.encode()).hexdigest() for key in (first, second)}
    lines = [json.loads(line) for line in settings.erasures.read_text().splitlines()]
    assert {line["thumbprint_sha256"] for line in lines} == digests
    assert sum(line["samples"] for line in lines) == SAMPLES
    assert all(line.keys() == {"thumbprint_sha256", "erased_at", "samples", "envelopes"} for line in lines)
    assert settings.erasures.stat().st_mode & 0o777 == 0o600
    # the other is whole, in the database and in the archive
    assert collector.store.count_samples() == SAMPLES
    kept = {f"sample {number}": sample.id.encode() for number, sample in enumerate(theirs)}
    assert traces(settings, kept) == kept.keys()
    assert sum(month.samples for month in collector.store.months()) == SAMPLES
    assert {verdict.verdict for verdict in other.send(theirs[:5]).verdicts} == {"duplicate"}
    # the key is gone, and yet it may ask again
    assert erased(phone, phone.erase()) == told
    assert refusal(phone.post(phone.seal(mine[:1]))) == (401, "jws-unknown-key")


def archived(settings: Any, phone: Any) -> Iterator[Path]:
    """Files of the archive that still tell the model; those that are being written aside come and go."""
    for path in Path(settings.archive).glob("measured_month=*/*.parquet"):
        if b"Model Zaphod-1" in path.read_bytes():
            yield path


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_restored_backup_forgets_again_at_its_start(
    phone_of: Any,
    make_sample: Callable[..., Sample],
    tmp_path: Path,
    database_url: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from collector.serving import running_collector as serve
    from collector.settings import Settings

    settings = Settings(data=tmp_path / "data", database_url=database_url, port=0, echo_port="off")
    backup = tmp_path / "backup"
    with serve(settings) as collector:
        phone, other = phone_of(collector), phone_of(collector)
        phone.send([make_sample(), make_sample()])
        other.send([make_sample()])
        write_archive(collector.store, settings.archive, load_or_create_secret(settings.device_token_key))
        saved = save(collector.store, backup)
        told = erased(phone, phone.erase())
        assert (told["samples"], told["envelopes"]) == (2, 1)
    with closing(Store(database_url)) as store:
        restore(store, backup, saved)
    with closing(Store(database_url)) as store:
        assert store.count_samples() == 3
        assert find_device(store, phone.key.public.thumbprint) is not None
    assert "erased again" not in caplog.text
    with serve(settings) as collector:
        assert "1 keys of erased devices had come back" in caplog.text
        assert collector.store.count_samples() == 1
        assert find_device(collector.store, phone.key.public.thumbprint) is None
        assert find_device(collector.store, other.key.public.thumbprint) is not None
        phone.collector, phone.http.base_url = collector, collector.base_url
        assert erased(phone, phone.erase()) == told
        assert phone.enrol().status_code == 201
        phone.send([make_sample()])
    with serve(settings) as collector:  # what it sent since its erasure stays
        assert collector.store.count_samples() == 2


def test_erasures_that_wait_for_the_archive_stop_nothing_else(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    other = phone_of(collector)
    other.send([make_sample()])
    settings = collector.settings
    write_archive(collector.store, settings.archive, load_or_create_secret(settings.device_token_key))
    leaving = [phone_of(collector) for _ in range(45)]  # more than there are threads, or connections
    with closing(Store(settings.database_url)) as elsewhere, only_run(elsewhere.engine):
        for phone in leaving:
            erased(phone, phone.erase())
        assert [verdict.verdict for verdict in other.send([make_sample()]).verdicts] == ["stored"]
        assert other.access().status_code == 200


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_comes_of_a_restored_device_while_it_is_erased_again_goes_too(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone, store, file = phone_of(collector), collector.store, collector.settings.erasures
    thumbprint = phone.key.public.thumbprint
    tombstone = {"thumbprint_sha256": hashlib.sha256(thumbprint.encode()).hexdigest(), "samples": 0, "envelopes": 0}
    file.write_text(json.dumps(tombstone | {"erased_at": "2099-01-01T00:00:00.000Z"}) + "\n")
    envelope = phone.seal([make_sample()])
    bench = Bench(partial(find_any_key, store), partial(find_witnesses, store))
    judged = judge_envelope(envelope.body, envelope.signature, datetime.now(UTC), bench)

    with ThreadPoolExecutor(1) as another_worker:
        erasing: list[Future[int]] = []

        class EraseMeanwhile:
            def charge(self, *_: Any) -> None:
                erasing.append(another_worker.submit(reapply_erasures, store, file))
                wait_until(waits_for_a_lock)

            def give_back(self, *_: Any) -> None: ...

        def waits_for_a_lock() -> bool:
            with store.reading() as connection:
                return bool(connection.exec_driver_sql("SELECT 1 FROM pg_locks WHERE NOT granted").all())

        record_envelopes(store, [judged], EraseMeanwhile())
        assert erasing[0].result() == 1
    assert store.count_samples() == 0
    assert find_device(store, thumbprint) is None


def save(store: Store, backup: Path) -> dict[str, list[Any]]:
    """A backup of the database: of its file, or of its rows."""
    if store.engine.dialect.name == "sqlite":
        with closing(store.engine.raw_connection()) as connection:
            connection.cursor().execute("VACUUM INTO ?", (str(backup),))
        return {}
    metadata = MetaData()
    metadata.reflect(store.engine, only=("devices", "envelopes", "samples"))
    with store.reading() as connection:
        return {
            table.name: [
                {name: value for name, value in row.items() if name != "position"}
                for row in connection.execute(select(table)).mappings()
            ]
            for table in metadata.sorted_tables
        }


def restore(store: Store, backup: Path, saved: dict[str, list[Any]]) -> None:
    if store.engine.dialect.name == "sqlite":
        file = Path(str(store.engine.url.database))
        store.engine.dispose()
        for path in file.parent.glob(f"{file.name}-*"):
            path.unlink()
        shutil.copy(backup, file)
        return
    metadata = MetaData()
    metadata.reflect(store.engine, only=("devices", "envelopes", "samples", "erasures", "witnesses"))
    with store.writing() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        for table in metadata.sorted_tables:
            if rows := saved.get(table.name):
                connection.execute(table.insert(), rows)


def test_table_and_file_of_tombstones_make_each_other_whole(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    file = collector.settings.erasures
    first, second = phone_of(collector), phone_of(collector)
    erased(first, first.erase())
    whole = file.read_text()
    assert reapply_erasures(collector.store, file) == 0
    assert file.read_text() == whole
    file.unlink()
    assert erase_again(collector.store, collector.settings) == 0
    assert file.read_text() == whole
    file.write_text(whole + '{"thumbprint_sha256": "cut sho')
    erased(second, second.erase())
    lines = file.read_text().splitlines()
    assert [line for line in lines if line.endswith("}")] == [whole.strip(), lines[-1]]
    assert json.loads(lines[-1])["samples"] == 0
    assert reapply_erasures(collector.store, file) == 0


def test_nothing_is_erased_where_the_tombstone_cannot_be_written(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    phone = phone_of(collector)
    phone.send([make_sample()])
    nowhere = collector.settings.data / "no such folder" / "erasures.ndjson"
    with pytest.raises(FileNotFoundError):
        erase_device(collector.store, nowhere, phone.key.public.thumbprint, datetime.now(UTC))
    assert collector.store.count_samples() == 1
    assert find_device(collector.store, phone.key.public.thumbprint) is not None


def test_who_may_have_a_device_erased(collector: Any, phone_of: Any, make_sample: Callable[..., Sample]) -> None:
    phone, stranger = phone_of(collector), phone_of(collector, enrolled=False)
    phone.send([make_sample()])
    assert refusal(stranger.erase()) == (401, "jws-unknown-key")
    assert refusal(phone.erase(collector=stranger.key.public.thumbprint)) == (400, "device-request")
    assert refusal(phone.erase(requested_at="2020-01-01T00:00:00.000Z")) == (400, "device-request")
    assert refusal(phone.erase(requested_at=None)) == (400, "device-request")
    assert refusal(phone.erase(jwk=None)) == (400, "device-request")
    assert refusal(phone.erase(jwk=stranger.key.public.jwk)) == (401, "jws-unknown-key")
    assert refusal(stranger.erase(jwk=phone.key.public.jwk)) == (401, "jws-unknown-key")
    before, after = phone.key, SigningKey.generate()
    phone.rotate(after)
    assert refusal(phone.erase(key=before)) == (401, "device-replaced")
    assert refusal(phone.access(key=before)) == (401, "device-replaced")
    assert collector.store.count_samples() == 1
    assert erased(phone, phone.erase(key=after))["samples"] == 1


def test_a_revoked_device_is_still_its_owners(
    collector: Any, phone_of: Any, make_sample: Callable[..., Sample]
) -> None:
    from collector.storage.devices import revoke_device

    phone = phone_of(collector)
    phone.send([make_sample()])
    revoke_device(collector.store, phone.key.public.thumbprint, datetime.now(UTC), datetime.now(UTC))
    assert phone.access().status_code == 200
    assert erased(phone, phone.erase())["samples"] == 1


def test_a_transfer_that_ends_after_the_erasure_is_not_kept(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    erased(phone, phone.erase())
    witness = Witness(
        device=phone.key.public.thumbprint,
        test_id="t",
        direction="upload",
        started_at=datetime(2026, 11, 20, tzinfo=UTC),
        bytes=1,
        duration_ms=1,
    )
    record_witness(collector.store, witness)
    needles = {"device": phone.key.public.thumbprint.encode()}
    wait_until(lambda: traces(collector.settings, needles) == set())
