"""``maille collector invite``: join links for volunteers, and codes for field teams."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.bounds import instant_text
from client_sdk.messages import counted, minute_text, tr
from collector.options import Data, Json, answer, settings_of
from collector.settings import Settings


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
    listed: Annotated[
        bool,
        typer.Option("--list", help=tr("List the codes; they are not shown.", "Énumérer les codes, sans les montrer.")),
    ] = False,
    revoked: Annotated[
        str | None,
        typer.Option(
            "--revoke",
            metavar="LABEL",
            help=tr(
                "Let nobody use the codes of this label any more, or the one whose digest begins so. Devices that "
                "used one keep their tier.",
                "Ne plus laisser utiliser les codes de ce libellé, ou celui dont l’empreinte commence ainsi. Les "
                "appareils déjà enrôlés gardent leur niveau.",
            ),
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Print the link; a code makes devices a field team's, is shown once and kept only as a digest."""
    from client_sdk.join_link import read_join_link
    from collector.commands.invitations import list_codes, revoke_codes
    from collector.join_code import picture_kind

    settings = settings_of(data)
    if listed or revoked is not None:
        if label is not None or (listed and revoked is not None):
            raise typer.BadParameter(tr("--list and --revoke go alone", "--list et --revoke vont seules"))
        return list_codes(settings, as_json) if revoked is None else revoke_codes(settings, revoked, as_json)
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
        members = {"invitation": code, "label": label, "devices": devices}
        members["expires_at"] = instant_text(expires_at)
        whose, last = counted(devices, "device(s) of ", "appareil(s) de ") + label, minute_text(expires_at)
        until = tr(
            f"For {whose}, until {last}. The code is not shown again.",
            f"Pour {whose}, jusqu’au {last}. Ce code ne sera plus affiché.",
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
    return answer(members, "\n".join(lines), as_json)


def _invitation(settings: Settings, label: str, devices: int, days: int) -> tuple[str, datetime]:
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
    return code, invitation.expires_at


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
