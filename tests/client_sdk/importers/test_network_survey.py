"""Network Survey's files, CSV and GeoPackage, in the shapes that the app writes."""

import csv
import io
import json
import sqlite3
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.importers.formats import format_of, parts_of
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.network_survey import NetworkSurveyOptions, read
from client_sdk.importers.network_survey_files import is_network_survey
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample, check

PLACE = "deviceTime,latitude,longitude,altitude,speed,accuracy,missionId,recordNumber,groupNumber,"
LTE = (
    f"{PLACE}mcc,mnc,tac,eci,earfcn,pci,rsrp,rsrq,ta,servingCell,lteBandwidth,provider,signalStrength,cqi,slot,snr,"
    "deviceSerialNumber"
)
NR = (
    f"{PLACE}mcc,mnc,tac,nci,narfcn,pci,ssRsrp,ssRsrq,ssSinr,csiRsrp,csiRsrq,csiSinr,ta,servingCell,provider,slot,"
    "deviceSerialNumber"
)
GSM = PLACE + "mcc,mnc,lac,ci,arfcn,bsic,signalStrength,ta,servingCell,provider,slot,deviceSerialNumber"
UMTS = PLACE + "mcc,mnc,lac,cid,uarfcn,psc,rscp,ecno,signalStrength,servingCell,provider,slot,deviceSerialNumber"
STATE = (
    "deviceTime,latitude,longitude,altitude,speed,accuracy,missionId,recordNumber,simState,simOperator,"
    "networkRegistrationInfo,deviceSerialNumber,slot,nonTerrestrialNetwork"
)
WHERE = {
    "latitude": "47.28754",
    "longitude": "3.94521",
    "altitude": "312.0",
    "speed": "13.2",
    "accuracy": "5",
    "missionId": "Survey1 20261120-080000",
    "recordNumber": "1",
    "deviceSerialNumber": "SERIAL7",
}
LTE_ROW = {
    **WHERE,
    "deviceTime": "2026-11-20T09:00:00.123+01:00",
    "groupNumber": "7",
    "mcc": "208",
    "mnc": "1",
    "tac": "4711",
    "eci": "51842562",
    "earfcn": "1300",
    "pci": "211",
    "rsrp": "-107.0",
    "rsrq": "-11.0",
    "ta": "2",
    "servingCell": "true",
    "provider": "Orange F",
    "signalStrength": "-81.0",
    "slot": "0",
    "snr": "9.0",
}
NR_ROW = {
    **WHERE,
    "deviceTime": "2026-11-20T09:00:00.123+01:00",
    "groupNumber": "7",
    "mcc": "208",
    "mnc": "1",
    "tac": "4711",
    "nci": "123456789",
    "narfcn": "643296",
    "pci": "5",
    "ssRsrp": "-95.0",
    "ssRsrq": "-11.0",
    "ssSinr": "12.0",
    "servingCell": "true",
    "slot": "0",
}
ON_4G = [{"domain": "PS", "accessNetworkTechnology": "LTE", "cellIdentityLte": {"mcc": 208, "mnc": 1}}]
STATE_ROW = {
    **WHERE,
    "deviceTime": "2026-11-20T08:00:00.000Z",
    "simState": "READY",
    "simOperator": "20801",
    "networkRegistrationInfo": json.dumps(ON_4G),
    "slot": "0",
}
UNREGISTERED = json.dumps([{"domain": "CS"}, {"domain": "PS", "accessNetworkTechnology": "UNKNOWN"}])


