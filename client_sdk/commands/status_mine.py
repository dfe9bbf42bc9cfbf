"""`maille status --mine`: what this device contributed, what became of it, and a page to look at."""

from __future__ import annotations

import os
import shutil
import subprocess
import webbrowser
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from client_sdk.commands.terminal import answer, exit_code, open_outbox, warn
from client_sdk.errors import MailleError
from client_sdk.home import Home
from client_sdk.messages import tr

if TYPE_CHECKING:
    from pathlib import Path

    from client_sdk.mine.gathering import Refused
    from client_sdk.mine.page import Told

_TIMEOUT_S = 60
"""Ours: a collector may have to go through a year of samples first."""


def show_mine(home: Home, *, as_json: bool, open_page: bool) -> None:
    """Ask the collectors, tell, write the page, and open it where that was asked for.

    Raises:
        MailleError: this device has no outbox, or sends to no collector.
    """
    import httpx

    from client_sdk.mine.gathering import ask_all, members_of, outbox_knows
    from client_sdk.mine.page import page_of
    from client_sdk.signing.keys import SigningKey

    if not home.outbox.exists():
        raise MailleError(tr("this device has measured nothing yet", "cet appareil n’a encore rien mesuré"))
    with open_outbox(home) as outbox, httpx.Client(timeout=_TIMEOUT_S) as client:
        if not outbox.collectors():
            raise MailleError(
                tr(
                    "not enrolled: `maille device enrol LINK` joins a collector",
                    "appareil non enrôlé : `maille device enrol LIEN` rejoint un collecteur",
                )
            )
        told, refused = ask_all(outbox, SigningKey.load(home.device_key), client)
        here = outbox_knows(outbox)
    if told:
        _write(home.page, page_of(told, datetime.now(UTC).date().isoformat()))
    page = home.page if home.page.exists() else None
    data = {
        "collectors": [members_of(one) for one in told],
        "unreachable": [{"url": one.url, "trouble": str(one.error)} for one in refused],
        "outbox": here,
        "page": None if page is None else str(page),
    }
    answer(as_json, data, "\n".join(_lines(told, refused, here, page)))
    if open_page and page is not None:
        _open(page)
    if refused:
        raise typer.Exit(exit_code(refused[0].error))


def _lines(told: list[Told], refused: list[Refused], here: dict[str, Any], page: Path | None) -> list[str]:
    from client_sdk.mine.words import heading, networks, remarks, thanks, totals, verdicts

    lines: list[str] = []
    for one in told:
        lines += [one.url, thanks(one.account), *totals(one.account), *networks(one.account)]
        if one.release is not None and one.changes is not None:
            lines += [heading(one.release, one.changes), *verdicts(one.changes)]
            lines += remarks(one.account, one.release, one.changes)
        elif one.trouble:
            lines.append(tr(f"What became of it is unknown: {one.trouble}", f"Suite inconnue : {one.trouble}"))
        elif one.account.map_url is None:
            lines.append(
                tr("This collector names no map to compare with.", "Ce collecteur ne nomme aucune carte à comparer.")
            )
    lines += [str(one.error) for one in refused]
    if refused:
        lines += _of_outbox(here)
    if page is not None:
        made = tr("Page:", "Page :") if told else tr("Page made earlier:", "Page faite auparavant :")
        lines.append(f"{made} {page}")
    return lines


def _of_outbox(here: dict[str, Any]) -> list[str]:
    from client_sdk.dates import span_text
    from client_sdk.mine.words import counted, kinds_text

    kinds, days = kinds_text(here["kinds"]), counted(here["days"], "day|days", "jour|jours")
    lines = [
        tr(
            f"What this device knows by itself: samples sent {here['sent']}, pending {here['pending']}, rejected "
            f"{here['rejected']}.",
            f"Ce que cet appareil sait seul : relevés envoyés {here['sent']}, en attente {here['pending']}, rejetés "
            f"{here['rejected']}.",
        )
    ]
    if kinds:
        when = span_text(here["first_day"], here["last_day"])
        lines.append(
            tr(
                f"Of those whose text is still here: {kinds}, on {days}, {when}.",
                f"Parmi ceux dont le texte est encore ici : {kinds}, en {days}, {when}.",
            )
        )
    return lines


def _write(file: Path, text: str) -> None:
    """Whole or not at all, and readable by its owner alone: it says where somebody was."""
    aside = file.with_name(f".{file.name}.partial")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as written:
        written.write(text)
    aside.replace(file)


def _open(page: Path) -> None:
    """In the browser; on Android through Termux, which hands the file to another app."""
    termux = shutil.which("termux-open")
    if termux:
        opened = subprocess.run([termux, "--content-type", "text/html", str(page)], check=False).returncode == 0
    else:
        opened = webbrowser.open(page.resolve().as_uri())
    if not opened:
        warn(tr(f"no browser was found: open {page} yourself", f"aucun navigateur : ouvrez {page} vous-même"))
