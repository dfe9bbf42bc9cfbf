"""The read API keeps to its own description, and the examples of its documentation run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator, validate
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

from aggregator.publication.columns import TABLES
from aggregator.publication.hexagons import IN_FRENCH
from aggregator.publication.reading.parameters import VERDICTS
from aggregator.publication.tiles import short_id

DOCUMENTATION = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
CELL = 0x881F94AA11FFFFF
ADDRESS = "http://127.0.0.1:8421"

# a box whose sides are the wrong way round fits its schema, and a limit above the maximum, which does not, is to be
# answered with as many as the maximum
WITHOUT = "positive_data_acceptance,negative_data_rejection"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCUMENTATION, re.MULTILINE | re.DOTALL)


COMMANDS = [line for block in blocks("sh") for line in block.splitlines()]


def test_the_description_holds(served: httpx.Client, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{served.base_url}/openapi.json"),
            *("--checks", "all", "--exclude-checks", WITHOUT, "--phases", "fuzzing", "--max-examples", "5"),
            # the same addresses and the same code as those of the latest release
            *("--exclude-operation-id-regex", r"^named\."),
            *("--generation-deterministic", "--no-color", "--continue-on-failure"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr
    assert re.search(r"Operations: +32 selected / 60 total", done.stdout), done.stdout[-2000:]


@pytest.mark.parametrize("path", ["/openapi.json", "/ogc/api?f=json"])
def test_the_description_is_valid_openapi(served: httpx.Client, path: str) -> None:
    told = served.get(path).json()
    validate(told, cls=OpenAPIV30SpecValidator)
    broken = {**told, "paths": {"/a": {"get": {"parameters": [{"name": "limit", "in": "query"}]}}}}
    with pytest.raises(OpenAPIValidationError):
        validate(broken, cls=OpenAPIV30SpecValidator)


def test_verdicts_are_those_of_the_release() -> None:
    assert list(VERDICTS) == list(dict.fromkeys(verdict for verdict, _ in IN_FRENCH))


def test_every_parameter_is_described(served: httpx.Client) -> None:
    paths = served.get("/openapi.json").json()["paths"]
    asked = {one["name"] for one in paths["/v1/hexagons"]["get"]["parameters"]}
    assert asked == {
        *("release", "format", "bbox", "commune", "departement", "h3", "operator", "technology", "threshold"),
        *("verdict", "evidence", "columns", "limit", "offset"),
    }
    assert all(name in DOCUMENTATION for name in asked)
    for path, operations in paths.items():
        for parameter in operations["get"]["parameters"]:
            assert parameter["description"], (path, parameter)
    assert set(paths) >= {"/ogc/releases/{release}/collections/zones/items", "/releases/{release}/{file}"}
    items = {one["name"]: one for one in paths["/ogc/collections/hexagons/items"]["get"]["parameters"]}
    columns = {column.name: column for column in TABLES["hexagons"].columns}
    assert columns["edge"].en in items["edge"]["description"]
    assert items["verdict"]["schema"]["items"]["enum"] == list(columns["verdict"].values)
    assert items["operator"]["schema"]["items"]["pattern"] == columns["operator"].pattern
    assert "bbox-crs" not in next(
        one["description"] for one in paths["/v1/hexagons"]["get"]["parameters"] if one["name"] == "bbox"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_documented_commands_run(served: httpx.Client, command: str, tmp_path: Path) -> None:
    words = shlex.split(command.replace(ADDRESS, str(served.base_url)))
    words[1:1] = ["--fail", "--silent", "--show-error"] if words[0] == "curl" else []
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    if words[0] == "curl":
        assert len(done.stdout.splitlines()) > 4


def test_documented_scripts_run(served: httpx.Client) -> None:
    (python, index), (r,) = blocks("python"), blocks("r")
    address = str(served.base_url)
    shown = "\nprint(len(rows), set(rows['insee_com']), set(rows['insee_dep']), min(rows['operator']))"
    told = subprocess.run(
        [sys.executable, "-c", python.replace(ADDRESS, address) + shown], capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"[1-9]\d* \{'58095'\} \{'58'\} 20801\n", told.stdout)
    told = subprocess.run(
        [sys.executable, "-c", f"{index}\nprint(h3_index({int(short_id(np.array([CELL]), 8)[0])}, 8))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout, 16) == CELL
    told = subprocess.run(
        ["Rscript", "--vanilla", "-e", r.replace(ADDRESS, address) + "\ncat(nrow(zones), '\\n')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(told.stdout.splitlines()[-1]) == served.get("/ogc/collections/zones/items").json()["numberMatched"]
