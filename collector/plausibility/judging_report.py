"""What a judging pass did, for scripts and for people."""

from typing import Any

from client_sdk.messages import tr
from collector.plausibility.judging import Judged
from collector.plausibility.rules import find_rule, in_order


def report_members(judged: Judged) -> dict[str, Any]:
    """For scripts: rules in the order of the registry, those that no longer exist last."""
    return {
        "devices": judged.devices,
        "samples": judged.samples,
        "rules": {
            flag: {"gained": judged.gained[flag], "lost": judged.lost[flag]}
            for flag in in_order({*judged.gained, *judged.lost})
        },
        "excluded": judged.excluded,
        "readmitted": judged.readmitted,
        "changed_devices": len(judged.changed_devices),
        "months": sorted(judged.months),
        "unsettled": judged.unsettled,
    }


def report_text(judged: Judged, *, dry_run: bool) -> str:
    """For a person."""
    lines = [
        tr(
            f"{judged.samples} samples of {judged.devices} devices judged.",
            f"{judged.samples} relevés de {judged.devices} appareils jugés.",
        )
    ]
    for flag, counts in report_members(judged)["rules"].items():
        rule = find_rule(flag)
        reason = (
            tr("this rule no longer exists", "cette règle n’existe plus")
            if rule is None
            else tr(rule.reason_en, rule.reason_fr)
        )
        lines.append(f"{flag}: +{counts['gained']} −{counts['lost']} ({reason})")
    months = ", ".join(sorted(judged.months)) or "–"
    changed = len(judged.changed_devices)
    lines.append(
        tr(
            f"{judged.excluded} lose their vote, {judged.readmitted} get it back; {changed} devices, months {months}.",
            f"{judged.excluded} perdent leur vote, {judged.readmitted} le retrouvent ; {changed} appareils, "
            f"mois {months}.",
        )
    )
    if judged.unsettled:
        lines.append(
            tr(
                f"{judged.unsettled} devices sent something meanwhile: the next pass takes them up.",
                f"{judged.unsettled} appareils ont envoyé entre-temps : au prochain passage.",
            )
        )
    if dry_run:
        lines.append(tr("Nothing was written.", "Rien n’a été écrit."))
    return "\n".join(lines)
