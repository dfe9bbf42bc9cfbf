"""What ``dumpsys telephony.registry`` prints: versions, makers, two SIMs, no service, calls over Wi-Fi."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.bounds import check_value
from client_sdk.sample import FIELDS
from client_sdk.sources.radio.adb import AdbRadio, phones
from client_sdk.sources.radio.dumpsys import blocks, parse
from client_sdk.sources.reading import RadioReading, SourceUnavailableError

NONE = 2147483647
LTE_CELL = (
    "cellIdentity=CellIdentityLte:{ mCi=51842562 mPci=211 mTac=4711 mEarfcn=1300 mBands=[3] mBandwidth=20000 mMcc=208 "
    "mMnc=01 mAlphaLong=Orange F mAlphaShort=Orange F mAdditionalPlmns={} mCsgInfo=null}"
)
NR_CELL = "cellIdentity=CellIdentityNr:{ mPci = 5 mTac = 4711 mNrArfcn = 643296 mMcc = 208 mMnc = 01 mNci = 123456789 }"


def registration(
    domain: str = "PS", state: str = "HOME", technology: str = "LTE", cell: str = LTE_CELL, **more: str
) -> str:
    values = {"transportType": "WWAN", "rejectCause": "0", "roamingType": "NOT_ROAMING", "extra": ""} | more
    return (
        f"NetworkRegistrationInfo{{ domain={domain} transportType={values['transportType']} registrationState={state} "
        f"networkRegistrationState={state} roamingType={values['roamingType']} accessNetworkTechnology={technology} "
        f"rejectCause={values['rejectCause']} emergencyEnabled=false availableServices=[DATA] {cell} "
        f"voiceSpecificInfo=null dataSpecificInfo=android.telephony.DataSpecificRegistrationInfo :{{ maxDataCalls = 16 "
        f"isDcNrRestricted = false isNrAvailable = false isEnDcAvailable = false }} {values['extra']} }}"
    )


def block(
    phone_id: int = 0,
    voice: str = "0(IN_SERVICE)",
    data: str = "0(IN_SERVICE)",
    registrations: str | None = None,
    emergency: bool = False,
    lte: str = "rssi=-55 rsrp=-77 rsrq=-4 rssnr=18 cqiTableIndex=2147483647 cqi=2147483647 ta=2147483647 level=4",
    nr: str = f"csiRsrp = {NONE} csiRsrq = {NONE} ssRsrp = {NONE} ssRsrq = {NONE} ssSinr = {NONE} level = 0",
) -> str:
    infos = registration("CS") + ", " + registration() if registrations is None else registrations
    return f"""  Phone Id={phone_id}
    mCallState=0
    mServiceState={{mVoiceRegState={voice}, mDataRegState={data}, mChannelNumber=1300, duplexMode()=1, \
mCellBandwidths=[20000], mVoiceOperatorAlphaLong=Orange F, mDataOperatorAlphaLong=Orange F, \
isManualNetworkSelection=false(automatic), getRilVoiceRadioTechnology=14(LTE), getRilDataRadioTechnology=14(LTE), \
mCssIndicator=unsupported, mNetworkId=-1, mSystemId=-1, mIsEmergencyOnly={str(emergency).lower()}, \
isUsingCarrierAggregation=false, mNetworkRegistrationInfos=[{infos}], mNrFrequencyRange=0}}
    mVoiceActivationState= 0
    mSignalStrength=SignalStrength:{{mCdma=CellSignalStrengthCdma: cdmaDbm={NONE} level=0,\
mGsm=CellSignalStrengthGsm: rssi={NONE} ber={NONE} mTa={NONE} mLevel=0,\
mWcdma=CellSignalStrengthWcdma: ss={NONE} ber={NONE} rscp={NONE} ecno={NONE} level=0,\
mTdscdma=CellSignalStrengthTdscdma: rssi={NONE} rscp={NONE} level=0,\
mLte=CellSignalStrengthLte: {lte},mNr=CellSignalStrengthNr:{{ {nr} }},primary=CellSignalStrengthLte}}
    mMessageWaiting=false
    mDeviceId=350000000000001
