"""`maille upload`: send what is pending, or what a folder carries. Transport trouble, refusal and rejection differ."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_sdk.commands.terminal import (
    Json,
    answer,
    exit_code,
    open_outbox,
    progress_bar,
    warn,
)
from client_sdk.errors import CollectorError, MailleError, ReceiptError
from client_sdk.exit_codes import REFUSED, SOME_REJECTED, UNREACHABLE
from client_sdk.home import Home, field_home
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey

if TYPE_CHECKING:
    import httpx

    from client_sdk.outbox.carrying import Carried, CarriedHome
    from client_sdk.outbox.queue import PinnedCollector
    from client_sdk.outbox.upload import CollectorUpload

CONNECT_TIMEOUT_S = 15
"""Ours: a collector that does not answer keeps the others waiting no longer."""


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help=tr(
                "Send the envelopes that `maille export` wrote into a folder, of whatever device.",
                "Envoyer les enveloppes que `maille export` a écrites dans un dossier, de n’importe quel appareil.",
            )
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="LINK",
            help=tr(
                "With a folder: join link or address of their collector, where this machine is not enrolled there.",
                "Avec un dossier : lien ou adresse de leur collecteur, si cette machine n’y est pas enrôlée.",
            ),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Send at once, whatever failed before; a measurement that runs is waited for."""
    if folder is None:
        if to:
            raise typer.BadParameter(tr("--to goes with a folder", "--to va avec un dossier"))
        _upload_pending(as_json)
    else:
        _upload_folder(folder, to, as_json)


def _upload_pending(as_json: bool) -> None:
    """Send, then say what was stored, known, rejected or still waits, by collector."""
    import httpx

    from client_sdk.outbox.delivery import Delivery
    from client_sdk.outbox.upload import upload

    home = field_home()
    with open_outbox(home) as outbox:
        key = SigningKey.load_or_create(home.device_key)
        with (
            httpx.Client(timeout=httpx.Timeout(60, connect=CONNECT_TIMEOUT_S)) as client,
            progress_bar(as_json) as progress,
        ):
            summary = upload(outbox, key, client, progress, by_hand=True)
        pending = outbox.counts().pending
        data: dict[str, Any] = {
            "sent": summary.sent,
            "duplicates": summary.duplicates,
            "rejected": [asdict(one) for one in summary.rejected],
            "pending": pending,
            "trouble": str(summary.trouble) if summary.trouble else None,
            "collectors": [
                _present(one, Delivery(outbox, one.collector).counts().pending) for one in summary.collectors
            ],
        }
    lines = [_told(one) for one in data["collectors"]]
    lines += [
        tr(
            f"  rejected {one.id}: {one.message or one.rule}",
            f"  rejeté {one.id} : {one.message or one.rule}",
        )
        for one in summary.rejected
    ]
    answer(as_json, data, "\n".join(lines))
    troubles = [one.trouble for one in summary.collectors if one.trouble]
    for trouble in troubles:
        warn(str(trouble))
    _end(troubles, rejected=len(summary.rejected))


def _present(one: CollectorUpload, pending: int) -> dict[str, Any]:
    return {
        "url": one.collector.url,
        "sent": one.sent,
        "duplicates": one.duplicates,
        "rejected": len(one.rejected),
        "pending": pending,
        "trouble": str(one.trouble) if one.trouble else None,
    }


def _told(one: dict[str, Any]) -> str:
    known = (
        tr(f" ({one['duplicates']} were known)", f" ({one['duplicates']} étaient connus)") if one["duplicates"] else ""
    )
    sent = one["sent"] + one["duplicates"]
    return tr(
        f"{one['url']}: {sent} samples sent{known}, {one['pending']} pending.",
        f"{one['url']} : {sent} relevés envoyés{known}, {one['pending']} en attente.",
    )


def _upload_folder(folder: Path, to: str | None, as_json: bool) -> None:
    """Carry the envelopes of a folder, and settle this device's own from the receipts that are there."""
    import httpx

    from client_sdk.outbox.carrying import carry, settle_from

    if not folder.is_dir():
        raise MailleError(tr(f"{folder}: no such folder", f"{folder} : dossier introuvable"))
    home = field_home()
    with (
        httpx.Client(timeout=httpx.Timeout(60, connect=CONNECT_TIMEOUT_S)) as client,
        progress_bar(as_json) as progress,
    ):
        collectors = _known_collectors(home)
        if to:
            collectors.append(_collector_of(to, folder, client))
        carried = carry(folder, collectors, client, quiet_folder=home.folder, progress=progress)
    came_home: CarriedHome | None = None
    if home.outbox.exists() and home.device_key.exists():
        with open_outbox(home) as outbox:
            came_home = settle_from(outbox, SigningKey.load(home.device_key).public, folder)
    _tell_carried(carried, came_home, as_json)


