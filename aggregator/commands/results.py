"""`maille aggregate` and `publish`: from the archive to what people read."""

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from aggregator.commands.options import (
    Departement,
    Outline,
    data_directory,
    release_given,
    tell_outdated_claims,
    territory_given,
)
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
    engine: Annotated[
        Literal["duckdb", "spark"],
        typer.Option(
            help=tr(
                "What counts the months that changed; spark is configured as Spark itself says.",
                "Ce qui compte les mois modifiés ; spark se configure comme Spark le dit.",
            )
        ),
    ] = "duckdb",
    memory_gb: Annotated[
        float,
        typer.Option(
            min=0.25,
            help=tr("Memory of that engine, in GB.", "Mémoire de ce moteur, en Go."),
        ),
    ] = 2.0,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Archive, evidence, judgement; of a territory, only its hexagons are judged, from the votes of everybody."""
    from aggregator import pipeline
    from aggregator.evidence.engines import Spark
    from aggregator.only_run import only_run

    folder, end = data_directory(data), last_day.date() if last_day else None
    territory = territory_given(folder, departement, outline)
    settings = _settings(folder)
    with only_run(folder), progress_bar(as_json) as progress:
        if archive:
            room = pipeline.Room(progress, 0.0, 0.6, tr("archive", "archive"))
            pipeline.update_archive(folder, settings, room)
        pipeline.gather_evidence(
            folder,
            settings.archive,
            pipeline.Room(progress, 0.6, 0.8, tr("evidence", "indices")),
            engine=Spark(memory_gb) if engine == "spark" else None,
            memory_gb=memory_gb,
        )
        room = pipeline.Room(progress, 0.8, 1.0, tr("judgement", "verdicts"))
        verdicts = pipeline.judge(folder, end, territory=territory, progress=room)
    lines = [f"  {count} {_kind_text(kind)}" for kind, count in verdicts.items()]
    heading = tr("4G service, place × operator:", "Service 4G, lieu × opérateur :")
    nothing = tr(
        "No verdict on 4G service: no map of 4G was imported (maille coverage import), and no device sent samples "
        "(maille collector serve).",
        "Aucun verdict sur le service 4G : aucune carte 4G importée (maille coverage import), et aucun appareil n’a "
        "envoyé de mesures (maille collector serve).",
    )
    answer(as_json, {"verdicts": verdicts}, "\n".join([heading, *lines]) if lines else nothing)
    tell_outdated_claims(folder)


def publish(
    audience: Audience = "public",
    departement: Departement = None,
    outline: Outline = None,
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="RELEASE",
            help=tr(
                "Make this release (its id or its directory) again from the data and compare every byte, instead of "
                "writing one.",
                "Refaire cette publication (son identifiant ou son dossier) à partir des données et comparer chaque "
                "octet, au lieu d’en écrire une.",
            ),
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Immutable files with a manifest, from what `aggregate` and `zones` left."""
    from aggregator.only_run import only_run
    from aggregator.publication.release import publish as write_release
    from aggregator.publication.verifying import verify as make_again

    if verify:
        found = make_again(release_given(verify, data), data_directory(data))
        answer(as_json, found.members(), found.text())
        if not found.holds:
            raise typer.Exit(1)
        return
    folder = data_directory(data)
    with only_run(folder), progress_bar(as_json) as progress:
        territory = territory_given(folder, departement, outline)
        release = write_release(folder, audience=audience, territory=territory, progress=progress)
    answer(as_json, {"release": str(release), "audience": audience}, str(release))


def _kind_text(verdict: str) -> str:
    """A verdict in words, strong and moderate together."""
    return {
        "contradicted": tr("contradicted, or probably so", "contredite ou probablement contredite"),
        "suspected": tr("to be checked on the spot", "à vérifier sur place"),
        "confirmed": tr("confirmed", "confirmée"),
        "unclaimed_service": tr("service, not declared", "service présent, non déclaré"),
        "insufficient": tr("not enough data", "données insuffisantes"),
    }[verdict]


def _settings(data: Path) -> "Settings":
    """Of the collector whose database is archived: MAILLE_DATABASE_URL, or the SQLite file in the data."""
    from collector.settings import Settings

    return Settings.from_environment({**os.environ, "MAILLE_DATA": str(data)})
