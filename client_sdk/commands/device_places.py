"""`maille device hide` and `unhide`: places where this device keeps no sample."""

from dataclasses import asdict
from typing import Annotated

import typer

from client_sdk.commands.terminal import Json, answer, open_outbox
from client_sdk.errors import MailleError
from client_sdk.home import field_home
from client_sdk.messages import tr


def hide(
    place: Annotated[
        str, typer.Argument(metavar="LAT,LON", help=tr("The place, WGS 84, like 47.2875,3.9452.", "Le lieu, WGS 84."))
    ],
    radius: Annotated[
        float,
        typer.Option(
            min=100,
            max=20_000,
            help=tr(
                "Metres around the place that are hidden in any case.", "Mètres masqués autour du lieu en tout cas."
            ),
        ),
    ] = 500,
    as_json: Json = False,
) -> None:
    """Draw the area once, keep it on this device, remove what waits inside."""
    from client_sdk.outbox.hiding import hide as hide_place

    latitude, longitude = _read_place(place)
    home = field_home()
    with open_outbox(home) as outbox:
        hidden = hide_place(outbox, latitude, longitude, radius)
    area = hidden.area
    lines = [
        tr(
            f"Hidden area {area.id}: {area.radius_m:.0f} m around {area.latitude:.4f}, {area.longitude:.4f}. Your "
            f"place is somewhere in it, at least {radius:.0f} m from its edge. No sample taken inside is kept, nor "
            "one without a position. The area stays on this device.",
            f"Zone masquée {area.id} : {area.radius_m:.0f} m autour de {area.latitude:.4f}, {area.longitude:.4f}. "
            f"Votre lieu est quelque part dedans, à {radius:.0f} m au moins du bord. Aucun relevé fait dedans n’est "
            "gardé, ni aucun sans position. La zone reste sur cet appareil.",
        )
    ]
    if hidden.removed:
        lines.append(
            tr(
                f"{hidden.removed} samples that waited were removed.",
                f"{hidden.removed} relevés en attente ont été supprimés.",
            )
        )
    if hidden.sent:
        lines.append(
            tr(
                f"{hidden.sent} samples from there were sent before: `maille device erase` has all erased that was "
                "sent.",
                f"{hidden.sent} relevés de là-bas étaient déjà envoyés : `maille device erase` fait effacer tout ce "
                "qui l’a été.",
            )
        )
    data = {"area": asdict(area), "removed": hidden.removed, "sent_before": hidden.sent}
    answer(as_json, data, "\n".join(lines))


def unhide(
    area: Annotated[
        int, typer.Argument(help=tr("Its number, which `maille device show` tells.", "Son numéro, que montre `show`."))
    ],
    as_json: Json = False,
) -> None:
    """Lift one area."""
    from client_sdk.outbox.hidden_areas import read_areas
    from client_sdk.outbox.hiding import unhide as unhide_area

    home = field_home()
    with open_outbox(home) as outbox:
        areas = read_areas(outbox.connection)
        found = next((one for one in areas if one.id == area), None)
        if found is None:
            numbers = ", ".join(str(one.id) for one in areas) or "—"
            raise MailleError(
                tr(f"no hidden area {area}; there are: {numbers}", f"pas de zone masquée {area} ; il y a : {numbers}")
            )
        unhide_area(outbox, found)
    text = tr(f"Samples inside area {area} are kept again.", f"Les relevés de la zone {area} sont de nouveau gardés.")
    answer(as_json, {"lifted": area}, text)


def _read_place(text: str) -> tuple[float, float]:
    try:
        latitude, longitude = (float(part) for part in text.split(","))
    except ValueError as error:
        raise MailleError(
            tr(f"{text!r}: expected LAT,LON like 47.2875,3.9452", f"{text!r} : attendu LAT,LON comme 47.2875,3.9452")
        ) from error
    return latitude, longitude
