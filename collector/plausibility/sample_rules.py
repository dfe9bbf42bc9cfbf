"""Rules that look at one sample: its clock, its position, its radio."""

from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter

from client_sdk.bounds import instant_text
from client_sdk.sample import Sample
from collector.plausibility.countries import is_foreign
from collector.plausibility.rule import Known, SampleRule

CLOCK_TOLERANCE = timedelta(minutes=10)
WORST_ACCURACY_M = 50.0
OLDEST_POSITION_MS = 60_000
FASTEST_MPS = 150.0

REPORTED_RANGES = {
    "lte_rsrp_dbm": (-140.0, -43.0),
    "lte_rsrq_db": (-34.0, 3.0),
    "lte_sinr_db": (-23.0, 40.0),
    "nr_ss_rsrp_dbm": (-156.0, -31.0),
    "nr_ss_rsrq_db": (-43.0, 20.0),
    "nr_ss_sinr_db": (-23.0, 40.0),
}
"""Ranges of reports, 3GPP TS 36.133 §9.1 (RSRP §9.1.4, extended RSRQ §9.1.7) and TS 38.133 §10.1. The topmost report
of RSRP and RSRQ means *at least* −44 dBm and 2.5 dB; systems write it as the next whole number."""

_REPORTED, _RANGES = attrgetter(*REPORTED_RANGES), tuple(REPORTED_RANGES.values())

_LTE_FIELDS = (
    *("lte_rsrp_dbm", "lte_rsrq_db", "lte_sinr_db", "lte_rssi_dbm"),
    *("lte_eci", "lte_tac", "lte_pci", "lte_earfcn"),
)


def exceeds(value: float | None, limit: float) -> bool:
    """Whether a value that may be absent is above a limit."""
    return value is not None and value > limit


@lru_cache  # an envelope's samples were received together
def _latest(received_at: datetime) -> str:
    """Latest plausible ``measured_at``; instants of the wire are in the order of their texts."""
    return instant_text(received_at + CLOCK_TOLERANCE)


def _is_before_key(sample: Sample, known: Known) -> bool:
    if known.key_created_at is None or sample.import_format is not None:
        return False
    return datetime.fromisoformat(sample.measured_at) < known.key_created_at - CLOCK_TOLERANCE


def _is_after_revocation(sample: Sample, known: Known) -> bool:
    return known.revoked_from is not None and datetime.fromisoformat(sample.measured_at) >= known.revoked_from


def _is_outside(sample: Sample, known: Known) -> bool:
    if known.grounds.territory is None or sample.latitude is None or sample.longitude is None:
        return False
    return not known.grounds.territory.covers(sample.latitude, sample.longitude)


def _is_foreign(sample: Sample, _: Known) -> bool:
    if sample.serving_plmn is None or sample.latitude is None or sample.longitude is None:
        return False
    return is_foreign(sample.serving_plmn, sample.latitude, sample.longitude)


def _is_out_of_range(sample: Sample, _: Known) -> bool:
    for value, (low, high) in zip(_REPORTED(sample), _RANGES, strict=True):
        if value is not None and not low <= value <= high:
            return True
    return False


def _has_no_anchor(sample: Sample, _: Known) -> bool:
    return sample.nr_mode == "nsa" and all(getattr(sample, name) is None for name in _LTE_FIELDS)


