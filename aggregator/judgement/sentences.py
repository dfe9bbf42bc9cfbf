"""A verdict in plain words, for people who will act on it, in French and in English.

A sentence says what was seen, when, and how surprising that would be were the map right. Counts above 20 are told as
they are published, rounded and with "about"; "25 of 25" is said only where all are meant. It never says that something
is shown beyond doubt, never gives a share of coverage in per cent, and never speaks of an operator's obligations but to
say that one place tells nothing about them. Whatever speaks against a map ends with what to do first: go and look.
An operator promises service and no rate, so a low rate is told as such, and puts no map in question.
"""

from collections.abc import Container, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.meanings import meaning
from aggregator.judgement.phrases import Finding, fact, when
from aggregator.judgement.wording import Dates, day_text
from client_sdk.messages import Language

_NEEDED = ("verdict", "operator", "technology", "threshold", "devices", "failing", "claimed")
_TEXTS = ("verdict", "strength", "evidence", "operator", "technology", "threshold", "usage")
_COUNTS = {"resolution": 8, "devices": 0, "failing": 0, "withdrawn": 0, "device_days": 0}
_DAYS = ("first_day", "last_day", "held_since")
_PERIOD = ["device_days", "first_day", "last_day"]


def sentence(
    row: "Mapping[str, Any] | Any", language: Language, *, dates: Dates = "day", constants: Constants | None = None
) -> str:
    """One verdict in words.

    Args:
        row: a mapping or named tuple with members of :data:`aggregator.judgement.comparison.VERDICTS`: ``verdict,
            operator, technology, threshold, devices, failing`` and ``claimed``, the others where known. A ``usage`` of
            ``voix`` makes it one of voice. Days are dates, or texts like ``2026-03-01`` or ``2026-03``.
        language: of the sentence.
        dates: ``month`` where no exact day may leave, as in a public release.
        constants: those the verdict was made with.

    Returns:
        The sentence; empty where there is no verdict.

    Raises:
        ValueError: a member is missing, there are more failures than devices, or a day is none.
    """
    members = row if isinstance(row, Mapping) else row._asdict()
    _require(members)
    given = {name: value for name, value in members.items() if not pd.isna(value)}
    if not given.get("verdict"):
        return ""
    known: dict[str, Any] = {
        **{name: str(given.get(name, _default(name))) for name in _TEXTS},
        **{name: int(given.get(name, number)) for name, number in _COUNTS.items()},
        **{name: day_text(given.get(name, ""), dates) for name in _DAYS},
        "claim_known": "claimed" in given,
        "partly_claimed": given["verdict"] == "unclaimed_service" and given.get("declared_share", 0.0) > 0,
    }
    _require_counts(known["failing"], known["devices"])
    finding = Finding(*(known[name] for name in Finding._fields))
    days, first, last = (known[name] for name in _PERIOD)
    period = when(days, first, last, language) if finding.devices else ""
    return f"{fact(finding, language)}{period}. {meaning(finding, language, constants or Constants())}"


def sentences(
    verdicts: pd.DataFrame, language: Language, *, dates: Dates = "day", constants: Constants | None = None
) -> "pd.Series[str]":
    """Every verdict in words, as :func:`sentence` would say it; each different wording is built once.

    Args:
        verdicts: columns as the members that :func:`sentence` wants.
        language: of the sentences.
        dates: ``month`` where no exact day may leave.
        constants: those the verdicts were made with.

    Returns:
        Texts (n,) with the index of the verdicts; empty where there is no verdict.

    Raises:
        ValueError: a column is missing, a row has more failures than devices, or a day is none.
    """
    rule = constants or Constants()
    rows = _complete(verdicts, dates)
    code, distinct = _distinct(rows, list(Finding._fields))
    findings = [Finding(*values) for values in distinct]
    period_code, periods = _distinct(rows, _PERIOD)
    facts = _texts(fact(finding, language) for finding in findings)
    times = _texts(when(days, first, last, language) for days, first, last in periods)
    meanings = _texts(f". {meaning(finding, language, rule)}" for finding in findings)
    texts = facts[code] + times[period_code] + meanings[code]
    return pd.Series(np.where(rows["verdict"] == "", "", texts), index=verdicts.index, dtype="str", name="sentence")


def _complete(verdicts: pd.DataFrame, dates: Dates) -> pd.DataFrame:
    """The columns of a finding and of its period, without gaps."""
    _require(verdicts)
    rows = pd.DataFrame(index=verdicts.index)
    for name in _TEXTS:
        default = _default(name)
        rows[name] = verdicts[name].fillna(default).astype("str") if name in verdicts else default
    for name, number in _COUNTS.items():
        rows[name] = verdicts[name].fillna(number).astype("int64") if name in verdicts else number
    for name in _DAYS:
        days = verdicts[name] if name in verdicts else pd.Series("", index=verdicts.index, dtype="str")
        texts = {day: day_text(day, dates) for day in days.dropna().unique()}
        rows[name] = days.map(texts).astype("object").fillna("").astype("str")
    alone = rows["devices"] == 0
    rows = rows.assign(
        **{name: rows[name].mask(alone, 0 if name == "device_days" else "") for name in _PERIOD},
    )
    rows["claim_known"] = verdicts["claimed"].notna()
    rows["partly_claimed"] = False
    if "declared_share" in verdicts:
        rows["partly_claimed"] = (rows["verdict"] == "unclaimed_service") & (
            verdicts["declared_share"].astype("float64") > 0
        )
    wrong = (rows["failing"] > rows["devices"]) | (rows["failing"] < 0)
    for failing, devices in rows.loc[wrong, ["failing", "devices"]].head(1).to_numpy(int).tolist():
        _require_counts(failing, devices)
    return rows


def _default(name: str) -> str:
    return "crowd" if name == "evidence" else ""


def _require(names: Container[str]) -> None:
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        raise ValueError(f"verdicts have no {missing[0]}, expected {', '.join(_NEEDED)}")


def _require_counts(failing: int, devices: int) -> None:
    if not 0 <= failing <= devices:
        raise ValueError(f"failing is {failing}, expected 0 to devices, which is {devices}")


def _distinct(rows: pd.DataFrame, columns: list[str]) -> tuple[NDArray[np.int64], list[tuple[Any, ...]]]:
    """Which of the distinct rows (m,) each row (n,) is, and these."""
    code = rows.groupby(columns, sort=False).ngroup()
    found = rows.loc[~code.duplicated(), columns]
    return code.to_numpy().astype(np.int64), list(
        zip(*(found[name].to_numpy(dtype=object) for name in columns), strict=True)
    )


def _texts(texts: Any) -> NDArray[np.object_]:
    return np.array([*texts, ""], dtype=object)[:-1]
