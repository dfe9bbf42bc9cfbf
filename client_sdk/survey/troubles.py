"""What may keep a survey from being useful, in words, looked at once a second."""

from client_sdk.messages import tr
from client_sdk.sources.reading import PositionFix, SourceUnavailableError
from client_sdk.survey.device import LEAST_FREE_BYTES, LOW_BATTERY_PERCENT, Battery
from client_sdk.survey.line import Line
from client_sdk.survey.trials import Account, Trials
from client_sdk.survey.watchdog import STALE_POSITION_S


def of_position(
    fix: PositionFix | None, failure: SourceUnavailableError | None, now_s: float, *, has_source: bool
) -> dict[str, str]:
    """What is wrong with the position."""
    if not has_source:
        return {"no-position": tr("NO POSITION SOURCE: samples have no place", "AUCUNE SOURCE DE POSITION")}
    why = f" ({failure})" if failure else ""
    if fix is None:
        return {"no-fix": tr(f"NO POSITION yet{why}", f"PAS DE POSITION{why}")}
    age_s = now_s - fix.fixed_at_s
    if age_s > STALE_POSITION_S:
        return {
            "stale-position": tr(
                f"NO NEW POSITION for {age_s:.0f} s{why}", f"PAS DE NOUVELLE POSITION depuis {age_s:.0f} s{why}"
            )
        }
    if fix.position_mock:
        return {"mock-position": tr("the position is simulated", "la position est simulée")}
    return {}


def of_line(line: Line) -> dict[str, str]:
    """What is wrong with one modem."""
    label, channel = line.choice.label, line.channel
    found: dict[str, str] = {}
    if not line.has_source:
        found[f"no-radio {label}"] = tr(
            f"{label}: NO RADIO SOURCE, operator and signal are unknown; see `maille device check`",
            f"{label} : AUCUNE SOURCE RADIO, opérateur et signal inconnus ; voir « maille device check »",
        )
    elif trouble := channel.source_trouble:
        way_out = f"; {trouble.way_out}" if trouble.way_out else ""
        found[f"no-radio {label}"] = tr(
            f"{label}: RADIO SOURCE LOST: {trouble}{way_out}", f"{label} : SOURCE RADIO PERDUE : {trouble}{way_out}"
        )
    reading = channel.reading
    if reading is not None and reading.service_state == "sim_missing":
        found[f"no-sim {label}"] = tr(f"{label}: NO SIM, or it is locked", f"{label} : PAS DE SIM, ou verrouillée")
    if reading is not None and reading.service_state == "radio_off":
        found[f"radio-off {label}"] = tr(f"{label}: the radio is OFF", f"{label} : la radio est ÉTEINTE")
    if line.on_wifi:
        found[f"wifi {label}"] = tr(
            f"{label}: ON WI-FI: neither echoes nor tests speak of the mobile network; turn Wi-Fi off",
            f"{label} : EN WI-FI : ni échos ni tests ne parlent du réseau mobile ; coupez le Wi-Fi",
        )
    elif channel.settler.blocked:
        found[f"no-echo {label}"] = tr(
            f"{label}: the collector is reached but answers no echo", f"{label} : le collecteur ne répond pas aux échos"
        )
    elif line.lacks_way:
        found[f"no-way {label}"] = tr(
            f"{label}: registered, but no data connection is known: connect the modem, or name its interface with "
            f"--modem {line.choice.source}@INTERFACE",
            f"{label} : inscrit, mais sans connexion de données connue : connectez le modem, ou nommez son interface "
            f"avec --modem {line.choice.source}@INTERFACE",
        )
    elif line.echoes and line.echoes.trouble:
        found[f"no-echo {label}"] = tr(
            f"{label}: no echoes: {line.echoes.trouble}", f"{label} : pas d’échos : {line.echoes.trouble}"
        )
    return found


def of_budget(account: Account, trials: Trials) -> dict[str, str]:
    """What is wrong with the data that is left."""
    if account.trouble:
        return {"budget": account.trouble}
    if account.remaining == 0:
        return {
            "budget": tr(
                "the DATA BUDGET is used up: no more tests, no more echoes; signal and service are still recorded",
                "BUDGET DE DONNÉES épuisé : plus de tests ni d’échos ; signal et réseau restent relevés",
            )
        }
    if trials.rhythm is not None and not trials.has_room:
        return {
            "budget": tr(
                "the DATA BUDGET leaves no room for another test",
                "le BUDGET DE DONNÉES ne permet plus de test",
            )
        }
    return {}


def of_device(battery: Battery | None, room_bytes: int | None, trouble: str | None) -> dict[str, str]:
    """What is wrong with the device."""
    found: dict[str, str] = {}
    if trouble:
        found["disk-full"] = tr(
            f"NOTHING IS WRITTEN: {trouble}; recording stopped, free some space: nothing is lost yet",
            f"PLUS RIEN N’EST ÉCRIT : {trouble} ; enregistrement arrêté, libérez de la place : rien n’est encore perdu",
        )
    elif room_bytes is not None and room_bytes < LEAST_FREE_BYTES:
        found["disk-low"] = tr(
            f"the disk is almost full: {room_bytes / 1e6:.0f} MB left",
            f"disque presque plein : {room_bytes / 1e6:.0f} Mo restants",
        )
    if battery and battery.low:
        found["battery"] = tr(
            f"battery at {battery.percent} %: below {LOW_BATTERY_PERCENT} %, plug the device in",
            f"batterie à {battery.percent} % : sous {LOW_BATTERY_PERCENT} %, branchez l’appareil",
        )
    return found


def of_clock(wall_ms: int, not_before_ms: int, set_back_ms: int) -> dict[str, str]:
    """What is wrong with the clock.

    Args:
        wall_ms: what it shows.
        not_before_ms: an instant that the collector has seen: it is certainly later.
        set_back_ms: how far it was set back during the survey.
    """
    if wall_ms < not_before_ms:
        return {
            "clock": tr(
                "the CLOCK IS NOT SET: samples would carry a wrong time",
                "HORLOGE PAS À L’HEURE : les relevés porteraient une heure fausse",
            )
        }
    if set_back_ms:
        return {
            "clock-back": tr(
                f"the clock was set back by {set_back_ms / 1000:.0f} s: the survey keeps its earlier time; stop it and "
                "begin another to use the new one",
                f"horloge reculée de {set_back_ms / 1000:.0f} s : le relevé garde son heure ; arrêtez-le et "
                "recommencez pour prendre la nouvelle",
            )
        }
    return {}
