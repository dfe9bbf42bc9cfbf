import json
import os
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import h3
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from aggregator.cli import commands
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.outages import OUTAGES, excused, import_outages, read_outages

SITE = (47.0, 3.5)


def feature(operator: str = "Orange", place: Any = (3.5, 47.0), **properties: Any) -> dict[str, Any]:
    geometry = {"type": "Point", "coordinates": list(place)} if place else None
    return {"type": "Feature", "properties": {"operateur": operator, **properties}, "geometry": geometry}


def arcep(folder: Path, *features: dict[str, Any], name: str = "raw2026-06-20.geojson") -> Path:
    file = folder / name
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return file


def declared(folder: Path) -> list[list[Any]]:
    outages = read_outages(folder)
    assert outages is not None
    rows = outages.drop(columns=["source", "sha256"]).fillna({"technology": "all"})
    return rows.to_numpy(dtype=object).tolist()


def test_arceps_day_says_which_technologies_of_which_operator(tmp_path: Path) -> None:
    assert read_outages(tmp_path) is None
    summary = import_outages(
        arcep(
            tmp_path,
            feature(data4g="HS", data5g="HS", data3g="OK", voix="OK", data="HS", debut="2026-06-18 07:12:00"),
            feature("Bouygues Telecom", (3.6, 47.1), voix="HS", data="HS", voix2g=None, fin="2026-06-22"),
            feature("Free Mobile", (3.7, 47.1), voix="OK", data="OK"),
            feature("SFR", None, voix="HS", data="HS"),
        ),
        tmp_path,
    )
    assert declared(tmp_path) == [
        ["20801", "4G", 47.0, 3.5, date(2026, 6, 18), date(2026, 6, 20)],
        ["20801", "5G", 47.0, 3.5, date(2026, 6, 18), date(2026, 6, 20)],
        ["20820", "all", 47.1, 3.6, date(2026, 6, 20), date(2026, 6, 22)],
    ]
    assert (summary.outages, summary.sites, summary.left_out) == (3, 2, 2)
    assert (summary.operators, summary.first_day, summary.last_day) == (("20801", "20820"), "2026-06-18", "2026-06-22")


def test_a_planned_end_is_believed_for_a_week(tmp_path: Path) -> None:
    import_outages(arcep(tmp_path, feature(data="HS", debut="2026-06-25", fin="2027-01-01")), tmp_path)
    assert declared(tmp_path) == [["20801", "all", 47.0, 3.5, date(2026, 6, 20), date(2026, 6, 27)]]


ORANGE = (
    "Liste des antennes\n\n"
    "Département;Commune;Latitude;Longitude;Service Voix / SMS 2G;Service de données 3G;Service de données 4G;"
    "Antenne-relais gérée par Orange;"
    "Date et heure début panne ou maintenance antenne-relais pour le Service de données;"
    "Date de rétablissement prévue pour le Service de données\n"
    "58;NEVERS;47,0;3,5;OK;OK;HS;OUI;18/06/2026 07:12:00;21/06/2026\n"
)
SFR = (
    "SFR\n\n\nDepartement;code_insee_commune;Commune;X_WGS84_GPS;Y_WGS84_GPS;Voix/SMS;internet mobile\n"
    "58;58194;NEVERS;47.0;3.5;HS;OK\n\nLes informations ci-dessus sont mises à jour chaque jour.\n"
)
FREE = "Dpt,cp,localite,latitude,longitude,Voix,Data\n58,58000,NEVERS,47.0,3.5,HS,HS\n"
UNIFORM = (
    "code_site_op;departement;commune;lat;long;2gvoix;3gvoix;4gvoix;3gdata;4gdata;5gdata;voix;data;raison;debut;fin\n"
    "1;58;NEVERS;47.0;3.5;OK;OK;OK;OK;OK;HS;OK;HS;MAINT;2026-06-19 08:00:00;2026-06-20 18:00:00\n"
)
BOUYGUES = 'CODE POSTAL;COMMUNE;X (L93);Y (L93);voix;data\n58000;NEVERS;"737947";"6655443";HS;HS\n'


