from datetime import date
from pathlib import Path
from typing import Any

import h3
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aggregator.evidence.ledger import CAPABILITY, COUNTS, LEDGER
from aggregator.judgement.votes import cast_votes

HEXAGON = h3.latlng_to_cell(47.0, 3.5, 8)
CHILDREN = sorted(h3.str_to_int(cell) for cell in h3.cell_to_children(HEXAGON, 9))
ELSEWHERE = h3.str_to_int(h3.latlng_to_cell(46.0, 3.5, 9))


def row(device: str, day: int, failed: int, tested: int, **change: Any) -> dict[str, Any]:
    return {
        "h3_r9": CHILDREN[0],
        "operator": "20801",
        "technology": "4G",
        "device_token": device,
        "tier": "volunteer",
        "context": "outdoor",
        "day": date(2026, 11, day),
        **dict.fromkeys(COUNTS, 0),
        "tested_service": tested,
        "failed_service": failed,
        **change,
    }


@pytest.fixture
def votes(tmp_path: Path) -> Any:
    def run(
        *rows: dict[str, Any],
        ranks: dict[str, int] | None = None,
        seen: tuple[tuple[str, date, int], ...] = (),
        **window: Any,
    ) -> pd.DataFrame:
        """Votes of the rows; each device also has a day of successes far away, so that it is known to work."""
        chosen = ranks or {}
        works = {(entry["device_token"], entry["day"]): entry for entry in rows}
        success = {name: int(name.startswith("tested")) for name in COUNTS}
        rows += tuple(entry | success | {"h3_r9": ELSEWHERE, "context": "outdoor"} for entry in works.values())
        best = {(entry["device_token"], entry["day"]): chosen.get(entry["device_token"], 4) for entry in rows}
        best |= {(device, day): rank for device, day, rank in seen}
        pq.write_table(pa.Table.from_pylist(list(rows), schema=LEDGER), tmp_path / "ledger.parquet")
        capability = [
            {"device_token": token, "day": day, "best_rank": rank} for (token, day), rank in best.items() if rank
        ]
        pq.write_table(pa.Table.from_pylist(capability, schema=CAPABILITY), tmp_path / "capability.parquet")
        return cast_votes(tmp_path, **window)

    return run


def counts(frame: pd.DataFrame, **where: Any) -> tuple[int, ...]:
    here = {"h3_r8": h3.str_to_int(HEXAGON), "threshold": "service", "evidence": "crowd", "technology": "4G"}
    where = here | where
    for column, value in where.items():
        frame = frame[frame[column] == value]
    assert len(frame) == 1
    names = ["votes_outdoor", "failing_outdoor", "votes_vehicle", "failing_vehicle", "device_days", "tests"]
    return tuple(int(frame.iloc[0][name]) for name in names)


def test_one_device_one_vote_whatever_its_volume(votes: Any) -> None:
    frame = votes(row("loud", 1, 500, 500), row("calm", 1, 0, 1), row("calm", 2, 0, 1))
    assert counts(frame) == (2, 1, 0, 0, 3, 502)


@pytest.mark.parametrize(
    ("days", "failing"),
    [
        ([(1, 2)], 1),  # half of the tests: the day fails
        ([(1, 3)], 0),
        ([(1, 1), (0, 1)], 0),  # half of the days: the vote does not
        ([(1, 1), (0, 1), (1, 1)], 1),
    ],
)
def test_a_day_fails_at_half_and_a_vote_above_half(votes: Any, days: list[tuple[int, int]], failing: int) -> None:
    frame = votes(*(row("a", day, *tests) for day, tests in enumerate(days, start=1)))
    assert counts(frame)[:2] == (1, failing)


def test_a_day_is_counted_over_the_whole_hexagon(votes: Any) -> None:
    frame = votes(row("a", 1, 1, 1), row("a", 1, 0, 2, h3_r9=CHILDREN[3]))
    assert counts(frame) == (1, 0, 0, 0, 1, 3)


def test_outdoor_days_decide_where_there_are_any(votes: Any) -> None:
    frame = votes(
        row("a", 1, 5, 5, context="vehicle"),
        row("a", 2, 0, 1),
        row("b", 3, 1, 1, context="vehicle"),
    )
    assert counts(frame) == (1, 0, 1, 1, 2, 2)
    here = frame[frame["h3_r8"] == h3.str_to_int(HEXAGON)].iloc[0]
    assert (here["first_day"], here["last_day"]) == (date(2026, 11, 2), date(2026, 11, 3))


def test_a_device_votes_only_on_what_it_was_ever_seen_on(votes: Any) -> None:
    frame = votes(
        row("a", 1, 1, 1), row("b", 1, 1, 1), row("c", 1, 1, 1), row("d", 1, 1, 1), ranks={"b": 3, "c": 2, "d": 0}
    )
    assert counts(frame)[:2] == (2, 2)


@pytest.mark.parametrize(("day", "votes_outdoor"), [(1, 1), (9, 1), (10, 1), (11, 0)])
def test_a_technology_seen_outside_the_window_gives_no_vote_in_it(votes: Any, day: int, votes_outdoor: int) -> None:
    rows = [row("a", 10, 1, 1), row("b", 10, 1, 1)]
    window = {"last_day": date(2026, 11, 10), "ranks": {"a": 2}}
    frame = votes(*rows, seen=(("a", date(2026, 11, day), 3),), **window)
    assert counts(frame)[0] == 1 + votes_outdoor
    assert counts(votes(*rows, seen=(("a", date(2025, 11, 10), 4),), **window))[0] == 1


def test_each_threshold_has_its_own_tests(votes: Any) -> None:
    frame = votes(row("a", 1, 0, 2, tested_3=1, failed_3=1))
    assert counts(frame) == (1, 0, 0, 0, 1, 2)
    assert counts(frame, threshold="3") == (1, 1, 0, 0, 1, 1)
    assert set(frame.loc[frame["h3_r8"] == h3.str_to_int(HEXAGON), "threshold"]) == {"service", "3"}


def test_a_field_teams_votes_are_apart(votes: Any) -> None:
    frame = votes(row("a", 1, 1, 1), row("b", 1, 0, 1, tier="field_team"))
    assert counts(frame)[:2] == (1, 1)
    assert counts(frame, evidence="survey")[:2] == (1, 0)


def test_the_window_ends_with_the_ledger_or_where_told(votes: Any) -> None:
    rows = [row("a", 1, 1, 1), row("b", 20, 1, 1), row("c", 21, 1, 1)]
    assert counts(votes(*rows))[0] == 3
    assert counts(votes(*rows, window_days=20))[0] == 2
    assert counts(votes(*rows, window_days=20, last_day=date(2026, 11, 20)))[0] == 2
    assert counts(votes(*rows, window_days=1))[0] == 1
    assert votes(*rows, last_day=date(2025, 1, 1)).empty


def test_no_ledger_rows_no_votes(votes: Any) -> None:
    assert votes().empty
    assert list(votes().columns)[:5] == ["h3_r8", "operator", "technology", "threshold", "evidence"]
