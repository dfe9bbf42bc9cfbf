"""Indicators as a tidy table: one row per territory, operator, technology, measure and indicator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aggregator.judgement.declared import USAGE
from aggregator.publication.observatory.places import UNITS, Places
from aggregator.publication.observatory.shares import DECLARED, STATES, THRESHOLD, Shares
from client_sdk.operators import operator_name

COLUMNS = [
    *("release", "date", "quarter", "claims_quarter", "kind", "code", "name", "operator", "operator_name"),
    *("technology", "usage", "threshold", "measure", "indicator", "unit", "value", "percent", "notice"),
]
DECIMALS = {"km2": 3, "km": 3, "people": 1}
PERCENT_DECIMALS = 2
INDICATORS = ("declared", *STATES, "measured")
WHOLE_NAME = "Ensemble du territoire"
"""In the table, which speaks French, where the territory is no whole région."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What every row says of its release.

    Attributes:
        release: its id.
        date: its last day of data, ISO.
        quarter: of that day.
        counts_quarter: of volunteers' counts.
        claims_quarters: of the declaration, by operator and technology; empty where unknown.
        notice: as on every row of the release.
    """

    release: str
    date: str
    quarter: str
    counts_quarter: str
    claims_quarters: Mapping[tuple[str, str], str]
    notice: str


def table_of(
    places: Places, shares: Shares, counts: pd.DataFrame, told: Told, kinds: Sequence[str], *, zeros: bool
) -> pd.DataFrame:
    """Rows of some kinds of territory, as texts, in the order of :data:`COLUMNS`.

    Args:
        places: territories.
        shares: what is declared and known there.
        counts: as :mod:`~aggregator.publication.observatory.counts` gives them.
        told: of the release.
        kinds: of territories.
        zeros: whether rows of value 0 are written.
    """
    parts = []
    for order, kind in enumerate(kinds):
        own = pd.concat([_totals(places, shares, kind), _shares(places, shares, kind)], ignore_index=True)
        if not zeros:
            own = own[own["value"] > 0]
        others = counts[counts["kind"] == kind].assign(percent=np.nan, usage="", threshold="")
        others["threshold"] = others["threshold"].mask(others["measure"] == "measurement", THRESHOLD)
        parts.append(pd.concat([own, others], ignore_index=True).assign(kind=kind, order=order))
    table = pd.concat(parts, ignore_index=True)
    names = places.table.assign(name=places.table["name"].where(places.table["name"] != "", WHOLE_NAME))
    table = table.merge(names[["kind", "code", "name"]], on=["kind", "code"])
    ranks = {name: rank for rank, name in enumerate([*UNITS, "measurement", "sites", "scheme_sites"])}
    steps = {name: rank for rank, name in enumerate(("total", *INDICATORS))}
    table = table.assign(_rank=table["measure"].map(ranks), _step=table["indicator"].map(steps).fillna(len(steps)))
    key = ["order", "code", "operator", "technology", "_rank", "_step", "indicator"]
    table = table.sort_values(key, ignore_index=True)
    table["quarter"] = pd.Series(told.quarter, index=table.index).mask(
        table["indicator"].str.endswith("_crowd"), told.counts_quarter
    )
    subjects = zip(table["operator"], table["technology"], strict=True)
    claims = pd.Series([told.claims_quarters.get(subject, "") for subject in subjects], index=table.index, dtype="str")
    table = table.assign(
        release=told.release,
        date=told.date,
        claims_quarter=claims.where(table["usage"] == USAGE, ""),
        operator_name=table["operator"].map({one: operator_name(one) for one in table["operator"].unique() if one}),
        value=_texts(table["value"]),
        percent=_texts(table["percent"].round(PERCENT_DECIMALS)),
        notice=told.notice,
    )
    texts: pd.DataFrame = table[COLUMNS].fillna("").astype("str")
    return texts


def _totals(places: Places, shares: Shares, kind: str) -> pd.DataFrame:
    totals, measures = shares.totals[kind], places.measures
    place, measure = np.indices(totals.shape)
    table = _named(places, kind, place.ravel(), measure.ravel(), measures)
    value = _rounded(totals.ravel(), table["unit"])
    empty = dict.fromkeys(("operator", "technology", "usage", "threshold"), "")
    return table.assign(**empty, indicator="total", value=value, percent=np.nan)


def _shares(places: Places, shares: Shares, kind: str) -> pd.DataFrame:
    by_state, measured = shares.by_state[kind], shares.measured[kind]
    declared = by_state[..., : len(DECLARED)].sum(axis=-1, keepdims=True)
    values = np.concatenate([declared, by_state, measured[..., None]], axis=-1)
    subject, place, measure, indicator = (index.ravel() for index in np.indices(values.shape))
    whole = shares.totals[kind][place, measure]
    value = values.ravel()
    table = _named(places, kind, place, measure, places.measures)
    return table.assign(
        operator=shares.subjects["operator"].to_numpy(dtype=object)[subject],
        technology=shares.subjects["technology"].to_numpy(dtype=object)[subject],
        usage=USAGE,
        threshold=THRESHOLD,
        indicator=np.array(INDICATORS, dtype=object)[indicator],
        value=_rounded(value, table["unit"]),
        percent=100 * np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0),
    )


def _named(
    places: Places, kind: str, place: "np.ndarray", measure: "np.ndarray", measures: Sequence[str]
) -> pd.DataFrame:
    code = places.of_kind(kind)["code"].to_numpy(dtype=object)[place]
    names = np.array(measures, dtype=object)[measure]
    units = np.array([UNITS[name] for name in measures], dtype=object)[measure]
    return pd.DataFrame({"code": code, "measure": names, "unit": units})


def _rounded(values: "np.ndarray", units: pd.Series) -> "np.ndarray":
    decimals = units.map(DECIMALS).to_numpy()
    rounded = values.copy()
    for count in set(DECIMALS.values()):
        rounded[decimals == count] = np.round(values[decimals == count], count)
    return rounded


def _texts(values: pd.Series) -> pd.Series:
    """Numbers as they are written: ``12`` for 12.0, empty for none."""
    numbers = values.astype("float64")
    return numbers.astype("str").str.removesuffix(".0").mask(numbers.isna(), "")
