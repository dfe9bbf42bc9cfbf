"""What the rules rest on beside the database: the project's territory, and the networks its operators use."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

import shapely

from client_sdk.messages import tr
from collector.errors import SettingsError
from collector.settings import OPERATOR_ASNS, Settings


@dataclass(frozen=True)
class Territory:
    """The area that a project is about, in degrees of WGS 84."""

    outline: shapely.Geometry

    def covers(self, latitude: float, longitude: float) -> bool:
        """Whether a position lies in it or on its border."""
        return bool(shapely.intersects_xy(self._prepared, longitude, latitude))

    @cached_property
    def _prepared(self) -> shapely.Geometry:
        shapely.prepare(self.outline)
        return self.outline


@dataclass(frozen=True, slots=True)
class Grounds:
    """What was configured.

    Attributes:
        territory: without one, no sample lies outside.
        operator_asns: operator → autonomous systems from which its SIMs are expected to come.
    """

    territory: Territory | None = None
    operator_asns: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType(OPERATOR_ASNS))


def read_grounds(settings: Settings) -> Grounds:
    """What the settings say.

    Raises:
        SettingsError: the territory's file cannot be read.
    """
    territory = read_territory(settings.territory) if settings.territory else None
    return Grounds(territory, settings.operator_asns)


def read_territory(file: Path) -> Territory:
    """The polygons of a GeoJSON file (RFC 7946), taken together.

    Raises:
        SettingsError: the file is missing, is no GeoJSON or holds no polygon.
    """
    try:
        parts = shapely.get_parts(shapely.from_geojson(file.read_text(encoding="utf-8")))
        polygons = [part for part in parts if part.geom_type in ("Polygon", "MultiPolygon") and not part.is_empty]
        outline = shapely.union_all(polygons)
    except (OSError, ValueError, shapely.errors.ShapelyError) as error:
        reason = str(error).splitlines()[0]
        raise SettingsError(
            tr(
                f"MAILLE_TERRITORY: {file} cannot be read as GeoJSON ({reason})",
                f"MAILLE_TERRITORY : {file} n’est pas lisible comme GeoJSON ({reason})",
            )
        ) from error
    if outline.is_empty:
        raise SettingsError(
            tr(
                f"MAILLE_TERRITORY: {file} holds no polygon, expected the territory’s outlines",
                f"MAILLE_TERRITORY : {file} ne contient aucun polygone, attendu : les contours du territoire",
            )
        )
    return Territory(outline)
