"""Verdicts on service in small files, one for each large area: a phone reads what became of its own samples in them.

It takes whole files of resolution 4 (some 1,770 km²), so that the server of the map learns nothing finer of where its
owner goes. They say nothing that the table of hexagons does not.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, parent
from aggregator.publication.manifest import write_compact_json

FOLDER = "verdicts"
RESOLUTION = 4
THRESHOLD = "service"
DEGREE_DECIMALS = 4
"""11 m: enough to draw a hexagon of 0.7 km²."""

WORDS = [
    *("insufficient", "unclaimed_service", "confirmed", "suspected"),
    *("contradicted-moderate", "contradicted-strong"),
]
"""A verdict with its strength, in the order of its code."""

ABOUT = ("release", "date", "quarter", "k", "audience", "synthetic", "label")


def write_verdict_files(into: Path, hexagons: gpd.GeoDataFrame, about: Mapping[str, Any]) -> None:
    """Write ``index.json`` and a file for each parent that holds published hexagons.

    Args:
        into: a directory, which is made.
        hexagons: as ``published_hexagons`` gives them.
        about: what is said of the release; ``ABOUT`` is taken from it.
    """
    into.mkdir()
    own = hexagons[(hexagons["resolution"] == HEXAGON_RESOLUTION) & (hexagons["threshold"] == THRESHOLD)]
    table = _prevailing(pd.DataFrame(own.drop(columns="geometry")))
    shapes = own.drop_duplicates("h3").set_index("h3").geometry
    cells = np.array([int(cell, 16) for cell in table.index], dtype=np.int64)
    centres = np.round(
        shapely.get_coordinates(shapely.centroid(shapes.reindex(table.index).to_numpy())), DEGREE_DECIMALS
    )
    parents = parent(cells, RESOLUTION)
    subjects = [list(subject) for subject in table.columns]
    names = []
    for number in np.unique(parents):
        here = parents == number
        names.append(h3.int_to_str(int(number)))
        told = {
            "release": about["release"],
            "parent": names[-1],
            "subjects": subjects,
            "verdicts": WORDS,
            "hexagons": {
                cell: [*centre, [None if code < 0 else code for code in codes]]
                for cell, centre, codes in zip(
                    table.index[here], centres[here].tolist(), table.to_numpy()[here].tolist(), strict=True
                )
            },
        }
        write_compact_json(told, into / f"{names[-1]}.json")
    known = {name: about[name] for name in ABOUT}
    write_compact_json(
        {**known, "threshold": THRESHOLD, "resolution": RESOLUTION, "parents": names}, into / "index.json"
    )


def _prevailing(rows: pd.DataFrame) -> pd.DataFrame:
    """Code of the verdict by hexagon (rows) and operator and technology (columns), -1 where there is none.

    A survey's verdict prevails over the crowd's, and any over none.
    """
    words = rows["verdict"].where(rows["strength"] == "", rows["verdict"] + "-" + rows["strength"])
    rows = rows.assign(code=words.map({word: code for code, word in enumerate(WORDS)}).astype("int64"))
    rows = rows.assign(empty=rows["code"] == 0, crowd=rows["evidence"] != "survey").sort_values(["empty", "crowd"])
    first = rows.drop_duplicates(["h3", "operator", "technology"])
    table = first.pivot(index="h3", columns=["operator", "technology"], values="code")
    return table.sort_index().sort_index(axis=1).fillna(-1).astype("int64")
