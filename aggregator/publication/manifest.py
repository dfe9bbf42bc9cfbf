"""What a release says of itself: inputs, rules, constants, parameters, licences, attributions, and its own limits."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd

from aggregator.evidence.digest import sha256_of
from aggregator.evidence.population import population_source
from aggregator.judgement.rules import RULES
from aggregator.judgement.trust import TRUST_RULES
from aggregator.proposals.demand import DEMAND_MODEL, DEMAND_TEXT
from aggregator.publication.media_types import media_type
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.messages import Language
from collector.plausibility import rules as plausibility

LICENCE = {
    "name": "Licence Ouverte / Open Licence 2.0 (Etalab)",
    "spdx": "etalab-2.0",
    "url": "https://www.etalab.gouv.fr/licence-ouverte-open-licence/",
}
NOBODY = "Maille"
"""Publisher of a release whose data directory names none."""
LIMITS = {
    "en": [
        "One hexagon (0.7 km²) never proves a breach: what is required of operators' maps is judged by the rate of "
        "success on zones larger than 50 km² (95%) or 1,000 km² (98%).",
        "A candidate zone is a place to look at, not a finding.",
        "Only 'contradicted' with strength 'strong' may be called contradicted; whatever speaks against a map is to be "
        "checked on site before any step is taken, and 'suspected' is no more than a list of places to visit.",
        "'insufficient' is neither a confirmation nor a contradiction; a hexagon that is absent was not measured by "
        "enough devices.",
        "The constants of the rule (spread of the signal, loss in a vehicle) come from a simulation; the loss in a "
        "vehicle matters most and has to be measured.",
        "Volunteers' devices are not calibrated, and where only a few dishonest devices go, they can deceive.",
        "Devices that never work, or that disagree with everybody around, do not vote; a group of dishonest phones "
        "where nobody else goes can still produce a contradiction or hide one.",
        "An operator's map promises service, and no rate: figures at 3, 8 or 30 Mbit/s contradict no map.",
        "Counts of volunteers are of one quarter, verdicts of four; a verdict stays as it was published until enough "
        "devices have been there again ('issued' says in which quarter it was), and a figure whose difference from "
        "another would rest on too few devices is withheld.",
        "No voice test is made.",
    ],
    "fr": [
        "Un hexagone seul (0,7 km²) ne prouve jamais un manquement : ce qui est exigé des cartes des opérateurs se "
        "juge en taux de réussite sur des zones de plus de 50 km² (95 %) ou de plus de 1 000 km² (98 %).",
        "Une zone candidate est un lieu à examiner, pas un constat.",
        "Seul « contredite » de force « strong » peut être dit contredit ; tout ce qui va contre une carte est à "
        "vérifier sur place avant toute démarche, et « à vérifier » n'est qu'une liste de lieux à visiter.",
        "« Données insuffisantes » n'est ni une confirmation ni une contradiction ; un hexagone absent n'a pas été "
        "mesuré par assez de téléphones.",
        "Les constantes de la règle (dispersion du signal, perte dans un véhicule) viennent d'une simulation ; la "
        "perte dans un véhicule compte le plus et reste à mesurer.",
        "Les téléphones des volontaires ne sont pas étalonnés ; là où seuls quelques appareils malhonnêtes passent, "
        "ils peuvent tromper.",
        "Les téléphones qui ne marchent jamais, ou en désaccord avec tous leurs voisins, ne votent pas ; un groupe de "
        "téléphones malhonnêtes là où personne d'autre ne passe peut encore produire une contradiction, ou en cacher "
        "une.",
        "La carte d'un opérateur promet un service, aucun débit : les chiffres à 3, 8 ou 30 Mbit/s ne contredisent "
        "aucune carte.",
        "Les effectifs de volontaires sont d'un trimestre, les verdicts de quatre ; un verdict publié reste tel quel "
        "tant qu'assez d'appareils n'y sont pas repassés (« issued » dit de quel trimestre il est), et un chiffre dont "
        "la différence avec un autre reposerait sur trop peu d'appareils est retenu.",
        "Aucun appel vocal n'est testé.",
    ],
}
NOT_INCLUDED = {
    "en": "No sample, device, exact day or hour. Counts above 20 are rounded to 5. Rows of a hexagon with fewer than "
    "{k} volunteer devices are counted in the remainder of its parent at resolution 7, 6 or 5, never in both, or left "
    "out. Of the figures of one hexagon at several thresholds and technologies, those whose devices differ by 1 to "
    "{less} are withheld; what an earlier release said is repeated until {k} devices have new days. Measurements of "
    "field teams are published from one device on, apart, as evidence 'survey'.",
    "fr": "Ni échantillon, ni appareil, ni jour ou heure exacts. Les effectifs au-dessus de 20 sont arrondis à 5. Les "
    "lignes d'un hexagone vu par moins de {k} appareils de volontaires sont comptées dans le reste de son parent de "
    "résolution 7, 6 ou 5, jamais deux fois, ou écartées. Parmi les chiffres d'un hexagone à plusieurs seuils et "
    "technologies, ceux dont les appareils diffèrent de 1 à {less} sont retenus ; ce qu'une publication a dit est "
    "répété tant que {k} appareils n'y ont pas de nouveaux jours. Les mesures des équipes de terrain sont publiées dès "
    "le premier appareil, à part, avec evidence = survey.",
}
DCC_VALUES = {
    "en": "dcc_poi.csv has the columns of Arcep's DCC files; its values of origine_zone and origine_coordonnees are "
    "ours, since no public list of them was found. A 1 in an operator's column means that its claim is "
    "contradicted or to be checked in the zone, or that it declares nothing on a quarter of it; a 0 that nothing is "
    "reported of it there, which includes never measured. The import format of the platform France Mobile is not "
    "public: neither this file nor the dossiers claim to follow it.",
    "fr": "dcc_poi.csv a les colonnes des fichiers DCC de l'Arcep ; ses valeurs d'origine_zone et "
    "d'origine_coordonnees sont les nôtres, faute de liste publique. Un 1 dans la colonne d'un opérateur veut "
    "dire que sa couverture est contredite ou à vérifier dans la zone, ou qu'il n'en déclare pas sur un quart d'elle ; "
    "un 0, que rien n'y est signalé de lui, ce qui comprend jamais mesuré. Le format d'import de la plateforme France "
    "Mobile n'est pas public : ni ce fichier ni les dossiers ne prétendent s'y conformer.",
}
_OUTLINES = {
    "voronoi": {
        "en": "Communes: centres from GeoNames (CC BY 4.0) unless the territory's sources say otherwise; outlines are "
        "Voronoi cells of the centres, not administrative boundaries",
        "fr": "Communes : centres de GeoNames (CC BY 4.0), sauf indication contraire des sources du territoire ; les "
        "contours sont les cellules de Voronoï des centres, non les limites administratives",
    },
    "official": {
        "en": "Communes: official outlines (IGN ADMIN EXPRESS, Licence Ouverte 2.0) unless the territory's sources say "
        "otherwise",
        "fr": "Communes : contours officiels (IGN ADMIN EXPRESS, Licence Ouverte 2.0), sauf indication contraire des "
        "sources du territoire",
    },
}
_GROUND = {
    "sites.parquet": {
        "en": "Sites in service: Arcep, as operators declare them, and ANFR (Licence Ouverte 2.0), unless the "
        "territory's sources say otherwise",
        "fr": "Sites en service : Arcep, d'après les opérateurs, et ANFR (Licence Ouverte 2.0), sauf indication "
        "contraire des sources du territoire",
    },
    "planned-sites.parquet": {
        "en": "Planned sites: Arcep, as operators declare them (Licence Ouverte 2.0), unless the territory's sources "
        "say otherwise",
        "fr": "Sites annoncés : Arcep, d'après les opérateurs (Licence Ouverte 2.0), sauf indication contraire des "
        "sources du territoire",
    },
    "dcc.parquet": {
        "en": "Dispositif de couverture ciblée: Arcep and the State (Licence Ouverte 2.0)",
        "fr": "Dispositif de couverture ciblée : Arcep et État (Licence Ouverte 2.0)",
    },
    "roads.parquet": {
        "en": "Roads: © OpenStreetMap contributors (ODbL 1.0) by Geofabrik, or IGN (Licence Ouverte 2.0): the "
        "territory's sources say",
        "fr": "Routes : © contributeurs d'OpenStreetMap (ODbL 1.0) par Geofabrik, ou IGN (Licence Ouverte 2.0) : les "
        "sources du territoire le disent",
    },
    "population.parquet": {
        "en": "People: {people} (INSEE, Licence Ouverte 2.0, unless it says otherwise)",
        "fr": "Habitants : {people} (INSEE, Licence Ouverte 2.0, sauf indication contraire)",
    },
}
"""Of what a territory may have, by its file; which source it was is not recorded, so each line leaves it open."""
NOBODYS_CLAIM = {"en": "synthetic, nobody's claim", "fr": "synthétique, déclaration de personne"}
"""Licence of made-up claims."""

VERIFY = {
    "en": "maille publish --verify DIRECTORY --data DATA makes this release again from the inputs named here and "
    "compares every byte.",
    "fr": "maille publish --verify PUBLICATION --data DATA refait cette publication à partir des entrées nommées ici "
    "et compare chaque octet.",
}


def described(parameters: Any, *, quarter: str) -> dict[str, Any]:
    """What follows from the parameters and from the code alone.

    Args:
        parameters: the release's (``making.ReleaseParameters``).
        quarter: of the volunteers' counts.
    """
    least = {"k": parameters.k, "less": parameters.k - 1}
    return {
        "title": {
            "en": "Maille: mobile coverage, declared and measured",
            "fr": "Maille : couverture déclarée, mesurée",
        },
        "date": parameters.last_day,
        "quarter": quarter,
        "audience": parameters.audience,
        **({"warning": TEAM_ONLY} if parameters.audience == "team" else {}),
        "synthetic": parameters.synthetic,
        "synthetic_label": parameters.label,
        "licence": LICENCE,
        "publisher": {"name": NOBODY, **parameters.publisher},
        "rules": _told(RULES, "verdict", "reason"),
        "trust_rules": _told(TRUST_RULES, "reason"),
        "plausibility_rules": _told(plausibility.RULES, "excludes", "reason_en", "reason_fr", "source"),
        "parameters": asdict(parameters),
        "demand_model": {"id": DEMAND_MODEL, **DEMAND_TEXT},
        "k": parameters.k,
        "limits": LIMITS,
        "not_included": {language: text.format(**least) for language, text in NOT_INCLUDED.items()},
        "dcc_values": DCC_VALUES,
        "verify": VERIFY,
    }


def citation(release: str, parameters: Any) -> dict[str, str]:
    """How a release is cited, by language: who, which, when, under what licence.

    Args:
        release: its id.
        parameters: its (``making.ReleaseParameters``).
    """
    publisher = parameters.publisher.get("name", NOBODY)
    synthetic = {"en": ", synthetic data", "fr": ", données synthétiques"} if parameters.synthetic else {}
    what = {
        "en": "Maille: mobile coverage, declared and measured (data up to {day}{synthetic}), release {release}.",
        "fr": "Maille : couverture mobile, déclarée et mesurée (données au {day}{synthetic}), publication {release}.",
    }
    named = {"day": parameters.last_day, "release": release}
    return {
        language: f"{publisher}. {text.format(**named, synthetic=synthetic.get(language, ''))} {LICENCE['name']}."
        for language, text in what.items()
    }


def _told(rules: Iterable[Any], *members: str) -> list[dict[str, Any]]:
    """Id and version of each rule, and these members, in the order in which the rules are tried."""
    return [{name: getattr(rule, name) for name in ("id", "version", *members)} for rule in rules]


def listing(folder: Path, leave_out: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Path, media type, size and SHA-256 of every file below a folder, sorted."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return [
        {
            "path": file.relative_to(folder).as_posix(),
            "media_type": media_type(file.name),
            "bytes": file.stat().st_size,
            "sha256": sha256_of(file),
        }
        for file in files
        if file.name not in leave_out
    ]


def attributions(
    claim_sources: Sequence[Mapping[str, Any]], communes: gpd.GeoDataFrame, territory: Path, more: Sequence[str]
) -> dict[Language, list[str]]:
    """Whom the release owes thanks: sources of claims, of outlines, of what else is known of the ground, and more.

    Args:
        claim_sources: as the import wrote them.
        communes: as ``territory.read_communes`` gives them.
        territory: directory of what else is known of the ground.
        more: lines of the data directory's own, the same in every language.

    Returns:
        Lines by language.
    """
    people = population_source(territory)
    grid = {"en": people, "fr": people.replace("grid ", "carroyage ", 1)}
    kinds = sorted(map(str, communes["outline_kind"].dropna().unique()))
    thanks: dict[Language, list[str]] = {"en": [], "fr": []}
    for language, lines in thanks.items():
        for source in claim_sources:
            licence = str(source.get("licence"))
            told = NOBODYS_CLAIM[language] if licence == NOBODYS_CLAIM["en"] else licence
            lines.append(f"{source.get('source') or source.get('file')} ({told})")
        lines += [_OUTLINES[kind][language] if kind in _OUTLINES else kind for kind in kinds]
        ground = [words[language] for name, words in _GROUND.items() if (territory / name).exists()]
        lines += [line.format(people=grid[language]) for line in ground] + list(more)
    return {language: list(dict.fromkeys(lines)) for language, lines in thanks.items()}


def write_compact_json(content: Any, file: Path) -> None:
    """JSON in UTF-8 without a space that is not needed, for what pages and phones read."""
    file.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")


def write_json(members: Mapping[str, Any], file: Path) -> None:
    """Indented JSON in UTF-8, members in the order given."""
    file.write_text(json.dumps(members, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
