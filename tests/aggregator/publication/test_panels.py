"""What a click reads: the release's rows, what follows from them, and histograms in which no volunteer is."""

import json
from pathlib import Path

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import pytest

from aggregator.evidence.ledger import HISTOGRAMS
from aggregator.publication.panels import (
    COLUMNS,
    PANEL_RESOLUTION,
    crowd_signal,
    explained,
    survey_histograms,
    write_panels,
)
from aggregator.publication.release import publish
from aggregator.publication.rsrp_levels import COLUMNS as COLUMNS_OF_SIGNAL

RATE_BIN_5_MBPS, RATE_BIN_50_MBPS = 778, 895
"""ln(5e6) / ln 1.02 = 778.9, ln(50e6) / ln 1.02 = 895.2."""


@pytest.fixture(scope="module")
def hexagons(data: Path) -> gpd.GeoDataFrame:
    return gpd.read_parquet(publish(data) / "hexagons.parquet")


def histograms(cell: int, file: Path, volunteers: int = 50) -> Path:
    """Nine readings of a field team, and some of volunteers, in the middle of a hexagon."""
    child = h3.str_to_int(h3.cell_to_center_child(f"{cell:x}", 9))
    rows = [
        *(("field_team", "outdoor", "lte_rsrp_dbm", bin_, n) for bin_, n in [(-125, 1), (-120, 2), (-80, 5), (-44, 1)]),
        ("field_team", "indoor", "lte_rsrp_dbm", -130, 40),
        *(("field_team", "vehicle", "download_bps", b, n) for b, n in [(RATE_BIN_5_MBPS, 1), (RATE_BIN_50_MBPS, 2)]),
        ("volunteer", "outdoor", "lte_rsrp_dbm", -100, volunteers),
    ]
    table = pd.DataFrame(rows, columns=["tier", "context", "measure", "bin", "samples"])
    table = table.assign(h3_r9=child, operator="20801", technology="4G")[HISTOGRAMS.names]
    table[table["samples"] > 0].to_parquet(file, index=False)
    return file


def test_a_field_teams_readings_are_counted_by_class(
    hexagons: gpd.GeoDataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    found = survey_histograms(histograms(hexagon["hole"], tmp_path / "h.parquet"), hexagons)
    rates, signal = found[f"{hexagon['hole']:x}"]
    subject = {"operator": "20801", "technology": "4G"}
    # 1, 2 and 6 of 9: 11, 22 and 67 %
    assert signal == {**subject, "measure": "rsrp", "samples": 9, "percent": [10, 20, 0, 0, 0, 65]}
    assert rates == {**subject, "measure": "download", "samples": 3, "percent": [0, 35, 0, 65, 0]}


def test_without_a_published_survey_there_is_no_histogram(
    hexagons: gpd.GeoDataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    assert survey_histograms(histograms(hexagon["town"], tmp_path / "h.parquet"), hexagons) == {}
    assert survey_histograms(tmp_path / "none.parquet", hexagons) == {}


def test_volunteers_readings_change_no_byte(
    hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    """One volunteer's readings more or less: whoever subtracts one release from another finds nothing."""
    written = []
    for volunteers in (0, 1, 900):
        into = tmp_path / str(volunteers)
        file = histograms(hexagon["hole"], tmp_path / f"{volunteers}.parquet", volunteers)
        write_panels(into, hexagons, np.empty(0, np.int64), communes, file)
        written.append({one.name: one.read_bytes() for one in into.iterdir()})
    assert written[0] == written[1] == written[2]
    assert b'"percent"' in b"".join(written[0].values())


def test_volunteers_signal_follows_from_the_rows_of_service(
    hexagons: gpd.GeoDataFrame, hexagon: dict[str, int]
) -> None:
    hole = f"{hexagon['hole']:x}"
    assert crowd_signal(hexagons) == {}
    row = (hexagons["h3"] == hole) & (hexagons["threshold"] == "service") & (hexagons["evidence"] == "crowd")
    row &= (hexagons["operator"] == "20801") & (hexagons["technology"] == "4G")
    counts = dict(zip(COLUMNS_OF_SIGNAL, [1, 4, 0, 0, 0, 2, 2], strict=True))
    told = hexagons.copy()
    for name, number in counts.items():
        told.loc[row, name] = number
    subject = {"operator": "20801", "technology": "4G", "quarter": "2026_T2", "measure": "rsrp"}
    assert crowd_signal(told) == {hole: [{**subject, "phones": [1, 4, 0, 0, 0, 2, 2]}]}


def test_panels_hold_the_published_rows_and_no_other(
    hexagons: gpd.GeoDataFrame, communes: gpd.GeoDataFrame, hexagon: dict[str, int], tmp_path: Path
) -> None:
    others = np.array([hexagon["lonely"]], dtype=np.int64)
    write_panels(tmp_path / "cells", hexagons, others, communes, tmp_path / "none.parquet")
    found, spoken = [], []
    for file in sorted((tmp_path / "cells").iterdir()):
        told = json.loads(file.read_text(encoding="utf-8"))
        if file.name.count(".") == 1:
            assert told["columns"] == COLUMNS
            for cell, known in told["hexagons"].items():
                assert h3.cell_to_parent(cell, PANEL_RESOLUTION) == file.stem
                found += [[cell, *row] for row in known["rows"]]
            continue
        if file.name.endswith(".fr.json"):
            spoken += [sentence for sentences in told.values() for sentence in sentences]
    rows = explained(hexagons[~hexagons["remainder"]])
    expected = rows[["h3", *COLUMNS]].astype(object).where(rows[["h3", *COLUMNS]].notna(), None).to_numpy().tolist()
    assert sorted(map(str, found)) == sorted(map(str, expected))
    assert sorted(spoken) == sorted(rows["sentence_fr"])
    lonely = json.loads((tmp_path / "cells" / f"{h3.cell_to_parent(f'{others[0]:x}', 6)}.json").read_text("utf-8"))
    assert lonely["hexagons"][f"{others[0]:x}"]["rows"] == []
    assert lonely["places"][lonely["hexagons"][f"{others[0]:x}"]["place"]] == "Lamenay-sur-Loire"
