"""The walk through the four rooms: archive → evidence → judgement → proposals → publication.

Every step reads files of the data directory and writes files there; it may be run again at any time, alone or not.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import geopandas as gpd

from aggregator.evidence.binning import bin_archive
from aggregator.evidence.claims import read_claims
from aggregator.evidence.months import record_months
from aggregator.evidence.outline import Territory
from aggregator.evidence.territory import people_by_hexagon, read_communes
from aggregator.judgement.basis import record_basis
from aggregator.judgement.comparison import read_verdicts, write_verdicts
from aggregator.judgement.decision import decide
from aggregator.judgement.trust import write_quarantine
from aggregator.judgement.votes import last_day_in
from aggregator.proposals.zones import ZoneParameters, propose_zones, write_proposals
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
        MailleError: an input is missing or cannot be read; the message names it.
    """
    settings = settings or Settings(data=data)
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


def gather_evidence(data: Path, archive: str | Path, progress: Progress | None = None) -> None:
    """Archive → ``DATA/evidence``: ledger, capabilities, histograms."""
    bin_archive(archive, data / "evidence", progress=progress)
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
        Number of verdicts of each kind on 4G service, crowd and survey together.
    """
    end = last_day or last_day_in(data / "evidence")
    days = window_days or (four_quarters(end) if end else 365)
    decision = decide(
        data / "evidence",
        read_claims(data / "claims"),
        last_day=end,
        window_days=days,
        within=territory.cells if territory else None,
        progress=progress,
    )
    verdicts = decision.verdicts
    write_verdicts(verdicts, data / "judgement")
    write_quarantine(decision.quarantine, data / "judgement")
    record_basis(data, end, days, territory)
    service = verdicts[(verdicts["technology"] == "4G") & (verdicts["threshold"] == "service")]
    return {str(kind): int(count) for kind, count in service["verdict"].value_counts().sort_index().items()}


def propose(
    data: Path,
    zones: ZoneParameters | None = None,
    *,
    territory: Territory | None = None,
    progress: Progress | None = None,
) -> gpd.GeoDataFrame:
    """``DATA/judgement`` × ``DATA/territory`` → ``DATA/proposals``, from every verdict: for the project team.

    A public release proposes its own zones, from what it may publish.
    """
    report = progress or (lambda step, fraction: None)
    report("", 0.0)
    communes = read_communes(data / "territory")
    earlier = data / "proposals" / "zones.parquet"
    parameters = zones or ZoneParameters()
    verdicts, people = read_verdicts(data / "judgement"), people_by_hexagon(communes)
    if territory is not None:
        verdicts = verdicts[verdicts["h3_r8"].isin(territory.cells)]
        people = people[people.index.isin(territory.cells)]
    proposed, points = propose_zones(
        verdicts,
        communes,
        people=people,
        previous=gpd.read_parquet(earlier) if earlier.exists() else None,
        parameters=parameters,
    )
    write_proposals(proposed, points, data / "proposals", parameters)
    report("", 1.0)
    return proposed
