"""One département's summary in words and numbers."""

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3

from aggregator.judgement.wording import about, decimal, whole
from aggregator.proposals.discs import lambert_93
from aggregator.publication.departements import departement_text
from aggregator.publication.described import flagged
from aggregator.publication.dossiers.decided import WORDS, decision_on, told
from aggregator.publication.dossiers.essentials import CLASS_TEXT, grade_kind
from aggregator.publication.dossiers.measured import VERDICTS, nearly
from aggregator.publication.dossiers.release_facts import (
    Released,
    kilometres,
    marks,
    method,
    operators_text,
    quarter_text,
    weights_text,
)
from aggregator.publication.dossiers.scene import Scene
from client_sdk.operators import operator_name

NEXT = (
    "Regarder d’abord les zones de classe A, puis B : lire le dossier de chacune (dossiers/<zone>.pdf), le discuter "
    "avec les maires, noter la décision (« maille zones decide »).",
    "Envoyer une équipe de terrain là où les verdicts restent à confirmer, et dans les zones de classe C "
    "(« maille missions ») : deux journées, un téléphone par opérateur en cause.",
    "Interroger les opérateurs concernés avec le dossier, noter leur réponse.",
    "Vérifier qu’aucun point de la zone ne figure déjà dans un arrêté, puis proposer les points par la voie que la "
    "préfecture indique.",
)


def departement_facts(released: Released, scene: Scene, code: str) -> dict[str, Any]:
    """Texts and tables of a département's summary.

    Args:
        released: the release.
        scene: what its maps show.
        code: of the département.
    """
    zones = zones_of(released, code)
    ranked, later = (zones[zones["evidence_class"].eq("C").eq(last)] for last in (False, True))
    own = _verdicts_in(scene, code)
    return {
        **marks(released),
        "title": departement_text(code),
        "subject": released.subject,
        "boxes": _boxes(released, scene, code, own, zones),
        "head": _head(released.team),
        "ranked": [_row(released, zone) for _, zone in ranked.iterrows()],
        "later": [_row(released, zone) for _, zone in later.iterrows()],
        "classes": [[grade, text] for grade, text in CLASS_TEXT.items()],
        "operators": _operators(own),
        "decisions": _decisions(released, code) if released.team else [],
        "weights": weights_text(released.parameters.weights),
        "count": whole(released.parameters.count, "fr"),
        "next": list(NEXT),
        "method": method(released, sorted({str(rule) for rule in own["rule"] if rule})),
    }


def zones_of(released: Released, code: str) -> gpd.GeoDataFrame:
    """Zones of a département by rank."""
    return released.zones[released.zones["insee_dep"].astype(str) == code].sort_values("rank")


def _verdicts_in(scene: Scene, code: str) -> pd.DataFrame:
    places = shapely.points(scene.verdicts[["x", "y"]].to_numpy(float))
    inside = shapely.intersects(scene.departements[code], places) if len(scene.verdicts) else np.empty(0, bool)
    return scene.verdicts[inside]


def _tests(released: Released, border: Any, evidence: str) -> int:
    """Published tests in a département as the observatory counts them: a remainder is where its cell's centre is."""
    rows, about_zones = released.hexagons, released.parameters
    rows = rows[(rows["technology"] == about_zones.technology) & (rows["threshold"] == about_zones.threshold)]
    rows = rows[rows["evidence"] == evidence]
    centres = np.array([h3.cell_to_latlng(h3.str_to_int(cell)) for cell in rows["h3"]]).reshape(-1, 2)
    places = lambert_93(centres[:, 0].tolist(), centres[:, 1].tolist()).reshape(-1, 2)
    inside = shapely.intersects(border, shapely.points(places)) if len(rows) else np.empty(0, bool)
    return int(rows.loc[inside, "tests"].fillna(0).sum())


