"""The observatory's figures, counted by hand on a small territory."""

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, unary_union

from aggregator.evidence.claims_table import ClaimSource, read_claims, replace_claims
from aggregator.evidence.dcc import import_dcc
from aggregator.evidence.hexagons import outlines
from aggregator.evidence.territory import import_communes, import_planned_sites, import_sites, read_communes
from aggregator.judgement.basis import record_basis
from aggregator.judgement.constants import Constants
from aggregator.publication.observatory.counts import measured_counts, site_counts
from aggregator.publication.observatory.history import RELEASES, recent
from aggregator.publication.observatory.places import Places, departement_name, read_places, whole_name
from aggregator.publication.observatory.shares import DECLARED, STATES, shares_of
from aggregator.publication.observatory.table import COLUMNS, Told, table_of
from aggregator.publication.observatory.writing import COMMUNES_FILE
from aggregator.publication.release import publish
from aggregator.publication.verifying import verify

FIRST_DAY = "2026-04-06"
CENTRE = h3.latlng_to_cell(47.2, 3.5, 8)
SIX = sorted(h3.grid_ring(CENTRE, 1))
"""Six hexagons of nearly the same area: three are commune 58001, two 58002, one 21001."""
HOMES = {"58001": SIX[:3], "58002": SIX[3:5], "21001": SIX[5:]}
PEOPLE = {"58001": 300, "58002": 100, "21001": 50}
SUBJECT = {"operator": "20801", "technology": "4G"}


def communes() -> gpd.GeoDataFrame:
    shapes = [unary_union(list(outlines(np.array(cells), 4326))) for cells in HOMES.values()]
    points = [shape.representative_point() for shape in shapes]
    return gpd.GeoDataFrame(
        {
            "insee_com": list(HOMES),
            "name": ["Un", "Deux", "Trois"],
            "population": list(PEOPLE.values()),
            "insee_dep": [code[:2] for code in HOMES],
            "latitude": [point.y for point in points],
            "longitude": [point.x for point in points],
            "outline_kind": "official",
            "epci": ["200001", "200001", ""],
            "epci_name": ["CC des Amognes", "CC des Amognes", ""],
        },
        geometry=shapes,
        crs=4326,
    )


def claims(shares: list[float], *, bounded: bool = False) -> pd.DataFrame:
    columns = {**SUBJECT, "usage": "data", "level": "BC", "bounded": bounded, "accessible_share": np.nan}
    return pd.DataFrame({"h3_r8": SIX, "declared_share": shares, **columns})


def verdicts(said: dict[int, str]) -> pd.DataFrame:
    """``contradicted strong`` and so on by position among the six."""
    split = [words.partition(" ") for words in said.values()]
    cells = np.array([SIX[at] for at in said], dtype=np.int64)
    columns = {**SUBJECT, "threshold": "service", "evidence": "crowd"}
    words = {"verdict": [verdict for verdict, _, _ in split], "strength": [strength for _, _, strength in split]}
    return pd.DataFrame({"h3_r8": cells, **words}).assign(**columns)


def seen(at: list[int]) -> pd.DataFrame:
    return pd.DataFrame({"h3_r8": [SIX[one] for one in at]}).assign(**SUBJECT)


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return read_places(tmp_path_factory.mktemp("territory"), communes(), None)


def people_of(places: Places, said: dict[int, str], shares: list[float], kind: str, code: str) -> dict[str, float]:
    found = shares_of(places, verdicts(said), seen([0, 1]), claims(shares), Constants())
    at = places.of_kind(kind)["code"].tolist().index(code)
    column = places.measures.index("population")
    return dict(zip(STATES, found.by_state[kind][0, at, column], strict=True))


SAID = {0: "confirmed", 1: "contradicted strong", 3: "contradicted moderate", 4: "suspected", 5: "unclaimed_service"}
DECLARES = [1.0, 0.8, 1.0, 1.0, 0.6, 0.2]


def test_people_by_state_as_counted_by_hand(places: Places) -> None:
    # 58001: 100 people a hexagon; 58002: 50 a hexagon; 21001: 50. Hexagons of a ring differ by under 1 %.
    told = people_of(places, SAID, DECLARES, "territory", "territory")
    expected = {
        "confirmed": 100,
        "contradicted_strong": 0.8 * 100,
        "contradicted_moderate": 50,
        "suspected": 0.6 * 50,
        "unknown": 100 + 0.2 * 50,  # the third of 58001, and what is declared where no more than half is
        "undeclared_service": 0.8 * 50,
        "undeclared": 0.2 * 100 + 0.4 * 50,
        "unspoken": 0,
    }
    assert told == pytest.approx(expected, rel=0.01)
    assert sum(told.values()) == pytest.approx(450, rel=1e-9)


