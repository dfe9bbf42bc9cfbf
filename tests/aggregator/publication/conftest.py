"""A data directory as aggregation leaves it: communes, a ledger of volunteers and one field team, verdicts, sources.

People drive between six communes near Decize. Orange is declared everywhere and fails in a hole south of Cossaye;
Bouygues Telecom is declared in the north alone, and works further.
"""

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import httpx
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uvicorn
from h3.api import basic_int as h3
from playwright.sync_api import Browser, sync_playwright

from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.communes import communes_from_centres
from aggregator.evidence.ledger import HISTOGRAMS, SIGNALS, THRESHOLDS
from aggregator.judgement.basis import record_basis
from aggregator.judgement.comparison import compare, write_verdicts
from aggregator.judgement.votes import cast_votes
from aggregator.publication.api import create_app
from aggregator.publication.origin import Origin, write_origin
from aggregator.publication.release import publish

sys.path.insert(0, str(Path(__file__).parent))  # gate_rig, which is no test

FLAGS = [
    *("--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--no-first-run", "--disable-dev-shm-usage"),
]
CENTRES = """insee_com,name,population,latitude,longitude
58095,Decize,5200,46.8289,3.4622
58264,Saint-Léger-des-Vignes,1900,46.8411,3.4511
58087,Cossaye,700,46.7722,3.4817
58135,Lamenay-sur-Loire,60,46.7558,3.5486
58138,Lucenay-lès-Aix,950,46.7022,3.4836
58296,Toury-Lurcy,400,46.7258,3.4606
58110,Dornes,1400,46.7136,3.3547
58239,Saint-Germain-Chassenay,340,46.8019,3.3894
"""
ROADS = [
    ["Saint-Léger-des-Vignes", "Decize", "Cossaye", "Lucenay-lès-Aix"],
    ["Cossaye", "Lamenay-sur-Loire"],
    ["Cossaye", "Toury-Lurcy", "Dornes", "Saint-Germain-Chassenay", "Decize"],
    ["Toury-Lurcy", "Lucenay-lès-Aix"],
]
FIRST_DAY = date(2026, 4, 6)


def cell_at(latitude: float, longitude: float) -> int:
    """The hexagon of a place, as the parent of its resolution 9 cell."""
    return h3.cell_to_parent(h3.latlng_to_cell(latitude, longitude, 9), 8)


PLACES = {line.split(",")[1]: cell_at(*map(float, line.split(",")[3:])) for line in CENTRES.strip().splitlines()[1:]}
HOLE = cell_at(46.748, 3.478)
"""Strongly contradicted for Orange."""
LONELY = cell_at(46.79, 3.55)
"""Seen by four volunteers, all failing: must not appear."""
SURVEYED = cell_at(46.735, 3.41)
"""Seen by one device of a field team and nobody else."""


def rows_of(hexagon: int, tokens: list[str], failing: int, operator: str, **changes: object) -> list[dict[str, object]]:
    """Ledger rows of some devices in a hexagon, three tests on each of two days; the first ``failing`` always fail."""
    cells = sorted(h3.cell_to_children(hexagon, 9))
    rows = []
    for number, token in enumerate(tokens):
        for day in (0, 40):
            row: dict[str, object] = {"h3_r9": cells[number % 7], "operator": operator, "technology": "4G"}
            row |= {"device_token": token, "tier": "volunteer", "context": "outdoor"}
            row |= {"day": FIRST_DAY + timedelta(days=day + number)}
            for threshold in THRESHOLDS:
                tests = 0 if threshold == "30" else 3
                row |= {f"tested_{threshold}": tests, f"failed_{threshold}": tests if number < failing else 0}
            rows.append(row | changes)
    return rows


def road_hexagons() -> list[int]:
    cells: set[int] = set()
    for road in ROADS:
        for start, end in pairwise(road):
            for cell in h3.grid_path_cells(PLACES[start], PLACES[end]):
                cells |= {near for near in h3.grid_disk(cell, 1) if near == cell or near % 5 < 3}
    return sorted(cells - {LONELY, SURVEYED, *h3.grid_disk(HOLE, 0)} | {HOLE})