def table(header: str, *rows: dict[str, str], name: str = "a.csv") -> Log:
    text = io.StringIO()
    writer = csv.DictWriter(text, header.split(","), lineterminator="\n")
    text.write("# Created by Network Survey version=1.36\n# CSV Version=0.3.0\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: row.get(name, "") for name in writer.fieldnames})
    return Log(name, text.getvalue().encode())


def samples(*logs: Log, **options: Any) -> list[Sample]:
    found = [item for _, item in read(logs, NetworkSurveyOptions(**options)) if isinstance(item, Sample)]
    for sample in found:
        check(sample)
    return found


def left_out(*logs: Log, **options: Any) -> list[str]:
    return [item.reason for _, item in read(logs, NetworkSurveyOptions(**options)) if isinstance(item, LeftOut)]


def test_a_serving_4g_cell_is_read_whole() -> None:
    (sample,) = samples(table(LTE, LTE_ROW), context="vehicle", campaign="Morvan")
    expected = {
        "kind": "signal",
        "measured_at": "2026-11-20T08:00:00.123Z",
        "import_format": "network-survey",
        "latitude": 47.28754,
        "longitude": 3.94521,
        "accuracy_m": 5.0,
        "accuracy_kind": "android_68",
        "altitude_m": 312.0,
        "speed_mps": 13.2,
        "position_source": "file",
        "context": "vehicle",
        "campaign": "Morvan",
        "sim_plmn": "20801",
        "serving_plmn": "20801",
        "service_state": "in_service",
        "rat": "lte",
        "lte_rsrp_dbm": -107.0,
        "lte_rsrq_db": -11.0,
        "lte_sinr_db": 9.0,
        "lte_rssi_dbm": -81.0,
        "lte_eci": 51842562,
        "lte_tac": 4711,
        "lte_pci": 211,
        "lte_earfcn": 1300,
    }
    assert {name: getattr(sample, name) for name in expected} == expected
    assert "SERIAL7" not in repr(sample)
    assert "Survey1" not in repr(sample)


def test_reading_twice_gives_the_same_ids() -> None:
    log = table(LTE, LTE_ROW, {**LTE_ROW, "groupNumber": "8"})
    assert [one.id for one in samples(log)] == [one.id for one in samples(log)]
    assert len({one.id for one in samples(log)}) == 2


def test_neighbours_are_counted_and_left_out() -> None:
    log = table(LTE, LTE_ROW, {**LTE_ROW, "servingCell": "false", "pci": "17"})
    assert len(samples(log)) == 1
    assert left_out(log) == ["not the serving cell"]


def test_5g_beside_4g_and_alone() -> None:
    (beside,) = samples(table(LTE, LTE_ROW), table(NR, NR_ROW, name="b.csv"))
    assert (beside.rat, beside.nr_mode, beside.nr_ss_rsrp_dbm, beside.lte_rsrp_dbm) == ("nr", "nsa", -95.0, -107.0)
    (alone,) = samples(table(NR, NR_ROW))
    assert (alone.nr_mode, alone.nr_nci, alone.nr_arfcn, alone.lte_rsrp_dbm) == ("sa", 123456789, 643296, None)


def test_3g_and_2g_have_quantities_of_their_own() -> None:
    umts = {**LTE_ROW, "rscp": "-98", "ecno": "-9", "cid": "1", "uarfcn": "3011", "psc": "77"}
    (sample,) = samples(table(UMTS, umts))
    assert (sample.rat, sample.umts_rscp_dbm, sample.umts_ecno_db) == ("umts", -98.0, -9.0)
    (sample,) = samples(table(GSM, {**LTE_ROW, "signalStrength": "-87", "ci": "1", "arfcn": "1", "bsic": "1"}))
    assert (sample.rat, sample.gsm_rssi_dbm) == ("gsm", -87.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"latitude": "0.0", "longitude": "0.0"}, "no position"),
        ({"deviceTime": "2026-11-20T08:00:00"}, "no instant with an offset"),
        ({"deviceTime": "soon"}, "no instant with an offset"),
        ({"deviceTime": "1970-01-01T00:00:00Z"}, "no instant with an offset"),
        ({"mcc": "", "mnc": ""}, "no PLMN: give --plmn"),
    ],
)
def test_what_cannot_be_used_is_left_out_with_its_reason(changes: dict[str, str], reason: str) -> None:
    log = table(LTE, {**LTE_ROW, **changes})
    assert samples(log) == []
    assert left_out(log) == [reason]


