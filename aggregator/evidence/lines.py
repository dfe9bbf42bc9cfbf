"""Roads and railways of a territory: lines with a name, from any layer.

``roads.parquet`` and ``railways.parquet`` are GeoParquet in EPSG:4326.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pyproj
import shapely
from pyogrio.errors import DataSourceError

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.line_columns import is_railway, is_road, names_of, road_kinds
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import counted, tr

LineKind = Literal["roads", "railways"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinesImported:
    """What an import of lines did.

    Attributes:
        layer: ``roads`` or ``railways``.
        lines: kept, ``km`` long in all, of which ``main_km`` are main roads; ``unnamed`` have no name.
        left_out: features without a line, or on which nobody drives or travels.
        kind_column: what told main roads from others; None where nothing did, and all are others.
    """

    layer: LineKind
    lines: int
    km: float
    main_km: float
    unnamed: int
    left_out: int
    kind_column: str | None

    def text(self) -> str:
        """For people."""
        lines, left_out = counted(self.lines, "line(s)", "ligne(s)"), counted(self.left_out, "left out", "écartée(s)")
        text = tr(
            f"{lines}, {self.km:.0f} km, {self.unnamed} without a name; {left_out}.",
            f"{lines}, {self.km:.0f} km, dont {self.unnamed} sans nom ; {left_out}.",
        )
        if self.layer == "railways":
            return text
        if self.kind_column is None:
            return text + tr(
                " No column tells main roads: all count as others.",
                " Aucune colonne ne dit les routes principales : toutes comptent comme autres.",
            )
        return text + tr(
            f" Main roads, by {self.kind_column}: {self.main_km:.0f} km.",
            f" Routes principales, d’après {self.kind_column} : {self.main_km:.0f} km.",
        )


def import_lines(
    file: Path,
    territory: Path,
    layer: LineKind,
    *,
    name_column: str | None = None,
) -> LinesImported:
    """Replace the roads or the railways of a territory.

    Args:
        file: GeoPackage, GeoJSON, shapefile or anything else GDAL reads, in any reference system it declares.
        territory: directory of the territory.
        layer: what the lines are.
        name_column: the column of their names; by default the usual ones are tried.

    Raises:
        EvidenceError: the file cannot be read, holds no line, says no reference system or lacks the column.
    """
    lines, summary = read_line_file(file, layer, name_column=name_column)
    with replacing(territory / f"{layer}.parquet") as partial:
        lines.to_parquet(partial, index=False)
    return summary


def import_roads(file: Path, territory: Path, *, name_column: str | None = None) -> LinesImported:
    """Replace the roads of a territory; see :func:`import_lines`."""
    return import_lines(file, territory, "roads", name_column=name_column)


def import_railways(file: Path, territory: Path, *, name_column: str | None = None) -> LinesImported:
    """Replace the railways of a territory; see :func:`import_lines`."""
    return import_lines(file, territory, "railways", name_column=name_column)


def read_line_file(
    file: Path, layer: LineKind, *, name_column: str | None = None
) -> tuple[gpd.GeoDataFrame, LinesImported]:
    """Lines of a file as :func:`read_lines` gives them, and what was done to get them.

    Raises:
        EvidenceError: as :func:`import_lines`.
    """
    try:
        table = pyogrio.read_dataframe(file, force_2d=True)
    except DataSourceError as error:
        raise EvidenceError(
            tr(f"{file}: not a file of lines ({error})", f"{file} : pas un fichier de lignes ({error})")
        ) from error
    if not isinstance(table, gpd.GeoDataFrame) or table.crs is None:
        raise EvidenceError(
            tr(
                f"{file}: says no coordinate reference system, expected lines on a map",
                f"{file} : système de coordonnées absent ; attendu : des lignes sur une carte",
            )
        )
    if name_column is not None and name_column not in table.columns:
        have = ", ".join(str(name) for name in table.columns if name != table.geometry.name)
        raise EvidenceError(
            tr(
                f"{file}: has no column {name_column}, it has {have or 'none'}",
                f"{file} : pas de colonne {name_column} ; il y a {have or 'aucune colonne'}",
            )
        )
    return _lines(file, table, layer, name_column)


def _lines(
    file: Path, table: gpd.GeoDataFrame, layer: LineKind, name_column: str | None
) -> tuple[gpd.GeoDataFrame, LinesImported]:
    shapes = table.geometry.to_numpy()
    is_line = np.isin(shapely.get_type_id(shapes), [1, 5]) & ~shapely.is_empty(shapes)
    if not is_line.any():
        raise EvidenceError(
            tr(
                f"{file}: holds no line, expected LineString or MultiLineString",
                f"{file} : aucune ligne ; attendu : LineString ou MultiLineString",
            )
        )
    kept = is_line & (is_road(table) if layer == "roads" else is_railway(table))
    kinds, kind_column = road_kinds(table) if layer == "roads" else (pd.Series("rail", index=table.index), None)
    parts, row = shapely.get_parts(shapes[kept], return_index=True)
    frame = pd.DataFrame(
        {
            "name": names_of(table, layer, name_column)[kept].to_numpy()[row],
            "kind": kinds[kept].to_numpy()[row],
            "geometry": np.asarray(_to_wgs_84(parts, table.crs), dtype=object),
        }
    )
    frame["_wkb"] = shapely.to_wkb(shapely.normalize(frame["geometry"].to_numpy()))
    frame = frame[shapely.length(frame["geometry"].to_numpy()) > 0]
    frame = frame.sort_values(["name", "kind", "_wkb"], ignore_index=True)
    frame = frame.drop_duplicates(["name", "kind", "_wkb"], ignore_index=True).drop(columns="_wkb")
    lines = gpd.GeoDataFrame(frame, crs=WGS_84)
    km = shapely.length(projected(lines.geometry.to_numpy(), WGS_84, LAMBERT_93)) / 1000
    return lines, LinesImported(
        layer=layer,
        lines=len(lines),
        km=round(float(km.sum()), 1),
        main_km=round(float(km[(lines["kind"] == "main").to_numpy()].sum()), 1),
        unnamed=int((lines["name"] == "").sum()),
        left_out=int((~kept).sum()),
        kind_column=kind_column,
    )


def read_lines(territory: Path, layer: LineKind) -> gpd.GeoDataFrame | None:
    """Lines of a territory: ``name`` (or empty), ``kind`` (``main`` or ``other`` for roads, ``rail``), LineString.

    In EPSG:4326; None where none were imported.
    """
    file = territory / f"{layer}.parquet"
    return gpd.read_parquet(file) if file.exists() else None


def road_km_by_hexagon(lines: gpd.GeoDataFrame) -> pd.DataFrame:
    """Kilometres of road in each hexagon, exactly, in the plane of EPSG:2154.

    Args:
        lines: as :func:`read_lines` gives them; both carriageways of a road count where both are drawn.

    Returns:
        One row per hexagon with a road, sorted: ``h3_r8``, ``main_km``, ``other_km``.
    """
    cuts = cut_by_hexagons(np.asarray(lines.geometry.to_crs(LAMBERT_93).to_numpy()))
    km = (cuts["end_m"] - cuts["start_m"]) / 1000
    main = lines["kind"].to_numpy()[cuts["line"]] == "main"
    summed = pd.DataFrame({"h3_r8": cuts["h3_r8"], "main_km": km.where(main, 0.0), "other_km": km.where(~main, 0.0)})
    return summed.groupby("h3_r8", as_index=False).sum()


def _to_wgs_84(shapes: "np.ndarray[tuple[int], np.dtype[np.object_]]", source: pyproj.CRS) -> object:
    convert = pyproj.Transformer.from_crs(source, WGS_84, always_xy=True)
    return shapely.transform(shapes, lambda points: np.column_stack(convert.transform(points[:, 0], points[:, 1])))
