"""`maille status`: what waits, what was sent, what was rejected, where to, and when it is tried again; `--mine`."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from client_sdk.bounds import instant_text
from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.exit_codes import REFUSED, SOME_REJECTED, UNREACHABLE
from client_sdk.home import field_home
from client_sdk.messages import tier_name, tr
from client_sdk.outbox.queue import MAX_FILE_BYTES, Counts

if TYPE_CHECKING:
    from client_sdk.outbox.queue import Outbox, PinnedCollector

LOW_DISK_BYTES = 50_000_000
"""Ours: about a day of surveys with several modems."""


def command(
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help=tr(
                "End with 3 where a collector could not be reached, 4 where one refused, 5 where one rejected samples.",
                "Finir par 3 si un collecteur n’a pu être joint, 4 si l’un a refusé, 5 si l’un a rejeté des relevés.",
            ),
        ),
    ] = False,
    mine: Annotated[
        bool,
        typer.Option(
            "--mine",
            help=tr(
                "What this device contributed and what became of it, asked of the collector and its map, and a page.",
                "Ce que cet appareil a apporté et ce que c’est devenu, demandé au collecteur et à sa carte, et une "
                "page.",
            ),
        ),
    ] = False,
    open_page: Annotated[
        bool,
        typer.Option("--open", help=tr("With --mine: open the page in the browser.", "Avec --mine : ouvrir la page.")),
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the outbox; nothing is created, but for the page of --mine."""
    home = field_home()
    if mine:
        from client_sdk.commands.status_mine import show_mine

        show_mine(home, as_json=as_json, open_page=open_page)
        return
    if open_page:
        raise MailleError(tr("--open goes with --mine", "--open va avec --mine"))
    data: dict[str, Any] = {
        "collector": None,
        **asdict(Counts(0, 0, 0, 0)),
        "collectors": [],
        "rejected_samples": [],
        "surveys": [],
        "hidden_areas": 0,
        "text_forgotten": 0,
        "measuring": False,
        "outbox": {"path": str(home.outbox), "bytes": 0, "max_bytes": MAX_FILE_BYTES},
    }
    if home.outbox.exists():
        with open_outbox(home) as outbox:
            _fill(data, outbox)
    nearest = next(place for place in (home.folder, *home.folder.parents) if place.exists())
    data["outbox"]["disk_free_bytes"] = shutil.disk_usage(nearest).free
    answer(as_json, data, "\n".join(_lines(data)))
    if check:
        _end(data)


def _fill(data: dict[str, Any], outbox: Outbox) -> None:
    from client_sdk.outbox.hidden_areas import read_areas
    from client_sdk.outbox.quiet import is_measuring
    from client_sdk.outbox.surveys import Surveys

    data |= asdict(outbox.counts())
    data["collectors"] = [_present(outbox, collector) for collector in outbox.collectors()]
    data["collector"] = next((one["url"] for one in data["collectors"]), None)
    data["rejected_samples"] = [asdict(one) for one in outbox.rejected()]
    data["surveys"] = [
        {
            "id": one.id,
            "started_at": _instant(one.started_ms),
            "ended_at": _instant(one.ended_ms),
            "alive_at": _instant(one.alive_ms),
            "samples": outbox.connection.execute("SELECT count(*) FROM samples WHERE survey = ?", (one.id,)).fetchone()[
                0
            ],
        }
        for one in Surveys(outbox).all()
    ]
    data["hidden_areas"] = len(read_areas(outbox.connection))
    data["text_forgotten"] = outbox.connection.execute("SELECT count(*) FROM samples WHERE line IS NULL").fetchone()[0]
    data["measuring"] = is_measuring(outbox.path.parent)
    data["outbox"]["bytes"] = outbox.size_bytes()


def _present(outbox: Outbox, collector: PinnedCollector) -> dict[str, Any]:
    from client_sdk.outbox.backoff import standing
    from client_sdk.outbox.delivery import Delivery

    found = standing(outbox, collector)
    return {
        "url": collector.url,
        "thumbprint": collector.key.thumbprint,
        "tier": collector.tier,
        **asdict(Delivery(outbox, collector).counts()),
        "failures": found.failures,
        "trouble": found.trouble,
        "refused": found.refused,
        "next_try_at": _instant(found.next_try_ms),
    }


