"""Part of the ground: départements of imported communes, or any file of polygons."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from h3.api import basic_int as h3
from shapely import LineString, Point, box

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.outline import cells_within, shape_of, territory_from, territory_of
from aggregator.evidence.territory import import_communes

CENTRES = """insee_com,name,population,latitude,longitude
58095,Decize,5200,46.8289,3.4622
58087,Cossaye,700,46.7722,3.4817
71176,Digoin,7600,46.4806,3.9797
71106,Charolles,2700,46.4353,4.2756
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    centres = tmp_path / "centres.csv"
    centres.write_text(CENTRES, encoding="utf-8")
    import_communes(centres, tmp_path / "territory")
    return tmp_path


def test_a_departement_has_the_hexagons_centred_in_its_communes(data: Path) -> None:
    nievre, both = cells_within(data, ["58"]), cells_within(data, ["58", "71"])
    loire = cells_within(data, [" 71 "])
    assert nievre is not None
    assert loire is not None
    assert both is not None
    assert nievre.dtype == np.int64
    assert (np.diff(nievre) > 0).all()
    assert len(np.intersect1d(nievre, loire)) == 0
    assert np.array_equal(np.union1d(nievre, loire), both)
    shape = shape_of(data, ["58"])
    assert all(shape.contains(Point(h3.cell_to_latlng(int(cell))[::-1])) for cell in nievre[::40])
    rim = {near for cell in nievre for near in h3.grid_ring(int(cell), 1)} - set(nievre.tolist())
    assert not any(shape.contains(Point(h3.cell_to_latlng(cell)[::-1])) for cell in sorted(rim)[::7])


def test_neither_is_everything_and_both_are_refused(data: Path, tmp_path: Path) -> None:
    assert cells_within(data) is None
    with pytest.raises(EvidenceError, match="both given"):
        cells_within(data, ["58"], tmp_path / "outline.gpkg")


def test_a_code_without_communes_lists_those_known(data: Path) -> None:
    with pytest.raises(EvidenceError, match=r"--departement 21: no commune imported, expected one of 58, 71"):
        cells_within(data, ["21"])


@pytest.mark.parametrize(("name", "epsg"), [("outline.gpkg", 2154), ("outline.geojson", 4326), ("outline.shp", 3857)])
def test_an_outline_may_be_in_any_reference_system(data: Path, tmp_path: Path, name: str, epsg: int) -> None:
    area = gpd.GeoSeries([box(3.40, 46.75, 3.55, 46.85)], crs=4326)
    area.to_crs(epsg).to_file(tmp_path / name)
    cells = cells_within(data, None, tmp_path / name)
    assert cells is not None
    centres = np.array([h3.cell_to_latlng(int(cell)) for cell in cells])
    assert (centres[:, 0] > 46.7499).all()
    assert (centres[:, 0] < 46.8501).all()
    assert (centres[:, 1] > 3.3999).all()
    assert (centres[:, 1] < 3.5501).all()
    # 11.4 km × 11.1 km at about 0.72 km² a hexagon at this latitude
    assert len(cells) == pytest.approx(127 / 0.72, rel=0.06)


@pytest.mark.parametrize(
    ("shape", "crs", "complaint"),
    [(LineString([(3, 46), (4, 47)]), 4326, "holds no area"), (box(3, 46, 4, 47), None, "states no reference system")],
)
def test_what_is_no_outline_is_refused(
    data: Path, tmp_path: Path, shape: object, crs: int | None, complaint: str
) -> None:
    file = tmp_path / "outline.gpkg"
    table = gpd.GeoDataFrame(geometry=[shape], crs=crs)
    if crs is None:
        file = tmp_path / "outline.shp"
    table.to_file(file)
    with pytest.raises(EvidenceError, match=complaint):
        cells_within(data, None, file)


def test_a_territory_survives_json_and_stays_within_another(data: Path) -> None:
    nievre, both = territory_of(data, ["58"]), territory_of(data, ["58", "71"])
    assert nievre is not None
    assert both is not None
    again = territory_from(nievre.members())
    assert again == nievre
    assert np.array_equal(again.cells, cells_within(data, ["58"]))
    assert nievre.hexagons == len(nievre.cells) > len(nievre.compacted)
    assert np.array_equal(both.within(nievre).cells, nievre.cells)
    assert nievre.within(None) is nievre
