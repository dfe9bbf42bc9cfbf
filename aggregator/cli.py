"""The commands of a project team: territory, coverage, aggregate, zones, publish, serve, demo.

What a command needs is imported when it runs: `maille --help` stays fast. Errors are raised, and told by ``maille``.
"""

import os
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr

if TYPE_CHECKING:
    from collector.settings import Settings

commands = typer.Typer(no_args_is_help=True)
territory = typer.Typer(no_args_is_help=True, help=tr("Import communes and sites.", "Importer communes et sites."))
coverage = typer.Typer(
    no_args_is_help=True,
    help=tr("Import and show declared coverage.", "Importer et afficher la couverture déclarée."),
)
commands.add_typer(territory, name="territory")
commands.add_typer(coverage, name="coverage")

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        help=tr(
            "Directory of the server's data (MAILLE_DATA; ./maille-data).",
            "Répertoire des données du serveur (MAILLE_DATA ; ./maille-data).",
        ),
    ),
]
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
Port = Annotated[int, typer.Option(min=0, max=65_535, help=tr("TCP port; 0: any.", "Port TCP ; 0 : au choix."))]
PORT = 8421  # beside the collector's 8420


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
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, metavar="FILE")],
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

    folder = _data(data) / "territory"
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

    folder = _data(data)
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
    lines = (f"{one.operator} {one.technology} {one.usage} {one.quarter} ({one.file})" for one in sources)
    answer(as_json, {"sources": [asdict(source) for source in sources]}, "\n".join(lines))


@coverage.command(help=tr("Show what is declared.", "Afficher ce qui est déclaré."))
def show(data: Data = None, as_json: Json = False) -> None:
    """One line per operator, technology and usage: hexagons claimed, and where this was read."""
    from dataclasses import asdict

    from aggregator.evidence.claims import read_claim_sources, read_claims

    claims = read_claims(_data(data) / "claims")
    keys = ["operator", "technology", "usage"]
    shares = claims.groupby([*keys, "h3_r8"])["declared_share"].sum()
    claimed = (shares >= 0.5).groupby(level=keys).sum().to_dict()
    rows = [
        {**asdict(source), "hexagons_claimed": int(claimed.get((source.operator, source.technology, source.usage), 0))}
        for source in read_claim_sources(_data(data) / "claims")
    ]
    text = "\n".join(
        f"{row['operator']} {row['technology']} {row['usage']} {row['quarter']}: {row['hexagons_claimed']} "
        + tr("hexagons claimed", "hexagones déclarés")
        + f" — {row['source']}, {row['licence']}, {row['file']}"
        for row in rows
    )
    answer(as_json, {"sources": rows}, text or tr("Nothing imported yet.", "Rien d’importé."))


@commands.command(help=tr("Turn the archive into verdicts.", "Tirer les verdicts de l’archive."))
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

    folder, end = _data(data), last_day.date() if last_day else None
    with progress_bar(as_json) as progress:
        if archive:
            room = pipeline.Room(progress, 0.0, 0.6, tr("archive", "archive"))
            pipeline.update_archive(folder, _settings(folder), room)
        pipeline.gather_evidence(folder, pipeline.Room(progress, 0.6, 0.8, tr("evidence", "indices")))
        verdicts = pipeline.judge(folder, end, progress=pipeline.Room(progress, 0.8, 1.0, tr("judgement", "verdicts")))
    lines = [f"  {count} {kind}" for kind, count in verdicts.items()]
    heading = tr("4G service, hexagon × operator:", "Service 4G, hexagone × opérateur :")
    answer(as_json, {"verdicts": verdicts}, "\n".join([heading, *lines]))


@commands.command(help=tr("Propose candidate zones.", "Proposer des zones candidates."))
def zones(
    count: Annotated[int, typer.Option(min=1, max=1000, help=tr("Zones at most.", "Nombre maximal de zones."))] = 10,
    technology: Annotated[
        Literal["2G", "3G", "4G", "5G"], typer.Option(help=tr("Whose verdicts count.", "Technologie considérée."))
    ] = "4G",
    threshold: Annotated[
        Literal["service", "3", "8", "30"],
        typer.Option(help=tr("service, or Mbit/s of download.", "service, ou Mbit/s en réception.")),
    ] = "service",
    data: Data = None,
    as_json: Json = False,
) -> None:
    """From every verdict, for the project team; `publish` then proposes what may be public, the same way."""
    from aggregator import pipeline
    from aggregator.proposals.zones import ZoneParameters

    with progress_bar(as_json) as progress:
        parameters = ZoneParameters(count=count, technology=technology, threshold=threshold)
        proposed = pipeline.propose(_data(data), parameters, progress)
    columns = ["rank", "zone_id", "name", "communes", "people", "unmet_people", "contradicted", "suspected"]
    rows = [
        {**zone, "rank": int(zone["rank"]), "evidence_class": str(zone["evidence_class"])}
        for zone in proposed[[*columns, "evidence_class"]].to_dict("records")
    ]
    text = "\n".join(
        f"{zone['rank']:>3}  {zone['zone_id']}  {zone['communes']}  "
        + tr(f"{zone['people']:.0f} people", f"{zone['people']:.0f} habitants")
        + tr(", evidence class ", ", classe d’indices ")
        + zone["evidence_class"]
        for zone in rows
    )
    answer(as_json, {"zones": rows}, text or tr("No zone: no unmet demand found.", "Aucune zone."))