def ledger_of_the_field() -> pd.DataFrame:
    volunteers = [f"{number:032x}" for number in range(1, 60)]
    rows: list[dict[str, object]] = []
    for position, cell in enumerate(road_hexagons()):
        near = min(h3.grid_distance(cell, place) for place in PLACES.values())
        seen = max(2, 24 - 4 * near + (position * 7) % 6)
        depth = h3.grid_distance(cell, HOLE)
        share = 1.0 if depth <= 2 else 0.6 if depth == 3 else 0.34 if depth == 4 else 0.03
        if cell == HOLE:
            seen = 9
        first = (position * 11) % 30
        rows += rows_of(cell, volunteers[first : first + seen], round(seen * share), "20801")
        if position % 4 or cell in PLACES.values():
            fewer = volunteers[first : first + max(seen - 3, 2)]
            rows += rows_of(cell, fewer, 0 if depth > 1 else len(fewer) // 2, "20820")
    rows += rows_of(LONELY, volunteers[:4], 4, "20801")
    rows += rows_of(SURVEYED, ["f" * 32], 1, "20801", tier="field_team")
    rows += rows_of(HOLE, ["f" * 32], 1, "20801", tier="field_team")
    rows += rows_of(HOLE, volunteers[:9], 9, "20801", technology="5G")
    return pd.DataFrame(rows)


def claims_of_operators() -> pd.DataFrame:
    everywhere = h3.grid_disk(PLACES["Cossaye"], 30)
    north = h3.grid_disk(PLACES["Decize"], 6)
    columns = {"technology": "4G", "usage": "data", "level": "BC"}
    return pd.concat(
        [
            pd.DataFrame({"h3_r8": everywhere, "operator": "20801", "declared_share": 1.0, **columns}),
            pd.DataFrame({"h3_r8": north, "operator": "20820", "declared_share": 0.98765, **columns}),
        ],
        ignore_index=True,
    )


def write_data(data: Path, ledger: pd.DataFrame) -> Path:
    """A whole data directory from one ledger."""
    for room in ("evidence", "territory", "claims"):
        (data / room).mkdir(parents=True)
    ledger.to_parquet(data / "evidence/ledger.parquet", index=False)
    seen = ledger[["device_token", "day"]].drop_duplicates().sort_values(["device_token", "day"])
    seen.assign(best_rank=3).to_parquet(data / "evidence/capability.parquet", index=False)
    write_verdicts(compare(cast_votes(data / "evidence"), claims_of_operators()), data / "judgement")
    centres = data / "centres.csv"
    centres.write_text(CENTRES, encoding="utf-8")
    communes_from_centres(centres)[0].to_parquet(data / "territory/communes.parquet", index=False)
    source = {"file": "2026_T3_couv_Metropole_OF_4G_data.gpkg", "sha256": "0" * 64, "quarter": "2026_T3"}
    source |= {"operator": "20801", "technology": "4G", "usage": "data"}
    source |= {"source": "Arcep, Mon réseau mobile", "licence": "Licence Ouverte 2.0"}
    (data / "claims/sources.json").write_text(json.dumps([source]), encoding="utf-8")
    record_basis(data, pd.Timestamp(ledger["day"].max()).date(), 365)
    return data


@pytest.fixture(scope="session")
def ledger() -> pd.DataFrame:
    return ledger_of_the_field()


@pytest.fixture(scope="session")
def build_data() -> Callable[[Path, pd.DataFrame], Path]:
    return write_data


@pytest.fixture(scope="session")
def rows_in() -> Callable[..., list[dict[str, object]]]:
    return rows_of


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory, ledger: pd.DataFrame) -> Path:
    """Shared: tests only publish into it."""
    return write_data(tmp_path_factory.mktemp("maille") / "data", ledger)


