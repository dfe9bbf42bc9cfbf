"""The dossiers of a release, written into a directory of their own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from aggregator.publication.dcc import dossier_path
from aggregator.publication.dossiers.declared import Declared, declared_of
from aggregator.publication.dossiers.departement import departement_facts, zones_of
from aggregator.publication.dossiers.maps import departement_map, legend, locator_map, operator_panels, zone_map
from aggregator.publication.dossiers.release_facts import Released
from aggregator.publication.dossiers.scene import Scene, scene_of
from aggregator.publication.dossiers.typesetting import typeset
from aggregator.publication.dossiers.zone import LISTED_POINTS, hexagons_in, most_telling, zone_facts
from client_sdk.messages import tr
from client_sdk.operators import operator_name

Progress = Callable[[str, float], None]

PANELS = 4
"""Ours: operators drawn apart in a zone's dossier, at most; metropolitan France has four."""


def write_dossiers(released: Released, release: Path, progress: Progress | None = None) -> None:
    """Write ``dossiers/<zone_id>.pdf`` for each zone and ``departement-<code>.pdf`` for each département, in French.

    Args:
        released: what the release says.
        release: its directory.
        progress: told what is being done, and the share done.
    """
    tell = progress or (lambda _label, _fraction: None)
    (release / "dossiers").mkdir()
    scene = scene_of(released.hexagons, released.communes, released.around, released.parameters)
    declared = declared_of(released.claims, released.sources, released.parameters.technology)
    departements = sorted({*released.departements, *map(str, released.zones["insee_dep"])})
    whole = len(released.zones) + len(departements)
    for position, zone_id in enumerate(released.zones["zone_id"]):
        tell(tr(f"dossier {zone_id}", f"dossier {zone_id}"), position / whole)
        facts = zone_document(released, declared, scene, position)
        (release / dossier_path(str(zone_id))).write_bytes(typeset("zone", facts))
    for number, code in enumerate(departements, start=len(released.zones)):
        tell(tr(f"summary of {code}", f"synthèse de {code}"), number / whole)
        facts = departement_document(released, scene, code)
        (release / f"dossiers/departement-{code}.pdf").write_bytes(typeset("departement", facts))


def zone_document(released: Released, declared: Declared, scene: Scene, position: int) -> dict[str, Any]:
    """All that the template of a zone reads."""
    zone = released.zones.iloc[position]
    own = hexagons_in(released, scene, position)
    quoted = most_telling(own)
    letters = {letter: (float(row["x"]), float(row["y"])) for letter, row in quoted}
    points = released.points[released.points["zone_id"] == zone["zone_id"]]
    drawn = zone_map(scene, zone.geometry, points.head(LISTED_POINTS), letters)
    operators = [str(name)[3:] for name in zone.index if str(name).startswith("op_")]
    panels = operator_panels(scene, zone.geometry, {one: operator_name(one) for one in operators[:PANELS]})
    panels = panels if any(one["hexagons"] for one in panels) else []
    looks = {name for one in (drawn, *panels) for name in [hexagon["look"] for hexagon in one["hexagons"]]}
    return {
        **zone_facts(released, declared, zone, own, quoted),
        "map": drawn,
        "panels": panels,
        "locator": locator_map(scene, str(zone["insee_dep"]), zone.geometry),
        "legend": legend(sorted(looks), released.parameters.threshold),
        "official": scene.official,
    }


def departement_document(released: Released, scene: Scene, code: str) -> dict[str, Any]:
    """All that the template of a département reads."""
    drawn = departement_map(scene, code, zones_of(released, code))
    return {
        **departement_facts(released, scene, code),
        "map": drawn,
        "legend": legend(drawn["looks"], released.parameters.threshold),
        "official": scene.official,
    }
