"""The small files the map page reads: one per operator, technology and threshold, zones, communes, and their index."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.hexagons import LAMBERT_93, WGS_84
from aggregator.evidence.ledger import THRESHOLDS
from aggregator.publication.hexagons import COUNTS, SENTENCES
from aggregator.publication.layers import geometry_json, write_features

DECIMALS = 5
OUTLINE_TOLERANCE_M = 60.0
EXPLAINING = ["devices", "failing", "device_days", "first_month", "last_month"]
SHOWN = [
    *("evidence", *COUNTS, "first_month", "last_month", "claimed", "declared_share", "verdict", "strength"),
    *("rule", "withdrawn", "p", "p_withdrawn", "edge"),
]


def write_page_data(
    into: Path,
    hexagons: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    points: gpd.GeoDataFrame,
    communes: gpd.GeoDataFrame,
    about: Mapping[str, Any],
) -> None:
    """Write ``index.json``, ``communes.geojson``, ``zones.geojson``, and a file per layer with its sentences beside it.

    Args:
        into: an empty directory.
        hexagons: as ``published_hexagons`` gives them; remainders are not drawn.
        zones: published zones.
        points: their points of interest.
        communes: as ``territory.read_communes`` gives them.
        about: what the index says of the release besides its content.
    """
    drawn = _explained(hexagons[~hexagons["remainder"]])
    layers = []
    for key, rows in drawn.groupby(["operator", "technology", "threshold"]):
        operator, technology, threshold = map(str, key)
        stem = f"{operator}-{technology}-{threshold}"
        features = _hexagon_features(rows)
        write_features(features, into / f"{stem}.geojson")
        sentences = {language: f"{stem}.{language}.json" for language in SENTENCES.values()}
        for name, language in SENTENCES.items():
            _write_sentences(rows, name, into / sentences[language])
        counted = pd.Series([feature["properties"]["verdict"] for feature in features]).value_counts()
        verdicts = {str(verdict): int(number) for verdict, number in sorted(counted.items())}
        layers.append(
            {"operator": operator, "technology": technology, "threshold": threshold}
            | {"file": f"{stem}.geojson", "sentences": sentences}
            | {"hexagons": len(features), "verdicts": verdicts}
        )
    write_features(_zone_features(zones, points), into / "zones.geojson")
    write_features(_commune_features(communes), into / "communes.geojson")
    names = drawn.drop_duplicates("operator").sort_values("operator")
    index = {
        **about,
        "bounds": _bounds(drawn, zones, communes),
        "operators": [
            {"operator": str(operator), "name": str(name)}
            for operator, name in zip(names["operator"], names["operator_name"], strict=True)
        ],
        "technologies": sorted({layer["technology"] for layer in layers}),
        "thresholds": [name for name in THRESHOLDS if any(layer["threshold"] == name for layer in layers)],
        "layers": layers,
        "remainders": int(hexagons["remainder"].sum()),
    }
    text = json.dumps(index, ensure_ascii=False, indent=1)
    (into / "index.json").write_text(text + "\n", encoding="utf-8")


def _explained(rows: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The figures that explain each row: what its verdict rests on, or the counts of the quarter where it has none."""
    judged = rows["judged_devices"].notna()
    changes = {name: rows[f"judged_{name}"].where(judged, rows[name]) for name in EXPLAINING}
    return rows.assign(**changes, tests=rows["tests"].mask(judged & (rows["evidence"] == "crowd")))


def _write_sentences(rows: pd.DataFrame, name: str, file: Path) -> None:
    """What each verdict says in one language, by hexagon and evidence: too long to go with every hexagon drawn."""
    told: dict[str, dict[str, str]] = {}
    spoken = rows.loc[rows[name] != "", ["h3", "evidence", name]].sort_values(["h3", "evidence"])
    for cell, evidence, sentence in spoken.itertuples(index=False, name=None):
        told.setdefault(str(cell), {})[str(evidence)] = str(sentence)
    file.write_text(json.dumps(told, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")


def _hexagon_features(rows: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """One feature per hexagon: the evidence that prevails, and under ``other`` the kind that does not."""
    told: dict[str, list[dict[str, Any]]] = {}
    for cell, record in zip(rows["h3"], pd.DataFrame(rows[SHOWN]).astype(object).to_dict("records"), strict=True):
        told.setdefault(str(cell), []).append(_plain(record))
    shapes = dict(zip(rows["h3"], rows.geometry, strict=True))
    features = []
    for number, (cell, records) in enumerate(sorted(told.items())):
        records.sort(key=lambda r: r["evidence"] != "survey" if r["verdict"] != "insufficient" else 2)
        first, *others = records
        properties = {"h3": cell, **first, **({"other": others[0]} if others else {})}
        geometry = geometry_json(shapes[cell], DECIMALS)
        features.append({"type": "Feature", "id": number, "properties": properties, "geometry": geometry})
    return features


def _zone_features(zones: gpd.GeoDataFrame, points: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    shapes = zones.to_crs(WGS_84).geometry if len(zones) else []
    columns = [name for name in zones.columns if name != "geometry"]
    features = []
    for record, shape in zip(zones[columns].astype(object).to_dict("records"), shapes, strict=True):
        own = points[points["zone_id"] == record["zone_id"]]
        places = own[["point_id", "name", "kind", "insee_com", "latitude", "longitude"]].astype(object)
        properties = {**_plain(record), "points": [_plain(place) for place in places.to_dict("records")]}
        features.append({"type": "Feature", "properties": properties, "geometry": geometry_json(shape, DECIMALS)})
    return features


def _commune_features(communes: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Outlines simplified together, so that neighbours keep a common border."""
    ordered = communes.sort_values("insee_com", ignore_index=True)
    flat = ordered.to_crs(LAMBERT_93)
    simple = shapely.coverage_simplify(flat.geometry.to_numpy(), OUTLINE_TOLERANCE_M)
    shapes = gpd.GeoSeries(list(simple), crs=LAMBERT_93).to_crs(WGS_84)
    columns = ["insee_com", "name", "population", "latitude", "longitude"]
    return [
        {"type": "Feature", "properties": _plain(record), "geometry": geometry_json(shape, DECIMALS)}
        for record, shape in zip(ordered[columns].astype(object).to_dict("records"), shapes, strict=True)
    ]


def _plain(record: Mapping[Any, Any]) -> dict[str, Any]:
    """JSON values: what is missing is null, NumPy's numbers are numbers."""
    return {
        str(name): None if pd.isna(value) else value.item() if isinstance(value, np.generic) else value
        for name, value in record.items()
    }


def _bounds(drawn: gpd.GeoDataFrame, zones: gpd.GeoDataFrame, communes: gpd.GeoDataFrame) -> list[float]:
    """West, south, east, north of what there is to see."""
    parts = [layer.to_crs(WGS_84).total_bounds for layer in (drawn, zones) if len(layer)]
    boxes = np.array(parts or [communes.total_bounds])
    return [round(float(edge), DECIMALS) for edge in (*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0))]