@pytest.mark.parametrize(
    ("name", "content", "encoding", "expected"),
    [
        ("hors_service.csv", ORANGE, "windows-1252", ["20801", "4G", date(2026, 6, 18), date(2026, 6, 21)]),
        ("siteshorsservices.csv", SFR, "utf-8", ["20810", "all", date(2026, 6, 20), date(2026, 6, 20)]),
        ("free.csv", FREE, "utf-8", ["20815", "all", date(2026, 6, 20), date(2026, 6, 20)]),
        ("sfr_2026-06-20.csv", UNIFORM, "utf-8", ["20810", "5G", date(2026, 6, 19), date(2026, 6, 20)]),
        ("bouygues.csv", BOUYGUES, "utf-8", ["20820", "all", date(2026, 6, 20), date(2026, 6, 20)]),
    ],
)
def test_the_operators_own_tables(tmp_path: Path, name: str, content: str, encoding: str, expected: list[Any]) -> None:
    (tmp_path / name).write_bytes(content.encode(encoding))
    import_outages(tmp_path / name, tmp_path, day=date(2026, 6, 20))
    ((operator, technology, latitude, longitude, first, last),) = declared(tmp_path)
    assert [operator, technology, first, last] == expected
    assert (latitude, longitude) == pytest.approx(SITE, abs=0.01)


def test_days_accumulate_and_a_file_replaces_itself(tmp_path: Path) -> None:
    for day in ("2026-06-20", "2026-06-21"):
        for _ in range(2):
            import_outages(arcep(tmp_path, feature(data="HS"), name=f"raw{day}.geojson"), tmp_path)
    import_outages(arcep(tmp_path, feature(data="HS", debut="2026-06-21"), name="raw2026-06-22.geojson"), tmp_path)
    outages = read_outages(tmp_path)
    assert outages is not None
    assert outages["source"].tolist() == [f"raw2026-06-{day}.geojson" for day in (20, 21, 22)]
    assert outages["sha256"].str.len().eq(64).all()
    assert list(outages.columns) == OUTAGES.names


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.geojson", "{}", "not a GeoJSON of points"),
        ("a2026-06-20.geojson", '{"features": [1]}', "not a GeoJSON of points"),
        ("free.csv", "a,b\n1,2\n", "no header with latitude and longitude"),
        ("free.csv", FREE, "of which day"),
        ("2026-06-20.csv", FREE, "whose outages"),
        ("free_2026-13-40.csv", FREE, "of which day"),
        ("free_2026-06-20.csv", FREE.replace("HS", "OK"), "no row declares an outage"),
        ("free_2026-06-20.csv", "latitude,longitude\n1,2\n", "no column voix or data"),
        ("raw2026-06-20.geojson", json.dumps({"features": [feature("Zeop", data="HS")]}), "operateur is 'Zeop'"),
        ("x.csv", "date,operateur,latitude,longitude,data\nyesterday,SFR,47,3,HS\n", "date is 'yesterday'"),
    ],
)
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(EvidenceError, match=message):
        import_outages(tmp_path / name, tmp_path)
    assert read_outages(tmp_path) is None


def test_a_workbook_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "antennes.xls").write_bytes(b"\xd0\xcf\x11\xe0rest")
    with pytest.raises(EvidenceError, match="save it as CSV"):
        import_outages(tmp_path / "antennes.xls", tmp_path)


def test_the_command_adds_days_and_says_what_it_found(tmp_path: Path) -> None:
    for day in ("2026-06-20", "2026-06-21"):
        file = arcep(tmp_path, feature(data4g="HS"), name=f"raw{day}.geojson")
        asked = ["territory", "import", "outages", str(file), "--data", str(tmp_path)]
        told = json.loads(CliRunner().invoke(commands, [*asked, "--json"]).stdout)
        assert (told["kind"], told["outages"], told["operators"], told["last_day"]) == ("outages", 1, ["20801"], day)
    assert len(declared(tmp_path / "territory")) == 2
    assert CliRunner().invoke(commands, asked).stdout.startswith("declared outages: 1, sites: 1, from 2026-06-21 to")


def outage(first: date, last: date, place: tuple[float, float] = SITE, **change: Any) -> dict[str, Any]:
    row = {"operator": "20801", "technology": None, "latitude": place[0], "longitude": place[1]}
    return {**row, "first_day": first, "last_day": last, "source": "a", "sha256": "b", **change}


def cells(rings: int, resolution: int = 8) -> np.ndarray:
    centre = h3.latlng_to_cell(*SITE, resolution)
    return np.array([h3.str_to_int(cell) for cell in h3.grid_disk(centre, rings)])