def test_communes_add_up_to_their_departement_and_epci(places: Places) -> None:
    found = shares_of(places, verdicts(SAID), seen([0, 3]), claims(DECLARES), Constants())
    by_commune = found.by_state["commune"][0]
    codes = places.of_kind("commune")["code"].tolist()
    nievre = [codes.index("58001"), codes.index("58002")]
    assert places.of_kind("departement")["code"].tolist() == ["21", "58"]
    for kind, at in (("departement", 1), ("epci", 0)):
        assert found.by_state[kind][0, at] == pytest.approx(by_commune[nievre].sum(axis=0))
        assert found.totals[kind][at] == pytest.approx(found.totals["commune"][nievre].sum(axis=0))
    assert found.totals["territory"][0] == pytest.approx(found.totals["departement"].sum(axis=0))
    assert found.measured["departement"][0, 1, 1] == pytest.approx(150, rel=0.01)


@settings(max_examples=25)
@given(
    said=st.lists(
        st.sampled_from(["", "confirmed", "contradicted strong", "suspected", "insufficient"]), min_size=6, max_size=6
    ),
    shares=st.lists(st.floats(0, 1), min_size=6, max_size=6),
    known=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_states_are_a_partition(places: Places, said: list[str], shares: list[float], known: list[bool]) -> None:
    rows = claims(shares, bounded=True)[known]
    told = verdicts({at: words for at, words in enumerate(said) if words})
    found = shares_of(places, told, seen([]), rows, Constants())
    for kind, by_state in found.by_state.items():
        if len(found.subjects):
            assert by_state[0].sum(axis=-1) == pytest.approx(found.totals[kind])
            declared = by_state[0, ..., : len(DECLARED)].sum(axis=-1)
            assert (declared <= found.totals[kind] + 1e-9).all()
    if len(found.subjects) and any(known):
        surface = places.measures.index("surface")
        unspoken = found.by_state["territory"][0, 0, surface, STATES.index("unspoken")]
        area = places.pieces.set_index("h3_r8")["surface"]
        assert unspoken == pytest.approx(sum(area[cell] for cell, there in zip(SIX, known, strict=True) if not there))


def test_a_grid_and_accessible_places_change_people_not_surface(places: Places, tmp_path: Path) -> None:
    rows = claims([0.5] * 6).assign(accessible_share=[1.0, *[np.nan] * 5])
    found = shares_of(places, verdicts({0: "confirmed"}), seen([]), rows, Constants())
    at = places.of_kind("commune")["code"].tolist().index("58001")
    surface, people = (
        found.by_state["commune"][0, at, places.measures.index(name), 0] for name in ("surface", "population")
    )
    area = places.pieces.set_index("h3_r8")["surface"]
    assert surface == pytest.approx(area[SIX[0]] / 2)
    assert people == pytest.approx(100, rel=0.01)
    grid = pd.DataFrame({"h3_r8": SIX, "people": [0.0, 0, 0, 10, 0, 7], "latitude": 47.2, "longitude": 3.5})
    grid.to_parquet(tmp_path / "population.parquet", index=False)
    totals = shares_of(read_places(tmp_path, communes(), None), verdicts({}), seen([]), rows, Constants()).totals
    assert totals["departement"][:, 1] == pytest.approx([7, 10])


def test_kilometres_go_to_the_commune_that_holds_their_middle(tmp_path: Path) -> None:
    ends = [h3.cell_to_latlng(SIX[0]), h3.cell_to_latlng(SIX[0])]
    (y, x), _ = ends
    line = LineString([(x - 0.001, y), (x + 0.001, y)])
    far = LineString([(4.5, 46.0), (4.51, 46.0)])
    roads = gpd.GeoDataFrame({"name": ["D 1", "D 2"], "kind": ["main", "other"]}, geometry=[line, far], crs=4326)
    roads.to_parquet(tmp_path / "roads.parquet")
    known = read_places(tmp_path, communes(), None)
    km = gpd.GeoSeries([line], crs=4326).to_crs(2154).length.iloc[0] / 1000
    found = shares_of(known, verdicts({0: "contradicted strong"}), seen([0]), claims([1.0] * 6), Constants())
    column = known.measures.index("main_roads")
    assert found.totals["territory"][0, column] == pytest.approx(km)  # the other road is in no commune
    assert found.totals["departement"][:, column] == pytest.approx([0, km])
    assert found.by_state["territory"][0, 0, column, STATES.index("contradicted_strong")] == pytest.approx(km)
    assert found.measured["territory"][0, 0, column] == pytest.approx(km)


def test_only_hexagons_of_the_territory_count() -> None:
    inside = np.array(sorted(HOMES["21001"]), dtype=np.int64)
    known = read_places(Path("/nonexistent"), communes(), inside)
    assert known.table["code"].tolist() == ["territory", "21", "21001"]
    assert shares_of(known, verdicts({}), seen([]), claims([1.0] * 6), Constants()).totals["territory"][0, 1] == pytest.approx(50)


SITES = """code_op;nom_op;num_site;latitude;longitude;site_2g;site_3g;site_4g;site_5g
20801;Orange;A1;{0};1;1;1;0
20801;Orange;A2;{0};1;1;1;1
20820;Bouygues Telecom;B1;{1};0;1;1;0
20820;Bouygues Telecom;B2;46,1;4,9;0;1;1;0
"""
DCC = """num_arrete;numero_site;nom_site_arrete;id_dossier;x_lambert_93;y_lambert_93;20801;20810;20815;20820;sites_mes;\
sites_6_mois;sites_6_24_mois;sites_attente_deploiement
2020-1;S1;NA;1;{0};1;1;0;0;1;0;0;0
2020-1;S2;NA;2;{0};1;0;0;0;0;1;0;0
2020-1;S3;NA;3;{1};1;0;0;0;0;0;0;1
"""


def test_sites_are_counted_where_they_stand(places: Places, tmp_path: Path) -> None:
    own = communes()
    at = [f"{own['latitude'][row]:.6f};{own['longitude'][row]:.6f}".replace(".", ",") for row in (0, 2)]
    (tmp_path / "sites.csv").write_text(SITES.format(*at), encoding="utf-8")
    import_sites(tmp_path / "sites.csv", tmp_path)
    (tmp_path / "planned.csv").write_text("\n".join(SITES.format(*at).splitlines()[:2]), encoding="utf-8")
    import_planned_sites(tmp_path / "planned.csv", tmp_path)
    flat = gpd.points_from_xy(own["longitude"], own["latitude"], crs=4326).to_crs(2154)
    where = [f"{point.x:.1f};{point.y:.1f}" for point in (flat[0], flat[1])]
    (tmp_path / "dcc.csv").write_text(DCC.format(*where), encoding="utf-8")
    import_dcc(tmp_path / "dcc.csv", tmp_path)
    table = site_counts(places, own, tmp_path)
    keys = ["kind", "code", "operator", "technology", "measure", "indicator"]
    counted = table.set_index(keys)["value"].to_dict()
    assert counted["departement", "58", "20801", "", "sites", "in_service"] == 2
    assert counted["departement", "58", "20801", "5G", "sites", "in_service"] == 1
    assert counted["commune", "21001", "20820", "4G", "sites", "in_service"] == 1  # the other stands in no commune
    assert counted["territory", "territory", "20801", "", "sites", "planned"] == 1
    scheme = {
        key[2:]: value for key, value in counted.items() if key[:2] == ("epci", "200001") and key[4] == "scheme_sites"
    }
    assert scheme == {
        ("", "", "scheme_sites", "in_service"): 1,
        ("", "", "scheme_sites", "waiting"): 1,
        ("", "", "scheme_sites", "within_6_months"): 1,
        ("20801", "", "scheme_sites", "in_service"): 1,
        ("20801", "", "scheme_sites", "waiting"): 1,
        ("20801", "", "scheme_sites", "within_6_months"): 1,
        ("20810", "", "scheme_sites", "in_service"): 1,
    }


def test_measurements_are_sums_of_published_rows(places: Places) -> None:
    parent = h3.cell_to_parent(SIX[5], 7)
    rows = pd.DataFrame(
        {
            "h3": [h3.int_to_str(cell) for cell in (SIX[0], SIX[1], SIX[3], parent)],
            "resolution": [8, 8, 8, 7],
            **SUBJECT,
            "threshold": "service",
            "evidence": ["crowd", "crowd", "survey", "crowd"],
            "devices": [9, 6, 1, 7],
            "tests": [40, 25, 12, 35],
            "device_days": [18, 12, 2, 20],
        }
    )
    table = measured_counts(places, communes(), rows)
    counted = table.set_index(["kind", "code", "indicator"])["value"].to_dict()
    assert counted["commune", "58001", "tests_crowd"] == 65
    assert counted["commune", "58001", "devices_at_least_crowd"] == 9
    assert counted["commune", "58002", "tests_survey"] == 12
    whole = {name: counted["territory", "territory", f"{name}_crowd"] for name in ("tests", "device_days", "cells")}
    home = places.of_kind("departement")["code"].tolist()
    inside = sum(counted.get(("departement", code, "tests_crowd"), 0) for code in home)
    assert whole["tests"] == inside
    assert whole["cells"] == 2  # a remainder is no hexagon
    assert ("commune", "21001", "tests_crowd") not in counted


def test_the_table_says_what_the_figures_say(places: Places) -> None:
    found = shares_of(places, verdicts(SAID), seen([0]), claims(DECLARES), Constants())
    told = Told(
        release="r1",
        date="2026-06-30",
        quarter="2026_T2",
        counts_quarter="2026_T1",
        claims_quarters={("20801", "4G"): "2025_T4"},
        notice="synthetic data",
    )
    nothing = site_counts(places, communes(), Path("/nonexistent"))
    table = table_of(places, found, nothing, told, ("territory", "departement", "epci"), zeros=True)
    assert table.columns.tolist() == COLUMNS
    nievre = table[(table["kind"] == "departement") & (table["code"] == "58") & (table["measure"] == "population")]
    value = nievre.set_index("indicator")["value"].astype(float)
    assert nievre["name"].unique().tolist() == ["Nièvre"]
    assert value["total"] == 400
    assert value["declared"] == pytest.approx(value[list(DECLARED)].sum(), abs=0.3)
    percent = nievre[nievre["usage"] == "data"].set_index("indicator")["percent"].astype(float)
    assert percent[list(STATES)].sum() == pytest.approx(100, abs=0.05)
    assert percent["contradicted_strong"] == pytest.approx(20, rel=0.01)
    shown = table[table["usage"] == "data"]
    assert set(shown["claims_quarter"]) == {"2025_T4"}
    assert set(shown["operator_name"]) == {"Orange"}
    communes_table = table_of(places, found, nothing, told, ("commune",), zeros=False)
    assert (communes_table["value"].astype(float) > 0).all()
    assert "suspected" not in set(communes_table.loc[communes_table["code"] == "58001", "indicator"])


def test_names_are_written_as_french_writes_them() -> None:
    assert [departement_name(code) for code in ("58", "21", "71", "90", "2A")] == [
        "Nièvre",
        "Côte-d'Or",
        "Saône-et-Loire",
        "Territoire de Belfort",
        "Corse-du-Sud",
    ]
    assert whole_name(["21", "25", "39", "58", "70", "71", "89", "90"]) == "Bourgogne-Franche-Comté"
    assert whole_name(["21", "58"]) == ""


def test_old_releases_leave_the_history(places: Places) -> None:
    rows = [{"release": f"r{number:02}", "date": f"20{number:02}-03-31", "gone": "x"} for number in range(RELEASES + 3)]
    kept = recent(pd.DataFrame(rows), COLUMNS)
    assert kept["release"].tolist() == [f"r{number:02}" for number in range(4, RELEASES + 3)]
    assert kept.columns.tolist() == COLUMNS


def test_the_epci_of_a_table_of_communes_is_kept(tmp_path: Path) -> None:
    header = "insee_com,name,population,latitude,longitude,EPCI,nom_epci"
    lines = [header, "58001,Un,10,47.0,3.0,200001,CC Un", "58002,Deux,20,47.1,3.1,,"]
    (tmp_path / "communes.csv").write_text("\n".join(lines), encoding="utf-8")
    import_communes(tmp_path / "communes.csv", tmp_path)
    kept = read_communes(tmp_path)
    assert kept[["epci", "epci_name"]].to_numpy().tolist() == [["200001", "CC Un"], ["", ""]]
    outlines_file = communes()[["insee_com", "name", "epci", "geometry"]].rename(
        columns={"insee_com": "code", "name": "nom"}
    )
    outlines_file.to_file(tmp_path / "communes.geojson", driver="GeoJSON")
    import_communes(tmp_path / "communes.geojson", tmp_path)
    assert sorted(read_communes(tmp_path)["epci"]) == ["", "200001", "200001"]


def declare(folder: Path, quarter: str) -> None:
    """Orange declares 4G where anything was measured; the verdicts, which know it, stay as they are."""
    cells = pd.read_parquet(folder / "judgement/verdicts.parquet")["h3_r8"].unique()
    rows = pd.DataFrame({"h3_r8": cells, **SUBJECT, "usage": "data", "level": "BC", "declared_share": 1.0})
    source = {"file": "couv.gpkg", "file_sha256": "0" * 64, "source": "Arcep", "licence": "LO", "bounded": False}
    (folder / "claims/sources.json").unlink()
    replace_claims(folder / "claims", rows, [ClaimSource(**SUBJECT, usage="data", quarter=quarter, **source)])
    ledger = pd.read_parquet(folder / "evidence/ledger.parquet")
    record_basis(folder, pd.Timestamp(ledger["day"].max()).date(), 365)


@pytest.fixture(scope="module")
def two_releases(
    build_data: Callable[[Path, pd.DataFrame], Path], ledger: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, Path]:
    """A release on the first days of every other device, one on everything, and the data directory."""
    whole = build_data(tmp_path_factory.mktemp("whole") / "data", ledger)
    early = pd.to_datetime(ledger["day"]) < pd.Timestamp(FIRST_DAY) + pd.Timedelta(days=40)
    few = ledger["device_token"].isin(sorted(set(ledger["device_token"]))[::2])
    folder = build_data(tmp_path_factory.mktemp("observed") / "data", ledger[early & few])
    declare(folder, "2025_T4")
    first = publish(folder)
    for name in ("evidence", "judgement"):
        for file in (whole / name).iterdir():
            (folder / name / file.name).write_bytes(file.read_bytes())
    declare(folder, "2026_T1")
    return first, publish(folder), folder


def test_history_is_what_the_release_before_said(two_releases: tuple[Path, Path, Path]) -> None:
    first, second, _ = two_releases
    before, after = (pd.read_csv(one / "observatory.csv", dtype=str, keep_default_na=False) for one in (first, second))
    assert before["release"].unique().tolist() == [first.name]
    assert after["release"].unique().tolist() == [first.name, second.name]
    pd.testing.assert_frame_equal(after[after["release"] == first.name].reset_index(drop=True), before)
    index = json.loads((second / "observatory/index.json").read_text(encoding="utf-8"))
    assert [one["release"] for one in index["releases"]] == [first.name, second.name]
    place = json.loads((second / "observatory/departement-58.json").read_text(encoding="utf-8"))
    curves = place["history"]["20801/4G"]["population"]
    key = {"kind": "departement", "operator": "20801", "technology": "4G", "measure": "population"}
    for position, name in enumerate((first.name, second.name)):
        rows = after[(after["release"] == name) & (after[list(key)] == list(key.values())).all(axis=1)]
        percent = rows.set_index("indicator")["percent"].astype(float)
        assert curves["confirmed"][position] == percent["confirmed"]
        assert curves["contradicted"][position] == percent["contradicted_strong"]
        doubted = percent["contradicted_moderate"] + percent["suspected"]
        assert curves["doubted"][position] == pytest.approx(doubted, abs=0.005)
    assert curves["declared"][0] == curves["declared"][1] > 0
    assert curves["unknown"][0] != curves["unknown"][1]
    assert place["history"]["20801/4G"]["claims_quarters"] == ["2025_T4", "2026_T1"]


def test_it_is_made_again_byte_for_byte(two_releases: tuple[Path, Path, Path]) -> None:
    _, second, folder = two_releases
    found = verify(second, folder)
    assert found.holds, found.text()
    assert found.files["observatory.csv"] == found.files[COMMUNES_FILE.format(departement="58")] == "same"
    assert found.files["observatory/departement-58.json"] == "same"


def test_it_follows_from_what_the_release_says_elsewhere(two_releases: tuple[Path, Path, Path]) -> None:
    """Whoever has the published table, the claims and the ground finds the same: nothing more is told of devices."""
    _, second, folder = two_releases
    published = pd.read_parquet(second / "hexagons.parquet")
    spoken = published.query("threshold == 'service' and resolution == 8 and verdict != ''")
    told = spoken.assign(h3_r8=[h3.str_to_int(cell) for cell in spoken["h3"]])
    ground = read_communes(folder / "territory")
    known = read_places(folder / "territory", ground, None)
    again = shares_of(
        known, told, told[["h3_r8", "operator", "technology"]], read_claims(folder / "claims"), Constants()
    )
    assert len(again.subjects)
    entry = json.loads((second / "observatory/departement-58.json").read_text("utf-8"))
    for number, subject in enumerate(again.subjects.to_dict("records")):
        (shown,) = (one for one in entry["subjects"] if {key: one[key] for key in subject} == subject)
        people = again.by_state["departement"][number, 0, known.measures.index("population")]
        assert shown["shares"]["population"] == pytest.approx(people.tolist(), abs=0.06)
