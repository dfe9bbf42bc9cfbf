"""`maille release`: what is made from a release that exists, for the tools of others."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from aggregator.commands.options import release_given
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr
from collector.options import Data

commands = typer.Typer(no_args_is_help=True)
Release = Annotated[
    str,
    typer.Argument(
        metavar="RELEASE",
        help=tr(
            "Id of a release of the data directory, or the directory of one.",
            "Identifiant d’une publication du dossier de données, ou dossier d’une publication.",
        ),
    ),
]


@commands.command(help=tr("Write it in another format.", "L’écrire dans un autre format."))
def export(
    release: Release,
    kind: Annotated[
        Literal["geopackage", "shapefile", "csv-fr"],
        typer.Option(
            "--format",
            help=tr(
                "geopackage: all layers in one, with QGIS's styles; shapefile; csv-fr: `;`, decimal comma, for Excel.",
                "geopackage : toutes les couches en un, avec les styles de QGIS ; shapefile ; csv-fr : `;`, virgule "
                "décimale, pour Excel.",
            ),
        ),
    ] = "csv-fr",
    out: Annotated[
        Path | None,
        typer.Option(
            file_okay=False, help=tr("Where to (a folder named after both).", "Où (un dossier nommé d’après les deux).")
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The release stays as it is."""
    from aggregator.publication.exporting import export as write

    directory = release_given(release, data)
    into = out if out is not None else Path(f"{directory.name}-{kind}")
    written = [str(file) for file in write(directory, into, kind)]
    answer(as_json, {"release": directory.name, "format": kind, "files": written}, "\n".join(written))


@commands.command(help=tr("Load it into PostGIS.", "La charger dans PostGIS."))
def load(
    release: Release,
    database: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="MAILLE_POSTGIS_URL",
            show_default=False,
            help=tr(
                "postgresql://user@host/name, a database with PostGIS.",
                "postgresql://utilisateur@hôte/nom, une base avec PostGIS.",
            ),
        ),
    ],
    schema: Annotated[
        str, typer.Option(help=tr("Schema of the tables; replaced.", "Schéma des tables ; remplacées."))
    ] = "maille",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """All in one transaction, in place of the release that was there."""
    from aggregator.publication.postgis import load as into_database

    directory = release_given(release, data)
    with progress_bar(as_json) as progress:
        loaded = into_database(directory, database, schema, progress)
    text = "\n".join(f"  {schema}.{name}{tr(':', ' :')} {rows}" for name, rows in loaded.items())
    answer(as_json, {"release": directory.name, "schema": schema, "rows": loaded}, text)
