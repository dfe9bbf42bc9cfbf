"""`maille measure`: one measurement against the collector, kept in the outbox."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from client_sdk.commands.terminal import Json, Progress, answer, open_outbox, progress_bar, warn
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.sample import Context, Rat, Sample, encode
from client_sdk.signing.keys import SigningKey

if TYPE_CHECKING:  # what measures is loaded when something is measured
    from client_sdk.measurement.access import Access
    from client_sdk.measurement.limits import Limits
    from client_sdk.measurement.once import Taken
    from client_sdk.measurement.route import Route
    from client_sdk.measurement.spending import Budgets
    from client_sdk.sources.reading import PositionFix, RadioReading

RAT_OF_TECHNOLOGY: dict[str, Rat] = {"2G": "gsm", "3G": "umts", "4G": "lte", "5G": "nr"}
_BY_HAND = tr("given by hand", "indiqué à la main")


def command(
    latitude: Annotated[
        float | None, typer.Option(min=-90, max=90, help=tr("WGS 84, ", "WGS 84, ") + _BY_HAND + ".")
    ] = None,
    longitude: Annotated[
        float | None, typer.Option(min=-180, max=180, help=tr("WGS 84, ", "WGS 84, ") + _BY_HAND + ".")
    ] = None,
    context: Annotated[
        Context, typer.Option(help=tr("Surroundings, ", "Environnement, ") + _BY_HAND + ".")
    ] = "unknown",
    sim_plmn: Annotated[
        str | None, typer.Option(help=tr("PLMN of the SIM, like 20801, ", "PLMN de la SIM, comme 20801, ") + _BY_HAND)
    ] = None,
    technology: Annotated[
        Literal["2G", "3G", "4G", "5G"] | None,
        typer.Option(help=tr("Technology shown by the phone, ", "Technologie affichée, ") + _BY_HAND + "."),
    ] = None,
    campaign: Annotated[
        str | None, typer.Option(help=tr("Name of the campaign.", "Nom de la campagne de mesure."))
    ] = None,
    radio: Annotated[
        str,
        typer.Option(
            help=tr(
                "Source of the radio’s values: auto, none, or one that `maille device check` lists.",
                "Source des valeurs radio : auto, none, ou l’une de celles que liste `maille device check`.",
            )
        ),
    ] = "auto",
    position: Annotated[
        str,
        typer.Option(
            help=tr(
                "Source of the position: auto, none, gpsd, termux, fixed:LAT,LON.",
                "Source de la position : auto, none, gpsd, termux, fixed:LAT,LON.",
            )
        ),
    ] = "auto",
    interface: Annotated[
        str | None,
        typer.Option(
            help=tr(
                "Network interface to measure over, like wwan0; by default the modem’s own.",
                "Interface réseau à mesurer, comme wwan0 ; par défaut celle du modem.",
            )
        ),
    ] = None,
    any_path: Annotated[
        bool,
        typer.Option(
            "--any-path",
            help=tr(
                "Measure over whatever carries it, Wi-Fi too; the sample says what it was.",
                "Mesurer par n’importe quel chemin, Wi-Fi compris ; la mesure dit lequel.",
            ),
        ),
    ] = False,
    max_download_mb: Annotated[
        float, typer.Option(min=0.25, max=1000, help=tr("Most data to receive, in MB.", "Réception au plus, en Mo."))
    ] = 40,
    max_upload_mb: Annotated[
        float, typer.Option(min=0.25, max=1000, help=tr("Most data to send, in MB.", "Envoi au plus, en Mo."))
    ] = 15,
    max_seconds: Annotated[
        float,
        typer.Option(min=1, max=10, help=tr("Longest transfer, in seconds.", "Durée maximale d’un transfert, s.")),
    ] = 10,
    full_length: Annotated[
        bool,
        typer.Option(
            "--full-length",
            help=tr(
                "Do not stop early once the rate is steady.",
                "Ne pas s’arrêter avant la fin quand le débit est stable.",
            ),
        ),
    ] = False,
    day_mb: Annotated[
        float | None, typer.Option(min=0, help=tr("Data budget of a day, in MB.", "Budget de données par jour, en Mo."))
    ] = None,
    month_mb: Annotated[
        float | None,
        typer.Option(min=0, help=tr("Data budget of a month, in MB.", "Budget de données par mois, en Mo.")),
    ] = None,
    server: Annotated[
        str | None,
        typer.Option(
            metavar="ws://HOST[:PORT]",
            help=tr(
                "Measure against any ndt7 server instead, to compare; nothing is kept for sending.",
                "Mesurer avec un autre serveur ndt7, pour comparer ; rien n’est gardé pour l’envoi.",
            ),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure once and keep the sample, whatever its outcome."""
    from client_sdk.measurement.access import Access
    from client_sdk.measurement.limits import Limits
    from client_sdk.measurement.once import Surroundings, chosen_route, measure
    from client_sdk.measurement.spending import Budgets
    from client_sdk.outbox.quiet import measuring

    surroundings = Surroundings(
        latitude=latitude,
        longitude=longitude,
        context=context,
        sim_plmn=sim_plmn,
        rat=RAT_OF_TECHNOLOGY.get(technology or ""),
        campaign=campaign,
    )
    limits = Limits(
        download_bytes=round(max_download_mb * 1e6),
        upload_bytes=round(max_upload_mb * 1e6),
        full_length=full_length,
        transfer_ms=round(max_seconds * 1000),
    )
    budgets = Budgets(day_bytes=_bytes(day_mb), month_bytes=_bytes(month_mb))
    with progress_bar(as_json) as progress:
        reading, fix = _read_sources(radio, "none" if latitude is not None else position, progress)
        route = chosen_route(interface, reading, any_path=any_path)

        def run(ask: Callable[[], Access], url: str) -> Taken:
            return _within_budget(
                budgets,
                limits,
                lambda bounded: measure(
                    ask, url, surroundings, bounded, progress, reading=reading, fix=fix, route=route
                ),
            )

        with measuring(field_home().folder):
            if server:
                taken, kept = run(lambda: Access.of_server(server), server), False
            else:
                taken, kept = _at_collector(run, route)
    if taken.problem:
        warn(taken.problem)
    answer(as_json, _present(taken.sample), _told(taken.sample, kept=kept))


