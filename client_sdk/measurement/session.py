"""One whole measurement: idle round trips, a download, an upload, round trips under load; one sample.

A test that failed is a fact about a place, and makes a sample. Trouble of the collector's own, or of someone who
answers in its stead, says nothing about the network and leaves nothing to record.
"""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from client_sdk.measurement.access import Access, NoAccessError, open_access
from client_sdk.measurement.echo import EchoAccess, EchoProber
from client_sdk.measurement.interfaces import kind_of
from client_sdk.measurement.latency import (
    IDLE_RATE_HZ,
    LOADED_RATE_HZ,
    SteadyProber,
    idle_round_trips,
    median_rtt_ms,
    round_trip_fields,
)
from client_sdk.measurement.limits import WIRE_SHARE, Limits
from client_sdk.measurement.ndt7 import Direction
from client_sdk.measurement.opening import NDT7, OpeningError, Remote
from client_sdk.measurement.route import Route, RouteError
from client_sdk.measurement.stop_rule import RULE, StopRule, is_calibration
from client_sdk.measurement.throughput import transfer
from client_sdk.measurement.transfer import Transfer
from client_sdk.measurement.websocket_ping import WebSocketProber
from client_sdk.messages import tr
from client_sdk.sample import Outcome

__all__ = [
    "Access",
    "EchoAccess",
    "Limits",
    "Measured",
    "NoAccessError",
    "open_access",
    "run_test",
]

ENGINE = "ndt7"

_UNOPENED: tuple[Outcome, ...] = ("dns", "tcp", "tls", "timeout", "busy", "http", "websocket", "error")

Progress = Callable[[str, float], None]
"""What is being done, and the share done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a test found.

    Attributes:
        outcome: of the test: that of the first transfer that did not end well.
        fields: of a sample, by name.
        bytes_used: estimate of the data it took, both directions, headers included.
        problem: what went wrong, for the person; empty where nothing did.
        is_refused: the server was reached and refuses connections: nothing was measured.
    """

    outcome: Outcome
    fields: dict[str, Any] = field(default_factory=dict)
    bytes_used: int = 0
    problem: str = ""
    is_refused: bool = False


async def run_test(
    access: Access,
    sample_id: str,
    limits: Limits | None = None,
    route: Route | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure once; a test that failed is an outcome, never an exception.

    Args:
        access: from :func:`open_access`.
        sample_id: of the sample that will hold the result; it draws the calibration runs.
        limits: byte caps and length.
        route: which interface to leave by.
        progress: told what is being done, several times a second.
    """
    limits, route, tell = limits or Limits(), route or Route(), progress or (lambda label, done: None)
    try:
        remote = Remote.of(access.ndt7_url)
    except OpeningError as error:
        return Measured(outcome=error.outcome, problem=str(error))
    calibration = is_calibration(sample_id)
    fields: dict[str, Any] = {
        "test_engine": ENGINE,
        "test_server": remote.host[:64],
        "test_id": access.test_id,
        "test_path": route.kind(),
        "test_tls": remote.is_secure,
        "test_streams": 1,
        "test_calibration": calibration,
    }
    full_length = calibration or limits.full_length
    transfers: list[Transfer] = []
    async with AsyncExitStack() as stack:
        tell(tr("round trips", "latence"), 0.0)
        prober = await _idle(access, route, fields, stack)
        for number, (direction, max_bytes) in enumerate(
            (("download", limits.download_bytes), ("upload", limits.upload_bytes))
        ):
            done = await _transfer(
                access,
                direction,  # type: ignore[arg-type]  # mypy widens the literals
                max_bytes,
                full_length,
                _rule(limits),
                route,
                prober,
                fields,
                _share(tell, direction, 0.1 + 0.45 * number),
            )
            transfers.append(done)
            if done.outcome in (*_UNOPENED, "no_data"):
                break
    tell(tr("done", "terminé"), 1.0)
    worst = next((one for one in transfers if one.outcome != "ok"), None)
    return Measured(
        outcome=worst.outcome if worst else "ok",
        fields={name: value for name, value in fields.items() if value is not None},
        bytes_used=round(sum(one.payload_bytes for one in transfers) * WIRE_SHARE),
        problem=worst.problem if worst else "",
        is_refused=any(one.is_refused for one in transfers),
    )


def _rule(limits: Limits) -> StopRule:
    """The rule's parameters with the longest transfer asked for."""
    return replace(RULE, max_s=limits.transfer_ms / 1000)


async def _transfer(
    access: Access,
    direction: Direction,
    max_bytes: int | None,
    full_length: bool,
    rule: StopRule,
    route: Route,
    prober: SteadyProber | None,
    fields: dict[str, Any],
    progress: Callable[[float, int], None],
) -> Transfer:
    begun_s = time.monotonic()
    done = await transfer(
        access.ndt7_url,
        direction,
        query={"access_token": access.token} if access.token else None,
        max_bytes=max_bytes,
        full_length=full_length,
        rule=rule,
        route=route,
        progress=progress,
    )
    ended_s = time.monotonic()
    fields |= done.fields(direction, full_length=full_length, rule=rule)
    if prober is not None and done.received:
        during = [probe for probe in prober.take() if begun_s <= probe.sent_at_s <= ended_s]
        fields[f"rtt_{direction}_median_ms"] = median_rtt_ms(during)
    if done.interface_bytes is not None:
        fields[f"{direction}_interface_bytes"] = done.interface_bytes[0 if direction == "download" else 1]
    if done.interface is not None:
        fields["test_path"] = kind_of(done.interface)
    fields["ip_family"] = done.ip_family or fields.get("ip_family")
    fields["test_id"] = fields["test_id"] or done.server_id
    return done


async def _idle(access: Access, route: Route, fields: dict[str, Any], stack: AsyncExitStack) -> SteadyProber | None:
    """Measure idle round trips by whatever gets answers; it goes on, for probes under load.

    UDP that gets no answer while the rest of the test goes through is blocked, not lost: nothing is told of it.
    """
    probers: list[SteadyProber] = []
    if access.echo is not None:
        probers.append(EchoProber(access.echo, IDLE_RATE_HZ, route))
    if access.latency_url is not None:
        subprotocol = None if access.is_collector else NDT7
        probers.append(WebSocketProber(access.latency_url, IDLE_RATE_HZ, route, subprotocol=subprotocol))
    for prober in probers:
        async with AsyncExitStack() as trial:
            try:
                await trial.enter_async_context(prober)
            except (OpeningError, RouteError):
                continue
            probes = await idle_round_trips(prober)
            if probes:
                fields |= round_trip_fields(probes, prober.protocol)
                prober.rate_hz = LOADED_RATE_HZ
                stack.push_async_exit(trial.pop_all())
                return prober
    return None


def _share(tell: Progress, direction: str, begun: float) -> Callable[[float, int], None]:
    """Progress of one transfer inside that of the whole, as if it ran to its longest, with the rate so far."""
    name = tr(direction, "descendant" if direction == "download" else "montant")

    def progress(seconds: float, count: int) -> None:
        rate = f" {count * 8 / seconds / 1e6:.1f} Mbit/s" if seconds > 0 else ""
        tell(name + rate, begun + 0.045 * min(seconds, RULE.max_s))

    return progress