"""


HEAD = "last known state:\n"
LOST = registration("CS", "NOT_REG_SEARCHING", "UNKNOWN", "cellIdentity=null") + ", " + registration(
    "PS", "NOT_REG_SEARCHING", "UNKNOWN", "cellIdentity=null"
)  # fmt: skip
WIFI = registration("PS", "HOME", "IWLAN", "cellIdentity=null", transportType="WLAN")


def read(text: str, phone_id: int = 0, **more: Any) -> RadioReading:
    return parse(HEAD + text, phone_id, 1.0, **more)


def test_a_phone_on_4g_is_read_whole() -> None:
    reading = read(block())
    assert (reading.service_state, reading.service_evidence) == ("in_service", "strong")
    assert reading.fields == {
        "serving_plmn": "20801",
        "roaming": False,
        "rat": "lte",
        "lte_rsrp_dbm": -77.0,
        "lte_rsrq_db": -4.0,
        "lte_sinr_db": 18.0,
        "lte_rssi_dbm": -55.0,
        "lte_eci": 51842562,
        "lte_tac": 4711,
        "lte_pci": 211,
        "lte_earfcn": 1300,
    }


NR_LEVELS = "csiRsrp = -200 csiRsrq = 0 csiSinr = 0 ssRsrp = -95 ssRsrq = -11 ssSinr = 9 level = 3"


def test_5g_beside_4g_and_alone() -> None:
    anchored = registration("CS") + ", " + registration(extra="nrState=CONNECTED")
    beside = read(block(registrations=anchored, nr=NR_LEVELS))
    assert (beside.fields["rat"], beside.fields["nr_mode"]) == ("nr", "nsa")
    assert (beside.fields["nr_ss_rsrp_dbm"], beside.fields["lte_rsrp_dbm"], beside.fields["lte_pci"]) == (-95, -77, 211)
    alone = read(block(registrations=registration(technology="NR", cell=NR_CELL), nr=NR_LEVELS))
    assert (alone.fields["rat"], alone.fields["nr_mode"], alone.fields["nr_nci"]) == ("nr", "sa", 123456789)
    assert (alone.fields["nr_arfcn"], alone.fields["nr_ss_sinr_db"]) == (643296, 9)
    assert "lte_rsrp_dbm" not in alone.fields


def test_a_5g_level_at_the_end_of_its_scale_is_none() -> None:
    anchored = registration(extra="nrState=CONNECTED")
    levels = "ssRsrp = -44 ssRsrq = -3 ssSinr = 40 level = 0"
    assert "nr_ss_rsrp_dbm" not in read(block(registrations=anchored, nr=levels)).fields


MASKED = LTE_CELL.replace("51842562", "5******2").replace("4711", "4***1")
CARRIERS = (
    "    mPhysicalChannelConfigs=[{mConnectionStatus=PrimaryServing,mNetworkType=LTE},"
    "{mConnectionStatus=SecondaryServing,mNetworkType=NR}]\n"
)
DISPLAY = "    mTelephonyDisplayInfo=TelephonyDisplayInfo {network=LTE, overrideNetwork=NR_NSA, isRoaming=false}\n"


def test_where_identities_are_starred_out_the_rest_is_read() -> None:
    reading = read(block(registrations=registration(cell=MASKED, extra="nrState=**** rRplmn=20801")))
    assert (reading.fields["rat"], reading.fields["serving_plmn"], reading.fields["lte_pci"]) == ("lte", "20801", 211)
    assert not {"lte_eci", "lte_tac"} & reading.fields.keys()


@pytest.mark.parametrize("shown", [CARRIERS, DISPLAY])
def test_5g_beside_4g_whose_state_is_starred_out_shows_in_the_carriers_or_the_display(shown: str) -> None:
    hidden = registration(cell=MASKED, extra="nrState=**** rRplmn=20801")
    beside = read(block(registrations=hidden, nr=NR_LEVELS) + shown)
    assert (beside.fields["rat"], beside.fields["nr_mode"], beside.fields["nr_ss_rsrp_dbm"]) == ("nr", "nsa", -95)
    told = registration(extra="nrState=NOT_RESTRICTED")  # the icon of the display lasts longer than the carrier
    assert read(block(registrations=told, nr=NR_LEVELS) + shown).fields["rat"] == "lte"


def test_the_registered_network_is_known_without_its_cell() -> None:
    alone = registration(technology="NR", cell="cellIdentity=null", extra="nrState=NONE rRplmn=20815")
    assert read(block(registrations=alone)).fields["serving_plmn"] == "20815"


def android_9(data: str, state: str, technology: str, cell: str) -> str:
    """The other names of Android 9."""
    one = "NetworkRegistrationState{{transportType={0} domain={1} regState={2} accessNetworkTechnology={3} {4} {5}}}"
    common = "reasonForDenial=0 emergencyEnabled=false supportedServices=[I@ad03e6d"
    states = ", ".join(
        [
            one.format(1, "PS", state, technology, common, cell),
            one.format(2, "PS", "HOME", "IWLAN", common, "cellIdentity=null"),
            one.format(1, "CS", "HOME", "LTE", common, LTE_CELL),
        ]
    )
    text = block(data=data).replace("getRil", "mRil")
    begin, end = text.index("mNetworkRegistrationInfos="), text.index(", mNrFrequencyRange")
    return f"{text[:begin]}mNetworkRegistrationStates=[{states}]{text[end:]}"


def test_android_9_says_the_same_by_other_names() -> None:
    served = read(android_9("0(IN_SERVICE)", "HOME", "LTE", LTE_CELL))
    assert (served.service_state, served.fields) == ("in_service", read(block()).fields)
    calls_alone = read(android_9("1(OUT_OF_SERVICE)", "NOT_REG_NOT_SEARCHING", "UNKNOWN", "cellIdentity=null"))
    assert (calls_alone.service_state, dict(calls_alone.fields)) == ("limited", {})


def test_a_signal_to_noise_ratio_of_doubtful_unit_is_absent() -> None:
    assert "lte_sinr_db" not in read(block(), api_level=29).fields
    assert read(block(), api_level=30).fields["lte_sinr_db"] == 18


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({"voice": "1(OUT_OF_SERVICE)", "data": "1(OUT_OF_SERVICE)", "registrations": LOST}, "no_service"),
        ({"voice": "1(OUT_OF_SERVICE)", "data": "1(OUT_OF_SERVICE)", "registrations": ""}, "no_service"),
        (
            {"voice": "1(OUT_OF_SERVICE)", "data": "1(OUT_OF_SERVICE)", "registrations": LOST, "emergency": True},
            "limited",
        ),
        ({"voice": "2(EMERGENCY_ONLY)", "data": "1(OUT_OF_SERVICE)", "registrations": LOST}, "limited"),
        ({"voice": "3(POWER_OFF)", "data": "3(POWER_OFF)", "registrations": LOST}, "radio_off"),
        ({"registrations": registration(state="ROAMING", roamingType="INTERNATIONAL")}, "in_service"),
        ({"voice": "1(OUT_OF_SERVICE)", "data": "0(IN_SERVICE)", "registrations": WIFI}, "unknown"),
        ({"voice": "1(OUT_OF_SERVICE)", "data": "0(IN_SERVICE)", "registrations": f"{LOST}, {WIFI}"}, "no_service"),
        ({"registrations": registration(extra="isNonTerrestrialNetwork=NON-TERRESTRIAL")}, "unknown"),
        ({"registrations": registration(extra="isNonTerrestrialNetwork=TERRESTRIAL")}, "in_service"),
        ({"registrations": registration("PS", "DENIED", "UNKNOWN", "cellIdentity=null", rejectCause="15")}, "denied"),
    ],
)
def test_states_of_service(changes: dict[str, Any], state: str) -> None:
    reading = read(block(**changes))
    assert reading.service_state == state
    if "=ROAMING" in changes.get("registrations", ""):
        assert reading.fields["roaming"] is True
    if state != "in_service":
        assert reading.fields.keys() <= {"service_reject_cause"}
    if state == "denied":
        assert reading.fields["service_reject_cause"] == 15


def test_flight_mode_is_a_radio_that_is_off() -> None:
    assert read(block(registrations=LOST), airplane_mode=True).service_state == "radio_off"


def test_each_sim_has_its_block() -> None:
    two = block(0) + block(1, "1(OUT_OF_SERVICE)", "1(OUT_OF_SERVICE)", LOST)
    assert set(blocks(HEAD + two)) == {0, 1}
    assert [read(two, slot).service_state for slot in (0, 1)] == ["in_service", "no_service"]
    with pytest.raises(SourceUnavailableError):
        read(two, 2)


def test_an_older_version_without_registrations() -> None:
    old = """  mServiceState={mVoiceRegState=0(IN_SERVICE), mDataRegState=0(IN_SERVICE), mRoaming=true, \
getRilDataRadioTechnology=14(LTE), mIsEmergencyOnly=false}
  mSignalStrength=SignalStrength: 99 0 -120 -160 -120 -1 -1 25 -95 -10 80 2147483647 gsm|lte
