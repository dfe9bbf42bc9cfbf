from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from client_sdk.bounds import is_uuid7
from client_sdk.errors import MailleError
from client_sdk.importers.arcep_qos import ArcepOptions, read
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample

HEADER = "axis;latitude_start;loaded_in_less_10_secondes;loaded_in_less_5_secondes;longitude_start;operator;protocole"
EXTRACT = f"""{HEADER};situation
tgv;47.1;1;1;4.1;Bouygues;WEB;INTRAIN
tgv;47.1;1;0;4.1;Free;WEB;INCAR
tgv;47.1;0;0;4.1;Orange;WEB;OUTDOOR
tgv;47.2;0;0;4.2;SFR;WEB;INDOOR
"""
NAMES = [
    *(
        "date_time_start",
        "mcc_start",
        "mnc_start",
        "operator",
        "protocole",
        "situation",
        "techno_start",
        "rsrp",
        "rsrq",
    ),
    *("rscp", "tac", "pci", "bitrate_dl", "bitrate_ul", "acess_duration", "loaded_in_less_5_secondes"),
    *("loaded_in_less_10_secondes", "ping_result", "dl_superior_3mbps", "upload_ok", "latitude_start"),
    *("longitude_start", "terminal", "descoping", "helicopter_measure"),
]
ON = ArcepOptions(date(2025, 6, 17), "4G")


def items(text: str, options: ArcepOptions = ON) -> list[Sample | LeftOut]:
    return list(read(Log("file.csv", text.encode()), options))


def full(**cells: str) -> list[Sample | LeftOut]:
    """One row in the full layout."""
    known = {
        "date_time_start": "17/06/2025 14:05:06",
        "operator": "Orange",
        "situation": "OUTDOOR",
        "techno_start": "4G",
        "latitude_start": "47.1",
        "longitude_start": "4.1",
    }
    row = [(known | cells).get(name, "") for name in NAMES]
    return items(f"{';'.join(NAMES)}\n{';'.join(row)}\n", ArcepOptions())


def sample(**cells: str) -> Sample:
    *absent, found = full(**cells)
    assert isinstance(found, Sample), found
    assert not absent, absent
    return found


def reason(**cells: str) -> str:
    (found,) = full(**cells)
    assert isinstance(found, LeftOut), found
    return found.reason


def test_web_pages_of_a_file_without_time_stamps() -> None:
    found = items(EXTRACT)
    assert [
        (s.kind, s.sim_plmn, s.outcome, s.web_loaded_5s, s.web_loaded_10s, s.context)
        for s in found
        if isinstance(s, Sample)
    ] == [
        ("web", "20820", "ok", True, True, "vehicle"),
        ("web", "20815", "ok", False, True, "vehicle"),
        ("web", "20801", "timeout", False, False, "outdoor"),
        ("web", "20810", "timeout", False, False, "indoor"),
    ]
    first = found[0]
    assert isinstance(first, Sample)
    assert (first.measured_at, first.rat, first.service_state) == ("2025-06-17T12:00:00.002Z", "lte", "unknown")
    assert (first.latitude, first.longitude, first.position_source) == (47.1, 4.1, "file")
    assert (first.import_format, first.import_sha256) == ("arcep-qos", Log("", EXTRACT.encode()).sha256)


def test_the_day_must_be_said_where_the_file_has_none() -> None:
    with pytest.raises(MailleError, match="--measured-on"):
        items(EXTRACT, ArcepOptions(technology="4G"))


def test_the_same_file_gives_the_same_ids() -> None:
    first, second = ([item.id for item in items(EXTRACT) if isinstance(item, Sample)] for _ in range(2))
    assert first == second
    assert len(set(first)) == 4
    assert all(map(is_uuid7, first))
    other = [item.id for item in items(EXTRACT + "\n") if isinstance(item, Sample)]
    assert not set(first) & set(other)


def test_a_row_in_the_full_layout() -> None:
    web = sample(
        protocole="WEB",
        loaded_in_less_10_secondes="1",
        loaded_in_less_5_secondes="0",
        acess_duration="6.25",
        mcc_start="208",
        mnc_start="1",
        rsrp="-101.5",
        rsrq="-11",
        tac="4660",
        pci="77",
        terminal="Phone X",
    )
    assert web.measured_at == "2025-06-17T12:05:06.000Z"  # Paris in summer
    assert (web.sim_plmn, web.serving_plmn) == ("20801", "20801")
    assert (web.rat, web.service_state, web.lte_rsrp_dbm, web.lte_rsrq_db) == ("lte", "in_service", -101.5, -11)
    assert (web.lte_tac, web.lte_pci, web.device_model, web.web_duration_ms) == (4660, 77, "Phone X", 6250)