@commands.command(help=tr("Write a release.", "Écrire une publication."))
def publish(
    audience: Audience = "public",
    last_day: LastDay = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Immutable files with a manifest, from what `aggregate` and `zones` left."""
    from aggregator.publication.release import publish as write_release

    with progress_bar(as_json) as progress:
        end = last_day.date() if last_day else None
        release = write_release(_data(data), audience=audience, last_day=end, progress=progress)
    answer(as_json, {"release": str(release), "audience": audience}, str(release))


@commands.command(help=tr("Serve the releases: read API and map.", "Servir les publications : API et carte."))
def serve(
    audience: Audience = "public",
    host: Annotated[str, typer.Option(help=tr("Address to listen on.", "Adresse d’écoute."))] = "127.0.0.1",
    port: Port = PORT,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Serve until interrupted."""
    from aggregator.publication.release import FOLDER

    _serve(_data(data) / FOLDER[audience], host, port, as_json)


@commands.command(
    help=tr(
        "Run the whole path on a real territory, with synthetic phones, and serve the map.",
        "Dérouler toute la chaîne sur un territoire réel, avec des téléphones synthétiques, et servir la carte.",
    )
)
def demo(
    out: Annotated[
        Path,
        typer.Option(help=tr("Directory for everything; rebuilt.", "Dossier de la démonstration ; refait à neuf.")),
    ] = Path("maille-demo"),
    seed: Annotated[int, typer.Option(min=0, help=tr("Of the synthetic world.", "Du monde synthétique."))] = 58,
    volunteers: Annotated[
        int, typer.Option(min=1, max=1000, help=tr("Phones of each operator.", "Téléphones par opérateur."))
    ] = 60,
    field_data: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help=tr(
                "Directory of real files to take down the same path instead.",
                "Dossier de fichiers réels à faire passer par le même chemin, à la place.",
            ),
        ),
    ] = None,
    serve: Annotated[bool, typer.Option(help=tr("Serve the map at the end.", "Servir la carte à la fin."))] = True,
    port: Port = PORT,
    as_json: Json = False,
) -> None:
    """Synthetic, or real files with --field-data."""
    started = time.monotonic()
    if field_data:
        releases = _demonstrate_field_data(field_data, out, as_json)
    else:
        releases = _demonstrate(out, seed, volunteers, as_json)
    if not as_json:
        seconds = time.monotonic() - started
        typer.echo(tr(f"Done in {seconds:.0f} s.", f"Terminé en {seconds:.0f} s."))
    if serve:
        _serve(releases, "127.0.0.1", port, as_json)


def _demonstrate(out: Path, seed: int, volunteers: int, as_json: bool) -> Path:
    from aggregator.demo import demonstrate
    from aggregator.demo_report import print_report
    from aggregator.synthetic import label
    from aggregator.synthetic.world import Scenario

    if not as_json:
        typer.echo(label())
    with progress_bar(as_json) as progress:
        outcome = demonstrate(out, Scenario(seed=seed, volunteers=volunteers), progress)
    if as_json:
        answer(True, outcome.members(), "")
    else:
        print_report(outcome)
    return outcome.release.parent


def _demonstrate_field_data(field_data: Path, out: Path, as_json: bool) -> Path:
    from aggregator.field_data import walk

    with progress_bar(as_json) as progress:
        outcome = walk(field_data, out, progress)
    answer(as_json, outcome.members(), outcome.text())
    return outcome.release.parent


def _serve(releases: Path, host: str, port: int, as_json: bool) -> None:
    from aggregator.serving import serve_releases

    def announce(url: str) -> None:
        text = tr(f"The map is at {url} (stop it with Ctrl-C).", f"La carte est sur {url} (arrêt par Ctrl-C).")
        answer(as_json, {"url": url}, text)

    try:
        serve_releases(releases, host, port, announce)
    except KeyboardInterrupt:
        return


def _data(given: Path | None) -> Path:
    return given if given is not None else Path(os.environ.get("MAILLE_DATA") or "maille-data")


def _settings(data: Path) -> "Settings":
    """Of the collector whose database is archived: MAILLE_DATABASE_URL, or the SQLite file in the data."""
    from collector.settings import Settings

    return Settings.from_environment({**os.environ, "MAILLE_DATA": str(data)})
