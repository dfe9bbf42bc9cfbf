"""`maille corridors`: verdicts along roads, railways or any other lines."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from aggregator.commands.options import Departement, NameColumn, Outline, Threshold, data_directory, territory_given
from client_sdk.commands.terminal import Json, answer, progress_bar
from client_sdk.errors import MailleError
from client_sdk.messages import counted, rounded, tr
from collector.options import Data

if TYPE_CHECKING:
    import geopandas as gpd
    import pandas as pd

    from aggregator.evidence.lines import LineKind


def corridors(
    lines: Annotated[
        str,
        typer.Argument(
            metavar="roads|railways|FILE",
            help=tr(
                "Lines imported before, or a layer of lines: GeoPackage, GeoJSON, shapefile.",
                "Lignes importées, ou une couche de lignes : GeoPackage, GeoJSON, shapefile.",
            ),
        ),
    ],
    kind: Annotated[
        Literal["roads", "railways"],
        typer.Option(help=tr("What the lines of FILE are.", "Ce que sont les lignes de FICHIER.")),
    ] = "roads",
    name: Annotated[
        list[str] | None,
        typer.Option(help=tr("Only this line; can be given several times.", "Cette ligne seule ; peut être répété.")),
    ] = None,
    name_column: NameColumn = None,
    speed_kmh: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=400,
            help=tr(
                "Speed at which gaps are told in seconds (90 on roads, 160 on railways).",
                "Vitesse à laquelle les lacunes sont dites en secondes (90 sur route, 160 sur rail).",
            ),
        ),
    ] = None,
    technology: Annotated[
        Literal["2G", "3G", "4G", "5G"],
        typer.Option(help=tr("Of the strips; the table has all.", "Des bandeaux ; le tableau les a toutes.")),
    ] = "4G",
    threshold: Threshold = "service",
    strips: Annotated[
        int, typer.Option(min=0, max=1000, help=tr("Strips drawn at most.", "Nombre maximal de bandeaux."))
    ] = 20,
    out: Annotated[
        Path | None,
        typer.Option(help=tr("Directory of the files (DATA/corridors/…).", "Dossier des fichiers (DATA/corridors/…).")),
    ] = None,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Table, layer and strips, from every verdict: for the project team."""
    from aggregator.evidence.claims import read_claims
    from aggregator.evidence.territory import read_communes
    from aggregator.judgement.comparison import read_verdicts
    from aggregator.pipeline import Room
    from aggregator.proposals.corridors import SPEED_KMH, follow
    from aggregator.publication.corridor_files import write_corridors

    folder = data_directory(data)
    territory = territory_given(folder, departement, outline)
    with progress_bar(as_json) as progress:
        if progress:
            progress(lines, 0.0)
        imported = lines in SPEED_KMH
        layer: LineKind = "railways" if "railways" in (lines, kind) and lines != "roads" else "roads"
        found = _imported(folder, layer) if imported else _of_file(Path(lines), layer, name_column)
        verdicts = read_verdicts(folder / "judgement")
        told = follow(
            _named(found, lines, name),
            verdicts,
            read_claims(folder / "claims"),
            speed_kmh=speed_kmh or SPEED_KMH[layer],
            threshold=threshold,
            within=territory.cells if territory else None,
            progress=Room(progress, 0.1, 0.5, tr("corridors", "axes")),
        )
        files = write_corridors(
            told,
            out or folder / "corridors" / (lines if imported else Path(lines).stem),
            technology=technology,
            communes=read_communes(folder / "territory") if (folder / "territory/communes.parquet").exists() else None,
            last_day=verdicts["last_day"].max() if len(verdicts) else None,
            strips=strips,
            progress=Room(progress, 0.5, 1.0, tr("files", "fichiers")),
        )
    rows = told.table[told.table["technology"] == technology]
    members = {
        "table": str(files.table),
        "layer": str(files.layer),
        "strips": [str(file) for file in files.strips],
        "lines": rows.drop(columns="path").to_dict("records"),
    }
    answer(as_json, members, _text(rows, files.table.parent))


def _imported(folder: Path, layer: "LineKind") -> "gpd.GeoDataFrame":
    from aggregator.evidence.lines import read_lines

    found = read_lines(folder / "territory", layer)
    if found is None:
        file = folder / "territory" / f"{layer}.parquet"
        raise MailleError(
            tr(
                f"{file}: none yet, expected `maille territory import {layer} FILE` first",
                f"{file} : rien encore, faites d’abord `maille territory import {layer} FICHIER`",
            )
        )
    return found


def _of_file(file: Path, layer: "LineKind", name_column: str | None) -> "gpd.GeoDataFrame":
    from aggregator.evidence.lines import read_line_file

    if not file.is_file():
        raise MailleError(
            tr(
                f"{file}: no such file, expected roads, railways or a file",
                f"{file} : ni roads, ni railways, ni fichier",
            )
        )
    return read_line_file(file, layer, name_column=name_column)[0]


def _named(found: "gpd.GeoDataFrame", lines: str, names: list[str] | None) -> "gpd.GeoDataFrame":
    """The lines that are asked for, among those with a name."""
    kept = found[(found["name"] != "") & (found["name"].isin(names) if names else True)]
    if len(kept):
        return kept
    if names:
        wanted = ", ".join(names)
        raise MailleError(tr(f"{lines}: no line named {wanted}", f"{lines} : aucune ligne nommée {wanted}"))
    raise MailleError(
        tr(f"{lines}: no line has a name, expected --name-column", f"{lines} : lignes sans nom, donnez --name-column")
    )


TOLD = 20
"""Lines of text at most; the table has all."""


def _text(rows: "pd.DataFrame", folder: Path) -> str:
    from aggregator.proposals.paths import label_of

    longest = rows.sort_values(["length_km", "path", "operator"], ascending=[False, True, True]).head(TOLD)
    lines = [f"{label_of(row['name'], row['part'])}, {_told(row)}" for row in longest.to_dict("records")]
    rest = len(rows) - len(longest)
    if rest:
        lines.append(tr("… and ", "… et ") + counted(rest, "more in the table.", "autre(s) dans le tableau."))
    if rows.empty:
        lines.append(
            tr("No verdict and no claim on this technology.", "Ni verdict ni déclaration sur cette technologie.")
        )
    return "\n".join([*lines, str(folder)])


def _told(row: dict[Any, Any]) -> str:
    from client_sdk.operators import operator_name

    km = {name: rounded(row[f"{name}_km"]) for name in ("length", "confirmed", "contradicted", "suspected", "unknown")}
    gap = f"{rounded(row['unconfirmed_gap_km'])} km ({row['unconfirmed_gap_s']:.0f} s, {row['speed_kmh']:g} km/h)"
    return operator_name(row["operator"]) + tr(
        f": {km['length']} km, confirmed {km['confirmed']}, contradicted {km['contradicted']}, to be checked "
        f"{km['suspected']}, unknown {km['unknown']}; longest without confirmed service {gap}",
        f" : {km['length']} km, confirmés {km['confirmed']}, contredits {km['contradicted']}, à vérifier "
        f"{km['suspected']}, inconnus {km['unknown']} ; plus long sans service confirmé {gap}",
    )
