import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.evidence.errors import EvidenceError
from aggregator.judgement.calibration import (
    READINGS,
    crowd_loss_db,
    paired_readings,
    pairs_of_table,
    vehicle_loss,
)
from aggregator.judgement.constants_file import read_constants
from client_sdk.errors import MailleError

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
RUN = CliRunner()


def position(place: int) -> tuple[float, float]:
    return 47.0 + place / 100, 3.5


def reading(place: int, context: str, rsrp: float | None, minute: float = 0, **change: Any) -> dict[str, Any]:
    latitude, longitude = position(place)
    fields = {
        "device_token": "a" * 32,
        "tier": "field_team",
        "measured_at": NOON + timedelta(hours=place, minutes=minute),
        "latitude": latitude,
        "longitude": longitude,
        "h3_cell": h3.str_to_int(h3.latlng_to_cell(latitude, longitude, 10)),
        "context": context,
        "service_state": "in_service",
        "sim_plmn": "20801",
        "rat": "lte",
        "lte_rsrp_dbm": rsrp,
    }
    return {**fields, **change}


def visit(place: int, loss_db: float, outdoor_dbm: float = -80.0, **change: Any) -> list[dict[str, Any]]:
    """Three readings in the car and three beside it, of which one is far off."""
    return [
        reading(place, context, level + error, minute, **change)
        for start, context, level in ((0, "vehicle", outdoor_dbm - loss_db), (5, "outdoor", outdoor_dbm))
        for minute, error in ((start, 0.0), (start + 1, 0.0), (start + 2, 15.0))
    ]


