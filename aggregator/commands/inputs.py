"""`maille territory` and `maille coverage`: what a project team is given before anything is measured."""

from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated

import click
import typer

from aggregator.commands.options import data_directory
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.errors import MailleError
from client_sdk.messages import tr
from collector.options import Data

territory = typer.Typer(
    no_args_is_help=True, help=tr("Import what is known of the territory.", "Importer ce que l’on sait du territoire.")
)
coverage = typer.Typer(
    no_args_is_help=True,
    help=tr("Import and show declared coverage.", "Importer et afficher la couverture déclarée."),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file: where its import is, and what the file is.

    The import takes the file and the territory's directory, and returns a dataclass with a ``text()`` for people.
    """

    module: str
    function: str
    english: str
    french: str


KINDS = {
    "communes": Kind("territory", "import_communes", "CSV of centres, or outlines", "CSV de centres, ou contours"),
    "population": Kind(
        "population",
        "import_population",
        "INSEE's 200 m grid, H3 cells, polygons or points with people",
        "carreaux de 200 m de l’INSEE, cellules H3, polygones ou points avec habitants",
    ),
    "sites": Kind("territory", "import_sites", "Arcep's CSV", "CSV de l’Arcep"),
    "planned-sites": Kind(
        "territory", "import_planned_sites", "CSV of announced antennas, the same", "CSV d’antennes annoncées, de même"
    ),
    "dcc": Kind("dcc", "import_dcc", "Arcep's DCC points or sites", "points ou sites DCC de l’Arcep"),
}
"""Kind of file → its import."""


@territory.command("import", help=tr("Import a file about the territory.", "Importer un fichier sur le territoire."))
def import_territory(
    kind: Annotated[
        str,
        typer.Argument(
            click_type=click.Choice(list(KINDS)),
            help="; ".join(f"{name}: {tr(one.english, one.french)}" for name, one in KINDS.items()) + ".",
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
    if population is not None and kind != "communes":
        raise MailleError(tr("--population goes with communes alone", "--population ne va qu’avec communes"))
    importer = getattr(import_module(f"aggregator.evidence.{KINDS[kind].module}"), KINDS[kind].function)
    beside = {} if population is None else {"population": population}
    with progress_bar(as_json) as progress:
        if progress:
            progress(file.name, 0.0)
        imported = importer(file, data_directory(data) / "territory", **beside)
    answer(as_json, {"kind": kind, **asdict(imported)}, imported.text())


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
