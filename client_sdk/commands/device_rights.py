"""`maille device access`, `erase` and `rotate`: what the holder of a device's key may ask of its collectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from client_sdk.commands.terminal import Json, answer, open_outbox, progress_bar
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey

if TYPE_CHECKING:
    from client_sdk.outbox.queue import Outbox, PinnedCollector

_TIMEOUT_S = 120
"""Ours: a collector may have to gather a year of samples first."""

Url = Annotated[
    str | None,
    typer.Argument(
        help=tr(
            "Address of the collector, left ones too; may be left out where there is only one.",
            "Adresse du collecteur, quitté ou non ; facultative s’il n’y en a qu’un.",
        )
    ),
]


def access(
    url: Url = None,
    out: Annotated[
        Path | None,
        typer.Option(help=tr("File to write (maille-DEVICE.zip).", "Fichier à écrire (maille-APPAREIL.zip).")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a ZIP with all that the collector has."""
    import httpx

    from client_sdk.device_requests import download_copy
    from client_sdk.enrolment import renewed

    home = field_home()
    with open_outbox(home) as outbox, httpx.Client(timeout=_TIMEOUT_S) as client, progress_bar(as_json) as progress:
        collector = renewed(outbox, _named(outbox, url), client)
        key = SigningKey.load(home.device_key)
        file = out or Path(f"maille-{key.public.thumbprint[:8]}.zip")
        size = download_copy(collector, key, file, client, progress)
    answer(
        as_json,
        {"collector": collector.url, "file": str(file), "bytes": size},
        tr(
            f"{file}: all that {collector.url} has of this device, {size} bytes. Its README says what is in it.",
            f"{file} : tout ce que {collector.url} a de cet appareil, {size} octets. Son README dit ce qu’il contient.",
        ),
    )


def erase(
    url: Url = None,
    yes: Annotated[bool, typer.Option("--yes", help=tr("Do not ask.", "Ne pas demander."))] = False,
    as_json: Json = False,
) -> None:
    """Say what happens, ask, have it erased, and leave."""
    import httpx

    from client_sdk.device_requests import erase_at
    from client_sdk.enrolment import renewed
    from client_sdk.outbox.pins import forget_erased
    from client_sdk.outbox.sealed_files import write_whole

    home = field_home()
    with open_outbox(home) as outbox, httpx.Client(timeout=_TIMEOUT_S) as client:
        collector = _named(outbox, url)
        if not yes:
            if as_json:
                raise MailleError(tr("with --json, confirm by --yes", "avec --json, confirmez par --yes"))
            typer.echo(_what_happens(collector.url))
            sure = typer.prompt(tr("Erase? [y/N]", "Effacer ? [o/N]"), default="", show_default=False)
            if sure.strip().lower() not in ("y", "yes", "o", "oui"):
                raise typer.Abort
        collector = renewed(outbox, collector, client)
        key = SigningKey.load(home.device_key)
        erased = erase_at(collector, key, client)
        day = erased.erased_at[:10]
        receipt = home.folder / f"erasure-{day}-{collector.key.thumbprint[:8]}.jws"
        write_whole(receipt, erased.receipt.encode() + b"\n")
        forget_erased(outbox, collector)
    data = {
        "collector": collector.url,
        "erased_at": erased.erased_at,
        "samples": erased.samples,
        "envelopes": erased.envelopes,
        "receipt": str(receipt),
    }
    answer(
        as_json,
        data,
        tr(
            f"{collector.url} erased {erased.samples} samples and {erased.envelopes} envelopes, and this device has "
            f"left it. Its signed word: {receipt}",
            f"{collector.url} a effacé {erased.samples} relevés et {erased.envelopes} enveloppes, et cet appareil l’a "
            f"quitté. Sa parole signée : {receipt}",
        ),
    )


def rotate(
    skip: Annotated[
        list[str] | None,
        typer.Option(
            metavar="URL",
            help=tr(
                "Go on without this collector: this device can then no longer see or erase what it has there.",
                "Continuer sans ce collecteur : cet appareil ne pourra plus y voir ni effacer ce qu’il a.",
            ),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Change the key everywhere, or go on with a change that was cut short."""
    import httpx

    from client_sdk.errors import CollectorError
    from client_sdk.key_rotation import rotate_key
    from client_sdk.survey.control import survey_lock

    home = field_home()
    if not home.device_key.exists():
        raise MailleError(tr("this device has no key yet", "cet appareil n’a pas encore de clé"))
    with survey_lock(home.folder), open_outbox(home) as outbox, httpx.Client(timeout=_TIMEOUT_S) as client:
        try:
            rotated = rotate_key(home, outbox, client, [one.rstrip("/") for one in skip or ()])
        except CollectorError as error:
            again = tr(
                "; the old key stays in use: run `maille device rotate` again",
                " ; l’ancienne clé reste en usage : relancez `maille device rotate`",
            )
            raise CollectorError(f"{error}{again}", error.status, error.retry_after_s, error.rule) from error
    everywhere = ", ".join(rotated.collectors) or "—"
    data = {
        "previous": rotated.previous,
        "device": rotated.device,
        "collectors": list(rotated.collectors),
        "skipped": list(rotated.skipped),
    }
    answer(
        as_json,
        data,
        tr(
            f"This device’s key is now {rotated.device}; {rotated.previous} is gone. Known to: {everywhere}",
            f"La clé de cet appareil est désormais {rotated.device} ; {rotated.previous} n’existe plus. Connue de : "
            f"{everywhere}",
        ),
    )


def _what_happens(url: str) -> str:
    return tr(
        f"{url} erases everything that this device sent it, under whatever key: samples, signed envelopes, records of "
        "transfers, and what ties them to this device, from its database and its archive. It keeps a digest by which "
        "it erases them again should a backup be restored. What was published already points at nobody, and stays. "
        "This device leaves it; other collectors and the samples here are not touched. This cannot be undone.",
        f"{url} efface tout ce que cet appareil lui a envoyé, sous toutes ses clés : relevés, enveloppes signées, "
        "traces des transferts et ce qui les relie à lui, de sa base et de son archive. Il garde une empreinte qui lui "
        "permet de les effacer de nouveau si une copie de secours est restaurée. Ce qui est déjà publié ne désigne "
        "personne et reste. Cet appareil le quitte ; les autres collecteurs et les relevés d’ici ne changent pas. "
        "C’est définitif.",
    )


def _named(outbox: Outbox, url: str | None) -> PinnedCollector:
    """The collector at an address, or the only one that is known.

    Raises:
        MailleError: there is none there, or not only one.
    """
    from client_sdk.outbox.pins import every_collector

    known = every_collector(outbox)
    urls = ", ".join(collector.url for collector in known) or "—"
    if url is None and len(known) == 1:
        return known[0]
    for collector in known:
        if url is not None and url.partition("#")[0].rstrip("/") == collector.url:
            return collector
    named = url or tr("which collector?", "quel collecteur ?")
    raise MailleError(tr(f"{named}: this device knows {urls}", f"{named} : cet appareil connaît {urls}"))
