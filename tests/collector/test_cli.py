"""The commands of ``maille collector``, in both languages."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from client_sdk.cli import main
from client_sdk.messages import use_language
from client_sdk.signing.keys import SigningKey


@dataclass
class Told:
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    for name in [name for name in os.environ if name.startswith("MAILLE_")]:
        monkeypatch.delenv(name)

    def invoke(*arguments: str, code: int = 0, language: str = "en") -> Told:
        with pytest.raises(SystemExit) as ended:
            main(["--lang", language, "collector", *arguments])
        use_language("en")
        told = Told(*capsys.readouterr())
        assert ended.value.code == code, told
        return told

    return invoke


def test_migrate_archive_and_invite_on_sqlite(run: Any, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert json.loads(run("migrate", *data, "--json").stdout) == {"revision": "0004"}
    invitation = json.loads(run("invite", "Nièvre", "--devices", "3", *data, "--json").stdout)
    assert (invitation["label"], invitation["devices"]) == ("Nièvre", 3)
    assert len(invitation["invitation"]) == 27
    summary = json.loads(run("archive", *data, "--json").stdout)
    assert summary == {
        "archive": str(tmp_path / "data" / "archive"),
        "written": [],
        "unchanged": [],
        "removed": [],
        "samples": 0,
    }


def test_a_link_is_drawn_as_a_code_that_says_it(run: Any, tmp_path: Path) -> None:
    import segno

    from client_sdk.join_link import read_join_link

    data, svg, png = ["--data", str(tmp_path / "data")], tmp_path / "a.svg", tmp_path / "a.png"
    url = "https://collector.example/maille"
    told = run("invite", "Nièvre", "--url", url + "/", "--svg", str(svg), "--png", str(png), *data).stdout.splitlines()
    link = read_join_link(told[2])
    key = SigningKey.load(tmp_path / "data" / "collector-key.pem").public
    assert (link.url, link.thumbprint, link.invitation) == (url, key.thumbprint, told[0])
    halves = {" ": (1, 1), "▀": (0, 1), "▄": (1, 0), "█": (0, 0)}  # light on dark: a block is a light module
    drawn = [[halves[letter] for letter in line] for line in told[3:-1]]
    modules = [[pair[half] for pair in row] for row in drawn for half in (0, 1)]
    code = [tuple(row) for row in segno.make_qr(told[2], error="m", boost_error=True).matrix]
    size = len(code)
    assert [tuple(row[4 : 4 + size]) for row in modules[4 : 4 + size]] == code
    assert all(light == 0 for row in modules[:4] for light in row)  # the margin that a reader needs
    assert b"<svg" in svg.read_bytes()
    assert png.read_bytes().startswith(b"\x89PNG")


def test_volunteers_join_without_a_code(run: Any, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    told = json.loads(run("invite", "--url", "https://collector.example", *data, "--json").stdout)
    assert told["link"].startswith("https://collector.example#key=")
    assert "invitation" not in told["link"]
    assert "--url" in run("invite", *data, code=2).stderr
    assert "--url" in run("invite", "team", "--svg", "a.svg", *data, code=2).stderr
    assert ".svg or .png" in run("invite", "--url", "https://c.example", "--png", "a.jpg", *data, code=1).stderr
    assert "not a join link" in run("invite", "--url", "c.example", *data, code=1).stderr


def test_messages_for_people(run: Any, tmp_path: Path) -> None:
    data = ["--data", str(tmp_path / "data")]
    assert "La base de données est à la révision" in run("migrate", *data, language="fr").stdout
    assert "0 samples in 0 months" in run("archive", *data).stdout
    assert "0 relevés sur 0 mois" in run("archive", *data, language="fr").stdout
    assert "Ce code ne sera plus affiché" in run("invite", "équipe", *data, language="fr").stdout


@pytest.mark.parametrize("command", [["archive"], ["serve"], ["invite", "team"]])
def test_an_unmigrated_postgresql_is_refused_in_one_line(
    run: Any, tmp_path: Path, empty_database: Any, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    with empty_database("postgresql") as url:
        monkeypatch.setenv("MAILLE_DATABASE_URL", url)
        result = run(*command, "--data", str(tmp_path), code=1)
    assert result.stderr == (
        "maille: database: is not at this version's revision; run `maille collector migrate` first\n"
    )


def test_a_postgresql_is_migrated_by_the_command(
    run: Any, tmp_path: Path, empty_database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with empty_database("postgresql") as url:
        monkeypatch.setenv("MAILLE_DATABASE_URL", url)
        run("migrate")
        assert len(run("invite", "team", "--data", str(tmp_path)).stdout.splitlines()[0]) == 27


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("MAILLE_PORT", "http", "maille: MAILLE_PORT: got 'http', expected an integer"),
        ("MAILLE_DATABASE_URL", "oracle://x", "maille: MAILLE_DATABASE_URL: got the kind 'oracle'"),
        ("MAILLE_TERRITORY", __file__, f"maille: MAILLE_TERRITORY: {__file__} cannot be read as GeoJSON"),
        ("MAILLE_ASN_DATABASE", __file__, f"maille: MAILLE_ASN_DATABASE: {__file__} cannot be read"),
        ("MAILLE_ARCHIVE", "tape://archive", "maille: MAILLE_ARCHIVE: got 'tape://archive', expected a directory"),
    ],
)
def test_a_bad_setting_is_told_in_one_line(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    result = run("serve", "--data", str(tmp_path), code=1)
    assert result.stderr.startswith(message)
    assert result.stderr.count("\n") == 1


def test_a_bad_label_is_told_in_one_line(run: Any, tmp_path: Path) -> None:
    result = run("invite", "", "--data", str(tmp_path), code=1)
    assert result.stderr.startswith("maille: label: ")


def test_serve_needs_no_configuration_and_stops_when_told(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAILLE_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "from client_sdk.cli import main; main()",
            "collector",
            "serve",
            "--port",
            "0",
            "--json",
        ],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        status = httpx.get(told["url"] + "/v1/status", trust_env=False, timeout=120).json()
        assert status["collector_thumbprint"] == told["collector_thumbprint"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert (tmp_path / "maille-data" / "collector.sqlite").is_file()
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "maille-data").iterdir()}
    assert modes == {"collector.sqlite": 0o600, "collector-key.pem": 0o600, "echo-seed.key": 0o600}
    assert (tmp_path / "maille-data").stat().st_mode & 0o777 == 0o700


def test_the_directory_of_data_is_for_its_owner_alone(run: Any, tmp_path: Path) -> None:
    run("migrate", "--data", str(tmp_path / "data"))
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700


def test_what_commands_write_is_for_its_owner_alone_wherever_it_lies(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = os.umask(0o022)
    try:
        (tmp_path / "data").mkdir(mode=0o755)
        monkeypatch.setenv("MAILLE_ARCHIVE", str(tmp_path / "archive"))
        run("invite", "team", "--data", str(tmp_path / "data"))
        run("archive", "--data", str(tmp_path / "data"))
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    written = [path for path in tmp_path.rglob("*") if path != tmp_path / "data"]
    assert {"collector.sqlite", "archive", "device-token.key"} <= {path.name for path in written}
    assert [path for path in written if path.stat().st_mode & 0o077] == []


def test_a_port_in_use_is_told_in_one_line(run: Any, tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = run("serve", "--data", str(tmp_path), "--port", port, code=1)
    assert f"cannot listen on 127.0.0.1:{port}" in result.stderr
