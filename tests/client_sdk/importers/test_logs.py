"""Logs wherever they lie, and however long they are."""

import subprocess
import sys
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from client_sdk.errors import MailleError
from client_sdk.importers.formats import format_of, logs_in, parts_of
from client_sdk.importers.gnettrack import GNetTrackOptions, read
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample

LITE_ROW = {
    "Timestamp": "2026.06.17_15.34.34",
    "Longitude": "3.9",
    "Latitude": "47.1",
    "Operatorname": "Réseau",
    "Operator": "20801",
    "Cellname": "-",
    "Node": "1011",
    "CellID": "12",
    "LAC": "4711",
    "NetworkTech": "4G",
    "Level": "-97",
    "Qual": "-12",
    "SNR": "7.0",
    "CQI": "9",
    "LTERSSI": "-67",
    "ARFCN": "1300",
    "PSC": "211",
    "Altitude": "312",
    "Distance": "-1",
    "TA": "0",
    "BAND": "L3",
}
PARIS = GNetTrackOptions(ZoneInfo("Europe/Paris"))


def lite(**cells: str) -> Sample | LeftOut:
    # rows of these logs end with a tab that the header does not have
    text = "\t".join(LITE_ROW) + "\r\n" + "\t".join((LITE_ROW | cells).values()) + "\t\r\n"
    (item,) = read(Log("log.txt", text.encode()), PARIS)
    return item


def test_a_row_of_gnettracks_text_layout() -> None:
    row = lite()
    assert isinstance(row, Sample)
    assert (row.rat, row.sim_plmn, row.serving_plmn) == ("lte", "20801", "20801")
    assert (row.lte_rsrp_dbm, row.lte_rsrq_db, row.lte_sinr_db, row.lte_rssi_dbm) == (-97, -12, 7, -67)
    assert (row.lte_eci, row.lte_tac, row.lte_pci, row.lte_earfcn) == (1011 * 256 + 12, 4711, 211, 1300)
    assert (row.altitude_m, row.observed_download_bps) == (312, None)


def test_what_the_text_layout_does_not_say_is_absent() -> None:
    silent, third, second, fifth = (
        lite(SNR="0.0"),
        lite(NetworkTech="3G"),
        lite(NetworkTech="2G"),
        lite(NetworkTech="5G"),
    )
    assert isinstance(silent, Sample)
    assert silent.lte_sinr_db is None
    assert isinstance(third, Sample)
    assert (third.rat, third.umts_rscp_dbm, third.lte_rsrp_dbm) == ("umts", None, None)
    assert isinstance(second, Sample)
    assert (second.rat, second.gsm_rssi_dbm) == ("gsm", -97)
    assert isinstance(fifth, Sample)
    assert (fifth.rat, fifth.lte_rsrp_dbm, fifth.nr_ss_rsrp_dbm) == ("nr", None, None)
    lost = lite(NetworkTech="--", Level="-200")
    assert isinstance(lost, LeftOut)
    assert lost.reason == "no mobile technology"


def test_lists_of_events_are_no_logs() -> None:
    events = Log("events.txt", b"Timestamp\tLongitude\tLatitude\tNetworkTech\tLevel\tEventType\tEventDetails\tState\n")
    assert format_of(events) is None
    with pytest.raises(LogError):
        list(read(events, PARIS))


def test_a_zip_archive_is_a_folder(tmp_path: Path) -> None:
    archive = tmp_path / "survey.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("drive/log.txt", "\t".join(LITE_ROW) + "\n" + "\t".join(LITE_ROW.values()) + "\n")
        file.writestr("survey/lte.csv", "deviceTime,latitude,longitude,groupNumber,eci,servingCell\n")
        file.writestr("survey/state.csv", "deviceTime,latitude,longitude,simState\n")
        file.writestr("__MACOSX/drive/._log.txt", b"\0\5")
        file.writestr("readme.md", "# about")
    logs = logs_in([archive], tmp_path)
    assert [log.name.removeprefix(f"{archive}/") for log in logs] == [
        "drive/log.txt",
        "survey/lte.csv",
        "survey/state.csv",
    ]
    parts = parts_of([(log, name) for log in logs if (name := format_of(log))])
    assert [(part.format, len(part.logs)) for part in parts] == [("gnettrack", 1), ("network-survey", 2)]
    plain = tmp_path / "log.txt"
    with logs[0].open() as packed:
        plain.write_bytes(packed.read())
    samples = [list(read(log, PARIS)) for log in (logs[0], Log("log.txt", plain))]
    assert samples[0] == samples[1]


def test_nothing_to_import_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with zipfile.ZipFile(tmp_path / "empty.zip", "w") as file:
        file.writestr("readme.md", "")
    for name in ("empty", "empty.zip", "nowhere"):
        with pytest.raises(MailleError, match=name):
            logs_in([tmp_path / name], tmp_path)


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    archive = tmp_path / "log.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("log.csv", "Timestamp,Longitude,Latitude,NetworkMode\n" * 100)
    content = bytearray(archive.read_bytes())
    content[200] ^= 0xFF
    archive.write_bytes(content)
    (log,) = logs_in([archive], tmp_path)
    with pytest.raises(LogError, match="cannot be unpacked"):
        list(log.lines())


@pytest.mark.parametrize("row", [b"\xff\xfe\n", b"x" * 3_000_000 + b"\n", b'"a,b\n', b"1,2,3\n"])
def test_a_bad_row_stops_nothing(row: bytes) -> None:
    log = Log("log.csv", b"a,b\n1,2\n" + row + b"3,4\n")
    assert [cells for _, cells in log.rows(",", {"a"})] == [{"a": "1", "b": "2"}, None, {"a": "3", "b": "4"}]
    assert [number for number, _ in log.rows(",", {"a"})] == [2, 3, 4]


def test_reading_is_told_in_bytes() -> None:
    counts: list[int] = []
    log = Log("log.csv", b"a,b\n" + b"1,2\n" * 600_000, counts.append)
    assert sum(1 for _ in log.rows(",", {"a"})) == 600_000
    assert sum(counts) == log.size_bytes == 2_400_004
    assert len(counts) > 2


PEAK = """
import resource, sys
from zoneinfo import ZoneInfo
from pathlib import Path
from client_sdk.importers.gnettrack import GNetTrackOptions, read
from client_sdk.importers.log import Log
for item in read(Log("log", Path(sys.argv[1])), GNetTrackOptions(ZoneInfo("UTC"), "20801")): pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_a_longer_log_needs_no_more_memory(tmp_path: Path) -> None:
    peaks_kb = []
    for megabytes in (1, 40):
        path = tmp_path / f"{megabytes}.csv"
        row = b"a row that has but one cell, " + b"x" * 970 + b"\n"
        with path.open("wb") as file:
            file.write(b"Timestamp,Longitude,Latitude,NetworkMode\n")
            file.writelines(row for _ in range(megabytes * 1000))
        done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
        peaks_kb.append(int(done.stdout))
    assert peaks_kb[1] - peaks_kb[0] < 8_000
