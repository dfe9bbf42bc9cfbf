"""One whole measurement against the device's collector: round trips, a download, an upload, one sample.

A test that failed is a fact about a place, and makes a sample. Trouble of the collector's own, or of someone who
answers in its stead, says nothing about the network and leaves nothing to record. Radio and position are given by hand
here.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from client_sdk import __version__
from client_sdk.bounds import instant_text
from client_sdk.errors import CollectorError
from client_sdk.measurement.latency import RoundTrips, measure_round_trips
from client_sdk.measurement.throughput import Transfer, download, is_refused, outcome_of, upload
from client_sdk.messages import tr
from client_sdk.outbox.queue import PinnedCollector
from client_sdk.outbox.upload import refusal
from client_sdk.sample import Context, Outcome, Rat, Sample, check, new_sample_id
from client_sdk.signing.jws import sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import MEASUREMENT_REQUEST, MEASUREMENT_TOKEN

ENGINE = "maille-http"


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the transfers; a rural 10 Mbit/s needs 12 MB for 10 s."""

    download_bytes: int = 40_000_000
    upload_bytes: int = 15_000_000
    transfer_ms: int = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the person says of the place and the network."""

    latitude: float | None = None
    longitude: float | None = None
    context: Context = "unknown"
    sim_plmn: str | None = None
    rat: Rat | None = None
    campaign: str | None = None


def measure(
    collector: PinnedCollector,
    key: SigningKey,
    client: httpx.Client,
    surroundings: Surroundings,
    limits: Limits | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Sample:
    """Measure once; ``seq`` is the outbox's to give.

    Raises:
        CollectorError: the collector refuses the device (not enrolled, clock too wrong): nothing was measured.
        SampleError: a value given by hand breaks its bounds; nothing was measured.
    """
    limits = limits or Limits()
    tell = progress or (lambda label, done: None)
    start_ns, clock_start = time.time_ns(), time.perf_counter()
    about: dict[str, Any] = {
        "seq": 0,
        "id": new_sample_id(start_ns // 1_000_000),
        "kind": "throughput",
        "measured_at": instant_text(datetime.fromtimestamp(start_ns / 1e9, UTC)),
        "client": f"maille {__version__}",
        "test_engine": ENGINE,
        "test_server": httpx.URL(collector.url).host[:64],
        "position_source": None if surroundings.latitude is None else "manual",
        **asdict(surroundings),
    }
    check(Sample(**about, outcome="ok"))  # refuse what cannot be kept before data is spent
    outcome, figures = _run(collector, key, client, limits, tell)
    duration_ms = round((time.perf_counter() - clock_start) * 1000)
    return Sample(**about, **figures, outcome=outcome, duration_ms=duration_ms)


def _run(
    collector: PinnedCollector,
    key: SigningKey,
    client: httpx.Client,
    limits: Limits,
    tell: Callable[[str, float], None],
) -> tuple[Outcome, dict[str, Any]]:
    place = f"{collector.url}/v1/measurement"
    figures: dict[str, Any] = {}
    try:
        tell(tr("round trips", "latence"), 0.0)
        headers = {"Authorization": f"Bearer {_token(collector, key, client)}"}
        trips: RoundTrips = measure_round_trips(f"{place}/ping", headers)
        figures |= trips.fields()
    except httpx.HTTPError as error:
        if is_refused(error):  # the network carried the packets there and back: nothing to hold against it
            raise CollectorError(
                tr(f"{collector.url}: refuses connections; try again later", f"{collector.url} : connexion refusée")
            ) from error
        return outcome_of(error), figures
    outcomes: list[Outcome] = []
    for direction, transfer, max_bytes, done in (
        ("download", download, limits.download_bytes, 0.2),
        ("upload", upload, limits.upload_bytes, 0.6),
    ):
        tell(tr(direction, "descendant" if direction == "download" else "montant"), done)
        moved: Transfer = transfer(client, f"{place}/{direction}", headers, max_bytes, limits.transfer_ms)
        figures |= moved.fields(direction)
        outcomes.append(moved.outcome)
    tell(tr("done", "terminé"), 1.0)
    # the download's trouble comes first: it is what thresholds are about
    return next((outcome for outcome in outcomes if outcome != "ok"), "ok"), figures


def _token(collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> str:
    wish = {"collector": collector.key.thumbprint, "requested_at": instant_text(datetime.now(UTC))}
    answer = client.post(
        f"{collector.url}/v1/measurement/sessions",
        content=sign_compact(json.dumps(wish).encode(), key, MEASUREMENT_REQUEST).encode(),
        headers={"Content-Type": "application/jose"},
        timeout=10,
    )
    if answer.status_code in (429, 503):
        answer.raise_for_status()
    if not answer.is_success:
        raise refusal(answer)
    try:
        token = str(answer.json()["token"])
        verify_compact(token, {collector.key.thumbprint: collector.key}.get, MEASUREMENT_TOKEN)
        return token
    except (ValueError, KeyError, TypeError) as error:
        raise CollectorError(
            tr(
                f"{answer.url}: the answer is not a Maille collector’s, perhaps a network that asks to log in first",
                f"{answer.url} : la réponse n’est pas celle d’un collecteur, peut-être un réseau qui demande de "
                "s’identifier",
            )
        ) from error
