"""Several files of one Network Survey survey: what the phone's state says beside the cells, file by file."""

import csv
import io
import json
import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from client_sdk.importers.log import Log
from client_sdk.importers.network_survey import NetworkSurveyOptions, read
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample

PLACE = {"latitude": "47.1", "longitude": "3.9", "missionId": "NS phone7 20261120", "deviceSerialNumber": "phone7"}
NOT_REGISTERED = [{"domain": "CS", "roaming": False, "rejectCause": 0}, {"domain": "PS", "roaming": False}]
REGISTERED = [{"domain": "PS", "accessNetworkTechnology": "LTE", "roaming": False, "rejectCause": 0}]
REFUSED = [{"domain": "PS", "rejectCause": 15, "cellIdentityLte": {"mcc": 208, "mnc": 15}}]


def at(seconds: float) -> str:
    minute, second = divmod(seconds, 60)
    return f"2026-11-20T09:{minute:02.0f}:{second:09.6f}+01:00"


def cell(seconds: float, **values: str) -> dict[str, str]:
    known = {"groupNumber": f"{seconds:.0f}", "mcc": "208", "mnc": "1", "eci": "51842562", "rsrp": "-101.0"}
    return PLACE | {"deviceTime": at(seconds), "servingCell": "true", "slot": "1", "simState": ""} | known | values


def state(seconds: float, registrations: Any, **values: str) -> dict[str, str]:
    told = {"simState": "READY", "simOperator": "20801", "networkRegistrationInfo": json.dumps(registrations)}
    return PLACE | {"deviceTime": at(seconds), "slot": "1"} | told | values


def table(name: str, *rows: dict[str, str]) -> Log:
    columns = list(dict.fromkeys(column for row in rows for column in row))
    columns = [column for column in columns if column != "simState"] if name.startswith("lte") else columns
    text = io.StringIO("# Created by Network Survey version=1.36\r\n# CSV Version=0.3.0\r\n")
    text.seek(0, io.SEEK_END)
    writer = csv.DictWriter(text, columns, extrasaction="ignore", restval="")
    writer.writeheader()
    writer.writerows(rows)
    return Log(name, text.getvalue().encode())


def found(*logs: Log, **options: Any) -> list[Sample | LeftOut]:
    return [item for _, item in read(logs, NetworkSurveyOptions(**options))]


def told(*logs: Log, **options: Any) -> list[tuple[str, str, str, int]]:
    return [
        (one.kind, one.measured_at[14:19], one.service_state, one.duration_ms)
        for one in found(*logs, **options)
        if isinstance(one, Sample)
    ]


def reasons(*logs: Log) -> list[str]:
    return [one.reason for one in found(*logs) if isinstance(one, LeftOut)]


def test_a_dead_zone_between_two_states() -> None:
    states = table("phonestate.csv", state(0, REGISTERED), state(30, NOT_REGISTERED), state(72, REGISTERED))
    cells = table("lte.csv", cell(10), cell(20), cell(80))
    assert told(cells, states) == [
        ("signal", "00:10", "in_service", 0),
        ("signal", "00:20", "in_service", 0),
        ("service", "00:30", "no_service", 42_000),
        ("signal", "01:20", "in_service", 0),
    ]
    assert reasons(cells, states) == ["phone state without a loss"] * 2


def test_a_state_is_not_believed_for_longer_than_a_minute() -> None:
    states = table("phonestate.csv", state(0, NOT_REGISTERED), state(300, NOT_REGISTERED), state(310, REGISTERED))
    assert told(states) == [
        ("service", "00:00", "no_service", 60_000),
        ("service", "05:00", "no_service", 10_000),
    ]


def test_a_cell_that_serves_ends_the_loss_and_is_not_called_service() -> None:
    states = table("phonestate.csv", state(0, NOT_REGISTERED), state(50, REGISTERED))
    assert told(states, table("lte.csv", cell(20), cell(90))) == [
        ("signal", "00:20", "unknown", 0),
        ("service", "00:00", "no_service", 20_000),
        ("signal", "01:30", "in_service", 0),
    ]
    neighbours = table("lte.csv", cell(20, servingCell="false"))
    assert told(states, neighbours) == [("service", "00:00", "no_service", 50_000)]


def test_missing_rows_are_never_no_service() -> None:
    assert told(table("lte.csv", cell(0), cell(500))) == [
        ("signal", "00:00", "in_service", 0),
        ("signal", "08:20", "in_service", 0),
    ]


