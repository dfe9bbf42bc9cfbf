"""`maille territory` and `maille coverage`: what a project team is given before anything is measured."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from aggregator.commands.options import NameColumn, data_directory
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr
from collector.options import Data

territory = typer.Typer(no_args_is_help=True, help=tr("Import communes and sites.", "Importer communes et sites."))
coverage = typer.Typer(
    no_args_is_help=True,
    help=tr("Import and show declared coverage.", "Importer et afficher la couverture déclarée."),
)


@territory.command("import", help=tr("Import communes or sites.", "Importer des communes ou des sites."))
def import_territory(
    kind: Annotated[
        Literal["communes", "sites", "roads", "railways"],
        typer.Argument(
            help=tr(
                "communes: CSV of centres, or outlines; sites: Arcep's CSV; roads, railways: any layer of lines.",
                "communes : CSV de centres, ou contours ; sites : CSV de l’Arcep ; roads, railways : toute couche de "
                "lignes.",
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
    name_column: NameColumn = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace what was there of the same kind."""
    from dataclasses import asdict

    from aggregator.evidence.lines import import_railways, import_roads
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
        elif kind in ("roads", "railways"):
            importer = import_roads if kind == "roads" else import_railways
            lines = importer(file, folder, name_column=name_column)
            members, text = asdict(lines), lines.text()
        else:
            sites = import_sites(file, folder)
            members = asdict(sites)
            text = tr(
                f"{sites.sites} sites; {sites.left_out} rows left out, without a position.",
                f"{sites.sites} sites ; {sites.left_out} lignes écartées, sans position.",
            )
    answer(as_json, {"kind": kind, **members}, text)


@coverage.command("import", help=tr("Import coverage maps.", "Importer des cartes de couverture."))
def import_coverage(
    files: Annotated[
        list[Path],
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="FILE…",
            help=tr(
                "Arcep's .gpkg or .7z; a .csv is read as a 100 m grid of the Bundesnetzagentur.",
                "Fichiers .gpkg ou .7z de l’Arcep ; un .csv est lu comme grille de 100 m de la Bundesnetzagentur.",
            ),
        ),
    ],
    quarter: Annotated[
        str | None,
        typer.Option(
            help=tr("Like 2026_T3, where the name has none.", "Comme 2026_T3, si le nom du fichier n’en a pas.")
        ),
    ] = None,
    everywhere: Annotated[
        bool,
        typer.Option(
            "--everywhere",
            help=tr("Do not cut to the territory's communes.", "Ne pas découper selon les communes du territoire."),
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Replace what was known of the same operator, technology and usage; cut to the communes where there are some."""
    from dataclasses import asdict

    import shapely

    from aggregator.evidence.claims import ClaimSource, import_arcep, import_grid
    from aggregator.evidence.territory import read_communes

    folder = data_directory(data)
    within = None
    if not everywhere and (folder / "territory" / "communes.parquet").exists():
        union = shapely.union_all(read_communes(folder / "territory").geometry.to_numpy())
        within = union if isinstance(union, shapely.Polygon | shapely.MultiPolygon) else None
    sources: list[ClaimSource] = []
    with progress_bar(as_json) as progress:
        for file in files:
            if file.suffix.lower() == ".csv":
                sources += import_grid(file, folder / "claims", quarter=quarter or "", progress=progress)
            else:
                sources += import_arcep(file, folder / "claims", within=within, quarter=quarter, progress=progress)
    lines = (
        f"{_subject(one.operator, one.technology, one.usage, one.quarter)} ({one.file})"
        + _not_compared(one.technology, one.usage)
        for one in sources
    )
    answer(as_json, {"sources": [asdict(source) for source in sources]}, "\n".join(lines))


@coverage.command(help=tr("Show what is declared.", "Afficher ce qui est déclaré."))
def show(data: Data = None, as_json: Json = False) -> None:
    """One line per operator, technology and usage: hexagons claimed, and where this was read."""
    from dataclasses import asdict

    from aggregator.evidence.claims import read_claim_sources, read_claims

    claims = read_claims(data_directory(data) / "claims")
    keys = ["operator", "technology", "usage"]
    shares = claims.groupby([*keys, "h3_r8"])["declared_share"].sum()
    claimed = (shares >= 0.5).groupby(level=keys).sum().to_dict()
    rows = [
        {**asdict(source), "hexagons_claimed": int(claimed.get((source.operator, source.technology, source.usage), 0))}
        for source in read_claim_sources(data_directory(data) / "claims")
    ]
    text = "\n".join(
        f"{_subject(row['operator'], row['technology'], row['usage'], row['quarter'])}: {row['hexagons_claimed']} "
        + tr("hexagons claimed", "hexagones déclarés")
        + f" — {row['source']}, {row['licence']}, {row['file']}"
        + _not_compared(row["technology"], row["usage"])
        for row in rows
    )
    answer(as_json, {"sources": rows}, text or tr("Nothing imported yet.", "Rien d’importé."))


def _subject(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _not_compared(technology: str, usage: str) -> str:
    """What to add where no verdict reads the claim: voice has no test of its own, and 2G3G is no one technology."""
    if usage != "voix" and technology != "2G3G":
        return ""
    return " — " + tr("imported, not compared yet", "importé, pas encore comparé")
