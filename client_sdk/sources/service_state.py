"""No service is data: when agreeing readings of the radio may be said as an interval without service.

At least three agreeing readings over at least ten seconds, a fresh position among them, a SIM that was there and a
radio that was on. A source that failed says nothing, and ends what was building up. Sources: the no-service rules of
Germany's Funkloch-Karte (position to 50 m) and RTR's coverage mode; the counts are decided by the project's method.
"""

from dataclasses import dataclass

from client_sdk.messages import tr
from client_sdk.sample import ServiceState
from client_sdk.sources.reading import Evidence, PositionFix, RadioReading, SourceUnavailableError

MIN_POLLS = 3
MIN_SPAN_S = 10.0
MAX_FIX_AGE_S = 10.0
MAX_ACCURACY_M = 50.0

MAX_SILENCE_S = 30.0
"""Ours: readings further apart do not belong to one run; what happened between them is unknown."""

SETTLING_S = 30.0
"""A radio that was off, or without its SIM, needs as long to find a network before its silence means anything."""

LOST: frozenset[ServiceState] = frozenset({"no_service", "limited"})
"""States that speak against the SIM's operator; emergency calls alone are no service of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceClaim:
    """What the run of agreeing readings says.

    Attributes:
        state: which the readings agree on.
        evidence: the weakest of the run.
        polls: readings in the run.
        since_s: ``time.monotonic()`` of the first of them.
        until_s: of the last.
        established: whether the state may be said in a sample of kind ``service``.
        why_not: what is missing, for the person.
    """

    state: ServiceState
    evidence: Evidence | None
    polls: int
    since_s: float
    until_s: float
    established: bool
    why_not: str


class ServiceWatch:
    """Watches the readings of one radio source.

    Args:
        sim_plmn: PLMN of the SIM that the survey is about; with another SIM nothing is claimed. None: whichever it is.
    """

    def __init__(self, sim_plmn: str | None = None) -> None:
        self._expected_sim = sim_plmn
        self._run: list[RadioReading] = []
        self._fixed = False  # a fresh, good position inside the run
        self._seen_in_service = False
        self._not_ready_at_s: float | None = None

    def observe(self, reading: RadioReading | SourceUnavailableError, fix: PositionFix | None) -> None:
        """Take in the next answer of the source, and the newest position."""
        if isinstance(reading, SourceUnavailableError) or reading.service_state == "unknown":
            self._forget()
            return
        if reading.service_state in ("radio_off", "sim_missing"):
            self._not_ready_at_s = reading.taken_at_s
        self._seen_in_service |= reading.service_state == "in_service"
        if self._run and not _continues(self._run[-1], reading):
            self._forget()
        self._run.append(reading)
        self._fixed |= _is_fresh(fix, reading.taken_at_s)

    def claim(self) -> ServiceClaim:
        """What can be said now; before any reading, ``unknown``."""
        if not self._run:
            why = tr("no reading of the radio", "aucune lecture de la radio")
            return ServiceClaim(
                state="unknown", evidence=None, polls=0, since_s=0.0, until_s=0.0, established=False, why_not=why
            )
        first, last = self._run[0], self._run[-1]
        why_not = self._why_not(first, last)
        return ServiceClaim(
            state=last.service_state,
            evidence="weak" if any(one.service_evidence == "weak" for one in self._run) else last.service_evidence,
            polls=len(self._run),
            since_s=first.taken_at_s,
            until_s=last.taken_at_s,
            established=not why_not,
            why_not=why_not,
        )

    def _why_not(self, first: RadioReading, last: RadioReading) -> str:
        if last.service_state == "in_service":
            return tr("in service", "réseau présent")
        if len(self._run) < MIN_POLLS or last.taken_at_s - first.taken_at_s < MIN_SPAN_S:
            return tr(
                f"{len(self._run)} readings so far, {MIN_POLLS} over {MIN_SPAN_S:.0f} s are needed",
                f"{len(self._run)} lectures, il en faut {MIN_POLLS} sur {MIN_SPAN_S:.0f} s",
            )
        return self._why_not_lost(first) if last.service_state in LOST else ""

    def _why_not_lost(self, first: RadioReading) -> str:
        if any(one.wifi_connected for one in self._run):
            return tr("the device is on Wi-Fi", "l’appareil est en Wi-Fi")
        if any(one.fields.get("roaming") for one in self._run):
            return tr("roaming", "en itinérance")
        sims = {one.fields["sim_plmn"] for one in self._run if one.fields.get("sim_plmn")}
        if self._expected_sim is not None and sims - {self._expected_sim}:
            return tr("the SIM is of another operator", "la SIM est d’un autre opérateur")
        if self._not_ready_at_s is not None and first.taken_at_s - self._not_ready_at_s < SETTLING_S:
            return tr("the radio has just been switched on", "la radio vient d’être allumée")
        if not self._seen_in_service and not all(one.service_evidence == "strong" for one in self._run):
            return tr(
                "no network seen since the start: a weak source cannot tell this from flight mode",
                "aucun réseau vu depuis le début : cette source ne le distingue pas du mode avion",
            )
        if not self._fixed:
            return tr("no fresh position", "pas de position récente")
        return ""

    def _forget(self) -> None:
        self._run.clear()
        self._fixed = False


def _continues(before: RadioReading, after: RadioReading) -> bool:
    same_sim = before.fields.get("sim_plmn") == after.fields.get("sim_plmn")
    close = 0 <= after.taken_at_s - before.taken_at_s <= MAX_SILENCE_S
    return before.service_state == after.service_state and same_sim and close


def _is_fresh(fix: PositionFix | None, at_s: float) -> bool:
    if fix is None or fix.position_mock:
        return False
    # a position given by hand is where the device stays, and states no accuracy
    by_hand = fix.position_source == "manual"
    accurate = by_hand or (fix.accuracy_m is not None and fix.accuracy_m <= MAX_ACCURACY_M)
    return accurate and (by_hand or abs(at_s - fix.fixed_at_s) <= MAX_FIX_AGE_S)
