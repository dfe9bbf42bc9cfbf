"""The trust filter against its definition, written out device by device."""

from math import sqrt
from pathlib import Path

import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.judgement.constants import Constants
from aggregator.judgement.trust import DISAGREES, NEVER_WORKS, quarantined, read_quarantine, trusted, write_quarantine

CENTRE = h3.latlng_to_cell(47.0, 3.5, 8)
NEAR = sorted(h3.grid_ring(CENTRE, 1))
FAR = [h3.latlng_to_cell(40.0 + step, 3.5, 8) for step in range(5)]


def vote(device: str, hexagon: int, failing: bool, **change: object) -> dict[str, object]:
    return {
        "h3_r8": hexagon,
        "operator": "20801",
        "technology": "4G",
        "threshold": "service",
        "evidence": "crowd",
        "device_token": device,
        "outdoor": True,
        "failing": failing,
        "succeeded": int(not failing),
        **change,
    }


def frame(*votes: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(list(votes))


def told(*votes: dict[str, object], constants: Constants | None = None) -> dict[str, str]:
    found = quarantined(frame(*votes), constants)
    return dict(zip(found["device_token"], found["reason"], strict=True))


def honest(devices: int, hexagons: list[int]) -> list[dict[str, object]]:
    return [vote(f"honest {number}", cell, False) for number in range(devices) for cell in hexagons]


def test_a_device_that_never_works_does_not_vote() -> None:
    assert told(vote("broken", CENTRE, True), vote("fine", FAR[0], False)) == {"broken": NEVER_WORKS.id}
    assert told(vote("works", CENTRE, True), vote("works", FAR[0], False)) == {}
    assert told(vote("works a little", CENTRE, True, succeeded=1)) == {}


def test_a_device_is_trusted_apart_for_each_operator_technology_and_threshold() -> None:
    votes = [vote("a", CENTRE, True, threshold="30"), vote("a", CENTRE, False)]
    found = quarantined(frame(*votes))
    assert found[["device_token", "threshold"]].to_numpy().tolist() == [["a", "30"]]
    assert trusted(frame(*votes), found)["threshold"].tolist() == ["service"]


def test_z_of_a_device_that_alone_fails_in_two_hexagons() -> None:
    """Three others succeed in each of two hexagons far apart: μ = .1 / 4 is raised to ε = .03, and 1 + 1/3 = 4/3."""
    liar = [vote("liar", cell, True, succeeded=1) for cell in FAR[:2]]
    found = quarantined(frame(*liar, *honest(3, FAR[:2])))
    (row,) = found.to_dict("records")
    assert (row["device_token"], row["reason"], row["hexagons"]) == ("liar", DISAGREES.id, 2)
    assert row["mean_excess"] == pytest.approx(0.97)
    assert row["z"] == pytest.approx(2 * 0.97 / sqrt(2 * 0.03 * 0.97 * 4 / 3))


def test_one_hexagon_is_not_enough() -> None:
    assert told(vote("a", FAR[0], True, succeeded=1), *honest(9, FAR[:1])) == {}


def test_where_nobody_else_went_nobody_disagrees() -> None:
    assert told(*(vote("explorer", cell, True, succeeded=1) for cell in FAR)) == {}


def test_neighbours_speak_at_a_lower_weight_and_not_for_themselves() -> None:
    """The device's own votes next door are no opinion of others."""
    alone = [vote("a", cell, True, succeeded=1) for cell in [CENTRE, *NEAR]]
    assert told(*alone) == {}
    beside = [vote(f"b{number}", NEAR[0], False) for number in range(20)]
    again = quarantined(
        frame(*alone[:2], *beside), Constants(trust_z=0, trust_mean_excess=0, trust_rounds=1)
    ).set_index("device_token")
    weights = [0.3 * 20, 20.0]  # in the centre those of the neighbour; in the neighbour those there
    means = [max(0.03, 0.1 / (1 + weight)) for weight in weights]
    spread = sqrt(sum(mean * (1 - mean) * (1 + 1 / weight) for mean, weight in zip(means, weights, strict=True)))
    assert again.loc["a", "z"] == pytest.approx(sum(1 - mean for mean in means) / spread)


def test_a_vehicle_is_expected_to_fail_more() -> None:
    strict = Constants(trust_z=0, trust_mean_excess=0, trust_rounds=1)
    votes = [vote("a", cell, True, succeeded=1, outdoor=False) for cell in FAR[:2]]
    found = quarantined(frame(*votes, *honest(3, FAR[:2])), strict).set_index("device_token")
    assert found.loc["a", "mean_excess"] == pytest.approx(1 - (0.1 / 4 + 0.18))


def test_who_stood_out_only_beside_liars_is_back_once_they_are_out() -> None:
    """Two phones see service in four places where six liars do not; elsewhere the crowd says who lies."""
    liars = [
        vote(f"liar {number}", cell, True, succeeded=1) for number in range(6) for cell in [*FAR[:4], *NEAR, CENTRE]
    ]
    true = [vote(f"true {number}", cell, False) for number in range(2) for cell in FAR[:4]]
    crowd = [vote(f"honest {number}", cell, False) for number in range(14) for cell in [*NEAR, CENTRE]]
    everybody = [*liars, *true, *crowd]
    once = told(*everybody, constants=Constants(trust_rounds=1))
    assert {f"true {number}" for number in range(2)} <= set(once)
    assert told(*everybody) == {f"liar {number}": DISAGREES.id for number in range(6)}


def test_a_survey_is_not_filtered() -> None:
    votes = frame(vote("team", CENTRE, True, evidence="survey"), vote("broken", CENTRE, True))
    found = quarantined(votes)
    assert found["device_token"].tolist() == ["broken"]
    same = votes.assign(device_token="broken")
    assert trusted(same, found)["evidence"].tolist() == ["survey"]


def test_the_quarantine_keeps_its_values_on_disk(tmp_path: Path) -> None:
    found = quarantined(
        frame(vote("b", CENTRE, True), *(vote("l", c, True, succeeded=1) for c in FAR[:2]), *honest(3, FAR[:2]))
    )
    write_quarantine(found, tmp_path)
    pd.testing.assert_frame_equal(read_quarantine(tmp_path), found, check_dtype=False)
    assert read_quarantine(tmp_path / "none").empty


@st.composite
def crowds(draw: st.DrawFn) -> list[dict[str, object]]:
    cells = [CENTRE, *NEAR, *FAR[:2]]
    chosen = draw(
        st.dictionaries(
            st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(cells), st.sampled_from(["20801", "20810"])),
            st.tuples(st.booleans(), st.booleans(), st.integers(0, 1)),
            min_size=1,
            max_size=60,
        )
    )
    return [
        vote(device, cell, failing, operator=operator, outdoor=outdoor, succeeded=max(succeeded, int(not failing)))
        for (device, cell, operator), (failing, outdoor, succeeded) in chosen.items()
    ]


