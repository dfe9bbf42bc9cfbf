"""One zone's dossier in words and numbers, all of which stand in the release's tables."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import shapely

from aggregator.judgement.wording import whole
from aggregator.proposals.surroundings import nearest_m, points_in_lambert_93
from aggregator.publication.departements import departement_text
from aggregator.publication.described import flagged
from aggregator.publication.dossiers.decided import decision_lines
from aggregator.publication.dossiers.declared import Declared, declared_rows
from aggregator.publication.dossiers.essentials import boxes, brief
from aggregator.publication.dossiers.measured import measured_rows, surveyed_rows
from aggregator.publication.dossiers.release_facts import (
    Released,
    kilometres,
    marks,
    method,
    operators_text,
)
from aggregator.publication.dossiers.scene import Scene
from client_sdk.operators import operator_name

PLACED_ON = {
    "commune centre": "centre de la commune",
    "commune outline": "dans la commune, à préciser",
    "people": "lieu le plus peuplé",
    "road": "route la plus proche",
    "hexagon centre": "centre d’hexagone, à préciser",
}
QUOTED = 4
"""Ours: hexagons whose sentence is quoted, at most; the others are in the release's files."""
LISTED_POINTS = 30
"""Ours: points of interest listed, at most; dcc_poi.csv has all."""


def zone_facts(
    released: Released,
    declared: Declared,
    zone: "pd.Series[Any]",
    own: pd.DataFrame,
    quoted: Sequence[tuple[str, "pd.Series[Any]"]],
) -> dict[str, Any]:
    """Texts and tables of one zone's dossier.

    Args:
        released: the release.
        declared: what the operators declare.
        zone: its row.
        own: verdicts of its hexagons, as :func:`hexagons_in` gives them.
        quoted: as :func:`most_telling` gives them.
    """
    missing = flagged(zone)
    points = released.points[released.points["zone_id"] == zone["zone_id"]]
    flags = {str(name)[3:] for name in zone.index if str(name).startswith("op_")}
    operators = sorted(flags | declared.operators)
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
        "roads_weigh": released.around.roads is not None,
        "boxes": boxes(zone, missing),
        "brief": brief(released, zone, missing),
        **measured_rows(json.loads(zone["verdicts"]), own, operators),
        "surveyed": surveyed_rows(own),
        **declared_rows(declared, zone.geometry, operators, json.loads(zone["undeclared"])),
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
        "method": method(released, rules, f"rang, demande et poids : departement-{zone['insee_dep']}.pdf"),
    }


def hexagons_in(released: Released, scene: Scene, position: int) -> pd.DataFrame:
    """Prevailing verdicts of the hexagons whose centre is in a zone, and in none of a better rank."""
    outline = released.zones.geometry.iloc[position]
    rows = scene.near(outline)
    places = shapely.points(rows[["x", "y"]].to_numpy(float))
    better = released.zones.geometry.iloc[:position]
    free = shapely.difference(outline, shapely.union_all(better[better.intersects(outline)].to_numpy()))
    inside = shapely.intersects(free, places) if len(rows) else np.empty(0, bool)
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


def _more(own: pd.DataFrame, quoted: int) -> int:
    return int(own["verdict"].isin(["contradicted", "suspected"]).sum()) - quoted


def _check(own: pd.DataFrame, grade: str) -> list[str]:
    """Where the check on the ground stands."""
    against = own[own["verdict"].isin(["contradicted", "suspected"])]
    surveyed = own[own["evidence"] == "survey"]
    concluded = surveyed.loc[surveyed["verdict"] != "insufficient", "h3"].nunique()
    open_ones = against[against["evidence"] != "survey"]
    lines = []
    if grade == "C":
        lines.append("Zone de classe C : à mesurer d’abord ; rien n’est à proposer avant.")
    if not concluded:
        lines.append("Aucun relevé concluant d’une équipe de terrain n’est publié dans cette zone.")
    else:
        several = "s" if concluded > 1 else ""
        lines.append(f"Une équipe de terrain a conclu sur {whole(concluded, 'fr')} hexagone{several}.")
    if len(open_ones):
        lines.append(
            (
                f"{whole(len(open_ones), 'fr')} résultats contre une carte (un hexagone et un opérateur à chaque fois) "
                "viennent "
                if len(open_ones) > 1
                else "Un résultat contre une carte (un hexagone et un opérateur) vient "
            )
            + "des seuls volontaires : une équipe de terrain doit y aller avant toute démarche. « maille missions » en "
            "prévoit la tournée."
        )
    elif len(against) == 0:
        lines.append(
            "Aucune carte n’y est mise en doute par des mesures : la zone tient à ce que les opérateurs ne déclarent "
            "pas, ou à ce qui reste à mesurer."
        )
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
                operators_text(flagged(point)),
                f"{point['x_lambert_93']:.1f}".replace(".", ","),
                f"{point['y_lambert_93']:.1f}".replace(".", ","),
                f"{point['latitude']:.6f}".replace(".", ","),
                f"{point['longitude']:.6f}".replace(".", ","),
                kilometres(distance) or "—",
            ]
        )
    return rows
