"""Declared coverage published as a regular grid with the number of operators per square.

The number names operators only where it is all of them or none; in between nothing is known, and a hexagon of which
less than half is known is left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from aggregator.evidence.areas import Indexes, overlaps
from aggregator.evidence.claims_table import ClaimSource, replace_claims
from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import WGS_84, Shapes, covering, outlines, projected

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridLayout:
    """How a grid file is to be read; the defaults are those of the Bundesnetzagentur's 100 m grid.

    Attributes:
        identity: pattern of the ``id`` column with groups ``north`` and ``east``, the south-west corner in
            units of ``side_m``.
        side_m: side of a square.
        epsg: projected reference system of the corners.
        technologies: column → technology.
        operators: those that the numbers count, as PLMN.
        usage: what the columns are taken to declare.
    """

    identity: str = r"100mN(?P<north>\d+)E(?P<east>\d+)"
    side_m: float = 100.0
    epsg: int = 25832
    technologies: Mapping[str, str] = field(default_factory=lambda: {"gsm_out": "2G", "lte": "4G", "nr_gesamt": "5G"})
    operators: tuple[str, ...] = ("26201", "26202", "26203")
    usage: str = "data"
    source: str = "Bundesnetzagentur"
    licence: str = "Datenlizenz Deutschland – Namensnennung 2.0"


LEAST_KNOWN_SHARE = 0.5


def import_grid(
    file: Path,
    claims: Path,
    *,
    layout: GridLayout | None = None,
    quarter: str = "",
    progress: Progress | None = None,
) -> list[ClaimSource]:
    """Import a grid: a column's value counts the operators that cover the square.

    Args:
        file: CSV with a column ``id`` and the columns of the layout.
        claims: directory of the claims.
        layout: how to read it.
        quarter: of the declaration.
        progress: told the file's name and the fraction done.

    Returns:
        Provenance of what was imported, one entry per operator and technology; all are bounded by the grid.

    Raises:
        EvidenceError: a column is missing, or an id or a value does not fit the layout.
    """
    grid = layout or GridLayout()
    report = progress or (lambda label, fraction: None)
    report(file.name, 0.0)
    table = _read(file, grid)
    squares = _squares(file, table["id"], grid)
    cells = covering(projected(np.array([shapely.union_all(squares)]), grid.epsg, WGS_84))
    hexagons = outlines(cells, grid.epsg)
    square, hexagon, area = overlaps(squares, hexagons)
    digest = sha256_of(file)
    sources: list[ClaimSource] = []
    for step, (column, technology) in enumerate(grid.technologies.items()):
        report(file.name, (1 + step) / (1 + len(grid.technologies)))
        values = table[column].to_numpy(np.int64)
        covered = _area(values == len(grid.operators), square, hexagon, area, len(cells))
        known = covered + _area(values == 0, square, hexagon, area, len(cells))
        kept = known >= LEAST_KNOWN_SHARE * shapely.area(hexagons)
        shares = pd.DataFrame({"h3_r8": cells[kept], "declared_share": covered[kept] / known[kept]})
        named = {"technology": technology, "usage": grid.usage, "level": ""}
        rows = pd.concat([shares.assign(operator=operator, **named) for operator in grid.operators])
        own = [
            ClaimSource(
                operator=operator,
                technology=technology,
                usage=grid.usage,
                quarter=quarter,
                file=file.name,
                file_sha256=digest,
                source=grid.source,
                licence=grid.licence,
                bounded=True,
            )
            for operator in grid.operators
        ]
        replace_claims(claims, rows, own, known=cells[kept])
        sources.extend(own)
    report(file.name, 1.0)
    return sources


def _read(file: Path, grid: GridLayout) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, usecols=["id", *grid.technologies], dtype={"id": str})
    except (OSError, ValueError) as error:
        raise EvidenceError(
            f"{file}: not a CSV with the columns id, {', '.join(grid.technologies)} ({error})"
        ) from error
    for column in grid.technologies:
        fits = table[column].isin(range(len(grid.operators) + 1))
        if not fits.all():
            wrong = table.loc[~fits, column].iloc[0]
            raise EvidenceError(
                f"{file.name}: {column} is {wrong}, expected a count of operators from 0 to {len(grid.operators)}"
            )
    return table


def _squares(file: Path, identities: "pd.Series[str]", grid: GridLayout) -> Shapes:
    corners = identities.str.extract(f"^{grid.identity}$")
    if corners.isna().to_numpy().any():
        wrong = identities[corners.isna().any(axis=1)].iloc[0]
        raise EvidenceError(f"{file.name}: id is {wrong!r}, expected the pattern {grid.identity}")
    west = corners["east"].to_numpy(np.float64) * grid.side_m
    south = corners["north"].to_numpy(np.float64) * grid.side_m
    return np.asarray(shapely.box(west, south, west + grid.side_m, south + grid.side_m))


def _area(
    chosen: NDArray[np.bool_], square: Indexes, hexagon: Indexes, area: NDArray[np.float64], hexagons: int
) -> NDArray[np.float64]:
    """Area (hexagons,) of the chosen squares in each hexagon."""
    sums = np.bincount(hexagon, weights=area * chosen[square], minlength=hexagons)
    return sums.astype(np.float64)
