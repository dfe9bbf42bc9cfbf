"""`maille demo --field-data DIR`: real files through the same path, as a field team's.

DIR holds the folders ``arcep_qos``, ``drive_test``, ``bremen_claims``, ``boundaries``, ``population`` and ``sites``.
The measurements are of a French train line and of Cork in Ireland, the declared coverage is Bremen's: they meet
nowhere, so nothing is contradicted or confirmed. What is shown is that real files go down the whole path.
"""

import zipfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import httpx
import pandas as pd

from aggregator import pipeline
from aggregator.demo_folder import DemoFolder, prepare
from aggregator.evidence.claims import import_grid, read_claims
from aggregator.evidence.territory import import_communes, import_sites, read_communes
from aggregator.evidence.tracks import track_through
from aggregator.judgement.comparison import read_verdicts
from aggregator.proposals.corridors import SPEED_KMH, follow
from aggregator.publication.corridor_files import write_corridors
from aggregator.publication.origin import Origin, write_origin
from client_sdk.enrolment import enrol
from client_sdk.errors import MailleError
from client_sdk.home import Home
from client_sdk.importers import arcep_qos, gnettrack
from client_sdk.importers.log import Log
from client_sdk.importers.reading import LeftOut
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey
from collector.admission.limits import UNLIMITED
from collector.intake.devices import invite
from collector.serving import RunningCollector, running_collector
from collector.settings import Settings

Progress = Callable[[str, float], None]
_Found = TypeVar("_Found", str, Path)

