"""The survey as the person sees it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from client_sdk.messages import kilometres, tr
from client_sdk.sample import Sample
from client_sdk.survey.line import Line
from client_sdk.survey.options import SurveyOptions
from client_sdk.survey.recording import Recording
from client_sdk.survey.saying import strength_dbm
from client_sdk.survey.status import Activity, ModemStatus, SurveyStatus
from client_sdk.survey.trials import Account, Trials

_STATES: dict[str, Callable[[], str]] = {
    "in_service": lambda: tr("in service", "réseau présent"),
    "limited": lambda: tr("emergency calls only", "appels d’urgence seulement"),
    "no_service": lambda: tr("no service", "pas de réseau"),
    "denied": lambda: tr("registration denied", "inscription refusée"),
    "radio_off": lambda: tr("radio off", "radio éteinte"),
    "sim_missing": lambda: tr("no SIM", "pas de SIM"),
    "unknown": lambda: tr("unknown", "inconnu"),
}


class Results:
    """What was found last on each modem, in words, and how much was kept."""

    def __init__(self) -> None:
        self.samples = 0
        self._last: dict[str, str] = {}

    def add(self, modem: str, sample: Sample) -> None:
        """A sample was decided."""
        self.samples += 1
        if text := found_in(sample):
            self._last[modem] = text

    def of(self, modem: str) -> str:
        """The last finding."""
        return self._last.get(modem, "")


def found_in(sample: Sample) -> str:
    """A test or a finding in words; empty for an ordinary sample."""
    at = f"{datetime.fromisoformat(sample.measured_at).astimezone():%H:%M}"
    if sample.kind == "throughput":
        if sample.outcome != "ok":
            return tr(f"test failed ({sample.outcome}) at {at}", f"test échoué ({sample.outcome}) à {at}")
        down, up = (
            _rate(sample.download_bps, sample.download_lower_bound),
            _rate(sample.upload_bps, sample.upload_lower_bound),
        )
        return f"↓ {down} ↑ {up} Mbit/s, {at}"
    if sample.kind == "service":
        return f"{_STATES[sample.service_state]()}, {at}"
    if sample.outcome == "no_data":
        return tr(f"registered, but no data at {at}", f"réseau sans données à {at}")
    return ""


def status_of(
    recording: Recording,
    lines: list[Line],
    options: SurveyOptions,
    account: Account,
    trials: Trials,
    results: Results,
    started_ms: int,
    now_s: float,
) -> SurveyStatus:
    """All that the recording, the modems and the account tell."""
    fix = recording.fix
    testing = next((line for line in lines if line.testing is not None), None)
    activity: Activity = "stopping" if recording.state == "stopped" else recording.state
    status = SurveyStatus(
        activity="testing" if testing else activity,
        campaign=options.campaign,
        elapsed_s=max(0.0, (recording.at_ms(now_s) - started_ms) / 1000),
        modems=tuple(modem_of(line, results) for line in lines),
        distance_m=recording.odometer.metres,
        samples=results.samples,
        used_bytes=account.used.session,
        remaining_bytes=account.remaining,
        next_test=_next_test(lines, trials),
    )
    if fix is None:
        return status
    return replace(
        status,
        latitude=fix.latitude,
        longitude=fix.longitude,
        accuracy_m=fix.accuracy_m,
        position_age_s=max(0.0, now_s - fix.fixed_at_s),
    )


def modem_of(line: Line, results: Results) -> ModemStatus:
    """One modem now."""
    channel = line.channel
    reading = channel.reading
    trouble = str(channel.source_trouble) if channel.source_trouble else ""
    last = results.of(channel.label)
    if line.testing is not None:
        last = f"{line.testing} {line.testing_share:.0%}"
    if reading is None:
        return ModemStatus(label=channel.label, rtt_ms=line.rtt_ms, last_result=last, trouble=trouble)
    fields = reading.fields
    return ModemStatus(
        label=channel.label,
        sim_plmn=fields.get("sim_plmn"),
        serving_plmn=fields.get("serving_plmn"),
        service_state=reading.service_state,
        rat=fields.get("rat"),
        nr_mode=fields.get("nr_mode"),
        strength_dbm=strength_dbm(reading),
        rtt_ms=line.rtt_ms,
        last_result=last,
        trouble=trouble,
    )


def _next_test(lines: list[Line], trials: Trials) -> str:
    missing = [left for line in lines if (left := trials.until_next(line)) is not None]
    if not missing or trials.rhythm is None:
        return ""
    left = min(missing)
    if left <= 0:
        reasons = {reason for line in lines if (reason := line.can_test())}
        return tr("when possible: ", "dès que possible : ") + min(reasons) if reasons else tr("now", "maintenant")
    if trials.rhythm.by == "distance":
        return tr("in ", "dans ") + kilometres(left)
    if left < 60:
        return tr(f"in {left:.0f} s", f"dans {left:.0f} s")
    return tr(f"in {left / 60:.0f} min", f"dans {left / 60:.0f} min")


def _rate(bps: float | None, lower_bound: bool | None) -> str:
    if bps is None:
        return "—"
    megabits = f"{bps / 1e6:.1f}"
    return ("≥ " if lower_bound else "") + tr(megabits, megabits.replace(".", ","))
