"""`maille territory`: what a project team is given before anything is measured."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from aggregator.commands.options import data_directory
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr
from collector.options import Data

territory = typer.Typer(no_args_is_help=True, help=tr("Import communes and sites.", "Importer communes et sites."))


@territory.command("import", help=tr("Import communes or sites.", "Importer des communes ou des sites."))
def import_territory(
    kind: Annotated[
        Literal["communes", "sites"],
        typer.Argument(
            help=tr(
                "communes: CSV of centres, or outlines; sites: Arcep's CSV.",
                "communes : CSV de centres, ou contours ; sites : CSV de l’Arcep.",
            )
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(exists=True, dir_okay=False, metavar="FILE", help=tr("File to import.", "Fichier à importer.")),
    ],
    population: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=tr("INSEE's CSV of people, beside outlines.", "CSV de population de l’INSEE, avec des contours."),
        ),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace what was there of the same kind."""
    from dataclasses import asdict

    from aggregator.evidence.territory import import_communes, import_sites

    folder = data_directory(data) / "territory"
    with progress_bar(as_json) as progress:
        if progress:
            progress(file.name, 0.0)
        if kind == "communes":
            communes = import_communes(file, folder, population=population)
            members = asdict(communes)
            text = tr(
                f"{communes.communes} communes, {communes.people} people; {len(communes.without_population)} without "
                f"population, {communes.people_without_outline} people without outline.",
                f"{communes.communes} communes, {communes.people} habitants ; {len(communes.without_population)} sans "
                f"population, {communes.people_without_outline} habitants sans contour.",
            )
        else:
            sites = import_sites(file, folder)
            members = asdict(sites)
            text = tr(
                f"{sites.sites} sites; {sites.left_out} rows left out, without a position.",
                f"{sites.sites} sites ; {sites.left_out} lignes écartées, sans position.",
            )
    answer(as_json, {"kind": kind, **members}, text)