@pytest.fixture(scope="session")
def communes(data: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(data / "territory/communes.parquet")


@pytest.fixture(scope="session")
def hexagon() -> dict[str, int]:
    """Known hexagons by what they are."""
    return {"hole": HOLE, "lonely": LONELY, "surveyed": SURVEYED, "town": PLACES["Decize"]}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory, ledger: pd.DataFrame) -> Path:
    """Two releases, the second one the latest; only read."""
    data = write_data(tmp_path_factory.mktemp("shelf") / "data", ledger)
    claims = claims_of_operators().assign(accessible_share=None, bounded=False)
    table = pa.Table.from_pandas(claims, schema=CLAIMS, preserve_index=False)
    pq.write_table(table, data / "claims/claims.parquet")
    record_basis(data, pd.Timestamp(ledger["day"].max()).date(), 365)
    publish(data, k=6)
    return publish(data).parent


@pytest.fixture(scope="session")
def latest(shelf: Path) -> Path:
    """The current release of the shelf."""
    return shelf / json.loads((shelf / "latest.json").read_text())["release"]


@pytest.fixture(scope="session")
def served(shelf: Path) -> Iterator[httpx.Client]:
    """The shelf's server on a real socket."""
    server = uvicorn.Server(uvicorn.Config(create_app(shelf), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:
        yield http
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")  # while Playwright is there, its event loop runs in this thread
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.fail("no Chromium found: on Debian `apt-get install chromium`, on Ubuntu install google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def made_up(data: Path, hexagon: dict[str, int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data with claims and signals, said to be synthetic, and published for both audiences."""
    folder = tmp_path_factory.mktemp("synthetic") / "data"
    shutil.copytree(data, folder, ignore=shutil.ignore_patterns("releases", "team-releases", "publication"))
    write_origin(folder, Origin(synthetic=True, label={"fr": "Campagne d’essai.", "en": "Trial campaign."}))
    everywhere = sorted(h3.grid_disk(hexagon["hole"], 30))
    rows = [(cell, "20801", "4G", usage, "BC", 0.9, None, False) for cell in everywhere for usage in ("data", "voice")]
    claims = pa.Table.from_pylist([dict(zip(CLAIMS.names, row, strict=True)) for row in rows], schema=CLAIMS)
    pq.write_table(claims, folder / "claims/claims.parquet")
    child = h3.cell_to_center_child(hexagon["hole"], 9)
    signals = [("field_team", -112, 3), ("field_team", -95, 1), ("volunteer", -70, 50)]
    samples = [(child, "20801", "4G", tier, "outdoor", "lte_rsrp_dbm", bin_, n) for tier, bin_, n in signals]
    table = pa.Table.from_pylist([dict(zip(HISTOGRAMS.names, row, strict=True)) for row in samples], schema=HISTOGRAMS)
    pq.write_table(table, folder / "evidence/histograms.parquet")
    ledger = pd.read_parquet(folder / "evidence/ledger.parquet")
    in_the_hole = (ledger["h3_r9"].map(lambda cell: h3.cell_to_parent(cell, 8)) == hexagon["hole"]).to_numpy()
    heard = ledger[
        in_the_hole & (ledger[["tier", "operator", "technology"]] == ["volunteer", "20801", "4G"]).all(axis=1)
    ]
    # eight of nine tell their signal, two readings a day: five weak, two strong, one elsewhere alone
    number = heard["device_token"].rank(method="dense").astype(int)
    heard = heard.assign(readings=2, rsrp_sum_dbm=2 * number.map(lambda place: -118 if place < 6 else -85))
    heard["h3_r9"] = heard["h3_r9"].mask(number == 8, h3.cell_to_center_child(hexagon["lonely"], 9))
    heard = heard[number < 9]
    signal = pa.Table.from_pandas(heard[SIGNALS.names], schema=SIGNALS, preserve_index=False)
    pq.write_table(signal, folder / "evidence/signals.parquet")
    last_day = pd.read_parquet(folder / "evidence/ledger.parquet", columns=["day"])["day"].max()
    record_basis(folder, date.fromisoformat(str(last_day)[:10]), 365)
    for audience in ("public", "team"):
        publish(folder, audience=audience)
    return folder
