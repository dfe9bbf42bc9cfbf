"""The table of hexagons a release carries: figures that may leave, beside the verdict they support."""

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.hexagons import WGS_84, outlines, parent
from aggregator.judgement.sentences import sentences
from aggregator.judgement.votes import SUBJECT
from aggregator.publication.anonymity import RESOLUTIONS, rounded_counts
from aggregator.publication.issuing import Issue
from aggregator.publication.rsrp_levels import COLUMNS as LEVELS
from client_sdk.messages import Language
from client_sdk.operators import operator_name

COUNTS = ["devices", "failing", "tests", "device_days"]
"""Of the quarter for volunteers, of the window for surveys."""
JUDGED = ["judged_devices", "judged_failing", "judged_device_days", "judged_first_month", "judged_last_month"]
"""What the verdict rests on: the window of its four quarters."""
COLUMNS = [
    *("h3", "resolution", "remainder", "operator", "operator_name", "technology", "threshold", "evidence"),
    *("quarter", *COUNTS, *LEVELS, "first_month", "last_month", "claimed", "declared_share", "verdict", "verdict_fr"),
    *("strength", "rule", *JUDGED, "issued", "held_since", "withdrawn", "p", "p_withdrawn", "q", "e_value", "edge"),
    *("conflict", "sentence_fr", "sentence_en", "notice"),
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
SENTENCES: dict[str, Language] = {"sentence_fr": "fr", "sentence_en": "en"}
OF_VERDICTS = ["devices", "failing", "tests", "device_days", "first_day", "last_day"]
"""Columns that verdicts and counts both have."""
COORDINATE_DECIMALS = 6
SHARE_DECIMALS = 3
P_DIGITS = 2


def in_french(verdict: str, strength: str, threshold: str) -> str:
    """A verdict in the words an official reads; empty for a remainder, which has none."""
    if not verdict:
        return ""
    words = IN_FRENCH if threshold == "service" else RATE_IN_FRENCH
    return words[verdict, strength].format(rate=threshold)


def published_hexagons(issue: Issue, notice: str = "", within: NDArray[np.int64] | None = None) -> gpd.GeoDataFrame:
    """One row per published cell, operator, technology, threshold and kind of evidence, sorted, in EPSG:4326.

    Args:
        issue: what may be said.
        notice: what every row says of the release; empty for most.
        within: hexagons of the territory, with the parents that hold some of them; None for all.

    Returns:
        ``COLUMNS`` and the cell's polygon. The remainder of a parent has figures but no verdict: a verdict is about a
        hexagon. A hexagon may have a verdict without counts of the quarter, and counts without a verdict
        (``insufficient``). Counts above 20 are rounded to 5, p to two significant digits, days to months.
    """
    judged = issue.verdicts[issue.verdicts["told"].astype(bool)].rename(columns={"h3_r8": "cell"})
    judged = (
        judged.assign(**in_words(judged))
        .rename(columns={name: f"judged_{name}" for name in OF_VERDICTS})
        .assign(resolution=8)
    )
    rows = issue.figures.merge(judged, on=["cell", "resolution", *SUBJECT], how="outer", validate="one_to_one")
    if within is not None:
        inside = [within, *(np.unique(parent(within, coarser)) for coarser in RESOLUTIONS[1:])]
        rows = rows[rows["cell"].isin(np.concatenate(inside))].reset_index(drop=True)
    crowd = rows["evidence"] == "crowd"
    remainder = rows["resolution"] < 8
    verdict = rows["verdict"].astype("str").where(rows["verdict"].notna(), "insufficient").where(~remainder, "")
    strength = rows["strength"].fillna("").astype("str")
    failing = rows["judged_failing"].astype("Int64")
    table = pd.DataFrame(
        {
            "h3": [h3.int_to_str(int(cell)) for cell in rows["cell"]],
            "resolution": rows["resolution"].astype("int64"),
            "remainder": remainder,
            **{name: rows[name].astype("str") for name in SUBJECT},
            "operator_name": [operator_name(operator) for operator in rows["operator"]],
            "quarter": pd.Series(issue.quarter, index=rows.index, dtype="str").where(
                crowd & rows["devices"].notna(), ""
            ),
            **{name: rounded_counts(rows[name].astype("Int64")) for name in COUNTS},
            **{name: optional(rows, name).astype("Int64") for name in LEVELS},
            "first_month": months(rows["first_day"]),
            "last_month": months(rows["last_day"]),
            "claimed": rows["claimed"].astype("boolean"),
            "declared_share": rows["declared_share"].astype("float64").round(SHARE_DECIMALS),
            "verdict": verdict,
            "verdict_fr": [in_french(*words) for words in zip(verdict, strength, rows["threshold"], strict=True)],
            "strength": strength,
            "rule": rows["rule"].fillna("").astype("str"),
            **{
                f"judged_{name}": rounded_counts(rows[f"judged_{name}"].astype("Int64"))
                for name in ("devices", "failing", "device_days")
            },
            "judged_first_month": months(rows["judged_first_day"]),
            "judged_last_month": months(rows["judged_last_day"]),
            "issued": rows["issued"].fillna("").astype("str"),
            "held_since": months(optional(rows, "held_since")),
            "withdrawn": pd.concat([rows["withdrawn"].astype("Int64"), failing], axis=1).min(axis=1, skipna=False),
            **{
                name: significant(optional(rows, name).where(rows["claimed"].notna()))
                for name in ("p", "p_withdrawn", "q", "e_value")
            },
            "conflict": rows["conflict"].fillna("").astype("str"),
            "edge": rows["edge"].astype("boolean"),
            **{name: rows[name].fillna("").astype("str") for name in SENTENCES},
            "notice": pd.Series(notice, index=rows.index, dtype="str"),
        }
    )[COLUMNS]
    shapes = cell_polygons(rows["cell"])
    return gpd.GeoDataFrame(table, geometry=shapes, crs=WGS_84).sort_values(
        ["resolution", "h3", "operator", "technology", "threshold", "evidence"],
        ascending=[False, True, True, True, True, True],
        ignore_index=True,
    )


def in_words(judged: pd.DataFrame) -> dict[str, pd.Series]:
    """What each verdict says to people, by the months that are published, counts rounded as they are published."""
    return {name: sentences(judged, language, dates="month") for name, language in SENTENCES.items()}


def optional(rows: pd.DataFrame, name: str) -> pd.Series:
    """A column, or nothing at all where the verdicts have none of that name."""
    return rows[name] if name in rows else pd.Series(np.nan, index=rows.index)


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
