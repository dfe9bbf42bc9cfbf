"""``maille collector``: serve, migrate, archive; the rest is in :mod:`collector.commands`."""

import os
from dataclasses import asdict, replace
from typing import Annotated

import typer

from client_sdk.messages import tr
from collector.commands import judgement
from collector.commands.archive_check import Verify, check_archive
from collector.commands.devices import revoke, rotate_key
from collector.commands.invite import invite
from collector.commands.purge import purge
from collector.options import Data, Json
from collector.options import answer as _answer
from collector.options import progress_bar as _progress_bar
from collector.options import settings_of as _settings

commands = typer.Typer(
    no_args_is_help=True,
    help=tr("Receive, keep and archive samples.", "Recevoir, conserver et archiver les relevés."),
)

_FOR_THE_OWNER = 0o077


@commands.callback()
def _private(context: typer.Context) -> None:
    """Whatever a command makes, database, archive or key, is for its owner alone: it says where people were."""
    before = os.umask(_FOR_THE_OWNER)
    context.call_on_close(lambda: os.umask(before))


commands.command(
    help=tr(
        "Make a join link, with a code for a field team or without one for volunteers, and draw its QR code; list and "
        "revoke codes.",
        "Créer un lien d’enrôlement, avec un code pour une équipe de terrain ou sans pour des volontaires, et "
        "dessiner son QR code ; énumérer et révoquer les codes.",
    )
)(invite)
commands.command(
    context_settings={"ignore_unknown_options": True},  # a thumbprint may begin with a dash
    help=tr("Refuse a device from now on.", "Refuser un appareil désormais."),
)(revoke)
commands.command("rotate-key", help=tr("Change the collector's key.", "Changer la clé du collecteur."))(rotate_key)
commands.command(help=tr("Delete what was kept for long enough.", "Supprimer ce qui a été conservé assez longtemps."))(
    purge
)


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
def archive(verify: Verify = False, data: Data = None, as_json: Json = False) -> None:
    """Write the months whose samples changed since the last run, or compare them all."""
    if verify:
        with _progress_bar(tr("Verifying", "Vérification"), shown=not as_json) as progress:
            members, text = check_archive(_settings(data), progress)
        _answer(members, text, as_json)
        raise typer.Exit(0 if members["ok"] else 1)
    from collector.intake.erasure import erase_again
    from collector.plausibility.grounds import read_grounds
    from collector.plausibility.judging import judge_history
    from collector.secret import load_or_create_secret
    from collector.storage.archive import write_archive
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    settings = _settings(data)
    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        erase_again(store, settings)
        key = load_or_create_secret(settings.device_token_key)
        judge_history(store, read_grounds(settings))  # so that what is archived is settled
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


judgement.register(commands)
