"""``maille collector``: serve, migrate, archive, invite."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.bounds import instant_text
from client_sdk.messages import tr
from collector.options import Data

# at once, so that an installation without the server's packages is told so before a command runs
from collector.settings import Settings

commands = typer.Typer(
    no_args_is_help=True,
    help=tr("Receive, keep and archive samples.", "Recevoir, conserver et archiver les relevés."),
)

Json = Annotated[bool, typer.Option("--json", help=tr("Answer in JSON.", "Répondre en JSON."))]


@commands.command(help=tr("Serve the collector over HTTP.", "Servir le collecteur en HTTP."))
def serve(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help=tr("Address to listen on (127.0.0.1).", "Adresse d'écoute (127.0.0.1)."))
    ] = None,
    port: Annotated[
        int | None, typer.Option(help=tr("TCP port; 0: any (8420).", "Port TCP ; 0 : au choix (8420)."))
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help=tr("Processes, each on a core of its own (1).", "Processus, chacun sur un cœur à lui (1).")),
    ] = None,
    as_json: Json = False,
) -> None:
    """Serve until interrupted; a fresh SQLite file is migrated first."""

    def announce(address: str, thumbprint: str) -> None:
        message = tr(
            f"Collector listens on {address}, key {thumbprint}. Stop it with Ctrl-C.",
            f"Le collecteur écoute sur {address}, clé {thumbprint}. Arrêt par Ctrl-C.",
        )
        _answer({"url": address, "collector_thumbprint": thumbprint}, message, as_json)

    from collector.serving import serve_forever

    settings = _settings(data)
    settings = replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )
    try:
        serve_forever(settings, announce)
    except KeyboardInterrupt:
        return


@commands.command(
    "measure-server",
    help=tr(
        "Serve the measuring endpoints alone, on the data of a collector.",
        "Servir seulement les points de mesure, sur les données d’un collecteur.",
    ),
)
def measure_server(
    data: Data = None,
    host: Annotated[
        str | None, typer.Option(help=tr("Address to listen on (127.0.0.1).", "Adresse d'écoute (127.0.0.1)."))
    ] = None,
    port: Annotated[
        int, typer.Option(help=tr("TCP port, and UDP port of echoes.", "Port TCP, et port UDP des échos."))
    ] = 8421,
    open_to_all: Annotated[
        bool,
        typer.Option(
            "--open",
            help=tr(
                "Measure without a token too: for a closed network only. Such transfers are not witnessed.",
                "Mesurer aussi sans jeton : pour un réseau fermé seulement. Ces transferts n’ont pas de témoin.",
            ),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve ndt7 and echoes until interrupted."""

    def announce(address: str, _: str) -> None:
        place = address.replace("http", "ws", 1)
        message = tr(
            f"Measuring server listens on {place}. Devices are sent here by MAILLE_MEASUREMENT_URL of the collector. "
            "Stop it with Ctrl-C.",
            f"Le serveur de mesure écoute sur {place}. Les appareils y sont envoyés par MAILLE_MEASUREMENT_URL du "
            "collecteur. Arrêt par Ctrl-C.",
        )
        _answer({"url": place, "open": open_to_all}, message, as_json)

    from collector.serving import serve_forever

    settings = _settings(data)
    settings = replace(settings, host=settings.host if host is None else host, port=port)
    try:
        serve_forever(settings, announce, only_measuring=True, open_to_all=open_to_all)
    except KeyboardInterrupt:
        return


@commands.command(help=tr("Bring the database up to date.", "Mettre la base de données à niveau."))
def migrate(data: Data = None, as_json: Json = False) -> None:
    """Apply the migrations that are missing."""
    from collector.storage.migration import head_revision
    from collector.storage.migration import migrate as upgrade

    upgrade(_settings(data).database_url)
    revision = head_revision()
    message = tr(f"The database is at revision {revision}.", f"La base de données est à la révision {revision}.")
    _answer({"revision": revision}, message, as_json)


@commands.command(help=tr("Write the Parquet archive, by month.", "Écrire l'archive Parquet, mois par mois."))
def archive(data: Data = None, as_json: Json = False) -> None:
    """Write the months whose samples changed since the last run."""
    from collector.secret import load_or_create_secret
    from collector.storage.archive import write_archive
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    settings = _settings(data)
    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        key = load_or_create_secret(settings.device_token_key)
        with _progress_bar(tr("Archive", "Archive"), shown=not as_json) as progress:
            summary = write_archive(store, settings.archive, key, progress)
    finally:
        store.close()
    months = len(summary.written) + len(summary.unchanged)
    message = tr(
        f"{settings.archive}: {summary.samples} samples in {months} months, {len(summary.written)} written.",
        f"{settings.archive} : {summary.samples} relevés sur {months} mois, dont {len(summary.written)} écrits.",
    )
    _answer({"archive": str(settings.archive), **asdict(summary)}, message, as_json)


