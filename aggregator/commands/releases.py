"""`maille release`: what is made from a release that exists, for the tools of others."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr

commands = typer.Typer(no_args_is_help=True)
Release = Annotated[
    Path,
    typer.Argument(
        exists=True,
        file_okay=False,
        metavar="RELEASE",
        help=tr("Directory of a release.", "Dossier d’une publication."),
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
    as_json: Json = False,
) -> None:
    """The release stays as it is."""
    from aggregator.publication.exporting import export as write

    into = out if out is not None else Path(f"{release.resolve().name}-{kind}")
    written = [str(file) for file in write(release, into, kind)]
    answer(as_json, {"release": release.resolve().name, "format": kind, "files": written}, "\n".join(written))


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
    as_json: Json = False,
) -> None:
    """All in one transaction, in place of the release that was there."""
    from aggregator.publication.postgis import load as into_database

    with progress_bar(as_json) as progress:
        loaded = into_database(release, database, schema, progress)
    text = "\n".join(f"  {schema}.{name}: {rows}" for name, rows in loaded.items())
    answer(as_json, {"release": release.resolve().name, "schema": schema, "rows": loaded}, text)
