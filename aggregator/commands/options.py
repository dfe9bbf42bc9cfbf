"""What the commands share: the data directory, the port, a warning about it, and serving a map."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_sdk.commands.terminal import answer, warn
from client_sdk.errors import MailleError
from client_sdk.messages import tr

if TYPE_CHECKING:
    from aggregator.evidence.outline import Territory
    from aggregator.publication.gate import Login

NameColumn = Annotated[
    str | None,
    typer.Option(
        help=tr(
            "Column of the lines' names, where it is none of the usual ones.",
            "Colonne du nom des lignes, si ce n’est aucune des habituelles.",
        )
    ),
]
Technology = Annotated[
    Literal["2G", "3G", "4G", "5G"], typer.Option(help=tr("Whose verdicts count.", "Technologie considérée."))
]
Threshold = Annotated[
    Literal["service", "3", "8", "30"],
    typer.Option(help=tr("service, or Mbit/s of download.", "service, ou Mbit/s en réception.")),
]
Port = Annotated[int, typer.Option(min=0, max=65_535, help=tr("TCP port; 0: any.", "Port TCP ; 0 : au choix."))]
PORT = 8421  # beside the collector's 8420
RELEASES_TOLD = 3
"""Of those that are there, in the message about one that is not."""

Departement = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CODE",
        help=tr(
            "Only hexagons centred in this département, 58 for the Nièvre; may be repeated.",
            "Seuls les hexagones centrés dans ce département, 58 pour la Nièvre ; peut être répété.",
        ),
    ),
]
Outline = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        metavar="FILE",
        help=tr(
            "Only hexagons centred in the polygons of this file, in any reference system.",
            "Seuls les hexagones centrés dans les polygones de ce fichier, en tout système de coordonnées.",
        ),
    ),
]


def data_directory(given: Path | None) -> Path:
    """What ``--data`` says, else the environment, else ``maille-data`` here."""
    return given if given is not None else Path(os.environ.get("MAILLE_DATA") or "maille-data")


def release_given(named: str, data: Path | None) -> Path:
    """Directory of a release: the folder that is named, or the release of this id in the data directory.

    Raises:
        MailleError: it is neither.
    """
    from aggregator.publication.shelf import FOLDER, RELEASE_ID

    folder, shelves = Path(named), [data_directory(data) / shelf for shelf in FOLDER.values()]
    if folder.is_dir():
        return folder.resolve()
    if RELEASE_ID.fullmatch(named):
        for shelf in shelves:
            if (shelf / named).is_dir():
                return (shelf / named).resolve()
    there = [path for shelf in shelves if shelf.is_dir() for path in shelf.iterdir()]
    newest = sorted((path.name for path in there if RELEASE_ID.fullmatch(path.name)), reverse=True)[:RELEASES_TOLD]
    listed = ", ".join(newest) or tr("none", "aucune")
    raise MailleError(
        tr(
            f"RELEASE {named}: neither a folder nor the id of a release in {data_directory(data)}; newest there: "
            f"{listed}",
            f"PUBLICATION {named} : ni un dossier, ni l’identifiant d’une publication de {data_directory(data)} ; les "
            f"plus récentes : {listed}",
        )
    )


def territory_given(data: Path, departement: "list[str] | None", outline: Path | None) -> "Territory | None":
    """What ``--departement`` or ``--outline`` names; None where neither is given."""
    from aggregator.evidence.outline import territory_of

    return territory_of(data, departement, outline)


def served_at(url: str) -> str:
    """What is served at an address, for people."""
    return tr(
        f"The map is at {url} (stop it with Ctrl-C).\n"
        f"For QGIS and programs: OGC API – Features at {url}ogc/, rows at {url}v1/hexagons, described at "
        f"{url}openapi.json.",
        f"La carte est sur {url} (arrêt par Ctrl-C).\n"
        f"Pour QGIS et les programmes : OGC API – Features sur {url}ogc/, lignes sur {url}v1/hexagons, description sur "
        f"{url}openapi.json.",
    )


def tell_outdated_claims(data: Path) -> None:
    """Warn of maps of coverage whose accessible shares were taken with other roads or people than there are now."""
    from aggregator.evidence.accessible import outdated_sources

    files = sorted({source.file for source in outdated_sources(data)})
    if files:
        named = ", ".join(files)
        warn(
            tr(
                "roads or people changed since coverage was imported, which is still judged by those of then; "
                f"run `maille coverage import` again on: {named}",
                "les routes ou la population ont changé depuis l’import de la couverture, encore jugée sur celles "
                f"d’alors ; relancez `maille coverage import` sur : {named}",
            )
        )


def serve_map(releases: Path, host: str, port: int, as_json: bool, login: "Login | None" = None) -> None:
    """Serve releases until interrupted, and say where; those of the team to whom a login lets in."""
    from aggregator.serving import serve_releases

    def announce(url: str) -> None:
        answer(as_json, {"url": url, "ogc": f"{url}ogc/", "rows": f"{url}v1/hexagons"}, served_at(url))

    try:
        serve_releases(releases, host, port, announce, login)
    except KeyboardInterrupt:
        return
