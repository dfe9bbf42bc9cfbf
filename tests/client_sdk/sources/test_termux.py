"""What Termux:API prints: a phone in service, in a dead zone, without permission, with two SIMs, on Wi-Fi."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.bounds import check_value
from client_sdk.sample import FIELDS
from client_sdk.sources.position import termux as position
from client_sdk.sources.position.termux import TermuxPosition, objects
from client_sdk.sources.radio.termux import TermuxRadio, parse
from client_sdk.sources.reading import SourceUnavailableError

INT_MAX = 2_147_483_647
DEVICE: dict[str, Any] = {
    "data_enabled": "true",
    "data_activity": "none",
    "data_state": "connected",
    "device_id": "350000000000001",
    "device_software_version": "00",
    "phone_count": 1,
    "phone_type": "gsm",
    "network_operator": "20801",
    "network_operator_name": "Orange F",
    "network_country_iso": "fr",
    "network_type": "lte",
    "network_roaming": False,
    "sim_country_iso": "fr",
    "sim_operator": "20801",
    "sim_operator_name": "Orange F",
    "sim_serial_number": "8933000000000000001",
    "sim_subscriber_id": "208010000000001",
    "sim_state": "ready",
}
LTE = {
    "type": "lte", "registered": True, "asu": 43, "dbm": -97, "level": 3, "timing_advance": 2, "ci": 12345678,
    "pci": 211, "tac": 4711, "mcc": 208, "mnc": 1, "rsrp": -97, "rsrq": -11, "rssi": -69, "bands": "[3]",
}  # fmt: skip
NR = {
    "type": "nr", "registered": True, "asu": 40, "dbm": -100, "level": 3, "nci": 123456789, "pci": 5, "tac": 4711,
    "mcc": "208", "mnc": "01", "ss_rsrp": -100, "ss_rsrq": -11, "ss_sinr": 12, "bands": "[78]",
}  # fmt: skip
DEAD = {**DEVICE, "network_operator": "", "network_operator_name": "", "network_type": "unknown",
        "data_state": "disconnected"}  # fmt: skip
WIFI = {"bssid": "aa:bb:cc:dd:ee:ff", "ssid": "Maison", "mac_address": "02:00:00:00:00:00", "rssi": -50,
        "supplicant_state": "COMPLETED"}  # fmt: skip
SECRETS = ("350000000000001", "8933000000000000001", "208010000000001", "Maison", "aa:bb:cc", "02:00:00")


def read(device: Any = DEVICE, cells: Any = (LTE,), wifi: Any = None) -> Any:
    return parse(device, list(cells) if isinstance(cells, tuple) else cells, wifi, 1.0)


def test_a_phone_on_4g_is_read_whole() -> None:
    reading = read()
    assert (reading.service_state, reading.service_evidence, reading.wifi_connected) == ("in_service", "weak", None)
    assert reading.fields == {
        "sim_plmn": "20801",
        "serving_plmn": "20801",
        "roaming": False,
        "rat": "lte",
        "lte_rsrp_dbm": -97.0,
        "lte_rsrq_db": -11.0,
        "lte_rssi_dbm": -69.0,
        "lte_eci": 12345678,
        "lte_tac": 4711,
        "lte_pci": 211,
    }


def test_5g_beside_4g_and_alone() -> None:
    phone = {**DEVICE, "network_type": "nr"}
    beside, alone = read(phone, (LTE, NR)), read(phone, (NR,))
    assert (beside.fields["nr_mode"], beside.fields["lte_eci"]) == ("nsa", 12345678)
    assert (alone.fields["nr_mode"], alone.fields["nr_ss_sinr_db"]) == ("sa", 12.0)
    assert "lte_rsrp_dbm" not in alone.fields


def test_neighbours_and_other_technologies_are_left_out() -> None:
    neighbour = {**LTE, "registered": False, "rsrp": -60}
    old = {"type": "wcdma", "registered": True, "dbm": -80, "cid": 1, "lac": 2, "mcc": 208, "mnc": 1, "psc": 77}
    assert read(cells=(neighbour, old)).fields.keys() == {"sim_plmn", "serving_plmn", "roaming", "rat"}
    assert read({**DEVICE, "network_type": "hdspa"}, (neighbour, old)).fields["umts_rscp_dbm"] == -80
    gsm = {"type": "gsm", "registered": True, "dbm": -93, "cid": 1, "lac": 2, "mcc": 208, "mnc": 1}
    assert read({**DEVICE, "network_type": "edge"}, (gsm,)).fields["gsm_rssi_dbm"] == -93


def test_the_cells_of_a_second_sim_are_not_those_of_the_first() -> None:
    two = {**DEVICE, "phone_count": 2}
    other = {**LTE, "mnc": 15, "ci": 99, "rsrp": -60}
    reading = read(two, (other, LTE))
    assert (reading.fields["lte_eci"], reading.fields["lte_rsrp_dbm"]) == (12345678, -97)
    assert reading.fields["serving_plmn"] == "20801"
    assert read(two, (other,)).fields.keys() == {"sim_plmn", "serving_plmn", "roaming", "rat"}


def test_a_cell_without_its_network_leaves_the_phone_s_word() -> None:
    nameless = {**LTE, "mcc": INT_MAX, "mnc": INT_MAX}
    fields = read(cells=(nameless,)).fields
    assert (fields["serving_plmn"], fields["lte_rsrp_dbm"]) == ("20801", -97)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "no_service"),
        ({"data_state": "connected"}, "unknown"),
        ({"network_type": "18"}, "unknown"),  # calls over Wi-Fi
        ({"sim_state": "absent"}, "sim_missing"),
        ({"sim_state": "pin_required"}, "sim_missing"),
        ({"sim_state": "unknown"}, "unknown"),
        ({"network_operator": "20815"}, "in_service"),
        ({"network_type": "16"}, "in_service"),
    ],
)
def test_no_service_is_told_by_everything_missing_together(changes: dict[str, Any], state: str) -> None:
    reading = read({**DEAD, **changes}, ())
    assert reading.service_state == state
    if state != "in_service":
        assert reading.fields.keys() <= {"sim_plmn"}


def test_an_empty_list_of_cells_alone_says_nothing_of_service() -> None:
    reading = read(cells=())
    assert reading.service_state == "in_service"
    assert reading.warnings


@pytest.mark.parametrize("lost", ["dbm", "rsrp"])
def test_the_greatest_integer_is_absence(lost: str) -> None:
    cell = {name: value for name, value in LTE.items() if name != "rsrp"} | {lost: INT_MAX}
    if lost == "rsrp":
        del cell["dbm"]
    assert "lte_rsrp_dbm" not in read(cells=(cell,)).fields


def test_wifi_is_noticed_and_forgotten() -> None:
    assert read(wifi=WIFI).wifi_connected is True
    assert read(wifi={**WIFI, "supplicant_state": "SCANNING"}).wifi_connected is False


def test_nothing_that_names_a_person_or_sim_is_kept() -> None:
    kept = repr(read(wifi=WIFI)) + repr(read(DEAD, (), WIFI))
    assert not [secret for secret in SECRETS if secret in kept]


def test_an_integer_network_code_gets_its_zero_back() -> None:
    assert read({**DEVICE, "network_operator": None}).fields["serving_plmn"] == "20801"
    american = {**LTE, "mcc": 310, "mnc": 26}
    assert read({**DEVICE, "network_operator": ""}, (american,)).fields["serving_plmn"] == "310026"


@pytest.mark.parametrize(
    "answer", [{"error": "Please grant the following permission"}, {"API_ERROR": "no"}, None, [], {}, "x"]
)
def test_a_missing_permission_or_another_answer_is_a_source_that_failed(answer: Any) -> None:
    with pytest.raises(SourceUnavailableError) as failed:
        read(answer)
    assert failed.value.way_out
    if answer == {"error": "Please grant the following permission"}:
        with pytest.raises(SourceUnavailableError, match="grant"):
            read(cells=answer)


VALUES = st.sampled_from([None, "", "x", INT_MAX, -INT_MAX - 1, 1e308, True, [], {}, -1, "20801", 0])


@given(
    st.dictionaries(st.sampled_from(sorted(DEVICE)), VALUES),
    st.lists(st.one_of(VALUES, st.dictionaries(st.sampled_from(sorted({*LTE, *NR})), VALUES)), max_size=3),
)
def test_whatever_is_odd_no_field_leaves_its_bounds(device: dict[str, Any], cells: list[Any]) -> None:
    whole = [{**LTE, **cell} if isinstance(cell, dict) else cell for cell in cells]
    reading = read({**DEVICE, **device}, whole)
    for name, value in reading.fields.items():
        check_value(name, value, FIELDS[name])


def test_the_programs_are_asked(fake_program: Any) -> None:
    fake_program("termux-telephony-deviceinfo", {"": json.dumps(DEVICE)})
    fake_program("termux-telephony-cellinfo", {"": json.dumps([LTE])})
    fake_program("termux-wifi-connectioninfo", {}, otherwise="exit 3")
    assert TermuxRadio().read().fields == read().fields


FIX = {"latitude": 45.188529, "longitude": 5.724524, "altitude": 214.0, "accuracy": 4.2, "vertical_accuracy": 3.1,
       "bearing": 0.0, "speed": 0.0, "elapsedMs": 180, "provider": "gps"}  # fmt: skip


def test_a_fix_has_its_age() -> None:
    fix = position.parse(FIX, 100.0)
    assert fix
    assert fix.fixed_at_s == pytest.approx(99.82)
    assert (fix.accuracy_m, fix.accuracy_kind, fix.position_source) == (4.2, "android_68", "gnss")
    assert (fix.speed_mps, fix.position_mock) == (None, None)


def test_a_position_that_is_simulated_says_so() -> None:
    fix = position.parse({**FIX, "mocked": True, "provider": "network", "speed": 12.5}, 0.0)
    assert fix
    assert (fix.position_mock, fix.position_source, fix.speed_mps) == (True, "network", 12.5)


@pytest.mark.parametrize("changes", [{"latitude": 0.0, "longitude": 0.0}, {"latitude": None}, {"longitude": 200}])
def test_no_position_is_no_fix(changes: dict[str, Any]) -> None:
    assert position.parse({**FIX, **changes}, 0.0) is None


def test_a_failure_is_told() -> None:
    with pytest.raises(SourceUnavailableError, match="Failed to get location"):
        position.parse({"API_ERROR": "Failed to get location"}, 0.0)


@given(st.lists(st.integers() | st.dictionaries(st.text(max_size=3), st.integers()), max_size=4), st.data())
def test_objects_printed_one_after_the_other_are_read_as_they_come(values: list[Any], data: st.DataObject) -> None:
    text = "\n".join(json.dumps(value) for value in values) + "\n"
    cut = data.draw(st.integers(0, len(text)))
    first, rest = objects(text[:cut])
    if rest or text[:cut].endswith("\n") or not text[:cut]:  # a number may go on after the cut
        second, left = objects(rest + text[cut:])
        assert (first + second, left) == (values, "")


def test_updates_and_the_last_known_position_are_both_read(fake_program: Any) -> None:
    moving = json.dumps({**FIX, "latitude": 46.0}) + json.dumps({**FIX, "latitude": 46.5})
    fake_program(
        "termux-location",
        {"-r updates -p gps": moving, "-r last -p gps": json.dumps({**FIX, "elapsedMs": 60_000})},
    )
    source = TermuxPosition()
    try:
        fix = source.read()
        while fix is None or fix.latitude != 46.5:
            fix = source.read()
        assert fix.latitude == 46.5
    finally:
        source.close()


def test_a_missing_program_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    source = TermuxPosition()
    try:
        with pytest.raises(SourceUnavailableError) as failed:
            source.read()
        assert failed.value.way_out
    finally:
        source.close()
