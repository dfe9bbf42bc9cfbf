"""Success rates over areas for which a rate is promised, from field teams' points alone.

Arcep asks that of the tests made where an operator declares coverage 95 % succeed on any zone larger than 50 km², and
98 % on any zone larger than 1,000 km² (decision 2020-0376, amending 2016-1678). Only here is a share of successes held
against those figures; a hexagon never is, and the crowd never is, whose phones are not calibrated.

Counted are outdoor tests of field teams in hexagons that are declared whole. Tests of one resolution 9 cell (0.1 km²)
on one day are one point, which fails if at least half of them do. Points near each other are alike, so they weigh as
fewer independent ones: the effective number follows from how much more the shares of successes of places (parents at
resolution 7, about 5 km²) differ than independent points would, and from the number of places. The interval is Clopper
and Pearson's exact one at that number (E. L. Korn and B. I. Graubard, Survey Methodology 24, 1998).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray
from pyproj import Geod
from scipy.special import betaincinv, stdtrit
from shapely import MultiPolygon, Polygon

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.judgement.declared import USAGE
from aggregator.judgement.votes import votable_rows
from client_sdk.errors import MailleError
from client_sdk.messages import tr

SMALLEST_KM2, LARGE_KM2 = 50.0, 1_000.0
PROMISED, PROMISED_LARGE = 0.95, 0.98
"""Arcep, decision 2020-0376: on any zone larger than the first area, and than the second."""

WHOLLY_DECLARED = 0.99
"""Ours: declared share from which a point of a hexagon is taken to lie where coverage is declared, wherever it is."""

PLACE_RESOLUTION = 7

LEAST_POINTS, LEAST_PLACES = 20, 5
"""Ours: with fewer points, or fewer places, no rate is stated."""

LEAST_EFFECTIVE = 30
"""Independent points that a success rate must rest on before it is said to lie below what is promised: the least
effective sample of a published proportion in J. D. Parker et al., NCHS Data Presentation Standards for Proportions,
Vital and Health Statistics 2 (175), 2017."""

CONFIDENCE = 0.95

Conclusion = Literal["below", "imprecise", "reached", "undecided", "too_few"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreachFigure:
    """What a field team's points say of one operator over an area.

    Attributes:
        operator: PLMN. technology: of the tests and of the claim.
        area_km2: of the outline, on the ellipsoid.
        promised: success rate asked of an area of that size.
        points: tests of one resolution 9 cell on one day are one; ``successes`` among them.
        places: parents at resolution 7 with a point. days: days with a point. phones: devices behind the points.
        effective_points: independent points that would know as much.
        rate, low, high: share of successes with its interval at 95 %; None where there are too few points.
        first_day, last_day: ISO, empty without points.
        conclusion: whether the whole interval lies below what is promised (``imprecise`` where it does, on fewer than
            :data:`LEAST_EFFECTIVE` independent points), or reaches it.
    """

    operator: str
    technology: str
    area_km2: float
    promised: float
    points: int
    successes: int
    places: int
    days: int
    phones: int
    effective_points: float
    rate: float | None
    low: float | None
    high: float | None
    first_day: str
    last_day: str
    conclusion: Conclusion


def area_km2(outline: Polygon | MultiPolygon) -> float:
    """Area of an outline in WGS 84 on the ellipsoid."""
    return float(abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.orient_polygons(outline))[0]) / 1e6)


def promised_rate(area: float) -> float:
    """Success rate asked of an area in km².

    Raises:
        MailleError: it is too small for any to be asked.
    """
    if not area > SMALLEST_KM2:
        raise MailleError(
            tr(
                f"the area is {area:.1f} km², expected more than {SMALLEST_KM2:.0f}: no success rate is promised of a "
                "smaller one",
                f"la zone fait {area:.1f} km², attendu plus de {SMALLEST_KM2:.0f} : aucun taux de réussite n’est "
                "promis sur moins",
            )
        )
    return PROMISED_LARGE if area > LARGE_KM2 else PROMISED


def breach_figures(
    ledger: pd.DataFrame,
    capability: pd.DataFrame,
    claims: pd.DataFrame,
    outline: Polygon | MultiPolygon,
    *,
    last_day: date,
    window_days: int = 365,
    technology: str = "4G",
    excused: pd.DataFrame | None = None,
) -> list[BreachFigure]:
    """One figure per operator that declares the technology, in the order of their codes.

    Args:
        ledger: columns of :data:`aggregator.evidence.ledger.LEDGER`.
        capability: columns of :data:`aggregator.evidence.ledger.CAPABILITY`.
        claims: columns of :data:`aggregator.evidence.claims_table.CLAIMS`.
        outline: of the area, in WGS 84.
        last_day: last day of the window.
        window_days: its length.
        technology: ``2G`` to ``5G``.
        excused: declared outages, see :func:`aggregator.judgement.votes.votable_rows`; failures there and then are no
            points, as they are no votes.

    Raises:
        MailleError: the area is too small.
    """
    area = area_km2(outline)
    promised = promised_rate(area)
    declared = claims[(claims["usage"] == USAGE) & (claims["technology"] == technology)]
    shares = declared.groupby(["operator", "h3_r8"])["declared_share"].sum()
    whole = shares[shares >= WHOLLY_DECLARED].index
    rows = votable_rows(ledger, capability, last_day, window_days, excused=excused)
    rows = rows[
        (rows["evidence"] == "survey")
        & (rows["context"] == "outdoor")
        & (rows["threshold"] == "service")
        & (rows["technology"] == technology)
    ]
    hexagons = parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    asked = pd.MultiIndex.from_arrays([rows["operator"].astype("str"), hexagons]).isin(whole)
    rows = rows[asked & _inside(rows["h3_r9"].to_numpy(np.int64), outline)]
    return [
        _figure(rows[rows["operator"] == operator], str(operator), technology, area, promised)
        for operator in sorted(declared["operator"].unique())
    ]


def effective_number(successes: NDArray[np.int64], points: NDArray[np.int64]) -> float:
    """Independent points that would know as much as points (m,) of places, of which some succeeded.

    n / deff, deff the ratio of the variance between places (of a ratio estimate) to that of independent points, at
    least 1; and less where few places are known, (t_{n−1} / t_{m−1})². Where all points agree nothing shows how alike
    those of a place are: then each place counts once.
    """
    n, m = float(points.sum()), len(points)
    if m < 2:
        return float(m)
    rate = successes.sum() / n
    if rate in (0.0, 1.0):
        return float(m)
    variance = m / (m - 1) * float((np.square(successes - rate * points)).sum()) / n**2
    design_effect = max(1.0, variance / (rate * (1 - rate) / n))
    quantile = (1 + CONFIDENCE) / 2
    few_places = (float(stdtrit(n - 1, quantile)) / float(stdtrit(m - 1, quantile))) ** 2
    return float(min(n, n / design_effect * few_places))


def exact_interval(rate: float, number: float) -> tuple[float, float]:
    """Clopper and Pearson's interval at 95 % of a share seen among a number of points, which need not be whole."""
    tail = (1 - CONFIDENCE) / 2
    k = rate * number
    low = float(betaincinv(k, number - k + 1, tail)) if k > 0 else 0.0
    high = float(betaincinv(k + 1, number - k, 1 - tail)) if k < number else 1.0
    return low, high


