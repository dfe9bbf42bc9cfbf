"""`maille device`: join a collector and leave it, hide places, show what is known of this device."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_sdk.bounds import instant_text
from client_sdk.commands.device_check import command as check
from client_sdk.commands.device_places import hide, unhide
from client_sdk.commands.device_rights import access, erase, rotate
from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.home import Home, field_home
from client_sdk.messages import tier_name, tr
from client_sdk.outbox.hidden_areas import read_areas
from client_sdk.signing.keys import SigningKey

if TYPE_CHECKING:
    from client_sdk.enrolment import PrivacyNotice
    from client_sdk.outbox.queue import Outbox, PinnedCollector

commands = typer.Typer(no_args_is_help=True)


@commands.command(help=tr("Enrol this device at a collector.", "Enrôler cet appareil auprès d’un collecteur."))
def enrol(
    link: Annotated[
        str,
        typer.Argument(
            metavar="LINK",
            help=tr(
                "Join link given by the project, in quotes, or the collector’s address. A QR code is read by the "
                "phone’s camera, which gives the link to copy.",
                "Lien d’enrôlement remis par le projet, entre apostrophes, ou adresse du collecteur. Un QR code se "
                "lit avec l’appareil photo du téléphone, qui donne le lien à copier.",
            ),
        ),
    ],
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
    from client_sdk.enrolment import enrol as enrol_at
    from client_sdk.join_link import read_join_link

    join = read_join_link(link)
    home = field_home()
    key = SigningKey.load_or_create(home.device_key)
    with open_outbox(home) as outbox:

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
            typer.echo(f"{notice.text()}\n\n{_about_this_device(outbox, join.url)}\n")
            return _is_yes(
                typer.prompt(tr("Do you accept? [y/N]", "Acceptez-vous ? [o/N]"), default="", show_default=False)
            )

        pinned = enrol_at(
            join.url,
            key,
            outbox,
            invitation or join.invitation,
            collector_thumbprint=collector_key or join.thumbprint,
            accept_notice=accept,
            key_created_at=instant_text(datetime.fromtimestamp(home.device_key.stat().st_mtime, UTC)),
        )
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
            f"Enrolled at {pinned.url} as {tier_name(pinned.tier)}.\nCollector's key: {pinned.key.thumbprint}\n"
            "To hide the surroundings of your home: `maille device hide LAT,LON`.",
            f"Enrôlé auprès de {pinned.url} comme {tier_name(pinned.tier)}.\n"
            f"Clé du collecteur : {pinned.key.thumbprint}\n"
            "Pour masquer les alentours de votre domicile : `maille device hide LAT,LON`.",
        ),
    )


def _is_yes(text: str) -> bool:
    """Whether an answer is a yes, in either language."""
    return text.strip().lower() in ("y", "yes", "o", "oui")


def _about_this_device(outbox: Outbox, url: str) -> str:
    """What the notice cannot know: what this program does, and what is here already."""
    here = outbox.connection.execute("SELECT count(*) FROM samples WHERE line IS NOT NULL").fetchone()[0]
    waiting = tr(
        f" {here} samples are here already: they will be sent there too.",
        f" {here} relevés sont déjà ici : ils y seront envoyés aussi.",
    )
    return tr(
        "On this device: samples wait until the collector has signed for them, and their text is forgotten 30 days "
        f"after, at the latest. To leave: `maille device leave {url}`; nothing more is sent there from then on.",
        "Sur cet appareil : les relevés attendent que le collecteur ait signé leur reçu ; leur texte est oublié 30 "
        f"jours après au plus tard. Pour partir : `maille device leave {url}` ; dès lors plus rien n’y est envoyé.",
    ) + (waiting if here else "")


@commands.command(help=tr("Send nothing more to a collector.", "Ne plus rien envoyer à un collecteur."))
def leave(
    url: Annotated[
        str | None,
        typer.Argument(
            help=tr(
                "Address of the collector; may be left out where there is only one.",
                "Adresse du collecteur ; facultative s’il n’y en a qu’un.",
            )
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Leave; what the collector has, it keeps until it is asked to erase it."""
    home = field_home()
    with open_outbox(home) as outbox:
        collector = _collector_at(outbox, url)
        outbox.leave(collector)
        left = [one.url for one in outbox.collectors()]
    answer(
        as_json,
        {"left": collector.url, "collectors": left},
        tr(
            f"Nothing more is sent to {collector.url}. What it has, it keeps: to have it erased, "
            f"`maille device erase {collector.url}`.",
            f"Plus rien n’est envoyé à {collector.url}. Ce qu’il a, il le garde : pour le faire effacer, "
            f"`maille device erase {collector.url}`.",
        ),
    )


