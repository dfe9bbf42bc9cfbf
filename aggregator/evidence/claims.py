"""Operators' declared coverage → the share of each hexagon that is declared covered.

``import_coverage`` reads a file as a layout says and replaces what was known for the same operator, technology and
usage. A place under several levels counts for the best of them: verdicts add the shares of all levels. Where roads or
people are known, the share of each hexagon's accessible part goes beside that of its area.
"""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from shapely import MultiPolygon, Polygon

from aggregator.evidence.accessible import Accessible
from aggregator.evidence.claims_table import (
    CLAIM_KEYS,
    SHARES,
    ClaimSource,
    read_claim_sources,
    read_claims,
    replace_claims,
)
from aggregator.evidence.coverage_file import Batch, Bounds, Part, batches, no_polygon, only_polygons, opened, parts_of
from aggregator.evidence.coverage_rows import Declared, Names, Subject, declared_in, subjects_named
from aggregator.evidence.declared_area import DeclaredArea, Plane
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import Cells, covering
from aggregator.evidence.layout import Layout, read_layout
from aggregator.evidence.places import cells_in, squares_in
from aggregator.evidence.quarters import Days, quarter_in
from aggregator.evidence.reference_system import system_of
from client_sdk.messages import tr

__all__ = ["ClaimSource", "import_arcep", "import_coverage", "import_grid", "read_claim_sources", "read_claims"]

Progress = Callable[[str, float], None]

LEAST_KNOWN_SHARE = 0.5
"""Ours: a hexagon of which less is spoken of is left out, and so is an accessible part."""

READ = 0.9
"""Ours: share of the progress bar that reading takes."""


def import_arcep(
    file: Path,
    claims: Path,
    *,
    within: Polygon | MultiPolygon | Cells | None = None,
    quarter: str | None = None,
    source: str | None = None,
    licence: str | None = None,
    progress: Progress | None = None,
) -> list[ClaimSource]:
    """Import a file in Arcep's layout; see :func:`import_coverage`."""
    layout = read_layout("arcep").with_constants(quarter=quarter, source=source, licence=licence)
    return import_coverage(file, claims, layout, within=within, progress=progress)


def import_grid(file: Path, claims: Path, *, quarter: str = "", progress: Progress | None = None) -> list[ClaimSource]:
    """Import the Bundesnetzagentur's 100 m grid; see :func:`import_coverage`."""
    layout = read_layout("bnetza-grid").with_constants(quarter=quarter)
    return import_coverage(file, claims, layout, progress=progress)


def import_coverage(
    file: Path,
    claims: Path,
    layout: Layout,
    *,
    within: Polygon | MultiPolygon | Cells | None = None,
    accessible: Accessible | None = None,
    progress: Progress | None = None,
) -> list[ClaimSource]:
    """Import a file of declared coverage.

    Args:
        file: anything GDAL reads, or a CSV; alone or in a 7z or ZIP archive.
        claims: directory of the claims.
        layout: how to read it.
        within: territory in WGS 84, or its hexagons; only hexagons that touch it are kept, each with its exact share.
            Without it the file is taken to be the whole of the operator's declaration.
        accessible: part of the territory, see :func:`aggregator.evidence.accessible.read_accessible`.
        progress: told the file's name and the fraction done.

    Returns:
        Provenance of what was imported, one entry per operator, technology and usage.

    Raises:
        EvidenceError: the file is not in the layout, or neither it nor its name say what it declares; its extent is not
            one of its reference system; or it holds no place.
    """
    report = progress or (lambda label, fraction: None)
    cells = within if within is None or isinstance(within, np.ndarray) else covering([within])
    report(file.name, 0.0)
    with opened(file) as paths:
        parts = _parts(paths, layout, file)
        plane = Plane.over(system_of(parts, layout, file), cells, accessible)
        bounds = None if plane.shapes is None else _bounds(plane)
        areas: dict[Subject, DeclaredArea] = {}
        counts: dict[Subject, int] = {}
        days = Days()
        done, total = 0, max(1, sum(part.features for part in parts))
        for part in parts:
            names = _names(part, file, layout)
            if cells is not None:
                for subject in subjects_named(names, layout):
                    areas.setdefault(subject, DeclaredArea(plane))
            with closing(batches(part, layout.columns, bounds, shapes=layout.place.by_geometry)) as read:
                for batch in read:
                    days.add(batch.table.get(layout.day.lower()))
                    for declared in declared_in(names, layout, batch.table):
                        area = areas.setdefault(declared.subject, DeclaredArea(plane))
                        _add(area, declared, batch, part, layout)
                        counts[declared.subject] = counts.get(declared.subject, 0) + len(declared.rows)
                    done += batch.progress
                    report(file.name, min(READ, READ * done / total))
    if not areas:
        raise EvidenceError(
            tr(
                f"{file.name}: no place there, and its name does not say of which operator and technology",
                f"{file.name} : aucun lieu, et son nom ne dit ni l’opérateur ni la technologie",
            )
        )
    digest = sha256_of(file)
    sources = []
    for number, (subject, area) in enumerate(sorted(areas.items())):
        report(file.name, READ + (1 - READ) * number / len(areas))
        own = [
            ClaimSource(
                operator=operator,
                technology=subject.technology,
                usage=subject.usage,
                quarter=layout.quarter or quarter_in(file.name) or quarter_in(parts[0].name) or days.quarter,
                file=file.name,
                file_sha256=digest,
                source=layout.source,
                licence=layout.licence,
                bounded=cells is not None or layout.absent == "unknown",
                layer=", ".join(dict.fromkeys(part.layer for part in parts if part.layer)),
                features=counts.get(subject, 0),
                **(accessible.digests if accessible is not None else {}),
            )
            for operator in subject.operators
        ]
        rows, known = _rows(area, layout, cells)
        named = {"technology": subject.technology, "usage": subject.usage}
        each = [rows.assign(operator=operator, **named) for operator in subject.operators]
        replace_claims(claims, pd.concat(each)[[*CLAIM_KEYS, *SHARES]], own, known=known)
        sources.extend(own)
    report(file.name, 1.0)
    return sorted(sources, key=lambda one: (one.operator, one.technology, one.usage))


