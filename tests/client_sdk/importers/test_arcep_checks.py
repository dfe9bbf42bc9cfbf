from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer

from client_sdk.errors import MailleError
from client_sdk.importers.arcep_checks import ChecksOptions, is_checks, read
from client_sdk.importers.formats import format_of
from client_sdk.importers.lambert93 import to_degrees
from client_sdk.importers.log import Log, LogError
from client_sdk.importers.reading import LeftOut
from client_sdk.sample import Sample, encode

HEADER = (
    "Date de la mesure;Heure de la mesure;Coordonnée X du début de la mesure;Coordonnée Y du début de la mesure;"
    "Coordonnée X de fin de la mesure;Coordonnée Y de fin de la mesure;Identifiant du mobile (IMSI, IMEI…);"
    "Code PLMN sur lequel la mesure a été effectuée;Zone déclarée couverte par l'opérateur (1 ou 0);"
    "Réussite de la mesure (1 ou 0);Conformité de la technologie mesurée à celle de la carte (1 ou 0)"
)
NAMES = ["day", "hour", "x", "y", "x_end", "y_end", "identity", "plmn", "declared", "success", "conforming"]
ROW = {
    "day": "17/06/2026",
    "hour": "14:05:06",
    "x": "737947,0",
    "y": "6655443,0",
    "x_end": "737950",
    "y_end": "6655450",
    "identity": "208015551234567",
    "plmn": "208 01",
    "declared": "1",
    "success": "1",
    "conforming": "1",
}
OPTIONS = ChecksOptions("4G", "outdoor", "spring")


def log(*rows: dict[str, str], header: str = HEADER) -> Log:
    lines = [";".join((ROW | row)[name] for name in NAMES) for row in rows]
    return Log("checks.csv", "\n".join([header, *lines, ""]).encode())


def only(options: ChecksOptions = OPTIONS, **cells: str) -> Sample | LeftOut:
    (found,) = read(log(cells), options)
    return found


def test_a_test_that_passed_and_one_that_did_not() -> None:
    passed, failed = read(log({}, {"success": "0", "conforming": "0", "plmn": "20820", "hour": "14:06"}), OPTIONS)
    assert isinstance(passed, Sample)
    assert isinstance(failed, Sample)
    assert (passed.kind, passed.outcome, passed.rat, passed.sim_plmn, passed.context) == (
        *("latency", "ok", "lte", "20801", "outdoor"),
    )
    assert (failed.outcome, failed.rat, failed.sim_plmn) == ("no_data", "lte", "20820")
    assert (passed.measured_at, failed.measured_at) == ("2026-06-17T12:05:06.000Z", "2026-06-17T12:06:00.000Z")
    assert (passed.latitude, passed.longitude) == pytest.approx((47.0, 3.5), abs=0.01)
    assert (passed.import_format, passed.campaign, passed.service_state) == ("arcep-checks", "spring", "unknown")
    assert passed.download_bps is None
    assert passed.rtt_median_ms is None


def test_the_phones_identity_is_nowhere() -> None:
    found = only()
    assert isinstance(found, Sample)
    assert ROW["identity"] not in encode(found).decode()


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"success": ""}, "test without a result"),
        ({"success": "2"}, "test without a result"),
        ({"day": "31/02/2026"}, "date unreadable"),
        ({"day": "17/06/1980"}, "date unreadable"),
        ({"x": ""}, "no position"),
        ({"x": "3000000"}, "no position"),
        ({"plmn": "Orange"}, "operator unknown"),
        ({"conforming": "0"}, "on another technology than the map's"),
    ],
)
def test_what_says_nothing_is_left_out(cells: dict[str, str], reason: str) -> None:
    found = only(**cells)
    assert isinstance(found, LeftOut)
    assert (found.row, found.reason) == (2, reason)


def test_degrees_and_other_dates_are_read_too() -> None:
    found = only(x="3,5", y="47.25", day="2026-12-17", hour="08:00")
    assert isinstance(found, Sample)
    assert (found.latitude, found.longitude, found.measured_at) == (47.25, 3.5, "2026-12-17T07:00:00.000Z")


def test_the_technology_must_be_said() -> None:
    with pytest.raises(MailleError, match="say which with --technology"):
        list(read(log({}), ChecksOptions()))
    for technology, rat in (("2G", "gsm"), ("3G", "umts"), ("5G", "nr")):
        found = only(ChecksOptions(technology))
        assert isinstance(found, Sample)
        assert (found.rat, found.context) == (rat, "unknown")


def test_columns_are_known_by_their_words_in_any_order(tmp_path: Path) -> None:
    header = "plmn;reussite;heure;date;latitude_debut;longitude_debut;zone_declaree_couverte"
    assert is_checks(header.split(";"))
    assert not is_checks(header.replace("plmn", "network").split(";"))
    text = f"{header}\n20815;0;14:00;17/06/2026;47.1;3.6;1\nshort\n"
    found, short = read(Log("a.csv", text.encode()), OPTIONS)
    assert isinstance(found, Sample)
    assert (found.latitude, found.longitude, found.sim_plmn, found.outcome) == (47.1, 3.6, "20815", "no_data")
    assert isinstance(short, LeftOut)
    assert format_of(Log("a.csv", text.encode())) == "arcep-checks"
    assert format_of(log({})) == "arcep-checks"
    with pytest.raises(LogError, match="no column for plmn"):
        list(read(Log("a.csv", text.replace("plmn", "network").encode()), OPTIONS))


def test_the_same_file_gives_the_same_samples() -> None:
    def ids() -> list[Any]:
        return [found.id for found in read(log({}, {"hour": "15:00:00"}), OPTIONS) if isinstance(found, Sample)]

    assert ids() == ids()
    assert len(set(ids())) == 2


_PROJ = Transformer.from_crs(2154, 4326, always_xy=True)


@given(x=st.floats(100_000, 1_250_000), y=st.floats(6_040_000, 7_120_000))
def test_lambert_93_is_that_of_proj(x: float, y: float) -> None:
    longitude, latitude = _PROJ.transform(x, y)
    assert to_degrees(x, y) == pytest.approx((latitude, longitude), abs=1e-8)
