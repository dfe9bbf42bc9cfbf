"""`maille serve`: the public's releases for everybody, or the team's for the team alone."""

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.commands.options import PORT, Port, data_directory, serve_map
from client_sdk.commands.terminal import Json
from client_sdk.errors import MailleError
from client_sdk.messages import tr
from collector.options import Data

if TYPE_CHECKING:
    from aggregator.publication.gate import Login
    from aggregator.publication.password import PasswordHash

PASSWORD = "MAILLE_TEAM_PASSWORD"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # a token of RFC 9110


def serve(
    team: Annotated[
        bool,
        typer.Option(
            "--team",
            help=tr(
                "The project team's releases, behind a password or a proxy's login.",
                "Les publications de l’équipe-projet, derrière un mot de passe ou l’identification d’un mandataire.",
            ),
        ),
    ] = False,
    password_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=tr(
                f"Hash of the team's password; asked for where there is no such file yet. Or {PASSWORD} says it.",
                "Empreinte du mot de passe de l’équipe ; demandé si le fichier n’existe pas encore. Ou "
                f"{PASSWORD} le donne.",
            ),
        ),
    ] = None,
    behind_proxy: Annotated[
        bool,
        typer.Option(
            "--behind-proxy",
            help=tr(
                "Only a proxy with HTTPS of yours reaches this address: `X-Forwarded-For` is believed.",
                "Seul un mandataire HTTPS à vous atteint cette adresse : `X-Forwarded-For` est cru.",
            ),
        ),
    ] = False,
    proxy_login: Annotated[
        str | None,
        typer.Option(
            metavar="HEADER",
            help=tr(
                "No password: a reverse proxy on this machine has its own login, and names the person in this header.",
                "Pas de mot de passe : un mandataire sur cette machine identifie, et nomme la personne dans cet "
                "en-tête.",
            ),
        ),
    ] = None,
    host: Annotated[str, typer.Option(help=tr("Address to listen on.", "Adresse d’écoute."))] = "127.0.0.1",
    port: Port = PORT,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Serve until interrupted."""
    from aggregator.publication.shelf import FOLDER

    if not team and (password_file or behind_proxy or proxy_login):
        raise MailleError(
            tr(
                "--password-file, --behind-proxy and --proxy-login go with --team: the public's releases are open",
                "--password-file, --behind-proxy et --proxy-login vont avec --team : les publications publiques sont "
                "ouvertes",
            )
        )
    login = _login(host, password_file, behind_proxy, proxy_login) if team else None
    serve_map(data_directory(data) / FOLDER["team" if team else "public"], host, port, as_json, login)


def _login(host: str, password_file: Path | None, behind_proxy: bool, proxy_login: str | None) -> "Login":
    from aggregator.publication.gate import Password, ProxyLogin

    if proxy_login is not None:
        if password_file or not _HEADER_NAME.fullmatch(proxy_login):
            raise MailleError(
                tr(
                    f"--proxy-login: got {proxy_login!r}, expected the name of a header, and no password beside it",
                    f"--proxy-login : {proxy_login!r} au lieu du nom d’un en-tête, sans mot de passe à côté",
                )
            )
        if not _is_loopback(host):
            raise MailleError(
                tr(
                    f"--host {host}: with --proxy-login only a loopback address, such as 127.0.0.1: whoever reaches "
                    "another one could send the header himself",
                    f"--host {host} : avec --proxy-login, seule une adresse de boucle locale comme 127.0.0.1 : qui en "
                    "atteint une autre pourrait envoyer l’en-tête lui-même",
                )
            )
        return ProxyLogin(proxy_login)
    if not behind_proxy and not _is_loopback(host):
        raise MailleError(
            tr(
                f"--host {host}: over HTTP anybody on the way reads the password; put a proxy with HTTPS before it, "
                "and say --behind-proxy",
                f"--host {host} : en HTTP, n’importe qui en chemin lit le mot de passe ; placez un mandataire HTTPS "
                "devant, et ajoutez --behind-proxy",
            )
        )
    return Password(_password(password_file), behind_proxy=behind_proxy)


def _password(file: Path | None) -> "PasswordHash":
    """What the file or the environment says; asked for where the file is not there yet."""
    from aggregator.publication.password import PasswordHash

    if file is not None:
        if file.exists():
            return PasswordHash.read(file)
        asked = typer.prompt(
            tr("New password of the team", "Nouveau mot de passe de l’équipe"),
            hide_input=True,
            confirmation_prompt=True,
            err=True,
        )
        PasswordHash.of(str(asked)).write(file)
        return PasswordHash.read(file)
    if given := os.environ.get(PASSWORD):
        return PasswordHash.of(given)
    raise MailleError(
        tr(
            f"--team: expected --password-file FILE, {PASSWORD}, or --proxy-login HEADER: the team's releases are not "
            "for everybody",
            f"--team : il faut --password-file FICHIER, {PASSWORD} ou --proxy-login EN-TÊTE : les publications de "
            "l’équipe ne sont pas pour tout le monde",
        )
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
