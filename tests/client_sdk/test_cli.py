import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from client_sdk.outbox.queue import Outbox
from client_sdk.sample import Sample
from client_sdk.signing.keys import SigningKey

ARCEP = """\
latitude_start;longitude_start;loaded_in_less_10_secondes;loaded_in_less_5_secondes;operator;protocole;situation
47.1;4.1;1;1;Bouygues;WEB;INTRAIN
47.2;4.2;0;0;Orange;WEB;INTRAIN
47.3;4.3;;;Orange;VOIX;INTRAIN
"""
ENROL = ("--accept-privacy-notice", "--json")

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def arcep_file(tmp_path: Path) -> str:
    path = tmp_path / "campaign.csv"
    path.write_text(ARCEP)
    return str(path)


def told(done: subprocess.CompletedProcess[str], code: int = 0) -> Any:
    assert done.returncode == code, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_the_whole_way_of_a_field_device(maille: Run, live_collector: Any, arcep_file: str) -> None:
    url = live_collector.base_url
    enrolled = told(maille("device", "enrol", url, *ENROL))
    assert enrolled["tier"] == "volunteer"
    assert enrolled["collector_thumbprint"] == live_collector.key.public.thumbprint
    shown = told(maille("device", "show", "--json"))
    assert shown["device"] == enrolled["device"]
    assert shown["collectors"][0]["url"] == url

    say = ("--format", "arcep-qos", "--measured-on", "2025-06-17", "--technology", "4G", "--json")
    dry = told(maille("import", arcep_file, *say, "--dry-run"))
    assert (dry["samples"], dry["added"], dry["kinds"]) == (2, 0, {"web": 2})
    assert dry["left_out"] == [
        {"reason": "protocol VOIX is not imported", "count": 1, "whole_row": True, "example": "campaign.csv:4"}
    ]
    assert told(maille("import", arcep_file, *say))["added"] == 2
    again = told(maille("import", arcep_file, *say))
    assert (again["added"], again["known"]) == (0, 2)

    limits = ("--max-download-mb", "0.25", "--max-upload-mb", "0.25")
    place = ("--latitude", "47.2", "--longitude", "3.5", "--context", "outdoor", "--sim-plmn", "20801")
    measured = told(maille("measure", *place, "--technology", "4G", *limits, "--json"))
    assert (measured["outcome"], measured["rat"]) == ("ok", "lte")

    assert told(maille("status", "--json"))["pending"] == 3
    sent = told(maille("upload", "--json"))
    assert (sent["sent"], sent["rejected"], sent["pending"], sent["trouble"]) == (3, [], 0, None)
    status = told(maille("status", "--check", "--json"))
    assert (status["collector"], status["pending"], status["sent"], status["rejected"]) == (url, 0, 3, 0)
    assert live_collector.store.count_samples() == 3


def test_the_privacy_notice_is_shown_and_asked_about(maille: Run, live_collector: Any) -> None:
    declined = maille("--lang", "fr", "device", "enrol", live_collector.base_url, stdin="n\n")
    assert declined.returncode == 1
    assert "Acceptez-vous ?" in declined.stdout
    assert declined.stderr == "maille: notice refusée : appareil non enrôlé\n"
    accepted = maille("device", "enrol", live_collector.base_url, stdin="y\n")
    assert accepted.returncode == 0
    assert f"Enrolled at {live_collector.base_url} as volunteer." in accepted.stdout
    silent = maille("device", "enrol", live_collector.base_url, "--json")
    assert silent.returncode == 1
    assert "--accept-privacy-notice" in silent.stderr


def test_the_three_troubles_end_differently(
    maille: Run, home: Path, live_collector: Any, pinned: Any, new_sample: Callable[..., Sample]
) -> None:
    outbox_file = home / "outbox.sqlite"
    SigningKey.load_or_create(home / "device-key.pem")
    with Outbox(outbox_file) as outbox:
        outbox.add(new_sample() for _ in range(2))
        outbox.pin(pinned("http://127.0.0.1:9", live_collector.key.public))
    transport = maille("upload", "--json")
    assert told(transport, 3)["pending"] == 2
    assert transport.stderr.startswith("maille: http://127.0.0.1:9/v1/envelopes: no answer")
    assert len(transport.stderr.splitlines()) == 1

    with Outbox(outbox_file) as outbox:
        outbox.pin(pinned(live_collector.base_url, live_collector.key.public))
    refused = maille("upload", "--json")
    assert told(refused, 4)["pending"] == 2
    assert "is not an enrolled device" in refused.stderr

    told(maille("device", "enrol", live_collector.base_url, *ENROL))
    with Outbox(outbox_file) as outbox:
        outbox.connection.execute("UPDATE deliveries SET envelope = NULL")  # to be sealed anew
        outbox.connection.execute("DELETE FROM envelopes")
        outbox.connection.execute(
            "UPDATE samples SET line = CAST(replace(line, '47.2', '147.2') AS BLOB) WHERE seq = 1"
        )
    rejected = told(maille("upload", "--json"), 5)
    assert (rejected["sent"], rejected["pending"]) == (1, 0)
    assert [(one["seq"], one["field"]) for one in rejected["rejected"]] == [(1, "latitude")]
    assert "1 rejected." in maille("status").stdout


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("upload",), 1, "this device is not enrolled: run `maille device enrol LINK` first"),
        (("measure",), 1, "this device is not enrolled"),
        (("device", "enrol", "http://127.0.0.1:9"), 3, "no answer"),
        (("import", "no-such-file", "--format", "gnettrack", "--time-zone", "Europe/Paris"), 1, "no such file"),
        (("import", "examples", "--format", "gnettrack"), 1, "say where with --time-zone, like Europe/Paris"),
        (("import", "examples", "--format", "gnettrack", "--time-zone", "Mars"), 1, "--time-zone: got 'Mars'"),
        (("import", "examples", "--format", "gnettrack", "--time-zone", "UTC", "--plmn", "1"), 1, "--plmn: got '1'"),
        (("--lang", "de", "status"), 2, "--lang: got 'de', expected en or fr"),
    ],
)
def test_an_error_is_one_line_and_no_traceback(maille: Run, words: tuple[str, ...], code: int, message: str) -> None:
    done = maille(*words)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.startswith("maille: ")
    assert len(done.stderr.splitlines()) == 1


