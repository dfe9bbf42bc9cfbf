"""One zone's dossier in words and numbers, all of which stand in the release's tables."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd
import shapely

from aggregator.judgement.wording import decimal, period, whole
from aggregator.proposals.surroundings import nearest_m, points_in_lambert_93
from aggregator.publication.departements import departement_text
from aggregator.publication.dossiers.decided import decision_lines
from aggregator.publication.dossiers.declared import declared_rows
from aggregator.publication.dossiers.measured import measured_rows, surveyed_rows
from aggregator.publication.dossiers.release_facts import (
    Released,
    kilometres,
    marks,
    method,
    operators_text,
    weights_text,
)
from aggregator.publication.dossiers.scene import Scene
from client_sdk.operators import operator_name

CLASS_TEXT = {
    "A": "repose pour moitié au moins sur des verdicts forts, un relevé de terrain, ou la carte de l’opérateur, qui "
    "n’y déclare rien",
    "B": "repose pour moitié au moins sur ces éléments et sur des verdicts à confirmer ou à vérifier",
    "C": "repose surtout sur ce qu’apprennent les lieux semblables : à mesurer d’abord",
}
PLACED_ON = {
    "commune centre": "centre de la commune",
    "commune outline": "dans la commune, à préciser",
    "people": "lieu le plus peuplé",
    "road": "route la plus proche",
    "hexagon centre": "centre d’hexagone, à préciser",
}
QUOTED = 6
"""Ours: hexagons whose sentence is quoted, at most; the others are in the release's files."""
LISTED_POINTS = 30
"""Ours: points of interest listed, at most; dcc_poi.csv has all."""


def zone_facts(
    released: Released, zone: "pd.Series[Any]", own: pd.DataFrame, quoted: Sequence[tuple[str, "pd.Series[Any]"]]
) -> dict[str, Any]:
    """Texts and tables of one zone's dossier.

    Args:
        released: the release.
        zone: its row.
        own: verdicts of its hexagons, as :func:`hexagons_in` gives them.
        quoted: as :func:`most_telling` gives them.
    """
    missing = [str(name)[3:] for name in zone.index if str(name).startswith("op_") and zone[name] == 1]
    points = released.points[released.points["zone_id"] == zone["zone_id"]]
    operators = sorted({*missing, *_known(released)})
    rules = sorted({str(rule) for rule in own["rule"] if rule})
    return {
        **marks(released),
        "zone_id": str(zone["zone_id"]),
        "title": str(zone["name"]),
        "communes": str(zone["communes"]),
        "departement": departement_text(str(zone["insee_dep"])),
        "rank": f"rang {zone['rank']} sur {len(released.zones)}",
        "subject": released.subject,
        "technology": released.parameters.technology,
        "boxes": _boxes(zone, missing),
        "brief": _brief(released, zone, missing),
        **measured_rows(json.loads(zone["verdicts"]), own, operators),
        "surveyed": surveyed_rows(own),
        **declared_rows(released, zone.geometry, operators),
        "sentences": [
            {
                "letter": letter,
                "operator": operator_name(str(row["operator"])),
                "verdict": str(row["verdict_fr"]),
                "h3": str(row["h3"]),
                "text": str(row["sentence_fr"]),
            }
            for letter, row in quoted
        ],
        "more_sentences": _more(own, len(quoted)),
        "check": _check(own, str(zone["evidence_class"])),
        "points": _points(released, points),
        "more_points": max(0, len(points) - LISTED_POINTS),
        "decision": decision_lines(zone, released.decisions) if released.team else [],
        "weights": weights_text(released.parameters.weights),
        "method": method(released, rules),
    }


def hexagons_in(released: Released, scene: Scene, position: int) -> pd.DataFrame:
    """Prevailing verdicts of the hexagons whose centre is in a zone, and in none of a better rank."""
    rows = scene.verdicts
    places = shapely.points(rows[["x", "y"]].to_numpy(float))
    inside = shapely.intersects(released.zones.geometry.iloc[position], places)
    for better in released.zones.geometry.iloc[:position]:
        inside &= ~shapely.intersects(better, places)
    return rows[inside].reset_index(drop=True)


def most_telling(own: pd.DataFrame) -> list[tuple[str, "pd.Series[Any]"]]:
    """Letter and row of the hexagons to quote: of each operator in turn, the strongest verdict, on most devices."""
    against = own[own["verdict"].isin(["contradicted", "suspected"])]
    order = against["look"].map({"contradicted strong": 0, "contradicted moderate": 1, "suspected": 2})
    ranked = against.assign(_look=order, _devices=-against["judged_devices"].fillna(0).astype(int))
    ranked = ranked.sort_values(["operator", "_look", "_devices", "h3"])
    ranked = ranked.assign(_turn=ranked.groupby("operator").cumcount())
    chosen = ranked.sort_values(["_turn", "operator"]).head(QUOTED).sort_values(["operator", "_turn"])
    letters: dict[str, str] = {}
    for cell in chosen["h3"]:
        letters.setdefault(str(cell), chr(ord("a") + len(letters)))
    return [(letters[str(row["h3"])], row) for _, row in chosen.iterrows()]


def _known(released: Released) -> set[str]:
    technology = released.parameters.technology
    declared = {str(one["operator"]) for one in released.sources if one.get("technology") == technology}
    flags = {str(name)[3:] for name in released.zones.columns if str(name).startswith("op_")}
    return declared | flags


