"""The maps of dossiers, as lists of shapes in millimetres that the templates draw."""

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.proposals.surroundings import points_in_lambert_93
from aggregator.publication.dossiers.frames import DECIMALS, Frame, frame_around, labels
from aggregator.publication.dossiers.scene import SEVERITY, Scene
from aggregator.publication.hexagons import in_french

ZONE_MM = (114.0, 98.0)
PANEL_MM = (42.0, 36.0)
LOCATOR_MM = (44.0, 30.0)
DEPARTEMENT_MM = (178.0, 112.0)
SPARE = 0.07
"""Ours: a zone's outline leaves this share of its size free on each side."""
POINT_MM = 2.0
"""Half the size of a numbered point."""
SIGN_MM = 3.7
"""Between the centres of a numbered point and of a letter that touches it."""
BESIDE_MM = ((0.0, 0.0), (0.0, -3.8), (3.8, 0.0), (-3.8, 0.0), (0.0, 3.8), (3.8, -3.8), (-3.8, -3.8))
"""Where a letter may stand, from the centre of its hexagon, which is 10 mm wide in a zone of one disc."""


def legend(looks: Sequence[str], threshold: str) -> list[list[str]]:
    """Name and words of each way a hexagon is drawn, most severe first."""
    parts = [(name, *name.partition(" ")) for name in SEVERITY if name in looks]
    return [[name, in_french(verdict, strength, threshold)] for name, verdict, _, strength in parts]


def zone_map(
    scene: Scene, outline: Any, points: gpd.GeoDataFrame, letters: Mapping[str, tuple[float, float]]
) -> dict[str, Any]:
    """The map of one zone: hexagons by their most severe verdict, communes, roads, antennas, points by number.

    Args:
        scene: what there is to show.
        outline: of the zone, in EPSG:2154.
        points: points of interest in their order.
        letters: letter of each quoted hexagon → its centre.
    """
    frame = frame_around(shapely.bounds(outline), *ZONE_MM, SPARE)
    drawn = scene.drawn(frame.ground)
    places = points_in_lambert_93(points).reshape(-1, 2)
    numbered = [{"text": str(number), "x": x, "y": y} for number, (x, y) in enumerate(frame.placed(places), start=1)]
    signs = beside(
        dict(zip(letters, frame.placed(np.array([*letters.values()]).reshape(-1, 2)), strict=True)), numbered
    )
    masts = _masts(scene, frame)
    taken = [_around(one["x"], one["y"], POINT_MM) for one in [*numbered, *signs]]
    taken += [_around(one["x"], one["y"], POINT_MM / 2) for one in masts]
    return {
        **_under(scene, frame),
        "hexagons": _hexagons(frame, drawn),
        "outlines": [{"rings": rings, "dashed": False} for rings in frame.rings([outline])],
        "masts": masts,
        "points": numbered,
        "letters": signs,
        "labels": labels(frame, _names(scene, frame), taken),
        "looks": [name for name in SEVERITY if name in drawn],
    }


def operator_panels(scene: Scene, outline: Any, operators: Mapping[str, str]) -> list[dict[str, Any]]:
    """A small map for each operator (code → name): its own verdicts in the zone and around."""
    frame = frame_around(shapely.bounds(outline), *PANEL_MM, SPARE)
    under, border = _under(scene, frame), [{"rings": rings, "dashed": False} for rings in frame.rings([outline])]
    return [
        {
            **under,
            "title": name,
            "hexagons": _hexagons(frame, scene.drawn(frame.ground, operator)),
            "outlines": border,
        }
        for operator, name in operators.items()
    ]


def locator_map(scene: Scene, departement: str, outline: Any) -> dict[str, Any]:
    """Where in its département a zone lies."""
    whole = scene.departements.get(departement, outline)
    frame = frame_around(shapely.bounds(shapely.union_all([whole, outline])), *LOCATOR_MM, 0.03)
    return {
        **_empty(frame),
        "borders": frame.lines([whole]),
        "outlines": [{"rings": rings, "dashed": False} for rings in frame.rings([outline])],
    }


