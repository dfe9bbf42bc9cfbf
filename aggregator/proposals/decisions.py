"""What a project team decided about zones: a table of its own, which recomputation reads and never writes.

``decisions.csv`` in the data directory, with ``;`` or ``,``, may be changed in any spreadsheet: one line per zone,
``zone_id, decision, reason, note, operator_answer, into, name, latitude, longitude, decided_on``. Only the first two
columns are needed. ``latitude`` and ``longitude`` are the zone's centre when it was decided on, written by
``maille zones decide``: the zone stays there.
"""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from h3.api import basic_int as h3

from aggregator.evidence.tables import lenient_numbers, read_table
from aggregator.evidence.whole_file import replacing
from client_sdk.errors import MailleError
from client_sdk.messages import tr

FILE = "decisions.csv"
Kind = Literal["kept", "set-aside", "merged", "open"]
COLUMNS = (
    *("zone_id", "decision", "reason", "note", "operator_answer", "into", "name", "latitude", "longitude"),
    "decided_on",
)
WORDS: dict[str, Kind] = {
    "kept": "kept",
    "gardée": "kept",
    "retenue": "kept",
    "set-aside": "set-aside",
    "écartée": "set-aside",
    "merged": "merged",
    "fusionnée": "merged",
    "open": "open",
    "ouverte": "open",
    "": "open",
}
"""What the column ``decision`` may hold, in English or French; ``open`` is a zone with a note or an answer alone."""
JOINT = " + "
"""Between the names of zones merged into one."""
_ZONE_ID = re.compile(r"^(?P<departement>[0-9AB]{2,3})-(?P<cell>8[0-9a-f]{8,14}?)f*(-\d+)?$")


class DecisionError(MailleError):
    """A line of ``decisions.csv``, or a decision asked for, that cannot be followed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided about one zone.

    Attributes:
        zone_id: of the zone. decision: ``kept``, ``set-aside`` (with a ``reason``), ``merged`` (``into`` another zone)
            or ``open``.
        note: of the team. operator_answer: what an operator said about it.
        name: of the zone when it was decided on.
        latitude: of its centre then, None where nobody wrote it. longitude: likewise.
        decided_on: ISO day, or empty.
    """

    zone_id: str
    decision: Kind
    reason: str = ""
    note: str = ""
    operator_answer: str = ""
    into: str = ""
    name: str = ""
    latitude: float | None = None
    longitude: float | None = None
    decided_on: str = ""


def read_decisions(data: Path) -> list[Decision]:
    """Decisions in ``decisions.csv``, by zone; none where there is no such file.

    Raises:
        DecisionError: a line cannot be followed; the message names the line and the column.
        EvidenceError: the file is no table, or lacks ``zone_id`` or ``decision``.
    """
    file = data / FILE
    if not file.exists():
        return []
    table = read_table(file, required=("zone_id", "decision")).map(str.strip)
    table = table[(table != "").any(axis=1)]
    place = {name: lenient_numbers(table.get(name, _empty(table))) for name in ("latitude", "longitude")}
    found: dict[str, tuple[int, Decision]] = {}
    for position, (row, texts) in enumerate(zip(table.index, table.to_dict("records"), strict=True)):
        where = f"{file}, {tr('line', 'ligne')} {int(row) + 2}"
        zone_id, word = texts["zone_id"], texts["decision"].lower()
        if not zone_id:
            raise DecisionError(tr(f"{where}: zone_id is empty", f"{where} : zone_id est vide"))
        if zone_id in found:
            earlier = found[zone_id][0]
            raise DecisionError(
                tr(
                    f"{where}: zone_id {zone_id} is decided on line {earlier} already",
                    f"{where} : zone_id {zone_id} figure déjà à la ligne {earlier}",
                )
            )
        if word not in WORDS:
            expected = ", ".join(word for word in WORDS if word)
            raise DecisionError(
                tr(
                    f"{where}: decision is {texts['decision']!r}, expected {expected}",
                    f"{where} : decision vaut {texts['decision']!r}, attendu {expected}",
                )
            )
        for name, largest in (("latitude", 90), ("longitude", 180)):
            if texts.get(name) and not abs(place[name][position]) <= largest:
                raise DecisionError(
                    tr(
                        f"{where}: {name} is {texts[name]!r}, expected degrees or nothing",
                        f"{where} : {name} vaut {texts[name]!r}, attendu des degrés ou rien",
                    )
                )
        known = bool(texts.get("latitude") and texts.get("longitude"))
        decision = Decision(
            zone_id=zone_id,
            decision=WORDS[word],
            **{name: texts.get(name, "") for name in ("reason", "note", "operator_answer", "into", "name")},
            latitude=float(place["latitude"][position]) if known else None,
            longitude=float(place["longitude"][position]) if known else None,
            decided_on=texts.get("decided_on", ""),
        )
        found[zone_id] = (int(row) + 2, decision)
    decisions = {zone_id: decision for zone_id, (_, decision) in found.items()}
    for line, decision in found.values():
        _check(decision, decisions, f"{file}, {tr('line', 'ligne')} {line}")
    return [decisions[zone_id] for zone_id in sorted(decisions)]


