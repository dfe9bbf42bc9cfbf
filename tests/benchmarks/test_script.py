"""`scripts/benchmark`: says what there is before anything is set up."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SCRIPT = ROOT / "scripts" / "benchmark"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "code"), [(["--help"], 0), ([], 2), (["no-such-benchmark"], 2), (["--quick"], 2)]
)
def test_every_benchmark_is_listed_with_what_it_says_of_itself(arguments: list[str], code: int) -> None:
    done = run(*arguments)

    assert done.returncode == code
    shown = done.stderr if code else done.stdout
    for file in (ROOT / "benchmarks").glob("*.py"):
        first = file.read_text().splitlines()[0].removeprefix('"""').removesuffix('"""')
        assert (f"{file.stem} " in shown and first in shown) == (file.stem != "__init__")
