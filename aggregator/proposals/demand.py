"""Expected unmet demand of each hexagon: people there, times the share of operators that seem to fail them.

A verdict is turned into a weight by a fixed table. Empirical Bayes will replace it: until then every zone carries
``demand_model = "verdict-weights-1"`` and the texts below say what that means.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

DEMAND_MODEL = "verdict-weights-1"
DEMAND_TEXT = {
    "en": "Unmet demand = people of the hexagon × mean over the operators of a weight fixed by the verdict "
    "(contradicted, strong: 1; contradicted, moderate, and suspected: 0.5; others: 0). The weights are ours, and "
    "a hexagon without measurements counts 0. Probabilities estimated by empirical Bayes will replace them.",
    "fr": "Demande non satisfaite = habitants de l'hexagone × moyenne, sur les opérateurs, d'un poids fixé par le "
    "verdict (contredite : 1 ; probablement contredite et à vérifier : 0,5 ; autres : 0). Ces poids sont les nôtres, "
    "et un hexagone sans mesure compte 0. Des probabilités estimées par Bayes empirique les remplaceront.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandWeights:
    """Weight u of each verdict, in 0..1: how much of the people's demand an operator is thought to leave unmet."""

    contradicted_strong: float = 1.0
    contradicted_moderate: float = 0.5
    suspected: float = 0.5


def prevailing(verdicts: pd.DataFrame) -> pd.DataFrame:
    """One row per hexagon, operator, technology and threshold: a survey that concludes prevails over the crowd."""
    surveyed = (verdicts["evidence"] == "survey").astype(int) + 1
    order = surveyed.where(verdicts["verdict"] != "insufficient", 0)
    key = ["h3_r8", "operator", "technology", "threshold"]
    ranked = verdicts.assign(_order=order).sort_values([*key, "_order", "evidence"])
    return ranked.drop_duplicates(key, keep="last").drop(columns="_order").reset_index(drop=True)


def weights(verdicts: pd.DataFrame, parameters: DemandWeights = DemandWeights()) -> pd.Series:
    """u of each row of a table of verdicts."""
    contradicted = verdicts["verdict"] == "contradicted"
    strong = contradicted & (verdicts["strength"] == "strong")
    chosen = np.select(
        [strong, contradicted, verdicts["verdict"] == "suspected"],
        [parameters.contradicted_strong, parameters.contradicted_moderate, parameters.suspected],
        0.0,
    )
    return pd.Series(chosen, index=verdicts.index, name="u")


def unmet_demand(rows: pd.DataFrame, people: pd.Series, parameters: DemandWeights = DemandWeights()) -> pd.DataFrame:
    """Unmet demand of every hexagon where people live or a verdict stands.

    Args:
        rows: verdicts on one technology and threshold, one row per hexagon and operator (see ``prevailing``).
        people: people of each hexagon, indexed by ``h3_r8``.
        parameters: weight of each verdict.

    Returns:
        Indexed by ``h3_r8``, sorted: ``people``; ``unmet`` = people × mean of u over the operators seen in ``rows``;
        ``unmet_firm``, the part of ``unmet`` that rests on strong verdicts or on a survey.
    """
    operators = max(rows["operator"].nunique(), 1)
    u = weights(rows, parameters)
    firm = u.where((rows["strength"] == "strong") | (rows["evidence"] == "survey"), 0.0)
    shares = pd.DataFrame({"h3_r8": rows["h3_r8"], "operator": rows["operator"], "u": u, "firm": firm})
    shares = shares.sort_values(["h3_r8", "operator"]).groupby("h3_r8")[["u", "firm"]].sum() / operators
    index = people.index.union(shares.index).sort_values()
    shares = shares.reindex(index, fill_value=0.0)
    living = people.reindex(index).fillna(0.0).clip(lower=0.0).astype(float)
    return pd.DataFrame(
        {"people": living, "unmet": living * shares["u"], "unmet_firm": living * shares["firm"]},
        index=pd.Index(index, name="h3_r8"),
    )
