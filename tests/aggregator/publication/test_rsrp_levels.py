"""What a row tells of the signal of its devices: each of them once, all of them, and none by a way of its own."""

import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import example, given
from hypothesis import strategies as st

from aggregator.evidence.ledger import SIGNALS
from aggregator.judgement.votes import SUBJECT
from aggregator.publication.anonymity import place, rounded_counts, summary
from aggregator.publication.rsrp_levels import COLUMNS, NONE, with_levels, with_signal

CELLS = sorted(h3.cell_to_children(h3.latlng_to_cell(46.77, 3.48, 8), 9))
ELSEWHERE = h3.latlng_to_cell(46.9, 3.9, 9)
DAYS = pd.to_datetime(["2026-04-01", "2026-04-02", "2026-04-03"])
Reading = tuple[str, int, int, str, tuple[int, int] | None]
"""Device, cell, day, context, and the number of readings with their level, or nothing."""


def rows_of(*days: Reading, tier: str = "volunteer") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votable rows of service and one rate, and the signals behind them."""
    table = pd.DataFrame(days, columns=["device_token", "cell", "day", "context", "heard"])
    table = table.assign(h3_r9=[CELLS[cell] for cell in table.pop("cell")], day=[DAYS[day] for day in table["day"]])
    table = table.assign(operator="20801", technology="4G")
    evidence = "crowd" if tier == "volunteer" else "survey"
    service = table.drop(columns="heard").assign(evidence=evidence, threshold="service", tested=2, failed=0)
    heard = table[table["heard"].notna()]
    readings, rsrp = ([part[at] for part in heard["heard"]] for at in (0, 1))
    sums = np.array(readings, dtype=np.int64) * np.array(rsrp, dtype=np.int64)
    heard = heard.assign(tier=tier, readings=readings, rsrp_sum_dbm=sums, day=heard["day"].dt.date)
    return pd.concat([service, service.assign(threshold="3")], ignore_index=True), heard[SIGNALS.names]


def elsewhere(device: str, **changes: object) -> dict[str, object]:
    """A reading of a device far from the rows: it tells its signal, and received none in the hexagon."""
    who = {"h3_r9": ELSEWHERE, "operator": "20801", "technology": "4G", "device_token": device, "tier": "volunteer"}
    return who | {"context": "indoor", "day": DAYS[0].date(), "rsrp_sum_dbm": -80, "readings": 1} | changes


def told(*days: Reading, others: list[dict[str, object]] | None = None, tier: str = "volunteer") -> pd.DataFrame:
    """Figures by threshold."""
    rows, signals = rows_of(*days, tier=tier)
    placed = place(with_signal(rows, pd.concat([signals, pd.DataFrame(others or [])], ignore_index=True)), 1)
    return with_levels(summary(placed), placed).set_index("threshold")


def classes(*days: Reading, others: list[dict[str, object]] | None = None) -> dict[str, int]:
    found = told(*days, others=others).loc["service", COLUMNS]
    return {name: int(number) for name, number in found.items() if number}


def one(device: object, rsrp: int | None) -> Reading:
    return (str(device), 0, 0, "outdoor", None if rsrp is None else (2, rsrp))


def test_a_device_counts_once_by_the_median_of_its_days() -> None:
    days: list[Reading] = [("a", day, day, "outdoor", (2, rsrp)) for day, rsrp in enumerate((-70, -105, -107))]
    assert classes(*days) == {"rsrp_m110_m100": 1}


def test_a_day_is_the_mean_of_its_readings_over_the_whole_hexagon() -> None:
    # one reading of -125 and nine of -104: a mean of -106.1, while that of the cells is -114.5
    assert classes(("a", 0, 0, "outdoor", (1, -125)), ("a", 5, 0, "outdoor", (9, -104))) == {"rsrp_m110_m100": 1}


@pytest.mark.parametrize(("second", "expected"), [(-110, "rsrp_m110_m100"), (-111, "rsrp_m120_m110")])
def test_readings_rounded_down_lie_half_a_decibel_higher(second: int, expected: str) -> None:
    # means of -110.5 and -111, of readings that were -110.0 and -110.5 on average before they were rounded
    assert classes(("a", 0, 0, "outdoor", (1, -111)), ("a", 1, 0, "outdoor", (1, second))) == {expected: 1}


def test_each_edge_belongs_to_the_class_above_it() -> None:
    levels = [-141, -121, -120, -110, -100, -90, -80, -44]
    found = classes(*(one(number, rsrp) for number, rsrp in enumerate(levels)))
    assert [found[name] for name in COLUMNS[:-1]] == [2, 1, 1, 1, 1, 2]


def test_readings_in_a_vehicle_count_where_there_are_none_outdoors() -> None:
    vehicle: Reading = ("a", 0, 0, "vehicle", (2, -115))
    assert classes(vehicle) == {"rsrp_m120_m110": 1}
    assert classes(vehicle, ("a", 0, 1, "outdoor", (2, -95))) == {"rsrp_m100_m90": 1}
    # it votes by what it did outdoors, where it received nothing
    assert classes(vehicle, ("a", 0, 1, "outdoor", None)) == {NONE: 1}


def test_who_tells_a_signal_elsewhere_received_none_here() -> None:
    days = [*(one(number, -95) for number in range(3)), one("x", None)]
    assert classes(*days, others=[elsewhere("x")]) == {"rsrp_m100_m90": 3, NONE: 1}


@pytest.mark.parametrize("changes", [{"device_token": "y"}, {"technology": "5G"}])
def test_who_tells_none_of_the_technology_anywhere_is_shared_out(changes: dict[str, object]) -> None:
    days = [*(one(number, -95) for number in range(4)), one("p", -75), one("x", None)]
    assert classes(*days, others=[elsewhere("x", **changes)]) == {"rsrp_m100_m90": 5, "rsrp_above_m80": 1}


def test_half_that_tell_nothing_are_too_many() -> None:
    days = [*(one(number, -95) for number in range(4)), *(one(f"mute {number}", None) for number in range(3))]
    assert classes(*days) == {"rsrp_m100_m90": 7}
    assert told(*days, one("mute too", None)).loc["service", COLUMNS].isna().all()


@example([0])
@example([0, 0, None])
@given(st.lists(st.sampled_from([-125, -115, -105, -95, -85, -75, 0, None]), min_size=1, max_size=60))
def test_classes_add_up_to_the_published_number_of_devices(levels: list[int | None]) -> None:
    days = [one(number, rsrp or None) for number, rsrp in enumerate(levels)]
    others = [elsewhere(str(number)) for number, rsrp in enumerate(levels) if rsrp == 0]
    row = told(*days, others=others).loc["service"]
    tell = sum(rsrp is not None for rsrp in levels)
    assert row[COLUMNS].isna().all() == (2 * tell <= len(levels))
    if 2 * tell > len(levels):
        published = int(rounded_counts(pd.Series([len(levels)]))[0])
        assert row[COLUMNS].sum() == published
        assert not any(published > 20 and number % 5 for number in row[COLUMNS])
        share = published / tell * pd.Series(levels).value_counts()
        step = 5 if published > 20 else 1
        assert abs(row["rsrp_m100_m90"] - share.get(-95, 0)) <= step
        if tell == len(levels) <= 20:
            assert row[NONE] == levels.count(0)


def test_rates_tell_no_signal_nor_do_rows_without_it() -> None:
    days = [one(number, -95) for number in range(6)]
    assert told(*days).loc["3", COLUMNS].isna().all()
    placed = place(rows_of(*days)[0], 1)
    assert with_levels(summary(placed), placed)[COLUMNS].isna().all(axis=None)


def test_a_field_team_of_one_tells_its_own() -> None:
    row = told(one("a", -95), tier="field_team").loc["service"]
    assert (row["evidence"], row["devices"], row["rsrp_m100_m90"]) == ("survey", 1, 1)


def test_devices_that_moved_to_a_parent_count_there() -> None:
    rows, signals = rows_of(*(one(number, -95) for number in range(6)))
    sibling = h3.cell_to_center_child(h3.cell_to_center_child(h3.cell_to_parent(CELLS[0], 7), 8), 9)
    assert h3.cell_to_parent(sibling, 8) != h3.cell_to_parent(CELLS[0], 8)
    for table in (rows, signals):
        table.loc[table["device_token"] < "2", "h3_r9"] = sibling
    placed = place(with_signal(rows, signals), 5)
    figures = with_levels(summary(placed), placed)
    service = figures[figures["threshold"] == "service"]
    assert service[["resolution", "devices", "rsrp_m100_m90"]].to_numpy().tolist() == [[7, 6, 6]]


def test_signals_are_matched_by_device_day_context_and_technology() -> None:
    rows, signals = rows_of(one("a", -95), one("b", -95))
    others = [
        signals.assign(context="indoor"),
        signals.assign(technology="5G"),
        signals.assign(tier="field_team"),
        signals.assign(operator="20820"),
        signals[:1].assign(device_token="c"),
    ]
    found = with_signal(rows, pd.concat([signals[:1], *others], ignore_index=True))
    assert len(found) == len(rows)
    assert found[["readings", "rsrp_sum_dbm"]].sum().tolist() == [2, -190]
    assert set(SUBJECT) <= set(found.columns)
