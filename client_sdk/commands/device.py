"""`maille device`: enrol at a collector, show what is known of this device."""

from typing import Annotated

import typer

from client_sdk.commands import device_check
from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey

commands = typer.Typer(no_args_is_help=True)
commands.command(
    "check",
    help=tr(
        "Say what this device can read of radio and position, and what is missing.",
        "Dire ce que l’appareil sait lire de la radio et de la position, et ce qui manque.",
    ),
)(device_check.command)


@commands.command(help=tr("Enrol this device at a collector.", "Enrôler cet appareil auprès d’un collecteur."))
def enrol(
    url: Annotated[str, typer.Argument(help=tr("Address of the collector.", "Adresse du collecteur."))],
    invitation: Annotated[
        str | None, typer.Option(help=tr("Code given to a field team.", "Code remis à une équipe de terrain."))
    ] = None,
    collector_key: Annotated[
        str | None,
        typer.Option(
            metavar="THUMBPRINT",
            help=tr("Thumbprint that the collector's key must have.", "Empreinte attendue de la clé du collecteur."),
        ),
    ] = None,
    accept_privacy_notice: Annotated[
        bool,
        typer.Option(
            "--accept-privacy-notice",
            help=tr("Accept the notice without being asked.", "Accepter la notice sans question."),
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the privacy notice, ask, enrol."""
    from client_sdk.enrolment import PrivacyNotice
    from client_sdk.enrolment import enrol as enrol_at

    def accept(notice: PrivacyNotice) -> bool:
        if accept_privacy_notice:
            return True
        if as_json:
            raise MailleError(
                tr(
                    "with --json, accept the privacy notice by --accept-privacy-notice",
                    "avec --json, acceptez la notice par --accept-privacy-notice",
                )
            )
        typer.echo(notice.text() + "\n")
        return typer.confirm(tr("Do you accept?", "Acceptez-vous ?"))

    home = field_home()
    key = SigningKey.load_or_create(home.device_key)
    with open_outbox(home) as outbox:
        pinned = enrol_at(url, key, outbox, invitation, collector_thumbprint=collector_key, accept_notice=accept)
    data = {
        "device": key.public.thumbprint,
        "tier": pinned.tier,
        "enrolled_at": pinned.enrolled_at,
        "collector": pinned.url,
        "collector_thumbprint": pinned.key.thumbprint,
    }
    answer(
        as_json,
        data,
        tr(
            f"Enrolled at {pinned.url} as {pinned.tier}.\nCollector's key: {pinned.key.thumbprint}",
            f"Enrôlé auprès de {pinned.url} comme {pinned.tier}.\nClé du collecteur : {pinned.key.thumbprint}",
        ),
    )


@commands.command(
    help=tr("Show this device's key and collectors.", "Afficher la clé et les collecteurs de l’appareil.")
)
def show(as_json: Json = False) -> None:
    """Show the device; nothing is created."""
    home = field_home()
    device = SigningKey.load(home.device_key).public.thumbprint if home.device_key.exists() else None
    collectors = []
    if home.outbox.exists():
        with open_outbox(home) as outbox:
            collectors = [
                {
                    "url": pinned.url,
                    "thumbprint": pinned.key.thumbprint,
                    "tier": pinned.tier,
                    "enrolled_at": pinned.enrolled_at,
                }
                for pinned in outbox.collectors()
            ]
    lines = [
        tr("Device", "Appareil") + f": {device or tr('no key yet', 'pas encore de clé')}",
        tr("Folder", "Dossier") + f": {home.folder}",
        *(f"{one['url']}  {one['tier']}  {one['enrolled_at']}  {one['thumbprint']}" for one in collectors),
    ]
    data = {"device": device, "folder": str(home.folder), "collectors": collectors}
    answer(as_json, data, "\n".join(lines))
