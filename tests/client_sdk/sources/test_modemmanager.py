"""What mmcli prints, in the shapes of a home network, roaming, 5G, no service, and trouble of every kind."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.bounds import check_value
from client_sdk.sample import FIELDS
from client_sdk.sources.radio.modemmanager import ModemManagerRadio, modems, parse
from client_sdk.sources.reading import RadioReading, SourceUnavailableError

MODEM: dict[str, Any] = {
    "modem": {
        "3gpp": {
            "enabled-locks": ["sim"],
            "eps": {"initial-bearer": {"settings": {"apn": "orange", "user": "--", "password": "--"}}},
            "imei": "860000000000001",
            "network-rejection-error": "--",
            "operator-code": "20801",
            "operator-name": "Orange F",
            "packet-service-state": "attached",
            "registration-state": "home",
        },
        "dbus-path": "/org/freedesktop/ModemManager1/Modem/0",
        "generic": {
            "access-technologies": ["lte"],
            "bearers": ["/org/freedesktop/ModemManager1/Bearer/1"],
            "equipment-identifier": "860000000000001",
            "manufacturer": "QUALCOMM INCORPORATED",
            "model": "EG25-G",
            "own-numbers": ["+33600000000"],
            "power-state": "on",
            "signal-quality": {"recent": "yes", "value": "67"},
            "sim": "/org/freedesktop/ModemManager1/SIM/0",
            "state": "connected",
            "state-failed-reason": "--",
            "unlock-required": "sim-pin2",
        },
    }
}
SIGNAL: dict[str, Any] = {
    "modem": {
        "signal": {
            "5g": {"error-rate": "--", "rsrp": "--", "rsrq": "--", "snr": "--"},
            "gsm": {"error-rate": "--", "rssi": "--"},
            "lte": {"error-rate": "--", "rsrp": "-104.00", "rsrq": "-14.00", "rssi": "-69.00", "snr": "2.00"},
            "refresh": {"rate": "5"},
            "umts": {"ecio": "--", "error-rate": "--", "rscp": "--", "rssi": "--"},
        }
    }
}
CELLS: dict[str, Any] = {
    "modem": {
        "generic": {
            "cell-info": [
                "cell type: lte, serving: no, physical ci: 17, earfcn: 1300, rsrp: -112.000000, rsrq: -16.000000",
                "cell type: lte, serving: yes, operator id: 20801, tac: 1267, ci: 00BC614E, physical ci: D3, "
                "earfcn: 1300, rsrp: -97.000000, rsrq: -11.000000, timing advance: 2, bandwidth: 100",
            ]
        }
    }
}
SIM = {"sim": {"properties": {"iccid": "8933000000000000001", "imsi": "208010000000001", "operator-code": "20801"}}}
BEARER = {"bearer": {"status": {"connected": "yes", "interface": "wwan0"}, "properties": {"apn": "orange"}}}
SECRETS = ("860000000000001", "+33600000000", "8933000000000000001", "208010000000001", "orange")


def changed(document: dict[str, Any], **values: Any) -> dict[str, Any]:
    """A copy with members of ``generic`` or ``3gpp`` replaced, or added to ``generic``."""
    copy = deepcopy(document)
    for name, value in values.items():
        key = name.replace("_", "-")
        part = "3gpp" if key in copy["modem"]["3gpp"] else "generic"
        copy["modem"][part][key] = value
    return copy


def read(modem: Any = MODEM, signal: Any = SIGNAL, cells: Any = CELLS) -> RadioReading:
    return parse(modem, signal, cells, SIM, [BEARER], 1.0)


def test_a_home_network_is_read_whole() -> None:
    reading = read()
    assert (reading.service_state, reading.service_evidence, reading.interface) == ("in_service", "strong", "wwan0")
    assert reading.fields == {
        "sim_plmn": "20801",
        "serving_plmn": "20801",
        "roaming": False,
        "device_model": "EG25-G",
        "rat": "lte",
        "lte_rsrp_dbm": -104.0,
        "lte_rsrq_db": -14.0,
        "lte_sinr_db": 2.0,
        "lte_rssi_dbm": -69.0,
        "lte_eci": 0xBC614E,
        "lte_tac": 0x1267,
        "lte_pci": 0xD3,
        "lte_earfcn": 1300,
    }


@pytest.mark.parametrize(
    ("registration", "state"),
    [
        ("home", "in_service"),
        ("roaming", "in_service"),
        ("home-csfb-not-preferred", "in_service"),
        ("roaming-csfb-not-preferred", "in_service"),
        ("home-sms-only", "limited"),
        ("roaming-sms-only", "limited"),
        ("emergency-only", "limited"),
        ("attached-rlos", "limited"),
        ("searching", "no_service"),
        ("idle", "no_service"),
        ("denied", "denied"),
        ("unknown", "unknown"),
        ("--", "unknown"),
    ],
)
def test_registration_becomes_a_state(registration: str, state: str) -> None:
    reading = read(changed(MODEM, registration_state=registration))
    assert reading.service_state == state
    assert reading.fields.get("roaming") == (registration.startswith("roaming") if state == "in_service" else None)
    if state != "in_service":
        assert set(reading.fields) <= {"sim_plmn", "device_model"}  # no value outlives the loss of signal


@pytest.mark.parametrize(
    ("members", "state"),
    [
        ({"state": "disabled"}, "radio_off"),
        ({"power_state": "low"}, "radio_off"),
        ({"state": "locked", "unlock_required": "sim-pin"}, "sim_missing"),
        ({"state": "failed", "state_failed_reason": "sim-missing"}, "sim_missing"),
        ({"state": "failed", "state_failed_reason": "sim-error"}, "sim_missing"),
        ({"state": "failed", "state_failed_reason": "esim-without-profiles"}, "sim_missing"),
        ({"state": "failed", "state_failed_reason": "unknown-capabilities"}, "unknown"),
    ],
)
def test_a_radio_that_is_off_or_without_its_sim_is_not_without_service(members: dict[str, str], state: str) -> None:
    assert read(changed(MODEM, registration_state="searching", **members)).service_state == state


def test_a_refusal_keeps_its_cause() -> None:
    reading = read(changed(MODEM, registration_state="denied", network_rejection_error="15"))
    assert reading.fields["service_reject_cause"] == 15
    for name, cause in (("plmn-not-allowed", 11), ("roaming-not-allowed-in-location-area", 13), ("unknown", None)):
        named = read(changed(MODEM, registration_state="denied", network_rejection_error=name))
        assert named.fields.get("service_reject_cause") == cause


@pytest.mark.parametrize("state", ["initializing", "enabling"])
def test_a_modem_that_is_not_up_yet_says_nothing_of_service(state: str) -> None:
    assert read(changed(MODEM, registration_state="idle", state=state)).service_state == "unknown"


def cell_info(*lines: str) -> dict[str, Any]:
    return {"modem": {"generic": {"cell-info": list(lines)}}}


def test_of_aggregated_carriers_the_primary_is_the_serving_cell() -> None:
    carriers = [
        "cell type: lte, serving: yes, physical ci: 1A, earfcn: 3000, serving cell type: 2",
        "cell type: lte, serving: yes, tac: 1267, ci: 00BC614E, physical ci: D3, earfcn: 1300, serving cell type: 1",
        "cell type: lte, serving: yes, physical ci: 1B, earfcn: 6400",
        "cell type: 5gnr, serving: yes, tac: 1267, ci: 75BCD15, physical ci: 5, nrarfcn: 643296, serving cell type: 3",
        "cell type: 5gnr, serving: yes, physical ci: 6, nrarfcn: 650000, serving cell type: 4",
    ]
    fields = read(changed(MODEM, access_technologies=["lte", "5gnr"]), cells=cell_info(*carriers)).fields
    assert (fields["lte_eci"], fields["lte_pci"], fields["lte_earfcn"]) == (12345678, 211, 1300)
    assert (fields["nr_nci"], fields["nr_pci"], fields["nr_arfcn"]) == (123456789, 5, 643296)


def with_5g(**lte: str) -> dict[str, Any]:
    signal = deepcopy(SIGNAL)
    signal["modem"]["signal"]["5g"] = {"rsrp": "-95.00", "rsrq": "-11.00", "snr": "12.50", "error-rate": "--"}
    signal["modem"]["signal"]["lte"] |= lte
    return signal


def test_5g_beside_an_anchor_keeps_it_and_5g_alone_does_not() -> None:
    beside = read(changed(MODEM, access_technologies=["lte", "5gnr"]), with_5g())
    assert (beside.fields["rat"], beside.fields["nr_mode"]) == ("nr", "nsa")
    assert (beside.fields["nr_ss_rsrp_dbm"], beside.fields["lte_rsrp_dbm"]) == (-95.0, -104.0)
    nothing = dict.fromkeys(("rsrp", "rsrq", "rssi", "snr"), "--")
    cells = {"modem": {"generic": {"cell-info": ["cell type: 5gnr, serving: yes, ci: 0BEBC2001, tac: 00A1, "
                                                 "physical ci: 5, nrarfcn: 643296"]}}}  # fmt: skip
    alone = read(changed(MODEM, access_technologies=["5gnr"]), with_5g(**nothing), cells)
    assert (alone.fields["rat"], alone.fields["nr_mode"]) == ("nr", "sa")
    assert (alone.fields["nr_nci"], alone.fields["nr_arfcn"]) == (0xBEBC2001, 643296)
    assert "lte_rsrp_dbm" not in alone.fields


def test_3g_and_2g_have_quantities_of_their_own() -> None:
    signal = {"modem": {"signal": {"umts": {"rscp": "-98.00", "ecio": "-9.50"}, "lte": {"rsrp": "-120.00"}}}}
    umts = read(changed(MODEM, access_technologies=["hsdpa", "hsupa"]), signal, None)
    assert (umts.fields["rat"], umts.fields["umts_rscp_dbm"], umts.fields["umts_ecno_db"]) == ("umts", -98.0, -9.5)
    assert "lte_rsrp_dbm" not in umts.fields  # left over from before
    gsm = read(changed(MODEM, access_technologies=["edge"]), {"modem": {"signal": {"gsm": {"rssi": "-87"}}}}, None)
    assert (gsm.fields["rat"], gsm.fields["gsm_rssi_dbm"]) == ("gsm", -87.0)


@pytest.mark.parametrize("value", ["--", "-32768", "2147483647", "-200.00", "0", "nan", "inf", "", None, [], {}])
def test_a_signal_that_is_none_is_absent(value: Any) -> None:
    signal = {"modem": {"signal": {"lte": {"rsrp": value, "rsrq": "-10.00"}}}}
    fields = read(signal=signal).fields
    assert "lte_rsrp_dbm" not in fields
    assert fields["lte_rsrq_db"] == -10.0


def test_nothing_that_names_a_person_or_sim_is_kept() -> None:
    kept = repr(read()) + repr(read(changed(MODEM, registration_state="searching")))
    assert not [secret for secret in SECRETS if secret in kept]


@pytest.mark.parametrize("modem", [None, {}, [], "x", {"modem": {}}, {"modem": {"generic": "x"}}])
def test_something_else_is_a_source_that_failed(modem: Any) -> None:
    with pytest.raises(SourceUnavailableError):
        read(modem)


def _paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(path for key, part in inner for path in _paths(part, (*before, key)))]


GARBAGE = st.sampled_from([None, "--", "", "x", "-1e400", [], {}, ["x"], 7, True, "2147483647", {"lte": []}])


@given(st.data())
def test_whatever_is_missing_or_odd_no_field_leaves_its_bounds(data: st.DataObject) -> None:
    documents = [deepcopy(MODEM), deepcopy(SIGNAL), deepcopy(CELLS)]
    for document in documents:
        for path in data.draw(st.lists(st.sampled_from(_paths(document)[1:]), max_size=3)):
            part: Any = document
            try:
                for key in path[:-1]:
                    part = part[key]
                part[path[-1]] = data.draw(GARBAGE)
            except (KeyError, TypeError, IndexError):
                continue
    try:
        reading = read(*documents)
    except SourceUnavailableError:
        return
    for name, value in reading.fields.items():
        check_value(name, value, FIELDS[name])


@pytest.fixture
def mmcli(fake_program: Any) -> Any:
    """A program of that name on the path, which answers as ModemManager does."""
    answers = {
        "-m 0 -J": MODEM,
        "-m 0 --signal-setup=5 -J": {},
        "-m 0 --signal-get -J": SIGNAL,
        "-m 0 --get-cell-info -J": CELLS,
        "-i /org/freedesktop/ModemManager1/SIM/0 -J": SIM,
        "-b /org/freedesktop/ModemManager1/Bearer/1 -J": BEARER,
        "-L -J": {"modem-list": ["/org/freedesktop/ModemManager1/Modem/0"]},
    }
    return lambda **changes: fake_program(
        "mmcli", {words: json.dumps(answer) for words, answer in (answers | changes).items()}
    )


def test_the_program_is_asked(mmcli: Any) -> None:
    mmcli()
    assert modems() == ["/org/freedesktop/ModemManager1/Modem/0"]
    reading = ModemManagerRadio("0").read()
    assert reading.fields == read().fields
    assert reading.interface == "wwan0"


def test_another_sim_and_a_modemmanager_that_started_again_are_noticed(mmcli: Any, tmp_path: Path) -> None:
    """The SIM is read again; a signal that nobody keeps up to date any more is asked for again."""
    mmcli()
    radio = ModemManagerRadio("0")
    assert radio.read().fields["sim_plmn"] == "20801"
    other = {"sim": {"properties": {"operator-code": "20815"}}}
    stopped = deepcopy(SIGNAL)
    stopped["modem"]["signal"] |= {"refresh": {"rate": "0"}, "lte": {"rsrp": "--"}}
    sim = "/org/freedesktop/ModemManager1/SIM/1"
    mmcli(**{"-m 0 -J": changed(MODEM, sim=sim), f"-i {sim} -J": other, "-m 0 --signal-get -J": stopped})
    asked = tmp_path / "asked"
    script = tmp_path / "programs" / "mmcli"
    script.write_text(script.read_text().replace("#!/bin/sh\n", f'#!/bin/sh\necho "$*" >> {asked}\n'))
    assert radio.read().fields["sim_plmn"] == "20815"
    assert "-m 0 --signal-setup=5 -J" in asked.read_text().splitlines()


def test_a_question_that_crashes_the_program_leaves_the_rest(fake_program: Any, mmcli: Any) -> None:
    mmcli()
    fake_program("mmcli", {"-m 0 -J": json.dumps(MODEM)}, otherwise="kill -SEGV $$")
    reading = ModemManagerRadio("0").read()
    assert (reading.service_state, reading.fields["rat"]) == ("in_service", "lte")
    assert "lte_rsrp_dbm" not in reading.fields


@pytest.mark.parametrize("otherwise", ["kill -SEGV $$", "exit 1", "echo not json", "echo error: no modem >&2; exit 1"])
def test_a_program_that_fails_says_nothing_about_service(fake_program: Any, otherwise: str) -> None:
    fake_program("mmcli", {}, otherwise=otherwise)
    with pytest.raises(SourceUnavailableError) as failed:
        ModemManagerRadio("0").read()
    assert failed.value.way_out


def test_a_program_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SourceUnavailableError, match=r"not installed|absent"):
        modems()
