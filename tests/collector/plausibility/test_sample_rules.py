"""The rules that look at one sample, as a table: where each fires, where it just does not."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import shapely
from judging_desk import NEVERS

from client_sdk.messages import use_language
from client_sdk.sample import Sample
from collector.errors import SettingsError
from collector.plausibility.countries import COUNTRIES_OF_MCC, country_at
from collector.plausibility.grounds import Grounds, Territory, read_grounds, read_territory
from collector.plausibility.rule import Known
from collector.plausibility.rules import LIMITS, ONE_BY_ONE, RULES, in_order, is_excluded, judge
from collector.settings import Settings
from collector.storage.witnessed import Direction, Witness

RECEIVED_AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def witness(direction: Direction, asn: int | None = None) -> Witness:
    return Witness(
        device="x",
        test_id="seen",
        direction=direction,
        started_at=RECEIVED_AT,
        bytes=1_000_000,
        duration_ms=2_000.0,
        asn=asn,
    )


KNOWN = Known(
    RECEIVED_AT,
    {
        ("seen", "download"): witness("download"),
        ("half", "upload"): witness("upload"),
        ("orange", "upload"): witness("upload", 3215),
        ("elsewhere", "upload"): witness("upload", 12322),
    },
    key_created_at=datetime(2026, 11, 19, 8, 10, tzinfo=UTC),
    revoked_from=datetime(2026, 11, 20, 8, 10, 0, 1000, tzinfo=UTC),
    grounds=Grounds(Territory(shapely.box(3, 46, 4, 48).union(shapely.box(-1, -1, 1, 1)))),
)
TEST = {"kind": "throughput", "outcome": "ok"}
AT_NEVERS = {"latitude": NEVERS[0], "longitude": NEVERS[1]}

# rule → (fields with which it fires, fields with which it just does not, whether it excludes)
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], bool]] = {
    "clock-ahead": (
        {"measured_at": "2026-11-20T08:10:00.001Z"},
        {"measured_at": "2026-11-20T08:10:00.000Z"},
        True,
    ),
    "clock-before-key": (
        {"measured_at": "2026-11-19T07:59:59.999Z"},
        {"measured_at": "2026-11-19T08:00:00.000Z"},
        True,
    ),
    "key-revoked": (
        {"measured_at": "2026-11-20T08:10:00.001Z"},
        {"measured_at": "2026-11-20T08:10:00.000Z"},
        True,
    ),
    "position-null-island": (
        {"latitude": 0.0, "longitude": -0.0},
        {"latitude": 0.0, "longitude": 0.000001},
        True,
    ),
    "position-inaccurate": ({"accuracy_m": 50.1}, {"accuracy_m": 50.0}, True),
    "position-stale": ({"position_age_ms": 60_001}, {"position_age_ms": 60_000}, True),
    "position-mock": ({"position_mock": True}, {"position_mock": False}, True),
    "position-outside": (
        {"latitude": 47.0, "longitude": 2.999999},
        {"latitude": 47.0, "longitude": 3.0},
        False,
    ),
    "speed-implausible": ({"speed_mps": 150.1}, {"speed_mps": 150.0}, True),
    "radio-foreign": (AT_NEVERS | {"serving_plmn": "26201"}, AT_NEVERS | {"serving_plmn": "20801"}, False),
    "radio-range": ({"lte_rsrp_dbm": -140.1}, {"lte_rsrp_dbm": -140.0}, False),
    "radio-no-anchor": (
        {"nr_mode": "nsa", "nr_ss_rsrp_dbm": -90.0},
        {"nr_mode": "nsa", "nr_ss_rsrp_dbm": -90.0, "lte_eci": 1},
        False,
    ),
    "unwitnessed": (
        TEST | {"test_id": "other", "download_bps": 5e6},
        TEST | {"test_id": "seen", "download_bps": 5e6},
        False,
    ),
    "transfer-differs": (
        TEST | {"test_id": "seen", "download_bps": 5e6, "download_bytes": 1_115_537},
        TEST | {"test_id": "seen", "download_bps": 5e6, "download_bytes": 1_115_536},
        False,
    ),
    "rtt-floor": (
        {"kind": "latency", "outcome": "ok", "rat": "lte", "rtt_min_ms": 7.9},
        {"kind": "latency", "outcome": "ok", "rat": "lte", "rtt_min_ms": 8.0},
        False,
    ),
    "network-other": (
        TEST | {"test_id": "elsewhere", "sim_plmn": "20801"},
        TEST | {"test_id": "orange", "sim_plmn": "20802"},
        False,
    ),
}


def test_every_rule_has_its_case() -> None:
    assert {rule.id for rule in ONE_BY_ONE} == set(CASES)


@pytest.mark.parametrize("rule", CASES)
def test_a_rule_fires_on_one_side_of_its_threshold(make_sample: Callable[..., Sample], rule: str) -> None:
    fires, passes, excludes = CASES[rule]
    flags = judge(make_sample(**fires), KNOWN)
    together = {"clock-ahead", "key-revoked"}
    assert flags == (together if rule in together else {rule})
    assert is_excluded(flags) is excludes
    assert judge(make_sample(**passes), KNOWN) == set()


def test_a_sample_without_any_of_this_is_plausible(make_sample: Callable[..., Sample]) -> None:
    assert judge(make_sample(), Known(RECEIVED_AT)) == set()
    assert not is_excluded(())


def test_flags_stand_in_the_order_of_the_rules(make_sample: Callable[..., Sample]) -> None:
    sample = make_sample(speed_mps=200.0, position_mock=True, measured_at="2027-01-01T00:00:00.000Z")
    flags = judge(sample, Known(RECEIVED_AT))
    assert in_order({"gone", *flags}) == ("clock-ahead", "position-mock", "speed-implausible", "gone")
    assert not is_excluded(["gone"])


def test_ids_are_single_words_and_reasons_are_given_in_both_languages() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert set(LIMITS) < set(RULES)
    for rule in RULES:
        assert rule.id == rule.id.strip().replace(" ", "")
        assert rule.version >= 1
        assert rule.reason_en
        assert rule.reason_fr != rule.reason_en
        assert rule.source


@pytest.mark.parametrize(
    ("fields", "flags"),
    [
        (TEST | {"download_bps": 1.0}, {"unwitnessed"}),
        (TEST | {"test_id": "half", "download_bps": 4e6, "upload_bps": 4e6}, {"unwitnessed"}),
        (TEST | {"test_id": "half", "upload_bps": 4e6}, set()),
        (TEST | {"outcome": "no_data"}, set()),
        (TEST | {"download_bps": 1.0, "import_format": "gnettrack"}, set()),
        ({"kind": "signal", "observed_download_bps": 1.0}, set()),
        # the mean of what was seen is 4 Mbit/s
        (TEST | {"test_id": "seen", "download_bps": 16e6}, set()),
        (TEST | {"test_id": "seen", "download_bps": 16.1e6}, {"transfer-differs"}),
        (TEST | {"test_id": "seen", "download_bps": 1e6}, set()),
        (TEST | {"test_id": "seen", "download_bps": 0.9e6}, {"transfer-differs"}),
    ],
)
def test_a_rate_of_our_own_needs_a_witness_of_its_direction_that_saw_as_much(
    make_sample: Callable[..., Sample], fields: dict[str, Any], flags: set[str]
) -> None:
    assert judge(make_sample(**fields), KNOWN) == flags


@pytest.mark.parametrize(("moved", "flagged"), [(5_134_464, False), (5_134_463, True)])
def test_what_was_on_its_way_when_the_device_stopped_is_no_difference(
    make_sample: Callable[..., Sample], moved: int, flagged: bool
) -> None:
    long = Witness(
        device="x",
        test_id="t",
        direction="upload",
        started_at=RECEIVED_AT,
        bytes=8_000_000,
        duration_ms=10_000.0,
    )
    sample = make_sample(**TEST, test_id="t", upload_bps=6.4e6, upload_bytes=moved)
    assert ("transfer-differs" in judge(sample, Known(RECEIVED_AT, {("t", "upload"): long}))) is flagged


@pytest.mark.parametrize(
    ("fields", "flagged"),
    [
        ({"test_id": "elsewhere", "sim_plmn": "20815"}, False),
        ({"test_id": "elsewhere", "sim_plmn": "26201"}, False),  # an operator of which nothing is expected
        ({"test_id": "elsewhere"}, False),
        ({"test_id": "half", "sim_plmn": "20801"}, False),  # no network was seen
        ({"test_id": "elsewhere", "sim_plmn": "20820", "kind": "latency"}, True),
    ],
)
def test_a_network_is_judged_where_both_are_known(
    make_sample: Callable[..., Sample], fields: dict[str, Any], flagged: bool
) -> None:
    assert ("network-other" in judge(make_sample(**TEST | fields), KNOWN)) is flagged


@pytest.mark.parametrize(
    ("fields", "flagged"),
    [
        ({"rtt_median_ms": 7.0}, True),
        ({"rtt_median_ms": 7.0, "rtt_min_ms": 9.0}, False),
        ({"rtt_min_ms": 3.0, "rat": "nr"}, False),
        ({"rtt_min_ms": 1.9, "rat": "nr"}, True),
        ({"rtt_min_ms": 0.1, "rat": None}, False),
    ],
)
def test_a_round_trip_is_judged_by_its_technology(
    make_sample: Callable[..., Sample], fields: dict[str, Any], flagged: bool
) -> None:
    sample = make_sample(**{"kind": "latency", "outcome": "ok", "rat": "lte"} | fields)
    assert ("rtt-floor" in judge(sample, KNOWN)) is flagged


@pytest.mark.parametrize(
    ("latitude", "longitude", "plmn", "foreign"),
    [
        (48.57, 7.75, "26201", False),  # Strasbourg hears Germany
        (49.12, 6.18, "27001", False),  # Metz hears Luxembourg, 42 km away
        (48.11, -1.68, "26201", True),  # Rennes does not
        (46.2, 6.14, "20801", False),  # Geneva hears France
        (48.69, 6.18, "27001", True),  # Nancy, 88 km away, does not
        (47.37, 8.54, "20810", True),  # Zurich, 65 km from Alsace
        (42.51, 1.52, "21403", False),  # Andorra hears Spain
        (45.92, 6.87, "22201", False),  # Chamonix hears Italy
        (48.85, 2.35, "22201", True),
        (-21.1, 55.5, "64710", False),  # Réunion
        (-21.1, 55.5, "20801", True),
        (45.0, -6.0, "26201", False),  # at sea
        (48.85, 2.35, "90137", False),  # a code that is not in the table
    ],
)
def test_a_network_across_the_border_may_be_heard(
    make_sample: Callable[..., Sample], latitude: float, longitude: float, plmn: str, foreign: bool
) -> None:
    sample = make_sample(latitude=latitude, longitude=longitude, serving_plmn=plmn)
    assert ("radio-foreign" in judge(sample, Known(RECEIVED_AT))) is foreign


def test_countries_are_those_that_positions_have() -> None:
    seats = {"FR": (48.85, 2.35), "DE": (52.5, 13.4), "GB": (51.5, -0.1), "CH": (46.95, 7.44), "MQ": (14.6, -61.0)}
    assert {name: country_at(*seat) for name, seat in seats.items()} == {name: name for name in seats}
    assert set(seats) <= set().union(*COUNTRIES_OF_MCC.values())


OUTLINE = '{"type": "Polygon", "coordinates": [[[3, 46], [4, 46], [4, 48], [3, 48], [3, 46]]]}'


@pytest.mark.parametrize(
    "text",
    [
        OUTLINE,
        f'{{"type": "Feature", "properties": {{}}, "geometry": {OUTLINE}}}',
        f'{{"type": "GeometryCollection", "geometries": [{OUTLINE}]}}',
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": '
        + OUTLINE
        + "}]}",
    ],
)
def test_a_territory_is_read_from_any_geojson_of_polygons(tmp_path: Path, text: str) -> None:
    file = tmp_path / "territory.geojson"
    file.write_text(text)
    grounds = read_grounds(Settings(data=tmp_path, territory=file))
    assert grounds.territory is not None
    assert grounds.territory.covers(*NEVERS)
    assert not grounds.territory.covers(48.85, 2.35)
    assert read_grounds(Settings(data=tmp_path)).territory is None


@pytest.mark.parametrize("text", ["no JSON", '{"type": "Point", "coordinates": [3, 46]}', "{}"])
def test_a_territory_that_cannot_be_read_is_told(tmp_path: Path, text: str) -> None:
    use_language("en")
    file = tmp_path / "territory.geojson"
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"^MAILLE_TERRITORY: .*territory\.geojson"):
        read_territory(file)
