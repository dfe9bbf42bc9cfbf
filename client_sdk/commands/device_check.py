"""`maille device check`: what this device can read of its radio and position, and how to get what is missing."""

from dataclasses import asdict

import typer

from client_sdk.commands.terminal import Json, answer
from client_sdk.measurement.route import Route
from client_sdk.messages import tr
from client_sdk.sources.detect import Check, detect

NOTHING_WORKS = 1


def command(as_json: Json = False) -> None:
    """Look for every source and say what was found; ends with 1 where radio or position is missing."""
    found = detect()
    found.close()
    carrier, kind = Route().used_interface(), Route().kind()
    ready = bool(found.radios) and bool(found.positions)
    data = {"ready": ready, "checks": [asdict(check) for check in found.checks], "route": carrier, "route_kind": kind}
    lines = [line for check in found.checks for line in _told(check)]
    if kind == "wifi":
        lines.append(
            tr(
                "! data goes over Wi-Fi: switch it off before you measure, or name the modem’s interface",
                "! les données passent par le Wi-Fi : coupez-le avant de mesurer, ou indiquez l’interface du modem",
            )
        )
    lines.append(
        tr("Ready to measure.", "Prêt à mesurer.")
        if ready
        else tr(
            "Without a radio or a position, `maille measure` takes them by hand: see `maille measure --help`.",
            "Sans radio ou sans position, « maille measure » les prend à la main : voir « maille measure --help ».",
        )
    )
    answer(as_json, data, "\n".join(lines))
    if not ready:
        raise typer.Exit(NOTHING_WORKS)


def _told(check: Check) -> list[str]:
    purpose = tr(check.purpose, {"radio": "radio", "position": "position"}[check.purpose])
    first = f"{'✓' if check.works else '✗'} {purpose:<8} {check.name}: {check.found or check.missing}"
    return [first, *([f"    → {check.way_out}"] if check.way_out else [])]
