"""The first page of a zone's dossier: its class, operators, people and phones, and why it is proposed."""

import json
from collections.abc import Sequence
from typing import Any

import pandas as pd

from aggregator.judgement.wording import about, decimal, period, whole
from aggregator.publication.dossiers.declared import percent
from aggregator.publication.dossiers.release_facts import Released, kilometres, operators_text

CLASS_TEXT = {
    "A": "de la demande étayée, la moitié au moins tient à des verdicts forts, à un relevé de terrain ou à ce que les "
    "opérateurs ne déclarent pas ; « par mesures » ou « par absence de déclaration » : ce qui y pèse le plus",
    "B": "de la demande étayée, la moitié au moins tient à cela et à des verdicts à confirmer ou à vérifier",
    "C": "à mesurer d’abord : rien n’est étayé, ou surtout par des mesures sans conclusion",
}
"""As ``proposals.support.class_of`` has it."""
BY_TESTS, BY_SILENCE = "par mesures", "par absence de déclaration"
GRADE_TEXT = {
    "A": "la moitié au moins de la demande étayée est solide, surtout {firm}",
    "B": "la moitié au moins de la demande étayée est solide, ou tient à des verdicts à confirmer ou à vérifier",
    "C": "à mesurer d’abord : rien n’est étayé, ou surtout par des mesures sans conclusion",
}
"""Of one zone, in the few words its box has room for."""
FIRM = {BY_TESTS: "des verdicts forts ou un relevé de terrain", BY_SILENCE: "là où un opérateur ne déclare rien"}
RESTS_ON = {
    "share_strong": "à des verdicts forts ou un relevé de terrain",
    "share_unclaimed": "à l’absence de déclaration",
    "share_reported": "à des verdicts à confirmer ou à vérifier",
    "share_measured": "à des mesures sans conclusion",
    "share_prior": "à ce qu’apprennent les lieux semblables",
}
"""Column of a zone → what that share of its unmet demand rests on."""


def boxes(zone: "pd.Series[Any]", missing: Sequence[str]) -> list[list[str]]:
    """Name, value and explanation of each figure at the head of a dossier.

    Args:
        zone: its row.
        missing: operators concerned.
    """
    grade = str(zone["evidence_class"])
    text = GRADE_TEXT[grade].format(firm=FIRM.get(grade_kind(zone), ""))
    when = ""
    if zone["first_month"]:
        when = f", {period(zone['first_month'], zone['last_month'], 'fr')}"
    days = int(zone["device_days"])
    measured = f"{about(days, 'fr')} " + ("journées-téléphone distinctes" if days > 1 else "journée-téléphone") + when
    if zone["evidence"] == "survey":
        measured = f"équipe de terrain seule : {measured}"
    phones = int(zone["devices"])
    return [
        ["Classe d’indices", grade, f"{kind} : {text}" if (kind := grade_kind(zone)) else text],
        [
            "Opérateurs concernés",
            str(len(missing)),
            operators_text(missing) or "aucun signalé",
        ],
        ["Habitants de la zone", whole(round(float(zone["people"])), "fr"), _people_source(str(zone["people_source"]))],
        [
            "Téléphones",
            about(phones, "fr"),
            measured if phones else "aucune mesure publiée dans la zone",
        ],
    ]


def grade_kind(zone: "pd.Series[Any]") -> str:
    """What weighs most in a zone of class A; empty for the others."""
    if zone["evidence_class"] != "A":
        return ""
    return BY_TESTS if zone["share_strong"] >= zone["share_unclaimed"] else BY_SILENCE


