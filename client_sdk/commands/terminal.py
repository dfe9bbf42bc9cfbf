"""What commands share at the terminal: one text for people or one JSON object for scripts, and progress on stderr."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from client_sdk.errors import CollectorError, ReceiptError
from client_sdk.exit_codes import REFUSED, UNREACHABLE
from client_sdk.home import Home
from client_sdk.messages import tr
from client_sdk.outbox.queue import Outbox

Json = Annotated[bool, typer.Option("--json", help=tr("One JSON object for scripts.", "Un objet JSON, pour scripts."))]
Progress = Callable[[str, float], None]


def exit_code(trouble: CollectorError | ReceiptError) -> int:
    """Whether trying again may help, for scripts."""
    from client_sdk.outbox.backoff import is_transport_trouble

    return UNREACHABLE if is_transport_trouble(trouble) else REFUSED


def answer(as_json: bool, data: dict[str, Any], text: str) -> None:
    """Print the result of a command on standard output."""
    typer.echo(json.dumps(data, ensure_ascii=False) if as_json else text)


def warn(text: str) -> None:
    """Print one line on standard error."""
    typer.echo(f"maille: {text}", err=True)


@contextmanager
def progress_bar(as_json: bool) -> Iterator[Progress | None]:
    """A bar on standard error; None for scripts and where nobody looks at a terminal."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda label, done: bar.update(task, description=label, completed=done)


def open_outbox(home: Home) -> Outbox:
    """The device's outbox; says so where a damaged one had to be set aside.

    Raises:
        OutboxError: it cannot be used.
    """
    outbox = Outbox(home.outbox)
    if damage := outbox.damage:
        whole = "" if damage.complete else tr(", the rest could not be read", ", le reste est illisible")
        warn(
            tr(
                f"{home.outbox} was damaged: set aside as {damage.aside}; {damage.samples} samples were read back "
                f"from it{whole}",
                f"{home.outbox} était abîmé : mis de côté sous {damage.aside} ; {damage.samples} relevés en ont été "
                f"récupérés{whole}",
            )
        )
        if not damage.collectors:
            warn(tr("enrol again: `maille device enrol LINK`", "enrôlez de nouveau : `maille device enrol LIEN`"))
        if not damage.complete:
            warn(
                tr(
                    "check your hidden areas: `maille device show`",
                    "vérifiez vos zones masquées : `maille device show`",
                )
            )
    return outbox
