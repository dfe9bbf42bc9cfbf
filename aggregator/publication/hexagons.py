"""The table of hexagons a release carries: figures that may leave, beside the verdict they support."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import WGS_84, outlines
from aggregator.judgement.votes import SUBJECT
from aggregator.publication.anonymity import rounded_counts, summary
from client_sdk.operators import operator_name

COUNTS = ["devices", "failing", "tests", "device_days"]
JUDGED = [
    *("claimed", "declared_share", "verdict", "strength", "rule", "withdrawn", "p", "p_withdrawn", "edge", "conflict"),
]
COLUMNS = [
    *("h3", "resolution", "remainder", "operator", "operator_name", "technology", "threshold", "evidence"),
    *(*COUNTS, "first_month", "last_month", "claimed", "declared_share", "verdict", "verdict_fr", "strength", "rule"),
    *("withdrawn", "p", "p_withdrawn", "edge", "conflict", "notice"),
]
IN_FRENCH = {
    ("contradicted", "strong"): "contredite",
    ("contradicted", "moderate"): "probablement contredite, à confirmer",
    ("suspected", ""): "à vérifier sur place",
    ("confirmed", ""): "confirmée",
    ("unclaimed_service", ""): "service présent, non déclaré",
    ("insufficient", ""): "données insuffisantes",
}
RATE_IN_FRENCH = {
    ("contradicted", "strong"): "débit le plus souvent sous {rate} Mbit/s (la carte ne promet aucun débit)",
    ("contradicted", "moderate"): "débit souvent sous {rate} Mbit/s, à confirmer (la carte ne promet aucun débit)",
    ("suspected", ""): "débit de {rate} Mbit/s à vérifier sur place (la carte ne promet aucun débit)",
    ("confirmed", ""): "débit de {rate} Mbit/s le plus souvent atteint",
    ("unclaimed_service", ""): "{rate} Mbit/s atteints, service non déclaré",
    ("insufficient", ""): "données insuffisantes",
}
"""An operator's map promises service and no rate: a low rate contradicts no map."""
COORDINATE_DECIMALS = 6
SHARE_DECIMALS = 3
P_DIGITS = 2


def in_french(verdict: str, strength: str, threshold: str) -> str:
    """A verdict in the words an official reads; empty for a remainder, which has none."""
    if not verdict:
        return ""
    words = IN_FRENCH if threshold == "service" else RATE_IN_FRENCH
    return words[verdict, strength].format(rate=threshold)


def published_hexagons(placed: pd.DataFrame, verdicts: pd.DataFrame, notice: str = "") -> gpd.GeoDataFrame:
    """One row per published cell, operator, technology, threshold and kind of evidence, sorted, in EPSG:4326.

    Args:
        placed: rows of the ledger that may leave, as ``anonymity.place`` gives them.
        verdicts: as ``judgement.comparison.compare`` gives them.
        notice: what every row says of the release; empty for most.

    Returns:
        ``COLUMNS`` and the cell's polygon. The remainder of a parent has figures but no verdict: a verdict is about a
        hexagon. Counts above 20 are rounded to 5, p to two significant digits, days to months.
    """
    rows = summary(placed)
    judged = verdicts.rename(columns={"h3_r8": "cell"})[["cell", *SUBJECT, *JUDGED]]
    rows = rows.merge(judged, on=["cell", *SUBJECT], how="left", validate="one_to_one")
    remainder = rows["resolution"] < 8
    verdict = rows["verdict"].where(rows["verdict"].notna() | remainder, "insufficient").astype("str")
    verdict = verdict.where(~remainder, "")
    strength = rows["strength"].fillna("").astype("str")
    table = pd.DataFrame(
        {
            "h3": [h3.int_to_str(int(cell)) for cell in rows["cell"]],
            "resolution": rows["resolution"].astype("int64"),
            "remainder": remainder,
            **{name: rows[name].astype("str") for name in ("operator", "technology", "threshold", "evidence")},
            "operator_name": [operator_name(operator) for operator in rows["operator"]],
            **{name: rounded_counts(rows[name].astype("int64")) for name in COUNTS},
            "first_month": months(rows["first_day"]),
            "last_month": months(rows["last_day"]),
            "claimed": rows["claimed"].astype("boolean"),
            "declared_share": rows["declared_share"].astype("float64").round(SHARE_DECIMALS),
            "verdict": verdict,
            "verdict_fr": [in_french(*words) for words in zip(verdict, strength, rows["threshold"], strict=True)],
            "strength": strength,
            "rule": rows["rule"].fillna("").astype("str"),
            "withdrawn": rows[["withdrawn", "failing"]].min(axis=1, skipna=False).astype("Int64"),
            "p": significant(rows["p"].where(rows["claimed"].notna())),
            "p_withdrawn": significant(rows["p_withdrawn"].where(rows["claimed"].notna())),
            "conflict": rows["conflict"].fillna("").astype("str"),
            "edge": rows["edge"].astype("boolean"),
            "notice": pd.Series(notice, index=rows.index, dtype="str"),
        }
    )[COLUMNS]
    shapes = cell_polygons(rows["cell"])
    return gpd.GeoDataFrame(table, geometry=shapes, crs=WGS_84).sort_values(
        ["resolution", "h3", "operator", "technology", "threshold", "evidence"],
        ascending=[False, True, True, True, True, True],
        ignore_index=True,
    )


def cell_polygons(cells: pd.Series) -> list[shapely.Geometry]:
    """Outline of each cell in EPSG:4326, to ``COORDINATE_DECIMALS``."""
    shapes = outlines(cells.to_numpy(dtype=np.int64), WGS_84)
    return list(shapely.transform(shapes, lambda vertices: np.round(vertices, COORDINATE_DECIMALS)))


def months(days: pd.Series) -> pd.Series:
    """``2026-03`` for any day of March 2026, empty where there is none."""
    return pd.to_datetime(days).dt.strftime("%Y-%m").fillna("").astype("str")


def significant(values: pd.Series, digits: int = P_DIGITS) -> pd.Series:
    """Floats to some significant digits."""
    return values.astype("float64").map(lambda value: value if pd.isna(value) else float(f"{value:.{digits - 1}e}"))