def departement_map(scene: Scene, departement: str, zones: gpd.GeoDataFrame) -> dict[str, Any]:
    """A département with its zones by rank; those of class C are dashed.

    Args:
        scene: what there is to show.
        departement: its code.
        zones: those listed for it.
    """
    border = scene.departements[departement]
    frame = frame_around(shapely.bounds(shapely.union_all([border, *zones.geometry])), *DEPARTEMENT_MM, 0.02)
    drawn = scene.drawn(border)
    return {
        **_empty(frame),
        "communes": frame.lines(scene.communes[shapely.intersects(scene.communes, shapely.buffer(border, -50.0))]),
        "borders": frame.lines([border]),
        "hexagons": _hexagons(frame, {name: shapely.get_parts(_joined(shapes)) for name, shapes in drawn.items()}),
        "outlines": [
            {"rings": rings, "dashed": grade == "C"}
            for outline, grade in zip(zones.geometry, zones["evidence_class"], strict=True)
            for rings in frame.rings([outline])
        ],
        "points": [
            {"text": str(rank), "x": x, "y": y}
            for rank, (x, y) in zip(
                zones["rank"],
                frame.placed(shapely.get_coordinates(shapely.centroid(zones.geometry.to_numpy()))),
                strict=True,
            )
        ],
        "looks": [name for name in SEVERITY if name in drawn],
    }


def beside(letters: Mapping[str, Sequence[float]], numbered: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The sign of each quoted hexagon: at its centre, or beside the numbered point that is there.

    Args:
        letters: letter → centre of its hexagon on the sheet, in millimetres.
        numbered: signs that are there already.
    """
    signs: list[dict[str, Any]] = []
    for letter, (x, y) in letters.items():
        taken = [*numbered, *signs]
        free = [
            (x + right, y + down)
            for right, down in BESIDE_MM
            if all(max(abs(x + right - one["x"]), abs(y + down - one["y"])) >= SIGN_MM for one in taken)
        ]
        at = free[0] if free else (x, y)
        signs.append({"text": letter, "x": round(at[0], DECIMALS), "y": round(at[1], DECIMALS)})
    return signs


def _joined(shapes: Any) -> Any:
    return shapely.union_all(shapes, grid_size=0.1)


def _under(scene: Scene, frame: Frame) -> dict[str, Any]:
    return {**_empty(frame), "communes": frame.lines(scene.communes), "roads": frame.lines(scene.roads)}


def _empty(frame: Frame) -> dict[str, Any]:
    lists = ("communes", "borders", "roads", "hexagons", "outlines", "masts", "points", "letters", "labels")
    blank: dict[str, Any] = {name: [] for name in lists}
    return {**blank, "width": frame.width_mm, "height": frame.height_mm, "bar": frame.scale_bar()}


def _hexagons(frame: Frame, drawn: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"look": name, "rings": rings} for name, shapes in drawn.items() for rings in frame.rings(shapes)]


def _masts(scene: Scene, frame: Frame) -> list[dict[str, Any]]:
    masts: pd.DataFrame = scene.masts
    here = masts[frame.inside(masts[["x", "y"]].to_numpy(float), POINT_MM)] if len(masts) else masts
    spots = frame.placed(here[["x", "y"]].to_numpy(float))
    return [
        {"x": x, "y": y, "text": str(letters), "planned": bool(planned)}
        for (x, y), letters, planned in zip(spots, here["letters"], here["planned"], strict=True)
    ]


def _names(scene: Scene, frame: Frame) -> list[tuple[str, float, float]]:
    """Communes whose centre is on the map, largest first."""
    here = np.flatnonzero(frame.inside(scene.centres))
    order = sorted(here.tolist(), key=lambda row: (-scene.population[row], scene.names[row]))
    spots = frame.placed(scene.centres[order])
    return [(scene.names[row], x, y) for row, (x, y) in zip(order, spots, strict=True)]


def _around(x: float, y: float, half_mm: float) -> tuple[float, float, float, float]:
    left, top, right, bottom = (round(v, DECIMALS) for v in (x - half_mm, y - half_mm, x + half_mm, y + half_mm))
    return left, top, right, bottom
