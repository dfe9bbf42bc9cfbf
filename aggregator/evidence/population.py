"""People on a grid, in place of communes' people spread evenly over their area.

Read are INSEE's 200 m squares (``idcar_200m`` or ``lcog_geo``, with ``ind``), hexagons of H3 (``h3`` or ``h3_r8``, with
``population``, as Kontur has them), any polygons or points with a count, and tables with ``latitude`` and
``longitude``. ``population.parquet`` holds the people of each hexagon and the middle of where they live;
``inhabited.parquet`` the places of people that are known more exactly than by hexagon: centres of squares and of finer
cells, and points.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError

from aggregator.evidence.areas import overlaps, polygons_of, subdivided
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, LAMBERT_93, WGS_84, covering, outlines, parent, transformer
from aggregator.evidence.tables import lenient_numbers, read_table
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import tr

COUNTS = ("ind", "population", "people", "pop", "count")
"""Names a column of people may have, the first found counts."""
SQUARES = ("idcar_200m", "idcar_1km", "lcog_geo")
"""Names of the column that holds INSEE's squares: ``CRS3035RES200mN2029800E4252400``, the south-west corner."""
SQUARE_SYSTEM = 3035
SOURCE_FILE = "population.json"
INHABITED_FILE = "inhabited.parquet"