def _inside(cells: NDArray[np.int64], outline: Polygon | MultiPolygon) -> NDArray[np.bool_]:
    distinct, code = np.unique(cells, return_inverse=True)
    if not len(distinct):
        return np.zeros(0, dtype=bool)
    centres = np.array([h3.cell_to_latlng(int(cell)) for cell in distinct])
    shapely.prepare(outline)
    return np.asarray(shapely.contains_xy(outline, centres[:, 1], centres[:, 0])[code], dtype=bool)


def _figure(rows: pd.DataFrame, operator: str, technology: str, area: float, promised: float) -> BreachFigure:
    counts = rows.groupby(["h3_r9", "day"], as_index=False)[["tested", "failed"]].sum()
    succeeded = (2 * counts["failed"] < counts["tested"]).astype("int64")
    place = parent(counts["h3_r9"].to_numpy(np.int64), PLACE_RESOLUTION)
    by_place = succeeded.groupby(place).agg(["sum", "size"])
    points, successes = len(counts), int(succeeded.sum())
    days = pd.to_datetime(counts["day"])
    figure: dict[str, Any] = {
        "operator": operator,
        "technology": technology,
        "area_km2": area,
        "promised": promised,
        "points": points,
        "successes": successes,
        "places": len(by_place),
        "days": int(days.nunique()),
        "phones": int(rows["device_token"].nunique()),
        "first_day": "" if counts.empty else days.min().date().isoformat(),
        "last_day": "" if counts.empty else days.max().date().isoformat(),
    }
    number = effective_number(by_place["sum"].to_numpy(np.int64), by_place["size"].to_numpy(np.int64))
    if points < LEAST_POINTS or len(by_place) < LEAST_PLACES:
        return BreachFigure(**figure, effective_points=number, rate=None, low=None, high=None, conclusion="too_few")
    rate = successes / points
    low, high = exact_interval(rate, number)
    conclusion: Conclusion = "reached" if low >= promised else "undecided"
    if high < promised:
        conclusion = "below" if number >= LEAST_EFFECTIVE else "imprecise"
    return BreachFigure(**figure, effective_points=number, rate=rate, low=low, high=high, conclusion=conclusion)
