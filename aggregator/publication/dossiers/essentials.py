"""The first page of a zone's dossier: its class, operators, people and phones, and why it is proposed."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from aggregator.judgement.wording import decimal, period, whole
from aggregator.publication.dossiers.declared import percent
from aggregator.publication.dossiers.release_facts import Released, kilometres, operators_text

CLASS_TEXT = {
    "A": "de ce qui est étayé, la moitié au moins vient de verdicts forts, de relevés de terrain ou de ce que les "
    "opérateurs ne déclarent pas",
    "B": "de ce qui est étayé, la moitié au moins vient de cela et de verdicts à confirmer ou à vérifier",
    "C": "à mesurer d’abord : rien n’est étayé, ou surtout par des mesures sans conclusion",
}
"""As ``proposals.support.class_of`` has it."""
RESTS_ON = {
    "share_strong": "des verdicts forts ou un relevé de terrain",
    "share_unclaimed": "l’absence de déclaration par l’opérateur lui-même",
    "share_reported": "des verdicts à confirmer ou à vérifier",
    "share_measured": "des mesures sans conclusion",
    "share_prior": "ce qu’apprennent les lieux semblables",
}
"""Column of a zone → what that share of its unmet demand rests on."""


def boxes(zone: "pd.Series[Any]", missing: Sequence[str]) -> list[list[str]]:
    """Name, value and explanation of each figure at the head of a dossier.

    Args:
        zone: its row.
        missing: operators concerned.
    """
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


def _why(zone: "pd.Series[Any]", missing: Sequence[str]) -> str:
    """Why each operator is concerned."""
    if not missing:
        return "Aucun opérateur n’est signalé en défaut dans cette zone."
    against = ("contradicted strong", "contradicted moderate", "suspected")
    verdicts = json.loads(zone["verdicts"])
    found = [name for name in missing if any(verdicts.get(name, {}).get(one) for one in against)]
    others = [name for name in missing if name not in found]
    parts = [f"des mesures mettent leur carte en doute ({operators_text(found)})"] if found else []
    if others:
        lacking = "aucune couverture n’est déclarée pour un quart au moins des habitants et des routes"
        parts.append(f"{lacking} ({operators_text(others)})")
    return f"Pourquoi ces opérateurs : {' ; '.join(parts)}."


def _rests_on(zone: "pd.Series[Any]") -> str:
    parts = [f"{percent(float(zone[name]))} sur {words}" for name, words in RESTS_ON.items() if zone[name] > 0]
    return f"La demande estimée repose à {', '.join(parts)}." if parts else "Aucune demande n’y est estimée."


def _people_source(source: str) -> str:
    if source.startswith("grid "):
        return f"selon le carroyage {source.removeprefix('grid ')}"
    return "habitants des communes répartis selon la surface, faute de carroyage"


def _roads(released: Released, zone: "pd.Series[Any]") -> str:
    if released.around.roads is None:
        return "aucune route importée"
    main, other = (decimal(float(zone[name]), "fr") for name in ("main_road_km", "other_road_km"))
    return f"routes : {main} km de principales et {other} km d’autres"


def brief(released: Released, zone: "pd.Series[Any]", missing: Sequence[str]) -> list[str]:
    """What matters most, in a few lines.

    Args:
        released: the release.
        zone: its row.
        missing: operators concerned.
    """
    places = [
        f"Étendue : {decimal(zone.geometry.area / 1e6, 'fr')} km² "
        f"({'disques réunis' if zone['merged'] else 'disque'} de "
        f"{decimal(released.parameters.radius_m / 1000, 'fr')} km de rayon) ; {_roads(released, zone)}.",
        f"Hexagones mesurés : {whole(int(zone['hexagons']), 'fr')}, dont {whole(int(zone['contradicted']), 'fr')} où "
        f"la carte d’un opérateur au moins est contredite ou probablement contredite, et "
        f"{whole(int(zone['suspected']), 'fr')} à vérifier sur place.",
    ]
    places += [_why(zone, missing), _rests_on(zone)]
    technology = released.parameters.technology
    site, planned = kilometres(zone["nearest_site_m"]), kilometres(zone["nearest_planned_m"])
    masts = operators_text(str(zone["nearest_site_operators"] or "").split())
    existing = (
        f"site {technology} en service le plus proche du centre à {site} ({masts})"
        if site
        else "aucun site en service importé"
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
    return places
