from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.evidence.hexagons import parent
from aggregator.judgement.votes import SUBJECT, cast_votes, votable_rows, voting_rows
from aggregator.publication.anonymity import place, rounded_counts, summary
from aggregator.publication.release import publish

LAST_DAY = date(2026, 6, 30)


@pytest.fixture(scope="module")
def rows(data: Path, ledger: pd.DataFrame) -> pd.DataFrame:
    capability = pd.read_parquet(data / "evidence/capability.parquet")
    return voting_rows(ledger, capability, pd.Timestamp(ledger["day"].max()).date(), 365)


def test_a_hexagon_of_four_volunteers_is_nowhere_at_its_resolution(data: Path, hexagon: dict[str, int]) -> None:
    published = gpd.read_parquet(publish(data) / "hexagons.parquet")
    assert h3.int_to_str(hexagon["lonely"]) not in set(published["h3"])
    crowd = published[published["evidence"] == "crowd"]
    for count in ("devices", "judged_devices"):
        assert (crowd[count].dropna() >= 5).all()


def test_a_field_team_is_published_from_one_device_on_and_apart(data: Path, hexagon: dict[str, int]) -> None:
    published = gpd.read_parquet(publish(data) / "hexagons.parquet").query("threshold == 'service'")
    alone = published[published["h3"] == h3.int_to_str(hexagon["surveyed"])]
    assert alone[["evidence", "devices", "resolution"]].to_numpy().tolist() == [["survey", 1, 8]]
    both = published[(published["h3"] == h3.int_to_str(hexagon["hole"])) & (published["operator"] == "20801")]
    assert both[["evidence", "devices"]].to_numpy().tolist() == [["crowd", 9], ["survey", 1]]


def test_figures_agree_with_the_votes_behind_the_verdicts(data: Path, rows: pd.DataFrame) -> None:
    votes = cast_votes(data / "evidence")
    votes = votes.assign(
        devices=votes["votes_outdoor"] + votes["votes_vehicle"],
        failing=votes["failing_outdoor"] + votes["failing_vehicle"],
    )
    own = summary(rows.assign(cell=parent(rows["h3_r9"], 8), resolution=8)).rename(columns={"cell": "h3_r8"})
    key = ["h3_r8", *SUBJECT]
    both = own.merge(votes, on=key, suffixes=("", "_votes"))
    assert len(both) == len(own) == len(votes)
    for figure in ("first_day", "last_day"):
        assert both[figure].dt.date.tolist() == both[f"{figure}_votes"].tolist()
    for figure in ("devices", "failing", "tests", "device_days"):
        assert both[figure].tolist() == both[f"{figure}_votes"].tolist()


def test_counts_above_20_are_rounded_to_5() -> None:
    counts = pd.Series([0, 7, 19, 20, 21, 22, 23, 47, 48, 1002])
    assert rounded_counts(counts).tolist() == [0, 7, 19, 20, 20, 20, 25, 45, 50, 1000]


def test_only_the_window_and_capable_devices_speak(
    rows_in: Callable[..., list[dict[str, object]]], hexagon: dict[str, int]
) -> None:
    table = pd.DataFrame(
        [
            *rows_in(hexagon["hole"], ["new"], 1, "20801"),
            *rows_in(hexagon["hole"], ["old"], 1, "20801", day=LAST_DAY - timedelta(days=365)),
            *rows_in(hexagon["hole"], ["late"], 1, "20801", day=LAST_DAY + timedelta(days=1)),
            *rows_in(hexagon["hole"], ["weak", "unknown"], 1, "20801"),
        ]
    )
    ranks = pd.DataFrame({"device_token": ["new", "old", "late", "weak"], "day": LAST_DAY, "best_rank": [3, 3, 3, 2]})
    spoken = votable_rows(table, ranks, LAST_DAY, 365)
    assert set(spoken["device_token"]) == {"new"}
    assert set(spoken["threshold"]) == {"service", "3", "8"}


@st.composite
def fields(draw: st.DrawFn) -> pd.DataFrame:
    """Rows of up to 12 devices over hexagons that share parents."""
    base = h3.latlng_to_cell(46.77, 3.48, 5)
    cells = sorted(h3.cell_to_children(base, 9))[:: draw(st.sampled_from([40, 150, 700]))]
    seen = draw(
        st.lists(
            st.tuples(
                st.sampled_from(cells), st.integers(0, 11), st.integers(0, 3), st.sampled_from("ab"), st.booleans()
            ),
            min_size=1,
            max_size=80,
        )
    )
    table = pd.DataFrame(seen, columns=["h3_r9", "device_token", "day", "operator", "survey"])
    return table.assign(
        technology="4G",
        threshold="service",
        evidence=table["survey"].map({True: "survey", False: "crowd"}),
        context="outdoor",
        tested=1,
        failed=0,
    )


@settings(max_examples=60, deadline=None)
@given(table=fields(), k=st.integers(2, 6))
def test_every_row_is_placed_once_as_fine_as_k_allows(table: pd.DataFrame, k: int) -> None:
    table = table.assign(row=range(len(table)))
    placed = place(table, k)
    assert placed["row"].is_unique
    crowd = placed[placed["evidence"] == "crowd"]
    assert (crowd.groupby(["cell", *SUBJECT])["device_token"].nunique() >= k).all()
    assert (placed.loc[placed["evidence"] == "survey", "resolution"] == 8).all()
    assert set(table.loc[table["evidence"] == "survey", "row"]) <= set(placed["row"])
    for resolution in (8, 7, 6, 5):
        left = table[~table["row"].isin(placed.loc[placed["resolution"] >= resolution, "row"])]
        poor = left.assign(cell=parent(left["h3_r9"], resolution)).groupby(["cell", *SUBJECT])["device_token"].nunique()
        assert (poor < k).all()