def _boxes(released: Released, scene: Scene, code: str, own: pd.DataFrame, zones: gpd.GeoDataFrame) -> list[list[str]]:
    against = own[own["verdict"].isin(["contradicted", "suspected"])]["h3"].nunique()
    crowd = own[own["evidence"] == "crowd"]
    phones = crowd["judged_devices"].fillna(crowd["devices"]).dropna()
    tests, of_teams = (_tests(released, scene.departements[code], evidence) for evidence in ("crowd", "survey"))
    teams = f" ; et {about(of_teams, 'fr')} d’équipes de terrain, sur quatre trimestres" if of_teams else ""
    each = f"de {nearly(int(phones.min()))} à {nearly(int(phones.max()))}" if len(phones) else "—"
    graded = zones["evidence_class"].value_counts()
    classes = ", ".join(f"{graded[grade]} de classe {grade}" for grade in "ABC" if grade in graded)
    return [
        ["Zones proposées", whole(len(zones), "fr"), classes or "aucune"],
        [
            "Hexagones mesurés",
            whole(own["h3"].nunique(), "fr"),
            f"{'aucun' if not against else whole(against, 'fr')} où la carte d’un opérateur au moins est contredite ou "
            "mise en doute",
        ],
        [
            "Tests",
            nearly(tests),
            f"de volontaires, {released.subject}, {quarter_text(released.quarter)}{teams}",
        ],
        ["Téléphones", each, "par hexagone et opérateur ; leur nombre dans le département n’est pas publié"],
    ]


def _head(team: bool) -> list[str]:
    head = ["Rang", "Zone et communes", "Classe", "Habi­tants", "Opérateurs concernés", "Télé­phones"]
    head += ["Hexagones contredits / à vérifier", "Site en service", "Site annoncé", "DCC"]
    return [*head, "Décision"] if team else head


def _row(released: Released, zone: "pd.Series[Any]") -> list[str]:
    listed = str(zone["communes"])
    names = [listed] if listed.partition(", ")[0] == zone["name"] else [str(zone["name"]), listed]
    row = [
        str(zone["rank"]),
        "\n".join([*names, str(zone["zone_id"])]),
        ", ".join(filter(None, [str(zone["evidence_class"]), grade_kind(zone)])),
        whole(round(float(zone["people"])), "fr"),
        operators_text(flagged(zone)) or "—",
        nearly(int(zone["devices"])),
        f"{whole(int(zone['contradicted']), 'fr')} / {whole(int(zone['suspected']), 'fr')}",
        kilometres(zone["nearest_site_m"]) or "—",
        kilometres(zone["nearest_planned_m"]) or "—",
        whole(int(zone["dcc_near"]), "fr") if released.around.dcc is not None else "—",
    ]
    if not released.team:
        return row
    found = decision_on(str(zone["zone_id"]), released.decisions)
    return [*row, WORDS[found.decision] if found else "—"]


def _operators(own: pd.DataFrame) -> list[list[str]]:
    """Hexagons of each operator by verdict, and its share of them confirmed."""
    rows = []
    for operator, mine in own.groupby("operator"):
        counts = mine["look"].value_counts()
        confirmed = 100 * float(counts.get("confirmed", 0)) / len(mine)
        rows.append(
            [
                operator_name(str(operator)),
                whole(len(mine), "fr"),
                *(whole(int(counts.get(name, 0)), "fr") for name in VERDICTS),
                f"{decimal(confirmed, 'fr', 0)} %",
            ]
        )
    return rows


def _decisions(released: Released, code: str) -> list[list[str]]:
    """What the team decided of zones of a département, those set aside and merged included: zone, then what is told."""
    names = dict(zip(released.zones["zone_id"], released.zones["name"], strict=True))
    return [
        [
            f"{one.name or names.get(one.zone_id, '')}\n{one.zone_id}".strip(),
            "\n".join(text if label == "Décision" else f"{label} : {text}" for label, text in told(one)),
        ]
        for one in released.decisions
        if one.zone_id.partition("-")[0] == code
    ]