@commands.command(
    help=tr(
        "Make a join link, with a code for a field team or without one for volunteers, and draw its QR code.",
        "Créer un lien d’enrôlement, avec un code pour une équipe de terrain ou sans pour des volontaires, et "
        "dessiner son QR code.",
    )
)
def invite(
    label: Annotated[
        str | None,
        typer.Argument(
            help=tr(
                "Which team or campaign; left out: a link for volunteers, who need no code.",
                "Quelle équipe ou campagne ; sans elle : un lien pour les volontaires, sans code.",
            ),
            metavar="LABEL",
        ),
    ] = None,
    devices: Annotated[
        int,
        typer.Option(
            min=1, max=10_000, help=tr("How many devices may use it.", "Nombre d'appareils qui peuvent l'utiliser.")
        ),
    ] = 1,
    days: Annotated[
        int, typer.Option(min=1, max=366, help=tr("For how many days.", "Durée de validité en jours."))
    ] = 30,
    url: Annotated[
        str | None,
        typer.Option(
            envvar="MAILLE_PUBLIC_URL",
            help=tr(
                "Address by which devices reach this collector, https://…",
                "Adresse par laquelle les appareils joignent ce collecteur, https://…",
            ),
        ),
    ] = None,
    svg: Annotated[
        Path | None, typer.Option(help=tr("Write the QR code to this file.", "Écrire le QR code dans ce fichier."))
    ] = None,
    png: Annotated[
        Path | None, typer.Option(help=tr("Write the QR code to this file.", "Écrire le QR code dans ce fichier."))
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print the link; a code makes devices a field team's, is shown once and kept only as a digest."""
    from client_sdk.join_link import read_join_link
    from collector.join_code import picture_kind

    settings = _settings(data)
    pictures = [picture for picture in (svg, png) if picture]
    if url is None and (pictures or label is None):
        raise typer.BadParameter(tr("--url is needed for a link", "--url est nécessaire pour un lien"))
    for picture in pictures:
        picture_kind(picture)
    address = read_join_link(url).url if url else None
    members: dict[str, object] = {}
    lines = []
    if label is not None:
        code, expires_at = _invitation(settings, label, devices, days)
        members = {"invitation": code, "label": label, "devices": devices, "expires_at": expires_at}
        until = tr(
            f"For {devices} devices of {label}, until {expires_at}. The code is not shown again.",
            f"Pour {devices} appareils de {label}, jusqu'au {expires_at}. Ce code ne sera plus affiché.",
        )
        lines = [code, until]
    if address is None:
        lines.append(
            tr("With --url, the join link and its QR code too.", "Avec --url, le lien d’enrôlement et son QR code.")
        )
    else:
        link = _join_link(settings, address, members.get("invitation"))
        members["link"] = link
        lines += [link, *_drawn(link, pictures, as_json)]
    _answer(members, "\n".join(lines), as_json)


def _invitation(settings: Settings, label: str, devices: int, days: int) -> tuple[str, str]:
    """A code, and until when it holds."""
    from collector.intake.devices import invite as make_invitation
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        code, invitation = make_invitation(store, label, devices, timedelta(days=days), datetime.now(UTC))
    finally:
        store.close()
    return code, instant_text(invitation.expires_at)


def _join_link(settings: Settings, address: str, code: object) -> str:
    from client_sdk.join_link import JoinLink
    from client_sdk.signing.keys import SigningKey

    thumbprint = SigningKey.load_or_create(settings.collector_key).public.thumbprint
    return JoinLink(address, thumbprint, str(code) if code else None).text()


def _drawn(link: str, pictures: list[Path], as_json: bool) -> list[str]:
    """Write the pictures; the code for the terminal, and how to use it."""
    from collector.join_code import terminal_text, write_picture

    for picture in pictures:
        write_picture(link, picture)
    if as_json:
        return []
    return [
        terminal_text(link, coloured=sys.stdout.isatty()),
        tr(
            "The phone’s camera reads it and gives the link to copy: maille device enrol 'LINK'",
            "L’appareil photo du téléphone le lit et donne le lien à copier : maille device enrol 'LIEN'",
        ),
    ]


def _settings(data: Path | None) -> Settings:
    given = {} if data is None else {"MAILLE_DATA": str(data)}
    return Settings.from_environment({**os.environ, **given})


def _answer(members: dict[str, object], message: str, as_json: bool) -> None:
    typer.echo(json.dumps(members, ensure_ascii=False) if as_json else message)


@contextmanager
def _progress_bar(label: str, *, shown: bool) -> Iterator[Callable[[str, float], None] | None]:
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda step, fraction: bar.update(task, completed=fraction, description=f"{label} {step}")
