"""`maille import` as a person calls it: formats known by their look, folders, archives, what is left out and why."""

import json
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

COMMENTS = "# Created by Network Survey version=1.36\n# CSV Version=0.3.0\n"
PLACE = "latitude,longitude,altitude,speed,accuracy,missionId,recordNumber"
LTE = (
    f"{COMMENTS}deviceTime,{PLACE},groupNumber,mcc,mnc,tac,eci,earfcn,pci,rsrp,rsrq,ta,servingCell,lteBandwidth,"
    "provider,signalStrength,cqi,slot,snr,deviceSerialNumber\n"
    "2026-11-20T09:00:00.123456+01:00,47.1,3.9,300,0,4,NS 1,1,1,208,1,4711,51842562,1300,211,-107,-11,,true,MHZ_20,"
    "Opérateur,-80,,1,5,phone7\n"
    "2026-11-20T09:00:00.124456+01:00,47.1,3.9,300,0,4,NS 1,2,1,,,,,1300,17,-115,-14,,false,,,,,1,,phone7\n"
    "2026-11-20T09:00:10.123456+01:00,0.0,0.0,0,0,0,NS 1,3,2,208,1,4711,51842562,1300,211,-107,-11,,true,MHZ_20,"
    ",-80,,1,5,phone7\n"
)
SERVED = '"[{""domain"":""PS"",""accessNetworkTechnology"":""LTE"",""roaming"":false}]"'
LOST = '"[{""domain"":""PS"",""roaming"":false}]"'
STATE = (
    f"{COMMENTS}deviceTime,{PLACE},simState,simOperator,networkRegistrationInfo,deviceSerialNumber,slot,"
    "nonTerrestrialNetwork\n"
    f"2026-11-20T08:59:50+01:00,47.1,3.9,300,0,4,NS 1,1,READY,20815,{SERVED},phone7,1,false\n"
    f"2026-11-20T09:01:00+01:00,47.1,3.9,300,0,4,NS 1,2,READY,20815,{LOST},phone7,1,false\n"
    f"2026-11-20T09:01:30+01:00,47.1,3.9,300,0,4,NS 1,3,READY,20815,{SERVED},phone7,1,false\n"
)
DRIVE = """\
Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,RSSI,DL_bitrate,UL_bitrate,State
2026.06.17_15.34.34,3.9,47.1,36,20801,1,LTE,-79,-12,10.0,8,-61,1500,3,D
2026.06.17_15.34.35,3.9,47.1,36,20801,1,-,-200,-,-,-,-,0,0,I
"""
QOS = (
    "latitude_start;longitude_start;loaded_in_less_10_secondes;operator;protocole\n"
    "47.1;4.1;1;Orange;WEB\n"
    "47.1;4.1;;;VOIX\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "logs"
    for name, text in {
        "survey/craxiom-lte.csv": LTE,
        "survey/craxiom-phonestate.csv": STATE,
        "drive/log.csv": DRIVE,
        "qos.csv": QOS,
        "notes.txt": "a sunny day\n",
    }.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


SAY = ("--time-zone", "Europe/Paris", "--measured-on", "2026-06-17")


def test_everything_is_known_by_its_look_and_left_out_with_a_reason(maille: Run, home: Path, folder: Path) -> None:
    dry = told(maille("import", str(folder), *SAY, "--dry-run", "--json"))
    assert dry["formats"] == {"gnettrack": 1, "arcep-qos": 1, "network-survey": 2}
    assert dry["passed_over"] == ["notes.txt"]
    assert dry["kinds"] == {"signal": 2, "web": 1, "service": 1}
    assert {(one["reason"], one["count"]) for one in dry["left_out"] if one["whole_row"]} == {
        ("no mobile technology", 1),
        ("protocol VOIX is not imported", 1),
        ("not the serving cell", 1),
        ("no position", 1),
        ("phone state without a loss", 2),
    }
    assert not home.exists()
    assert told(maille("import", str(folder), *SAY, "--json"))["added"] == 4
    assert told(maille("import", str(folder), *SAY, "--json"))["known"] == 4


def test_an_archive_is_imported_like_its_folder(maille: Run, folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "logs.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(folder.rglob("*.*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    plain, packed = (told(maille("import", str(path), *SAY, "--dry-run", "--json")) for path in (folder, archive))
    assert plain == packed
    assert told(maille("import", str(folder), *SAY, "--json"))["added"] == 4
    assert told(maille("import", str(archive), *SAY, "--json"))["known"] == 4


def test_the_account_is_told_in_french(maille: Run, folder: Path) -> None:
    spoken = maille("--lang", "fr", "import", str(folder), *SAY, "--dry-run").stdout
    assert spoken.startswith("4 relevés seraient importés de 4 fichiers")
    for line in (
        "  formats : gnettrack 1, arcep-qos 1, network-survey 2",
        "  2 lignes écartées : état du téléphone sans perte (craxiom-phonestate.csv:4)",
        "  1 ligne écartée : pas de position (craxiom-lte.csv:6)",
        "  notes.txt : journal non reconnu",
    ):
        assert line in spoken


def test_what_a_format_needs_is_asked_for(maille: Run, folder: Path) -> None:
    assert "--time-zone" in maille("import", str(folder / "drive")).stderr
    assert "--measured-on" in maille("import", str(folder / "qos.csv")).stderr
    assert "say which with --format" in maille("import", str(folder / "notes.txt")).stderr


def test_a_dry_run_counts_what_a_hidden_place_would_keep_back(maille: Run, folder: Path) -> None:
    told(maille("device", "hide", "47.1,3.9", "--json"))
    dry = told(maille("import", str(folder / "drive"), *SAY, "--dry-run", "--json"))
    assert (dry["samples"], dry["hidden"], dry["added"]) == (1, 1, 0)
    real = told(maille("import", str(folder / "drive"), *SAY, "--json"))
    assert (real["samples"], real["hidden"], real["added"], real["known"]) == (1, 1, 0, 0)


def test_checks_of_a_map_are_known_by_their_columns(maille: Run, tmp_path: Path) -> None:
    header = "Date;Heure;X du début;Y du début;Code PLMN;Zone déclarée couverte (1 ou 0);Réussite de la mesure (1 ou 0)"
    (tmp_path / "checks.csv").write_text(f"{header}\n17/06/2026;14:05:06;737947;6655443;20801;1;0\n")
    assert "--technology" in maille("import", str(tmp_path / "checks.csv")).stderr
    asked = ("import", str(tmp_path / "checks.csv"), "--technology", "4G", "--context", "outdoor", "--json")
    account = json.loads(maille(*asked).stdout)
    assert (account["formats"], account["kinds"], account["added"]) == ({"arcep-checks": 1}, {"latency": 1}, 1)
    assert json.loads(maille(*asked).stdout)["known"] == 1
