"""What a survey found, sent or not: figures by operator, gaps with their reasons, GeoJSON and CSV.

Everything comes from the device's own journal. Figures of a few kilometres are a diary, not a verdict: what they mean
for an operator's map is decided elsewhere, from many devices.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from client_sdk.bounds import instant_text
from client_sdk.messages import tr
from client_sdk.operators import operator_name, operator_of
from client_sdk.outbox.surveys import SurveyEvent, SurveyRecord, SurveySample
from client_sdk.sample import FIELDS

EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""

LONGEST_STEP_MS = 60_000
"""Ours: two positions further apart in time are not joined: where the device went in between is unknown."""

SILENCES = ("paused", "interrupted", "stopped")
SIGNALS = ("nr_ss_rsrp_dbm", "lte_rsrp_dbm", "umts_rscp_dbm", "gsm_rssi_dbm")


@dataclass(frozen=True, slots=True)
class Spread:
    """5 %, half and 95 % of the values lie below; with fewer than 20 values the outer two are the extremes."""

    low: float
    middle: float
    high: float
    values: int

    @classmethod
    def of(cls, values: Iterable[float]) -> "Spread | None":
        """None without a value."""
        known = sorted(values)
        if not known:
            return None
        if len(known) < 20:
            return cls(known[0], median(known), known[-1], len(known))
        cuts = quantiles(known, n=20, method="inclusive")
        return cls(cuts[0], median(known), cuts[-1], len(known))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemFindings:
    """What one modem saw.

    Attributes:
        modem: as declared.
        operator: name of its SIM's operator, or the modem's own where the SIM is unknown.
        metres: travelled between its samples.
        recorded_ms: time that its samples cover.
        state_ms: of it, by state of service; ``no_data``: registered, but data did not pass.
        strength_dbm: RSRP, or what the technology has in its place.
        download_bps: of its throughput tests.
        upload_bps: the same.
        rtt_ms: median round trips of its samples.
        tests: throughput tests, failed ones included.
        used_bytes: of its tests.
        samples: by what became of them: ``pending``, ``sent``, ``rejected``.
    """

    modem: str
    operator: str
    metres: float
    recorded_ms: int
    state_ms: dict[str, int]
    strength_dbm: Spread | None
    download_bps: Spread | None
    upload_bps: Spread | None
    rtt_ms: Spread | None
    tests: int
    used_bytes: int
    samples: dict[str, int]

    @property
    def share_in_service(self) -> float | None:
        """Of the time whose state is known, the share in which data passed; None where nothing is known."""
        known = sum(ms for state, ms in self.state_ms.items() if state != "unknown")
        return self.state_ms.get("in_service", 0) / known if known else None


@dataclass(frozen=True, slots=True)
class Silence:
    """A stretch in which nothing was recorded, and why."""

    from_ms: int
    to_ms: int | None
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class SurveyReport:
    """A whole survey.

    Attributes:
        record: of the journal.
        modems: what each saw.
        silences: when nothing was recorded.
        features: GeoJSON features, one per located sample, in order of time.
        forgotten: samples whose text is no longer on the device.
        unlocated: samples without a position.
    """

    record: SurveyRecord
    modems: tuple[ModemFindings, ...]
    silences: tuple[Silence, ...]
    features: tuple[dict[str, Any], ...]
    forgotten: int
    unlocated: int

    def geojson(self) -> dict[str, Any]:
        """RFC 7946: a point per sample, and each modem's track as lines."""
        return {"type": "FeatureCollection", "features": [*self.features, *tracks_of(self.features)]}

    def csv(self) -> str:
        """One row per located sample, every field that any of them has."""
        used = {name for feature in self.features for name in feature["properties"]}
        names = ["modem", "sent", *(name for name in FIELDS if name in used)]
        text = io.StringIO()
        writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        for feature in self.features:
            longitude, latitude = feature["geometry"]["coordinates"]
            writer.writerow(feature["properties"] | {"latitude": latitude, "longitude": longitude})
        return text.getvalue()

    def as_json(self) -> dict[str, Any]:
        """Without the features, for scripts."""
        return {
            "survey": self.record.id,
            "started_at": instant(self.record.started_ms),
            "ended_at": None if self.record.ended_ms is None else instant(self.record.ended_ms),
            "options": self.record.options,
            "modems": [asdict(modem) | {"share_in_service": modem.share_in_service} for modem in self.modems],
            "silences": [asdict(silence) for silence in self.silences],
            "located": len(self.features),
            "unlocated": self.unlocated,
            "forgotten": self.forgotten,
        }


def build(record: SurveyRecord, samples: Sequence[SurveySample], events: Sequence[SurveyEvent]) -> SurveyReport:
    """Draw up the report of a survey."""
    known = [sample for sample in samples if sample.fields is not None]
    known.sort(key=lambda sample: str((sample.fields or {}).get("measured_at")))
    labels = list(dict.fromkeys(sample.modem or "" for sample in known))
    located = [feature for sample in known if (feature := _feature(sample)) is not None]
    return SurveyReport(
        record=record,
        modems=tuple(_findings(label, [one for one in known if (one.modem or "") == label]) for label in labels),
        silences=tuple(_silences(events)),
        features=tuple(located),
        forgotten=len(samples) - len(known),
        unlocated=len(known) - len(located),
    )


