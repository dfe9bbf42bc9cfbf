"""`maille calibrate`: constants of the decision rule, measured instead of assumed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aggregator.commands.options import data_directory
from client_sdk.commands.terminal import Json, answer
from client_sdk.messages import tr
from collector.options import Data

if TYPE_CHECKING:
    import pandas as pd

    from aggregator.judgement.calibration import VehicleLoss

calibrate = typer.Typer(
    no_args_is_help=True, help=tr("Measure constants of the decision rule.", "Mesurer des constantes de la règle.")
)


@calibrate.command(
    help=tr(
        "Measure what a vehicle costs in signal, from pairs of readings in and out of it.",
        "Mesurer ce qu’un véhicule coûte en signal, à partir de mesures dedans et à côté.",
    )
)
def vehicle(
    file: Annotated[
        Path | None,
        typer.Argument(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help=tr(
                "CSV with place, device, outdoor_rsrp_dbm and vehicle_rsrp_dbm; by default field teams' readings in "
                "the archive.",
                "CSV avec place, device, outdoor_rsrp_dbm et vehicle_rsrp_dbm ; sinon, les relevés des équipes de "
                "terrain dans l’archive.",
            ),
        ),
    ] = None,
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help=tr("Put the result into DATA/constants.json.", "Inscrire le résultat dans DATA/constants.json."),
        ),
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Show the estimate, what it rests on, and what to put into the constants."""
    import pandas as pd

    from aggregator.judgement.calibration import crowd_loss_db, paired_readings, pairs_of_table, vehicle_loss
    from aggregator.judgement.constants_file import read_constants, write_change
    from client_sdk.errors import MailleError

    folder = data_directory(data)
    histograms = folder / "evidence" / "histograms.parquet"
    crowd = crowd_loss_db(pd.read_parquet(histograms)) if histograms.exists() else None
    pairs, left_out = (pairs_of_table(file), {}) if file else paired_readings(_field_readings(folder))
    loss = vehicle_loss(pairs, left_out, crowd)
    if write and not loss.enough:
        raise MailleError(_too_few(loss.places))
    written = write_change(folder, "vehicle_loss_db", loss.constants["vehicle_loss_db"]) if write else None
    members = {**loss.members(), "written": str(written) if written else None}
    answer(as_json, members, _told(loss, read_constants(folder).vehicle_loss_db, written))


def _field_readings(folder: Path) -> "pd.DataFrame":
    """Field teams' rows of the archive."""
    import pandas as pd
    import pyarrow.parquet as pq

    from aggregator.judgement.calibration import READINGS
    from collector.settings import Settings
    from collector.storage.archive.place import Place

    place = Place(Settings.from_environment({**os.environ, "MAILLE_DATA": str(folder)}).archive)
    parts = [pd.DataFrame(columns=READINGS)]
    for name in sorted(name for name in place.files() if name.endswith(".parquet")):
        with place.open(name) as stream:
            known = set(pq.read_schema(stream).names)
            stream.seek(0)
            columns = [column for column in READINGS if column in known]
            table = pq.read_table(stream, columns=columns, filters=[("tier", "=", "field_team")])
        parts.append(table.to_pandas().reindex(columns=READINGS))
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def _too_few(places: int) -> str:
    from aggregator.judgement.calibration import LEAST_PLACES

    return tr(
        f"{places} places, expected {LEAST_PLACES} or more before a default is replaced",
        f"{places} lieux, attendu au moins {LEAST_PLACES} avant de remplacer une valeur par défaut",
    )


def _told(loss: "VehicleLoss", in_use_db: float, written: Path | None) -> str:
    from aggregator.judgement.wording import decimal

    def db(value: float) -> str:
        return tr(decimal(value, "en"), decimal(value, "fr"))

    lines = [
        tr(
            f"Loss in a vehicle: {db(loss.loss_db)} dB, 95% interval {db(loss.low_db)} to {db(loss.high_db)} dB, "
            f"spread between places {db(loss.spread_db)} dB.",
            f"Perte en véhicule : {db(loss.loss_db)} dB, intervalle à 95 % de {db(loss.low_db)} à "
            f"{db(loss.high_db)} dB, écart entre lieux {db(loss.spread_db)} dB.",
        ),
        tr(
            f"From {loss.pairs} pairs at {loss.places} places, {loss.phones} phone{'s' if loss.phones > 1 else ''}.",
            f"D’après {loss.pairs} paires en {loss.places} lieux, {loss.phones} "
            f"téléphone{'s' if loss.phones > 1 else ''}.",
        ),
        *(
            tr(f"  left out: {count} {reason}", f"  écarté : {count} {reason}")
            for reason, count in loss.left_out.items()
        ),
    ]
    if loss.phones < 2:
        lines.append(
            tr(
                "One phone alone: another may lose more, or less.",
                "Un seul téléphone : un autre peut perdre plus, ou moins.",
            )
        )
    if loss.crowd_db is not None:
        lines.append(
            tr(
                f"Volunteers' readings alone would say {db(loss.crowd_db)} dB; that comes out about a third too low, "
                "since a phone without network reports no signal.",
                f"Les relevés des volontaires donneraient {db(loss.crowd_db)} dB ; c’est environ un tiers trop bas, "
                "car un téléphone sans réseau ne rapporte aucun signal.",
            )
        )
    if not loss.enough:
        lines.append(_too_few(loss.places) + ".")
    elif written:
        lines.append(tr(f"Written to {written}.", f"Inscrit dans {written}."))
    else:
        value = loss.constants["vehicle_loss_db"]
        lines.append(
            tr(
                f'In use: {db(in_use_db)} dB. To change it, put {{"vehicle_loss_db": {value}}} into constants.json in '
                "the data directory (--write does), then run `maille aggregate`.",
                f'Valeur en usage : {db(in_use_db)} dB. Pour la changer, mettez {{"vehicle_loss_db": {value}}} dans '
                "constants.json du dossier de données (--write le fait), puis lancez `maille aggregate`.",
            )
        )
    return "\n".join(lines)