CAMPAIGN_DAY, CAMPAIGN_TECHNOLOGY = date(2025, 6, 15), "4G"  # the extract of Arcep's campaign states neither
DRIVE_ZONE, DRIVE_PLMN = ZoneInfo("Europe/Dublin"), "27203"  # nor does the log say where its clock and its SIM are from
DRIVE_FOLDER = "5G-production-dataset/Download/Driving/"
CLAIMS_QUARTER = "2024_T1"
RAIL_LINE = "TGV Paris – Marseille"
ATTRIBUTIONS = (
    "Arcep (Licence Ouverte), INSEE (Licence Ouverte)",
    "University College Cork, 5G production dataset (Raca et al., MMSys 2020)",
)


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What the real files became: counts along the path, and the release."""

    folder: DemoFolder
    release: Path
    strip: Path
    samples: dict[str, int]
    left_out: dict[str, int]
    stored: int
    rejected: int
    claim_sources: int
    communes: int
    sites: int
    verdicts: dict[str, int]

    def members(self) -> dict[str, Any]:
        """For scripts."""
        return {
            **asdict(self),
            "folder": str(self.folder.out),
            "data": str(self.folder.data),
            "release": str(self.release),
            "strip": str(self.strip),
            "synthetic": False,
        }

    def text(self) -> str:
        """For people."""
        files = "\n".join(
            f"  {name}: "
            + tr(
                f"{count} samples, {self.left_out[name]} rows left out",
                f"{count} relevés, {self.left_out[name]} lignes écartées",
            )
            for name, count in self.samples.items()
        )
        return tr(
            f"Real files, through the whole path as a field team's:\n{files}\n"
            f"  stored by the collector: {self.stored}, rejected: {self.rejected}\n"
            f"  {self.communes} communes, {self.sites} antennas, {self.claim_sources} declarations of Bremen\n"
            f"  verdicts on all technologies and thresholds, survey: {self.verdicts}\n"
            "The measurements (a French train line, Cork) and the declarations (Bremen) meet nowhere: no claim can be "
            "confirmed or contradicted here. One decision window was laid over both campaigns, years apart.\n"
            f"Strip of the train line: {self.strip}\n"
            f"Release: {self.release}\nMap: maille serve --data {self.folder.data}",
            f"Fichiers réels, par toute la chaîne, comme ceux d’une équipe de terrain :\n{files}\n"
            f"  stockés par le collecteur : {self.stored}, rejetés : {self.rejected}\n"
            f"  {self.communes} communes, {self.sites} antennes, {self.claim_sources} déclarations de Brême\n"
            f"  verdicts, toutes technologies et tous seuils, relevé de terrain : {self.verdicts}\n"
            "Les mesures (une ligne de TGV, Cork) et les déclarations (Brême) ne se croisent nulle part : rien ne peut "
            "être confirmé ni contredit ici. Une seule fenêtre couvre les deux campagnes, éloignées de plusieurs "
            "années.\n"
            f"Bandeau de la ligne de train : {self.strip}\n"
            f"Publication : {self.release}\nCarte : maille serve --data {self.folder.data}",
        )


def walk(field_data: Path, out: Path, progress: Progress | None = None) -> FieldOutcome:
    """Take the real files down the whole path.

    Args:
        field_data: DIR; nothing is written there.
        out: directory for everything; see :func:`aggregator.demo_folder.prepare`.
        progress: told what is being done, and the share done of the whole.

    Raises:
        MailleError: a file is missing, or cannot be read.
    """
    report = progress or (lambda step, fraction: None)
    logs = dict(read_logs(field_data))
    outlines = only(field_data / "boundaries", "communes-*.geojson")
    population = only(field_data / "population", "population_communes_*.csv")
    sites = only(field_data / "sites", "*_sites_*.csv")
    grid = only(field_data / "bremen_claims", "*.csv")
    folder = prepare(out, {"synthetic": False})

    report(tr("communes and sites", "communes et sites"), 0.0)
    communes = import_communes(outlines, folder.data / "territory", population=population)
    antennas = import_sites(sites, folder.data / "territory")
    report(grid.name, 0.2)
    claims = import_grid(grid, folder.data / "claims", quarter=CLAIMS_QUARTER)

    report(tr("the field team's phone", "le téléphone de l’équipe de terrain"), 0.4)
    counts: dict[str, int] = {}
    left_out: dict[str, int] = {}
    home = Home(folder.phones / "field-team")
    settings = Settings(data=folder.data, port=0, limits=UNLIMITED)
    with running_collector(settings) as collector, Outbox(home.outbox) as outbox, httpx.Client(timeout=60) as client:
        key = SigningKey.load_or_create(home.device_key)
        enrol(collector.base_url, key, outbox, _invitation(collector), client)
        for name, rows in logs.items():
            kept = [row for row in rows if isinstance(row, Sample)]
            outbox.add(kept)
            counts[name] = len(kept)
            left_out[name] = sum(isinstance(row, LeftOut) and row.field is None for row in rows)
        summary = upload(outbox, key, client, pipeline.Room(progress, 0.4, 0.6, tr("upload", "envoi"))).checked()

    samples = [row for rows in logs.values() for row in rows if isinstance(row, Sample)]
    days = sorted(date.fromisoformat(sample.measured_at[:10]) for sample in samples)
    write_origin(folder.data, Origin(attributions=ATTRIBUTIONS))
    release = pipeline.run(
        folder.data,
        settings=settings,
        # the two campaigns are years apart: one window over both, for the demonstration
        window_days=(days[-1] - days[0]).days + 1,
        progress=pipeline.Room(progress, 0.6, 1.0, tr("aggregation", "agrégation")),
    )
    verdicts = read_verdicts(folder.data / "judgement")
    return FieldOutcome(
        folder=folder,
        release=release,
        strip=_strip_of_the_line(folder.data, next(iter(logs.values())), verdicts),
        samples=counts,
        left_out=left_out,
        stored=summary.sent,
        rejected=len(summary.rejected),
        claim_sources=len(claims),
        communes=communes.communes,
        sites=antennas.sites,
        verdicts={str(kind): int(count) for kind, count in verdicts["verdict"].value_counts().sort_index().items()},
    )


def _strip_of_the_line(data: Path, rows: list[Sample | LeftOut], verdicts: pd.DataFrame) -> Path:
    """The train line, drawn through the positions of its own tests, and what is known along it."""
    places = [(row.latitude, row.longitude) for row in rows if isinstance(row, Sample)]
    line = track_through(*zip(*places, strict=True), name=RAIL_LINE)
    told = follow(line, verdicts, read_claims(data / "claims"), speed_kmh=SPEED_KMH["railways"])
    into, communes = data / "corridors" / "railways", read_communes(data / "territory")
    files = write_corridors(
        told, into, technology=CAMPAIGN_TECHNOLOGY, communes=communes, last_day=verdicts["last_day"].max()
    )
    return files.strips[0].with_suffix(".png")


def read_logs(field_data: Path) -> Iterator[tuple[str, list[Sample | LeftOut]]]:
    """Arcep's campaign and the first drive log, read by their importers, each under its file's name."""
    campaign = only(field_data / "arcep_qos", "*.csv")
    options = arcep_qos.ArcepOptions(CAMPAIGN_DAY, CAMPAIGN_TECHNOLOGY, None)
    yield campaign.name, list(arcep_qos.read(Log(str(campaign), campaign.read_bytes()), options))
    with zipfile.ZipFile(only(field_data / "drive_test", "*.zip")) as archive:
        inside = (name for name in archive.namelist() if name.startswith(DRIVE_FOLDER) and name.endswith(".csv"))
        member = _first(sorted(inside), f"{archive.filename}: {DRIVE_FOLDER}*.csv")
        drive = gnettrack.GNetTrackOptions(DRIVE_ZONE, DRIVE_PLMN, "vehicle", None)
        yield Path(member).name, list(gnettrack.read(Log(member, archive.read(member)), drive))


def only(folder: Path, pattern: str) -> Path:
    """The first file of a pattern in a folder.

    Raises:
        MailleError: there is none.
    """
    return _first(sorted(folder.glob(pattern)), folder / pattern)


def _first(found: list[_Found], wanted: object) -> _Found:
    for one in found:
        return one
    raise MailleError(tr(f"{wanted}: no such file", f"{wanted} : fichier introuvable"))


def _invitation(collector: RunningCollector) -> str:
    return invite(collector.store, "field data", 1, timedelta(days=1), datetime.now(UTC))[0]
