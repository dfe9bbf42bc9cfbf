"""Surveys of Network Survey (Android): cells of every technology, and the phone's state, read together.

What the records do not say, or do not mean, does not become a field:

- Records of one ``groupNumber`` and ``slot`` are one scan and make one sample; only the serving cell counts. A serving
  5G cell beside a serving 4G cell is non-standalone.
- A position of 0/0 is absence, an accuracy, altitude or speed of 0 unknown; ``accuracy`` is Android's 68 % radius.
- No service never follows from missing rows: only from a phone state with a ready SIM and no packet-switched
  registration, or one on an unknown technology. It holds until the next phone state or the next cell that serves,
  60 s at most, since the app writes a state only when something changes: weak evidence. An attempt to register that
  was refused is written as a state too, and is none.
- What was seen while the phone was on a satellite network says nothing about terrestrial coverage.
- The SIM's PLMN is that of the phone's state; elsewhere the one that was said, or the serving network's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from client_sdk.importers.log import Log
from client_sdk.importers.network_survey_fields import (
    is_lost,
    is_true,
    motion,
    place,
    radio,
    serving_plmn,
    sim_plmn,
)
from client_sdk.importers.network_survey_files import Record, Source, sources
from client_sdk.importers.network_survey_order import merged
from client_sdk.importers.reading import LeftOut, bounded, sample_of
from client_sdk.messages import tr
from client_sdk.sample import Context, Sample

HELD = timedelta(seconds=60)
"""How long a phone state without service is believed at most."""

SCAN_LENGTH = timedelta(seconds=10)
"""Ours: the records of one scan are written within milliseconds; after this its next records are another one's."""

Found = tuple[Log, Sample | LeftOut]
"""An item, and the file it was found in."""

_Phone = tuple[str, str]
"""Session and slot: one SIM of one phone."""

_Known = TypeVar("_Known")


@dataclass(frozen=True, slots=True)
class NetworkSurveyOptions:
    """What the person says of a survey that does not say it itself."""

    plmn: str | None = None
    context: Context = "unknown"
    campaign: str | None = None


@dataclass(slots=True)
class _State:
    """A state of one phone and SIM, from its record until ``until``: the next one, or a cell that served."""

    record: Record
    sim_plmn: str | None
    lost: bool
    satellite: bool
    until: datetime | None = None

    def ends(self, at: datetime) -> None:
        self.until = at if self.until is None else min(self.until, at)

    def denies(self, at: datetime) -> bool:
        """Whether it says that there is no service at this time."""
        return self.lost and at - self.record.measured_at < HELD


@dataclass(slots=True)
class _Scan:
    """Records that were written together, and the phone's state when they were."""

    records: list[Record]
    state: _State | None


def read(logs: Sequence[Log], options: NetworkSurveyOptions) -> Iterator[Found]:
    """The samples of the files of one survey in the order of their times, and what was left out, each with its file.

    Records are merged by their times and forgotten once their scan is over, so that long surveys fit in memory.

    Raises:
        LogError: one of them is not such a file.
    """
    found = [source for log in logs for source in sources(log)]
    yield from _Reading(options, _first_sims(found)).over(merged(found))


