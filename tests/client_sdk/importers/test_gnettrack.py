import zipfile
from collections import Counter
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.importers.gnettrack import GNetTrackOptions, read
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample

COLUMNS = [
    *("Timestamp", "Longitude", "Latitude", "Speed", "Operatorname", "CellID", "NetworkMode", "RSRP", "RSRQ", "SNR"),
    *("CQI", "RSSI", "DL_bitrate", "UL_bitrate", "State", "PINGAVG", "PINGMIN", "PINGMAX", "PINGSTDEV", "PINGLOSS"),
    *("CELLHEX", "NODEHEX", "LACHEX", "RAWCELLID", "NRxRSRP", "NRxRSRQ"),
]
LTE_ROW = {
    **dict.fromkeys(COLUMNS, "-"),
    "Timestamp": "2026.06.17_15.34.34",
    "Longitude": "4.1",
    "Latitude": "47.1",
    "Speed": "36",
    "Operatorname": "X",
    "NetworkMode": "LTE",
    "RSRP": "-79",
    "RSRQ": "-12",
    "SNR": "10.0",
    "RSSI": "-61",
    "DL_bitrate": "1500",
    "UL_bitrate": "3",
    "CELLHEX": "3",
    "NODEHEX": "1A2B",
    "LACHEX": "9CB",
    "RAWCELLID": str(0x1A2B03),
}
PARIS = GNetTrackOptions(ZoneInfo("Europe/Paris"), "20801")


def items(*rows: dict[str, str], options: GNetTrackOptions = PARIS) -> list[Sample | LeftOut]:
    text = "\n".join([",".join(COLUMNS), *(",".join((LTE_ROW | row).values()) for row in rows)])
    return list(read(Log("log.csv", text.encode()), options))


def sample(options: GNetTrackOptions = PARIS, **cells: str) -> Sample:
    (found,) = items(cells, options=options)
    assert isinstance(found, Sample), found
    return found


def reason(options: GNetTrackOptions = PARIS, **cells: str) -> str:
    (found,) = items(cells, options=options)
    assert isinstance(found, LeftOut), found
    return found.reason


def test_an_lte_row() -> None:
    lte = sample()
    assert (lte.kind, lte.outcome, lte.measured_at) == ("signal", None, "2026-06-17T13:34:34.000Z")
    assert (lte.rat, lte.service_state, lte.sim_plmn, lte.serving_plmn) == ("lte", "in_service", "20801", None)
    assert (lte.lte_rsrp_dbm, lte.lte_rsrq_db, lte.lte_sinr_db, lte.lte_rssi_dbm) == (-79, -12, 10, -61)
    assert (lte.lte_eci, lte.lte_tac) == (0x1A2B03, 0x9CB)
    assert (lte.speed_mps, lte.context) == (10, "unknown")


def test_bitrates_are_traffic_never_a_test() -> None:
    busy = sample(State="D")
    assert (busy.observed_download_bps, busy.observed_upload_bps) == (1_500_000, 3_000)
    assert (busy.download_bps, busy.upload_bps, busy.outcome) == (None, None, None)


def test_a_5g_row_beside_a_4g_anchor() -> None:
    nsa = sample(NetworkMode="5G", NRxRSRP="-101.0", NRxRSRQ="-13.0")
    assert (nsa.rat, nsa.nr_mode, nsa.nr_ss_rsrp_dbm, nsa.nr_ss_rsrq_db) == ("nr", "nsa", -101, -13)
    assert (nsa.lte_rsrp_dbm, nsa.lte_eci, nsa.nr_nci) == (-79, 0x1A2B03, None)


def test_a_5g_row_alone() -> None:
    sa = sample(NetworkMode="5G", RAWCELLID=str(2**32 + 5), NRxRSRP="-99")
    assert (sa.rat, sa.nr_mode, sa.nr_nci, sa.nr_ss_rsrp_dbm) == ("nr", "sa", 2**32 + 5, -99)
    assert (sa.lte_rsrp_dbm, sa.lte_eci) == (None, None)


def test_what_a_column_does_not_mean_is_left_absent() -> None:
    umts = sample(NetworkMode="HSPA+", RSRP="-81", NRxRSRP="-51.0", NRxRSRQ="-24.0")
    assert (umts.rat, umts.umts_rscp_dbm, umts.lte_rsrp_dbm, umts.nr_ss_rsrp_dbm) == ("umts", None, None, None)
    gsm = sample(NetworkMode="EDGE", RSRP="-77")
    assert (gsm.rat, gsm.gsm_rssi_dbm) == ("gsm", -77)
    assert sample(RSRP="-200").lte_rsrp_dbm is None
    assert sample(NetworkMode="5G", NRxRSRQ="2147483647.0").nr_ss_rsrq_db is None
    stale = sample(RAWCELLID="999")
    assert (stale.lte_eci, stale.lte_tac) == (None, None)