def _why(released: Released, zone: "pd.Series[Any]", missing: Sequence[str]) -> str:
    """Why each operator is concerned."""
    if not missing:
        return "Aucun opérateur n’est signalé en défaut dans cette zone."
    against = ("contradicted strong", "contradicted moderate", "suspected")
    verdicts = json.loads(zone["verdicts"])
    found = [name for name in missing if any(verdicts.get(name, {}).get(one) for one in against)]
    others = [name for name in missing if name not in found]
    parts = [f"des mesures mettent leur carte en doute ({operators_text(found)})"] if found else []
    if others:
        whose = "des habitants" if released.around.roads is None else "de la demande (habitants et routes)"
        parts.append(f"un quart au moins {whose} est là où leur carte ne déclare rien ({operators_text(others)})")
    return f"Pourquoi ces opérateurs : {' ; '.join(parts)}."


def _rests_on(zone: "pd.Series[Any]") -> str:
    parts = [f"{percent(float(zone[name]))} {words}" for name, words in RESTS_ON.items() if zone[name] > 0]
    if not parts:
        return "Aucune demande n’y est estimée."
    whole_of_it, evidenced = (whole(round(float(zone[name])), "fr") for name in ("unmet_people", "evidenced_people"))
    return (
        f"Demande non satisfaite estimée à {whole_of_it}, dont {evidenced} étayés (pondérations, non des habitants) ; "
        f"elle tient pour {', '.join(parts)}."
    )


def _measured(zone: "pd.Series[Any]") -> str:
    """How many hexagons were measured, and what they say against a map."""
    hexagons, against, doubted = (int(zone[name]) for name in ("hexagons", "contradicted", "suspected"))
    if not hexagons:
        return "Aucun hexagone mesuré."
    told = f"Hexagones mesurés : {whole(hexagons, 'fr')}"
    if not against and not doubted:
        return f"{told} ; aucune carte n’y est contredite ni mise en doute."
    parts = []
    if against:
        where = "la carte d’un opérateur au moins est contredite ou probablement contredite"
        parts.append(f"dans {whole(against, 'fr')}, {where}")
    if doubted:
        where = "une carte est seulement mise en doute (« à vérifier sur place »)"
        parts.append(f"dans {whole(doubted, 'fr')}{' autres' if against and doubted > 1 else ''}, {where}")
    return f"{told} ; {' ; '.join(parts)}."


def _people_source(source: str) -> str:
    if source.startswith("grid "):
        return f"selon le carroyage {source.removeprefix('grid ')}"
    return "habitants des communes répartis selon la surface, faute de carroyage"


def _roads(released: Released, zone: "pd.Series[Any]") -> str:
    if released.around.roads is None:
        return "aucune route importée"
    main, other = (decimal(float(zone[name]), "fr") for name in ("main_road_km", "other_road_km"))
    return f"routes : {main} km de principales et {other} km d’autres"


def _scheme(released: Released, zone: "pd.Series[Any]") -> str:
    """What the scheme already decided in a zone, and what demand that takes out."""
    near, dossiers = int(zone["dcc_near"]), str(zone["dcc_dossiers"] or "")
    decided = "aucun point ni site déjà décidé dans ce rayon"
    if near:
        decided = f"{whole(near, 'fr')} " + (
            "points ou sites déjà décidés" if near > 1 else "point ou site déjà décidé"
        )
        decided += f" dans ce rayon (dossier{'s' if ' ' in dossiers else ''} {dossiers})"
    reach = decimal(released.parameters.weights.dcc_reach_m / 1000, "fr")
    taken = whole(round(float(zone["dcc_subtracted"])), "fr")
    removed = f" ; {taken} de demande pondérée retirés à ce titre, à moins de {reach} km d’un point décidé"
    return f"Dispositif de couverture ciblée : {decided}{removed if zone['dcc_subtracted'] > 0 else ''}."


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
        _measured(zone),
    ]
    places += [_why(released, zone, missing), _rests_on(zone)]
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
    if zone["dcc_near"] or zone["dcc_subtracted"] > 0:
        places.append(_scheme(released, zone))
    elif released.around.dcc is None:
        places.append("Dispositif de couverture ciblée : listes de l’Arcep non importées, à vérifier avant tout dépôt.")
    else:
        places.append("Dispositif de couverture ciblée : aucun point ni site déjà décidé dans ce rayon.")
    return places
