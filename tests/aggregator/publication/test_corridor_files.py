"""Files of corridors: the same bytes again, a strip that says what the table says."""

from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from PIL import Image
from shapely import LineString

from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.line_cuts import cut_by_hexagons
from aggregator.proposals.corridors import STATES, Corridors, follow
from aggregator.proposals.paths import named_paths
from aggregator.publication.corridor_files import CorridorFiles, write_corridors
from aggregator.publication.strips import looks
from aggregator.publication.team_words import TEAM_ONLY
from client_sdk.messages import use_language

LINE = gpd.GeoDataFrame(
    {"name": ["Ligne du Morvan", "Court"], "kind": "rail"},
    geometry=[LineString([(740_000, 6_640_000), (760_000, 6_645_000)]), LineString([(740_000, 0), (740_500, 0)])],
    crs=2154,
).to_crs(4326)


def known(verdicts: pd.DataFrame) -> Corridors:
    return follow(LINE, verdicts, CLAIMS.empty_table().to_pandas(), speed_kmh=160.0)


@pytest.fixture(scope="module")
def corridors() -> Corridors:
    cells = dict.fromkeys(cut_by_hexagons(named_paths(LINE).geometry.to_numpy())["h3_r8"].tolist())
    rows = []
    for number, cell in enumerate(cells):
        verdict, _, strength = STATES[number % 5].partition(" ")
        row = {"h3_r8": cell, "operator": "20801", "technology": "4G", "threshold": "service", "evidence": "crowd"}
        row |= {"verdict": verdict, "strength": strength, "claimed": True, "votes_outdoor": 3, "votes_vehicle": 0}
        rows.append(row | {"failing_outdoor": 2, "failing_vehicle": 0})
    return known(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def written(corridors: Corridors, tmp_path_factory: pytest.TempPathFactory) -> CorridorFiles:
    use_language("en")
    into = tmp_path_factory.mktemp("corridors")
    return write_corridors(corridors, into, technology="4G", last_day=date(2026, 8, 14), strips=1)


def test_table_and_layer_say_the_same(corridors: Corridors, written: CorridorFiles) -> None:
    table = pd.read_csv(written.table, sep=";")
    assert table["name"].tolist() == ["Court", "Ligne du Morvan"]
    assert set(table["audience"]) == {"team"}
    layer = gpd.read_file(written.layer, layer="pieces", engine="pyogrio")
    assert layer.crs.to_epsg() == 2154
    for state, column in (("confirmed", "confirmed_km"), ("suspected", "suspected_km")):
        km = layer.length[layer["state_4G_20801"] == state].groupby(layer["name"]).sum() / 1000
        told = table.set_index("name")[column]
        assert km.reindex(told.index, fill_value=0).tolist() == pytest.approx(told.tolist(), abs=2e-3)


def test_the_longest_line_is_drawn_in_the_colours_of_its_states(written: CorridorFiles) -> None:
    (svg,) = written.strips
    assert svg.name == "Ligne-du-Morvan-1.svg"
    with Image.open(svg.with_suffix(".png")) as picture:
        found = {colour for _, colour in picture.convert("RGB").getcolors(2**24)}
    for state in STATES[:5]:
        red, green, blue = bytes.fromhex(looks()[state].fill.removeprefix("#"))
        assert (red, green, blue) in found, state


def test_every_file_says_that_it_is_for_the_team_alone(
    corridors: Corridors, written: CorridorFiles, tmp_path: Path
) -> None:
    assert set(pd.read_csv(written.table, sep=";")["notice"]) == {TEAM_ONLY["en"]}
    assert set(gpd.read_file(written.layer, engine="pyogrio")["notice"]) == {TEAM_ONLY["en"]}
    use_language("fr")
    (svg,) = write_corridors(corridors, tmp_path, technology="4G", strips=1).strips
    use_language("en")
    for file, language in ((written.strips[0], "en"), (svg, "fr")):
        # letters are drawn as paths; each text is named in a comment before them
        assert f"<!-- {TEAM_ONLY[language]} -->" in file.read_text(encoding="utf-8")


def test_the_same_lines_give_the_same_bytes(corridors: Corridors, written: CorridorFiles, tmp_path: Path) -> None:
    use_language("en")
    again = write_corridors(corridors, tmp_path, technology="4G", last_day=date(2026, 8, 14), strips=1)
    assert again.table.read_bytes() == written.table.read_bytes()
    assert again.layer.read_bytes() == written.layer.read_bytes()
    (old,), (new,) = written.strips, again.strips
    assert old.read_bytes() == new.read_bytes()
    assert old.with_suffix(".png").read_bytes() == new.with_suffix(".png").read_bytes()


def test_no_two_states_look_alike_without_colour() -> None:
    def tone(colour: str) -> float:
        red, green, blue = bytes.fromhex(colour.removeprefix("#"))
        return 0.299 * red + 0.587 * green + 0.114 * blue

    every = list(looks().values())
    for first in every:
        for second in every:
            if first is not second and first.hatch == second.hatch:
                assert abs(tone(first.fill) - tone(second.fill)) >= 20, (first.label, second.label)
