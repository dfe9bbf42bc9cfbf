"""Releases served to people: the read API and the map page, on this machine unless told otherwise."""

import errno
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from client_sdk.errors import MailleError
from client_sdk.messages import tr
from collector.listening import listen

if TYPE_CHECKING:
    from aggregator.publication.gate import Login


def serve_releases(
    releases: Path, host: str, port: int, announce: Callable[[str], None], login: "Login | None" = None
) -> None:
    """Serve until the process is told to stop.

    Args:
        releases: directory with ``latest.json``; the public's, or the team's where there is a login.
        host: address to listen on.
        port: TCP port, 0 for any free one.
        announce: called once with the address, when it listens.
        login: what tells the project team from everybody else.

    Raises:
        MailleError: nothing was published yet, a release is of the other audience, or the port is taken.
    """
    if not (releases / "latest.json").exists():
        make = "maille publish --audience team" if login else "maille publish"
        raise MailleError(
            tr(
                f"{releases}: holds no release yet; make one with `{make}`",
                f"{releases} : aucune publication ; faites-en une avec `{make}`",
            )
        )
    import uvicorn

    from aggregator.publication.api import create_app
    from aggregator.publication.gate import gated
    from aggregator.publication.shelf import Shelf

    app = gated(create_app(releases), Shelf(releases, "team" if login else "public"), login)
    with _listen(host, port) as listener:
        address = f"[{host}]" if ":" in host else host
        announce(f"http://{address}:{listener.getsockname()[1]}/")
        config = uvicorn.Config(app, access_log=False, proxy_headers=False, server_header=False, log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen(host, port)
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        advice = tr("; choose another with --port", " ; choisissez-en un autre par --port") if taken else ""
        raise MailleError(
            tr(
                f"cannot listen on {host}:{port} ({error.strerror}){advice}",
                f"impossible d’écouter sur {host}:{port} ({error.strerror}){advice}",
            )
        ) from error