def state_of(fields: dict[str, Any]) -> str:
    """State of service of a sample; ``no_data`` where it was registered and data did not pass."""
    state = str(fields.get("service_state", "unknown"))
    failed = fields.get("outcome") in ("no_data", "timeout", "stalled", "tcp", "dns")
    return "no_data" if failed and state in ("in_service", "unknown") else state


def strength_of(fields: dict[str, Any]) -> float | None:
    """Strength of the serving signal in the quantity of its technology."""
    return next((float(fields[name]) for name in SIGNALS if name in fields), None)


def instant(unix_ms: int) -> str:
    """RFC 3339 in UTC."""
    return instant_text(datetime.fromtimestamp(unix_ms / 1000, UTC))


def distance_m(first: Sequence[float], second: Sequence[float]) -> float:
    """Great-circle distance of two (longitude, latitude) in degrees, by the haversine formula."""
    longitude_1, latitude_1, longitude_2, latitude_2 = map(math.radians, (*first, *second))
    half = (
        math.sin((latitude_2 - latitude_1) / 2) ** 2
        + math.cos(latitude_1) * math.cos(latitude_2) * math.sin((longitude_2 - longitude_1) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))


def _findings(label: str, samples: list[SurveySample]) -> ModemFindings:
    fields = [sample.fields or {} for sample in samples]
    sims = [str(one["sim_plmn"]) for one in fields if "sim_plmn" in one]
    state_ms: dict[str, int] = {}
    for one in fields:
        state_ms[state_of(one)] = state_ms.get(state_of(one), 0) + int(one.get("duration_ms", 0))
    tests = [one for one in fields if one.get("kind") == "throughput"]
    states = [sample.state for sample in samples]
    return ModemFindings(
        modem=label,
        operator=operator_name(operator_of(max(sims, key=sims.count))) if sims else label or tr("unknown", "inconnu"),
        metres=sum(_steps(fields)),
        recorded_ms=sum(state_ms.values()),
        state_ms=state_ms,
        strength_dbm=Spread.of(dbm for one in fields if (dbm := strength_of(one)) is not None),
        download_bps=Spread.of(one["download_bps"] for one in tests if "download_bps" in one),
        upload_bps=Spread.of(one["upload_bps"] for one in tests if "upload_bps" in one),
        rtt_ms=Spread.of(one["rtt_median_ms"] for one in fields if "rtt_median_ms" in one),
        tests=len(tests),
        used_bytes=sum(int(one.get("download_bytes", 0)) + int(one.get("upload_bytes", 0)) for one in tests),
        samples={state: states.count(state) for state in ("pending", "sent", "rejected") if state in states},
    )


def _steps(fields: Iterable[dict[str, Any]]) -> Iterable[float]:
    placed = [one for one in fields if "latitude" in one]
    for before, after in pairwise(placed):
        gone_ms = (_at(after) - _at(before)).total_seconds() * 1000
        if gone_ms <= LONGEST_STEP_MS + int(before.get("duration_ms", 0)):
            yield distance_m((before["longitude"], before["latitude"]), (after["longitude"], after["latitude"]))


def _at(fields: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(fields["measured_at"])


def _feature(sample: SurveySample) -> dict[str, Any] | None:
    fields = sample.fields or {}
    if "latitude" not in fields or "longitude" not in fields:
        return None
    properties = {name: value for name, value in fields.items() if name not in ("latitude", "longitude", "seq")}
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [fields["longitude"], fields["latitude"]]},
        "properties": {"modem": sample.modem, "sent": sample.state, **properties},
    }


def tracks_of(features: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each modem's way as a GeoJSON feature, broken where it is unknown for too long."""
    tracks = []
    for modem in dict.fromkeys(feature["properties"]["modem"] for feature in features):
        points = [feature for feature in features if feature["properties"]["modem"] == modem]
        line: list[list[float]] = []
        lines = [line]
        for before, after in pairwise(points):
            line.append(before["geometry"]["coordinates"])
            gone_ms = (_at(after["properties"]) - _at(before["properties"])).total_seconds() * 1000
            if gone_ms > LONGEST_STEP_MS + before["properties"].get("duration_ms", 0):
                line = []
                lines.append(line)
        if points:
            line.append(points[-1]["geometry"]["coordinates"])
        whole = [one for one in lines if len(one) > 1]
        if whole:
            geometry = {"type": "MultiLineString", "coordinates": whole}
            tracks.append({"type": "Feature", "geometry": geometry, "properties": {"modem": modem, "track": True}})
    return tracks


def _silences(events: Sequence[SurveyEvent]) -> list[Silence]:
    found: list[Silence] = []
    open_since: SurveyEvent | None = None
    for event in events:
        if event.kind in SILENCES and open_since is None:
            open_since = event
        elif event.kind in ("started", "resumed") and open_since is not None:
            found.append(Silence(open_since.at_ms, event.at_ms, open_since.kind, open_since.detail))
            open_since = None
    if open_since is not None and open_since.kind != "stopped":
        found.append(Silence(open_since.at_ms, None, open_since.kind, open_since.detail))
    return found
