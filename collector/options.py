"""The option that every command of a server shares."""

from pathlib import Path
from typing import Annotated

import typer

from client_sdk.messages import tr

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
