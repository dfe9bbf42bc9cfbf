"""The examples that load a release: they run as they are, and agree."""

import shutil
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import httpx
import pytest

EXAMPLES = Path(__file__).parents[3] / "examples" / "read_release"
PYTHON = ["pandas_release.py", "duckdb_release.py"]


def printed(*command: str | Path) -> dict[str, float]:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return {name: float(value) for name, _, value in (line.rpartition(",") for line in done.stdout.splitlines())}


@pytest.fixture(scope="module")
def shares(latest: Path) -> dict[str, float]:
    rows = gpd.read_parquet(latest / "hexagons.parquet")
    rows = rows[(rows["technology"] == "4G") & (rows["threshold"] == "service") & ~rows["remainder"]]
    told: dict[str, float] = {}
    for name, own in rows.groupby("operator_name"):
        counted = own["verdict"].value_counts()
        contradicted, confirmed = counted.get("contradicted", 0), counted.get("confirmed", 0)
        if contradicted + confirmed:
            told[str(name)] = contradicted / (contradicted + confirmed)
    assert 0 < told["Orange"] < 1
    return told


@pytest.mark.parametrize("script", PYTHON)
def test_python_examples(latest: Path, shares: dict[str, float], script: str) -> None:
    assert printed(sys.executable, EXAMPLES / script, latest) == pytest.approx(shares, abs=5.1e-4)


def test_pandas_reads_an_address(served: httpx.Client, latest: Path, shares: dict[str, float]) -> None:
    told = printed(sys.executable, EXAMPLES / PYTHON[0], f"{served.base_url}/releases/{latest.name}")
    assert told == pytest.approx(shares, abs=5.1e-4)


def test_r_example(latest: Path, shares: dict[str, float]) -> None:
    program = shutil.which("Rscript")
    assert program, "scripts/setup installs R with sf"
    assert printed(program, "--vanilla", EXAMPLES / "sf_release.R", latest) == pytest.approx(shares, abs=5.1e-4)


def test_examples_are_short() -> None:
    for script in EXAMPLES.glob("*_release.*"):
        lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line.strip()]
        assert len(lines) <= 12, script
