"""Indicators as a tidy table: one row per territory, operator, technology, measure and indicator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

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
MEASURES = (*UNITS, "measurement", "sites", "scheme_sites")
"""In the order in which they are written."""
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
    there = [kind for kind in kinds if len(places.of_kind(kind))]
    return pd.concat([_of_kind(places, shares, counts, told, kind, zeros) for kind in there], ignore_index=True)


def _of_kind(places: Places, shares: Shares, counts: pd.DataFrame, told: Told, kind: str, zeros: bool) -> pd.DataFrame:
    named = places.of_kind(kind)
    names = named["name"].where(named["name"] != "", WHOLE_NAME).to_numpy(dtype=object)
    codes = named["code"].to_numpy(dtype=object)
    others = counts[counts["kind"] == kind]
    others = others.assign(
        place=pd.Index(codes).get_indexer(pd.Index(others["code"].to_numpy(dtype=object))),
        usage="",
        threshold=np.where(others["measure"] == "measurement", THRESHOLD, ""),
        percent=np.nan,
    )
    parts = [_totals(places, shares, kind, zeros), _shares(places, shares, kind, zeros), others]
    table = pd.concat([part for part in parts if len(part)], ignore_index=True)
    table = table.iloc[_order(table)].reset_index(drop=True)
    operators = table["operator"].to_numpy(dtype=object)
    subjects = zip(operators, table["technology"], strict=True)
    claims = np.array([told.claims_quarters.get(subject, "") for subject in subjects], dtype=object)
    crowd = table["indicator"].str.endswith("_crowd").to_numpy(bool)
    known = {one: operator_name(one) if one else "" for one in set(operators)}
    return pd.DataFrame(
        {
            "release": told.release,
            "date": told.date,
            "quarter": np.where(crowd, told.counts_quarter, told.quarter),
            "claims_quarter": np.where(table["usage"] == USAGE, claims, ""),
            "kind": kind,
            "code": codes[table["place"]],
            "name": names[table["place"]],
            "operator": operators,
            "operator_name": [known[one] for one in operators],
            **{name: table[name] for name in ("technology", "usage", "threshold", "measure", "indicator", "unit")},
            "value": _texts(table["value"]),
            "percent": _texts(table["percent"].round(PERCENT_DECIMALS)),
            "notice": told.notice,
        },
        columns=COLUMNS,
    )


def _order(table: pd.DataFrame) -> NDArray[np.intp]:
    """By territory, operator, technology, measure, indicator."""
    indicators = ["total", *INDICATORS]
    indicators += sorted(set(table["indicator"]) - set(indicators))
    keys = [pd.Categorical(table["indicator"], indicators).codes, pd.Categorical(table["measure"], MEASURES).codes]
    keys += [pd.factorize(table[name], sort=True)[0] for name in ("technology", "operator")]
    return np.lexsort([*keys, table["place"].to_numpy()])


def _totals(places: Places, shares: Shares, kind: str, zeros: bool) -> pd.DataFrame:
    values = _rounded(shares.totals[kind], places.measures)
    place, measure = (np.ones_like(values) if zeros else values).nonzero()
    empty = dict.fromkeys(("operator", "technology", "usage", "threshold"), "")
    named = _named(places.measures, place, measure).assign(**empty)
    return named.assign(indicator="total", value=values[place, measure], percent=np.nan)


def _shares(places: Places, shares: Shares, kind: str, zeros: bool) -> pd.DataFrame:
    by_state, measured = shares.by_state[kind], shares.measured[kind]
    declared = by_state[..., : len(DECLARED)].sum(axis=-1, keepdims=True)
    exact = np.moveaxis(np.concatenate([declared, by_state, measured[..., None]], axis=-1), 2, 3)
    values = _rounded(exact, places.measures)
    at = (np.ones_like(values) if zeros else values).nonzero()
    subject, place, indicator, measure = at
    value, whole = exact[at], shares.totals[kind][place, measure]
    return _named(places.measures, place, measure).assign(
        operator=shares.subjects["operator"].to_numpy(dtype=object)[subject],
        technology=shares.subjects["technology"].to_numpy(dtype=object)[subject],
        usage=USAGE,
        threshold=THRESHOLD,
        indicator=np.array(INDICATORS, dtype=object)[indicator],
        value=values[at],
        percent=100 * np.divide(value, whole, out=np.full(len(value), np.nan), where=whole > 0),
    )


def _named(measures: Sequence[str], place: NDArray[np.intp], measure: NDArray[np.intp]) -> pd.DataFrame:
    names = np.array(measures, dtype=object)[measure]
    units = np.array([UNITS[name] for name in measures], dtype=object)[measure]
    return pd.DataFrame({"place": place, "measure": names, "unit": units})


def _rounded(values: NDArray[np.float64], measures: Sequence[str]) -> NDArray[np.float64]:
    """Values (…, measures) to the decimals of their units."""
    decimals = [DECIMALS[UNITS[name]] for name in measures]
    return np.stack([np.round(values[..., at], count) for at, count in enumerate(decimals)], axis=-1)


def _texts(values: pd.Series) -> pd.Series:
    """Numbers as they are written: ``12`` for 12.0, empty for none."""
    numbers = values.astype("float64")
    return numbers.astype("str").str.removesuffix(".0").mask(numbers.isna(), "")
