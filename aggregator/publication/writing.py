"""A release's files: its contents, and the manifest that says what they were made from."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import numpy as np
import pandas as pd

from aggregator.evidence.claims import read_claims
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION
from aggregator.evidence.months import read_months
from aggregator.evidence.territory import read_communes, read_people
from aggregator.proposals import decisions
from aggregator.publication import manifest, mission_layer
from aggregator.publication.contents import Contents, write_contents
from aggregator.publication.descriptions import write_descriptions
from aggregator.publication.dossiers.release_facts import Released
from aggregator.publication.dossiers.writing import write_dossiers
from aggregator.publication.errors import PublicationError
from aggregator.publication.making import Audience, Making
from aggregator.publication.marking import mark_json, mark_release
from aggregator.publication.mission_layer import read_missions, write_mission_layer
from aggregator.publication.observatory.writing import write_observatory
from aggregator.publication.origin import synthetic_text
from aggregator.publication.software import code, libraries
from client_sdk.messages import tr

Progress = Callable[[str, float], None]

MADE_UP = "synthetic data (données synthétiques)"
TEAM_ALONE = "project team only (équipe-projet seule)"
"""What every row says, in both languages: rows travel without the files around them."""


def write_release(making: Making, draft: Path, progress: Progress | None = None) -> None:
    """Write every file into an empty directory, the manifest last: it lists the others.

    Args:
        making: what to write.
        draft: the directory.
        progress: told which dossier is being typeset, and the share of them done.
    """
    parameters, data = making.parameters, making.ground.data
    synthetic, team = parameters.synthetic, parameters.audience == "team"
    territory = parameters.territory
    missions = read_missions(data) if team else []
    communes, claims = read_communes(data / "territory"), read_claims(data / "claims")
    sources = claim_sources(data / "claims/sources.json")
    notice = "; ".join([*[MADE_UP] * synthetic, *[TEAM_ALONE] * team])
    thanks = manifest.attributions(sources, communes, data / "territory", parameters.attributions)
    contents = write_contents(
        draft,
        release=making.release,
        day=date.fromisoformat(parameters.last_day),
        issue=making.issue,
        claims=claims,
        sources=sources,
        communes=communes,
        people=read_people(data / "territory", communes),
        territory=data / "territory",
        decisions=_decisions(data, parameters.audience),
        within=territory.cells if territory else None,
        previous=making.zones,
        notice=notice,
        attributions=thanks["en"],
        parameters=parameters.zones,
        about={
            "release": making.release,
            "date": parameters.last_day,
            "audience": parameters.audience,
            "k": parameters.k,
            "quarter": making.issue.quarter,
            "synthetic": synthetic,
            "label": parameters.label,
            **({"missions": mission_layer.FILE} if missions else {}),
        },
    )
    if missions:
        write_mission_layer(missions, draft / "map" / mission_layer.FILE)
    write_observatory(
        draft, making, contents.hexagons, claims=claims, communes=communes, sources=sources, notice=notice
    )
    write_dossiers(_released(making, contents, communes, claims, sources, thanks["fr"]), draft, progress)
    if team:
        mark_release(draft)
    told = {
        "release": making.release,
        "previous": making.previous,
        "origin": making.made_from,
        **manifest.described(parameters, quarter=making.issue.quarter),
        "citation": manifest.citation(making.release, parameters),
        "attributions": thanks["en"],
        "attributions_fr": thanks["fr"],
        "code": code(),
        "libraries": libraries(),
        "inputs": [{"path": name, "sha256": value} for name, value in sorted(making.inputs.items())],
        "archive": [{"path": name, "sha256": value} for name, value in read_months(data / "evidence").items()],
        "claim_sources": sources,
    }
    write_descriptions(draft, told)
    if team:
        mark_json(draft)
    manifest.write_json({**told, "files": manifest.listing(draft)}, draft / "manifest.json")


def _released(
    making: Making,
    contents: Contents,
    communes: gpd.GeoDataFrame,
    claims: pd.DataFrame,
    sources: Sequence[dict[str, Any]],
    attributions: Sequence[str],
) -> Released:
    """What the dossiers tell: the release's own tables, and for the team its decisions."""
    parameters, data = making.parameters, making.ground.data
    return Released(
        release=making.release,
        origin=making.made_from,
        code=code(),
        day=date.fromisoformat(parameters.last_day),
        window_days=parameters.window_days,
        quarter=making.issue.quarter,
        team=parameters.audience == "team",
        k=parameters.k,
        synthetic=synthetic_text(making.ground.origin, "fr"),
        hexagons=contents.hexagons,
        zones=contents.zones,
        points=contents.points,
        communes=communes,
        departements=_departements(communes, parameters.territory.cells if parameters.territory else None),
        around=contents.around,
        claims=claims,
        sources=sources,
        decisions=decisions.followed(decisions.read_decisions(data)) if parameters.audience == "team" else (),
        parameters=parameters.zones,
        constants=parameters.constants,
        attributions=attributions,
    )


def _departements(communes: gpd.GeoDataFrame, within: Any) -> list[str]:
    """Codes of the départements that have the centre of a commune in the territory, sorted."""
    places = zip(communes["latitude"], communes["longitude"], strict=True)
    cells = [h3.str_to_int(h3.latlng_to_cell(*place, HEXAGON_RESOLUTION)) for place in places]
    here = np.isin(cells, within) if within is not None else np.ones(len(communes), bool)
    return sorted(set(communes.loc[here, "insee_dep"].astype(str)))


def _decisions(data: Path, audience: Audience) -> list[decisions.Decision]:
    """Of the team: all for itself, for the public only what it set aside."""
    proposed = data / "proposals" / "zones.parquet"
    known = gpd.read_parquet(proposed) if proposed.exists() else None
    found = decisions.located(decisions.read_decisions(data), known)
    return [one for one in found if audience == "team" or one.decision == "set-aside"]


def claim_sources(file: Path) -> list[dict[str, Any]]:
    """The sources of claims, as the import wrote them.

    Raises:
        PublicationError: the file is not what an import writes.
    """
    if not file.exists():
        return []
    try:
        sources = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PublicationError(
            tr(
                f"{file}: is not JSON ({error}); import the coverage files again",
                f"{file} : n'est pas du JSON ({error}) ; importez à nouveau les fichiers de couverture",
            )
        ) from error
    if not isinstance(sources, list) or not all(isinstance(one, dict) and "operator" in one for one in sources):
        raise PublicationError(f"{file}: expected a list of sources; import the coverage files again")
    return sources