def _at_collector(run: Callable[[Callable[[], Access], str], Taken], route: Route) -> tuple[Taken, bool]:
    """Measure against the collector the device enrolled at last, and keep the sample unless the place is hidden."""
    from client_sdk.measurement.bound_client import client_over
    from client_sdk.measurement.followed_access import open_followed
    from client_sdk.outbox.upload import sending_to

    home = field_home()
    with open_outbox(home) as outbox:
        collector = sending_to(outbox)
        key = SigningKey.load_or_create(home.device_key)
        with client_over(route) as client:
            taken = run(lambda: open_followed(outbox, collector, key, client), collector.url)
        hidden = outbox.add([taken.sample]).hidden
    if hidden:
        warn(
            tr(
                "a place is hidden on this device, and this one is inside, or unknown: nothing was kept",
                "un lieu est masqué sur cet appareil, et celui-ci est dedans, ou inconnu : rien n’est gardé",
            )
        )
    return taken, not hidden


def _within_budget(budgets: Budgets, limits: Limits, run: Callable[[Limits], Taken]) -> Taken:
    """Run with what the budgets leave; what it used is on the account even if the process is killed meanwhile."""
    from client_sdk.measurement.spending import FILE_NAME, BudgetError, Spending

    spending = Spending(field_home().folder / FILE_NAME)
    bounded = limits.within(spending.remaining(budgets))
    if bounded is None:
        raise BudgetError(
            tr(
                "the data budget is used up: nothing was measured",
                "le budget de données est épuisé : rien n’a été mesuré",
            )
        )
    reservation = spending.reserve(None, bounded.most_bytes, budgets)
    used = 0
    try:
        taken = run(bounded)
        used = taken.bytes_used
    finally:
        spending.settle(reservation, used)
    return taken


def _read_sources(
    radio: str, position: str, progress: Progress | None
) -> tuple[RadioReading | None, PositionFix | None]:
    """One reading of each source; one that was found and does not work is told, and left out."""
    from client_sdk.sources.detect import detect, open_position, open_radio
    from client_sdk.sources.reading import SourceUnavailableError

    if progress:
        progress(tr("radio and position", "radio et position"), 0.0)
    found = detect() if "auto" in (radio, position) else None
    reading: RadioReading | None = None
    fix: PositionFix | None = None
    with ExitStack() as stack:
        if found:
            stack.callback(found.close)
        if radio != "none":
            radios = found.radios[:1] if found and radio == "auto" else (open_radio(radio),)
            for one in radios:
                stack.callback(one.close)
                try:
                    reading = one.read()
                except SourceUnavailableError as error:
                    if radio != "auto":
                        raise
                    warn(_with_way_out(error))
        if position != "none":
            positions = found.positions[:1] if found and position == "auto" else (open_position(position),)
            for place in positions:
                stack.callback(place.close)
                try:
                    fix = place.read()
                except SourceUnavailableError as error:
                    if position != "auto":
                        raise
                    warn(_with_way_out(error))
    for text in reading.warnings if reading else ():
        warn(text)
    return reading, fix


def _with_way_out(error: Exception) -> str:
    way_out = getattr(error, "way_out", "")
    return f"{error}; {way_out}" if way_out else str(error)


def _bytes(megabytes: float | None) -> int | None:
    return None if megabytes is None else round(megabytes * 1e6)


def _present(sample: Sample) -> dict[str, object]:
    import json

    # the outbox gave the sample its number; the one here is not it
    present: dict[str, object] = json.loads(encode(replace(sample, seq=0)))
    del present["seq"]
    return present


def _told(sample: Sample, *, kept: bool) -> str:
    def rate(bps: float | None, lower_bound: bool | None, confidence: str | None) -> str:
        if bps is None:
            return "—"
        doubt = tr(" (uncertain)", " (incertain)") if confidence == "low" and not lower_bound else ""
        megabits = f"{bps / 1e6:.{1 if bps >= 1e6 else 2}f}"
        return f"{'≥ ' if lower_bound else ''}{tr(megabits, megabits.replace('.', ','))} Mbit/s{doubt}"

    rtt = "—" if sample.rtt_median_ms is None else f"{sample.rtt_median_ms:.0f} ms"
    down = rate(sample.download_bps, sample.download_lower_bound, sample.download_confidence)
    up = rate(sample.upload_bps, sample.upload_lower_bound, sample.upload_confidence)
    end = tr("Kept for sending.", "Gardé pour l’envoi.") if kept else tr("Not kept.", "Non gardé.")
    return tr(
        f"Outcome {sample.outcome}. Round trip {rtt}, download {down}, upload {up}. {end}",
        f"Résultat {sample.outcome}. Aller-retour {rtt}, descendant {down}, montant {up}. {end}",
    )
