"""The live view of a survey: a page of plain words that fits a phone's forty columns as well as a laptop's terminal."""

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from client_sdk.messages import kilometres, tr
from client_sdk.operators import operator_name, operator_of
from client_sdk.survey.status import Activity, ModemStatus, SurveyStatus

NARROW = 60
"""Columns below which labels are dropped and each modem takes two lines."""

STALE_AFTER_S = 10.0
"""A position older than this establishes nothing (decision D14)."""

_GENERATIONS = {"gsm": "2G", "umts": "3G", "lte": "4G", "nr": "5G"}

# Ours, for people at the wheel, after what phones show as bars; no verdict uses them.
_STRONG_DBM, _FAIR_DBM, _WEAK_DBM = -95.0, -105.0, -115.0


def render(status: SurveyStatus, width: int) -> RenderableType:
    """The page.

    Args:
        status: to show.
        width: columns of the terminal.
    """
    parts: list[RenderableType] = [_head(status)]
    if status.warnings:
        text = Text("\n".join(f"⚠ {warning}" for warning in status.warnings), style="bold white on red")
        parts.append(Panel(text, style="bold red", title=tr("ATTENTION", "ATTENTION"), expand=True))
    parts += [_position(status), _modems(status, width), _counts(status)]
    if status.keys:
        parts.append(Text(status.keys, style="dim"))
    return Group(*parts)


def _head(status: SurveyStatus) -> Text:
    style = {"recording": "bold green", "testing": "bold cyan"}.get(status.activity, "bold yellow")
    words = [_activity(status.activity), clock(status.elapsed_s), *([status.campaign] if status.campaign else [])]
    return Text(" · ".join(words), style=style)


def _activity(activity: Activity) -> str:
    return {
        "recording": tr("● recording", "● enregistre"),
        "testing": tr("● testing", "● mesure le débit"),
        "paused": tr("‖ paused", "‖ en pause"),
        "waiting": tr("… waiting for the next run", "… attend le prochain passage"),
        "stopping": tr("■ stopping", "■ s’arrête"),
    }[activity]


def _position(status: SurveyStatus) -> Text:
    if status.latitude is None or status.longitude is None or status.position_age_s is None:
        return Text(tr("Position: none yet", "Position : pas encore"), style="bold red")
    radius = "" if status.accuracy_m is None else f" ± {status.accuracy_m:.0f} m"
    age = tr(f"{status.position_age_s:.0f} s ago", f"il y a {status.position_age_s:.0f} s")
    text = f"{status.latitude:.5f}, {status.longitude:.5f}{radius}, {age}"
    return Text(text, style="red" if status.position_age_s > STALE_AFTER_S else "")


def _modems(status: SurveyStatus, width: int) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=False)
    for modem in status.modems:
        signal, style = quality(modem)
        network = Text(signal, style=style)
        if width < NARROW:
            table.add_row(Text(_name(modem), style="bold"), network)
            table.add_row("", Text(_details(modem), style="dim"))
        else:
            table.add_row(Text(modem.label), Text(_name(modem), style="bold"), network, Text(_details(modem)))
    return table


def _name(modem: ModemStatus) -> str:
    plmn = modem.sim_plmn or modem.serving_plmn
    return operator_name(operator_of(plmn)) if plmn else modem.label


def _details(modem: ModemStatus) -> str:
    if modem.trouble:
        return modem.trouble
    echo = "" if modem.rtt_ms is None else f"{modem.rtt_ms:.0f} ms"
    return " · ".join(part for part in (echo, modem.last_result) if part)


def quality(modem: ModemStatus) -> tuple[str, str]:
    """The network in plain words, and the style to write them in."""
    if modem.trouble:
        return tr("radio not read", "radio non lue"), "bold red"
    lost = {
        "no_service": tr("no service", "pas de réseau"),
        "limited": tr("emergency calls only", "appels d’urgence seulement"),
        "denied": tr("refused by the network", "refusé par le réseau"),
        "radio_off": tr("radio off", "radio éteinte"),
        "sim_missing": tr("no SIM", "pas de SIM"),
        "unknown": tr("unknown", "inconnu"),
    }
    if modem.service_state != "in_service":
        return lost[modem.service_state], "bold magenta" if modem.service_state == "no_service" else "yellow"
    generation = _GENERATIONS.get(modem.rat or "", "?")
    if modem.strength_dbm is None:
        return generation, ""
    words, style = _strength(modem.strength_dbm)
    return f"{generation} {modem.strength_dbm:.0f} dBm, {words}", style


def _strength(dbm: float) -> tuple[str, str]:
    if dbm >= _STRONG_DBM:
        return tr("strong", "fort"), "green"
    if dbm >= _FAIR_DBM:
        return tr("fair", "moyen"), "cyan"
    if dbm >= _WEAK_DBM:
        return tr("weak", "faible"), "yellow"
    return tr("very weak", "très faible"), "red"


def _counts(status: SurveyStatus) -> Text:
    used = megabytes(status.used_bytes)
    budget = "" if status.remaining_bytes is None else tr(" left ", " restent ") + megabytes(status.remaining_bytes)
    battery = "" if status.battery_percent is None else tr("battery ", "batterie ") + f"{status.battery_percent} %"
    parts = (
        kilometres(status.distance_m),
        tr(f"{status.samples} samples", f"{status.samples} relevés"),
        tr(f"{status.pending} to send", f"{status.pending} à envoyer"),
        used + ("," + budget if budget else ""),
        status.next_test and tr("next test ", "prochain test ") + status.next_test,
        status.upload,
        battery,
    )
    return Text(" · ".join(part for part in parts if part))


def clock(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def megabytes(count: int) -> str:
    """Bytes as MB (10^6), as operators count plans."""
    return tr(f"{count / 1e6:.1f} MB", f"{count / 1e6:.1f} Mo".replace(".", ","))