def test_cells_within_reach_are_excused_on_the_days_declared() -> None:
    outages = pd.DataFrame([outage(date(2026, 6, 20), date(2026, 6, 21))])
    told = excused(outages, cells(12), reach_km=5.0)
    distances = [
        h3.great_circle_distance(SITE, h3.cell_to_latlng(h3.int_to_str(int(cell))), "km") for cell in cells(12)
    ]
    assert sorted(told["h3_r8"]) == sorted(cells(12)[np.array(distances) <= 5.0])
    assert 90 < len(told) < 130
    assert set(told["operator"]) == {"20801"}
    assert told["technology"].isna().all()
    assert set(told["first_day"]) == {pd.Timestamp("2026-06-20")}
    assert set(told["last_day"]) == {pd.Timestamp("2026-06-21")}
    finer = excused(outages, cells(1, resolution=9))
    assert (len(finer), finer.columns[0]) == (7, "h3_r9")
    assert excused(outages, np.array([h3.str_to_int(h3.latlng_to_cell(-20.0, 100.0, 8))])).empty
    assert excused(outages, np.empty(0, dtype=np.int64)).empty
    assert excused(outages.iloc[:0], cells(1)).empty


def test_a_lost_snapshot_does_not_end_an_outage() -> None:
    def spans(*days: int) -> list[tuple[int, int]]:
        rows = [outage(date(2026, 6, day), date(2026, 6, day)) for day in days]
        told = excused(pd.DataFrame(rows), cells(0), joined_days=3)
        return list(zip(told["first_day"].dt.day, told["last_day"].dt.day, strict=True))

    assert spans(1, 2, 5) == [(1, 5)]
    assert spans(1, 5) == [(1, 5)]  # three days between
    assert spans(1, 6) == [(1, 1), (6, 6)]


def test_technologies_and_operators_stay_apart() -> None:
    days = (date(2026, 6, 1), date(2026, 6, 2))
    rows = [outage(*days, technology="4G"), outage(*days), outage(*days, operator="20810", technology="4G")]
    told = excused(pd.DataFrame(rows), cells(0))
    named = told[["operator", "technology"]].fillna("all").to_numpy(dtype=object).tolist()
    assert named == [["20801", "all"], ["20801", "4G"], ["20810", "4G"]]


periods = st.tuples(st.integers(0, 40), st.integers(0, 10), st.sampled_from((47.0, 47.02, 47.04)))


@settings(max_examples=40, deadline=None)
@given(drawn=st.lists(periods, min_size=1, max_size=12))
def test_a_day_is_excused_where_and_only_where_an_outage_reaches(drawn: list[tuple[int, int, float]]) -> None:
    start = date(2026, 1, 1)
    rows = [
        outage(start + timedelta(days=first), start + timedelta(days=first + length), (latitude, 3.5))
        for first, length, latitude in drawn
    ]
    told = excused(pd.DataFrame(rows), cells(4), reach_km=2.0, joined_days=0)
    expected = {
        (int(cell), first + step)
        for cell in cells(4)
        for first, length, latitude in drawn
        if h3.great_circle_distance((latitude, 3.5), h3.cell_to_latlng(h3.int_to_str(int(cell))), "km") <= 2.0
        for step in range(length + 1)
    }
    days = [
        (row.h3_r8, (day.date() - start).days)
        for row in told.itertuples()
        for day in pd.date_range(row.first_day, row.last_day)
    ]
    assert len(days) == len(set(days))  # periods of a cell do not overlap
    assert set(days) == expected


@pytest.mark.field_data
def test_two_years_of_snapshots_are_read_whole(tmp_path: Path) -> None:
    summary = import_outages(Path(os.environ["MAILLE_FIELD_DATA"]) / "outages/free_hs_bfc.csv", tmp_path)
    assert (summary.operators, summary.left_out) == (("20815",), 0)
    assert (summary.first_day, summary.last_day) == ("2019-03-06", "2020-12-10")
    assert 200 < summary.sites < 210
    outages = read_outages(tmp_path)
    assert outages is not None
    here = excused(outages, np.array([h3.str_to_int(h3.latlng_to_cell(46.98615, 3.16107, 8))]))
    assert here["first_day"].iloc[0] == pd.Timestamp("2019-03-06")
