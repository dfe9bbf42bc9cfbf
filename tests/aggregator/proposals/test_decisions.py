"""A team's decisions: the table a spreadsheet edits, and zones that stay as decided whatever is computed again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from h3.api import basic_int as h3
from hypothesis import given, settings
from hypothesis import strategies as st

from aggregator.judgement.comparison import VERDICTS
from aggregator.proposals.decisions import (
    FILE,
    Decision,
    DecisionError,
    decide,
    followed,
    located,
    own_name,
    read_decisions,
)
from aggregator.proposals.zones import propose_zones
from client_sdk.messages import use_language

Around = Callable[[float, float, int], list[int]]

COSSAYE = (46.7722, 3.4817)
LUCENAY = (46.7022, 3.4836)
TREVOL = (46.6281, 3.3061)


@pytest.fixture(autouse=True)
def english() -> None:
    use_language("en")


def write(data: Path, text: str, encoding: str = "utf-8") -> Path:
    (data / FILE).write_text(text, encoding=encoding)
    return data


def test_a_spreadsheets_table_is_read_with_either_separator_and_in_either_language(tmp_path: Path) -> None:
    assert read_decisions(tmp_path) == []
    french = "zone_id;decision;reason;latitude;longitude\n58-881f94ab03;Écartée;site annoncé;46,77;3,48\n;;;;\n"
    expected = Decision(
        zone_id="58-881f94ab03", decision="set-aside", reason="site annoncé", latitude=46.77, longitude=3.48
    )
    for encoding in ("utf-8", "utf-8-sig", "latin-1"):
        assert read_decisions(write(tmp_path, french, encoding)) == [expected]
    english = "zone_id,decision\n58-881f94ab03,kept\n"
    assert read_decisions(write(tmp_path, english)) == [Decision(zone_id="58-881f94ab03", decision="kept")]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a;kept;;\n;kept;;", "line 3: zone_id is empty"),
        ("a;perhaps;;", "line 2: decision is 'perhaps', expected kept"),
        ("a;kept;;\nb;open;;\na;open;;", "line 4: zone_id a is decided on line 2 already"),
        ("b;kept;;\na;set-aside;;", "line 3: reason is empty, expected why"),
        ("a;merged;;", "line 2: into is '', expected the zone_id of another zone"),
        ("a;merged;;a", "line 2: into is 'a', expected"),
        ("a;merged;;b\nb;set-aside;why;", "line 2: into is b, which is set-aside itself"),
        ("a;merged;;b\nb;merged;;c", "line 2: into is b, which is merged itself"),
    ],
)
def test_a_line_that_cannot_be_followed_is_named(lines: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DecisionError, match=message):
        read_decisions(write(tmp_path, f"zone_id;decision;reason;into\n{lines}\n"))


def test_a_wrong_place_is_named(tmp_path: Path) -> None:
    with pytest.raises(DecisionError, match="line 2: latitude is 'north', expected degrees or nothing"):
        read_decisions(write(tmp_path, "zone_id;decision;latitude;longitude\na;kept;north;3.4\n"))


texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=20).map(str.strip)


@settings(max_examples=40, deadline=None)
@given(reason=texts.filter(bool), note=texts, answer=texts, latitude=st.floats(-90, 90), longitude=st.floats(-180, 180))
def test_what_is_written_is_read_again(
    reason: str, note: str, answer: str, latitude: float, longitude: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = tmp_path_factory.mktemp("decisions")
    made = Decision(
        zone_id="58-881f94ab03",
        decision="set-aside",
        reason=reason,
        note=note,
        operator_answer=answer,
        latitude=latitude,
        longitude=longitude,
        decided_on="2026-11-27",
    )
    assert decide(data, made) == read_decisions(data) == [made]


def test_a_later_decision_keeps_the_notes_of_the_earlier(tmp_path: Path) -> None:
    first = Decision(zone_id="a", decision="open", note="maire prévenu", latitude=46.0, longitude=3.0, name="A")
    decide(tmp_path, first)
    decide(tmp_path, Decision(zone_id="b", decision="kept", latitude=46.5, longitude=3.0))
    later, other = decide(tmp_path, Decision(zone_id="a", decision="set-aside", reason="site annoncé"))
    assert (later.note, later.name, later.latitude, later.reason) == ("maire prévenu", "A", 46.0, "site annoncé")
    assert other.zone_id == "b"
    with pytest.raises(DecisionError, match="reason is empty"):
        decide(tmp_path, Decision(zone_id="b", decision="set-aside"))
    assert [one.decision for one in read_decisions(tmp_path)] == ["set-aside", "kept"]


def test_a_zone_without_a_written_place_is_where_it_was_proposed_or_where_its_id_says() -> None:
    centre = h3.latlng_to_cell(*COSSAYE, 8)
    zone_id = f"58-{h3.int_to_str(centre).rstrip('f')}"
    zones = pd.DataFrame({"zone_id": [zone_id], "latitude": [46.5], "longitude": [3.1], "name": ["Cossaye"]})
    (proposed,) = located([Decision(zone_id=zone_id, decision="kept")], zones)
    assert (proposed.latitude, proposed.longitude, proposed.name) == (46.5, 3.1, "Cossaye")
    (named,) = located([Decision(zone_id=f"{zone_id}-2", decision="kept")], None)
    assert (named.latitude, named.longitude) == pytest.approx(h3.cell_to_latlng(centre))
    with pytest.raises(DecisionError, match="nowhere is no known zone"):
        located([Decision(zone_id="nowhere", decision="kept")], None)
    assert located([Decision(zone_id="nowhere", decision="open", note="?")], None) == []


class Town:
    """Three undeclared places in a territory that one operator declares otherwise."""

    def __init__(self, communes: gpd.GeoDataFrame, around: Around, claims_on: Callable[..., pd.DataFrame]) -> None:
        cells = sorted({c for place in (COSSAYE, LUCENAY, TREVOL) for c in around(*place, 11)})
        holes = {cell for place in (COSSAYE, LUCENAY, TREVOL) for cell in around(*place, 3)}
        shares = [0.0 if cell in holes else 1.0 for cell in cells]
        self.communes, self.around = communes, around
        self.claims = claims_on(cells, declared_share=shares)
        self.people = pd.Series(np.linspace(8.0, 12.0, len(cells)), index=pd.Index(cells, name="h3_r8"))
        self.none = VERDICTS.empty_table().to_pandas()

    def zones(
        self,
        decisions: list[Decision],
        *,
        people: pd.Series | None = None,
        count: int = 3,
        previous: gpd.GeoDataFrame | None = None,
    ) -> gpd.GeoDataFrame:
        living = self.people if people is None else people
        zones, points = propose_zones(
            self.none,
            self.communes,
            people=living,
            claims=self.claims,
            count=count,
            decisions=decisions,
            previous=previous,
        )
        asking = (zones["decision"] != "set-aside") & (zones["operators_missing"] > 0)
        assert set(points["zone_id"]) == set(zones.loc[asking, "zone_id"])
        return zones

    def decision(self, zones: gpd.GeoDataFrame, row: int, kind: str, **more: str) -> Decision:
        zone = zones.iloc[row]
        place = {"latitude": float(zone["latitude"]), "longitude": float(zone["longitude"])}
        return Decision(zone_id=zone["zone_id"], decision=kind, name=zone["name"], **place, **more)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def town(communes: gpd.GeoDataFrame, around: Around, claims_on: Callable[..., pd.DataFrame]) -> Town:
    return Town(communes, around, claims_on)


def test_the_hexagons_of_a_zone_set_aside_do_not_come_back(town: Town) -> None:
    before = town.zones([])
    aside = town.decision(before, 0, "set-aside", reason="site annoncé")
    after = town.zones([aside], count=8)
    last = after.iloc[-1]
    assert (last["zone_id"], last["rank"], last["decision"]) == (aside.zone_id, 0, "set-aside")
    assert aside.zone_id not in set(after["zone_id"].iloc[:-1])
    assert after["rank"].iloc[:-1].tolist() == list(range(1, len(after)))
    whole = town.zones([], count=9)
    assert after["unmet_people"].sum() <= whole["unmet_people"].sum() + 0.5
    assert after.iloc[:-1]["people"].sum() + last["people"] <= town.people.sum() + 0.5
    assert before["zone_id"].iloc[1] in set(after["zone_id"])


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_decisions_survive_recomputation(seed: int, town: Town) -> None:
    before = town.zones([])
    decisions = [town.decision(before, 2, "kept"), town.decision(before, 0, "set-aside", reason="r")]
    random = np.random.default_rng(seed)
    after = town.zones(decisions, people=town.people * random.uniform(0.2, 3.0, len(town.people)))
    decided = after[after["decision"] != ""].set_index("zone_id")
    assert decided["decision"].to_dict() == {one.zone_id: one.decision for one in decisions}
    places = before.set_index("zone_id").loc[decided.index]
    assert decided[["name", "latitude", "longitude"]].equals(places[["name", "latitude", "longitude"]])
    assert len(after) == 4
    assert after["zone_id"].is_unique


def test_a_merged_zone_gives_its_hexagons_and_its_name(town: Town) -> None:
    before = town.zones([])
    host, guest = town.decision(before, 0, "kept"), town.decision(before, 1, "merged", into=before["zone_id"].iloc[0])
    after = town.zones([host, guest], count=2)
    one = after[after["zone_id"] == host.zone_id].iloc[0]
    assert one["name"] == f"{host.name} + {guest.name}"
    assert one["merged"] == guest.zone_id
    assert guest.zone_id not in set(after["zone_id"])
    assert one["people"] == pytest.approx(before["people"].iloc[:2].sum(), abs=0.2)
    assert after["zone_id"].tolist()[1] == before["zone_id"].iloc[2]


def test_what_was_written_about_a_zone_stays_with_it_under_the_id_it_was_written_about(town: Town) -> None:
    """A release may have named the same place otherwise than the list that the team wrote from."""
    before = town.zones([])
    written = replace(town.decision(before, 0, "open", note="à revoir"), zone_id="58-881fffffff-2")
    moved = replace(written, latitude=(written.latitude or 0) + 0.02)
    for one in (written, moved):
        after = town.zones(located([one], None), previous=before)
        assert after["zone_id"].tolist() == [one.zone_id, *before["zone_id"].iloc[1:]]
        assert after.drop(columns="zone_id").equals(before.drop(columns="zone_id"))
    far = replace(written, latitude=(written.latitude or 0) + 0.5)
    assert town.zones(located([far], None), previous=before)["zone_id"].tolist() == before["zone_id"].tolist()


def test_zones_that_are_merged_and_lie_apart_are_drawn_apart(town: Town) -> None:
    """Cossaye and Trévol are 20 km from each other: the outline is both discs, and nothing of what lies between."""
    before = town.zones([])
    names = before["name"].tolist()
    host, guest = names.index("Cossaye"), names.index("Trévol")
    decisions = [town.decision(before, guest, "merged", into=before["zone_id"].iloc[host])]
    after = town.zones(located(decisions, before), count=1)
    (outline,) = after.geometry
    assert outline.geom_type == "MultiPolygon"
    assert outline.area == pytest.approx(2 * np.pi * 4000**2, rel=0.01)
    for row in (host, guest):
        assert outline.buffer(1).contains(before.geometry.iloc[row])
    assert after["people"].iloc[0] == pytest.approx(before["people"].iloc[[host, guest]].sum(), abs=0.2)


def test_a_zone_another_is_merged_into_needs_no_decision_of_its_own(town: Town) -> None:
    before = town.zones([])
    guest = town.decision(before, 1, "merged", into=before["zone_id"].iloc[0])
    after = before
    for _ in range(3):  # computed again and again, it keeps its name
        after = town.zones(located([guest], after), count=1)
        assert after["zone_id"].tolist() == [before["zone_id"].iloc[0]]
        assert (after["merged"].tolist(), after["decision"].tolist()) == ([guest.zone_id], ["kept"])
        assert after["name"].tolist() == [f"{before['name'].iloc[0]} + {guest.name}"]
    assert own_name(after.iloc[0].to_dict()) == before["name"].iloc[0]
    # a file in which the joined name was written down already
    written = Decision(zone_id=guest.into, decision="open", name=after["name"].iloc[0], note="n")
    assert town.zones(located([guest, written], after), count=1)["name"].tolist() == after["name"].tolist()


def test_a_zone_another_is_merged_into_is_followed_as_kept_with_its_notes() -> None:
    guest = Decision(zone_id="b", decision="merged", into="a")
    alone = followed([guest])
    assert [(one.zone_id, one.decision) for one in alone] == [("a", "kept"), ("b", "merged")]
    noted, *_ = followed([guest, Decision(zone_id="a", decision="open", note="maire prévenu")])
    assert (noted.decision, noted.note) == ("kept", "maire prévenu")
    assert followed([Decision(zone_id="c", decision="open")])[0].decision == "open"


def test_a_decided_zone_outside_what_was_asked_for_is_left_out(town: Town) -> None:
    far = Decision(zone_id="26-x", decision="kept", name="Far", latitude=44.9, longitude=4.9)
    assert "26-x" not in set(town.zones([far])["zone_id"])
