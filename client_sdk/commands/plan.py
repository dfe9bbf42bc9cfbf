"""`maille plan`: what a campaign will cost in mobile data, before it starts."""

from statistics import quantiles
from typing import Annotated

import typer

from client_sdk.commands.terminal import Json, answer
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.measurement.limits import Limits
from client_sdk.measurement.plan import (
    RURAL_DOWN_BPS,
    RURAL_UP_BPS,
    Campaign,
    Cost,
    Range,
    estimate,
    number_of_tests,
)
from client_sdk.messages import counted, tr
from client_sdk.survey.schedule import parse_rhythm
from client_sdk.survey.view import megabytes

LEAST_PAST_TESTS = 10
"""Ours: with fewer tests of its own the device's past says little of its future."""


def command(
    tests: Annotated[int | None, typer.Option(min=0, help=tr("Throughput tests.", "Tests de débit."))] = None,
    hours: Annotated[
        float, typer.Option(min=0, help=tr("Hours of continuous survey.", "Heures de relevé continu."))
    ] = 0,
    km: Annotated[float, typer.Option(min=0, help=tr("Kilometres to travel.", "Kilomètres à parcourir."))] = 0,
    test_every: Annotated[
        str | None,
        typer.Option(help=tr("A test every so far or so long: 2km, 10min.", "Un test tous les : 2km, 10min.")),
    ] = None,
    echo: Annotated[float, typer.Option(min=0, max=10, help=tr("Echoes a second.", "Échos par seconde."))] = 5,
    modems: Annotated[int, typer.Option(min=1, max=16, help=tr("Modems at once.", "Modems en même temps."))] = 1,
    expect_mbps: Annotated[
        float | None,
        typer.Option(min=0.01, help=tr("Download rate expected, in Mbit/s.", "Débit descendant attendu, en Mbit/s.")),
    ] = None,
    max_download_mb: Annotated[
        float, typer.Option(min=0.1, help=tr("Most data one test receives, MB.", "Réception au plus par test, Mo."))
    ] = 40,
    max_upload_mb: Annotated[
        float, typer.Option(min=0.1, help=tr("Most data one test sends, MB.", "Envoi au plus par test, Mo."))
    ] = 15,
    full_length: Annotated[
        bool, typer.Option("--full-length", help=tr("Tests of full length.", "Tests de pleine durée."))
    ] = False,
    data_gb: Annotated[
        float | None, typer.Option(min=0, help=tr("Data left on the plan, GB.", "Volume restant du forfait, Go."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Say what it will cost: low, typical, high, and what that assumes."""
    number = _tests(tests, test_every, km, hours, modems)
    if not number and not hours:
        raise MailleError(
            tr(
                "nothing is planned: give --tests, or --hours, or --test-every with --km or --hours",
                "rien n’est prévu : indiquez --tests, ou --hours, ou --test-every avec --km ou --hours",
            )
        )
    down_bps, up_bps, assumed = _rates(expect_mbps)
    campaign = Campaign(
        tests=number,
        hours=hours,
        modems=modems,
        echo_hz=echo,
        limits=Limits(
            download_bytes=round(max_download_mb * 1e6),
            upload_bytes=round(max_upload_mb * 1e6),
            full_length=full_length,
        ),
        down_bps=down_bps,
        up_bps=up_bps,
    )
    costs = estimate(campaign)
    fits = None if data_gb is None else costs[2].total <= data_gb * 1e9
    data = {
        "tests": number,
        "hours": hours,
        "rates": assumed,
        "down_bps": down_bps,
        "up_bps": up_bps,
        **{name: cost.as_json() for name, cost in zip(("low", "typical", "high"), costs, strict=True)},
        "fits": fits,
    }
    answer(as_json, data, "\n".join(_told(campaign, costs, assumed, data_gb)))


def _tests(tests: int | None, every: str | None, km: float, hours: float, modems: int) -> int:
    if every is None:
        return tests or 0
    if tests is not None:
        raise MailleError(
            tr("give --tests or --test-every, not both", "indiquez --tests ou --test-every, pas les deux")
        )
    rhythm = parse_rhythm(every)
    needed = {"distance": ("--km", km), "time": ("--hours", hours)}.get(rhythm.by)
    if needed is None:
        raise MailleError(
            tr(
                f"--test-every: {every} is an amount of data already: that is what it costs",
                f"--test-every : {every} est déjà un volume : c’est ce que cela coûte",
            )
        )
    if not needed[1]:
        raise MailleError(tr(f"--test-every {every} needs {needed[0]}", f"--test-every {every} demande {needed[0]}"))
    return number_of_tests(rhythm, km=km, hours=hours, modems=modems) or 0


def _rates(expect_mbps: float | None) -> tuple[Range, Range, str]:
    """Rates to reckon with, and in words where they come from."""
    if expect_mbps is not None:
        bps = expect_mbps * 1e6
        half, twice = (bps / 2, bps, bps * 2), (bps / 10, bps / 5, bps / 2)
        return half, twice, tr(
            "half, once and twice the rate given; a tenth, a fifth and half of it up",
            "la moitié, une et deux fois le débit indiqué ; en montant, un dixième, un cinquième et la moitié",
        )  # fmt: skip
    past = _past_rates()
    if past is not None:
        return (*past, tr("this device’s own tests", "les tests déjà faits par cet appareil"))
    return RURAL_DOWN_BPS, RURAL_UP_BPS, tr(
        "rural 4G: 3, 10 and 50 Mbit/s down, 0.5, 2 and 10 up",
        "4G rurale : 3, 10 et 50 Mbit/s descendants, 0,5, 2 et 10 montants",
    )  # fmt: skip


def _past_rates() -> tuple[Range, Range] | None:
    """5 %, half and 95 % of this device's tests lie below; None with too few."""
    from client_sdk.outbox.queue import Outbox
    from client_sdk.outbox.surveys import Surveys

    path = field_home().outbox
    if not path.exists():
        return None
    with Outbox(path) as outbox:
        surveys = Surveys(outbox)
        taken = [one.fields or {} for survey in surveys.all() for one in surveys.samples(survey.id)]
    rates: list[Range] = []
    for name in ("download_bps", "upload_bps"):
        known = [float(fields[name]) for fields in taken if name in fields]
        if len(known) < LEAST_PAST_TESTS:
            return None
        cuts = quantiles(known, n=20, method="inclusive")
        rates.append((cuts[0], cuts[9], cuts[18]))
    return rates[0], rates[1]


def _told(campaign: Campaign, costs: tuple[Cost, Cost, Cost], assumed: str, data_gb: float | None) -> list[str]:
    low, typical, high = costs
    tests = counted(campaign.tests, "test(s)", "test(s)")
    modems = counted(campaign.modems, "modem(s)", "modem(s)")
    hours, room = (tr(text, text.replace(".", ",")) for text in (f"{campaign.hours:g}", f"{data_gb or 0:g}"))
    lines = [
        tr(f"{tests}, {hours} h of survey on {modems}:", f"{tests}, {hours} h de relevé sur {modems} :"),
        "",
        f"{'':<22}{tr('low', 'bas'):>12}{tr('typical', 'courant'):>12}{tr('high', 'haut'):>12}",
    ]
    parts = (
        (tr("tests, download", "tests, descendant"), "download"),
        (tr("tests, upload", "tests, montant"), "upload"),
        (tr("echoes", "échos"), "echoes"),
        (tr("sending the samples", "envoi des relevés"), "samples"),
        (tr("total", "total"), "total"),
    )
    for label, name in parts:
        values = [megabytes(getattr(cost, name)) for cost in (low, typical, high)]
        lines.append(f"{label:<22}" + "".join(f"{value:>12}" for value in values))
    lines += ["", tr("Rates assumed: ", "Débits supposés : ") + assumed + "."]
    if data_gb is not None:
        left = data_gb * 1e9
        if high.total <= left:
            lines.append(tr(f"It fits in {room} GB.", f"Cela tient dans {room} Go."))
        elif typical.total <= left:
            lines.append(
                tr(
                    f"It fits in {room} GB unless rates are high.",
                    f"Cela tient dans {room} Go sauf débits élevés.",
                )
            )
        else:
            lines.append(
                tr(
                    f"It does not fit in {room} GB: fewer tests, or lower --max-download-mb.",
                    f"Cela ne tient pas dans {room} Go : moins de tests, ou --max-download-mb plus bas.",
                )
            )
    return lines
