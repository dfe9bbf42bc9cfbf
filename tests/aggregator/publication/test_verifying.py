"""The same bytes from another process, and a release that is made again and held against its files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import typer.testing

from aggregator.cli import commands
from aggregator.commands.options import release_given
from aggregator.publication.errors import PublicationError
from aggregator.publication.release import publish
from aggregator.publication.verifying import verify
from client_sdk.errors import MailleError

Build = Callable[[Path, pd.DataFrame], Path]
MAKE = "import sys, pathlib, aggregator.publication.release as r; print(r.publish(pathlib.Path(sys.argv[1])))"
SURROUNDINGS = [
    {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "OMP_NUM_THREADS": "1", "LC_ALL": "C", "LANG": "C"},
    {"PYTHONHASHSEED": "77", "TZ": "America/Lima", "OMP_NUM_THREADS": "2", "LC_ALL": "C.UTF-8", "LANG": "fr_FR.UTF-8"},
]
ROOT = Path(__file__).parents[3]


@pytest.fixture
def published(data: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A data directory of its own, and its release."""
    copy = tmp_path / "data"
    leave_out = shutil.ignore_patterns("releases", "team-releases", "publication")
    shutil.copytree(data, copy, ignore=leave_out)
    return copy, publish(copy)


def test_two_processes_in_other_surroundings_write_the_same_bytes(
    build_data: Build, ledger: pd.DataFrame, tmp_path: Path
) -> None:
    releases = []
    for number, changes in enumerate(SURROUNDINGS):
        data = build_data(tmp_path / f"data-{number}", ledger)
        elsewhere = tmp_path / f"elsewhere-{number}"
        elsewhere.mkdir()
        environment = {**os.environ, **changes, "PYTHONPATH": str(ROOT)}
        told = subprocess.run(
            [sys.executable, "-c", MAKE, data],
            cwd=elsewhere,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stderr
        releases.append(Path(told.stdout.strip()))
    one, other = (
        {file.relative_to(release).as_posix(): file.read_bytes() for file in release.rglob("*") if file.is_file()}
        for release in releases
    )
    assert releases[0].name == releases[1].name
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_an_honest_release_comes_out_again(published: tuple[Path, Path]) -> None:
    data, release = published
    found = verify(release, data)
    assert found.holds, found.text()
    assert {"hexagons.gpkg", "hexagons.parquet", "manifest.json", "map/index.json"} <= found.files.keys()
    later = publish(data, k=6)
    assert verify(later, data).holds, "the record of the release before is an input of this one"
    answer = typer.testing.CliRunner().invoke(commands, ["publish", "--verify", release.name, "--data", str(data)])
    assert answer.exit_code == 0
    assert answer.output == f"{release.name}: every byte came out again ({len(found.files)} files)\n"


def test_a_changed_byte_is_named(published: tuple[Path, Path]) -> None:
    data, release = published
    file = release / "hexagons.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    found = verify(release, data)
    assert [path for path, state in found.files.items() if state != "same"] == ["hexagons.parquet"]
    assert "own files were changed" in found.text()
    lines, total = found.text().splitlines(), len(found.files)
    assert lines[0] == "  DIFFERENT  hexagons.parquet"
    assert lines[-1] == f"{release.name} does not come out again; {total - 1} of {total} files are the same"
    answer = typer.testing.CliRunner().invoke(
        commands, ["publish", "--verify", str(release), "--data", str(data), "--json"]
    )
    assert answer.exit_code == 1
    assert json.loads(answer.output)["files"]["hexagons.parquet"] == "different"
    (release / "map" / "note.txt").write_text("?", encoding="utf-8")
    (release / "dcc_poi.csv").unlink()
    states = verify(release, data).files
    assert (states["map/note.txt"], states["dcc_poi.csv"]) == ("unexpected", "missing")


def test_a_changed_input_is_named(published: tuple[Path, Path]) -> None:
    data, release = published
    communes = gpd.read_parquet(data / "territory/communes.parquet")
    communes.assign(population=communes["population"] + 1).to_parquet(data / "territory/communes.parquet", index=False)
    found = verify(release, data)
    assert not found.holds
    assert any(reason.startswith("input territory/communes.parquet: ") for reason in found.reasons)
    assert found.files["hexagons.parquet"] == "same"
    assert found.files["zones.geojson"] == "different"


def test_a_ledger_that_is_no_longer_that_of_the_verdicts_is_named(published: tuple[Path, Path]) -> None:
    data, release = published
    ledger = pd.read_parquet(data / "evidence/ledger.parquet")
    ledger.iloc[:-1].to_parquet(data / "evidence/ledger.parquet", index=False)
    found = verify(release, data)
    assert not found.holds
    assert "evidence/ledger.parquet" in found.reasons[0]
    assert "cannot be made again" in found.reasons[-1]


def test_a_changed_parameter_is_named(published: tuple[Path, Path]) -> None:
    data, release = published
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    manifest["parameters"]["k"] = 7
    (release / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    found = verify(release, data)
    assert not found.holds
    assert found.files["hexagons.geojson"] == found.files["manifest.json"] == "different"
    assert "made again it is called" in found.text()


def test_another_library_is_named(published: tuple[Path, Path]) -> None:
    data, release = published
    manifest = json.loads((release / "manifest.json").read_text(encoding="utf-8"))
    manifest["libraries"]["pyarrow"] = "1.0"
    (release / "manifest.json").write_text(json.dumps(manifest, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    found = verify(release, data)
    assert found.files["manifest.json"] == "different"
    assert any(reason.startswith("library pyarrow: ") for reason in found.reasons)


def test_a_release_is_named_by_its_id_or_its_folder(tmp_path: Path) -> None:
    """Of the public's or of the team's; a folder may be anywhere, and is not looked into before it is read."""
    public, team = "2026-09-30-0123456789", "2026-10-31-abcdef0123"
    for shelf, name in (("releases", public), ("team-releases", team)):
        (tmp_path / shelf / name).mkdir(parents=True)
    assert release_given(public, tmp_path) == tmp_path / "releases" / public
    assert release_given(team, tmp_path) == tmp_path / "team-releases" / team
    assert release_given(str(tmp_path / "releases" / public), tmp_path / "elsewhere").name == public
    for wrong in ("2026-09-30-ffffffffff", "2026-09-30", "latest.json"):
        with pytest.raises(MailleError, match=f"neither a folder nor the id of a release .*: {team}, {public}$"):
            release_given(wrong, tmp_path)


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PublicationError, match=r"manifest\.json: .*expected the directory of a release"):
        verify(tmp_path, tmp_path)