def test_a_refused_attempt_is_no_loss() -> None:
    assert told(table("phonestate.csv", state(0, REFUSED))) == []
    assert told(table("phonestate.csv", state(0, [*NOT_REGISTERED, *REFUSED]))) == []


def test_what_a_satellite_carried_is_left_out_until_the_next_state() -> None:
    space = state(5, REGISTERED, nonTerrestrialNetwork="true")
    states = table("phonestate.csv", space, state(100, REGISTERED, nonTerrestrialNetwork="false"))
    cells = table("lte.csv", cell(0), cell(10), cell(90), cell(110))
    assert [minute for _, minute, _, _ in told(cells, states)] == ["00:00", "01:50"]
    assert reasons(cells, states).count("on a satellite network") == 3
    lost_in_space = table("phonestate.csv", state(5, NOT_REGISTERED, nonTerrestrialNetwork="true"))
    assert told(lost_in_space) == []


def test_the_sim_is_the_states_even_for_cells_before_it() -> None:
    states = table("phonestate.csv", state(30, REGISTERED, simOperator="20815"))
    (early,) = [one for one in found(table("lte.csv", cell(0)), states) if isinstance(one, Sample)]
    assert (early.sim_plmn, early.serving_plmn) == ("20815", "20801")
    (silent,) = [one for one in found(table("lte.csv", cell(0)), plmn="20820") if isinstance(one, Sample)]
    assert silent.sim_plmn == "20820"


def test_phones_and_sims_are_kept_apart() -> None:
    other = {"deviceSerialNumber": "phone8", "missionId": "NS phone8"}
    states = table("phonestate.csv", state(0, REGISTERED), state(1, NOT_REGISTERED, **other), state(2, [], slot="2"))
    cells = table("lte.csv", cell(10), cell(10, **other), cell(10, slot="2"))
    assert sorted(told(states, cells)) == [
        ("service", "00:01", "no_service", 9_000),
        ("service", "00:02", "no_service", 8_000),
        ("signal", "00:10", "in_service", 0),
        ("signal", "00:10", "unknown", 0),
        ("signal", "00:10", "unknown", 0),
    ]


def test_states_without_a_slot_are_of_every_slot() -> None:
    states = table("phonestate.csv", state(0, REGISTERED, slot="", simOperator="20810"))
    (one,) = [item for item in found(table("lte.csv", cell(5)), states) if isinstance(item, Sample)]
    assert one.sim_plmn == "20810"


def test_what_the_app_wrote_to_csv_and_geopackage_counts_once(tmp_path: Path) -> None:
    cells = [cell(0, recordNumber="1"), cell(10, recordNumber="2")]
    states = [state(20, NOT_REGISTERED, recordNumber="1"), state(40, REGISTERED, recordNumber="2")]
    once = (table("lte.csv", *cells), table("phonestate.csv", *states))
    path = tmp_path / "survey.gpkg"
    with sqlite3.connect(path) as file:
        for name, rows in (("LTE_MESSAGE", cells), ("PHONE_STATE_MESSAGE", states)):
            columns = ["Time", *(column for column in rows[0] if column != "deviceTime")]
            file.execute(f"CREATE TABLE {name} (id INTEGER PRIMARY KEY, {', '.join(columns)})")
            for row in rows:
                time_ms = round(datetime.fromisoformat(row["deviceTime"]).timestamp() * 1000)
                values = [time_ms, *(value for column, value in row.items() if column != "deviceTime")]
                file.execute(f"INSERT INTO {name} VALUES (NULL, {', '.join('?' * len(values))})", values)
    file.close()
    twice = (*once, Log(str(path), path))
    assert told(*twice) == told(*once)
    assert reasons(*twice).count("the same as in another file") == 4


def test_a_long_survey_in_several_files_is_one() -> None:
    late = table("lte-2.csv", cell(120), cell(130))
    early = table("lte-1.csv", cell(0), cell(10))
    states = table("phonestate.csv", state(20, NOT_REGISTERED), state(60, REGISTERED))
    assert told(late, early, states) == told(early, late, states)
    assert [kind for kind, *_ in told(late, states, early)] == ["signal", "signal", "service", "signal", "signal"]


@pytest.mark.parametrize(
    ("mcc", "mnc", "plmn"), [("208", "1", "20801"), ("310", "26", "310026"), ("262", "3", "26203")]
)
def test_network_codes_get_their_zeros_back(mcc: str, mnc: str, plmn: str) -> None:
    (one,) = [item for item in found(table("lte.csv", cell(0, mcc=mcc, mnc=mnc))) if isinstance(item, Sample)]
    assert one.serving_plmn == plmn
