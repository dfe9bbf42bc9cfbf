"""`maille demo`: the whole path, for a newcomer who has only the repository."""

import time
from pathlib import Path
from typing import Annotated

import typer

from aggregator.commands.options import PORT, Port, serve_map
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.messages import tr


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
    samples_only: Annotated[
        bool,
        typer.Option(
            help=tr(
                "Only the synthetic samples and the truth about them, to study the method: OUT/data.",
                "Seulement les échantillons synthétiques et leur vérité, pour étudier la méthode : OUT/data.",
            )
        ),
    ] = False,
    serve: Annotated[bool, typer.Option(help=tr("Serve the map at the end.", "Servir la carte à la fin."))] = True,
    port: Port = PORT,
    as_json: Json = False,
) -> None:
    """Synthetic, or real files with --field-data."""
    started = time.monotonic()
    if samples_only:
        _make_samples(out, seed, volunteers, as_json)
        return
    if field_data:
        releases = _demonstrate_field_data(field_data, out, as_json)
    else:
        releases = _demonstrate(out, seed, volunteers, as_json)
    if not as_json:
        seconds = time.monotonic() - started
        typer.echo(tr(f"Done in {seconds:.0f} s.", f"Terminé en {seconds:.0f} s."))
    if serve:
        serve_map(releases, "127.0.0.1", port, as_json)


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


def _make_samples(out: Path, seed: int, volunteers: int, as_json: bool) -> None:
    from aggregator.demo import make_samples
    from aggregator.synthetic import label
    from aggregator.synthetic.world import Scenario

    with progress_bar(as_json) as progress:
        made = make_samples(out, Scenario(seed=seed, volunteers=volunteers), progress)
    size = f"{made.size_bytes / 1e6:.1f}"
    text = tr(
        f"{made.folder}: {made.samples} samples, {made.hexagons} places of known truth, {size} MB",
        f"{made.folder} : {made.samples} échantillons, {made.hexagons} lieux de vérité connue, {size} Mo",
    )
    members = {"synthetic": True, "label": label(), "samples": made.samples, "places": made.hexagons}
    answer(as_json, {**members, "folder": str(made.folder), "bytes": made.size_bytes}, f"{label()}\n{text}")


def _demonstrate_field_data(field_data: Path, out: Path, as_json: bool) -> Path:
    from aggregator.field_data import walk

    with progress_bar(as_json) as progress:
        outcome = walk(field_data, out, progress)
    answer(as_json, outcome.members(), outcome.text())
    return outcome.release.parent