def test_pings_are_latency_tests() -> None:
    pinged = sample(PINGAVG="67.0", PINGMIN="65.0", PINGMAX="76.0", PINGLOSS="0.0")
    assert (pinged.kind, pinged.outcome, pinged.rtt_min_ms, pinged.rtt_median_ms) == ("latency", "ok", 65, None)
    assert pinged.rtt_protocol == "icmp"
    lost = sample(PINGLOSS="100.0")
    assert (lost.kind, lost.outcome, lost.rtt_min_ms) == ("latency", "timeout", None)


def test_the_plmn_is_the_logs_or_said() -> None:
    silent = GNetTrackOptions(ZoneInfo("Europe/Paris"))
    assert reason(silent) == "no PLMN: give --plmn"
    named = sample(silent, Operatorname="27203")
    assert (named.sim_plmn, named.serving_plmn) == ("27203", "27203")
    roaming = sample(Operatorname="27203")
    assert (roaming.sim_plmn, roaming.serving_plmn) == ("20801", "27203")


def test_rows_of_one_second_stay_apart() -> None:
    found = items({}, {"Latitude": "47.2"}, {"Latitude": "47.3"}, {"Timestamp": "2026.06.17_15.34.35"})
    assert [s.measured_at[17:] for s in found if isinstance(s, Sample)] == [
        "34.000Z",
        "34.001Z",
        "34.002Z",
        "35.000Z",
    ]


def test_the_hour_that_comes_twice_and_the_one_that_does_not_exist() -> None:
    autumn = [f"2026.10.25_{time}" for time in ("01.59.59", "02.30.00", "02.59.59", "02.00.00", "02.30.00", "03.00.00")]
    found = items(*({"Timestamp": text, "Speed": str(n)} for n, text in enumerate(autumn)))
    assert [s.measured_at[11:19] for s in found if isinstance(s, Sample)] == [
        "23:59:59",
        "00:30:00",
        "00:59:59",
        "01:00:00",
        "01:30:00",
        "02:00:00",
    ]
    assert reason(Timestamp="2026.03.29_02.30.00") == "no such local time"


def test_rows_that_are_left_out_say_why() -> None:
    assert reason(Timestamp="yesterday") == "no such local time"
    for clock_never_set in ("0001.01.01_00.00.00", "1999.12.31_12.00.00"):
        assert reason(Timestamp=clock_never_set) == "no such local time"
    assert reason(NetworkMode="-") == "no mobile technology"
    assert reason(NetworkMode="WIFI") == "no mobile technology"
    assert reason(Latitude="-") == "no position"
    assert reason(Latitude="91") == "latitude cannot be used"
    assert [item.reason for item in items({}, {}) if isinstance(item, LeftOut)] == ["same as an earlier row"]
    absent, found = items({"RSRQ": "-56"})
    assert isinstance(absent, LeftOut)
    assert absent.field == "lte_rsrq_db"
    assert isinstance(found, Sample)


def test_another_file_is_told() -> None:
    with pytest.raises(LogError, match="no column “Latitude”"):
        list(read(Log("log.csv", b"Timestamp;Level\n"), PARIS))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters=',\n\r"'), max_size=8)


@given(st.lists(st.lists(CELLS, min_size=26, max_size=26)))
def test_no_row_stops_a_log(rows: list[list[str]]) -> None:
    text = "\n".join([",".join(COLUMNS), *map(",".join, rows), ",".join(LTE_ROW.values())])
    found = list(read(Log("log.csv", text.encode()), PARIS))
    assert isinstance(found[-1], Sample)


@pytest.mark.field_data
def test_every_row_of_83_real_logs_becomes_a_sample(field_data: Path) -> None:
    options = GNetTrackOptions(ZoneInfo("Europe/Dublin"), "27203")
    with zipfile.ZipFile(field_data / "drive_test" / "ucc_5g_gnettrack.zip") as archive:
        logs = [
            Log(name, archive.read(name))
            for name in archive.namelist()
            if name.endswith(".csv") and not name.startswith("__MACOSX")
        ]
    assert len(logs) == 83
    kinds: Counter[str] = Counter()
    rats: Counter[str | None] = Counter()
    whole_rows, ids = [], set()
    for log in logs:
        for item in read(log, options):
            if isinstance(item, LeftOut):
                whole_rows += [] if item.field else [item]
                continue
            kinds[item.kind] += 1
            rats[item.rat] += 1
            ids.add(item.id)
    assert whole_rows == []
    assert len(ids) == sum(kinds.values()) == 188_711
    assert kinds == {"signal": 185_439, "latency": 3_272}
    assert rats == {"nr": 136_403, "lte": 35_212, "umts": 17_005, "gsm": 91}
