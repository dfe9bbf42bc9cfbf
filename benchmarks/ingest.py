"""How fast the collector takes samples in, per core, beside what its parts allow and beside the obvious alternative.

In one run, on SQLite and on PostgreSQL with PostGIS, envelopes of 100 samples from many devices: (a) the limit: verify,
open, decode, judge and bulk insert alone, in large transactions; (b) the collector, one worker, over HTTP; (c) FastAPI
with Pydantic models, one ORM add per sample and one commit per request of 100, the signature verified too. In all three
the process that is measured and all of PostgreSQL are held on one core, and the load comes from another: a figure is
samples per second of one core with its share of the database. Then the latency of an envelope at half of (b)'s load,
counted from when it was due, and the collector's memory while many samples pass.
"""

import argparse
import asyncio
import contextlib
import json
import pickle
import statistics
import sys
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.intake.cluster import ClusterError
from benchmarks.intake.databases import Kind, check_stored, postgis, sqlite
from benchmarks.intake.fleet import SAMPLES, Fleet, key_of, lines_of
from benchmarks.intake.load import CONNECTIONS, Loaded, request_of, send_all, send_steadily
from benchmarks.intake.machine import (
    CORES,
    LOADING,
    MEASURED,
    Rate,
    Server,
    cpu_seconds,
    described,
    free_port,
    hold,
    open_cluster,
    run_program,
    serving,
)
from client_sdk.signing.envelope import CONTENT_TYPE, SIGNATURE_HEADER, Envelope
from collector.admission.limits import LIMIT_VARIABLES

UNLIMITED = {variable: "0" for name, variable in LIMIT_VARIABLES.items() if name != "field_team_factor"}
"""How much one device and one network may send is not the question here."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is sent, in envelopes of 100 samples, and how often each rate is measured."""

    devices: int
    rounds: int
    limit: int
    service: int
    alternative: int
    steady: int
    memory: int


FULL = Plan(devices=200, rounds=5, limit=1_000, service=1_000, alternative=150, steady=3_000, memory=20_000)
QUICK = Plan(devices=40, rounds=1, limit=120, service=120, alternative=25, steady=80, memory=80)

TARGETS = {
    "sqlite_service_over_limit": 0.6,
    "postgis_service_over_limit": 0.6,
    "sqlite_service_over_orm": 4.0,
    "postgis_service_over_orm": 4.0,
}
P99_TARGET_MS = 250.0
WARM_UP = 20
"""Envelopes sent before the clock starts: the first ones load keys and compile statements."""

ALTERNATIVE_CONNECTIONS = 4
"""Ours: with more, its threads wait for each other's locks, and it gets slower."""


def main() -> None:
    """Run the benchmark; the last line printed is its figures as a JSON object."""
    options = _options()
    plan = QUICK if options.quick else FULL
    print(f"{described()}; measured on core {min(MEASURED)}, load on {sorted(LOADING)}", flush=True)
    if options.quick:
        print(f"a smaller input, whose figures are rough: {plan}")
    fleet = Fleet(plan.devices)
    envelopes = fleet.envelopes(WARM_UP + max(plan.service, plan.limit, plan.steady + plan.service, plan.memory))
    hold(LOADING)
    try:
        with tempfile.TemporaryDirectory(prefix="maille-ingest-") as folder, open_cluster() as cluster:
            kinds = [sqlite(Path(folder), fleet), postgis(cluster, fleet)]
            if options.workers:
                figures = _workers(options.workers, kinds, envelopes[: WARM_UP + plan.service])
            else:
                figures = {}
                for kind in kinds:
                    figures |= _measure(kind, plan, envelopes)
                for kind in kinds:
                    figures[f"{kind.name}_memory_growth_mb"] = _growth_mb(kind, envelopes[: plan.memory])
                figures["p99_ms"] = max(figures["sqlite_p99_ms"], figures["postgis_p99_ms"])
                _tell_targets(figures)
    except ClusterError as error:
        sys.exit(f"ingest: {error}")
    print(json.dumps({"benchmark": "ingest", "figures": figures, "quick": options.quick}))


