"""`maille measure`: one measurement against the collector, kept in the outbox."""

from dataclasses import replace
from typing import Annotated, Literal

import typer

from client_sdk.commands.terminal import Json, answer, open_outbox, progress_bar
from client_sdk.home import field_home
from client_sdk.messages import tr
from client_sdk.sample import Context, Rat, Sample, encode
from client_sdk.signing.keys import SigningKey

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
    max_download_mb: Annotated[
        float, typer.Option(min=0.1, max=100, help=tr("Most data to receive, in MB.", "Réception au plus, en Mo."))
    ] = 40,
    max_upload_mb: Annotated[
        float, typer.Option(min=0.1, max=100, help=tr("Most data to send, in MB.", "Envoi au plus, en Mo."))
    ] = 15,
    max_seconds: Annotated[
        float,
        typer.Option(min=1, max=15, help=tr("Longest transfer, in seconds.", "Durée maximale d’un transfert, s.")),
    ] = 10,
    as_json: Json = False,
) -> None:
    """Measure once and keep the sample, whatever its outcome."""
    import httpx

    from client_sdk.measurement.session import Limits, Surroundings, measure
    from client_sdk.outbox.upload import sending_to

    home = field_home()
    surroundings = Surroundings(
        latitude=latitude,
        longitude=longitude,
        context=context,
        sim_plmn=sim_plmn,
        rat=RAT_OF_TECHNOLOGY.get(technology or ""),
        campaign=campaign,
    )
    limits = Limits(round(max_download_mb * 1e6), round(max_upload_mb * 1e6), round(max_seconds * 1000))
    with open_outbox(home) as outbox:
        collector = sending_to(outbox)
        key = SigningKey.load_or_create(home.device_key)
        with httpx.Client() as client, progress_bar(as_json) as progress:
            sample = measure(collector, key, client, surroundings, limits, progress)
        outbox.add([sample])
    answer(as_json, _present(sample), _told(sample))


def _present(sample: Sample) -> dict[str, object]:
    import json

    # the outbox gave the sample its number; the one here is not it
    present: dict[str, object] = json.loads(encode(replace(sample, seq=0)))
    del present["seq"]
    return present


def _told(sample: Sample) -> str:
    def rate(bps: float | None, lower_bound: bool | None) -> str:
        return "—" if bps is None else f"{'≥ ' if lower_bound else ''}{bps / 1e6:.1f} Mbit/s"

    rtt = "—" if sample.rtt_median_ms is None else f"{sample.rtt_median_ms:.0f} ms"
    down = rate(sample.download_bps, sample.download_lower_bound)
    up = rate(sample.upload_bps, sample.upload_lower_bound)
    return tr(
        f"Outcome {sample.outcome}. Round trip {rtt}, download {down}, upload {up}. Kept for sending.",
        f"Résultat {sample.outcome}. Aller-retour {rtt}, descendant {down}, montant {up}. Gardé pour l’envoi.",
    )
