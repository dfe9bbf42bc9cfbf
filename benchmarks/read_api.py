"""How fast a release is read over OGC API – Features: ours beside pygeoapi on the same data, at the same rate.

A release of 70,000 hexagons × 4 operators × 2 technologies is generated once (``--region DIRECTORY`` keeps it). Both
servers are asked for the hexagons of communes by their boxes, at 50 requests a second, each held on one core while the
load comes from another; a latency counts from when the request was due. ``p99_ms`` is ours; ``over_other_server`` is
pygeoapi's p99 over ours at the rate that pygeoapi can follow, both measured there for as long; throughputs, one request
after the other on as many connections as both can use, are printed beside. Both answer without compression.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import geopandas as gpd
import httpx
import numpy as np

from benchmarks.intake.load import Loaded, get_of, send_all, send_steadily
from benchmarks.intake.machine import LOADING, MEASURED, Server, described, free_port, hold, serving
from benchmarks.region.generate import HEXAGONS, generate
from benchmarks.region.pygeoapi import MissingError, environment, serving_pygeoapi

PER_SECOND = 50.0
QUICK_HEXAGONS = 1_000
CONNECTIONS = 2
FEW = 4
"""Ours: requests that warm a server, and that tell how many it can answer where it is slow."""
PROGRAMS = Path(__file__).parent.parent / ".cache" / "pygeoapi"
"""Where the other server is installed, once."""
TARGETS = {"p99_ms": 50.0, "over_other_server": 1.0}
BESIDE_S, QUICK_BESIDE_S = 120.0, 5.0
"""Ours: how long each server is asked at the other's rate: pygeoapi may need seconds for an answer."""
SHARE_OF_CAPACITY = 0.7
"""Ours: the rate at which the other server is compared, of what it can answer: near it, queues grow without end."""


def main() -> None:
    """Run the benchmark; the last line printed is its figures as a JSON object."""
    options = _options()
    print(f"{described()}; measured on core {min(MEASURED)}, load on {sorted(LOADING)}", flush=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="maille-read-")))
        hexagons = QUICK_HEXAGONS if options.quick else HEXAGONS
        begun_s = time.perf_counter()
        release = generate(options.region or folder / "region", hexagons=hexagons)
        boxes = communes_of(release, options.seed)
        size = sum(file.stat().st_size for file in release.rglob("*") if file.is_file()) / 1e6
        print(f"release of {hexagons:,} hexagons, {size:,.0f} MB, in {time.perf_counter() - begun_s:.0f} s", flush=True)
        hold(LOADING)
        count = 100 if options.quick else options.requests
        figures = _ours(release, boxes, count)
        try:
            seconds = QUICK_BESIDE_S if options.quick else BESIDE_S
            figures |= _beside(environment(PROGRAMS), release, folder, boxes, seconds)
        except MissingError as error:
            print(f"pygeoapi is not there to be compared with: {error}")
    for name, target in TARGETS.items():
        if name in figures:
            reached = figures[name] <= target if name == "p99_ms" else figures[name] >= target
            wanted = "at most" if name == "p99_ms" else "at least"
            print(f"{name}: {figures[name]} (target: {wanted} {target:g}: {'reached' if reached else 'NOT REACHED'})")
    print(json.dumps({"benchmark": "read_api", "quick": options.quick, "figures": figures}))


def communes_of(release: Path, seed: int) -> list[str]:
    """Boxes of the release's communes, shuffled, as ``bbox`` wants them."""
    bounds = gpd.read_parquet(release.parent.parent / "territory" / "communes.parquet").bounds.to_numpy()
    chosen = np.random.default_rng(seed).permutation(len(bounds))
    return [",".join(f"{edge:.5f}" for edge in bounds[number]) for number in chosen]


def _ours(release: Path, boxes: Sequence[str], count: int) -> dict[str, float]:
    port, begun_s = free_port(), time.perf_counter()
    with _maille(release, port) as server:
        opened_s = time.perf_counter() - begun_s
        first_s = _answered(server, "/v1/hexagons?limit=1")
        print(f"ours     answers {opened_s:.1f} s after its start, the first rows {first_s:.1f} s later", flush=True)
        _warmed(server, boxes[0])
        told = _steady(server, "/ogc", boxes, count, PER_SECOND)
        at_once = _throughput(server, "/ogc", boxes, count)
        print(f"ours     {server.resident_mb:.0f} MB of memory", flush=True)
    print(f"ours     {_said(told)} at {PER_SECOND:g}/s; {at_once:.0f} requests/s at once", flush=True)
    figures = {"p99_ms": told.percentile_ms(0.99), "open_s": opened_s + first_s, "per_s": at_once}
    return {name: round(figure, 1) for name, figure in figures.items()}


