"""`maille coverage`: what operators declare, read from their files, and what that is in km² and people."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aggregator.commands.coverage_figures import (
    not_compared,
    show_sources,
    show_statistics,
    statistics_by,
    subject,
)
from aggregator.commands.options import Departement, Outline, data_directory, territory_given
from client_sdk.commands.terminal import Json, answer, progress_bar, warn
from client_sdk.messages import tr
from collector.options import Data

if TYPE_CHECKING:
    from aggregator.evidence.layout import Layout

coverage = typer.Typer(
    no_args_is_help=True,
    help=tr("Import and show declared coverage.", "Importer et afficher la couverture déclarée."),
)


@coverage.command("import", help=tr("Import coverage maps.", "Importer des cartes de couverture."))
def import_coverage(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            metavar="FILE…",
            help=tr(
                "GeoPackage, shapefile, GeoJSON, CSV…, also in a .7z or .zip.",
                "GeoPackage, shapefile, GeoJSON, CSV…, aussi dans un .7z ou .zip.",
            ),
        ),
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE.toml",
            help=tr(
                "How to read them: see docs/coverage-layouts.md. By default Arcep's; a .csv, the Bundesnetzagentur's.",
                "Comment les lire : voir docs/coverage-layouts.md. Par défaut celui de l’Arcep ; pour un .csv, celui "
                "de la Bundesnetzagentur.",
            ),
        ),
    ] = None,
    operator: Annotated[
        str | None,
        typer.Option(help=tr("MCC and MNC, whatever the file says.", "MCC et MNC, quoi que dise le fichier.")),
    ] = None,
    technology: Annotated[str | None, typer.Option(help=tr("Like 4G or 2G3G.", "Comme 4G ou 2G3G."))] = None,
    usage: Annotated[str | None, typer.Option(help=tr("data or voix.", "data ou voix."))] = None,
    level: Annotated[
        str | None, typer.Option(help=tr("Level of all polygons.", "Niveau de tous les polygones."))
    ] = None,
    crs: Annotated[
        str | None,
        typer.Option(help=tr("Reference system, like EPSG:3035.", "Système de coordonnées, comme EPSG:3035.")),
    ] = None,
    quarter: Annotated[
        str | None,
        typer.Option(
            help=tr("Like 2026_T3, where the name has none.", "Comme 2026_T3, si le nom du fichier n’en a pas.")
        ),
    ] = None,
    source: Annotated[str | None, typer.Option(help=tr("Who publishes it.", "Qui le publie."))] = None,
    licence: Annotated[str | None, typer.Option(help=tr("Under which licence.", "Sous quelle licence."))] = None,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere",
            help=tr("Do not cut to the territory's communes.", "Ne pas découper selon les communes du territoire."),
        ),
    ] = False,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace what was known of the same operator, technology and usage; cut to the communes where there are some."""
    from dataclasses import asdict

    from aggregator.evidence.accessible import read_accessible
    from aggregator.evidence.claims import ClaimSource
    from aggregator.evidence.claims import import_coverage as import_one
    from aggregator.evidence.errors import EvidenceError
    from aggregator.only_run import only_run

    given = {
        "operator": operator,
        "technology": technology,
        "usage": usage,
        "level": level,
        "crs": crs,
        "quarter": quarter,
        "source": source,
        "licence": licence,
    }
    layouts = [_layout(layout, file, operator is not None and technology is not None) for file in files]
    folder = data_directory(data)
    cells = None if everywhere else _territory(folder, departement, outline)
    sources: list[ClaimSource] = []
    refused: dict[str, str] = {}
    with only_run(folder), progress_bar(as_json) as progress:
        if progress:
            progress(tr("roads and people", "routes et habitants"), 0.0)
        accessible = read_accessible(folder / "territory")
        for file, chosen in zip(files, layouts, strict=True):
            try:
                wanted = chosen.with_constants(**given)
                sources += import_one(
                    file, folder / "claims", wanted, within=cells, accessible=accessible, progress=progress
                )
            except EvidenceError as error:
                if len(files) == 1:
                    raise
                refused[str(file)] = str(error)
    lines = [
        f"{subject(one.operator, one.technology, one.usage, one.quarter)} ({one.file})"
        + not_compared(one.technology, one.usage)
        for one in sources
    ]
    members = {"sources": [asdict(one) for one in sources], "refused": refused}
    answer(as_json, members, "\n".join(lines))
    if accessible is None:
        warn(
            tr(
                "no roads or people on a grid yet (`maille territory import`): a claim counts by its share of the "
                "whole hexagon; import the maps again after them",
                "ni routes ni habitants par carreau (`maille territory import`) : une déclaration compte par sa part "
                "de tout l’hexagone ; réimportez les cartes après eux",
            )
        )
    for reason in refused.values():
        warn(reason)
    if refused:
        raise typer.Exit(1)


@coverage.command(help=tr("Show what is declared.", "Afficher ce qui est déclaré."))
def show(
    by: Annotated[
        Literal["source", "territory", "region", "departement", "commune"],
        typer.Option(
            help=tr(
                "One line per file's claim, or declared surface and people by place.",
                "Une ligne par déclaration, ou surface et population déclarées par lieu.",
            )
        ),
    ] = "source",
    operator: Annotated[str | None, typer.Option(help=tr("Only this one.", "Seulement celui-ci."))] = None,
    technology: Annotated[str | None, typer.Option(help=tr("Only this one.", "Seulement celle-ci."))] = None,
    usage: Annotated[str | None, typer.Option(help=tr("data or voix.", "data ou voix."))] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help=tr(
                "Write it in the columns of Arcep's statistics, in percent.",
                "L’écrire dans les colonnes des statistiques de l’Arcep, en pour cent.",
            ),
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help=tr(
                "Published statistics (CSV): show the differences, largest first.",
                "Statistiques publiées (CSV) : afficher les écarts, les plus grands d’abord.",
            ),
        ),
    ] = None,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What was imported, where it was read, and what it covers; a département is told by its communes, whole."""
    from aggregator.evidence.claims import read_claims
    from aggregator.evidence.population import population_source

    folder = data_directory(data)
    territory = territory_given(folder, departement, outline)
    claims = read_claims(folder / "claims")
    for column, wanted in (("operator", operator), ("technology", technology), ("usage", usage)):
        if wanted:
            claims = claims[claims[column] == wanted]
    if by == "source" and csv is None and against is None:
        show_sources(folder, claims, territory, as_json)
        return
    place = "commune" if by == "source" else by
    with progress_bar(as_json) as progress:
        table = statistics_by(folder, claims, place, territory, progress)
    show_statistics(table, place, csv, against, as_json, population_source(folder / "territory"))


def _layout(named: str | None, file: Path, constant: bool) -> "Layout":
    from aggregator.evidence.layout import parse_layout, read_layout

    if named is not None:
        return read_layout(named)
    if constant:
        return parse_layout("--operator --technology", "")
    return read_layout("bnetza-grid" if file.suffix.lower() == ".csv" else "arcep")


def _territory(folder: Path, departement: list[str] | None, outline: Path | None) -> Any:
    """Hexagons that touch what was named, or the communes; None where none were imported."""
    import shapely

    from aggregator.evidence.hexagons import covering
    from aggregator.evidence.outline import shape_of

    shape = shape_of(folder, departement, outline)
    if shape is None:
        return None
    return covering(part for part in shapely.get_parts(shape) if isinstance(part, shapely.Polygon))