class _Reading:
    """What is remembered while the records of a survey pass by."""

    def __init__(self, options: NetworkSurveyOptions, sims: dict[_Phone, str]) -> None:
        self._options = options
        self._sims = sims
        self._scans: dict[tuple[_Phone, str], _Scan] = {}
        self._states: dict[_Phone, _State] = {}

    def over(self, items: Iterable[tuple[Log, Record | LeftOut]]) -> Iterator[Found]:
        for log, item in items:
            if isinstance(item, LeftOut):
                yield log, item
                continue
            yield from self._close_scans(item.measured_at - SCAN_LENGTH)
            if item.kind == "phone_state":
                yield from self._take_state(item)
            else:
                self._take_cell(item)
        yield from self._close_scans(None)
        for state in self._states.values():
            yield from self._no_service(state)

    def _take_state(self, record: Record) -> Iterator[Found]:
        phone = _phone(record)
        before = self._states.get(phone)
        if before and _is_same(before.record, record):
            yield record.log, LeftOut(record.row, _same())
            return
        if before:
            before.ends(record.measured_at)
            yield from self._no_service(before)
        satellite = is_true(record.values.get("nonterrestrialnetwork"))
        lost = not satellite and is_lost(record)
        if satellite:
            yield record.log, LeftOut(record.row, _on_satellite())
        elif not lost:
            yield record.log, LeftOut(record.row, tr("phone state without a loss", "état du téléphone sans perte"))
        self._states[phone] = _State(record, sim_plmn(record), lost, satellite)

    def _take_cell(self, record: Record) -> None:
        state = _of_phone(self._states, _phone(record))
        key = (_phone(record), str(record.values.get("groupnumber") or record.measured_at.isoformat()))
        self._scans.setdefault(key, _Scan([], state)).records.append(record)
        if state and is_true(record.values.get("servingcell")) and state.denies(record.measured_at):
            state.ends(record.measured_at)

    def _close_scans(self, begun_before: datetime | None) -> Iterator[Found]:
        over = [
            key
            for key, scan in self._scans.items()
            if begun_before is None or scan.records[0].measured_at < begun_before
        ]
        for key in over:
            yield from self._read_scan(key[0], self._scans.pop(key))

    def _read_scan(self, phone: _Phone, scan: _Scan) -> Iterator[Found]:
        serving: dict[str, Record] = {}
        for record in scan.records:
            if not is_true(record.values.get("servingcell")):
                yield record.log, LeftOut(record.row, tr("not the serving cell", "pas la cellule qui sert"))
            elif record.kind in serving:
                again = _is_same(serving[record.kind], record)
                reason = _same() if again else tr("one more serving cell of a scan", "autre cellule du même balayage")
                yield record.log, LeftOut(record.row, reason)
            else:
                serving[record.kind] = record
        if not serving:
            return
        first = next(serving[kind] for kind in ("lte", "nr", "umts", "gsm") if kind in serving)
        state = scan.state
        served_by, where = serving_plmn(first), place(first)
        sim = (state.sim_plmn if state else None) or _of_phone(self._sims, phone) or self._options.plmn or served_by
        if state and state.satellite:
            yield first.log, LeftOut(first.row, _on_satellite())
        elif sim is None:
            yield first.log, LeftOut(first.row, _no_plmn())
        elif where is None:
            yield first.log, LeftOut(first.row, _no_position())
        else:
            values, absent = bounded(first.row, {**radio(serving), **motion(first)})
            for item in absent:
                yield first.log, item
            # a cell that serves and a phone that says it has none: one of the two is wrong
            doubtful = state is not None and state.denies(first.measured_at)
            sample = sample_of(
                first.log,
                first.row,
                first.measured_at,
                values,
                kind="signal",
                import_format="network-survey",
                campaign=self._options.campaign,
                context=self._options.context,
                sim_plmn=sim,
                serving_plmn=served_by,
                service_state="unknown" if doubtful else "in_service",
                **where,
            )
            yield first.log, sample

    def _no_service(self, state: _State) -> Iterator[Found]:
        if not state.lost:
            return
        record = state.record
        where, sim = place(record), state.sim_plmn or self._options.plmn
        end = min(state.until or record.measured_at + HELD, record.measured_at + HELD)
        if where is None:
            yield record.log, LeftOut(record.row, _no_position())
        elif sim is None:
            yield record.log, LeftOut(record.row, _no_plmn())
        else:
            values, absent = bounded(record.row, motion(record))
            for item in absent:
                yield record.log, item
            sample = sample_of(
                record.log,
                record.row,
                record.measured_at,
                values,
                kind="service",
                import_format="network-survey",
                campaign=self._options.campaign,
                context=self._options.context,
                sim_plmn=sim,
                service_state="no_service",
                service_evidence="weak",
                service_polls=1,
                duration_ms=max(0, round((end - record.measured_at).total_seconds() * 1000)),
                **where,
            )
            yield record.log, sample


def _first_sims(found: Iterable[Source]) -> dict[_Phone, str]:
    """The SIM that each phone and slot has first, for the cells that were written before its first state."""
    sims: dict[_Phone, str] = {}
    for source in found:
        for item in source.read() if source.kind == "phone_state" else ():
            if isinstance(item, Record) and (sim := sim_plmn(item)):
                sims.setdefault(_phone(item), sim)
    return sims


def _phone(record: Record) -> _Phone:
    return record.session, record.slot


def _of_phone(known: Mapping[_Phone, _Known], phone: _Phone) -> _Known | None:
    """What is known of a phone and slot; older versions of the app leave serial, mission or slot out of some files."""
    session, slot = phone
    for key in (phone, (session, ""), ("", slot), ("", "")):
        if key in known:
            return known[key]
    alike = [one for (other, _), one in known.items() if other == session and not slot]
    return alike[0] if len(alike) == 1 else None


def _is_same(one: Record, other: Record) -> bool:
    """Whether CSV and GeoPackage hold the same record, since the app can write both at once."""
    numbers = one.values.get("recordnumber"), other.values.get("recordnumber")
    return one.log is not other.log and None not in numbers and str(numbers[0]) == str(numbers[1])


def _same() -> str:
    return tr("the same as in another file", "identique dans un autre fichier")


def _no_position() -> str:
    return tr("no position", "pas de position")


def _no_plmn() -> str:
    return tr("no PLMN: give --plmn", "pas de PLMN : indiquez --plmn")


def _on_satellite() -> str:
    return tr("on a satellite network", "sur un réseau satellitaire")
