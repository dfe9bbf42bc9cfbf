"""The campaign itself: every phone enrols, keeps its samples in its outbox, seals them and sends them over HTTP.

Nothing is short-cut: keys come from the seed, and the rest is what a real phone does with a real collector.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from aggregator.synthetic.radio import Air
from aggregator.synthetic.readings import samples_of
from aggregator.synthetic.volunteers import Phone
from aggregator.synthetic.world import Scenario, World
from client_sdk.enrolment import enrol
from client_sdk.home import Home
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import upload
from client_sdk.signing.keys import SigningKey
from collector.intake.devices import invite
from collector.serving import RunningCollector

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """What the phones handed in, as their receipts say."""

    phones: int
    samples: int
    envelopes: int
    rejected: int


def send(
    phones: list[Phone],
    world: World,
    air: Air,
    scenario: Scenario,
    collector: RunningCollector,
    now: datetime,
    homes: Path,
    progress: Progress | None = None,
) -> Sent:
    """Let every phone enrol and upload.

    Args:
        phones: volunteers and field team.
        world: what they move through.
        air: what they read there.
        scenario: the seed.
        collector: answers over HTTP.
        now: its clock, for the invitation of the field team.
        homes: one folder per phone appears in it, which ``MAILLE_HOME`` may name afterwards.
        progress: label and share done.
    """
    team = [phone for phone in phones if phone.field_team]
    code = invite(collector.store, "synthetic field team", len(team), timedelta(days=1), now)[0] if team else None
    samples = envelopes = rejected = 0
    with httpx.Client(timeout=60) as client:
        for number, phone in enumerate(phones, start=1):
            home = Home(homes / phone.name)
            home.folder.mkdir(parents=True, exist_ok=True)
            key = SigningKey.from_seed(hashlib.sha256(f"maille-demo/{scenario.seed}/{phone.name}".encode()).digest())
            home.device_key.write_bytes(key.pem())
            home.device_key.chmod(0o600)
            with Outbox(home.outbox) as outbox:
                outbox.add(samples_of(phone, world, air, scenario))
                enrol(collector.base_url, key, outbox, code if phone.field_team else None, client)
                summary = upload(outbox, key, client).checked()
            samples += summary.sent
            envelopes += summary.envelopes
            rejected += len(summary.rejected)
            if progress:
                progress(tr("phones send their samples", "envoi des téléphones"), number / len(phones))
    return Sent(len(phones), samples, envelopes, rejected)
