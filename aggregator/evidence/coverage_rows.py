"""Rows of a coverage file, told apart by what they declare according to a layout."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.layout import Claim, Condition, Layout, Rule, folded
from aggregator.evidence.operators import OPERATOR_OF_FILE_CODE
from client_sdk.messages import tr
from client_sdk.operators import operator_of

TECHNOLOGIES = ("2G", "2G3G", "3G", "4G", "5G")
USAGES = ("data", "voix")


class Names(NamedTuple):
    """Of a file, of its layer, and of the columns it has."""

    file: str
    layer: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Subject:
    """Whose claim it is: the same for several operators where a file counts them."""

    operators: tuple[str, ...]
    technology: str
    usage: str


@dataclass(frozen=True, slots=True)
class Declared:
    """Rows that declare the same thing; level None: that the place is not covered."""

    subject: Subject
    level: str | None
    rows: NDArray[np.intp]


def declared_in(names: Names, layout: Layout, table: pd.DataFrame) -> Iterator[Declared]:
    """What the rows of a table declare.

    Args:
        names: of the file, its layer and columns.
        layout: how to read them.
        table: columns in lower case, values as the file holds them.

    Raises:
        EvidenceError: a value is none that the layout knows, or a column is missing.
    """
    for claim in layout.claims:
        rows = np.flatnonzero(_counting(names, claim, table))
        chosen = table.iloc[rows]
        values = pd.DataFrame(
            {
                "operator": _operators(names, claim, chosen),
                "technology": _values(names, "technology", claim.technology, chosen),
                "usage": _values(names, "usage", claim.usage, chosen),
                "level": _values(names, "level", claim.level, chosen),
            }
        )
        complete = values[values.notna().all(axis=1)]
        for key, members in complete.groupby(list(values.columns), sort=True).indices.items():
            signed, technology, usage, level = (str(value) for value in np.array(key, dtype=object))
            operators = signed.removeprefix("-")
            subject = Subject(tuple(operators.split("+")), technology, usage)
            yield Declared(
                subject, level if operators == signed else None, rows[complete.index[members].to_numpy(np.intp)]
            )


def subjects_named(names: Names, layout: Layout) -> list[Subject]:
    """What a file declares by its name and its layout alone, whatever it holds."""
    found = []
    for claim in layout.claims:
        without = pd.DataFrame(index=[0])
        try:
            operators = list(claim.operators) or [_values(names, "operator", claim.operator, without)[0]]
            technology, usage = (
                _values(names, name, getattr(claim, name), without)[0] for name in ("technology", "usage")
            )
            found.append(Subject(tuple(operators), technology, usage))
        except (EvidenceError, TypeError):
            continue
    return found


def _counting(names: Names, claim: Claim, table: pd.DataFrame) -> NDArray[np.bool_]:
    counting = np.ones(len(table), dtype=bool)
    for condition in claim.where:
        counting &= _holds(condition, _column(names, condition.column, table))
    return counting


def _holds(condition: Condition, values: "pd.Series[Any]") -> NDArray[np.bool_]:
    if condition.among:
        return np.asarray(_texts(values).map(folded, na_action="ignore").isin(condition.among), dtype=bool)
    numbers = _numbers(values)
    low = -np.inf if condition.at_least is None else condition.at_least
    high = np.inf if condition.at_most is None else condition.at_most
    return np.asarray((numbers >= low) & (numbers <= high), dtype=bool)


def _operators(names: Names, claim: Claim, table: pd.DataFrame) -> NDArray[np.object_]:
    """PLMN (n,); several joined by +, after a minus where none of them covers; None where nothing is known."""
    if not claim.counted:
        return _values(names, "operator", claim.operator, table)
    counts = _numbers(_column(names, claim.counted, table))
    everyone, number = "+".join(claim.operators), len(claim.operators)
    wrong = ~np.isin(counts, np.arange(number + 1))
    if wrong.any():
        raise _unexpected(names, claim.counted, _texts(table[claim.counted.lower()])[wrong].iloc[0], _counts(number))
    found = np.full(len(table), None, dtype=object)
    found[counts == number] = everyone
    found[counts == 0] = f"-{everyone}"
    return found


def _counts(number: int) -> str:
    return tr(f"a count of operators from 0 to {number}", f"un nombre d’opérateurs de 0 à {number}")


def _values(names: Names, what: str, rule: Rule, table: pd.DataFrame) -> NDArray[np.object_]:
    """Value (n,) of each row by a rule; None where the row does not count."""
    fallback = _fallback(names, rule)
    if rule.column.lower() not in table.columns:
        if rule.column and fallback is None and (what != "level" or rule.steps):
            _column(names, rule.column, table)
        texts = pd.Series([None] * len(table), dtype=object)
    else:
        texts = _texts(table[rule.column.lower()])
    codes, written = pd.factorize(texts)
    means = [_mean(names, what, rule, text) for text in written]
    means.append(_mean(names, what, rule, fallback) if (codes < 0).any() else None)
    return np.array(means, dtype=object)[codes]


def _fallback(names: Names, rule: Rule) -> str | None:
    for pattern, name in ((rule.layer, names.layer), (rule.file, names.file)):
        if pattern and (found := re.search(pattern, name)):
            return next((group for group in found.groups() if group), None)
    return rule.value or None


def _mean(names: Names, what: str, rule: Rule, written: str | None) -> str | None:
    """What a written value means, checked; None: the row does not count."""
    column = rule.column or what
    if written is None:
        if what == "level":
            return ""
        raise _missing(names, what, rule)
    if rule.steps:
        number = _numbers(pd.Series([written]))[0]
        return next((means for bound, means in rule.steps if number >= bound), None)
    means = rule.values.get(folded(written), written)
    if rule.others == "skip" and folded(written) not in rule.values and rule.column:
        return None
    if what == "operator":
        return _plmn(names, column, means)
    expected = {"technology": TECHNOLOGIES, "usage": USAGES}.get(what)
    if what == "level" and rule.values and means not in rule.values.values():
        expected = tuple(dict.fromkeys(rule.values.values()))
    if expected and means not in expected:
        raise _unexpected(names, column, written, tr("one of ", "une valeur parmi ") + ", ".join(expected))
    return means


def _plmn(names: Names, column: str, means: str) -> str:
    if means.upper() in OPERATOR_OF_FILE_CODE:
        return OPERATOR_OF_FILE_CODE[means.upper()]
    if not (means.isdigit() and len(means) in (5, 6)):
        wanted = tr(
            "an MCC and MNC such as 20801, or a value that the layout lists",
            "un MCC et MNC comme 20801, ou une valeur que le format énumère",
        )
        raise _unexpected(names, column, means, wanted)
    return operator_of(means)


def _column(names: Names, column: str, table: pd.DataFrame) -> "pd.Series[Any]":
    if column.lower() not in table.columns:
        there = ", ".join(names.columns)
        raise EvidenceError(
            tr(
                f"{names.file}: has no column {column}; it has {there}",
                f"{names.file} : pas de colonne {column} ; il y a {there}",
            )
        )
    return table[column.lower()]


def _texts(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """Values as texts: whole numbers without a point, None where empty."""
    codes, written = pd.factorize(values.to_numpy())
    texts = [_text(value) for value in written]
    return pd.Series(np.array([*texts, None], dtype=object)[codes], index=values.index, dtype=object)


def _text(value: Any) -> str | None:
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value).strip() or None


def _numbers(values: "pd.Series[Any]") -> NDArray[np.float64]:
    texts = values
    if values.dtype == object or pd.api.types.is_string_dtype(values.dtype):
        texts = values.astype(str).str.strip().str.replace(",", ".", regex=False)
    return pd.to_numeric(texts, errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _missing(names: Names, what: str, rule: Rule) -> EvidenceError:
    where = ", ".join(filter(None, (rule.column, rule.layer, rule.file))) or what
    return EvidenceError(
        tr(
            f"{names.file}: neither its columns nor its name say the {what} (looked for {where})",
            f"{names.file} : ni ses colonnes ni son nom ne disent « {what} » (cherché : {where})",
        )
    )


def _unexpected(names: Names, column: str, value: Any, expected: str) -> EvidenceError:
    shown = int(value) if isinstance(value, str) and value.isdigit() else value
    return EvidenceError(
        tr(
            f"{names.file}: {column} is {shown!r}, expected {expected}",
            f"{names.file} : {column} vaut {shown!r} ; attendu : {expected}",
        )
    )
