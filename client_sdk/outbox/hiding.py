"""Hide a place on this device, and show it again."""

import json
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from client_sdk.bounds import check_value
from client_sdk.outbox.hidden_areas import HiddenArea, drawn_around, read_areas
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.schema import now_ms, transaction
from client_sdk.sample import Sample

MIN_RADIUS_M = 100.0
"""Ours: less would tell the house."""

MAX_RADIUS_M = 20_000.0
"""Ours: more would be a mistake."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What hiding a place did.

    Attributes:
        area: that hides it.
        removed: samples inside that waited, and now never leave the device.
        sent: samples inside that a collector has already.
    """

    area: HiddenArea
    removed: int
    sent: int


def hide(outbox: Outbox, latitude: float, longitude: float, radius_m: float) -> Hidden:
    """Keep no sample within a distance of a place, from now on; those that wait are removed.

    A place that was hidden before gets the same area: several drawn around one place would tell more of it.

    Raises:
        SampleError: the place is none, or the radius too small or too large.
    """
    check_value("latitude", latitude, Annotated[float, Ge(-90), Le(90)])
    check_value("longitude", longitude, Annotated[float, Ge(-180), Le(180)])
    check_value("radius_m", radius_m, Annotated[float, Ge(MIN_RADIUS_M), Le(MAX_RADIUS_M)])
    with transaction(outbox.connection):
        area = _known_area(outbox, latitude, longitude, radius_m)
        if area is None:
            drawn = drawn_around(latitude, longitude, radius_m)
            added = outbox.connection.execute(
                "INSERT INTO hidden_areas (latitude, longitude, radius_m) VALUES (?, ?, ?)", drawn
            )
            area = HiddenArea(added.lastrowid or 0, *drawn)
        else:
            outbox.connection.execute("UPDATE hidden_areas SET removed_ms = NULL WHERE id = ?", (area.id,))
        removed, sent = _remove_inside(outbox, area)
    return Hidden(area, removed, sent)


def unhide(outbox: Outbox, area: HiddenArea) -> None:
    """Keep samples there again."""
    with transaction(outbox.connection):
        outbox.connection.execute("UPDATE hidden_areas SET removed_ms = ? WHERE id = ?", (now_ms(), area.id))


def _known_area(outbox: Outbox, latitude: float, longitude: float, radius_m: float) -> HiddenArea | None:
    known = (*read_areas(outbox.connection), *read_areas(outbox.connection, lifted=True))
    fitting = (area for area in known if area.radius_m == 2 * radius_m)
    return next((area for area in fitting if area.distance_m(latitude, longitude) <= radius_m), None)


def _remove_inside(outbox: Outbox, area: HiddenArea) -> tuple[int, int]:
    """Take the samples inside off the device; how many no collector has, and how many one has."""
    inside = [
        seq
        for seq, line in outbox.connection.execute("SELECT seq, line FROM samples WHERE line IS NOT NULL").fetchall()
        if area.hides(Sample(**json.loads(line)))
    ]
    sent = 0
    for seq in inside:
        for collector, sha256 in outbox.connection.execute(
            "SELECT collector, envelope FROM deliveries WHERE seq = ? AND envelope IS NOT NULL", (seq,)
        ).fetchall():
            outbox.connection.execute(
                "UPDATE deliveries SET envelope = NULL, envelope_line = NULL WHERE collector = ? AND envelope = ?",
                (collector, sha256),
            )
            outbox.connection.execute("DELETE FROM envelopes WHERE collector = ? AND sha256 = ?", (collector, sha256))
        outbox.connection.execute("DELETE FROM deliveries WHERE seq = ? AND state != 'sent'", (seq,))
        outbox.connection.execute("UPDATE samples SET line = NULL WHERE seq = ?", (seq,))
        is_sent = outbox.connection.execute("SELECT count(*) FROM deliveries WHERE seq = ?", (seq,)).fetchone()[0]
        sent += is_sent > 0
        if not is_sent:
            outbox.connection.execute("DELETE FROM samples WHERE seq = ?", (seq,))
    return len(inside) - sent, sent
