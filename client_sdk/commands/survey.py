"""`maille survey`: measure along a road or at a place, for hours, and lose nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_sdk.commands.survey_report import command as report
from client_sdk.commands.survey_run import run_survey
from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.sample import Context

if TYPE_CHECKING:
    from client_sdk.survey.control import Wish

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help=tr("Show warnings only.", "N’afficher que les avertissements."))
]

commands = typer.Typer(no_args_is_help=False, pretty_exceptions_enable=False)


@commands.callback(invoke_without_command=True)
def survey(context: typer.Context) -> None:
    """Without a word after it: begin, or go on with a survey that was cut off."""
    if context.invoked_subcommand is None:
        start()


@commands.command(
    help=tr(
        "Begin a survey, or go on with the one that was cut off. Ctrl-C ends it, a second Ctrl-C leaves at once.",
        "Commencer un relevé, ou reprendre celui qui a été coupé. Ctrl-C l’arrête, un second quitte aussitôt.",
    )
)
def start(
    modem: Annotated[
        list[str] | None,
        typer.Option(
            metavar=tr("[LABEL=]SOURCE[@INTERFACE]", "[NOM=]SOURCE[@INTERFACE]"),
            help=tr(
                "A modem to survey, like orange=modemmanager:0@wwan0, termux or none; can be given several times. By "
                "default all those that are found.",
                "Un modem à relever, comme orange=modemmanager:0@wwan0, termux ou none ; peut être répété. Par défaut "
                "tous ceux qui sont trouvés.",
            ),
        ),
    ] = None,
    position: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "Source of the position: gpsd, gpsd:HOST:PORT, termux, fixed:LAT,LON, none; by default what is found.",
                "Source de la position : gpsd, gpsd:HÔTE:PORT, termux, fixed:LAT,LON ou none ; par défaut celle "
                "trouvée.",
            )
        ),
    ] = None,
    campaign: Annotated[str | None, typer.Option(help=tr("Name of the campaign.", "Nom de la campagne."))] = None,
    vehicle: Annotated[str | None, typer.Option(help=tr("Vehicle.", "Véhicule."))] = None,
    equipment: Annotated[
        str | None, typer.Option(help=tr("Modem, antenna and mount.", "Modem, antenne et fixation."))
    ] = None,
    antenna: Annotated[
        Literal["internal", "external"] | None,
        typer.Option(help=tr("Antenna of the device.", "Antenne de l’appareil.")),
    ] = None,
    context: Annotated[
        Context,
        typer.Option(
            help=tr(
                "Surroundings; on foot is outdoor, a train is a vehicle. Unknown ones count for no verdict.",
                "Environnement ; à pied : outdoor, en train : vehicle. Inconnu, il ne compte pour aucun verdict.",
            )
        ),
    ] = "unknown",
    sim_plmn: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "PLMN of the SIM, like 20801, where the source does not tell it.",
                "PLMN de la SIM, comme 20801, si la source ne le dit pas.",
            )
        ),
    ] = None,
    echo: Annotated[
        float,
        typer.Option(
            help=tr("Echoes a second, 1 to 10, or 0 for none.", "Échos par seconde, de 1 à 10, ou 0 pour aucun.")
        ),
    ] = 5.0,
    fence_m: Annotated[
        float,
        typer.Option(
            min=10, max=1000, help=tr("Metres after which a sample ends.", "Mètres au bout desquels un relevé finit.")
        ),
    ] = 50.0,
    fence_s: Annotated[
        float,
        typer.Option(
            min=2, max=60, help=tr("Seconds after which a sample ends.", "Secondes au bout desquelles un relevé finit.")
        ),
    ] = 10.0,
    test_every: Annotated[
        str | None,
        typer.Option(
            metavar="2km|10min|200MB/h",
            help=tr(
                "Throughput test after so far, so long, or as often as so much data an hour allows.",
                "Test de débit après cette distance, cette durée, ou aussi souvent que ce volume par heure le permet.",
            ),
        ),
    ] = None,
    tests_at_once: Annotated[
        bool,
        typer.Option(
            "--tests-at-once",
            help=tr(
                "Test all modems at the same time; by default one after the other, since they share the computer’s USB "
                "and often a mast.",
                "Tester tous les modems en même temps ; par défaut l’un après l’autre, car ils partagent l’USB de "
                "l’ordinateur et souvent une antenne-relais.",
            ),
        ),
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="30m",
            help=tr(
                "Measure once in so long and rest in between, for a fixed site.",
                "Mesurer une fois par période et se reposer entre, pour un site fixe.",
            ),
        ),
    ] = None,
    download_mb: Annotated[
        float, typer.Option(min=0.25, max=1000, help=tr("Most data received by a test, MB.", "Réception au plus, Mo."))
    ] = 40.0,
    upload_mb: Annotated[
        float, typer.Option(min=0.25, max=1000, help=tr("Most data sent by a test, MB.", "Envoi au plus, Mo."))
    ] = 15.0,
    session_mb: Annotated[
        float | None, typer.Option(min=0, help=tr("Data budget of this survey, MB.", "Budget de ce relevé, Mo."))
    ] = None,
    day_mb: Annotated[
        float | None, typer.Option(min=0, help=tr("Data budget of a day, MB.", "Budget par jour, Mo."))
    ] = None,
    month_mb: Annotated[
        float | None, typer.Option(min=0, help=tr("Data budget of a month, MB.", "Budget par mois, Mo."))
    ] = None,
    upload: Annotated[
        Literal["always", "wifi", "manual"],
        typer.Option(
            help=tr(
                "When samples are sent during the survey; never while a test runs.",
                "Quand les relevés sont envoyés pendant le relevé ; jamais pendant un test.",
            )
        ),
    ] = "always",
    new: Annotated[
        bool,
        typer.Option(
            "--new",
            help=tr(
                "End a survey that was cut off and begin another.", "Finir un relevé coupé et en commencer un autre."
            ),
        ),
    ] = False,
    quiet: Quiet = False,
    as_json: Json = False,
) -> None:
    """Begin a survey, or go on with the one that was cut off."""
    from client_sdk.survey.options import ModemChoice, SurveyOptions
    from client_sdk.survey.schedule import parse_period_s, parse_rhythm

    options = SurveyOptions(
        modems=tuple(map(ModemChoice.parse, modem or ())),
        position=position,
        campaign=campaign,
        vehicle=vehicle,
        equipment=equipment,
        antenna=antenna,
        context=context,
        sim_plmn=sim_plmn,
        echo_hz=echo,
        fence_m=fence_m,
        fence_s=fence_s,
        test_every=test_every,
        tests_at_once=tests_at_once,
        every=every,
        download_mb=download_mb,
        upload_mb=upload_mb,
        session_mb=session_mb,
        day_mb=day_mb,
        month_mb=month_mb,
        upload=upload,
    )
    options.check()
    if test_every:
        parse_rhythm(test_every)
    if every:
        parse_period_s(every)
    run_survey(options, new=new, quiet=quiet, as_json=as_json)


@commands.command(help=tr("Pause the running survey.", "Mettre en pause le relevé en cours."))
def pause(as_json: Json = False) -> None:
    """Pause the running survey."""
    _tell("pause", as_json)


@commands.command(
    help=tr(
        "Go on: with the survey that is paused, or with the one that was cut off.",
        "Reprendre : le relevé en pause, ou celui qui a été coupé.",
    )
)
def resume(quiet: Quiet = False, as_json: Json = False) -> None:
    """Go on."""
    from client_sdk.survey.control import is_running

    if is_running(field_home().folder):
        _tell("resume", as_json)
    else:
        run_survey(None, new=False, quiet=quiet, as_json=as_json)


@commands.command(help=tr("End the survey, running or cut off.", "Finir le relevé, en cours ou coupé."))
def stop(as_json: Json = False) -> None:
    """End the survey."""
    from client_sdk.outbox.surveys import Surveys
    from client_sdk.survey.control import is_running, survey_lock
    from client_sdk.survey.setup import drafts_file, end_unfinished

    home = field_home()
    if is_running(home.folder):
        _tell("stop", as_json)
        return
    with survey_lock(home.folder), open_outbox(home) as outbox:
        record = Surveys(outbox).unfinished()
        if record is None:
            raise MailleError(tr("no survey is running, and none was cut off", "aucun relevé en cours ni coupé"))
        end_unfinished(outbox, record, drafts_file(home))
    answer(as_json, {"state": "stopped"}, _told("stopped"))


@commands.command(
    "test",
    help=tr("Test throughput now, in the running survey.", "Tester le débit maintenant, dans le relevé en cours."),
)
def throughput_now(as_json: Json = False) -> None:
    """Test throughput as soon as possible."""
    _tell("test", as_json)


commands.command(
    "report", help=tr("Draw a survey: map, table, GeoJSON, CSV.", "Dessiner un relevé : carte, tableau, GeoJSON, CSV.")
)(report)


def _tell(wish: Wish, as_json: bool) -> None:
    from client_sdk.survey.control import tell

    state = tell(field_home().folder, wish)
    answer(as_json, {"state": state}, _told(state))


def _told(state: str) -> str:
    words = {
        "recording": tr("The survey records.", "Le relevé enregistre."),
        "paused": tr("The survey is paused.", "Le relevé est en pause."),
        "stopped": tr("The survey is over; everything was kept.", "Le relevé est fini ; tout est gardé."),
    }
    return words.get(state, state)