def test_defaults_and_sentinels_are_absent() -> None:
    (sample,) = samples(table(LTE, {**LTE_ROW, "accuracy": "0", "rsrp": "2147483647", "tac": "", "pci": "2147483647"}))
    assert (sample.accuracy_m, sample.accuracy_kind, sample.lte_rsrp_dbm, sample.lte_tac, sample.lte_pci) == (None,) * 5


def test_no_service_comes_from_the_phone_s_state_alone() -> None:
    lost = {**STATE_ROW, "networkRegistrationInfo": UNREGISTERED}
    back = {**STATE_ROW, "deviceTime": "2026-11-20T08:00:25.000Z"}
    (sample,) = samples(table(STATE, lost, back))
    assert (sample.kind, sample.service_state, sample.service_evidence) == ("service", "no_service", "weak")
    assert (sample.duration_ms, sample.sim_plmn, sample.rat) == (25_000, "20801", None)
    (alone,) = samples(table(STATE, lost))
    assert alone.duration_ms == 60_000  # the app writes only when something changes: not believed for longer


@pytest.mark.parametrize(
    "changes",
    [
        {"simState": "ABSENT"},
        {"simState": ""},
        {"networkRegistrationInfo": "not json"},
        {"networkRegistrationInfo": ""},
        {"networkRegistrationInfo": json.dumps([{"domain": "PS", "accessNetworkTechnology": "IWLAN"}])},
        {"networkRegistrationInfo": json.dumps([{"domain": "PS", "access_network_technology": "NR"}])},
        {"nonTerrestrialNetwork": "true"},
    ],
)
def test_what_is_not_certain_never_becomes_no_service(changes: dict[str, str]) -> None:
    row = {**STATE_ROW, "networkRegistrationInfo": UNREGISTERED, **changes}
    assert [one for one in samples(table(STATE, row)) if one.service_state == "no_service"] == []


def test_no_packet_registration_at_all_is_no_service() -> None:
    for told in ("[]", json.dumps([{"domain": "CS", "accessNetworkTechnology": "GSM"}])):
        assert len(samples(table(STATE, {**STATE_ROW, "networkRegistrationInfo": told}))) == 1


def test_the_phone_s_state_names_the_sim_and_satellites_are_left_out() -> None:
    state = table(STATE, {**STATE_ROW, "simOperator": "20815"}, name="state.csv")
    (sample,) = samples(table(LTE, LTE_ROW), state)
    assert (sample.sim_plmn, sample.serving_plmn) == ("20815", "20801")
    space = table(STATE, {**STATE_ROW, "nonTerrestrialNetwork": "true"}, name="state.csv")
    assert samples(table(LTE, LTE_ROW), space) == []
    assert "on a satellite network" in left_out(table(LTE, LTE_ROW), space)


def test_each_slot_has_its_own_scan_and_state() -> None:
    second = {**LTE_ROW, "slot": "1", "mnc": "15"}
    state = table(STATE, {**STATE_ROW, "slot": "1", "simOperator": "20815"}, name="state.csv")
    found = samples(table(LTE, LTE_ROW, second), state)
    assert sorted(str(one.sim_plmn) for one in found) == ["20801", "20815"]


def point(longitude: float, latitude: float, envelope: int = 0) -> bytes:
    extra = struct.pack("<4d", longitude, longitude, latitude, latitude) if envelope else b""
    head = b"GP" + bytes([0, 1 | envelope << 1]) + struct.pack("<i", 4326) + extra
    return head + struct.pack("<BIdd", 1, 1, longitude, latitude)


