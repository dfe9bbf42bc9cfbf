"""What the commands share: the data directory, the port, and serving a map."""

import os
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.commands.terminal import answer
from client_sdk.messages import tr

NameColumn = Annotated[
    str | None,
    typer.Option(
        help=tr(
            "Column of the lines' names, where it is none of the usual ones.",
            "Colonne du nom des lignes, si ce n’est aucune des habituelles.",
        )
    ),
]
Port = Annotated[int, typer.Option(min=0, max=65_535, help=tr("TCP port; 0: any.", "Port TCP ; 0 : au choix."))]
PORT = 8421  # beside the collector's 8420


def data_directory(given: Path | None) -> Path:
    """What ``--data`` says, else the environment, else ``maille-data`` here."""
    return given if given is not None else Path(os.environ.get("MAILLE_DATA") or "maille-data")


def serve_map(releases: Path, host: str, port: int, as_json: bool) -> None:
    """Serve releases until interrupted, and say where."""
    from aggregator.serving import serve_releases

    def announce(url: str) -> None:
        text = tr(f"The map is at {url} (stop it with Ctrl-C).", f"La carte est sur {url} (arrêt par Ctrl-C).")
        answer(as_json, {"url": url}, text)

    try:
        serve_releases(releases, host, port, announce)
    except KeyboardInterrupt:
        return
