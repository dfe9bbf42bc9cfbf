"""The printable sheet of a mission: one HTML file that needs nothing else, for the browser's print command (A4)."""

from html import escape
from pathlib import Path
from typing import Any

import geopandas as gpd

from aggregator.judgement.wording import whole
from aggregator.proposals.mission_plan import Mission
from aggregator.publication.mission_map import draw_map
from client_sdk.messages import counted, current_language, tr
from client_sdk.operators import operator_name

STYLE = """
@page { size: A4; margin: 14mm; }
body { font: 10.5pt/1.4 system-ui, "DejaVu Sans", sans-serif; color: #111; max-width: 182mm; margin: 8mm auto; }
h1 { font-size: 17pt; margin: 0 0 1mm; }
h2 { font-size: 13pt; margin: 7mm 0 2mm; break-after: avoid; }
p, ol { margin: 1.5mm 0; }
ol { padding-left: 6mm; }
li { margin: 1mm 0; }
code { font: 9pt/1.3 ui-monospace, "DejaVu Sans Mono", monospace; background: #eee; padding: 0 1mm; }
table { border-collapse: collapse; width: 100%; font-size: 9.5pt; }
td, th { border-bottom: .3pt solid #999; padding: .8mm 1.2mm; text-align: left; }
th { border-bottom: 1pt solid #111; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.box { width: 32mm; border: .6pt solid #333; }
.warn { border: 1.2pt solid #111; padding: 1.5mm 2.5mm; }
svg { width: 100%; height: auto; }
.day { break-before: page; }
tr { break-inside: avoid; }
@media print { body { margin: 0; max-width: none; } code { background: none; } }
""".strip()


REASON_TEXTS = {
    "moderate": ("probably contradicted, to be confirmed", "probablement contredite, à confirmer"),
    "suspected": ("to be checked on the spot", "à vérifier sur place"),
    "class_c": ("in a zone to be measured first", "dans une zone à mesurer d’abord"),
    "unknown": ("declared, nothing known", "déclarée, rien de connu"),
}
"""Why a hexagon is visited, in English and in French."""


def reason_text(reason: str) -> str:
    """Why a hexagon is visited, in the current language."""
    return tr(*REASON_TEXTS[reason])


def ground_text(ground: str) -> str:
    """What a point is on, as far as is known."""
    return {
        "other": tr("small road", "petite route"),
        "main": tr("main road", "route principale"),
        "open": tr("no road known", "pas de route connue"),
    }[ground]


def write_sheet(
    mission: Mission,
    file: Path,
    *,
    roads: gpd.GeoDataFrame | None = None,
    communes: gpd.GeoDataFrame | None = None,
    synthetic: str = "",
) -> None:
    """Write the sheet in the current language.

    Args:
        mission: the plan.
        file: where to.
        roads: lines in EPSG:4326 for the map, if any are known.
        communes: outlines in EPSG:4326 for it.
        synthetic: what the sheet says of generated data.
    """
    made_up = f'<p class="warn"><strong>{escape(synthetic)}</strong></p>\n' if synthetic else ""
    parts = [
        made_up + _head(mission),
        draw_map(mission, roads=roads, communes=communes),
        _what_to_do(mission),
        _stops(mission),
    ]
    parts += [_day(mission, int(day)) for day in mission.days["day"]]
    title = escape(f"Maille, mission {mission.mission_id}")
    page = (
        f'<!doctype html>\n<html lang="{current_language()}">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n" + "\n".join(parts) + "\n</body>\n</html>\n"
    )
    file.write_text(page, encoding="utf-8")


def _head(mission: Mission) -> str:
    wanted, days = mission.parameters, mission.days.to_dict("records")
    threshold = "" if wanted.threshold == "service" else f", {wanted.threshold} Mbit/s"
    each = " · ".join(tr("Day {0}: {1}", "Jour {0} : {1}").format(day["day"], _length(day)) for day in days)
    hexagons = counted(len(mission.stops), "hexagon(s)", "hexagone(s)")
    points, length = counted(len(mission.points), "point(s)", "point(s)"), counted(len(days), "day(s)", "jour(s)")
    counts = tr(f"{hexagons}, {points} on {length}", f"{hexagons}, {points} en {length}")
    ends = tr("there and back", "départ et retour") + f" {wanted.latitude:.5f}, {wanted.longitude:.5f}"
    estimates = tr("Times are estimates.", "Les durées sont des estimations.")
    team = tr(
        "For the project team alone: places where few phones were seen are named. They are places to look at, not "
        "findings.",
        "Réservé à l’équipe-projet : des lieux vus par peu de téléphones y sont nommés. Ce sont des lieux à regarder, "
        "pas des constats.",
    )
    return (
        f"<h1>Mission {escape(mission.mission_id)}</h1>\n"
        f"<p>{counts}, {wanted.technology}{threshold}, {ends}. {each}. {estimates}</p>\n<p><strong>{team}</strong></p>"
    )


