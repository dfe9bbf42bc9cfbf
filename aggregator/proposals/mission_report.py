"""What a mission settled: for each hexagon and operator, the points taken, the verdict before and now, what is left."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.ledger import CAPABILITY, LEDGER
from aggregator.judgement.votes import votable_rows
from aggregator.proposals.demand import prevailing
from aggregator.proposals.mission_plan import Mission
from client_sdk.messages import counted, tr
from client_sdk.operators import operator_name

_KEY = ["h3_r8", "operator"]
SETTLED = ("contradicted", "confirmed", "unclaimed_service")


@dataclass(frozen=True, slots=True, kw_only=True)
class MissionReport:
    """The outcome.

    Attributes:
        mission: the plan.
        rows: one per hexagon and operator in question, by stop: ``stop, h3_r8, commune, operator, points, days``
            (outdoor points of field teams in the window, and on how many days), ``before``, ``before_strength``,
            ``now``, ``now_strength``, ``settled`` (a survey concluded), ``points_left``, ``days_left``.
    """

    mission: Mission
    rows: pd.DataFrame

    def members(self) -> dict[str, Any]:
        """For scripts."""
        told = self.rows.assign(h3_r8=[f"{cell:x}" for cell in self.rows["h3_r8"]])
        return {
            "mission": self.mission.mission_id,
            "settled": int(self.rows["settled"].sum()),
            "questions": len(self.rows),
            "rows": told.to_dict("records"),
        }

    def text(self) -> str:
        """For people: one line per hexagon and operator, and the sums."""
        settled = self.rows[self.rows["settled"]]
        contradicted, complete = int((settled["now"] == "contradicted").sum()), self.rows["points_left"] == 0
        lines = [
            f"{row['stop']:>3}  {row['commune']}, {operator_name(row['operator'])}{tr(':', ' :')} "
            + counted(row["points"], "point(s)", "point(s)")
            + tr(" on ", " en ")
            + counted(row["days"], "day(s)", "jour(s)")
            + f", {verdict_text(row['before'], row['before_strength'])} → "
            + f"{verdict_text(row['now'], row['now_strength'])}{_left(row)}"
            for row in self.rows.to_dict("records")
        ]
        served, all_taken = len(settled) - contradicted, int(complete.sum())
        heading = (
            tr(f"Mission {self.mission.mission_id}: ", f"Mission {self.mission.mission_id} : ")
            + counted(len(settled), f"of {len(self.rows)} questions", f"question(s) sur {len(self.rows)}")
            + tr(" settled on the ground", f" tranchée{'s' if len(settled) > 1 else ''} sur place")
            + f" ({counted(contradicted, 'contradicted', 'contredite(s)')}, {served}"
            + tr(" with service); ", " avec service) ; ")
            + tr(f"{all_taken} with all points taken.", f"points au complet : {all_taken}.")
        )
        return "\n".join([heading, *lines])


def report_mission(
    mission: Mission,
    evidence: Path,
    verdicts: pd.DataFrame,
    *,
    last_day: date | None = None,
    window_days: int = 365,
) -> MissionReport:
    """Hold a plan against what is known now.

    Args:
        mission: the plan.
        evidence: directory with ``ledger.parquet`` and ``capability.parquet``.
        verdicts: of now, made from them.
        last_day: end of their window; by default the last day in the ledger.
        window_days: its length.
    """
    wanted = mission.parameters
    asked = [
        {"stop": stop, "h3_r8": cell, "commune": commune, "operator": operator}
        for stop, cell, commune, operators in mission.stops[["stop", "h3_r8", "commune", "operators"]].itertuples(
            index=False, name=None
        )
        for operator in operators.split()
    ]
    rows = pd.DataFrame(asked, columns=["stop", "h3_r8", "commune", "operator"])
    rows = rows.merge(_points(mission, evidence, last_day, window_days), on=_KEY, how="left")
    now = verdicts[(verdicts["technology"] == wanted.technology) & (verdicts["threshold"] == wanted.threshold)]
    now = prevailing(now[now["h3_r8"].isin(rows["h3_r8"])])
    for name, table in (("before", mission.before), ("now", now)):
        told = pd.DataFrame(table, columns=[*_KEY, "verdict", "strength", "evidence"]).drop_duplicates(_KEY)
        renamed = {"verdict": name, "strength": f"{name}_strength", "evidence": f"{name}_evidence"}
        rows = rows.merge(told.rename(columns=renamed), on=_KEY, how="left")
        rows[name] = rows[name].fillna("insufficient")
        rows[f"{name}_strength"] = rows[f"{name}_strength"].fillna("")
    rows[["points", "days"]] = rows[["points", "days"]].fillna(0).astype(np.int64)
    rows["settled"] = (rows["now_evidence"] == "survey") & rows["now"].isin(SETTLED)
    rows["points_left"] = (wanted.points - rows["points"]).clip(lower=0).mask(rows["settled"], 0)
    rows["days_left"] = (wanted.days - rows["days"]).clip(lower=0).mask(rows["settled"], 0)
    return MissionReport(mission=mission, rows=rows.drop(columns=["before_evidence", "now_evidence"]))


def _points(mission: Mission, evidence: Path, last_day: date | None, window_days: int) -> pd.DataFrame:
    """Outdoor points of field teams in the planned hexagons: ``h3_r8, operator, points, days``."""
    wanted = mission.parameters
    # a device's capability comes from everywhere, so only the ledger is read in part
    ledger = pq.read_table(evidence / "ledger.parquet", schema=LEDGER, filters=[("tier", "=", "field_team")])
    capability = pq.read_table(evidence / "capability.parquet", schema=CAPABILITY).to_pandas(date_as_object=False)
    rows = ledger.to_pandas(date_as_object=False)
    rows["h3_r8"] = parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    end = last_day or rows["day"].max()
    rows = rows[rows["h3_r8"].isin(mission.stops["h3_r8"])]
    if rows.empty:
        return pd.DataFrame({"h3_r8": np.empty(0, np.int64), "operator": [], "points": [], "days": []})
    rows = votable_rows(rows.drop(columns="h3_r8"), capability, end, window_days)
    rows = rows[(rows["technology"] == wanted.technology) & (rows["threshold"] == wanted.threshold)]
    rows = rows[rows["context"] == "outdoor"]
    rows = rows.assign(h3_r8=parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION))
    return rows.groupby(_KEY, as_index=False).agg(points=("tested", "sum"), days=("day", "nunique"))


def verdict_text(verdict: str, strength: str) -> str:
    """A verdict in words."""
    return {
        "contradicted": tr("contradicted", "contredite")
        if strength == "strong"
        else tr("probably contradicted", "probablement contredite"),
        "suspected": tr("to be checked on the spot", "à vérifier sur place"),
        "confirmed": tr("confirmed", "confirmée"),
        "unclaimed_service": tr("service, not declared", "service présent, non déclaré"),
        "insufficient": tr("not enough data", "données insuffisantes"),
    }[verdict]


def _left(row: dict[Any, Any]) -> str:
    if row["settled"]:
        return ""
    left = []
    if row["points_left"]:
        left.append(counted(row["points_left"], "point(s)", "point(s)"))
    if row["days_left"]:
        left.append(counted(row["days_left"], "more day(s)", "autre(s) jour(s)"))
    if left:
        return tr("; left: ", " ; reste : ") + ", ".join(left)
    return tr("; no conclusion: more points may tell", " ; sans conclusion : d’autres points peuvent trancher")
