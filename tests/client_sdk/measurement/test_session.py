from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from client_sdk.enrolment import enrol
from client_sdk.errors import CollectorError, SampleError
from client_sdk.measurement.session import Limits, Surroundings, measure
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import check
from client_sdk.signing.keys import SigningKey

HERE = Surroundings(latitude=47.2, longitude=3.5, context="outdoor", sim_plmn="20801", rat="lte", campaign="try")
SMALL = Limits(download_bytes=300_000, upload_bytes=200_000, transfer_ms=5_000)


def test_a_measurement_becomes_a_sample_that_the_collector_stores(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    collector = enrol(live_collector.base_url, key, outbox, client=client)
    told: list[float] = []
    sample = measure(collector, key, client, HERE, SMALL, lambda _, done: told.append(done))
    check(sample)
    assert (sample.kind, sample.outcome, sample.test_engine) == ("throughput", "ok", "maille-http")
    assert (sample.latitude, sample.position_source, sample.service_state) == (47.2, "manual", "unknown")
    assert (sample.download_bytes, sample.upload_bytes) == (300_000, 200_000)
    assert (sample.download_lower_bound, sample.upload_lower_bound) == (True, True)
    assert (sample.rtt_sent, sample.rtt_lost, sample.rtt_protocol) == (20, 0, "http")
    for figure in (sample.download_bps, sample.upload_bps, sample.rtt_median_ms, sample.rtt_jitter_ms):
        assert figure is not None
        assert figure > 0
    assert told == [0.0, 0.2, 0.6, 1.0]
    outbox.add([sample])
    assert upload(outbox, key, client).sent == 1


def test_a_busy_collector_leaves_a_sample_that_says_so(
    outbox: Outbox, key: SigningKey, client: httpx.Client, live_collector: Any
) -> None:
    collector = enrol(live_collector.base_url, key, outbox, client=client)
    live_collector.app.state.transfers.take()  # its only slot
    sample = measure(collector, key, client, HERE, SMALL)
    assert (sample.outcome, sample.download_bps, sample.upload_bps) == ("busy", None, None)
    assert sample.rtt_median_ms is not None


def test_no_network_leaves_a_sample_that_says_so(key: SigningKey, client: httpx.Client, pinned: Any) -> None:
    sample = measure(pinned("http://collector.invalid", SigningKey.generate().public), key, client, HERE, SMALL)
    check(sample)
    assert (sample.outcome, sample.download_bps, sample.rtt_median_ms, sample.rat) == ("dns", None, None, "lte")


def test_a_collector_that_is_down_leaves_none(key: SigningKey, client: httpx.Client, pinned: Any) -> None:
    collector = pinned("http://127.0.0.1:9", SigningKey.generate().public)
    with pytest.raises(CollectorError, match="refuses connections"):
        measure(collector, key, client, HERE, SMALL)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (500, {}, b""),
        (302, {"Location": "http://login.example/"}, b""),
        (200, {}, b'{"token": "x"}'),
        (200, {}, b'{"token": "\\ud800"}'),
    ],
)
def test_trouble_of_the_server_or_of_someone_in_its_stead_leaves_none(
    key: SigningKey,
    client: httpx.Client,
    pinned: Any,
    serve: Callable[..., str],
    status: int,
    headers: dict[str, str],
    body: bytes,
) -> None:
    collector = pinned(serve(lambda _: (status, headers, body)), SigningKey.generate().public)
    with pytest.raises(CollectorError):
        measure(collector, key, client, HERE, SMALL)


def test_a_collector_that_refuses_the_device_leaves_none(
    key: SigningKey, client: httpx.Client, live_collector: Any, pinned: Any
) -> None:
    collector = pinned(live_collector.base_url, live_collector.key.public)
    with pytest.raises(CollectorError, match="not an enrolled device"):
        measure(collector, key, client, HERE, SMALL)


def test_a_page_instead_of_a_token_leaves_none(
    key: SigningKey, client: httpx.Client, pinned: Any, serve: Callable[..., str]
) -> None:
    collector = pinned(serve(lambda _: (200, {}, b"<h1>log in</h1>")), SigningKey.generate().public)
    with pytest.raises(CollectorError, match="not a Maille collector’s"):
        measure(collector, key, client, HERE, SMALL)


def test_what_breaks_a_law_costs_no_data(key: SigningKey, client: httpx.Client, pinned: Any) -> None:
    collector = pinned("http://127.0.0.1:9", SigningKey.generate().public)
    with pytest.raises(SampleError, match="longitude"):
        measure(collector, key, client, Surroundings(latitude=47.2), SMALL)
    with pytest.raises(SampleError, match="sim_plmn: got “1”"):
        measure(collector, key, client, Surroundings(sim_plmn="1"), SMALL)


def test_the_start_is_the_devices_clock(key: SigningKey, client: httpx.Client, pinned: Any) -> None:
    before = datetime.now(UTC)
    sample = measure(pinned("http://collector.invalid", SigningKey.generate().public), key, client, HERE, SMALL)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(sample.measured_at) <= datetime.now(UTC)
