"""`maille aggregate`, `publish` and `serve`: from the archive to what people read."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aggregator.commands.options import PORT, Port, data_directory, serve_map
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr
from collector.options import Data

if TYPE_CHECKING:
    from collector.settings import Settings

Audience = Annotated[
    Literal["public", "team"],
    typer.Option(
        help=tr(
            "public, or team: with verdicts on 3 or 4 phones, for the project team alone.",
            "public, ou team : avec les verdicts sur 3 ou 4 téléphones, pour l’équipe-projet seule.",
        )
    ),
]
LastDay = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help=tr(
            "End of the 12 months that decide (last day of data).",
            "Fin des 12 mois qui décident (dernier jour des données).",
        ),
    ),
]


def aggregate(
    archive: Annotated[
        bool,
        typer.Option(
            help=tr(
                "First bring the archive up to date from the collector's database.",
                "Mettre d’abord l’archive à jour depuis la base du collecteur.",
            )
        ),
    ] = True,
    last_day: LastDay = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Archive, evidence, judgement."""
    from aggregator import pipeline

    folder, end = data_directory(data), last_day.date() if last_day else None
    settings = _settings(folder)
    with progress_bar(as_json) as progress:
        if archive:
            room = pipeline.Room(progress, 0.0, 0.6, tr("archive", "archive"))
            pipeline.update_archive(folder, settings, room)
        pipeline.gather_evidence(folder, settings.archive, pipeline.Room(progress, 0.6, 0.8, tr("evidence", "indices")))
        verdicts = pipeline.judge(folder, end, progress=pipeline.Room(progress, 0.8, 1.0, tr("judgement", "verdicts")))
    lines = [f"  {count} {kind}" for kind, count in verdicts.items()]
    heading = tr("4G service, hexagon × operator:", "Service 4G, hexagone × opérateur :")
    answer(as_json, {"verdicts": verdicts}, "\n".join([heading, *lines]))


def publish(
    audience: Audience = "public",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Immutable files with a manifest, from what `aggregate` and `zones` left."""
    from aggregator.publication.release import publish as write_release

    with progress_bar(as_json) as progress:
        release = write_release(data_directory(data), audience=audience, progress=progress)
    answer(as_json, {"release": str(release), "audience": audience}, str(release))


def serve(
    audience: Audience = "public",
    host: Annotated[str, typer.Option(help=tr("Address to listen on.", "Adresse d’écoute."))] = "127.0.0.1",
    port: Port = PORT,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Serve until interrupted."""
    from aggregator.publication.release import FOLDER

    serve_map(data_directory(data) / FOLDER[audience], host, port, as_json)


def _settings(data: Path) -> "Settings":
    """Of the collector whose database is archived: MAILLE_DATABASE_URL, or the SQLite file in the data."""
    from collector.settings import Settings

    return Settings.from_environment({**os.environ, "MAILLE_DATA": str(data)})