def by_definition(votes: list[dict[str, object]], constants: Constants) -> dict[tuple[object, object], float | None]:
    """z of each device left out (None where it never worked), one at a time."""
    devices = {(one["device_token"], one["operator"]) for one in votes}
    own = {device: [one for one in votes if (one["device_token"], one["operator"]) == device] for device in devices}
    silent = {device for device in devices if not any(one["succeeded"] for one in own[device])}
    out: set[tuple[object, object]] = silent
    z: dict[tuple[object, object], float | None] = {}
    for _ in range(constants.trust_rounds):
        z = dict.fromkeys(silent)
        for device in devices - silent:
            excess = spread = 0.0
            seen = 0
            for one in own[device]:
                weight = failing = 0.0
                for other in votes:
                    name = (other["device_token"], other["operator"])
                    if name == device or name in out or other["operator"] != one["operator"]:
                        continue
                    distance = h3.grid_distance(one["h3_r8"], other["h3_r8"]) if near(one, other) else 9
                    share = {0: 1.0, 1: 0.3}.get(distance, 0.0)
                    weight, failing = weight + share, failing + share * bool(other["failing"])
                if weight == 0:
                    continue
                mean = (0.1 + failing) / (1 + weight) + (0 if one["outdoor"] else 0.18)
                mean = min(max(mean, 0.03), 0.97)
                seen += 1
                excess += bool(one["failing"]) - mean
                spread += mean * (1 - mean) * (1 + 1 / weight)
            if seen >= 2 and abs(excess / seen) > 0.2 and abs(excess) / sqrt(spread) > constants.trust_z:
                z[device] = excess / sqrt(spread)
        if set(z) == out:
            break
        out = set(z)
    return z


def near(one: dict[str, object], other: dict[str, object]) -> bool:
    return {one["h3_r8"], other["h3_r8"]} <= {CENTRE, *NEAR} or one["h3_r8"] == other["h3_r8"]


@settings(max_examples=60, deadline=None)
@given(votes=crowds(), data=st.data())
def test_the_filter_is_its_definition_whatever_the_order_of_rows(
    votes: list[dict[str, object]], data: st.DataObject
) -> None:
    rule = Constants(trust_z=data.draw(st.sampled_from([1.0, 1.5, 3.0])))
    found = quarantined(frame(*data.draw(st.permutations(votes))), rule)
    expected = by_definition(votes, rule)
    keys = list(zip(found["device_token"], found["operator"], strict=True))
    assert set(keys) == set(expected)
    for key, z in zip(keys, found["z"], strict=True):
        assert (expected[key] is None and pd.isna(z)) or z == pytest.approx(expected[key])


def test_nobody_is_left_out_of_nothing() -> None:
    assert quarantined(frame(vote("a", CENTRE, True)).iloc[:0]).empty