def test_transfers_and_pings() -> None:
    assert sample(protocole="DOWNLOAD", bitrate_dl="12.5").download_bps == 12_500_000
    assert sample(protocole="UPLOAD", bitrate_ul="0,8").upload_bps == 800_000
    assert sample(protocole="ULH", bitrate_ul="2").upload_bps == 2_000_000
    assert sample(protocole="DOWNLOAD", bitrate_dl="0").outcome == "no_data"
    failed = sample(protocole="DOWNLOAD", dl_superior_3mbps="0")
    assert (failed.outcome, failed.download_bps) == ("error", None)
    assert [sample(protocole="PING", ping_result=result).outcome for result in "10"] == ["ok", "timeout"]


def test_no_service_has_no_technology() -> None:
    dead = sample(protocole="WEB", loaded_in_less_10_secondes="0", techno_start="Pas de service")
    assert (dead.service_state, dead.rat, dead.outcome, dead.sim_plmn) == ("no_service", None, "timeout", "20801")


def test_signal_goes_to_the_field_of_its_technology() -> None:
    umts = sample(protocole="PING", ping_result="1", techno_start="3G", rscp="-88", rsrp="-70")
    assert (umts.rat, umts.umts_rscp_dbm, umts.lte_rsrp_dbm) == ("umts", -88, None)
    unknown = sample(protocole="PING", ping_result="1", techno_start="Inconnue", rsrp="-70")
    assert (unknown.rat, unknown.lte_rsrp_dbm, unknown.service_state) == (None, None, "unknown")


def test_a_value_out_of_bounds_is_left_absent_and_told() -> None:
    left_out, found = full(protocole="PING", ping_result="1", rsrp="-200")
    assert isinstance(left_out, LeftOut)
    assert (left_out.row, left_out.field) == (2, "lte_rsrp_dbm")
    assert "got -200.0, expected number, ≥ -156" in left_out.detail
    assert isinstance(found, Sample)
    assert found.lte_rsrp_dbm is None


def test_rows_that_are_left_out_say_why() -> None:
    assert reason(protocole="VOIX") == "protocol VOIX is not imported"
    assert reason(protocole="STREAM") == "protocol STREAM is not imported"
    assert reason(protocole="WEB") == "web test without a result"
    assert reason(protocole="PING") == "ping without a result"
    assert reason(protocole="DOWNLOAD") == "transfer without a rate"
    ping = {"protocole": "PING", "ping_result": "1"}
    assert reason(**ping, descoping="1") == "withdrawn by Arcep"
    assert reason(**ping, helicopter_measure="1") == "measured from a helicopter"
    assert reason(**ping, operator="Nobody") == "operator unknown"
    assert reason(**ping, date_time_start="2025-06-17") == "date unreadable"
    for clock_never_set in ("01/01/0001 00:00:00", "31/12/1999 12:00:00"):
        assert reason(**ping, date_time_start=clock_never_set) == "date unreadable"
    assert reason(**ping, latitude_start="") == "no position"
    assert reason(**ping, latitude_start="147.1") == "latitude cannot be used"


def test_a_bad_row_does_not_stop_the_file() -> None:
    rows = EXTRACT.splitlines()
    rows.insert(2, 'tgv;"47.1;1')
    rows.insert(4, "x" * 200_000)
    found = items("\n".join(rows))
    assert [type(item).__name__ for item in found] == ["Sample", "LeftOut", "Sample", "LeftOut", "Sample", "Sample"]


def test_another_file_is_told() -> None:
    with pytest.raises(LogError, match="no column “latitude_start”"):
        items("a;b\n1;2\n")
    with pytest.raises(LogError, match="is not UTF-8"):
        list(read(Log("file.csv", b"\xff\xfe"), ON))
    with pytest.raises(LogError, match="no column"):
        items("")


@pytest.mark.field_data
def test_every_row_of_arceps_own_campaign_becomes_a_sample(field_data: Path) -> None:
    (path,) = (field_data / "arcep_qos").glob("*.csv")
    found = list(read(Log(path.name, path.read_bytes()), ON))
    samples = [item for item in found if isinstance(item, Sample)]
    assert len(samples) == len(found) == 484
    assert len({s.id for s in samples}) == 484
    loaded = Counter((s.sim_plmn, s.web_loaded_10s, s.web_loaded_5s) for s in samples)
    assert loaded["20820", False, False] == 74
    assert loaded["20801", True, True] == 52
    assert {s.context for s in samples} == {"vehicle"}
