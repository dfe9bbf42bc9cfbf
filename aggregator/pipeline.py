"""The walk through the four rooms: archive → evidence → judgement → proposals → publication.

Every step reads files of the data directory and writes files there; it may be run again at any time, alone or not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.claims import read_claims
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.territory import read_communes, read_people
from aggregator.judgement.basis import record_basis, require_basis
from aggregator.judgement.comparison import compare, read_verdicts, write_verdicts
from aggregator.judgement.votes import cast_votes, last_day_in, votable_rows
from aggregator.proposals.areas import Choice
from aggregator.proposals.decisions import located, read_decisions
from aggregator.proposals.drawing import zone_components
from aggregator.proposals.parameters import ZoneParameters, weights_of
from aggregator.proposals.surroundings import read_surroundings
from aggregator.proposals.writing import write_proposals
from aggregator.proposals.zones import propose_zones
from aggregator.publication.release import Audience, publish
from client_sdk.messages import tr
from collector.plausibility.grounds import read_grounds
from collector.plausibility.judging import judge_history
from collector.secret import load_or_create_secret
from collector.settings import Settings
from collector.storage.archive import ArchiveSummary, write_archive
from collector.storage.migration import prepare_database
from collector.storage.store import Store

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Room:
    """Part of the whole progress: a step's own 0..1 becomes ``start``..``end``."""

    progress: Progress | None
    start: float
    end: float
    label: str

    def __call__(self, step: str, fraction: float) -> None:
        """Tell a step's progress."""
        if self.progress:
            text = f"{self.label}: {step}" if step else self.label
            self.progress(text, self.start + (self.end - self.start) * min(fraction, 1.0))


def run(
    data: Path,
    *,
    archive_first: bool = True,
    settings: Settings | None = None,
    last_day: date | None = None,
    window_days: int = 365,
    zones: ZoneParameters | None = None,
    audience: Audience = "public",
    progress: Progress | None = None,
) -> Path:
    """Everything, from the collector's database to a release.

    Args:
        data: the server-side data directory; communes must have been imported, claims should have been.
        archive_first: bring the archive up to date from the collector's database; without it, the archive counts.
        settings: of the collector; by default those of its database in ``data``.
        last_day: end of the decision window; by default the last day of data.
        window_days: its length.
        zones: how zones are proposed.
        audience: ``public``, or ``team`` for the project team alone.
        progress: told what is being done, and the share done of the whole.

    Returns:
        The release's directory.

    Raises:
        MailleError: an input is missing or cannot be read; the message names it.
    """
    settings = settings or Settings(data=data)
    if archive_first:
        update_archive(data, settings, Room(progress, 0.0, 0.4, tr("archive", "archive")))
    gather_evidence(data, settings.archive, Room(progress, 0.4, 0.6, tr("evidence", "indices")))
    judge(data, last_day, window_days, Room(progress, 0.6, 0.75, tr("judgement", "verdicts")))
    propose(data, zones, Room(progress, 0.75, 0.8, tr("zones", "zones")))
    return publish(
        data,
        audience=audience,
        zones=zones,
        progress=Room(progress, 0.8, 1.0, tr("publication", "publication")),
    )


def update_archive(data: Path, settings: Settings | None = None, progress: Progress | None = None) -> ArchiveSummary:
    """Samples of the collector's database → its archive, the months that changed."""
    settings = settings or Settings(data=data)
    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        judge_history(store, read_grounds(settings))
        return write_archive(store, settings.archive, load_or_create_secret(settings.device_token_key), progress)
    finally:
        store.close()


def gather_evidence(data: Path, archive: str | Path, progress: Progress | None = None) -> None:
    """Archive → ``DATA/evidence``: ledger, capabilities, histograms."""
    bin_archive(archive, data / "evidence", progress=progress)


def judge(
    data: Path, last_day: date | None = None, window_days: int = 365, progress: Progress | None = None
) -> dict[str, int]:
    """``DATA/evidence`` × ``DATA/claims`` → ``DATA/judgement``.

    Returns:
        Number of verdicts of each kind on 4G service, crowd and survey together.
    """
    report = progress or (lambda step, fraction: None)
    report(tr("votes", "votes"), 0.0)
    votes = cast_votes(data / "evidence", last_day=last_day, window_days=window_days)
    report(tr("comparison", "comparaison"), 0.3)
    verdicts = compare(votes, read_claims(data / "claims"))
    write_verdicts(verdicts, data / "judgement")
    record_basis(data, last_day or last_day_in(data / "evidence"), window_days)
    report("", 1.0)
    service = verdicts[(verdicts["technology"] == "4G") & (verdicts["threshold"] == "service")]
    return {str(kind): int(count) for kind, count in service["verdict"].value_counts().sort_index().items()}


def propose(
    data: Path,
    zones: ZoneParameters | None = None,
    progress: Progress | None = None,
    tell_choice: Callable[[Choice], None] | None = None,
) -> gpd.GeoDataFrame:
    """``DATA/judgement`` × ``DATA/territory`` → ``DATA/proposals``, from every verdict: for the project team.

    Zones the team decided on (``decisions.csv``) stay, or stay away. A public release proposes its own zones, from what
    it may publish.
    """
    report = progress or (lambda step, fraction: None)
    report("", 0.0)
    communes = read_communes(data / "territory")
    file = data / "proposals" / "zones.parquet"
    earlier = gpd.read_parquet(file) if file.exists() else None
    parameters = zones or ZoneParameters(weights=weights_of(data))
    verdicts = read_verdicts(data / "judgement")
    choices: list[Choice] = []
    proposed, points = propose_zones(
        verdicts,
        communes,
        people=read_people(data / "territory", communes),
        claims=read_claims(data / "claims"),
        previous=earlier,
        parameters=parameters,
        device_days=_device_days(data, parameters),
        surroundings=read_surroundings(data / "territory"),
        decisions=located(read_decisions(data), earlier),
        tell_choice=choices.append,
    )
    report("", 0.9)
    components = zone_components(proposed, verdicts, parameters)
    write_proposals(proposed, points, components, data / "proposals", parameters, choices[0])
    if tell_choice:
        tell_choice(choices[0])
    report("", 1.0)
    return proposed


def _device_days(data: Path, parameters: ZoneParameters) -> pd.DataFrame | None:
    """Which device measured in which hexagon on which day, so that a zone's phones are counted once; None without."""
    ledger = data / "evidence" / "ledger.parquet"
    if not ledger.exists():
        return None
    basis = require_basis(data)
    if not basis.last_day:
        return None
    capability = pd.read_parquet(data / "evidence" / "capability.parquet")
    end = date.fromisoformat(basis.last_day)
    rows = votable_rows(pd.read_parquet(ledger), capability, end, basis.window_days)
    rows = rows[(rows["technology"] == parameters.technology) & (rows["threshold"] == parameters.threshold)]
    hexagons = parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    return rows.assign(h3_r8=hexagons)[["h3_r8", "operator", "evidence", "device_token", "day"]].drop_duplicates()
