"""The walk from the archive to a release, as one call and as the project team's commands, step by step."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from aggregator import pipeline
from aggregator.demo import DemoOutcome, demonstrate, example_communes
from aggregator.synthetic.world import Scenario
from client_sdk.errors import MailleError

MAILLE = Path(sys.executable).with_name("maille")
DERIVED = ("evidence", "judgement", "proposals", "releases")


@pytest.fixture(scope="module")
def demonstrated(tmp_path_factory: pytest.TempPathFactory) -> DemoOutcome:
    return demonstrate(tmp_path_factory.mktemp("demo") / "out", Scenario(seed=3, volunteers=6))


@pytest.fixture
def data(demonstrated: DemoOutcome, tmp_path: Path) -> Path:
    """A data directory with a database, communes and claims, and nothing that was derived from them."""
    copy = tmp_path / "data"
    shutil.copytree(demonstrated.folder.data, copy, ignore=shutil.ignore_patterns(*DERIVED, "archive"))
    return copy


def told(*words: object) -> Any:
    done = subprocess.run(
        [MAILLE, *map(str, words), "--json"], capture_output=True, text=True, check=False, timeout=200
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return json.loads(done.stdout)


def files_of(release: Path) -> dict[str, bytes]:
    return {str(file.relative_to(release)): file.read_bytes() for file in release.rglob("*") if file.is_file()}


def test_one_call_gives_the_release_again_and_tells_its_progress(data: Path, demonstrated: DemoOutcome) -> None:
    steps: list[tuple[str, float]] = []
    release = pipeline.run(
        data,
        last_day=Scenario().last_day,
        progress=lambda step, done: steps.append((step, done)),
    )
    assert release.name == demonstrated.release.name
    assert files_of(release) == files_of(demonstrated.release)
    shares = [done for _, done in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert {step.partition(":")[0] for step, _ in steps} == {"archive", "evidence", "judgement", "zones", "publication"}


def test_the_commands_walk_the_same_way(data: Path, demonstrated: DemoOutcome) -> None:
    shutil.rmtree(data / "territory")
    shutil.rmtree(data / "claims")
    inputs = demonstrated.folder.inputs

    communes = told("territory", "import", "communes", example_communes(), "--data", data)
    assert (communes["communes"], communes["people"]) == (81, 155_941)
    sites = told("territory", "import", "sites", inputs / "2026_T3_sites_Metropole.csv", "--data", data)
    assert sites["left_out"] == 0
    imported = told("coverage", "import", *sorted(inputs.glob("*.gpkg")), "--data", data)
    assert [source["operator"] for source in imported["sources"]] == ["20820", "20815", "20801", "20810"]
    shown = told("coverage", "show", "--data", data)["sources"]
    assert [source["operator"] for source in shown] == ["20801", "20810", "20815", "20820"]
    assert all(source["hexagons_claimed"] > 1000 and source["quarter"] == "2026_T3" for source in shown)

    verdicts = told("aggregate", "--data", data)["verdicts"]
    assert sum(verdicts.values()) > 500
    assert (data / "archive").is_dir()
    again = told("aggregate", "--no-archive", "--last-day", "2026-09-30", "--data", data)["verdicts"]
    assert again == verdicts

    zones = told("zones", "--count", 2, "--data", data)["zones"]
    assert [zone["rank"] for zone in zones] == [1, 2]
    release = Path(told("publish", "--data", data)["release"])
    assert release.parent == data / "releases"
    team = Path(told("publish", "--audience", "team", "--data", data)["release"])
    assert team.parent == data / "team-releases"


def test_without_communes_the_first_missing_file_is_named(data: Path) -> None:
    shutil.rmtree(data / "territory")
    with pytest.raises(MailleError, match=r"communes\.parquet: no communes yet"):
        pipeline.run(data)


def test_the_archive_alone_is_enough(data: Path, demonstrated: DemoOutcome) -> None:
    shutil.copytree(demonstrated.folder.data / "archive", data / "archive")
    (data / "collector.sqlite").unlink()
    release = pipeline.run(data, archive_first=False)
    assert (release / "manifest.json").exists()
    assert not (data / "collector.sqlite").exists()


def test_the_help_of_every_command_is_there_in_both_languages() -> None:
    for language, word in (("en", "release"), ("fr", "publication")):
        done = subprocess.run(
            [MAILLE, "publish", "--help", "--lang", language], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0
        assert word in done.stdout.lower()


def test_an_empty_directory_says_what_is_missing(tmp_path: Path) -> None:
    command = [MAILLE, "aggregate", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "maille coverage import" in done.stdout
