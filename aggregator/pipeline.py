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
from aggregator.evidence.engines import MEMORY_GB, Engine
from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.evidence.months import record_months
from aggregator.evidence.outline import Territory
from aggregator.evidence.territory import read_communes, read_people
from aggregator.judgement.basis import record_basis, require_basis
from aggregator.judgement.comparison import read_verdicts, write_verdicts
from aggregator.judgement.constants_file import read_constants
from aggregator.judgement.decision import decide
from aggregator.judgement.escalation import once_per_parent
from aggregator.judgement.excused import read_excused
from aggregator.judgement.trust import write_quarantine
from aggregator.judgement.votes import last_day_in, voting_rows
from aggregator.only_run import only_run
from aggregator.proposals.areas import Choice
from aggregator.proposals.decisions import located, read_decisions
from aggregator.proposals.drawing import zone_components
from aggregator.proposals.parameters import ZoneParameters, weights_of
from aggregator.proposals.surroundings import read_surroundings
from aggregator.proposals.writing import write_proposals
from aggregator.proposals.zones import propose_zones
from aggregator.publication.making import Audience
from aggregator.publication.quarters import four_quarters
from aggregator.publication.release import publish
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
    window_days: int | None = None,
    territory: Territory | None = None,
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
        window_days: its length; by default the four quarters that end with the last day's.
        territory: hexagons to judge and publish; by default all.
        zones: how zones are proposed.
        audience: ``public``, or ``team`` for the project team alone.
        progress: told what is being done, and the share done of the whole.

    Returns:
        The release's directory.

    Raises:
        MailleError: an input is missing or cannot be read, the message names it; or another run is at work there.
    """
    settings = settings or Settings(data=data)
    with only_run(data):
        if archive_first:
            update_archive(data, settings, Room(progress, 0.0, 0.4, tr("archive", "archive")))
        gather_evidence(data, settings.archive, Room(progress, 0.4, 0.6, tr("evidence", "indices")))
        room = Room(progress, 0.6, 0.75, tr("judgement", "verdicts"))
        judge(data, last_day, window_days, territory=territory, progress=room)
        propose(data, zones, territory=territory, progress=Room(progress, 0.75, 0.8, tr("zones", "zones")))
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


def gather_evidence(
    data: Path,
    archive: str | Path,
    progress: Progress | None = None,
    *,
    engine: Engine | None = None,
    memory_gb: float = MEMORY_GB,
) -> None:
    """Archive → ``DATA/evidence``: ledger, capabilities, histograms, failures and hours; the months that changed."""
    bin_archive(archive, data / "evidence", engine=engine, memory_gb=memory_gb, progress=progress)
    record_months(archive, data / "evidence")


def judge(
    data: Path,
    last_day: date | None = None,
    window_days: int | None = None,
    *,
    territory: Territory | None = None,
    progress: Progress | None = None,
) -> dict[str, int]:
    """``DATA/evidence`` × ``DATA/claims`` → ``DATA/judgement``: verdicts, and which devices did not vote.

    Args:
        data: the data directory.
        last_day: end of the decision window; by default the last day of data.
        window_days: its length; by default the four quarters that end with the last day's.
        territory: hexagons to judge. Votes are cast everywhere first: whether a phone is to be trusted does not stop at
            a border.
        progress: told what is being done, and the fraction done.

    Returns:
        Number of verdicts of each kind on 4G service, crowd and survey together; those that a parent's hexagons share
        count once.
    """
    end = last_day or last_day_in(data / "evidence")
    days = window_days or (four_quarters(end) if end else 365)
    decision = decide(
        data / "evidence",
        read_claims(data / "claims"),
        last_day=end,
        window_days=days,
        constants=read_constants(data),
        excused=read_excused(data),
        within=territory.cells if territory else None,
        progress=progress,
    )
    verdicts = decision.verdicts
    write_verdicts(verdicts, data / "judgement")
    write_quarantine(decision.quarantine, data / "judgement")
    record_basis(data, end, days, territory)
    service = once_per_parent(verdicts[(verdicts["technology"] == "4G") & (verdicts["threshold"] == "service")])
    return {str(kind): int(count) for kind, count in service["verdict"].value_counts().sort_index().items()}


def propose(
    data: Path,
    zones: ZoneParameters | None = None,
    *,
    territory: Territory | None = None,
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
    verdicts, people = read_verdicts(data / "judgement"), read_people(data / "territory", communes)
    if parameters.exact:
        most = f"{parameters.exact_seconds:g} s"
        report(tr(f"looking for better discs, {most} at most", f"recherche de meilleurs disques, {most} au plus"), 0.3)
    choices: list[Choice] = []
    proposed, points = propose_zones(
        verdicts,
        communes,
        people=people,
        claims=read_claims(data / "claims"),
        previous=earlier,
        parameters=parameters,
        device_days=_device_days(data, parameters),
        surroundings=read_surroundings(data / "territory"),
        decisions=located(read_decisions(data), earlier),
        tell_choice=choices.append,
        within=territory.cells if territory else None,
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
    rows = voting_rows(
        pd.read_parquet(ledger),
        capability,
        end,
        basis.window_days,
        constants=read_constants(data),
        excused=read_excused(data),
    )
    rows = rows[(rows["technology"] == parameters.technology) & (rows["threshold"] == parameters.threshold)]
    hexagons = parent(rows["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    return rows.assign(h3_r8=hexagons)[["h3_r8", "operator", "evidence", "device_token", "day"]].drop_duplicates()