def test_a_file_of_another_format_is_told(maille: Run, arcep_file: str, tmp_path: Path) -> None:
    done = maille("import", arcep_file, "--format", "gnettrack", "--time-zone", "Europe/Paris")
    assert (done.returncode, done.stderr) == (
        1,
        f"maille: {arcep_file}: no column “Latitude”, expected Latitude, Longitude, Timestamp, "
        "NetworkMode / NetworkTech; is it of another --format?\n",
    )
    day = maille("import", arcep_file, "--format", "arcep-qos")
    assert "--measured-on" in day.stderr


def test_a_folder_of_logs_is_imported(maille: Run, arcep_file: str, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "june"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(ARCEP)
    (folder / "b.csv").write_text(ARCEP + "47.4;4.4;1;1;SFR;WEB;INCAR\n")
    (folder / "._b.csv").write_bytes(b"\x00\x05\x16")
    say = ("--format", "arcep-qos", "--measured-on", "2025-06-17")
    counted = told(maille("import", str(folder.parent), arcep_file, *say, "--json"))
    assert (counted["files"], counted["samples"], counted["added"], counted["known"]) == (3, 7, 5, 2)
    spoken = maille("--lang=fr", "import", str(folder), *say, "--dry-run").stdout
    assert spoken.startswith(
        "5 relevés seraient importés de 2 fichiers (web 5).\n  formats : arcep-qos 2\n  2 lignes écartées"
    )


def test_looking_creates_nothing(maille: Run, home: Path, arcep_file: str) -> None:
    maille("status")
    maille("device", "show")
    maille("import", arcep_file, "--format", "arcep-qos", "--measured-on", "2025-06-17", "--dry-run")
    assert not home.exists()


def test_a_damaged_outbox_is_told(maille: Run, home: Path) -> None:
    home.mkdir()
    (home / "outbox.sqlite").write_bytes(b"not a database at all" * 100)
    done = maille("status")
    assert done.returncode == 0
    assert "was damaged: set aside as" in done.stderr


def test_both_languages(maille: Run) -> None:
    assert "Envoyer ce qui est en attente." in maille("--help", LANG="fr_FR.UTF-8").stdout
    assert "Envoyer ce qui est en attente." in maille("--lang", "fr", "--help").stdout
    assert "Send what is pending." in maille("--help", "--lang=en", LANG="fr_FR.UTF-8").stdout
    assert "0 relevés en attente" in maille("status", "--lang", "fr").stdout


def test_version_and_an_unknown_command(maille: Run) -> None:
    from client_sdk import __version__

    assert maille("--version").stdout == f"maille {__version__}\n"
    unknown = maille("fly")
    assert unknown.returncode == 2
    assert "fly" in unknown.stderr


def test_every_server_command_is_known_by_name() -> None:
    from aggregator.cli import commands
    from client_sdk.cli import KNOWN

    brought = {info.name or getattr(info.callback, "__name__", "") for info in commands.registered_commands}
    brought |= {info.name for info in commands.registered_groups}
    assert {known.name for known in KNOWN if known.place == "server command"} == brought


def test_a_server_command_is_reached(maille: Run) -> None:
    for words in (("zones", "--help"), ("territory", "import", "--help"), ("collector", "invite", "--help")):
        assert maille(*words).returncode == 0


SERVER_MODULES = "{'collector', 'aggregator', 'fastapi', 'sqlalchemy', 'pydantic', 'numpy', 'duckdb', 'httpx'}"


@pytest.mark.parametrize("words", [["--help"], ["status"], ["device", "show"]])
def test_a_phone_loads_nothing_of_the_server(words: list[str], home: Path) -> None:
    script = f"""
import sys
from client_sdk.cli import main
try:
    main({words!r})
except SystemExit as ended:
    assert not ended.code, ended.code
assert not {SERVER_MODULES} & set(sys.modules), {SERVER_MODULES} & set(sys.modules)
"""
    environment = os.environ | {"MAILLE_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [["collector", "serve"], ["demo"], ["collector", "--help"]])
def test_a_server_command_without_its_packages_says_how_to_install_them(words: list[str]) -> None:
    script = f"""
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("fastapi", "sqlalchemy", "collector", "aggregator"):
            raise ModuleNotFoundError(f"No module named {{name!r}}", name="fastapi")
sys.meta_path.insert(0, Absent())
from client_sdk.cli import main
main({words!r})
"""
    environment = os.environ | {"LANG": "C.UTF-8"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "maille: this command needs the server's packages (fastapi is missing): pip install 'maille[server]'\n"
    )
