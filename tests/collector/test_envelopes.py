"""Envelopes over HTTP, on both databases: stored once, answered always, one bad line blocks no other."""

import gzip
import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from client_sdk.sample import FIELDS, Sample, encode, new_sample_id
from client_sdk.signing.envelope import MAX_LINE_BYTES, TYPE, Envelope, open_envelope
from client_sdk.signing.jws import sign_detached
from client_sdk.signing.receipt import LineVerdict, open_receipt
from collector.storage.tables import envelopes, samples

MakeSample = Callable[..., Sample]

FULL: dict[str, Any] = {
    "id": "01a20c82-e10c-7cbf-b223-2b31c3430743",
    "seq": 2**53 - 1,
    "kind": "throughput",
    "measured_at": "2026-11-20T08:00:00.123Z",
    "duration_ms": 86_400_000,
    "client": "maille 0.1 “é” ✓",
    "campaign": "Nièvre",
    "import_format": "gnettrack",
    "import_sha256": "a" * 64,
    "device_model": "m",
    "device_os": "o",
    "latitude": 47.123456789012345,
    "longitude": -3.1,
    "accuracy_m": 4.5,
    "altitude_m": -12.25,
    "speed_mps": 0.1,
    "position_age_ms": 0,
    "position_source": "gnss",
    "position_mock": False,
    "context": "vehicle",
    "antenna": "external",
    "sim_plmn": "20801",
    "serving_plmn": "310410",
    "roaming": True,
    "service_state": "in_service",
    "service_evidence": "strong",
    "service_polls": 3,
    "rat": "nr",
    "nr_mode": "nsa",
    "gsm_rssi_dbm": -120.0,
    "umts_rscp_dbm": -100.5,
    "umts_ecno_db": -10.0,
    "lte_rsrp_dbm": -101.1,
    "lte_rsrq_db": -12.2,
    "lte_sinr_db": 3.3,
    "lte_rssi_dbm": -70.7,
    "nr_ss_rsrp_dbm": -99.9,
    "nr_ss_rsrq_db": -11.0,
    "nr_ss_sinr_db": 1e-300,
    "lte_eci": 2**28 - 2,
    "lte_tac": 65_533,
    "lte_pci": 503,
    "lte_earfcn": 262_143,
    "nr_nci": 2**36 - 1,
    "nr_tac": 2**24 - 3,
    "nr_pci": 1007,
    "nr_arfcn": 3_279_165,
    "outcome": "ok",
    "test_engine": "simple",
    "test_server": "h",
    "test_id": "t",
    "download_bps": 1e11,
    "download_bytes": 10**12,
    "download_duration_ms": 0.1,
    "download_lower_bound": True,
    "upload_bps": 0.0,
    "upload_bytes": 0,
    "upload_duration_ms": 600_000.0,
    "upload_lower_bound": False,
    "rtt_median_ms": 30.3,
    "rtt_min_ms": 20.2,
    "rtt_p95_ms": 90.9,
    "rtt_jitter_ms": 1.1,
    "rtt_sent": 10,
    "rtt_lost": 0,
    "rtt_protocol": "websocket",
    "web_loaded_5s": False,
    "web_loaded_10s": True,
    "web_duration_ms": 7_000.5,
    "observed_download_bps": 1.5,
    "observed_upload_bps": 2.5,
    "vehicle": "van",
    "equipment": "EG25-G, roof antenna",
    "scheduled": True,
    "accuracy_kind": "android_68",
    "service_reject_cause": 15,
    "signal_age_ms": 900,
    "test_path": "mobile",
    "test_tls": True,
    "test_streams": 1,
    "test_calibration": False,
    "ip_family": "ipv6",
    "rtt_download_median_ms": 61.5,
    "rtt_upload_median_ms": 75.25,
    **{
        f"{direction}_{name}": value
        for direction in ("download", "upload")
        for name, value in {
            "whole_bps": 6800000.5,
            "ramp_ms": 1000.0,
            "stop": "ci",
            "stability": 0.0875,
            "confidence": "high",
            "would_stop_ms": 4500.0,
            "would_stop_bps": 7100000.25,
            "buckets": "0 41203 512000",
            "interface_bytes": 9400000,
        }.items()
    },
}


