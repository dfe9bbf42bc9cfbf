import json
import re
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.ledger import CAPABILITY, COUNTS, LEDGER
from aggregator.evidence.outages import REACH_KM, import_outages
from aggregator.evidence.territory import import_communes
from aggregator.judgement.breach import (
    BreachFigure,
    area_km2,
    breach_figures,
    effective_number,
    exact_interval,
    promised_rate,
)
from aggregator.judgement.breach_words import breach_sentence
from client_sdk.errors import MailleError

AREA = box(3.45, 46.95, 3.55, 47.05)  # 7.6 × 11.1 km
DAY = date(2026, 6, 1)
PLACES: list[list[str]] = []
"""Cells of resolution 9 well inside the area, 30 of each parent at resolution 7."""
for _, _cells in groupby(
    sorted(
        h3.geo_to_cells(h3.geo_to_h3shape(AREA.buffer(-0.004)), 9), key=lambda cell: (h3.cell_to_parent(cell, 7), cell)
    ),
    key=lambda cell: h3.cell_to_parent(cell, 7),
):
    PLACES += [found[:30]] if len(found := list(_cells)) >= 30 else []


def row(cell: str, tested: int = 1, failed: int = 0, **change: Any) -> dict[str, Any]:
    counts = {name: (tested if name.startswith("tested") else failed) for name in COUNTS}
    keys = {"operator": "20801", "technology": "4G", "device_token": "van", "tier": "field_team", "context": "outdoor"}
    return {"h3_r9": h3.str_to_int(cell), **keys, "day": DAY, **counts, **change}


def declared(cells: list[str], share: float = 1.0, operator: str = "20801") -> pd.DataFrame:
    hexagons = sorted({h3.str_to_int(h3.cell_to_parent(cell, 8)) for cell in cells})
    named = {"operator": operator, "technology": "4G", "usage": "data", "level": "", "bounded": False}
    return pd.DataFrame({"h3_r8": hexagons}).assign(declared_share=share, **named)


EVERYWHERE = declared([cell for place in PLACES for cell in place])


def capability(rows: list[dict[str, Any]]) -> pd.DataFrame:
    devices = sorted({one["device_token"] for one in rows})
    return pd.DataFrame({"device_token": devices}).assign(day=DAY, best_rank=4)


def figures(rows: list[dict[str, Any]], claims: pd.DataFrame = EVERYWHERE, area: Polygon = AREA) -> list[BreachFigure]:
    ledger = pd.DataFrame(rows, columns=LEDGER.names)
    return breach_figures(ledger, capability(rows), claims, area, last_day=DAY + timedelta(days=90))


def survey(failing_of_each: list[int], points: int = 10) -> list[dict[str, Any]]:
    """Points in each place, of which the first fail."""
    return [
        row(cell, failed=int(number < failing))
        for place, failing in zip(PLACES, failing_of_each, strict=False)
        for number, cell in enumerate(place[:points])
    ]


def test_what_is_promised_depends_on_the_area() -> None:
    assert (promised_rate(50.1), promised_rate(1_000), promised_rate(1_000.1)) == (0.95, 0.95, 0.98)
    for area in (50.0, 0.7):
        with pytest.raises(MailleError, match=rf"the area is {area} km², expected more than 50"):
            promised_rate(area)
    assert area_km2(AREA) == pytest.approx(7.61 * 11.12, rel=0.005)
    with pytest.raises(MailleError, match="expected more than 50"):
        figures(survey([0] * 8), area=box(3.5, 47.0, 3.52, 47.02))


def test_an_interval_below_at_and_around_the_promise() -> None:
    assert len(PLACES) >= 8
    (poor,) = figures(survey([3] * 8))
    assert (poor.points, poor.successes, poor.places, poor.days, poor.phones) == (80, 56, 8, 1, 1)
    assert (poor.promised, poor.conclusion) == (0.95, "below")
    # all places alike: no design effect, but 8 places know less than 80 points: 80 × (1.9905 / 2.3646)²
    assert poor.effective_points == pytest.approx(80 * (1.99045 / 2.36462) ** 2, rel=1e-4)
    (mixed,) = figures(survey([0] * 7 + [3]))
    assert mixed.conclusion == "undecided"
    assert mixed.effective_points < 40
    (good,) = figures(survey([0] * 8, points=30))
    assert (good.rate, good.conclusion) == (1.0, "undecided")  # 8 places that agree are 8 points
    assert good.effective_points == 8


def test_places_that_differ_much_are_too_few_to_speak_of_a_rate_below() -> None:
    """All fails here and nothing there: 80 points, all of whose interval lies below 95 %, know as much as a few."""
    (figure,) = figures(survey([10, 0, 10, 0, 10, 10, 0, 10]))
    assert figure.points == 80
    assert figure.effective_points < 10
    assert figure.high is not None
    assert figure.high < figure.promised
    assert figure.conclusion == "imprecise"
    assert "moins de 30 indépendants" in breach_sentence(figure, "fr")
    assert "Arcep, which alone" not in breach_sentence(figure, "en")