LARGEST_SQUARE_M = 500.0
"""Ours: the centre of a larger square does not say where in a hexagon, 900 m across, people live."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationImported:
    """What an import of a grid did.

    Attributes:
        cells: rows of the file with people, ``left_out`` of which lie outside the territory's communes.
        people: in the territory's hexagons.
        hexagons: with people.
        people_of_communes: what the communes have in all, to hold it against; 0 where none were imported.
    """

    cells: int
    left_out: int
    people: int
    hexagons: int
    people_of_communes: int

    def text(self) -> str:
        """For people."""
        return tr(
            f"{self.people} people in {self.hexagons} hexagons, from {self.cells} cells of which {self.left_out} "
            f"outside the communes; the communes have {self.people_of_communes}.",
            f"{self.people} habitants dans {self.hexagons} hexagones, d’après {self.cells} carreaux dont "
            f"{self.left_out} hors des communes ; les communes en comptent {self.people_of_communes}.",
        )


def import_population(file: Path, territory: Path) -> PopulationImported:
    """Replace the grid of people of a territory; only hexagons that touch its communes are kept, where there are some.

    Raises:
        EvidenceError: the file has no people or no places; the message names the columns expected.
    """
    people, cells = _people(file)
    communes = territory / "communes.parquet"
    whole, left_out, known = float(people["people"].sum()), 0, 0
    if communes.exists():
        frame = gpd.read_parquet(communes)
        inside = np.isin(people["h3_r8"].to_numpy(np.int64), covering(frame.geometry))
        left_out, known = int((~inside).sum()), int(frame["population"].sum())
        people = people[inside]
    if people.empty:
        raise EvidenceError(
            tr(
                f"{file}: nobody lives in the territory's communes ({whole:.0f} people elsewhere)",
                f"{file} : personne dans les communes du territoire ({whole:.0f} habitants ailleurs)",
            )
        )
    weight = people["people"].to_numpy()
    sums = people.assign(latitude=people["latitude"] * weight, longitude=people["longitude"] * weight)
    by_hexagon = sums.groupby("h3_r8", as_index=False)[["people", "latitude", "longitude"]].sum()
    for name in ("latitude", "longitude"):
        by_hexagon[name] = (by_hexagon[name] / by_hexagon["people"]).round(6)
    by_hexagon["people"] = by_hexagon["people"].round(3)
    summary = PopulationImported(
        cells=cells,
        left_out=left_out,
        people=round(float(by_hexagon["people"].sum())),
        hexagons=len(by_hexagon),
        people_of_communes=known,
    )
    about = {"file": file.name, "file_sha256": sha256_of(file), **asdict(summary)}
    with replacing(territory / "population.parquet") as new_people, replacing(territory / SOURCE_FILE) as new_source:
        by_hexagon.to_parquet(new_people, index=False)
        new_source.write_text(json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    _write_inhabited(people, territory)
    return summary


def read_population(territory: Path) -> pd.DataFrame | None:
    """``h3_r8, people, latitude, longitude`` (of the middle of the people), sorted; None where no grid was imported."""
    file = territory / "population.parquet"
    return pd.read_parquet(file) if file.exists() else None


def read_inhabited(territory: Path) -> pd.DataFrame | None:
    """``latitude, longitude`` of places where people live, sorted; None where no grid says it more than by hexagon."""
    file = territory / INHABITED_FILE
    return pd.read_parquet(file) if file.exists() else None


def _write_inhabited(people: pd.DataFrame, territory: Path) -> None:
    places = people.loc[people["exact"], ["latitude", "longitude"]].round(6).drop_duplicates()
    if places.empty:
        (territory / INHABITED_FILE).unlink(missing_ok=True)
        return
    with replacing(territory / INHABITED_FILE) as partial:
        places.sort_values(["latitude", "longitude"], ignore_index=True).to_parquet(partial, index=False)


def population_source(territory: Path) -> str:
    """Where people come from, in words that travel with every figure."""
    file = territory / SOURCE_FILE
    if not file.exists():
        return "communes, spread evenly over their area"
    return f"grid {json.loads(file.read_text(encoding='utf-8'))['file']}"


def _people(file: Path) -> tuple[pd.DataFrame, int]:
    """People of hexagons, several rows each, and cells with people.

    Returns:
        ``h3_r8, people, latitude, longitude``, and ``exact``: whether that place is known within the hexagon; and how
        many rows of the file have people.
    """
    table = _read(file)
    count = _count(file, table)
    kept = count > 0
    table, count = table[kept].reset_index(drop=True), count[kept]
    square = next((name for name in SQUARES if name in table), None)
    index = next((name for name in ("h3_r8", "h3") if name in table), None)
    if index is not None and _resolution(table[index]) >= HEXAGON_RESOLUTION:
        cells = [int(text) if str(text).isdigit() else h3.str_to_int(str(text)) for text in table[index]]
        return _at_centres(np.array(cells, dtype=np.int64), count), len(table)
    if square is not None:
        places, side_m = _square_centres(file, table[square])
        return _at(places, count).assign(exact=side_m <= LARGEST_SQUARE_M), len(table)
    if isinstance(table, gpd.GeoDataFrame):
        shapes = table.to_crs(WGS_84).geometry.to_numpy() if table.crs is not None else table.geometry.to_numpy()
        if (shapely.get_type_id(shapes) == shapely.GeometryType.POINT).all():
            return _at(np.column_stack([shapely.get_y(shapes), shapely.get_x(shapes)]), count), len(table)
        return _spread(shapes, count), len(table)
    if {"latitude", "longitude"} <= set(table.columns):
        places = np.column_stack([lenient_numbers(table["latitude"]), lenient_numbers(table["longitude"])])
        if not np.isfinite(places).all():
            row = int(np.flatnonzero(~np.isfinite(places).all(axis=1))[0])
            raise EvidenceError(
                tr(
                    f"{file}: {table.iloc[row].to_dict()} has no latitude and longitude",
                    f"{file} : {table.iloc[row].to_dict()} n’a pas de latitude et de longitude",
                )
            )
        return _at(places, count), len(table)
    places_expected = ", ".join([*SQUARES, "h3", "latitude and longitude"])
    raise EvidenceError(
        tr(
            f"{file}: says nowhere where people live, expected a column {places_expected}, or geometry",
            f"{file} : ne dit pas où les gens habitent ; attendu : une colonne {places_expected}, ou une géométrie",
        )
    )


def _read(file: Path) -> pd.DataFrame:
    if file.suffix.lower() == ".csv":
        return read_table(file)
    try:
        table: gpd.GeoDataFrame = gpd.read_file(file)
    except DataSourceError as error:
        raise EvidenceError(
            tr(
                f"{file}: neither a table nor a file of shapes ({error})",
                f"{file} : ni un tableau ni un fichier de formes ({error})",
            )
        ) from error
    lower = {name: str(name).lower() for name in table.columns if name != table.geometry.name}
    named: pd.DataFrame = table.rename(columns=lower)
    return named


def _count(file: Path, table: pd.DataFrame) -> NDArray[np.float64]:
    name = next((name for name in COUNTS if name in table), None)
    if name is None:
        raise EvidenceError(
            tr(
                f"{file}: has no column of people, expected one of {', '.join(COUNTS)}",
                f"{file} : pas de colonne d’habitants ; attendu : {', '.join(COUNTS)}",
            )
        )
    count = lenient_numbers(table[name].astype(str))
    wrong = ~(count >= 0)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise EvidenceError(
            tr(
                f"{file}, line {row + 2}: {name} is {table[name].iloc[row]!r}, expected a number from 0 on",
                f"{file}, ligne {row + 2} : {name} vaut {table[name].iloc[row]!r} ; attendu : un nombre à partir de 0",
            )
        )
    return count


def _resolution(indexes: pd.Series) -> int:
    """Coarsest resolution of H3 indexes, as texts or numbers."""
    numbers = [int(text) if str(text).isdigit() else int(str(text), 16) for text in indexes.unique()]
    return min(((number >> 52) & 15 for number in numbers), default=0)


def _square_centres(file: Path, texts: "pd.Series[str]") -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude (n, 2) of the middles of INSEE's squares, and their sides (n,) in metres."""
    parts = texts.astype(str).str.extract(r"RES(\d+)(k?m)N(\d+)E(\d+)$")
    wrong = parts.isna().any(axis=1).to_numpy()
    if wrong.any():
        text = texts.iloc[int(np.flatnonzero(wrong)[0])]
        raise EvidenceError(
            tr(
                f"{file}: {texts.name} is {text!r}, expected one like CRS3035RES200mN2029800E4252400",
                f"{file} : {texts.name} vaut {text!r} ; attendu : comme CRS3035RES200mN2029800E4252400",
            )
        )
    side_m = parts[0].to_numpy(np.float64) * np.where(parts[1] == "km", 1000.0, 1.0)
    north, east = parts[2].to_numpy(np.float64) + side_m / 2, parts[3].to_numpy(np.float64) + side_m / 2
    longitude, latitude = transformer(SQUARE_SYSTEM, WGS_84).transform(east, north)
    return np.column_stack([latitude, longitude]), side_m