def decide(data: Path, decision: Decision) -> list[Decision]:
    """Write one decision beside the others, in the place of an earlier one about the same zone.

    What the new decision leaves empty (note, answer, place) stays as it was; all of it goes with the line.

    Raises:
        DecisionError: it cannot be followed, or another line of the file cannot.
    """
    before = {one.zone_id: one for one in read_decisions(data)}
    earlier = before.get(decision.zone_id)
    if earlier is not None:
        kept = ("note", "operator_answer", "name", "latitude", "longitude")
        decision = replace(
            decision, **{name: getattr(earlier, name) for name in kept if getattr(decision, name) in ("", None)}
        )
    after = {**before, decision.zone_id: decision}
    for one in after.values():
        _check(one, after, f"{data / FILE}, zone {one.zone_id}")
    ordered = [after[zone_id] for zone_id in sorted(after)]
    text = StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(["" if getattr(one, name) is None else getattr(one, name) for name in COLUMNS] for one in ordered)
    with replacing(data / FILE) as partial:
        partial.write_text(text.getvalue(), encoding="utf-8-sig")  # so that spreadsheets read its accents
    return ordered


def followed(decisions: Iterable[Decision]) -> list[Decision]:
    """Decisions, by zone, with what they imply: a zone that another is merged into is kept."""
    by_id = {one.zone_id: one for one in decisions}
    for zone_id in sorted({one.into for one in by_id.values() if one.decision == "merged"}):
        host = by_id.get(zone_id, Decision(zone_id=zone_id, decision="kept"))
        by_id[zone_id] = replace(host, decision="kept")
    return [by_id[zone_id] for zone_id in sorted(by_id)]


def own_name(zone: Mapping[Any, Any]) -> str:
    """Name of a zone (``name``, ``merged``) without those of the zones merged into it."""
    name = str(zone["name"])
    return name.partition(JOINT)[0] if zone.get("merged") else name


def joined(names: Iterable[str]) -> str:
    """One name for merged zones, in which each is named once however often they were joined."""
    return JOINT.join(dict.fromkeys(name for one in names for name in one.split(JOINT) if name))


def located(decisions: Iterable[Decision], zones: pd.DataFrame | None) -> list[Decision]:
    """Decisions as they are followed, each with its centre and name; an ``open`` one where its centre is known.

    Where the file does not say them, those of ``zones`` (``zone_id, latitude, longitude, name, merged``) count, and for
    a place the hexagon in the zone's id is the last resort.

    Raises:
        DecisionError: a zone is in neither.
    """
    rows = {} if zones is None else {str(row["zone_id"]): row for row in zones.to_dict("records")}
    found = []
    for one in followed(decisions):
        row = rows.get(one.zone_id)
        if one.decision == "open" and row is None and (one.latitude is None or one.longitude is None):
            continue
        name = one.name or (own_name(row) if row else "")
        if one.latitude is None or one.longitude is None:
            at = (float(row["latitude"]), float(row["longitude"])) if row else _place_of(one.zone_id)
            one = replace(one, latitude=at[0], longitude=at[1])
        found.append(replace(one, name=name))
    return found


def places_of(decisions: Iterable[Decision]) -> pd.DataFrame:
    """``zone_id, latitude, longitude`` of located ones."""
    columns = ["zone_id", "latitude", "longitude"]
    return pd.DataFrame([[getattr(one, name) for name in columns] for one in decisions], columns=columns)


def _check(decision: Decision, others: dict[str, Decision], where: str) -> None:
    if decision.decision == "set-aside" and not decision.reason:
        raise DecisionError(
            tr(
                f"{where}: reason is empty, expected why the zone is set aside",
                f"{where} : reason est vide, attendu pourquoi la zone est écartée",
            )
        )
    if decision.decision != "merged":
        return
    host = others.get(decision.into)
    if not decision.into or decision.into == decision.zone_id:
        raise DecisionError(
            tr(
                f"{where}: into is {decision.into!r}, expected the zone_id of another zone",
                f"{where} : into vaut {decision.into!r}, attendu le zone_id d'une autre zone",
            )
        )
    if host is not None and host.decision in ("merged", "set-aside"):
        raise DecisionError(
            tr(
                f"{where}: into is {decision.into}, which is {host.decision} itself",
                f"{where} : into vaut {decision.into}, zone elle-même {host.decision}",
            )
        )


def _place_of(zone_id: str) -> tuple[float, float]:
    """Centre of the hexagon that an id is made from."""
    parts = _ZONE_ID.match(zone_id)
    cell = int(parts["cell"].ljust(15, "f"), 16) if parts else 0
    if not h3.is_valid_cell(cell):
        raise DecisionError(
            tr(
                f"{FILE}: zone_id {zone_id} is no known zone; expected its latitude and longitude beside it",
                f"{FILE} : zone_id {zone_id} inconnue ; attendu sa latitude et sa longitude à côté",
            )
        )
    latitude, longitude = h3.cell_to_latlng(cell)
    return float(latitude), float(longitude)


def _empty(table: pd.DataFrame) -> "pd.Series[str]":
    return pd.Series("", index=table.index, dtype="str")
