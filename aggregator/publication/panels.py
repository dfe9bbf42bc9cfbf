"""What the map tells of a hexagon that is chosen: small files, one per parent of resolution 6, read on a click.

``cells/PARENT.json`` has the rows the release publishes on the hexagons of a parent; ``PARENT.fr.json`` and
``PARENT.en.json`` beside it have their sentences, in the same order. What the page draws of volunteers follows from
those rows, each phone once: their signal from the row of service, their rates from those at 3, 8 and 30 Mbit/s. What it
draws of field teams are histograms of samples: members were told, and any number of them will do.
"""

from pathlib import Path
from typing import Any

import geopandas as gpd
import h3
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION, WGS_84, Cells, parent
from aggregator.evidence.histograms import LOGARITHMIC_BASE
from aggregator.judgement.votes import SUBJECT, VOTING_CONTEXTS
from aggregator.publication.hexagons import COUNTS, SENTENCES
from aggregator.publication.manifest import write_compact_json
from aggregator.publication.rsrp_levels import COLUMNS as LEVELS
from aggregator.publication.rsrp_levels import NONE, RSRP_EDGES_DBM

PANEL_RESOLUTION = 6
"""Ours: 49 hexagons in a file, some tens of kilobytes where all of them are known."""
EXPLAINING = ["devices", "failing", "device_days", "first_month", "last_month"]
COLUMNS = [
    *(*SUBJECT, *COUNTS, "first_month", "last_month", "quarter", "issued", "claimed", "declared_share"),
    *("verdict", "strength", "rule", "withdrawn", "p", "p_withdrawn", "edge"),
]
RATE_EDGES_MBPS = (3, 8, 30, 100)
"""The classes of Arcep's campaigns, and one above."""
SHARE_STEP = 5
HISTOGRAMS = {"lte_rsrp_dbm": "rsrp", "nr_ss_rsrp_dbm": "rsrp", "download_bps": "download"}


def write_panels(
    into: Path, hexagons: gpd.GeoDataFrame, others: Cells, communes: gpd.GeoDataFrame, histograms: Path
) -> None:
    """Write the files of every parent.

    Args:
        into: directory to make.
        hexagons: as ``published_hexagons`` gives them; remainders are left out.
        others: hexagons of which only the place is told.
        communes: as ``territory.read_communes`` gives them.
        histograms: of the evidence; it may be absent.
    """
    into.mkdir()
    published = hexagons[~hexagons["remainder"]]
    rows = explained(published).sort_values(["h3", *SUBJECT])
    cells = np.array([int(cell, 16) for cell in rows["h3"]], dtype=np.int64)
    places = _places(np.union1d(cells, others), communes)
    signal = crowd_signal(published)
    for surveyed, own in survey_histograms(histograms, rows).items():
        signal.setdefault(surveyed, []).extend(own)
    told = _values(rows[COLUMNS])
    spoken = {language: rows[name].to_numpy() for name, language in SENTENCES.items()}
    owners = parent(cells, PANEL_RESOLUTION)
    of_owner = pd.Series(owners).groupby(owners).indices
    for owner, names in places.groupby(parent(places["cell"], PANEL_RESOLUTION), sort=True):
        mine = of_owner.get(owner, np.empty(0, dtype=np.int64))
        within = names["name"].drop_duplicates().tolist()
        found: dict[str, Any] = {"columns": COLUMNS, "places": within, "hexagons": {}}
        for cell, name in zip(names["cell"], names["name"], strict=True):
            found["hexagons"][f"{cell:x}"] = {"place": within.index(name), "rows": []}
        sentences: dict[str, dict[str, list[str]]] = {language: {} for language in spoken}
        for place in mine:
            cell = f"{cells[place]:x}"
            found["hexagons"][cell]["rows"].append(told[place])
            for language, said in spoken.items():
                sentences[language].setdefault(cell, []).append(said[place])
        for cell in found["hexagons"]:
            if cell in signal:
                found["hexagons"][cell]["signal"] = signal[cell]
        write_compact_json(found, into / f"{owner:x}.json")
        for tongue, texts in sentences.items():
            if len(mine):
                write_compact_json(texts, into / f"{owner:x}.{tongue}.json")