def count(collector: Any, table: Any) -> int:
    with collector.store.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def outcomes(verdicts: tuple[LineVerdict, ...]) -> list[str]:
    return [verdict.verdict for verdict in verdicts]


def test_every_field_comes_back_from_the_database_as_it_was_sent(collector: Any, phone_of: Any) -> None:
    assert set(FULL) == set(FIELDS)
    sample = Sample(**FULL)
    assert outcomes(phone_of(collector).send([sample]).verdicts) == ["stored"]
    (row,) = collector.store.samples_of_month("2026-11")
    expected = FULL | {"measured_at": datetime(2026, 11, 20, 8, 0, 0, 123_000, tzinfo=UTC)}
    stored = {name: row[name] for name in FIELDS}
    assert stored == expected
    assert {name: type(value) for name, value in stored.items()} == {
        name: type(value) for name, value in expected.items()
    }


def test_absent_is_stored_as_absent(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    sample = make_sample()
    phone_of(collector).send([sample])
    (row,) = collector.store.samples_of_month("2026-11")
    assert {name for name in FIELDS if row[name] is None} == {name for name in FIELDS if getattr(sample, name) is None}
    assert row["h3_cell"] is None


def test_what_intake_adds(running_collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    now = datetime(2026, 11, 21, 9, 0, 0, 987_654, tzinfo=UTC)
    collector = running_collector(clock=lambda: now)
    phone = phone_of(collector)
    plausible = make_sample(latitude=47.0, longitude=3.0, measured_at="2026-10-31T23:59:59.999Z")
    mocked = make_sample(latitude=47.0, longitude=3.0, position_mock=True, accuracy_m=80.0)
    receipt = phone.send([plausible, mocked])
    assert receipt.received_at == "2026-11-21T09:00:00.987Z"
    (first,) = collector.store.samples_of_month("2026-10")
    (second,) = collector.store.samples_of_month("2026-11")
    assert (first["flags"], first["excluded"]) == ("", False)
    assert (second["flags"], second["excluded"]) == ("position-inaccurate position-mock", True)
    assert first["h3_cell"] == 622052315906244607
    assert first["received_at"] == datetime(2026, 11, 21, 9, 0, 0, 987_000, tzinfo=UTC)
    assert (first["device"], first["tier"]) == (phone.key.public.thumbprint, "volunteer")


def test_the_tier_of_a_sample_is_the_devices_when_it_sent(
    collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    from datetime import timedelta

    from collector.intake.devices import invite

    phone = phone_of(collector)
    phone.send([make_sample(measured_at="2026-09-01T00:00:00.000Z")])
    code, _ = invite(collector.store, "team", 1, timedelta(days=1), datetime.now(UTC))
    phone.enrol(invitation=code)
    phone.send([make_sample(measured_at="2026-10-01T00:00:00.000Z")])
    tiers = [row["tier"] for month in ("2026-09", "2026-10") for row in collector.store.samples_of_month(month)]
    assert tiers == ["volunteer", "field_team"]


def test_the_same_envelope_a_hundred_times(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    envelope = phone.seal([make_sample(), make_sample(), b"{}"])
    answers = {phone.post(envelope).content for _ in range(100)}
    assert len(answers) == 1
    receipt = open_receipt(answers.pop().decode(), collector.key.public, envelope.sha256)
    assert outcomes(receipt.verdicts) == ["stored", "stored", "rejected"]
    assert count(collector, samples) == 2
    assert count(collector, envelopes) == 1


def test_the_same_envelope_from_eight_threads_at_once(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    for _ in range(5):
        envelope = phone.seal([make_sample() for _ in range(50)])
        before = count(collector, samples)
        with ThreadPoolExecutor(8) as threads:
            answers = {answer.content for answer in threads.map(phone.post, [envelope] * 16)}
        assert len(answers) == 1
        receipt = open_receipt(answers.pop().decode(), collector.key.public, envelope.sha256)
        assert outcomes(receipt.verdicts) == ["stored"] * 50
        assert count(collector, samples) == before + 50


def test_two_collectors_on_one_database_store_an_envelope_once(
    running_collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    one, other = running_collector(), running_collector()
    assert one.key.public.thumbprint == other.key.public.thumbprint
    phone = phone_of(one)
    twin = phone_of(other, enrolled=False)
    for _ in range(5):
        envelope = phone.seal([make_sample() for _ in range(50)])
        with ThreadPoolExecutor(8) as threads:
            answers = {a.content for a in threads.map(lambda to: to.post(envelope), [phone, twin] * 4)}  # noqa: B023
        assert len(answers) == 1
    assert count(one, samples) == 250


def test_overlapping_batches_at_once_store_each_sample_once(
    collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    phone = phone_of(collector)
    pool = [make_sample() for _ in range(60)]
    batches = [phone.seal(pool[start : start + 30]) for start in range(0, 31, 5)]
    with ThreadPoolExecutor(7) as threads:
        receipts = list(threads.map(phone.receipt, batches))
    verdicts = [verdict for receipt in receipts for verdict in receipt.verdicts]
    stored = [verdict.sample_id for verdict in verdicts if verdict.verdict == "stored"]
    assert sorted(stored) == sorted(sample.id for sample in pool)
    assert {verdict.verdict for verdict in verdicts} == {"stored", "duplicate"}
    assert count(collector, samples) == 60


def test_samples_batched_anew_are_duplicates(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    a, b, c = make_sample(), make_sample(), make_sample()
    assert outcomes(phone.send([a, b]).verdicts) == ["stored", "stored"]
    receipt = phone.send([c, b, a, c])
    assert outcomes(receipt.verdicts) == ["stored", "duplicate", "duplicate", "duplicate"]
    assert [verdict.sample_id for verdict in receipt.verdicts] == [c.id, b.id, a.id, c.id]
    assert [verdict.line for verdict in receipt.verdicts] == [1, 2, 3, 4]
    assert count(collector, samples) == 3


def test_an_id_used_for_another_sample_is_rejected(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    first = make_sample(seq=1)
    same_id = make_sample(id=first.id, seq=2)
    phone.send([first])
    (verdict,) = phone.send([same_id]).verdicts
    assert (verdict.verdict, verdict.rule, verdict.field) == ("rejected", "sample-id-reused", "id")
    assert verdict.sample_id == first.id

    fresh = make_sample(seq=3)
    verdicts = phone.send([fresh, make_sample(id=fresh.id, seq=4)]).verdicts
    assert [(verdict.verdict, verdict.rule) for verdict in verdicts] == [
        ("stored", None),
        ("rejected", "sample-id-reused"),
    ]
    assert {row["seq"] for row in collector.store.samples_of_month("2026-11")} == {1, 3}


def test_two_devices_may_use_the_same_id_and_send_the_same_bytes(
    collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    one, other = phone_of(collector), phone_of(collector)
    sample = make_sample()
    assert one.seal([sample]).body == other.seal([sample]).body
    assert outcomes(one.send([sample]).verdicts) == ["stored"]
    assert outcomes(other.send([sample]).verdicts) == ["stored"]
    assert count(collector, samples) == 2
    assert count(collector, envelopes) == 2


def test_one_bad_line_blocks_no_other(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    good, last = make_sample(), make_sample()
    lost = new_sample_id()
    receipt = phone.send(
        [
            encode(good),
            b"",
            b'{"id":',
            b'{"a":"\xff"}',
            encode(make_sample(id=lost, client="x")).replace(b'"x"', b'"a\\u0000"'),
            encode(make_sample(id=lost)).replace(b'"signal"', b'"latency"'),
            encode(make_sample()).replace(b"{", b'{"surprise":1,', 1),
            encode(last),
        ]
    )
    assert [(verdict.verdict, verdict.rule, verdict.field) for verdict in receipt.verdicts] == [
        ("stored", None, None),
        ("rejected", "line-json", None),
        ("rejected", "line-json", None),
        ("rejected", "line-utf8", None),
        ("rejected", "sample-field", "client"),
        ("rejected", "sample-law", "outcome"),
        ("rejected", "sample-field", "surprise"),
        ("stored", None, None),
    ]
    assert [verdict.sample_id for verdict in receipt.verdicts[4:6]] == [lost, lost]
    assert all(verdict.message for verdict in receipt.verdicts if verdict.verdict == "rejected")
    assert count(collector, samples) == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_is_unavailable(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    envelope = phone.seal([make_sample()])

    def execute(*statements: str) -> None:
        collector.store.engine.dispose()
        with collector.store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
        collector.store.engine.dispose()

    name = collector.store.engine.url.database
    execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    for answer in (phone.post(envelope), phone.enrol()):
        assert (answer.status_code, answer.json()["rule"]) == (503, "storage-unavailable")
        assert answer.headers["retry-after"] == "30"
        assert "read-only" in answer.json()["detail"]
    execute("SET default_transaction_read_only = off", f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert [verdict.verdict for verdict in phone.receipt(envelope).verdicts] == ["stored"]


def test_a_line_too_long_is_rejected_alone(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    first, padded, last = make_sample(), make_sample(), make_sample()
    lines = [
        encode(first),
        encode(padded).ljust(MAX_LINE_BYTES),
        encode(padded).ljust(MAX_LINE_BYTES + 1),
        encode(last),
    ]
    body = gzip.compress(b"\n".join(lines))
    receipt = phone.receipt(Envelope(body, sign_detached(body, phone.key, TYPE)))
    assert [(verdict.verdict, verdict.rule) for verdict in receipt.verdicts] == [
        ("stored", None),
        ("stored", None),
        ("rejected", "line-size"),
        ("stored", None),
    ]
    assert receipt.verdicts[2].message == "line: 16385 bytes, expected at most 16384"
    assert collector.store.count_samples() == 3


def test_an_envelope_of_bad_lines_only_is_answered_and_kept(collector: Any, phone_of: Any) -> None:
    phone = phone_of(collector)
    assert outcomes(phone.send([b"[]", b"{}"]).verdicts) == ["rejected", "rejected"]
    assert (count(collector, envelopes), count(collector, samples)) == (1, 0)


def test_five_hundred_samples_in_one_envelope(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    receipt = phone_of(collector).send([make_sample() for _ in range(500)])
    assert outcomes(receipt.verdicts) == ["stored"] * 500
    assert count(collector, samples) == 500


def test_a_kept_envelope_can_be_verified_again(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    phone = phone_of(collector)
    sample = make_sample()
    sent = phone.seal([sample])
    phone.receipt(sent)
    with collector.store.engine.connect() as connection:
        row = connection.execute(select(envelopes)).one()
    assert Envelope(bytes(row.body), row.signature) == sent
    opened = open_envelope(bytes(row.body), row.signature, lambda _: phone.key.public)
    assert opened.lines == (encode(sample),)
    assert row.sha256 == hashlib.sha256(sent.body).hexdigest()


def test_a_receipt_says_what_it_said_after_a_restart(
    running_collector: Any, phone_of: Any, make_sample: MakeSample
) -> None:
    envelope_phone = phone_of(running_collector())
    envelope = envelope_phone.seal([make_sample(), b"{}"])
    first = envelope_phone.post(envelope).content
    restarted = phone_of(running_collector(), enrolled=False)
    assert restarted.post(envelope).content == first


def test_instants_of_every_age_are_stored(collector: Any, phone_of: Any, make_sample: MakeSample) -> None:
    texts = ["0001-01-01T00:00:00.000Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"]
    phone_of(collector).send([make_sample(measured_at=text) for text in texts])
    months = [month.month for month in collector.store.months()]
    assert months == ["0001-01", "1969-12", "9999-12"]
    rows = [row for month in months for row in collector.store.samples_of_month(month)]
    assert [row["measured_at"] for row in rows] == [datetime.fromisoformat(text) for text in texts]
    assert [row["flags"] for row in rows] == ["", "", "clock-ahead"]
    assert [row["excluded"] for row in rows] == [False, False, True]
