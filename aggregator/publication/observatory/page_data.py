"""What the observatory's page reads: an index, a small file per territory, and the communes of each département."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aggregator.publication.manifest import write_compact_json
from aggregator.publication.observatory.places import UNITS, WHOLE, Places
from aggregator.publication.observatory.shares import STATES, THRESHOLD, Shares
from aggregator.publication.observatory.table import DECIMALS, Told
from client_sdk.operators import operator_name

CURVES = ("declared", "confirmed", "contradicted", "doubted", "unknown")
"""Indicators that have a history on the page. Only a strong contradiction may be called one without a check on site:
moderate ones and suspicions are ``doubted``."""
CURVE_MEASURES = ("population", "surface", "roads", "railways")
SUMMED = {"contradicted_strong": "contradicted", "contradicted_moderate": "doubted", "suspected": "doubted"}

Entry = dict[str, Any]


def write_page_data(
    into: Path,
    places: Places,
    shares: Shares,
    counts: pd.DataFrame,
    rows: pd.DataFrame,
    told: Told,
    about: Mapping[str, Any],
) -> None:
    """Write ``index.json``, a file per territory, and for each département and technology one with its communes.

    Args:
        into: an empty directory.
        places: territories.
        shares: what is declared and known there.
        counts: sites and measurements.
        rows: ``observatory.csv``, earlier releases included.
        told: of the release.
        about: what the index says besides.
    """
    releases = rows[["release", "date"]].drop_duplicates()
    quarters = rows[rows["usage"] != ""].drop_duplicates("release").set_index("release")["quarter"]
    operators = sorted({*shares.subjects["operator"], *counts["operator"]} - {""})
    index = {
        **about,
        "counts_quarter": told.counts_quarter,
        "states": STATES,
        "measures": {name: UNITS[name] for name in places.measures},
        "threshold": THRESHOLD,
        "counted": sorted(set(counts["measure"] + "/" + counts["indicator"])),
        "operators": [{"operator": one, "name": operator_name(one)} for one in operators],
        "technologies": sorted(set(shares.subjects["technology"])),
        "claims_quarters": {"/".join(key): quarter for key, quarter in sorted(told.claims_quarters.items())},
        "releases": [
            {"release": release, "date": date, "quarter": quarters.get(release, "")}
            for release, date in releases.itertuples(index=False, name=None)
        ],
        "places": places.table.to_numpy().tolist(),
    }
    write_compact_json(index, into / "index.json")
    curves = _curves(rows, releases["release"].to_list())
    for kind in (WHOLE, "departement", "epci"):
        for entry in _entries(places, shares, counts, kind, None):
            told_here = {**entry, "history": curves.get((kind, entry["code"]), {})}
            write_compact_json(told_here, into / f"{kind}-{entry['code']}.json")
    departement = places.of_kind("commune")["departement"].to_numpy()
    for technology in index["technologies"]:
        entries = _entries(places, shares, counts, "commune", technology)
        for code in sorted(set(departement)):
            own = [
                {**entry, "at": at}
                for entry, home, at in zip(entries, departement, places.centres.round(4).tolist(), strict=True)
                if home == code
            ]
            _write_communes(own, into / f"communes-{code}-{technology}.json")


def _entries(places: Places, shares: Shares, counts: pd.DataFrame, kind: str, technology: str | None) -> list[Entry]:
    """What each territory of a kind shows, of one technology or of all."""
    named, decimals = places.of_kind(kind), [DECIMALS[UNITS[name]] for name in places.measures]
    entries: list[Entry] = [
        {"kind": kind, "code": code, "name": name, "totals": _known(places, totals), "subjects": []}
        for code, name, totals in zip(
            named["code"], named["name"], _lists(shares.totals[kind], decimals, axis=1), strict=True
        )
    ]
    for number, (operator, own_technology) in enumerate(shares.subjects.itertuples(index=False, name=None)):
        if technology not in (None, own_technology):
            continue
        states = _lists(shares.by_state[kind][number], decimals, axis=1)
        measured = _lists(shares.measured[kind][number], decimals, axis=1)
        for entry, by_measure, seen in zip(entries, states, measured, strict=True):
            told = dict(zip(places.measures, by_measure, strict=True))
            entry["subjects"].append(
                {"operator": operator, "technology": own_technology}
                | {"shares": {name: told[name] for name in entry["totals"]}}
                | {"measured": _known(places, seen)}
            )
    by_code = {entry["code"]: entry for entry in entries}
    own = counts[
        (counts["kind"] == kind) & counts["technology"].isin(["", technology] if technology else counts["technology"])
    ]
    columns = ["code", "measure", "operator", "technology", "indicator", "value"]
    for code, measure, operator, tech, indicator, value in own[columns].itertuples(index=False, name=None):
        told = by_code[code].setdefault("counts", {}).setdefault(measure, {})
        told.setdefault(f"{operator}/{tech}", {})[indicator] = int(value)
    return entries


def _lists(values: NDArray[np.float64], decimals: list[int], axis: int) -> list[Any]:
    """Nested lists of values, rounded along the axis of the measures."""
    parts = [np.round(values.take([at], axis), count) for at, count in enumerate(decimals)]
    rounded: list[Any] = np.concatenate(parts, axis=axis).tolist()
    return rounded


def _known(places: Places, values: list[float]) -> dict[str, float]:
    """Values of the measures there are some of."""
    return {name: value for name, value in zip(places.measures, values, strict=True) if value}


def _curves(rows: pd.DataFrame, releases: list[str]) -> dict[tuple[str, str], dict[str, Entry]]:
    """Percentages of each release, oldest first, by territory, then by operator and technology; None where not told."""
    kept = rows[rows["measure"].isin(CURVE_MEASURES) & (rows["usage"] != "") & (rows["percent"] != "")]
    kept = kept.assign(percent=kept["percent"].astype("float64"), indicator=kept["indicator"].replace(SUMMED))
    kept = kept[kept["indicator"].isin(CURVES)]
    key = ["kind", "code", "operator", "technology", "measure", "indicator"]
    wide = kept.groupby([*key, "release"])["percent"].sum().round(2).unstack("release").reindex(columns=releases)
    found: dict[tuple[str, str], dict[str, Entry]] = {}
    for (kind, code, operator, technology, measure, indicator), values in zip(wide.index, wide.to_numpy(), strict=True):
        place = found.setdefault((kind, code), {})
        subject = place.setdefault(f"{operator}/{technology}", {})
        told = [None if np.isnan(value) else float(value) for value in values]
        subject.setdefault(measure, {})[indicator] = told
    claims = kept[kept["claims_quarter"] != ""].drop_duplicates(["kind", "code", "operator", "technology", "release"])
    quarters = claims.set_index(["kind", "code", "operator", "technology", "release"])["claims_quarter"].unstack(
        "release"
    )
    quarters = quarters.reindex(columns=releases).fillna("")
    for (kind, code, operator, technology), values in zip(quarters.index, quarters.to_numpy(), strict=True):
        found[kind, code][f"{operator}/{technology}"]["claims_quarters"] = [str(value) for value in values]
    return found


def _write_communes(entries: Sequence[Any], file: Path) -> None:
    """Compact JSON, a commune a line."""
    text = ",\n".join(json.dumps(entry, ensure_ascii=False, separators=(",", ":")) for entry in entries)
    file.write_text(f'{{"communes":[\n{text}\n]}}\n', encoding="utf-8")