def _measure(kind: Kind, plan: Plan, envelopes: Sequence[Envelope]) -> dict[str, float]:
    """Everything on one kind of database; the three rates in turn, so that a slower minute slows all of them."""
    found: dict[str, list[Rate]] = {"limit": [], "service": [], "orm": []}
    for _ in range(plan.rounds):
        found["limit"].append(_limit(kind, envelopes[: plan.limit], plan.devices))
        found["service"].append(_service(kind, envelopes[: WARM_UP + plan.service]))
        found["orm"].append(_alternative(kind, envelopes[: plan.alternative], plan.devices))
    rates = {name: statistics.median(rate.per_s for rate in rounds) for name, rounds in found.items()}
    worked = {name: statistics.median(rate.per_cpu_s for rate in rounds) for name, rounds in found.items()}
    for name, rounds in found.items():
        each = ", ".join(f"{rate.per_s:.0f}" for rate in rounds)
        print(
            f"{kind.name:8} {name:8} {rates[name]:8.0f} samples/s (rounds: {each}); "
            f"{worked[name]:.0f} per second of work, so the core was theirs for {rates[name] / worked[name]:.0%}"
        )
    steady = _steady(kind, envelopes[: WARM_UP + plan.steady], rates["service"] / SAMPLES / 2)
    p99_ms = steady.percentile_ms(0.99)
    print(
        f"{kind.name:8} at half of that: p50 {steady.percentile_ms(0.5):.0f} ms, p99 {p99_ms:.0f} ms, "
        f"worst {max(steady.latencies_ms):.0f} ms of {len(steady.latencies_ms)} envelopes"
    )
    figures = {f"{name}_per_s": round(rate) for name, rate in rates.items()} | {
        "service_over_limit": round(_over(found["service"], found["limit"]), 3),
        "service_over_orm": round(_over(found["service"], found["orm"]), 2),
        "service_over_limit_by_work": round(worked["service"] / worked["limit"], 3),
        "service_over_orm_by_work": round(worked["service"] / worked["orm"], 2),
        "p99_ms": round(p99_ms, 1),
    }
    return {f"{kind.name}_{name}": figure for name, figure in figures.items()}


def _over(rates: Sequence[Rate], others: Sequence[Rate]) -> float:
    """Median over the rounds of how many times as fast; both of a round had the same minute of the machine."""
    return statistics.median(rate.per_s / other.per_s for rate, other in zip(rates, others, strict=True))


def _growth_mb(kind: Kind, envelopes: Sequence[Envelope]) -> float:
    early_mb, late_mb = _memory(kind, envelopes)
    told = f"{early_mb:.0f} MB after a tenth, {late_mb:.0f} MB after the last"
    print(f"{kind.name:8} memory while {len(envelopes) * SAMPLES:,} samples pass: {told}", flush=True)
    return round(late_mb - early_mb, 1)


def _limit(kind: Kind, envelopes: Sequence[Envelope], devices: int) -> Rate:
    database_url = kind.new()
    with tempfile.NamedTemporaryFile() as file:
        file.write(pickle.dumps(list(envelopes)))
        file.flush()
        before_s = cpu_seconds(kind.processes)
        printed = run_program(["-m", "benchmarks.intake.limit", database_url, str(devices), file.name], MEASURED)
        database_s = cpu_seconds(kind.processes) - before_s
    check_stored(database_url, len(envelopes))
    seconds, worked_s = map(float, printed.split())
    samples = len(envelopes) * SAMPLES
    return Rate(samples / seconds, samples / (worked_s + database_s))


def _service(kind: Kind, envelopes: Sequence[Envelope]) -> Rate:
    database_url = kind.new()
    with _collector(database_url) as server:
        rate = _rate(kind, server, _requests(envelopes), CONNECTIONS, WARM_UP)
    check_stored(database_url, len(envelopes))
    return rate


def _rate(kind: Kind, server: Server, requests: Sequence[bytes], connections: int, warm_up: int) -> Rate:
    asyncio.run(send_all(server.port, requests[:warm_up], connections))
    processes = (server.process, *kind.processes)
    before_s = cpu_seconds(processes)
    loaded = asyncio.run(send_all(server.port, requests[warm_up:], connections))
    samples = len(loaded.latencies_ms) * SAMPLES
    return Rate(samples / loaded.seconds, samples / (cpu_seconds(processes) - before_s))