def explained(rows: pd.DataFrame) -> pd.DataFrame:
    """The figures that explain each row: what its verdict rests on, or the counts of the quarter where it has none."""
    judged = rows["judged_devices"].notna()
    changes = {name: rows[f"judged_{name}"].where(judged, rows[name]) for name in EXPLAINING}
    return rows.assign(**changes, tests=rows["tests"].mask(judged & (rows["evidence"] == "crowd")))


def crowd_signal(rows: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Volunteers' devices of the quarter by class of signal, where the published rows tell.

    Returns:
        By hexagon: ``operator, technology, measure`` (``rsrp``, in dBm), ``quarter``, and ``phones``: how many of the
        row's devices by class, last those that received none.
    """
    known = rows[(rows["evidence"] == "crowd") & rows[NONE].notna()]
    names = ["operator", "technology", "quarter"]
    texts = known[["h3", *names]].to_numpy(dtype=object).tolist()
    told: dict[str, list[dict[str, Any]]] = {}
    for (cell, *about), phones in zip(texts, known[LEVELS].to_numpy(np.int64).tolist(), strict=True):
        entry = {**dict(zip(names, about, strict=True)), "measure": "rsrp", "phones": phones}
        told.setdefault(cell, []).append(entry)
    return told


def survey_histograms(file: Path, rows: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Shares of a field team's samples by class, where a row of its own is published, all days together.

    Returns:
        By hexagon: ``operator, technology, measure`` (``rsrp`` in dBm, ``download`` in Mbit/s), ``samples`` and
        ``percent`` by class, in steps of ``SHARE_STEP``.
    """
    surveyed = rows.loc[rows["evidence"] == "survey", ["h3", "operator"]].drop_duplicates()
    if surveyed.empty or not file.exists():
        return {}
    filters = [("tier", "==", "field_team"), ("context", "in", list(VOTING_CONTEXTS))]
    table = pd.read_parquet(file, filters=[*filters, ("measure", "in", list(HISTOGRAMS))])
    cells = parent(table["h3_r9"].to_numpy(np.int64), HEXAGON_RESOLUTION)
    measure = table["measure"].astype("str").map(HISTOGRAMS)
    rate_bins = np.log(np.array(RATE_EDGES_MBPS) * 1e6) / np.log(LOGARITHMIC_BASE)
    of_signal = np.searchsorted(RSRP_EDGES_DBM, table["bin"], side="right")
    classes = np.where(measure == "rsrp", of_signal, np.searchsorted(rate_bins, table["bin"], side="right"))
    texts = {name: table[name].astype("str") for name in ("operator", "technology")}
    found = pd.DataFrame({"h3": [f"{cell:x}" for cell in cells], **texts, "measure": measure, "class": classes})
    found = found.assign(samples=table["samples"]).merge(surveyed, on=["h3", "operator"])
    told: dict[str, list[dict[str, Any]]] = {}
    for key, own in found.groupby(["h3", "operator", "technology", "measure"], sort=True):
        cell, operator, technology, name = map(str, key)
        wide = len(RSRP_EDGES_DBM if name == "rsrp" else RATE_EDGES_MBPS) + 1
        counts = np.bincount(own["class"], weights=own["samples"], minlength=wide)
        percent = (np.rint(100 * counts / counts.sum() / SHARE_STEP) * SHARE_STEP).astype(int).tolist()
        entry = {"operator": operator, "technology": technology, "measure": name}
        told.setdefault(cell, []).append({**entry, "samples": int(counts.sum()), "percent": percent})
    return told


def _places(cells: Cells, communes: gpd.GeoDataFrame) -> pd.DataFrame:
    """Each hexagon, and the commune its middle lies in, or an empty name."""
    middles = np.array([h3.cell_to_latlng(f"{cell:x}") for cell in cells]).reshape(-1, 2)
    ordered = communes.to_crs(WGS_84).sort_values("insee_com", ignore_index=True)
    tree = shapely.STRtree(ordered.geometry.to_numpy())
    point, area = tree.query(shapely.points(middles[:, ::-1]), predicate="intersects")
    names = pd.Series("", index=range(len(cells)), dtype="str")
    first = pd.Series(area).groupby(point).min()
    names.loc[first.index] = ordered["name"].to_numpy()[first]
    return pd.DataFrame({"cell": cells, "name": names})


def _values(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows of JSON's values: what is missing is null."""
    columns = [table[name].astype(object).where(table[name].notna(), None).tolist() for name in table.columns]
    return list(zip(*columns, strict=True))