SAMPLE_RULES: tuple[SampleRule, ...] = (
    SampleRule(
        id="clock-ahead",
        version=2,
        excludes=True,
        reason_en="measured more than 10 minutes after it was received: the device's clock is ahead",
        reason_fr="mesuré plus de 10 minutes après réception : l'horloge de l'appareil avance",
        source="ours: phones set by the network or GNSS are right to the second; the latest sample ends the window "
        "of a decision, so one from the future would move it",
        fires=lambda sample, known: sample.measured_at > _latest(known.received_at),
    ),
    SampleRule(
        id="clock-before-key",
        version=1,
        excludes=True,
        reason_en="measured more than 10 minutes before the device's key was made, and not imported",
        reason_fr="mesuré plus de 10 minutes avant la création de la clé de l'appareil, sans être importé",
        source="a client signs what it measures with a key that it had then; the tolerance is that of clock-ahead",
        fires=_is_before_key,
    ),
    SampleRule(
        id="key-revoked",
        version=1,
        excludes=True,
        reason_en="dated from the day on which the device's key was declared lost or stolen",
        reason_fr="daté d'après la perte ou le vol déclaré de la clé de l'appareil",
        source="the revocation, which says from when on the key's signature counts no more",
        fires=_is_after_revocation,
    ),
    SampleRule(
        id="position-null-island",
        version=1,
        excludes=True,
        reason_en="position 0° N 0° E, which programs write when they have none",
        reason_fr="position 0° N 0° E, écrite par des programmes qui n'en ont pas",
        source="ours: the point lies in the Gulf of Guinea, 570 km from land",
        fires=lambda sample, _: sample.latitude == 0 and sample.longitude == 0,
    ),
    SampleRule(
        id="position-inaccurate",
        version=1,
        excludes=True,
        reason_en="position known to worse than 50 m",
        reason_fr="position connue à plus de 50 m près",
        source="ours: a tenth of the edge of a hexagon of resolution 8 (531 m)",
        fires=lambda sample, _: exceeds(sample.accuracy_m, WORST_ACCURACY_M),
    ),
    SampleRule(
        id="position-stale",
        version=1,
        excludes=True,
        reason_en="position more than 60 s old",
        reason_fr="position vieille de plus de 60 s",
        source="ours: at 30 m/s a device leaves its hexagon of resolution 8 within about 30 s",
        fires=lambda sample, _: exceeds(sample.position_age_ms, OLDEST_POSITION_MS),
    ),
    SampleRule(
        id="position-mock",
        version=1,
        excludes=True,
        reason_en="the system says that the position is simulated",
        reason_fr="le système signale une position simulée",
        source="Android Location.isMock",
        fires=lambda sample, _: sample.position_mock is True,
    ),
    SampleRule(
        id="position-outside",
        version=1,
        excludes=False,
        reason_en="outside the project's territory",
        reason_fr="hors du territoire du projet",
        source="the outlines that MAILLE_TERRITORY names; without them the rule does not apply",
        fires=_is_outside,
    ),
    SampleRule(
        id="speed-implausible",
        version=1,
        excludes=True,
        reason_en="faster than 150 m/s over ground",
        reason_fr="plus de 150 m/s par rapport au sol",
        source="ours: the fastest trains run at 89 m/s; beyond 150 m/s it is an aircraft or a false position",
        fires=lambda sample, _: exceeds(sample.speed_mps, FASTEST_MPS),
    ),
    SampleRule(
        id="radio-foreign",
        version=1,
        excludes=False,
        reason_en="served by a network of another country than those within 50 km of the position",
        reason_fr="servi par un réseau d'un autre pays que ceux à moins de 50 km de la position",
        source="ITU-T E.212; ours: 50 km is beyond the reach of a cell. Codes of France and its neighbours only",
        fires=_is_foreign,
    ),
    SampleRule(
        id="radio-range",
        version=1,
        excludes=False,
        reason_en="a signal outside the range in which phones report it",
        reason_fr="un signal hors de la plage dans laquelle les téléphones le donnent",
        source="3GPP TS 36.133 §9.1.4 and §9.1.7, TS 38.133 §10.1; the bounds of the fields are wider",
        fires=_is_out_of_range,
    ),
    SampleRule(
        id="radio-no-anchor",
        version=1,
        excludes=False,
        reason_en="non-standalone 5G without anything of the 4G cell that anchors it",
        reason_fr="5G non autonome sans rien de la cellule 4G qui l'ancre",
        source="3GPP TS 37.340 §4.1.2: in EN-DC the master node is a 4G one",
        fires=_has_no_anchor,
    ),
)
"""Every rule of this kind, in the order in which flags are written."""