@pytest.mark.parametrize("envelope", [0, 1])
def test_a_geopackage_is_read_like_the_csv(tmp_path: Path, envelope: int) -> None:
    path = tmp_path / "survey.gpkg"
    moment_ms = round(datetime(2026, 11, 20, 8, 0, 0, 123_000, UTC).timestamp() * 1000)
    with sqlite3.connect(path) as file:
        file.execute(
            "CREATE TABLE LTE_MESSAGE (id INTEGER PRIMARY KEY, geom BLOB, Time INT, RecordNumber INT, MissionId TEXT, "
            'GroupNumber INT, "Serving Cell" BOOLEAN, Provider TEXT, MCC INT, MNC INT, TAC INT, ECI INT, '
            "DL_EARFCN INT, Phys_Cell_ID INT, RSRP REAL, RSRQ REAL, TA INT, DL_Bandwidth TEXT, speed REAL, "
            "accuracy INT, slot INT)"
        )
        file.execute(
            "INSERT INTO LTE_MESSAGE VALUES (1, ?, ?, 1, 'Survey1', 7, 1, 'Orange F', 208, 1, 4711, 51842562, "
            "1300, 211, -107.0, -11.0, 2, NULL, 13.2, 5, 0)",
            (point(3.94521, 47.28754, envelope), moment_ms),
        )
        file.execute(
            "CREATE TABLE PHONE_STATE_MESSAGE (id INTEGER, geom BLOB, Time INT, simState TEXT, simOperator TEXT, "
            "networkRegistrationInfo TEXT, slot INT, nonTerrestrialNetwork BOOLEAN)"
        )
        file.execute(
            "INSERT INTO PHONE_STATE_MESSAGE VALUES (1, ?, ?, 'READY', '20801', ?, 0, 0)",
            (point(3.94521, 47.28754), moment_ms + 60_000, UNREGISTERED),
        )
    file.close()
    assert format_of(Log(str(path), path)) == "network-survey"
    served, lost = samples(Log(str(path), path.read_bytes()))
    (same,) = samples(table(LTE, LTE_ROW))
    fields = (
        "measured_at",
        "latitude",
        "longitude",
        "lte_rsrp_dbm",
        "lte_eci",
        "lte_pci",
        "lte_earfcn",
        "accuracy_m",
        "speed_mps",
        "serving_plmn",
        "sim_plmn",
        "rat",
    )
    assert [getattr(served, name) for name in fields] == [getattr(same, name) for name in fields]
    assert (lost.service_state, lost.latitude) == ("no_service", 47.28754)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a,b\n1,2\n", b"SQLite format 3\0" + b"x" * 100])
def test_another_file_is_refused(content: bytes) -> None:
    with pytest.raises(LogError):
        list(read([Log("x", content)], NetworkSurveyOptions()))


def test_formats_are_known_by_their_look_and_files_of_one_folder_belong_together(tmp_path: Path) -> None:
    files = {
        "one/lte.csv": table(LTE, LTE_ROW).content,
        "one/state.csv": table(STATE, STATE_ROW).content,
        "two/lte.csv": table(LTE, LTE_ROW).content,
        "two/drive.csv": b"Timestamp,Longitude,Latitude,Speed,Operatorname,NetworkMode\n",
        "two/qos.csv": b"protocole;latitude_start;longitude_start\n",
        "two/wifi.csv": b"bssid,ssid\n",
    }
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    logs = [Log(name, tmp_path / name) for name in files]
    found = {log: format_of(log) for log in logs}
    assert list(found.values()) == ["network-survey"] * 3 + ["gnettrack", "arcep-qos", None]
    parts = parts_of([(log, kind) for log, kind in found.items() if kind])
    assert [(part.format, len(part.logs)) for part in parts] == [
        ("network-survey", 2),
        ("network-survey", 1),
        ("gnettrack", 1),
        ("arcep-qos", 1),
    ]
    assert not is_network_survey(Log("x", files["two/wifi.csv"]))


ODD = st.sampled_from(["", "x", "-1", "nan", "inf", "1e999", "2147483647", "٣", "true", "999999999999999999999"])


@given(st.dictionaries(st.sampled_from(LTE.split(",")), ODD), st.dictionaries(st.sampled_from(STATE.split(",")), ODD))
def test_whatever_a_row_holds_a_sample_is_sound_or_left_out(lte: dict[str, str], state: dict[str, str]) -> None:
    logs = (table(LTE, {**LTE_ROW, **lte}), table(STATE, {**STATE_ROW, **state}, name="state.csv"))
    found = [item for _, item in read(logs, NetworkSurveyOptions())]
    assert found
    for item in found:
        if isinstance(item, Sample):
            check(item)
