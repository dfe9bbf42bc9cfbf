"""What every command of a server shares: two options, the settings, the answer for people or scripts, and a bar."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def progress_bar(label: str, *, shown: bool) -> Iterator[Callable[[str, float], None] | None]:
    """A bar on standard error, and what moves it; None where none is shown."""
    if not shown:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(label, total=1.0)
        yield lambda step, fraction: bar.update(task, completed=fraction, description=f"{label} {step}")