def _at(places: NDArray[np.float64], count: NDArray[np.float64]) -> pd.DataFrame:
    """People at points, each in the parent of its resolution 9 cell."""
    nine = [h3.str_to_int(h3.latlng_to_cell(latitude, longitude, 9)) for latitude, longitude in places]
    cells = parent(np.array(nine, dtype=np.int64), HEXAGON_RESOLUTION)
    columns = {"h3_r8": cells, "people": count, "latitude": places[:, 0], "longitude": places[:, 1], "exact": True}
    return pd.DataFrame(columns)


def _at_centres(cells: NDArray[np.int64], count: NDArray[np.float64]) -> pd.DataFrame:
    """People of H3 cells, hexagons or finer, in the middle of each."""
    places = np.array([h3.cell_to_latlng(h3.int_to_str(int(cell))) for cell in cells]).reshape(-1, 2)
    return pd.DataFrame(
        {
            "h3_r8": parent(cells, HEXAGON_RESOLUTION),
            "people": count,
            "latitude": places[:, 0],
            "longitude": places[:, 1],
            "exact": (cells >> 52 & 15) > HEXAGON_RESOLUTION,
        }
    )


def _spread(shapes: NDArray[np.object_], count: NDArray[np.float64]) -> pd.DataFrame:
    """People of polygons (WGS 84), spread evenly over each one's area."""
    to_plane = transformer(WGS_84, LAMBERT_93)
    polygons, owner = polygons_of(
        shapely.transform(shapes, lambda at: np.column_stack(to_plane.transform(at[:, 0], at[:, 1])))
    )
    cells = covering(shapes)
    pieces, polygon = subdivided(polygons)
    piece, hexagon, area = overlaps(pieces, outlines(cells, LAMBERT_93))
    shape = owner[polygon[piece]]
    share = area / np.bincount(shape, weights=area, minlength=len(count))[shape]
    return _at_centres(cells[hexagon], count[shape] * share)
