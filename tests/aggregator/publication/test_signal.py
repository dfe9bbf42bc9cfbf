"""What a row tells of the signal of its devices: each of them once, all of them, and only where k have one."""

import pandas as pd
from h3.api import basic_int as h3

from aggregator.evidence.ledger import SIGNALS
from aggregator.judgement.votes import SUBJECT
from aggregator.publication.anonymity import place, summary
from aggregator.publication.signal import CLASSES, COLUMNS, UNKNOWN, with_levels, with_signal

CELLS = sorted(h3.cell_to_children(h3.latlng_to_cell(46.77, 3.48, 8), 9))
DAYS = pd.to_datetime(["2026-04-01", "2026-04-02", "2026-04-03"])
Reading = tuple[str, int, int, str, int | None]


def rows_of(*days: Reading, technology: str = "4G") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Votable rows and signals of ``device, cell, day, context, RSRP``, two readings of that value each."""
    table = pd.DataFrame(days, columns=["device_token", "cell", "day", "context", "rsrp"])
    table = table.assign(h3_r9=[CELLS[cell] for cell in table.pop("cell")], day=[DAYS[day] for day in table["day"]])
    table = table.assign(operator="20801", technology=technology)
    service = table.drop(columns="rsrp").assign(evidence="crowd", threshold="service", tested=2, failed=0)
    heard = table[table["rsrp"].notna()].assign(tier="volunteer", readings=2)
    heard = heard.assign(rsrp_sum_dbm=(2 * heard["rsrp"]).astype("int64"), day=heard["day"].dt.date)
    return pd.concat([service, service.assign(threshold="3")], ignore_index=True), heard[SIGNALS.names]


def told(*days: Reading, k: int = 1) -> pd.DataFrame:
    """Figures by threshold."""
    rows, signals = rows_of(*days)
    placed = place(with_signal(rows, signals), 1)
    return with_levels(summary(placed), placed, k).set_index("threshold")


def classes(*days: Reading) -> dict[str, int]:
    found = told(*days).loc["service", COLUMNS]
    return {name: int(number) for name, number in found.items() if number}


def test_a_device_counts_once_by_the_median_of_its_days() -> None:
    assert classes(("a", 0, 0, "outdoor", -70), ("a", 1, 1, "outdoor", -105), ("a", 2, 2, "outdoor", -107)) == {
        "rsrp_m110_m100": 1
    }


def test_a_day_is_the_mean_of_its_readings_over_the_whole_hexagon() -> None:
    # -125 and -104: a mean of -114.5, +0.5 for rounding down
    assert classes(("a", 0, 0, "outdoor", -125), ("a", 5, 0, "outdoor", -104)) == {"rsrp_m120_m110": 1}


def test_each_edge_belongs_to_the_class_above_it() -> None:
    levels = [-141, -121, -120, -110, -100, -90, -80, -44]
    found = classes(*((f"{number}", 0, 0, "outdoor", rsrp) for number, rsrp in enumerate(levels)))
    assert [found[name] for name in CLASSES] == [2, 1, 1, 1, 1, 2]


def test_readings_in_a_vehicle_count_where_there_are_none_outdoors() -> None:
    vehicle = ("a", 0, 0, "vehicle", -115)
    assert classes(vehicle) == {"rsrp_m120_m110": 1}
    assert classes(vehicle, ("a", 0, 1, "outdoor", -95)) == {"rsrp_m100_m90": 1}
    # it votes by what it did outdoors: nobody knows what it received there
    assert classes(vehicle, ("a", 0, 1, "outdoor", None), ("b", 0, 0, "outdoor", -95)) == {
        "rsrp_m100_m90": 1,
        UNKNOWN: 1,
    }


def test_every_device_of_the_row_is_in_one_class_or_unknown() -> None:
    days = [(f"{number}", number % 7, number % 3, "outdoor", None if number % 3 else -95) for number in range(12)]
    service = told(*days).loc["service"]
    assert service["devices"] == 12 == service[COLUMNS].sum()
    assert service[UNKNOWN] == 8


def test_fewer_than_k_with_a_level_tell_nothing() -> None:
    days: list[Reading] = [(f"{number}", 0, 0, "outdoor", -95 if number < 4 else None) for number in range(9)]
    assert told(*days, k=5).loc["service", COLUMNS].isna().all()
    assert told(*days, ("more", 0, 0, "outdoor", -95), k=5).loc["service", "rsrp_m100_m90"] == 5


def test_rates_tell_no_signal_nor_do_rows_without_it() -> None:
    days: list[Reading] = [(f"{number}", 0, 0, "outdoor", -95) for number in range(6)]
    assert told(*days).loc["3", COLUMNS].isna().all()
    placed = place(rows_of(*days)[0], 1)
    assert with_levels(summary(placed), placed, 1)[COLUMNS].isna().all(axis=None)


def test_devices_that_moved_to_a_parent_count_there() -> None:
    rows, signals = rows_of(*((f"{number}", 0, 0, "outdoor", -95) for number in range(6)))
    sibling = h3.cell_to_center_child(h3.cell_to_center_child(h3.cell_to_parent(CELLS[0], 7), 8), 9)
    assert h3.cell_to_parent(sibling, 8) != h3.cell_to_parent(CELLS[0], 8)
    for table in (rows, signals):
        table.loc[table["device_token"] < "2", "h3_r9"] = sibling
    placed = place(with_signal(rows, signals), 5)
    figures = with_levels(summary(placed), placed, 5)
    service = figures[figures["threshold"] == "service"]
    assert service[["resolution", "devices", "rsrp_m100_m90"]].to_numpy().tolist() == [[7, 6, 6]]


def test_signals_are_matched_by_device_day_context_and_technology() -> None:
    rows, signals = rows_of(("a", 0, 0, "outdoor", -95), ("b", 0, 0, "outdoor", -95))
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