def archive(*visits: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame([{"excluded": False, **row} for one in visits for row in one]).reindex(columns=READINGS)


def test_a_mean_over_places_by_hand() -> None:
    pairs, left_out = paired_readings(archive(visit(0, 4.0), visit(1, 6.0), visit(2, 11.0)))
    loss = vehicle_loss(pairs, left_out)
    assert (loss.loss_db, loss.places, loss.phones, loss.pairs, loss.left_out) == (7.0, 3, 1, 3, {})
    assert loss.spread_db == pytest.approx(13**0.5)
    # t of 2 degrees of freedom: 4.30265
    assert loss.high_db - loss.loss_db == pytest.approx(4.30265 * (13 / 3) ** 0.5, abs=1e-4)
    assert loss.loss_db - loss.low_db == pytest.approx(loss.high_db - loss.loss_db)
    assert not loss.enough
    assert loss.constants == {}


def test_places_weigh_alike_however_often_they_are_visited() -> None:
    later = [{**row, "measured_at": row["measured_at"] + timedelta(days=1)} for row in visit(0, 4.0)]
    other = visit(0, 10.0, device_token="b" * 32)
    loss = vehicle_loss(paired_readings(archive(visit(0, 4.0), later, other, visit(1, 9.0)))[0])
    assert (loss.pairs, loss.phones, loss.places) == (4, 2, 2)
    assert loss.loss_db == ((4.0 + 10.0) / 2 + 9.0) / 2


@pytest.mark.parametrize(
    ("change", "reason", "count"),
    [
        ({"rat": "umts"}, "no signal or place", 6),
        ({"excluded": True}, "flagged as implausible", 6),
        ({"antenna": "external"}, "external antenna", 6),
        ({"accuracy_m": 80.0}, "position too vague", 6),
        ({"speed_mps": 9.0}, "moving", 6),
        ({"context": "unknown"}, "neither outdoors nor in a vehicle", 6),
        ({"context": "vehicle"}, "visit without both readings", 1),
    ],
)
def test_what_is_left_out_is_counted(change: dict[str, Any], reason: str, count: int) -> None:
    odd = [{**row, **change} for row in visit(2, 30.0)]
    pairs, left_out = paired_readings(archive(visit(0, 4.0), visit(1, 6.0), odd))
    assert left_out == {reason: count}
    assert vehicle_loss(pairs).loss_db == 5.0


def test_a_pair_is_one_phone_one_network_and_half_an_hour() -> None:
    first, second = visit(2, 5.0)[:3], visit(2, 5.0)[3:]
    for change in ({"device_token": "b" * 32}, {"rat": "nr", "nr_ss_rsrp_dbm": -80.0}, {"sim_plmn": "20810"}):
        other = [{**row, **change} for row in second]
        assert paired_readings(archive(first, other))[1] == {"visit without both readings": 2}
    late = [{**row, "measured_at": row["measured_at"] + timedelta(hours=2)} for row in second]
    assert paired_readings(archive(first, late))[1] == {"visit without both readings": 2}
    assert len(paired_readings(archive(first, second))[0]) == 1


def test_weak_places_are_left_out() -> None:
    pairs, left_out = paired_readings(archive(visit(0, 4.0), visit(1, 6.0), visit(2, 2.0, outdoor_dbm=-110.0)))
    loss = vehicle_loss(pairs, left_out)
    assert (loss.loss_db, loss.left_out) == (5.0, {"visit with a weak signal": 1})
    with pytest.raises(MailleError, match=r"1 place with strong readings.* expected 30 \(1 visit with a weak signal\)"):
        vehicle_loss(paired_readings(archive(visit(0, 4.0), visit(2, 2.0, outdoor_dbm=-110.0)))[0])


def test_the_interval_holds_the_truth_and_strong_places_do_not_bend_it() -> None:
    generator = np.random.default_rng(5)
    held, means = 0, []
    for _ in range(300):
        level = generator.uniform(-115, -65, 80)
        truth = generator.normal(7.0, 2.0, 80)
        outdoor, vehicle = level + generator.normal(0, 3, 80), level - truth + generator.normal(0, 3, 80)
        pairs = pd.DataFrame({"place": range(80), "device": "a", "outdoor_dbm": outdoor, "vehicle_dbm": vehicle})
        loss = vehicle_loss(pairs)
        held += loss.low_db <= 7.0 <= loss.high_db
        means.append(loss.loss_db)
    assert 0.92 <= held / 300 <= 0.98
    assert np.mean(means) == pytest.approx(7.0, abs=0.15)


def test_the_crowds_own_figure_weighs_cells_by_their_fewer_samples() -> None:
    def histogram(cell: int, context: str, dbm: int, samples: int, **change: Any) -> dict[str, Any]:
        row = {"h3_r9": cell, "operator": "20801", "technology": "4G", "tier": "volunteer", "context": context}
        return {**row, "measure": "lte_rsrp_dbm", "bin": dbm, "samples": samples, **change}

    rows = [
        *(histogram(1, "outdoor", -80, 10), histogram(1, "outdoor", -82, 10), histogram(1, "vehicle", -85, 3)),
        *(histogram(2, "outdoor", -90, 1), histogram(2, "vehicle", -92, 50)),
        *(histogram(3, "outdoor", -60, 99), histogram(4, "vehicle", -60, 99)),
        *(histogram(1, "indoor", -120, 99), histogram(1, "vehicle", -60, 99, tier="field_team")),
        *(histogram(1, "vehicle", -141, 99), histogram(1, "vehicle", -60, 99, measure="nr_ss_rsrp_dbm")),
    ]
    assert crowd_loss_db(pd.DataFrame(rows)) == pytest.approx((3 * 4 + 1 * 2) / 4)
    assert crowd_loss_db(pd.DataFrame(rows[:2])) is None


def table(folder: Path, losses: list[float]) -> Path:
    lines = [f"p{number};a;-80,5;{-80.5 - loss:.1f}".replace(".", ",") for number, loss in enumerate(losses)]
    file = folder / "pairs.csv"
    file.write_text("\n".join(["place;device;outdoor_rsrp_dbm;vehicle_rsrp_dbm", *lines]) + "\n")
    return file


def test_a_table_of_pairs_is_calibrated_and_written(tmp_path: Path) -> None:
    data = tmp_path / "data"
    file = table(tmp_path, [6.0, 9.0] * 15)
    asked = ["calibrate", "vehicle", str(file), "--data", str(data), "--json"]
    told = json.loads(RUN.invoke(commands, asked).stdout)
    assert (told["loss_db"], told["places"], told["enough"]) == (7.5, 30, True)
    assert told["constants"] == {"vehicle_loss_db": 7.5}
    assert told["written"] is None
    assert read_constants(data).vehicle_loss_db == 6.0
    assert json.loads(RUN.invoke(commands, [*asked, "--write"]).stdout)["written"] == str(data / "constants.json")
    assert read_constants(data).vehicle_loss_db == 7.5
    text = RUN.invoke(commands, asked[:-1]).stdout
    assert "Loss in a vehicle: 7.5 dB, 95% interval 6.9 to 8.1 dB" in text
    assert "In use: 7.5 dB." in text


def test_too_few_places_are_shown_and_not_written(tmp_path: Path) -> None:
    file = table(tmp_path, [6.0, 9.0] * 5)
    asked = ["calibrate", "vehicle", str(file), "--data", str(tmp_path)]
    assert "10 places, expected 30 or more before a default is replaced" in RUN.invoke(commands, asked).stdout
    refused = RUN.invoke(commands, [*asked, "--write"])
    assert isinstance(refused.exception, MailleError)
    assert not (tmp_path / "constants.json").exists()


def test_a_table_without_readings_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("place,outdoor_rsrp_dbm,vehicle_rsrp_dbm\nchurch,-80,-200\n")
    with pytest.raises(EvidenceError, match="line 2: vehicle_rsrp_dbm is '-200'"):
        pairs_of_table(tmp_path / "p.csv")


def test_the_archive_is_read_for_field_teams_alone(
    tmp_path: Path, write_archive: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MAILLE_ARCHIVE", raising=False)
    volunteers = [{**row, "tier": "volunteer"} for row in visit(3, 25.0)]
    samples = [row for place in range(2) for row in visit(place, 5.0 + place)] + volunteers
    write_archive(tmp_path / "archive", samples)
    told = json.loads(RUN.invoke(commands, ["calibrate", "vehicle", "--data", str(tmp_path), "--json"]).stdout)
    assert (told["loss_db"], told["places"], told["crowd_db"]) == (5.5, 2, None)
    empty = RUN.invoke(commands, ["calibrate", "vehicle", "--data", str(tmp_path / "none"), "--json"])
    assert "0 place with strong readings" in str(empty.exception)