def _steady(kind: Kind, envelopes: Sequence[Envelope], per_second: float) -> Loaded:
    database_url = kind.new()
    with _collector(database_url) as server:
        asyncio.run(send_all(server.port, _requests(envelopes[:WARM_UP])))
        loaded = asyncio.run(send_steadily(server.port, _requests(envelopes[WARM_UP:]), per_second))
    check_stored(database_url, len(envelopes))
    return loaded


def _memory(kind: Kind, envelopes: Sequence[Envelope]) -> tuple[float, float]:
    """What the collector holds in memory after a tenth of the envelopes, and after all of them."""
    database_url = kind.new()
    tenth = max(1, len(envelopes) // 10)
    with _collector(database_url) as server:
        asyncio.run(send_all(server.port, _requests(envelopes[:tenth])))
        early_mb = server.resident_mb
        for first in range(tenth, len(envelopes), tenth):
            asyncio.run(send_all(server.port, _requests(envelopes[first : first + tenth])))
        late_mb = server.resident_mb
    check_stored(database_url, len(envelopes))
    return early_mb, late_mb


def _alternative(kind: Kind, envelopes: Sequence[Envelope], devices: int) -> Rate:
    database_url, port = kind.new(), free_port()
    program = ["-m", "uvicorn", "benchmarks.intake.alternative:app", "--port", str(port), "--log-level", "warning"]
    requests = []
    for number, lines in enumerate(lines_of(envelopes)):
        key, body = key_of(number % devices), b"[" + b",".join(lines) + b"]"
        headers = {"Device": key.public.thumbprint, "Signature": b64encode(key.sign(body)).decode()}
        requests.append(request_of("/samples", {"Content-Type": "application/json", **headers}, body))
    with serving([*program, "--no-access-log"], {"DATABASE_URL": database_url}, port, MEASURED) as server:
        rate = _rate(kind, server, requests, ALTERNATIVE_CONNECTIONS, len(requests) // 5)
    check_stored(database_url, len(envelopes))
    return rate


@contextlib.contextmanager
def _collector(database_url: str, workers: int = 1, cores: set[int] = MEASURED) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="maille-ingest-") as data:
        environment = {"MAILLE_DATA": data, "MAILLE_DATABASE_URL": database_url, "MAILLE_ECHO_PORT": "off"} | UNLIMITED
        command = ["collector", "serve", "--port", str(port), "--workers", str(workers)]
        program = ["-c", "from client_sdk.cli import main; main()", *command]
        with serving(program, environment, port, cores) as server:
            yield server


def _requests(envelopes: Sequence[Envelope]) -> list[bytes]:
    return [
        request_of("/v1/envelopes", {"Content-Type": CONTENT_TYPE, SIGNATURE_HEADER: sent.signature}, sent.body)
        for sent in envelopes
    ]


def _workers(most: int, kinds: Sequence[Kind], envelopes: Sequence[Envelope]) -> dict[str, float]:
    """The rate of one to so many workers; on all cores, which they share with the database and the load."""
    print("workers and database share every core with the load: with few cores the last ones gain little")
    cores = set(CORES)
    hold(cores)
    figures: dict[str, float] = {}
    for kind in kinds:
        for process in kind.processes:
            hold(cores, process)
        for workers in range(1, most + 1):
            database_url = kind.new()
            with _collector(database_url, workers, cores) as server:
                rate = _rate(kind, server, _requests(envelopes), CONNECTIONS, WARM_UP)
            check_stored(database_url, len(envelopes))
            print(f"{kind.name:8} {workers} workers {rate.per_s:8.0f} samples/s", flush=True)
            figures[f"{kind.name}_{workers}_workers_per_s"] = round(rate.per_s)
    return figures


def _tell_targets(figures: dict[str, float]) -> None:
    for name, target in TARGETS.items():
        print(f"{name}: {figures[name]} (target: {target} or more: {_verdict(figures[name] >= target)})")
    reached = figures["p99_ms"] < P99_TARGET_MS
    print(f"p99_ms: {figures['p99_ms']} (target: under {P99_TARGET_MS:g}: {_verdict(reached)})")


def _verdict(reached: bool) -> str:
    return "reached" if reached else "NOT REACHED"


def _options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(
        prog="scripts/benchmark ingest", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--quick", action="store_true", help="under a minute: fewer samples, one round, rough figures")
    asked.add_argument("--workers", type=int, metavar="N", help="only the rates of one to N workers")
    return asked.parse_args()


if __name__ == "__main__":
    main()