def _known_collectors(home: Home) -> list[PinnedCollector]:
    if not home.outbox.exists():
        return []
    with open_outbox(home) as outbox:
        return list(outbox.collectors())


def _collector_of(link: str, folder: Path, client: httpx.Client) -> PinnedCollector:
    """The collector of a link or address; without a key in it, one that the envelopes themselves name."""
    from client_sdk.enrolment import read_status
    from client_sdk.join_link import read_join_link
    from client_sdk.outbox.queue import PinnedCollector
    from client_sdk.outbox.sealed_files import read_sealed

    join = read_join_link(link)
    status = read_status(join.url, client)
    named = {addressee.thumbprint for file in read_sealed(folder)[0] for addressee in file.addressees}
    expected = {join.thumbprint} if join.thumbprint else named
    if not any(status.follows(thumbprint) for thumbprint in expected):
        raise MailleError(
            tr(
                f"{join.url} shows the key {status.key.thumbprint}: these envelopes are not for it",
                f"{join.url} présente la clé {status.key.thumbprint} : ces enveloppes ne lui sont pas destinées",
            )
        )
    return PinnedCollector(status.url, status.key, "", "")


def _tell_carried(carried: Carried, came_home: CarriedHome | None, as_json: bool) -> None:
    data: dict[str, Any] = {
        "envelopes": carried.envelopes,
        "stored": carried.stored,
        "duplicates": carried.duplicates,
        "rejected": carried.rejected,
        "arrived_before": carried.arrived_before,
        "unknown_collectors": list(carried.unknown),
        "troubles": [{"file": one.path.name, "url": one.url, "trouble": str(one.error)} for one in carried.troubles],
        "unusable": [path.name for path in carried.unusable],
        "settled_here": None if came_home is None else came_home.sent + came_home.duplicates + came_home.rejected,
    }
    lines = [
        tr(
            f"{carried.envelopes} envelopes arrived ({carried.stored} samples stored, {carried.duplicates} known, "
            f"{carried.rejected} rejected), {carried.arrived_before} had arrived before.",
            f"{carried.envelopes} enveloppes arrivées ({carried.stored} relevés enregistrés, {carried.duplicates} "
            f"connus, {carried.rejected} rejetés), {carried.arrived_before} l’étaient déjà.",
        )
    ]
    if data["settled_here"]:
        lines.append(
            tr(
                f"{data['settled_here']} samples of this device are settled by receipts from there.",
                f"{data['settled_here']} relevés de cet appareil sont réglés par les reçus trouvés là.",
            )
        )
    answer(as_json, data, "\n".join(lines))
    for url in carried.unknown:
        warn(
            tr(
                f"not sent to {url}: its key is not known here; give its join link or address with --to",
                f"rien envoyé à {url} : sa clé n’est pas connue ici ; donnez son lien ou son adresse avec --to",
            )
        )
    for path in carried.unusable:
        warn(tr(f"{path}: is no whole envelope", f"{path} : n’est pas une enveloppe entière"))
    for path in came_home.disbelieved if came_home else ():
        warn(tr(f"{path}: is no receipt of the collector", f"{path} : n’est pas un reçu du collecteur"))
    for one in carried.troubles:
        warn(f"{one.path.name}: {one.error}")
    if carried.unknown and not carried.envelopes and not carried.arrived_before:
        raise typer.Exit(1)
    _end([one.error for one in carried.troubles], rejected=carried.rejected)


def _end(troubles: list[CollectorError | ReceiptError], *, rejected: int) -> None:
    """Leave with the gravest code: a refusal needs a person, trouble on the way only time."""
    codes = {exit_code(trouble) for trouble in troubles}
    for code in (REFUSED, UNREACHABLE):
        if code in codes:
            raise typer.Exit(code)
    if rejected:
        raise typer.Exit(SOME_REJECTED)