def test_too_few_points_or_places_have_no_rate() -> None:
    for rows in (survey([1] * 8, points=2), survey([1] * 4, points=20)):
        (figure,) = figures(rows)
        assert (figure.rate, figure.low, figure.high, figure.conclusion) == (None, None, None, "too_few")
        assert "%" not in breach_sentence(figure, "fr") + breach_sentence(figure, "en")
    (nobody,) = figures([])
    assert (nobody.points, nobody.first_day, nobody.conclusion) == (0, "", "too_few")
    assert breach_sentence(nobody, "fr") == (
        "Dans cette zone de 85 km², là où Orange déclare la 4G : aucun point testé dehors par une équipe de terrain. "
        "C’est trop peu pour donner un taux."
    )


def test_repeated_tests_of_a_place_and_day_are_one_point() -> None:
    once = survey([3] * 8)
    again = [{**one, "device_token": "second"} for one in once]
    many = [{**one, **{name: 50 * one[name] for name in COUNTS}} for one in once]
    (figure,), (twice,), (often,) = figures(once), figures(once + again), figures(many)
    assert (twice.points, twice.successes, twice.low, twice.phones) == (figure.points, figure.successes, figure.low, 2)
    assert often == figure
    (next_day,) = figures(once + [{**one, "day": DAY + timedelta(days=1)} for one in once])
    assert (next_day.points, next_day.days) == (160, 2)
    assert next_day.effective_points < 2 * figure.effective_points


def test_half_of_the_tests_failing_fails_a_point() -> None:
    def successes(tested: int, failed: int) -> int:
        return figures([row(PLACES[0][0], tested, failed)])[0].successes

    assert [successes(2, 1), successes(3, 1), successes(3, 2), successes(1, 0)] == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"tier": "volunteer"},
        {"context": "vehicle"},
        {"technology": "5G"},
        {"operator": "20810"},
        {"day": DAY - timedelta(days=400)},
        {"h3_r9": h3.str_to_int(h3.latlng_to_cell(46.0, 3.5, 9))},
    ],
)
def test_other_tests_do_not_count(change: dict[str, Any]) -> None:
    rows = survey([0] * 8)
    assert figures(rows + [{**one, **change} for one in survey([9] * 8)]) == figures(rows)


def test_only_hexagons_declared_whole_count() -> None:
    half = declared(PLACES[0], 0.5)
    levels = pd.concat([declared(PLACES[1], 0.5), declared(PLACES[1], 0.5).assign(level="BC")])
    rows = survey([0, 0])
    (figure,) = figures(rows, pd.concat([half, levels]))
    shared = {h3.cell_to_parent(cell, 8) for cell in PLACES[0]} & {h3.cell_to_parent(cell, 8) for cell in PLACES[1]}
    assert not shared
    assert (figure.points, figure.places) == (10, 1)
    assert [one.operator for one in figures(rows, pd.concat([half, declared(PLACES[0], operator="20810")]))] == [
        "20801",
        "20810",
    ]


@pytest.mark.parametrize(
    ("rate", "number", "low", "high"),
    [(0.0, 10, 0.0, 0.3085), (0.8, 10, 0.4439, 0.9748), (1.0, 20, 0.8316, 1.0), (0.95, 200, 0.9100, 0.9758)],
)
def test_the_interval_is_clopper_and_pearsons(rate: float, number: float, low: float, high: float) -> None:
    assert exact_interval(rate, number) == pytest.approx((low, high), abs=5e-5)


@given(counts=st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=20))
def test_points_are_never_worth_more_than_they_are(counts: list[tuple[int, float]]) -> None:
    points = np.array([of for of, _ in counts])
    successes = np.array([round(of * share) for of, share in counts])
    number = effective_number(successes, points)
    assert 0 < number <= points.sum()
    rate = successes.sum() / points.sum()
    low, high = exact_interval(rate, number)
    assert 0 <= low <= rate <= high <= 1


def test_the_interval_holds_the_truth_although_neighbours_are_alike() -> None:
    generator = np.random.default_rng(11)
    rates = generator.beta(0.9 * 4, 0.1 * 4, size=(600, 25))  # places differ: correlation .2 within one
    successes = generator.binomial(12, rates)
    held = naive = 0
    for places in successes:
        rate = places.sum() / (25 * 12)
        low, high = exact_interval(rate, effective_number(places, np.full(25, 12)))
        naive_low, naive_high = exact_interval(rate, 25 * 12)
        held += low <= 0.9 <= high
        naive += naive_low <= 0.9 <= naive_high
    assert held / 600 >= 0.93
    assert naive / 600 < 0.85


