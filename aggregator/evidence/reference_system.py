"""The coordinate reference system that a file of coverage is taken to be in, held against its extent."""

import re
from pathlib import Path

import numpy as np
from pyproj import CRS
from pyproj.exceptions import CRSError

from aggregator.evidence.coverage_file import Part
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import WGS_84, transformer
from aggregator.evidence.layout import Layout
from client_sdk.messages import tr

EAST_MARGIN_DEGREES, NORTH_MARGIN_DEGREES = 6.0, 2.0
"""Ours: how far a file may reach beyond where its reference system is meant to be used. A whole country in one UTM zone
reaches into the next one; to the north, Réunion's coordinates taken for Lambert-93 would lie 4.5° beyond."""


def system_of(parts: list[Part], layout: Layout, file: Path) -> CRS:
    """The system a layout says, else the one that the file declares.

    Raises:
        EvidenceError: neither says one, layers differ, or the file's extent lies elsewhere.
    """
    said = next((system for pattern, system in layout.zones.items() if _named(pattern, parts, file)), layout.system)
    declared = {said} if said else {part.system for part in parts}
    if layout.place.h3:
        return CRS.from_user_input(WGS_84)
    if len(declared) > 1:
        raise EvidenceError(
            tr(
                f"{file.name}: its layers are in several reference systems, {', '.join(sorted(declared))}; say one "
                "with --crs",
                f"{file.name} : ses couches sont dans plusieurs systèmes, {', '.join(sorted(declared))} ; dites-en un "
                "par --crs",
            )
        )
    (named,) = declared
    if not named:
        raise EvidenceError(
            tr(
                f"{file.name}: declares no reference system; say it with --crs, like EPSG:3035",
                f"{file.name} : ne déclare aucun système de coordonnées ; dites-le par --crs, comme EPSG:3035",
            )
        )
    try:
        system = CRS.from_user_input(named)
    except CRSError as error:
        raise EvidenceError(
            tr(
                f"{file.name}: its reference system {named} is not known, expected one like EPSG:3035",
                f"{file.name} : système de coordonnées {named} inconnu ; attendu : comme EPSG:3035",
            )
        ) from error
    for part in parts:
        _require_there(part, system, named)
    return system


def _named(pattern: str, parts: list[Part], file: Path) -> bool:
    return any(re.search(pattern, name) for name in (file.name, *(part.name for part in parts)))


def _require_there(part: Part, system: CRS, named: str) -> None:
    """Refuse an extent where the system is not used: its coordinates are of another one."""
    if part.extent is None:
        return
    west, south, east, north = part.extent
    extent = f"x {west:.10g} … {east:.10g}, y {south:.10g} … {north:.10g}"
    degrees = max(abs(west), abs(east)) <= 180 and max(abs(south), abs(north)) <= 90
    if degrees and not system.is_geographic:
        raise EvidenceError(
            tr(
                f"{part.name}: its extent is {extent}, which looks like degrees, expected metres of {named}; is it "
                "--crs EPSG:4326?",
                f"{part.name} : son étendue est {extent}, en degrés ; attendu : des mètres de {named} ; est-ce "
                "--crs EPSG:4326 ?",
            )
        )
    x, y = transformer(system, WGS_84).transform(
        np.array([west, east, west, east]), np.array([south, south, north, north])
    )
    area = system.area_of_use
    used = (area.west, area.south, area.east, area.north) if area is not None else (-180.0, -90.0, 180.0, 90.0)
    wide = used[2] < used[0]  # across the antimeridian
    fits = (
        np.isfinite(x) & np.isfinite(y) & (y >= used[1] - NORTH_MARGIN_DEGREES) & (y <= used[3] + NORTH_MARGIN_DEGREES)
    )
    fits &= wide | ((x >= used[0] - EAST_MARGIN_DEGREES) & (x <= used[2] + EAST_MARGIN_DEGREES))
    if system.is_geographic and not degrees:
        fits[:] = max(abs(west), abs(east)) <= 360 and max(abs(south), abs(north)) <= 90
    if not fits.all():
        where = area.name if area is not None else named
        raise EvidenceError(
            tr(
                f"{part.name}: its extent is {extent}, expected coordinates of {named} ({where}); say the right system "
                "with --crs",
                f"{part.name} : son étendue est {extent} ; attendu : des coordonnées de {named} ({where}) ; dites le "
                "bon système par --crs",
            )
        )