def _boxes(zone: "pd.Series[Any]", missing: Sequence[str]) -> list[list[str]]:
    grade = str(zone["evidence_class"])
    when = ""
    if zone["first_month"]:
        when = f", {period(zone['first_month'], zone['last_month'], 'fr')}"
    days = int(zone["device_days"])
    measured = f"{whole(days, 'fr')} journée{'s' if days > 1 else ''} de mesure{when}"
    if zone["evidence"] == "survey":
        measured = f"équipe de terrain seule : {measured}"
    phones = int(zone["devices"])
    return [
        ["Classe d’indices", grade, CLASS_TEXT[grade]],
        [
            "Opérateurs concernés",
            str(len(missing)),
            operators_text(missing) or "aucun signalé",
        ],
        ["Habitants de la zone", whole(round(float(zone["people"])), "fr"), _people_source(str(zone["people_source"]))],
        [
            "Téléphones",
            whole(phones, "fr"),
            measured if phones else "aucune mesure publiée dans la zone",
        ],
    ]


def _people_source(source: str) -> str:
    if source.startswith("grid "):
        return f"selon le carroyage {source.removeprefix('grid ')}"
    return "habitants des communes répartis selon la surface, faute de carroyage"


def _brief(released: Released, zone: "pd.Series[Any]", missing: Sequence[str]) -> list[str]:
    places = [
        f"Lieux concernés : {zone['communes']}. Disque ou réunion de disques de "
        f"{decimal(released.parameters.radius_m / 1000, 'fr')} km de rayon, "
        f"{decimal(zone.geometry.area / 1e6, 'fr')} km² ; routes : {decimal(float(zone['main_road_km']), 'fr')} km de "
        f"principales et {decimal(float(zone['other_road_km']), 'fr')} km d’autres"
        + ("." if released.around.roads is not None else " (aucune route importée)."),
        f"Hexagones mesurés : {whole(int(zone['hexagons']), 'fr')}, dont {whole(int(zone['contradicted']), 'fr')} où "
        f"la carte d’un opérateur au moins est contredite ou probablement contredite, et "
        f"{whole(int(zone['suspected']), 'fr')} à vérifier sur place.",
    ]
    technology = released.parameters.technology
    site, planned = kilometres(zone["nearest_site_m"]), kilometres(zone["nearest_planned_m"])
    masts = operators_text(str(zone["nearest_site_operators"] or "").split())
    existing = (
        f"site {technology} en service le plus proche du centre à {site} ({masts})"
        if site
        else ("aucun site en service importé")
    )
    announced = f"site annoncé le plus proche à {planned}" if planned else "aucun site annoncé importé"
    places.append(f"Antennes : {existing} ; {announced}.")
    if zone["dcc_near"]:
        places.append(
            f"Dispositif de couverture ciblée : {whole(int(zone['dcc_near']), 'fr')} points ou sites déjà décidés dans "
            f"ce rayon (dossiers {zone['dcc_dossiers']})."
        )
    elif released.around.dcc is None:
        places.append("Dispositif de couverture ciblée : listes de l’Arcep non importées, à vérifier avant tout dépôt.")
    else:
        places.append("Dispositif de couverture ciblée : aucun point ni site déjà décidé dans ce rayon.")
    if not missing:
        places.append("Aucun opérateur n’est signalé en défaut dans cette zone.")
    return places


def _more(own: pd.DataFrame, quoted: int) -> int:
    return int(own["verdict"].isin(["contradicted", "suspected"]).sum()) - quoted


def _check(own: pd.DataFrame, grade: str) -> list[str]:
    """Where the check on the ground stands."""
    against = own[own["verdict"].isin(["contradicted", "suspected"])]
    surveyed = own[own["evidence"] == "survey"]
    open_ones = against[against["evidence"] != "survey"][["h3", "operator"]]
    lines = []
    if grade == "C":
        lines.append("Zone de classe C : à mesurer d’abord ; rien n’est à proposer avant.")
    if surveyed.empty:
        lines.append("Aucun relevé concluant d’une équipe de terrain n’est publié dans cette zone.")
    else:
        number = surveyed["h3"].nunique()
        lines.append(f"Une équipe de terrain a conclu sur {whole(number, 'fr')} hexagone{'s' if number > 1 else ''}.")
    if len(open_ones):
        lines.append(
            f"Restent à vérifier sur place : {whole(len(open_ones), 'fr')} couples hexagone et opérateur contredits ou "
            "à vérifier d’après les seuls volontaires. « maille missions » en prévoit la tournée."
        )
    elif len(against) == 0:
        lines.append("Aucune carte n’y est mise en doute par des mesures : la zone tient à ce qui est déclaré.")
    return lines


def _points(released: Released, points: Any) -> list[list[str]]:
    near = nearest_m(released.around.sites, released.parameters.technology, points_in_lambert_93(points))
    rows = []
    for number, (point, (distance, _)) in enumerate(
        zip(points.drop(columns="geometry").to_dict("records"), near, strict=True), start=1
    ):
        if number > LISTED_POINTS:
            break
        rows.append(
            [
                str(number),
                str(point["name"]),
                f"{point['commune_name']} ({point['insee_com']})",
                PLACED_ON[str(point["placed_on"])],
                f"{point['x_lambert_93']:.1f}".replace(".", ","),
                f"{point['y_lambert_93']:.1f}".replace(".", ","),
                f"{point['latitude']:.6f}".replace(".", ","),
                f"{point['longitude']:.6f}".replace(".", ","),
                kilometres(distance) or "—",
            ]
        )
    return rows