def test_words_state_rate_interval_and_promise() -> None:
    (figure,) = figures(survey([3] * 8))
    assert breach_sentence(figure, "fr") == (
        "Dans cette zone de 85 km², là où Orange déclare la 4G : 56 réussites sur 80 points testés dehors par une "
        "équipe de terrain, en 1 jour, le 1er juin 2026. Soit 70 %, intervalle à 95 % de 56,4 à 81,5 % (ces points en "
        "valent 57 indépendants). L’Arcep demande 95 % sur toute zone de plus de 50 km² (décision 2020-0376). "
        "Les points n’ont pas été tirés au sort : le taux vaut pour les lieux visités. L’intervalle est tout entier en "
        "dessous : de quoi interroger l’opérateur, puis, si sa réponse ne l’explique pas, en informer l’Arcep, qui "
        "seule peut le constater, selon son protocole."
    )
    assert "70%, with a 95% interval from 56.4 to 81.5%" in breach_sentence(figure, "en")


@pytest.mark.parametrize("conclusion", ["below", "imprecise", "reached", "undecided"])
def test_nothing_is_called_established(conclusion: Any) -> None:
    (figure,) = figures(survey([3] * 8))
    told = BreachFigure(**{**{name: getattr(figure, name) for name in figure.__slots__}, "conclusion": conclusion})
    text = breach_sentence(told, "fr") + breach_sentence(told, "en")
    assert not re.search(r"démontr|prouv|manquement|infraction|breach|prove|violat", text, re.IGNORECASE)


def aggregated(folder: Path, rows: list[dict[str, Any]]) -> Path:
    """A data directory with these rows as its ledger; its outline beside them."""
    for name, table, schema in (
        ("evidence/ledger", pd.DataFrame(rows), LEDGER),
        ("evidence/capability", capability(rows), CAPABILITY),
        ("claims/claims", EVERYWHERE.reindex(columns=CLAIMS.names), CLAIMS),
    ):
        file = folder / f"{name}.parquet"
        file.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pandas(table, schema=schema, preserve_index=False), file)
    outline = folder / "area.geojson"
    outline.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": AREA.__geo_interface__}))
    return outline


def test_the_command_tells_each_operators_figure(tmp_path: Path) -> None:
    outline = aggregated(tmp_path, survey([3] * 8))
    centres = tmp_path / "centres.csv"
    centres.write_text(
        "insee_com,name,population,latitude,longitude\n58001,A,10,47.0,3.47\n58002,B,9,47.0,3.53\n71001,C,1,46.5,4.0\n"
    )
    import_communes(centres, tmp_path / "territory")
    run = CliRunner()
    asked = ["breach", "--data", str(tmp_path), "--json"]
    told = json.loads(run.invoke(commands, [*asked, "--outline", str(outline)]).stdout)
    (figure,) = told["figures"]
    assert (figure["operator"], figure["points"], figure["conclusion"]) == ("20801", 80, "below")
    assert told["area_km2"] == pytest.approx(84.6, abs=0.3)
    by_commune = json.loads(run.invoke(commands, [*asked, "--commune", "58001", "--commune", "58002"]).stdout)
    by_departement = json.loads(run.invoke(commands, [*asked, "--departement", "58"]).stdout)
    assert by_departement == by_commune
    assert by_departement["area_km2"] < 1_000
    plain = run.invoke(commands, ["breach", "--data", str(tmp_path), "--outline", str(outline)])
    assert plain.stdout.strip() == figure["sentence_en"]
    for wrong, message in (
        ([], "expected one of --departement, --commune and --outline"),
        (["--departement", "21"], "--departement 21: no commune imported"),
        (["--commune", "58003"], "--commune 58003: not imported"),
    ):
        assert message in str(run.invoke(commands, [*asked, *wrong]).exception)


def test_failures_in_a_declared_outage_are_no_points(tmp_path: Path) -> None:
    outline = aggregated(tmp_path, survey([3] * 8))
    asked = ["breach", "--data", str(tmp_path), "--outline", str(outline), "--json"]
    (before,) = json.loads(CliRunner().invoke(commands, asked).stdout)["figures"]
    assert (before["points"], before["successes"], before["conclusion"]) == (80, 56, "below")
    site = {"type": "Point", "coordinates": AREA.centroid.coords[0]}
    for number, operator in enumerate(("Free Mobile", "Orange")):  # what Free declares excuses nothing of Orange's
        properties = {"operateur": operator, "data": "HS", "voix": "HS"}
        declared = {"type": "Feature", "properties": properties, "geometry": site}
        file = tmp_path / f"raw{DAY}-{number}.geojson"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": [declared]}))
        import_outages(file, tmp_path / "territory", day=DAY)
        (told,) = json.loads(CliRunner().invoke(commands, asked).stdout)["figures"]
        if operator == "Free Mobile":
            assert told == before
    cells = [h3.cell_to_latlng(cell) for place in PLACES[:8] for cell in place[:3]]
    near = sum(h3.great_circle_distance(cell, AREA.centroid.coords[0][::-1]) <= REACH_KM for cell in cells)
    assert near > 0
    assert (told["points"], told["successes"]) == (80 - near, 56)
