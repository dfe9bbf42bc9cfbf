import json
from pathlib import Path
from typing import Any

import pytest

from aggregator.judgement.constants import Constants
from aggregator.judgement.constants_file import read_constants, write_change
from client_sdk.errors import MailleError


def written(data: Path, content: Any) -> Path:
    (data / "constants.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return data


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert read_constants(tmp_path) == Constants()


def test_what_differs_makes_a_version_of_its_own(tmp_path: Path) -> None:
    constants = read_constants(written(tmp_path, {"vehicle_loss_db": 7.4, "edge_rings": 3}))
    assert (constants.vehicle_loss_db, constants.edge_rings) == (7.4, 3)
    assert constants.promised_failure == Constants().promised_failure
    assert constants.version.startswith(f"{Constants().version}+")
    again = read_constants(written(tmp_path, {"edge_rings": 3, "vehicle_loss_db": 7.4, "significance": 0.05}))
    assert again == constants
    assert read_constants(written(tmp_path, {"vehicle_loss_db": 7.5})).version != constants.version


def test_a_file_that_repeats_the_defaults_changes_nothing(tmp_path: Path) -> None:
    assert read_constants(written(tmp_path, {"vehicle_loss_db": 6})) == Constants()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "constants.json: "),
        ([1], "not a JSON object"),
        ({"vehicle_loss": 7}, "vehicle_loss is none of spurious_failure"),
        ({"version": "mine"}, "version is none of"),
        ({"vehicle_loss_db": "7"}, "vehicle_loss_db is '7', expected a number from 0 to 30"),
        ({"vehicle_loss_db": 70}, "vehicle_loss_db is 70, expected"),
        ('{"vehicle_loss_db": NaN}', "vehicle_loss_db is nan, expected"),
        ({"edge_rings": 1.5}, "edge_rings is 1.5, expected a whole number from 0 to 10"),
        ({"edge_rings": True}, "edge_rings is True"),
    ],
)
def test_what_is_no_constant_is_refused(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(MailleError, match=message):
        read_constants(written(tmp_path, content))


def test_one_constant_is_written_beside_the_others(tmp_path: Path) -> None:
    written(tmp_path, {"edge_rings": 3, "vehicle_loss_db": 5.0})
    file = write_change(tmp_path, "vehicle_loss_db", 7.4)
    assert json.loads(file.read_text()) == {"edge_rings": 3, "vehicle_loss_db": 7.4}
    with pytest.raises(MailleError, match="vehicle_loss_db is -1"):
        write_change(tmp_path, "vehicle_loss_db", -1)
    assert read_constants(tmp_path).vehicle_loss_db == 7.4
