"""Operators' coverage polygons → the share of each hexagon that is declared covered.

``import_arcep`` reads Arcep's layout, ``import_grid`` a regular grid with its columns mapped; both replace what was
known for the same operator, technology and usage. The levels of a technology are taken to be disjoint, as in Arcep's
files: verdicts add the shares of all levels and cap the sum at 1, so that overlapping levels count twice up to there.
"""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import shapely
from shapely import MultiPolygon, Polygon

from aggregator.evidence.areas import covered_shares, polygons_of, subdivided
from aggregator.evidence.claims_table import (
    CLAIM_KEYS,
    ClaimSource,
    read_claim_sources,
    read_claims,
    replace_claims,
)
from aggregator.evidence.coverage_file import (
    ClaimKey,
    count_features,
    opened,
    quarter_in,
    read_features,
    require_lambert_93_polygons,
    source_in,
)
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.grid_claims import GridLayout, import_grid
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Cells, Shapes, covering, outlines, projected

__all__ = ["ClaimSource", "GridLayout", "import_arcep", "import_grid", "read_claim_sources", "read_claims"]

Progress = Callable[[str, float], None]

LONGEST_EDGE_M = 2_000
"""Edges are cut to this length before they leave Lambert-93: straight there is straight enough in WGS 84."""


def import_arcep(
    file: Path,
    claims: Path,
    *,
    within: Polygon | MultiPolygon | None = None,
    quarter: str | None = None,
    source: str = "Arcep, Mon réseau mobile",
    licence: str = "Licence Ouverte",
    progress: Progress | None = None,
) -> list[ClaimSource]:
    """Import a coverage GeoPackage, alone or in a 7z archive.

    Args:
        file: ``.gpkg`` or ``.7z``.
        claims: directory of the claims.
        within: territory in WGS 84; only hexagons that touch it are kept, each with its exact share. Without it the
            file is taken to be the whole of the operator's declaration.
        quarter: like ``2024_T3``; by default the one in the file's name.
        source: publisher, for the attribution.
        licence: of the file.
        progress: told the file's name and the fraction read.

    Returns:
        Provenance of what was imported, one entry per operator, technology and usage.

    Raises:
        EvidenceError: the file is not in Arcep's layout, or neither its polygons nor its name say what it declares; it
            is in degrees, lies outside metropolitan France, or holds no polygons.
    """
    report = progress or (lambda label, fraction: None)
    cells = covering([within]) if within is not None else None
    bounds = tuple(shapely.total_bounds(outlines(cells, LAMBERT_93))) if cells is not None else None
    declared = {named} if (named := source_in(file.name)) and cells is not None else set()
    parts: list[pd.DataFrame] = []
    with opened(file) as packages:
        for package in packages:
            require_lambert_93_polygons(package)
        total = max(1, sum(count_features(package) for package in packages))
        done = 0
        for package in packages:
            report(file.name, done / total)
            for count, polygons in read_features(package, bounds):
                declared.update((key.operator, key.technology, key.usage) for key in polygons)
                parts.extend(_shares(key, shapes, cells) for key, shapes in polygons.items())
                done += count
                report(file.name, min(1.0, done / total))
    if not declared:
        raise EvidenceError(f"{file}: no polygon there, and its name does not say of which operator and technology")
    digest = sha256_of(file)
    sources = [
        ClaimSource(
            operator=operator,
            technology=technology,
            usage=usage,
            quarter=quarter or quarter_in(file.name),
            file=file.name,
            file_sha256=digest,
            source=source,
            licence=licence,
            bounded=cells is not None,
        )
        for operator, technology, usage in sorted(declared)
    ]
    replace_claims(claims, _merged(parts), sources, known=cells)
    report(file.name, 1.0)
    return sources


def _shares(key: ClaimKey, shapes: Shapes, cells: Cells | None) -> pd.DataFrame:
    if cells is None:
        pieces, _ = subdivided(polygons_of(shapes)[0])
        cells = covering(projected(shapely.segmentize(pieces, LONGEST_EDGE_M), LAMBERT_93, WGS_84))
    shares = covered_shares(shapes, outlines(cells, LAMBERT_93))
    rows = pd.DataFrame({"h3_r8": cells, "declared_share": shares})[shares > 0]
    return rows.assign(operator=key.operator, technology=key.technology, usage=key.usage, level=key.level)


def _merged(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Batches added up. Within a batch overlapping polygons count once; between batches the sum is cut at 1."""
    if not parts:
        return pd.DataFrame(columns=[*CLAIM_KEYS, "declared_share"])
    summed = pd.concat(parts).groupby(CLAIM_KEYS)["declared_share"].sum()
    return summed.clip(upper=1.0).reset_index()