def _collector_at(outbox: Outbox, url: str | None) -> PinnedCollector:
    """The collector at an address, or the only one.

    Raises:
        MailleError: there is none there, or not only one.
    """
    known = outbox.collectors()
    urls = ", ".join(collector.url for collector in known) or "—"
    if url is None:
        if len(known) == 1:
            return known[0]
        raise MailleError(tr(f"say which to leave; enrolled at: {urls}", f"dites lequel quitter ; enrôlé à : {urls}"))
    for collector in known:
        if url.partition("#")[0].rstrip("/") == collector.url:
            return collector
    raise MailleError(
        tr(f"{url}: not enrolled there; enrolled at: {urls}", f"{url} : appareil non enrôlé là ; enrôlé à : {urls}")
    )


@commands.command(
    help=tr(
        "Show this device's key, collectors and hidden areas.",
        "Afficher la clé, les collecteurs et les zones masquées de l’appareil.",
    )
)
def show(as_json: Json = False) -> None:
    """Show the device; nothing is created."""
    home = field_home()
    device = SigningKey.load(home.device_key).public.thumbprint if home.device_key.exists() else None
    collectors, areas = _known_here(home)
    lines = [
        tr("Device: ", "Appareil : ") + (device or tr("no key yet", "pas encore de clé")),
        tr("Folder: ", "Dossier : ") + str(home.folder),
        *(
            [
                tr(
                    "A change of key was cut short: run `maille device rotate` again.",
                    "Un changement de clé est resté inachevé : relancez `maille device rotate`.",
                )
            ]
            if home.next_device_key.exists()
            else []
        ),
        *(f"{one['url']}  {tier_name(one['tier'])}  {one['enrolled_at']}  {one['thumbprint']}" for one in collectors),
        *(
            tr(
                f"Hidden area {one['id']}: {one['radius_m']:.0f} m around {one['latitude']:.4f}, {one['longitude']:.4f}"
                " (not centred on the place that it hides)",
                f"Zone masquée {one['id']} : {one['radius_m']:.0f} m autour de {one['latitude']:.4f}, "
                f"{one['longitude']:.4f} (son centre n’est pas le lieu qu’elle masque)",
            )
            for one in areas
        ),
    ]
    data = {"device": device, "folder": str(home.folder), "collectors": collectors, "hidden_areas": areas}
    answer(as_json, data, "\n".join(lines))


def _known_here(home: Home) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    from dataclasses import asdict

    if not home.outbox.exists():
        return [], []
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
        return collectors, [asdict(area) for area in read_areas(outbox.connection)]


commands.command(
    context_settings={"ignore_unknown_options": True},  # a latitude south of the equator begins with a dash
    help=tr(
        "Keep no sample around a place, your home say; it is written nowhere.",
        "Ne garder aucun relevé autour d’un lieu, votre domicile par exemple ; il n’est écrit nulle part.",
    ),
)(hide)
commands.command(help=tr("Keep samples again in a hidden area.", "Garder de nouveau les relevés d’une zone masquée."))(
    unhide
)
commands.command(
    "check",
    help=tr(
        "Say which radio and position sources work here, what is missing and how to get it.",
        "Dire quelles sources radio et de position marchent ici, ce qui manque et comment l’obtenir.",
    ),
)(check)
commands.command(
    help=tr(
        "Get a copy of all that a collector has of this device.",
        "Obtenir copie de tout ce qu’un collecteur a de cet appareil.",
    )
)(access)
commands.command(
    help=tr(
        "Have a collector erase all that it has of this device, and leave it.",
        "Faire effacer par un collecteur tout ce qu’il a de cet appareil, et le quitter.",
    )
)(erase)
commands.command(
    help=tr(
        "Change this device's key, at every collector; again, where it was cut short.",
        "Changer la clé de l’appareil, auprès de chaque collecteur ; à relancer si c’est interrompu.",
    )
)(rotate)
