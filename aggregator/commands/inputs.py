"""`maille territory`: what a project team is given before anything is measured."""

from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from aggregator.commands.options import NameColumn, data_directory, tell_outdated_claims
from aggregator.only_run import only_run
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.errors import MailleError
from client_sdk.messages import tr
from collector.options import Data

territory = typer.Typer(
    no_args_is_help=True, help=tr("Import what is known of the territory.", "Importer ce que l’on sait du territoire.")
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


KindName = Literal["communes", "population", "sites", "planned-sites", "outages", "roads", "railways", "dcc"]

KINDS: dict[KindName, Kind] = {
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
    "outages": Kind(
        "outages",
        "import_outages",
        "Arcep's GeoJSON of a day, or an operator's CSV; other days stay",
        "GeoJSON d’un jour de l’Arcep, ou CSV d’un opérateur ; les autres jours restent",
    ),
    "roads": Kind("lines", "import_roads", "any layer of lines", "toute couche de lignes"),
    "railways": Kind("lines", "import_railways", "the same", "de même"),
    "dcc": Kind("dcc", "import_dcc", "Arcep's DCC points or sites", "points ou sites DCC de l’Arcep"),
}
"""Kind of file → its import."""


@territory.command("import", help=tr("Import a file about the territory.", "Importer un fichier sur le territoire."))
def import_territory(
    kind: Annotated[
        KindName,
        typer.Argument(
            help=tr("; ", " ; ").join(
                tr(f"{name}: {one.english}", f"{name} : {one.french}") for name, one in KINDS.items()
            )
            + ".",
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
    if population is not None and kind != "communes":
        raise MailleError(tr("--population goes with communes alone", "--population ne va qu’avec communes"))
    if name_column is not None and kind not in ("roads", "railways"):
        raise MailleError(
            tr("--name-column goes with roads and railways alone", "--name-column ne va qu’avec roads et railways")
        )
    importer = getattr(import_module(f"aggregator.evidence.{KINDS[kind].module}"), KINDS[kind].function)
    given = {"population": population, "name_column": name_column}
    beside = {name: value for name, value in given.items() if value is not None}
    folder = data_directory(data)
    with only_run(folder), progress_bar(as_json) as progress:
        if progress:
            progress(file.name, 0.0)
        imported = importer(file, folder / "territory", **beside)
    answer(as_json, {"kind": kind, **asdict(imported)}, imported.text())
    if kind in ("roads", "population"):
        tell_outdated_claims(folder)
