"""What lies around zones: decisions of the DCC, planned antennas, roads."""

from pathlib import Path

import geopandas as gpd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString
from typer.testing import CliRunner

from aggregator.commands.inputs import KINDS, territory
from aggregator.evidence.dcc import import_dcc, read_dcc
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.lines import road_km_by_hexagon
from client_sdk.messages import use_language

POINTS = (
    '"id_point";"num_arrete";"date_publication_arrete";"id_dossier";"nom_dossier";"code_insee";"x_lambert_93";'
    '"y_lambert_93";"20801";"20810";"20815";"20820";"nom_point_arrete"\n'
    '"1";"2019-3";"2019-03-01";"12";"LE CREUX";"58001";"737947.0";"6655443.0";"1";"0";"1";"0";"Mairie"\n'
    '"2";"2019-3";"2019-03-01";"12";"LE CREUX";"58001";NA;NA;"1";"0";"1";"0";"Sans lieu"\n'
)
SITES = (
    "num_arrete;numero_site;nom_site_arrete;id_dossier;nom_de_la_zone;x_lambert_93;y_lambert_93;20801;20810;20815;20820;"
    "op_leader;sites_demandes;sites_mes\n"
    "2019-3;5;NA;12;LE CREUX;737900;6655400;1;1;1;1;20815;1;1\n2020-1;6;NA;13;LE VAL;740000;6650000;0;1;0;0;20810;1;0\n"
)


def test_points_and_sites_of_the_dcc_are_kept_beside_each_other(tmp_path: Path) -> None:
    assert read_dcc(tmp_path) is None
    (tmp_path / "poi.csv").write_text(POINTS)
    (tmp_path / "sites.csv").write_text(SITES)
    imported = import_dcc(tmp_path / "poi.csv", tmp_path)
    assert (imported.kind, imported.decided, imported.left_out) == ("points", 1, 1)
    for _ in range(2):
        assert import_dcc(tmp_path / "sites.csv", tmp_path).decided == 2
    dcc = read_dcc(tmp_path)
    assert dcc is not None
    assert dcc[["kind", "dossier", "name", "operators", "in_service"]].to_numpy().tolist() == [
        ["points", "12", "Mairie", "20801 20815", False],
        ["sites", "12", "LE CREUX", "20801 20810 20815 20820", True],
        ["sites", "13", "LE VAL", "20810", False],
    ]
    assert dcc.to_crs(2154).geometry.x.tolist() == pytest.approx([737_947, 737_900, 740_000], abs=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (POINTS.replace('"20820"', '"208"'), "has no column 20820"),
        (SITES.replace("numero_site", "numero"), "expected a column id_point"),
        (
            SITES.replace("6655400", "NA").replace("6650000", "NA"),
            "no row has a position in Lambert-93 and an operator",
        ),
    ],
)
def test_another_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "f.csv").write_text(text)
    with pytest.raises(EvidenceError, match=message):
        import_dcc(tmp_path / "f.csv", tmp_path)


def test_every_kind_is_imported_by_the_same_command(tmp_path: Path) -> None:
    use_language("en")
    files = {
        "communes": "insee_com,name,population,latitude,longitude\n58001,A,10,47.0,3.5\n58002,B,10,47.1,3.5\n",
        "population": "latitude,longitude,people\n47.0,3.5,15\n",
        "sites": "code_op;latitude;longitude\n20801;47;3.5\n",
        "planned-sites": "code_op;latitude;longitude\n20815;47;3.5\n",
        "dcc": POINTS,
    }
    assert set(files) <= set(KINDS)
    told = {}
    for kind, text in files.items():
        (tmp_path / f"{kind}.csv").write_text(text)
        done = CliRunner().invoke(territory, [kind, str(tmp_path / f"{kind}.csv"), "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output
        told[kind] = " ".join(done.output.split())
    assert told["population"].startswith("15 people in 1 hexagons")
    assert told["dcc"] == "1 decided point of the DCC; 1 row left out."
    written = {file.name for file in (tmp_path / "territory").iterdir()}
    assert written == {"communes.parquet", "dcc.parquet", "planned-sites.parquet", "sites.parquet"} | {
        "population.parquet",
        "population.json",
        "inhabited.parquet",
    }
    refused = CliRunner().invoke(
        territory, ["dcc", str(tmp_path / "dcc.csv"), "--population", str(tmp_path / "dcc.csv")]
    )
    assert "--population goes with communes alone" in str(refused.exception)


corners = st.tuples(st.floats(735_000, 745_000), st.floats(6_625_000, 6_635_000))


@settings(max_examples=25, deadline=None)
@given(drawn=st.lists(st.lists(corners, min_size=2, max_size=5, unique=True), min_size=1, max_size=4))
def test_the_kilometres_of_all_hexagons_are_those_of_the_roads(drawn: list[list[tuple[float, float]]]) -> None:
    lines = [LineString(line) for line in drawn]
    kinds = ["main" if row % 2 else "other" for row in range(len(lines))]
    roads = gpd.GeoDataFrame({"name": kinds, "kind": kinds}, geometry=lines, crs=2154).to_crs(4326)
    table = road_km_by_hexagon(roads)
    for kind in ("main", "other"):
        whole = sum(line.length for line, own in zip(lines, kinds, strict=True) if own == kind) / 1000
        assert table[f"{kind}_km"].sum() == pytest.approx(whole, rel=1e-4, abs=1e-6)
    assert table["h3_r8"].is_monotonic_increasing
