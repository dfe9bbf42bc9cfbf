"""`maille missions`: where a field team should measure, and what its tours settled."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aggregator.commands.options import Departement, Outline, Technology, Threshold, data_directory, territory_given
from client_sdk.commands.terminal import Json, Progress, answer, progress_bar
from client_sdk.errors import MailleError
from client_sdk.messages import counted, rounded, tr
from collector.options import Data

if TYPE_CHECKING:
    import geopandas as gpd

    from aggregator.evidence.outline import Territory
    from aggregator.proposals.mission_plan import Mission, MissionParameters

missions = typer.Typer()


@missions.callback(
    invoke_without_command=True,
    help=tr(
        "Plan two days of a field team; `report` says what they settled.",
        "Prévoir deux journées d’une équipe de terrain ; `report` dit ce qu’elles ont tranché.",
    ),
)
def plan(
    context: typer.Context,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="LAT,LON",
            help=tr("Where each day begins and ends.", "Où chaque journée commence et finit."),
        ),
    ] = None,
    hours: Annotated[
        float,
        typer.Option(
            min=0.5, max=24, help=tr("Of a day, from leaving to being back.", "D’une journée, du départ au retour.")
        ),
    ] = 6.0,
    technology: Technology = "4G",
    threshold: Threshold = "service",
    minutes_per_point: Annotated[
        float, typer.Option(min=1, max=60, help=tr("At each point, all phones.", "À chaque point, tous téléphones."))
    ] = 5.0,
    drive_kmh: Annotated[
        float, typer.Option(min=5, max=130, help=tr("Mean speed on the road.", "Vitesse moyenne sur la route."))
    ] = 50.0,
    departement: Departement = None,
    outline: Outline = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write a mission into DATA/missions/<id>: plan, GPX, GeoJSON and a sheet to print."""
    if context.invoked_subcommand is not None:
        return
    from aggregator.proposals.mission_plan import FOLDER, MissionParameters, write_plan
    from aggregator.publication.mission_files import write_mission_files
    from aggregator.publication.origin import read_origin, synthetic_text

    latitude, longitude = _place(start)
    folder = data_directory(data)
    parameters = MissionParameters(
        latitude=latitude,
        longitude=longitude,
        hours=hours,
        technology=technology,
        threshold=threshold,
        minutes_per_point=minutes_per_point,
        drive_kmh=drive_kmh,
    )
    territory = territory_given(folder, departement, outline)
    with progress_bar(as_json) as progress:
        mission, ground = _planned(folder, parameters, territory, progress)
        into = folder / FOLDER / mission.mission_id
        write_plan(mission, into)
        files = write_mission_files(mission, into, **ground, synthetic=synthetic_text(read_origin(folder)))
    members: dict[str, Any] = {
        "mission": mission.mission_id,
        "files": {kind: str(file) for kind, file in files.items()},
    }
    members |= {"hexagons": len(mission.stops), "points": len(mission.points), "days": mission.days.to_dict("records")}
    answer(as_json, members, _text(mission, into))


@missions.command(
    help=tr("What a mission settled, after `aggregate`.", "Ce qu’une mission a tranché, après `aggregate`.")
)
def report(
    mission_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help=tr("Of the mission, if several.", "De la mission, si plusieurs.")),
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Hold the plan against the verdicts of now."""
    from datetime import date

    from aggregator.judgement.basis import require_basis
    from aggregator.judgement.comparison import read_verdicts
    from aggregator.proposals.mission_plan import FOLDER, read_plan
    from aggregator.proposals.mission_report import report_mission

    folder = data_directory(data)
    mission = read_plan(_folder_of(folder / FOLDER, mission_id))
    basis = require_basis(folder)
    told = report_mission(
        mission,
        folder / "evidence",
        read_verdicts(folder / "judgement"),
        last_day=date.fromisoformat(basis.last_day) if basis.last_day else None,
        window_days=basis.window_days,
    )
    answer(as_json, told.members(), told.text())


def _planned(
    folder: Path, parameters: "MissionParameters", territory: "Territory | None", progress: Progress | None
) -> "tuple[Mission, dict[str, gpd.GeoDataFrame | None]]":
    """The mission, and the roads and communes that were known."""
    from aggregator.evidence.claims import read_claims
    from aggregator.evidence.lines import read_lines, road_km_by_hexagon
    from aggregator.evidence.territory import read_communes, read_people
    from aggregator.judgement.comparison import read_verdicts
    from aggregator.judgement.constants_file import read_constants
    from aggregator.proposals.mission_values import hexagons_of_class, mission_values
    from aggregator.proposals.missions import plan_mission

    tell = progress or (lambda label, done: None)
    tell(tr("people and roads", "habitants et routes"), 0.0)
    communes = read_communes(folder / "territory")
    roads = read_lines(folder / "territory", "roads")
    verdicts = read_verdicts(folder / "judgement")
    people = read_people(folder / "territory", communes)
    road_km = None if roads is None else road_km_by_hexagon(roads)
    tell(tr("value of a visit", "intérêt d’une visite"), 0.6)
    values = mission_values(
        verdicts,
        read_claims(folder / "claims"),
        people,
        road_km,
        technology=parameters.technology,
        threshold=parameters.threshold,
        points=parameters.points,
        weights=parameters.weights,
        class_c=hexagons_of_class(folder / "proposals" / "zones.parquet", "C", people.index.to_numpy()),
        within=territory.cells if territory else None,
        constants=read_constants(folder),
    )
    tell(tr("tour", "tournée"), 0.8)
    mission = plan_mission(values, verdicts, parameters, roads=roads, communes=communes)
    return mission, {"roads": roads, "communes": communes}


def _place(text: str | None) -> tuple[float, float]:
    """Latitude and longitude of ``--from``."""
    try:
        latitude, longitude = map(float, (text or "").split(","))
    except ValueError:
        latitude = longitude = 999.0
    if abs(latitude) > 90 or abs(longitude) > 180:
        raise MailleError(
            tr(
                f"--from: got {text!r}, expected LAT,LON like 47.29,3.95",
                f"--from : {text!r} au lieu de LAT,LON, comme 47.29,3.95",
            )
        )
    return latitude, longitude


def _folder_of(missions_folder: Path, mission_id: str | None) -> Path:
    """Directory of a mission; without an id, of the only one."""
    found = sorted(path.parent.name for path in missions_folder.glob("*/plan.json"))
    if mission_id in found or (mission_id is None and len(found) == 1):
        return missions_folder / (mission_id or found[0])
    listed = ", ".join(found) or tr("none", "aucune")
    raise MailleError(
        tr(
            f"mission: got {mission_id or 'no id'}, there are: {listed}",
            f"mission : {mission_id or 'sans identifiant'}, il y a : {listed}",
        )
    )


def _text(mission: "Mission", into: Path) -> str:
    days = ", ".join(
        tr("day {0}: ", "jour {0} : ").format(day["day"]) + f"{rounded(day['minutes'] / 60)} h, {day['km']:.0f} km"
        for day in mission.days.to_dict("records")
    )
    hexagons = counted(len(mission.stops), "hexagon(s)", "hexagone(s)")
    points = counted(len(mission.points), "point(s)", "point(s)")
    return tr(
        f"{hexagons} of {mission.considered} worth a visit, {points}; {days}.\n"
        f"Mission: {mission.mission_id}\nGPX, GeoJSON and sheet: {into}",
        f"{hexagons} sur {mission.considered} où mesurer serait utile, {points} ; {days}.\n"
        f"Mission : {mission.mission_id}\nGPX, GeoJSON et fiche : {into}",
    )