def _lines(data: dict[str, Any]) -> list[str]:
    lines = [
        tr(
            f"{data['pending']} samples pending ({data['in_flight']} of them in flight), {data['sent']} sent, "
            f"{data['rejected']} rejected.",
            f"{data['pending']} relevés en attente (dont {data['in_flight']} en route), {data['sent']} envoyés, "
            f"{data['rejected']} rejetés.",
        )
    ]
    if not data["collectors"]:
        lines.append(
            tr(
                "Not enrolled: samples wait here. `maille device enrol LINK` joins a collector.",
                "Appareil non enrôlé : les relevés attendent ici. `maille device enrol LIEN` rejoint un collecteur.",
            )
        )
    for one in data["collectors"]:
        lines += _collector_lines(one)
    lines += [
        tr(f"  rejected {one['id']}: ", f"  rejeté {one['id']} : ") + str(one["message"] or one["rule"])
        for one in data["rejected_samples"]
    ]
    lines += _survey_lines(data["surveys"])
    if data["measuring"]:
        lines.append(
            tr("A measurement is running: nothing is sent meanwhile.", "Une mesure est en cours : rien n’est envoyé.")
        )
    if data["hidden_areas"]:
        lines.append(tr(f"Hidden areas: {data['hidden_areas']}.", f"Zones masquées : {data['hidden_areas']}."))
    if data["text_forgotten"]:
        lines.append(
            tr(
                f"Of {data['text_forgotten']} samples that were sent the text is forgotten here (30 days after, or "
                "near a hidden place).",
                f"De {data['text_forgotten']} relevés envoyés, le texte est oublié ici (après 30 jours, ou près d’un "
                "lieu masqué).",
            )
        )
    return [*lines, *_disk_lines(data["outbox"])]


def _collector_lines(one: dict[str, Any]) -> list[str]:
    tier = tier_name(one["tier"])
    lines = [
        tr(
            f"{one['url']} ({tier}): {one['pending']} pending, {one['sent']} sent, {one['rejected']} rejected.",
            f"{one['url']} ({tier}) : {one['pending']} en attente, {one['sent']} envoyés, {one['rejected']} rejetés.",
        )
    ]
    if one["trouble"]:
        kind = tr("refused", "a refusé") if one["refused"] else tr("failed", "échec")
        lines.append(
            tr(
                f"  {kind} ({one['failures']} in a row), next try after {one['next_try_at']} or by `maille upload`: "
                f"{one['trouble']}",
                f"  {kind} ({one['failures']} de suite), prochain essai après {one['next_try_at']} ou par "
                f"`maille upload` : {one['trouble']}",
            )
        )
    return lines


def _survey_lines(surveys: list[dict[str, Any]]) -> list[str]:
    if not surveys:
        return []
    newest = surveys[-1]
    end = newest["ended_at"] or tr("not ended", "non terminé")
    return [
        tr(
            f"{len(surveys)} surveys; the newest: {newest['started_at']} to {end}, {newest['samples']} samples.",
            f"{len(surveys)} relevés de terrain ; le dernier : {newest['started_at']} à {end}, {newest['samples']} "
            "mesures.",
        )
    ]


def _disk_lines(file: dict[str, Any]) -> list[str]:
    used, most, free = (file[name] / 1e6 for name in ("bytes", "max_bytes", "disk_free_bytes"))
    lines = [
        tr(
            f"{file['path']}: {used:.1f} MB of {most:.0f}, {free:.0f} MB free on its disk.",
            f"{file['path']} : {used:.1f} Mo sur {most:.0f}, {free:.0f} Mo libres sur son disque.",
        )
    ]
    if file["bytes"] >= 0.9 * file["max_bytes"] or file["disk_free_bytes"] < LOW_DISK_BYTES:
        lines.append(
            tr(
                "Little room is left: send samples (`maille upload`) or free space, before recording stops.",
                "Il reste peu de place : envoyez (`maille upload`) ou libérez de l’espace avant que "
                "l’enregistrement s’arrête.",
            )
        )
    return lines


def _instant(ms: int | None) -> str | None:
    return None if ms is None else instant_text(datetime.fromtimestamp(ms / 1000, UTC))


def _end(data: dict[str, Any]) -> None:
    """Leave with the gravest code."""
    troubled = [one for one in data["collectors"] if one["trouble"]]
    if any(one["refused"] for one in troubled):
        raise typer.Exit(REFUSED)
    if troubled:
        raise typer.Exit(UNREACHABLE)
    if data["rejected"]:
        raise typer.Exit(SOME_REJECTED)
