"""From an operator's polygons to shares of hexagons: ours beside geopandas.overlay on the same input, areas compared.

Polygons of one département in Arcep's layout, generated: for each operator a 50 m raster of a signal that falls off
from masts over rough ground, cut at three levels, each level vectorised along the squares' sides: one multipolygon
per level, as those files have per level and département. Both get the same polygons in memory and the same hexagons
of resolution 8; ours makes the hexagons' outlines itself. Overlay intersects every polygon with every hexagon it
meets, so its areas are the exact ones that shares are held against.

Three more lines say what the target does not: overlay after the multipolygons are split into their parts, which
spares it most of its work; the same for polygons that are no raster's (simplified outlines, which are clipped); and
the whole import of one operator's GeoPackage.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import geopandas
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from scipy.ndimage import gaussian_filter
from shapely import MultiPolygon, Polygon

from aggregator.demo import example_communes
from aggregator.evidence.claims import import_arcep
from aggregator.evidence.communes import communes_from_centres
from aggregator.evidence.declared_area import DeclaredArea, Plane
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, Cells, covering, outlines, projected

SIDE_M = 50
LEVELS = {"TBC": 1.0, "BC": 0.3, "CL": -0.4}
"""Levels and the signal, in standard deviations of the ground, from which each is declared. Ours: about a quarter of
the area each, the rest uncovered."""

OPERATORS = ("20801", "20810", "20815", "20820")
QUICK_SIDE_M = 40_000
SIMPLIFIED_M = 40.0
MASTS_PER_KM2 = 1 / 60

TARGETS = {"speed_over_overlay": 20.0, "share_difference_p99": 0.01, "worst_share_difference": 0.05}


@dataclass(frozen=True, slots=True)
class Ground:
    """Where polygons are drawn: an outline in Lambert-93, and what it is called."""

    name: str
    outline: Polygon | MultiPolygon
    cells: Cells


def main() -> None:
    """Run the benchmark; the last line printed is its figures as a JSON object."""
    options = _options()
    ground = _ground(quick=options.quick)
    operators = OPERATORS[: options.operators or (1 if options.quick else 2)]
    hexagons = _hexagons(ground)
    print(
        f"{ground.name}: {ground.outline.area / 1e6:,.0f} km², {len(ground.cells):,} hexagons; {len(operators)} "
        f"operator(s) × {len(LEVELS)} levels, squares of {SIDE_M} m",
        flush=True,
    )
    ours_s = overlay_s = 0.0
    differences = []
    for number, operator in enumerate(operators):
        polygons = _declared(ground, seed=options.seed + number)
        vertices = int(shapely.get_num_coordinates(polygons.geometry.to_numpy()).sum())
        own_s, shares = _best(partial(_ours, polygons, ground), options.rounds)
        beside_s, exact = _best(partial(_overlay, polygons, hexagons, ground), 1)
        differences.append(np.abs(shares - exact).ravel())
        ours_s, overlay_s = ours_s + own_s, overlay_s + beside_s
        print(
            f"{operator}: {vertices:,} vertices: ours {own_s:.2f} s, overlay "
            f"{beside_s:.1f} s ({beside_s / own_s:.0f} ×), worst difference {differences[-1].max():.1e}",
            flush=True,
        )
    _say_more(polygons, ground, hexagons, operators[-1])
    every = np.concatenate(differences)
    figures = {
        "speed_over_overlay": round(overlay_s / ours_s, 1),
        "share_difference_p99": float(f"{np.quantile(every, 0.99):.2g}"),
        "worst_share_difference": float(f"{every.max():.2g}"),
    }
    for name, target in TARGETS.items():
        least = name == "speed_over_overlay"
        reached = figures[name] >= target if least else figures[name] <= target
        wanted = "at least" if least else "at most"
        print(f"{name}: {figures[name]:g} (target: {wanted} {target:g}: {'reached' if reached else 'NOT REACHED'})")
    print(json.dumps({"benchmark": "claims", "quick": options.quick, "figures": figures}))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under a minute, on a smaller area")
    parser.add_argument("--operators", type=int, choices=range(1, 5), help="how many operators (2; 1 with --quick)")
    parser.add_argument("--rounds", type=int, default=3, help="ours is timed this often, and the fastest taken (3)")
    parser.add_argument("--seed", type=int, default=1, help="of the generated signal")
    return parser.parse_args()


def _ground(*, quick: bool) -> Ground:
    """The Nièvre by its real outline where the field data is there, else by its communes; a square of it for quick."""
    folder = Path(os.environ.get("MAILLE_FIELD_DATA") or "/nonexistent") / "boundaries"
    found = sorted(folder.glob("departements-*.geojson"))
    if found:
        departements = geopandas.read_file(found[0])
        outline = departements.loc[departements["code"] == "58", "geometry"].iloc[0]
        name = f"the Nièvre, outline of {found[0].name}"
    else:
        communes, _ = communes_from_centres(example_communes())
        outline = shapely.union_all(communes.geometry.to_numpy())
        name = "the Nièvre's example communes (cells of their centres)"
    flat = projected(outline, WGS_84, LAMBERT_93)
    if quick:
        x, y = flat.representative_point().coords[0]
        half = QUICK_SIDE_M / 2
        flat = shapely.intersection(flat, shapely.box(x - half, y - half, x + half, y + half))
        name = f"a square of {QUICK_SIDE_M / 1000:g} km in {name}"
    cells = covering(shapely.get_parts(projected(flat, LAMBERT_93, WGS_84)))
    return Ground(name, flat, cells)


def _declared(ground: Ground, seed: int) -> geopandas.GeoDataFrame:
    """Polygons of one operator, each with its level."""
    random = np.random.default_rng(seed)
    west, south, east, north = (round(bound / SIDE_M) * SIDE_M for bound in ground.outline.bounds)
    x = np.arange(west + SIDE_M / 2, east, SIDE_M)
    y = np.arange(south + SIDE_M / 2, north, SIDE_M)
    rough = sum(
        weight * _standard(gaussian_filter(random.normal(size=(len(y), len(x))), metres / SIDE_M, mode="wrap"))
        for metres, weight in ((1_500, 0.7), (300, 0.6), (75, 0.35))
    )
    masts = random.uniform((west, south), (east, north), (max(3, int(ground.outline.area / 1e6 * MASTS_PER_KM2)), 2))
    nearest = np.full((len(y), len(x)), np.inf)
    for mast_x, mast_y in masts:
        np.minimum(nearest, np.hypot(x[None, :] - mast_x, y[:, None] - mast_y), out=nearest)
    signal = rough - 1.2 * np.log2(np.maximum(nearest, 200) / 4_000)
    shapely.prepare(ground.outline)
    signal[~shapely.contains_xy(ground.outline, *np.meshgrid(x, y))] = -np.inf
    shapes = []
    ceiling = np.inf
    for floor in LEVELS.values():
        shapes.append(_vectorised((signal >= floor) & (signal < ceiling), west, south))
        ceiling = floor
    return geopandas.GeoDataFrame({"niveau": list(LEVELS)}, geometry=shapes, crs=LAMBERT_93)


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(values / values.std())


def _vectorised(inside: NDArray[np.bool_], west: float, south: float) -> shapely.Geometry:
    """The outline of the true squares: runs of each row become boxes, and the boxes are dissolved."""
    steps = np.diff(inside.astype(np.int8), axis=1, prepend=0, append=0)
    row, first = np.nonzero(steps == 1)
    last = np.nonzero(steps == -1)[1]
    boxes = shapely.box(
        west + first * SIDE_M, south + row * SIDE_M, west + last * SIDE_M, south + row * SIDE_M + SIDE_M
    )
    return shapely.union_all(boxes)


def _hexagons(ground: Ground) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"h3_r8": ground.cells}, geometry=outlines(ground.cells, LAMBERT_93), crs=LAMBERT_93)


def _ours(polygons: geopandas.GeoDataFrame, ground: Ground) -> NDArray[np.float64]:
    """Shares (hexagons, levels)."""
    area = DeclaredArea(Plane.over(CRS.from_epsg(LAMBERT_93), ground.cells))
    levels, shapes = polygons["niveau"].to_numpy(), polygons.geometry.to_numpy()
    for level in LEVELS:
        area.add_polygons(level, shapes[levels == level])
    shares, _ = area.shares(tuple(LEVELS))
    table = shares.pivot_table(index="h3_r8", columns="level", values="declared_share", fill_value=0.0)
    return np.asarray(table.reindex(index=ground.cells, columns=list(LEVELS), fill_value=0.0).to_numpy(float))


def _overlay(polygons: geopandas.GeoDataFrame, hexagons: geopandas.GeoDataFrame, ground: Ground) -> NDArray[np.float64]:
    """The same by geopandas.overlay and exact areas."""
    met = geopandas.overlay(polygons, hexagons, how="intersection", keep_geom_type=True)
    areas = met.area.groupby([met["h3_r8"], met["niveau"]]).sum().unstack(fill_value=0.0)
    whole = hexagons.set_index("h3_r8").area
    table = areas.reindex(index=ground.cells, columns=list(LEVELS), fill_value=0.0)
    return np.asarray(table.div(whole, axis=0).to_numpy(float))


def _best(run: Callable[[], NDArray[np.float64]], rounds: int) -> tuple[float, NDArray[np.float64]]:
    fastest, result = np.inf, np.empty(0)
    for _ in range(rounds):
        start = time.perf_counter()
        result = run()
        fastest = min(fastest, time.perf_counter() - start)
    return fastest, result


def _say_more(
    polygons: geopandas.GeoDataFrame, ground: Ground, hexagons: geopandas.GeoDataFrame, operator: str
) -> None:
    """What is not a target: overlay at its easiest, polygons that are no raster's, and a whole import."""
    own_s, _ = _best(partial(_ours, polygons, ground), 1)
    split = polygons.explode(ignore_index=True)
    beside_s, _ = _best(partial(_overlay, split, hexagons, ground), 1)
    print(f"split into {len(split):,} parts first: overlay {beside_s:.1f} s ({beside_s / own_s:.1f} ×)")
    smooth = split.assign(geometry=shapely.simplify(split.geometry.to_numpy(), SIMPLIFIED_M))
    smooth = smooth[shapely.area(smooth.geometry.to_numpy()) > 0]
    own_s, shares = _best(lambda: _ours(smooth, ground), 1)
    beside_s, exact = _best(lambda: _overlay(smooth, hexagons, ground), 1)
    worst = np.abs(shares - exact).max()
    print(f"simplified, so clipped: ours {own_s:.1f} s, overlay {beside_s:.1f} s ({beside_s / own_s:.1f} ×)", end="")
    print(f", worst difference {worst:.1e}")
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, f"2026_T1_couv_Metropole_{operator}_4G_data.gpkg")
        frame = polygons.assign(operateur=int(operator), techno="4G", usage="data")
        pyogrio.write_dataframe(frame, file, dataset_options={"VERSION": "1.3"})
        start = time.perf_counter()
        import_arcep(file, Path(directory, "claims"), within=ground.cells)
        seconds = time.perf_counter() - start
        print(f"whole import of a GeoPackage of {file.stat().st_size / 1e6:.0f} MB: {seconds:.1f} s", flush=True)


if __name__ == "__main__":
    main()