"""
    reading = read(old)
    assert (reading.service_state, reading.fields) == ("in_service", {"rat": "lte", "roaming": True})


def test_nothing_that_names_a_person_or_sim_is_kept() -> None:
    assert "350000000000001" not in repr(read(block()))


@pytest.mark.parametrize("text", ["", "Can't find service: telephony.registry", "x" * 1000, "Phone Id=0\n"])
def test_something_else_is_a_source_that_failed(text: str) -> None:
    with pytest.raises(SourceUnavailableError):
        read(text)


@given(st.data())
def test_a_dump_that_was_cut_or_changed_gives_no_field_out_of_bounds(data: st.DataObject) -> None:
    text = block() + block(1, nr=NR_LEVELS, registrations=registration(extra="nrState=CONNECTED"))
    for found in data.draw(st.lists(st.sampled_from(list(re.finditer(r"=\s*(-?\w+)", text))), max_size=6)):
        odd = data.draw(st.sampled_from(["", "null", str(NONE), "-1", "x{", "}}", "99999999999999999999"]))
        text = text[: found.start(1)] + odd + text[found.start(1) + len(found[1]) :]
    text = text[: data.draw(st.integers(0, len(text)))]
    for slot in (0, 1):
        try:
            reading = read(text, slot)
        except SourceUnavailableError:
            continue
        for name, value in reading.fields.items():
            check_value(name, value, FIELDS[name])


def test_the_phone_is_asked(fake_program: Any) -> None:
    fake_program(
        "adb",
        {
            "devices": "List of devices attached\nSERIAL7\tdevice\n\n",
            "-s SERIAL7 shell dumpsys telephony.registry": HEAD + block(),
            "-s SERIAL7 shell settings get global airplane_mode_on": "0\n",
            "-s SERIAL7 shell settings get global wifi_on": "0\n",
            "-s SERIAL7 shell getprop gsm.sim.operator.numeric": "20801,\n",
            "-s SERIAL7 shell getprop gsm.sim.state": "LOADED,ABSENT\n",
            "-s SERIAL7 shell getprop ro.product.model": "Pixel 7\n",
        },
    )
    assert phones() == ["SERIAL7"]
    reading = AdbRadio("SERIAL7").read()
    assert (reading.fields["sim_plmn"], reading.fields["device_model"], reading.wifi_connected) == (
        "20801",
        "Pixel 7",
        False,
    )
    assert "SERIAL7" not in repr(reading)


WLAN = "12: wlan0    inet 192.168.1.20/24 brd 192.168.1.255 scope global wlan0\\       valid_lft forever\n"


@pytest.mark.parametrize(("addresses", "connected"), [(WLAN, True), ("", False), (None, None)])
def test_wifi_is_seen_by_its_address_which_is_forgotten(
    fake_program: Any, addresses: str | None, connected: Any
) -> None:
    answers = {"shell dumpsys telephony.registry": HEAD + block(), "shell settings get global wifi_on": "1\n"}
    if addresses is not None:
        answers["shell ip -o addr show dev wlan0 scope global"] = addresses
    fake_program("adb", answers)
    reading = AdbRadio().read()
    assert reading.wifi_connected is connected
    assert "192.168" not in repr(reading)


def test_a_refusal_without_a_cause_has_none() -> None:
    denied = registration("PS", "DENIED", "UNKNOWN", "cellIdentity=null")
    assert read(block(registrations=denied)).fields == {}


@pytest.mark.parametrize("printed", ["X1\tunauthorized\n", "X1\toffline\n"])
def test_a_phone_that_refuses_is_told(fake_program: Any, printed: str) -> None:
    fake_program("adb", {"devices": f"List of devices attached\n{printed}"})
    with pytest.raises(SourceUnavailableError, match=printed.split()[1]) as failed:
        phones()
    assert failed.value.way_out


def test_no_phone_is_none(fake_program: Any) -> None:
    fake_program("adb", {"devices": "List of devices attached\n\n"})
    assert phones() == []