def _what_to_do(mission: Mission) -> str:
    campaign = escape(mission.mission_id)
    measure = f"<code>maille measure --context outdoor --campaign {campaign}</code>"
    survey = f"<code>maille survey start --context outdoor --campaign {campaign}</code>"
    report = f"<code>maille missions report {campaign}</code>"
    items = [
        tr(
            "Before leaving, on every phone (one per operator in question): enrolled as a field team, Wi-Fi off, "
            "<code>maille device check</code>.",
            "Avant de partir, sur chaque téléphone (un par opérateur en cause) : enrôlé comme équipe de terrain, Wi-Fi "
            "coupé, <code>maille device check</code>.",
        ),
        tr(
            f"At each point: park where it is allowed, get out, walk a few steps from the car, phone at chest height, "
            f"then {measure}, once.",
            f"À chaque point : se garer là où c’est permis, sortir, s’éloigner de quelques pas, téléphone à hauteur de "
            f"poitrine, puis {measure}, une fois.",
        ),
        tr(
            f"Where the phone shows no network at all: {survey}, wait 30 seconds, Ctrl-C. One reading proves no dead "
            "zone, three in a row do.",
            f"Si le téléphone n’affiche aucun réseau : {survey}, attendre 30 secondes, Ctrl-C. Une lecture seule "
            "n’établit pas l’absence de réseau, trois de suite si.",
        ),
        tr(
            "A point that cannot be reached: the nearest place on foot in the same hexagon, at least 100 m from the "
            "others.",
            "Un point inaccessible : l’endroit le plus proche à pied dans le même hexagone, à 100 m au moins des "
            "autres.",
        ),
        tr("In the evening: <code>maille upload</code>.", "Le soir : <code>maille upload</code>."),
        tr(
            f"After the last day, the project team: <code>maille aggregate</code>, then {report}.",
            f"Après le dernier jour, l’équipe-projet : <code>maille aggregate</code>, puis {report}.",
        ),
    ]
    heading = tr("What to do", "Que faire")
    warning = tr("Never touch a phone while driving.", "Ne touchez jamais à un téléphone en conduisant.")
    listed = "\n".join(f"<li>{item}</li>" for item in items)
    return f'<h2>{heading}</h2>\n<p class="warn"><strong>{warning}</strong></p>\n<ol>\n{listed}\n</ol>'


def _stops(mission: Mission) -> str:
    heads = [
        ("n", tr("no.", "n°")),
        ("", tr("commune", "commune")),
        ("", tr("why", "pourquoi")),
        ("", tr("operators in question", "opérateurs en cause")),
        ("n", tr("people", "habitants")),
    ]
    rows = [
        (
            ("n", str(stop["stop"])),
            ("", str(stop["commune"])),
            ("", reason_text(stop["reason"])),
            ("", ", ".join(map(operator_name, stop["operators"].split()))),
            ("n", whole(round(stop["people"]), current_language())),
        )
        for stop in mission.stops.to_dict("records")
    ]
    return f"<h2>{tr('Hexagons', 'Hexagones')}</h2>\n" + _table(heads, rows)


def _day(mission: Mission, day: int) -> str:
    own = mission.points[mission.points["day"] == day]
    heads = [
        ("", tr("point", "point")),
        ("n", tr("after leaving", "depuis le départ")),
        ("n", tr("latitude, longitude", "latitude, longitude")),
        ("", tr("commune", "commune")),
        ("", tr("on", "sur")),
        ("", tr("done, remarks", "fait, remarques")),
    ]
    rows: list[Any] = []
    for point in own.to_dict("records"):
        where = f"{point['latitude']:.6f}, {point['longitude']:.6f}"
        cells = (("", point["point"]), ("n", _time(point["minute"])), ("n", where), ("", point["commune"]))
        rows.append((*cells, ("", ground_text(point["ground"])), ("box", "")))
    (about,) = mission.days[mission.days["day"] == day].to_dict("records")
    heading = f"{tr('Day', 'Jour')} {day} ({_length(about)})"
    return f'<section class="day">\n<h2>{heading}</h2>\n{_table(heads, rows)}\n</section>'


def _table(heads: list[tuple[str, str]], rows: list[Any]) -> str:
    def line(tag: str, cells: Any) -> str:
        return "".join(
            f'<{tag} class="{kind}">{escape(str(text))}</{tag}>' if kind else f"<{tag}>{escape(str(text))}</{tag}>"
            for kind, text in cells
        )

    body = "\n".join(f"<tr>{line('td', cells)}</tr>" for cells in rows)
    return f"<table>\n<thead><tr>{line('th', heads)}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _length(day: dict[Any, Any]) -> str:
    return f"{_time(day['minutes'])}, {day['km']:.0f} km"


def _time(minutes: float) -> str:
    whole = round(minutes)
    return f"{whole // 60} h {whole % 60:02d}"