def _beside(programs: Path, release: Path, folder: Path, boxes: Sequence[str], seconds: float) -> dict[str, float]:
    """The other server at its own pace, and ours at the same."""
    with serving_pygeoapi(programs, release, folder, MEASURED) as server:
        at_once = _throughput(server, "", boxes, FEW)
        rate = min(PER_SECOND, SHARE_OF_CAPACITY * at_once)
        count = max(FEW, round(seconds * rate))
        other = _steady(server, "", boxes, count, rate)
        matched = _matched(server, "", boxes)
    print(f"pygeoapi {_said(other)} at {rate:.1f}/s; {at_once:.1f} requests/s at once", flush=True)
    with _maille(release, free_port()) as server:
        _warmed(server, boxes[0])
        own = _steady(server, "/ogc", boxes, count, rate)
        if _matched(server, "/ogc", boxes) != matched:
            raise SystemExit("the two servers do not find the same features")
    print(f"ours     {_said(own)} at {rate:.1f}/s", flush=True)
    ratio = other.percentile_ms(0.99) / own.percentile_ms(0.99)
    return {"other_p99_ms": round(other.percentile_ms(0.99), 1), "other_per_s": round(at_once, 1)} | {
        "compared_at_per_s": round(rate, 1),
        "over_other_server": round(ratio, 1),
    }


def _maille(release: Path, port: int) -> AbstractContextManager[Server]:
    command = ["serve", "--data", str(release.parents[1]), "--port", str(port), "--json"]
    return serving(["-c", "from client_sdk.cli import main; main()", *command], {}, port, MEASURED)


def _requests(prefix: str, boxes: Sequence[str], count: int) -> list[bytes]:
    addresses = [f"{prefix}/collections/hexagons/items?f=json&limit=1000&bbox={box}" for box in boxes]
    return [get_of(addresses[number % len(addresses)]) for number in range(count)]


def _steady(server: Server, prefix: str, boxes: Sequence[str], count: int, per_second: float) -> Loaded:
    asyncio.run(send_all(server.port, _requests(prefix, boxes[::-1], FEW), CONNECTIONS))
    return asyncio.run(send_steadily(server.port, _requests(prefix, boxes, count), per_second))


def _throughput(server: Server, prefix: str, boxes: Sequence[str], count: int) -> float:
    asyncio.run(send_all(server.port, _requests(prefix, boxes[::-1], FEW), CONNECTIONS))
    loaded = asyncio.run(send_all(server.port, _requests(prefix, boxes, count), CONNECTIONS))
    return len(loaded.latencies_ms) / loaded.seconds


def _answered(server: Server, path: str) -> float:
    begun_s = time.perf_counter()
    httpx.get(f"http://127.0.0.1:{server.port}{path}", timeout=120).raise_for_status()
    return time.perf_counter() - begun_s


def _warmed(server: Server, box: str) -> None:
    """Until all collections were read: a server does so by itself from its start, and is as slow meanwhile."""
    root = f"http://127.0.0.1:{server.port}/ogc/collections"
    for one in httpx.get(root, timeout=120).raise_for_status().json()["collections"]:
        _answered(server, f"/ogc/collections/{one['id']}/items?limit=1&bbox={box}")


def _matched(server: Server, prefix: str, boxes: Sequence[str]) -> list[int]:
    """Features found in some communes."""
    root = f"http://127.0.0.1:{server.port}{prefix}/collections/hexagons/items"
    asked = [{"f": "json", "limit": 1000, "bbox": box} for box in boxes[:5]]
    return [len(httpx.get(root, params=query, timeout=60).json()["features"]) for query in asked]


def _said(loaded: Loaded) -> str:
    p50, p99, worst = (loaded.percentile_ms(share) for share in (0.5, 0.99, 1.0))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, worst {worst:.0f} ms of {len(loaded.latencies_ms)}"


def _options() -> argparse.Namespace:
    asked = argparse.ArgumentParser(
        prog="scripts/benchmark read_api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    asked.add_argument("--quick", action="store_true", help="about a minute: a small release, rough figures")
    asked.add_argument("--region", type=Path, metavar="DIRECTORY", help="keep the generated release here, or use it")
    asked.add_argument("--requests", type=int, default=3_000, help="at 50 a second (3,000: a minute)")
    asked.add_argument("--seed", type=int, default=1, help="of the order of communes")
    return asked.parse_args()


if __name__ == "__main__":
    main()
