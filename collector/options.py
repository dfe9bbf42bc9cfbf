"""What every command of a server shares: two options, the settings, and the answer for people or scripts."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from client_sdk.messages import tr
from collector.settings import Settings

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help=tr(
            "Directory of the server's data (MAILLE_DATA; ./maille-data).",
            "Répertoire des données du serveur (MAILLE_DATA ; ./maille-data).",
        ),
    ),
]

Json = Annotated[bool, typer.Option("--json", help=tr("Answer in JSON.", "Répondre en JSON."))]


def settings_of(data: Path | None) -> Settings:
    """The settings of the environment, with the directory of data that the command names."""
    given = {} if data is None else {"MAILLE_DATA": str(data)}
    return Settings.from_environment({**os.environ, **given})


def answer(members: dict[str, object], message: str, as_json: bool) -> None:
    """Print the result of a command on standard output."""
    typer.echo(json.dumps(members, ensure_ascii=False) if as_json else message)