def _parts(paths: list[Path], layout: Layout, file: Path) -> list[Part]:
    found = [part for path in paths for part in parts_of(path) if re.search(layout.layers, part.layer)]
    if not found:
        raise EvidenceError(
            tr(f"{file.name}: holds no layer with geometries", f"{file.name} : aucune couche géographique")
        )
    for part in found if layout.place.by_geometry else ():
        if "Polygon" not in part.kind and part.kind not in ("Unknown", "GeometryCollection"):
            raise no_polygon(part.name, part.kind or tr("absent", "absentes"))
    return found


def _names(part: Part, file: Path, layout: Layout) -> Names:
    """The names that rules look into: those of the unpacked file, or of the archive where only that says it."""
    columns = tuple(part.fields.values())
    inside, outside = Names(part.name, part.layer, columns), Names(file.name, part.layer, columns)
    return inside if subjects_named(inside, layout) or not subjects_named(outside, layout) else outside


def _bounds(plane: Plane) -> Bounds:
    west, south, east, north = (float(bound) for bound in shapely.total_bounds(plane.shapes))
    return west, south, east, north


def _add(area: DeclaredArea, declared: Declared, batch: Batch, part: Part, layout: Layout) -> None:
    rows = declared.rows
    try:
        if batch.shapes is not None:
            only_polygons(part, batch.shapes[rows])
            area.add_polygons(declared.level, batch.shapes[rows])
        elif layout.place.h3:
            area.add_cells(declared.level, cells_in(part, layout.place, batch.table.iloc[rows]))
        else:
            grid, columns, lines = squares_in(part, layout.place, batch.table.iloc[rows])
            area.add_squares(declared.level, grid, columns, lines)
    except ValueError as error:
        raise EvidenceError(f"{part.name}: {error}") from error


def _rows(area: DeclaredArea, layout: Layout, cells: Cells | None) -> tuple[pd.DataFrame, Cells | None]:
    """``h3_r8, level`` and the shares, and the hexagons that are spoken of, None for all."""
    shares, known = area.shares(layout.levels)
    if layout.absent == "uncovered":
        if cells is not None:
            shares = shares[np.isin(shares["h3_r8"], cells)]
        return shares, cells
    enough = known[known["known_share"] >= LEAST_KNOWN_SHARE]
    if cells is not None:
        enough = enough[np.isin(enough["h3_r8"], cells)]
    shares = shares.merge(enough, on="h3_r8")
    shares["declared_share"] /= shares["known_share"]
    places = shares["known_accessible_share"]
    shares["accessible_share"] = shares["accessible_share"] / places.where(places >= LEAST_KNOWN_SHARE)
    return shares, enough["h3_r8"].to_numpy(np.int64)
