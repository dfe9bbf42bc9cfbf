"""``maille collector rejudge`` and ``maille collector device``: flags of stored samples."""

from typing import Annotated

import typer

from client_sdk.messages import tr
from collector.options import Data, Json, answer, progress_bar, settings_of


def register(commands: typer.Typer) -> None:
    """Add the commands to the group."""
    commands.command(
        help=tr(
            "Apply the plausibility rules to everything stored, and tell what changes.",
            "Appliquer les règles de plausibilité à tout ce qui est stocké, et dire ce qui change.",
        )
    )(rejudge)
    commands.command(
        context_settings={"ignore_unknown_options": True},  # a thumbprint may begin with a dash
        help=tr("Show a device and its flags.", "Montrer un appareil et ses signalements."),
    )(device)


def rejudge(
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help=tr("Tell what would change, write nothing.", "Dire sans rien écrire.")),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Judge every device anew."""
    from collector.plausibility.grounds import read_grounds
    from collector.plausibility.judging import judge_history
    from collector.plausibility.judging_report import report_members, report_text
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    settings = settings_of(data)
    prepare_database(settings)
    grounds = read_grounds(settings)
    store = Store(settings.database_url)
    try:
        with progress_bar(tr("Judging", "Jugement"), shown=not as_json) as progress:
            judged = judge_history(store, grounds, everything=True, dry_run=dry_run, progress=progress)
    finally:
        store.close()
    answer({"dry_run": dry_run, **report_members(judged)}, report_text(judged, dry_run=dry_run), as_json)


def device(
    thumbprint: Annotated[
        str, typer.Argument(help=tr("Thumbprint of the device’s key.", "Empreinte de la clé de l’appareil."))
    ],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show what is known of a device and of its samples' flags."""
    from collector.plausibility.device_page import device_page, page_text
    from collector.storage.migration import prepare_database
    from collector.storage.store import Store

    settings = settings_of(data)
    prepare_database(settings)
    store = Store(settings.database_url)
    try:
        page = device_page(store, thumbprint)
    finally:
        store.close()
    answer(page, page_text(page), as_json)
