"""Where the device keeps nothing; the hole in the data must not tell the place."""

import math
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from client_sdk.errors import SampleError
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.hidden_areas import EARTH_RADIUS_M, HiddenArea, drawn_around, read_areas
from client_sdk.outbox.hiding import hide, unhide
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.surveys import Surveys
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey, VerifyingKey
from client_sdk.signing.receipt import LineVerdict, Receipt

NewSample = Callable[..., Sample]
HOME = (47.2875, 3.9452)


def north_of(place: tuple[float, float], away_m: float) -> tuple[float, float]:
    return place[0] + math.degrees(away_m / EARTH_RADIUS_M), place[1]


def east_of(place: tuple[float, float], away_m: float) -> tuple[float, float]:
    return place[0], place[1] + math.degrees(away_m / EARTH_RADIUS_M / math.cos(math.radians(place[0])))


def test_nothing_inside_is_kept_by_any_way(outbox: Outbox, new_sample: NewSample) -> None:
    area = hide(outbox, *HOME, 500).area
    assert area.radius_m == 1000
    survey = Surveys(outbox).begin({}, 0)
    near = [new_sample(latitude=at[0], longitude=at[1]) for at in (HOME, north_of(HOME, 499), east_of(HOME, -499))]
    far = [new_sample(latitude=at[0], longitude=at[1]) for at in (north_of(HOME, 1600), east_of(HOME, 1600))]
    added = outbox.add([*near, *far, new_sample(latitude=None, longitude=None)], survey=survey, modem="a")
    assert (added.added, added.known, added.hidden) == (2, 0, 4)
    assert outbox.counts().pending == 2
    seqs = [seq for (seq,) in outbox.connection.execute("SELECT seq FROM samples ORDER BY seq")]
    assert seqs == [0, 1]  # no gap in the counter tells how many were left out
    unhide(outbox, area)
    assert outbox.add(near).added == 3


def test_every_process_obeys_at_once(outbox: Outbox, new_sample: NewSample) -> None:
    with Outbox(outbox.path) as recording:
        hide(outbox, *HOME, 500)
        assert recording.add([new_sample(latitude=HOME[0], longitude=HOME[1])]).hidden == 1


@pytest.mark.parametrize("place", [HOME, (-21.1151, 55.5364), (0.0, 179.9999), (89.9, 10.0)])
def test_the_place_is_well_inside_wherever_it_is(place: tuple[float, float]) -> None:
    for radius_m in (100, 500, 20_000):
        for _ in range(200):
            area = HiddenArea(1, *drawn_around(*place, radius_m))
            assert area.distance_m(*place) <= radius_m
            assert -90 <= area.latitude <= 90
            assert -180 <= area.longitude <= 180


def test_the_centre_tells_nothing_but_the_disc() -> None:
    """Even over the disc: half of the draws lie beyond 0.7 of the radius, and no direction is preferred."""
    areas = [HiddenArea(1, *drawn_around(*HOME, 500)) for _ in range(4000)]
    away = sorted(area.distance_m(*HOME) for area in areas)
    assert away[2000] == pytest.approx(0.99 * 500 * math.sqrt(0.5), rel=0.05)
    assert 0.45 < sum(area.latitude > HOME[0] for area in areas) / 4000 < 0.55
    assert 0.45 < sum(area.longitude > HOME[1] for area in areas) / 4000 < 0.55


def test_the_same_place_gets_the_same_area_again(outbox: Outbox) -> None:
    first = hide(outbox, *HOME, 500).area
    assert hide(outbox, *north_of(HOME, 3), 500).area == first
    unhide(outbox, first)
    assert read_areas(outbox.connection) == ()
    assert hide(outbox, *HOME, 500).area == first
    assert read_areas(outbox.connection) == (first,)
    assert hide(outbox, 45.0, 2.0, 500).area != first


def test_the_place_itself_is_written_nowhere(tmp_path: Path) -> None:
    with Outbox(tmp_path / "outbox.sqlite") as outbox:
        hide(outbox, *HOME, 500)
    file = sqlite3.connect(tmp_path / "outbox.sqlite")
    dump = "\n".join(file.iterdump())
    file.close()
    assert "47.2875" not in dump
    assert "3.9452" not in dump


def test_what_waits_inside_is_removed_and_what_was_sent_is_told(
    outbox: Outbox,
    key: SigningKey,
    new_sample: NewSample,
    pinned: Callable[[str, VerifyingKey], PinnedCollector],
) -> None:
    collector = pinned("https://collector.example", SigningKey.generate().public)
    outbox.pin(collector)
    delivery = Delivery(outbox, collector)
    at_home = {"latitude": HOME[0], "longitude": HOME[1]}
    outbox.add([new_sample(**at_home), new_sample()])
    with Holder(outbox.path.parent) as holder:
        sent = delivery.lease(key, holder)
        assert sent
        verdicts = (LineVerdict(line=1, verdict="stored"), LineVerdict(line=2, verdict="stored"))
        delivery.settle(sent, Receipt(envelope_sha256=sent.sha256, received_at="then", verdicts=verdicts), "jws")
        outbox.add([new_sample(**at_home), new_sample(), new_sample(latitude=None, longitude=None)])
        in_flight = delivery.lease(key, holder)
        assert in_flight
        hidden = hide(outbox, *HOME, 500)
        assert (hidden.removed, hidden.sent) == (2, 1)
        counts = delivery.counts()
        assert (counts.pending, counts.in_flight, counts.sent) == (1, 0, 2)
        texts = outbox.connection.execute("SELECT count(*) FROM samples WHERE line IS NOT NULL").fetchone()[0]
        assert texts == 2  # the one that waits, and the one sent from elsewhere
        resealed = delivery.lease(key, holder)
    assert resealed
    assert resealed != in_flight


@pytest.mark.parametrize("place", [(91.0, 0.0, 500.0), (0.0, 181.0, 500.0), (float("nan"), 0.0, 500.0), (0, 0, 5.0)])
def test_a_place_that_is_none_is_told(outbox: Outbox, place: tuple[float, float, float]) -> None:
    with pytest.raises(SampleError):
        hide(outbox, *place)
    assert read_areas(outbox.connection) == ()


def test_random_walks_never_leave_a_trace_inside(outbox: Outbox, new_sample: NewSample) -> None:
    area = hide(outbox, *HOME, 300).area
    chance = random.Random(20261124)
    walk = [
        new_sample(latitude=HOME[0] + chance.uniform(-0.02, 0.02), longitude=HOME[1] + chance.uniform(-0.03, 0.03))
        for _ in range(500)
    ]
    added = outbox.add(walk)
    outside = [one for one in walk if area.distance_m(one.latitude or 0, one.longitude or 0) > area.radius_m]
    assert (added.added, added.hidden) == (len(outside), 500 - len(outside))
    assert 0 < added.hidden < 500
