"""Part of the ground: départements whose communes were imported, or the polygons of any file.

A hexagon belongs to the part that holds its centre: two neighbouring départements share none and leave out none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from shapely import MultiPolygon, Polygon

from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, WGS_84
from aggregator.evidence.territory import read_communes
from client_sdk.messages import tr

Cells = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """Hexagons whose centre lies in a part of the ground, and what that part is.

    Attributes:
        departements: INSEE codes, sorted; empty for an outline.
        outline: name of the file of polygons; empty for départements.
        outline_sha256: its digest.
        hexagons: how many there are.
        compacted: the same as indexes of H3, seven children told by their parent, sorted.
    """

    departements: tuple[str, ...] = ()
    outline: str = ""
    outline_sha256: str = ""
    hexagons: int
    compacted: tuple[str, ...]

    @property
    def cells(self) -> Cells:
        """Every hexagon (n,), sorted."""
        whole = h3.uncompact_cells([h3.str_to_int(cell) for cell in self.compacted], HEXAGON_RESOLUTION)
        return np.array(sorted(whole), dtype=np.int64)

    def within(self, other: "Territory | None") -> "Territory":
        """The same part, without what lies outside another."""
        if other is None or other == self:
            return self
        common = np.intersect1d(self.cells, other.cells)
        return _territory(common, self.departements, self.outline, self.outline_sha256)

    def members(self) -> dict[str, Any]:
        """For JSON; :func:`territory_from` reads it back."""
        return asdict(self)


def territory_from(members: dict[str, Any] | None) -> Territory | None:
    """What :meth:`Territory.members` told, after a way through JSON."""
    if members is None:
        return None
    lists = {name: tuple(members[name]) for name in ("departements", "compacted")}
    return Territory(**{**members, **lists})


def cells_within(data: Path, departement: Sequence[str] | None = None, outline: Path | None = None) -> Cells | None:
    """Hexagons whose centre lies in some départements or in an outline, sorted; None where neither is given.

    Args:
        data: the data directory, with communes.
        departement: INSEE codes, as the communes have them in ``insee_dep``.
        outline: file with one layer of polygons, in any reference system.

    Raises:
        EvidenceError: both are given, a code has no communes, or the file is none of polygons.
    """
    found = territory_of(data, departement, outline)
    return found.cells if found else None


def territory_of(data: Path, departement: Sequence[str] | None = None, outline: Path | None = None) -> Territory | None:
    """As :func:`cells_within`, with what the hexagons are."""
    _require_one(departement, outline)
    if departement:
        codes = _codes(departement)
        return _territory(_centred(_outlines_of_departements(data, codes)), codes)
    if outline:
        return _territory(_centred(read_outline(outline)), outline=outline.name, sha256=sha256_of(outline))
    return None


def shape_of(
    data: Path, departement: Sequence[str] | None = None, outline: Path | None = None
) -> Polygon | MultiPolygon | None:
    """The same part as one geometry in WGS 84, for cutting other files to it.

    Where neither is given, all communes; None where there are none, or where they are no area.

    Raises:
        EvidenceError: as :func:`cells_within`.
    """
    _require_one(departement, outline)
    if outline:
        parts = read_outline(outline)
    elif departement or (data / "territory" / "communes.parquet").exists():
        parts = _outlines_of_departements(data, _codes(departement))
    else:
        return None
    union = shapely.union_all(np.array(parts, dtype=object))
    return union if isinstance(union, Polygon | MultiPolygon) else None


def read_outline(file: Path) -> list[shapely.Geometry]:
    """Polygons of a file in WGS 84.

    Raises:
        EvidenceError: it cannot be read, has several layers, no reference system, or something else than polygons.
    """
    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(file) if kind is not None]
        if len(layers) != 1:
            raise EvidenceError(
                tr(
                    f"{file}: has {len(layers)} layers of shapes, expected one",
                    f"{file} : {len(layers)} couches de formes ; attendu : une seule",
                )
            )
        table = gpd.read_file(file, layer=layers[0])
    except (DataSourceError, DataLayerError) as error:
        raise EvidenceError(
            tr(f"{file}: not a file of polygons ({error})", f"{file} : pas un fichier de polygones ({error})")
        ) from error
    if table.crs is None:
        raise EvidenceError(
            tr(
                f"{file}: states no reference system, expected one (a .prj beside a shapefile)",
                f"{file} : système de coordonnées absent ; attendu : un .prj à côté d’un shapefile",
            )
        )
    shapes = table.to_crs(WGS_84).geometry.to_numpy()
    shapes = shapely.make_valid(shapes[~shapely.is_missing(shapes)])
    parts = [part for part in shapely.get_parts(shapely.get_parts(shapes)) if part.area > 0]
    wrong = sorted({part.geom_type for part in parts} - {"Polygon", "MultiPolygon"})
    if wrong or not parts:
        raise EvidenceError(
            tr(
                f"{file}: holds {', '.join(wrong) or 'no area'}, expected Polygon or MultiPolygon",
                f"{file} : contient {', '.join(wrong) or 'aucune surface'} ; attendu : Polygon ou MultiPolygon",
            )
        )
    return parts


def _require_one(departement: Sequence[str] | None, outline: Path | None) -> None:
    if departement and outline:
        raise EvidenceError(
            tr(
                "--departement and --outline: both given, expected one of them",
                "--departement et --outline : les deux sont donnés ; attendu : l'un des deux",
            )
        )


def _codes(departement: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(sorted({code.strip().upper() for code in departement or ()}))


def _outlines_of_departements(data: Path, codes: tuple[str, ...]) -> list[shapely.Geometry]:
    """Outlines of the communes of some départements, of all where none is named."""
    communes = read_communes(data / "territory")
    known = sorted(communes["insee_dep"].unique())
    unknown = [code for code in codes if code not in known]
    if unknown:
        raise EvidenceError(
            tr(
                f"--departement {unknown[0]}: no commune imported, expected one of {', '.join(known)}",
                f"--departement {unknown[0]} : aucune commune importée ; attendu : {', '.join(known)}",
            )
        )
    return list(communes.loc[communes["insee_dep"].isin(codes or known)].geometry)


def _centred(areas: Iterable[shapely.Geometry]) -> Cells:
    """Hexagons whose centre lies in one of the areas (WGS 84), sorted."""
    found: set[int] = set()
    for area in areas:
        for part in shapely.get_parts(area):
            if part.geom_type == "Polygon" and not part.is_empty:
                found.update(h3.h3shape_to_cells(h3.geo_to_h3shape(part), HEXAGON_RESOLUTION))
    return np.array(sorted(found), dtype=np.int64)


def _territory(cells: Cells, departements: tuple[str, ...] = (), outline: str = "", sha256: str = "") -> Territory:
    compacted = sorted(h3.int_to_str(cell) for cell in h3.compact_cells(cells.tolist()))
    return Territory(
        departements=departements,
        outline=outline,
        outline_sha256=sha256,
        hexagons=len(cells),
        compacted=tuple(compacted),
    )
