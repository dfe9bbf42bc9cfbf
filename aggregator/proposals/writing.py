"""The files of ``DATA/proposals``: zones, their points and components, how they were chosen and how well."""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd

from aggregator.proposals.areas import Choice
from aggregator.proposals.parameters import ZoneParameters, write_parameters
from aggregator.proposals.strata import DEEPEST, STRATA, UNCLAIMED, UNKNOWN

DECIMALS = 4


def write_proposals(
    zones: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    components: gpd.GeoDataFrame,
    into: Path,
    parameters: ZoneParameters,
    choice: Choice | None = None,
) -> None:
    """Write ``zones.parquet``, ``points.parquet``, ``components.parquet``, ``parameters.json`` and ``choice.json``."""
    into.mkdir(parents=True, exist_ok=True)
    zones.to_parquet(into / "zones.parquet")
    points.to_parquet(into / "points.parquet")
    components.to_parquet(into / "components.parquet")
    write_parameters(parameters, into)
    if choice is not None:
        text = json.dumps(members_of(choice, parameters), indent=2)
        (into / "choice.json").write_text(text + "\n", encoding="utf-8")


def members_of(choice: Choice, parameters: ZoneParameters) -> dict[str, Any]:
    """For scripts: what the discs hold, the share of the best choice that is certain, and the fitted priors."""
    fitted, exact = choice.demand.fitted, choice.exact
    names = {UNKNOWN: "no source", UNCLAIMED: "not claimed", DEEPEST: f"ring {DEEPEST} and more"}
    priors = fitted.unmet(0.25)
    return {
        "held": round(choice.chosen.total, 1),
        "at_most": round(choice.chosen.bound, 1),
        "guarantee": round(choice.chosen.guarantee, DECIMALS),
        "unmet_in_all": round(float(choice.demand.unmet.sum()), 1),
        "exact": None
        if exact is None
        else {
            "held": round(exact.chosen.total, 1),
            "greedy_held": round(exact.greedy_total, 1),
            "gap": round(exact.gap, DECIMALS),
            "proven": exact.proven,
            "seconds_allowed": parameters.exact_seconds,
        },
        "strata": [
            {
                "stratum": names.get(stratum, f"ring {stratum}"),
                "hexagons_with_votes": int(fitted.hexagons[row]),
                "unmet_prior": round(float(priors[row]), DECIMALS),
            }
            for row, stratum in enumerate(STRATA)
        ],
    }
