"""A release the size of Bourgogne-Franche-Comté: 70,000 hexagons × 4 operators × technologies, all of them visited.

Claims, ballots and communes are drawn at random over a disc of hexagons; verdicts come from the decision rule, and
every file from the functions that write any release. ``python -m benchmarks.region.generate DIRECTORY``.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import h3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.claims_table import CLAIMS
from aggregator.evidence.communes import communes_from_centres
from aggregator.evidence.hexagons import Cells
from aggregator.judgement.basis import Basis
from aggregator.judgement.comparison import compare
from aggregator.judgement.survey import POINTS
from aggregator.judgement.votes import VOTES
from aggregator.publication.anonymity import rounded_counts
from aggregator.publication.issuing import PLACE, Issue
from aggregator.publication.making import Ground, Making, ReleaseParameters, release_id
from aggregator.publication.origin import Origin
from aggregator.publication.rsrp_levels import COLUMNS as LEVELS
from aggregator.publication.writing import write_release

HEXAGONS = 70_000
CENTRE = (47.2, 4.8)
OPERATORS = ("20801", "20810", "20815", "20820")
READINGS = (("4G", "service"), ("5G", "service"))
DEPARTEMENTS = ("21", "25", "39", "58", "70", "71", "89", "90")
HEXAGONS_PER_COMMUNE = 19
"""As in Bourgogne-Franche-Comté: 3,700 communes."""
PEOPLE_PER_HEXAGON = 40
SIGNAL_SHARES = (0.05, 0.15, 0.25, 0.2, 0.1, 0.05, 0.2)
"""Ours: of a hexagon's devices by class of signal, the last of them without any."""
FIRST_DAY, LAST_DAY, QUARTER = date(2026, 4, 1), date(2026, 6, 30), "2026_T2"


def generate(
    into: Path, *, hexagons: int = HEXAGONS, readings: Sequence[tuple[str, str]] = READINGS, seed: int = 1
) -> Path:
    """Write a public release of generated data and make it the latest of its shelf.

    Args:
        into: a directory of data; the release comes below its ``releases/``.
        hexagons: about how many: those of the smallest disc that has as many.
        readings: technology and threshold of every hexagon and operator.
        seed: of all that is drawn.

    Returns:
        The release's directory; left as it is where it was there already.
    """
    random = np.random.default_rng(seed)
    parameters = ReleaseParameters(audience="public", k=5, window_days=365, last_day=str(LAST_DAY), synthetic=True)
    target = into / "releases" / release_id(parameters, f"{hexagons} {sorted(readings)} {seed}", None)
    if target.exists():
        return target
    cells = disc(hexagons)
    claims = _claims(random, cells, sorted({technology for technology, _ in readings}))
    _write_ground(into, random, cells, claims)
    ballots = _ballots(random, cells, claims, readings)
    verdicts = compare(ballots, claims).assign(issued=QUARTER, told=True)
    making = Making(
        ground=Ground(
            data=into,
            basis=Basis(last_day=str(LAST_DAY), window_days=365, inputs={}),
            origin=Origin(synthetic=True),
            inputs={},
        ),
        parameters=parameters,
        issue=_issue(ballots, verdicts),
        inputs={},
        previous=None,
        zones=None,
        history=None,
        made_from="generated",
        release=target.name,
    )
    draft = target.with_name(f".draft-{target.name}")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    write_release(making, draft)
    draft.rename(target)
    (target.parent / "latest.json").write_text(json.dumps({"release": target.name}) + "\n", encoding="utf-8")
    return target


def disc(hexagons: int) -> Cells:
    """Sorted cells of the smallest disc of at least so many."""
    rings = int(np.ceil((np.sqrt(12 * hexagons - 3) - 3) / 6))
    centre = h3.cell_to_parent(h3.latlng_to_cell(*CENTRE, 9), 8)
    return np.sort(np.array([h3.str_to_int(cell) for cell in h3.grid_disk(centre, rings)], dtype=np.int64))


def _claims(random: np.random.Generator, cells: Cells, technologies: Sequence[str]) -> pd.DataFrame:
    """Declared shares: patches of three levels, most of the ground covered."""
    parts = []
    for operator in OPERATORS:
        for technology in technologies:
            reach = _patches(random, cells)
            # ours: 4G nearly everywhere, 5G on about half
            share = np.clip((reach + (1.6 if technology == "4G" else 0.1)) / 0.5, 0, 1).round(4)
            level = np.select([reach > 1, reach > 0], ["TBC", "BC"], "CL")
            parts.append(
                pd.DataFrame({"h3_r8": cells, "operator": operator, "technology": technology})
                .assign(usage="data", level=level, declared_share=share, accessible_share=np.nan, bounded=False)
                .loc[share > 0]
            )
    return pd.concat(parts, ignore_index=True).sort_values(CLAIMS.names[:5], ignore_index=True)


def _patches(random: np.random.Generator, cells: Cells, hills: int = 300) -> NDArray[np.float64]:
    """A smooth field over cells, of mean 0 and standard deviation 1."""
    places = np.array([h3.cell_to_latlng(h3.int_to_str(int(cell))) for cell in cells])
    flat = np.column_stack([places[:, 1] * np.cos(np.radians(CENTRE[0])), places[:, 0]])
    tops = random.uniform(flat.min(axis=0), flat.max(axis=0), (hills, 2))
    width = 0.9 * np.sqrt(np.ptp(flat, axis=0).prod() / hills)
    field = np.zeros(len(cells))
    for top, height in zip(tops, random.normal(size=hills), strict=True):
        field += height * np.exp(-((flat - top) ** 2).sum(axis=1) / (2 * width**2))
    return np.asarray((field - field.mean()) / field.std())


def _ballots(
    random: np.random.Generator, cells: Cells, claims: pd.DataFrame, readings: Sequence[tuple[str, str]]
) -> pd.DataFrame:
    """Votes of five volunteers or more in every hexagon, most of them content, few of them in holes."""
    parts = []
    for operator in OPERATORS:
        hole = np.clip(_patches(random, cells) - 1.5, 0, 1)
        for technology, threshold in readings:
            outdoor = 2 + random.poisson(4, len(cells))
            vehicle = 3 + random.poisson(5, len(cells))
            rows = {"votes_outdoor": outdoor, "failing_outdoor": random.binomial(outdoor, 0.02 + 0.95 * hole)}
            rows |= {"votes_vehicle": vehicle, "failing_vehicle": random.binomial(vehicle, 0.06 + 0.9 * hole)}
            days = 2 * (outdoor + vehicle)
            parts.append(
                pd.DataFrame({"h3_r8": cells, "operator": operator, "technology": technology, "threshold": threshold})
                .assign(evidence="crowd", **rows, device_days=days, tests=3 * days)
                .assign(first_day=FIRST_DAY + timedelta(days=3), last_day=LAST_DAY, **dict.fromkeys(POINTS, 0))
            )
    return pd.concat(parts, ignore_index=True)[VOTES.names].sort_values(PLACE, ignore_index=True)


def _issue(ballots: pd.DataFrame, verdicts: pd.DataFrame) -> Issue:
    """What a release says of all of it; behind each contradiction stand five devices on two days."""
    figures = ballots.rename(columns={"h3_r8": "cell"}).assign(
        resolution=8,
        devices=ballots["votes_outdoor"] + ballots["votes_vehicle"],
        failing=ballots["failing_outdoor"] + ballots["failing_vehicle"],
    )
    heard = figures["threshold"] == "service"
    levels = np.random.default_rng(2).multinomial(rounded_counts(figures["devices"]), SIGNAL_SHARES)
    figures = figures.assign(
        **{
            name: pd.Series(levels[:, place], dtype="Int64", index=figures.index).where(heard)
            for place, name in enumerate(LEVELS)
        }
    )
    against = verdicts.loc[verdicts["verdict"].isin(["contradicted", "suspected"]), PLACE]
    behind = against.loc[against.index.repeat(10)].reset_index(drop=True)
    number = np.arange(len(behind))
    behind = behind.assign(
        device_token=[f"{device:032x}" for device in number % 5],
        day=pd.Timestamp(FIRST_DAY) + pd.to_timedelta(number // 5 % 2, unit="D"),
    )
    return Issue(
        quarter=QUARTER,
        figures=figures,
        verdicts=verdicts,
        settled=pd.DataFrame({"h3_r8": np.empty(0, np.int64)}),
        counted=behind.iloc[:0].assign(quarter=""),
        behind=behind,
    )


def _write_ground(into: Path, random: np.random.Generator, cells: Cells, claims: pd.DataFrame) -> None:
    """Communes about drawn centres, and the claims with their source."""
    for room in ("territory", "claims", "evidence"):
        (into / room).mkdir(parents=True, exist_ok=True)
    chosen = np.sort(random.choice(cells, max(4, len(cells) // HEXAGONS_PER_COMMUNE), replace=False))
    places = pd.DataFrame([h3.cell_to_latlng(h3.int_to_str(int(cell))) for cell in chosen])
    slices = np.minimum(places[1].rank(pct=True).mul(len(DEPARTEMENTS)).astype(int), len(DEPARTEMENTS) - 1)
    numbers = slices.groupby(slices).cumcount() + 1
    codes = [f"{DEPARTEMENTS[part]}{number:03d}" for part, number in zip(slices, numbers, strict=True)]
    people = (random.pareto(1.5, len(chosen)) * PEOPLE_PER_HEXAGON * HEXAGONS_PER_COMMUNE / 2).astype(int) + 10
    centres = pd.DataFrame({"insee_com": codes, "name": [f"Commune {code}" for code in codes], "population": people})
    file = into / "territory" / "centres.csv"
    centres.assign(latitude=places[0].round(5), longitude=places[1].round(5)).to_csv(file, index=False)
    communes_from_centres(file)[0].to_parquet(into / "territory" / "communes.parquet", index=False)
    table = pa.Table.from_pandas(claims, schema=CLAIMS, preserve_index=False)
    pq.write_table(table, into / "claims" / "claims.parquet", compression="zstd")
    subjects = claims[["operator", "technology", "usage"]].drop_duplicates().to_dict("records")
    sources = [
        {**subject, "quarter": QUARTER, "file": "generated", "source": "generated", "licence": "none"}
        for subject in subjects
    ]
    (into / "claims" / "sources.json").write_text(json.dumps(sources) + "\n", encoding="utf-8")


def main() -> None:
    """Write one and say where."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.region.generate", description=__doc__)
    asked.add_argument("into", type=Path, help="directory of data, made if it is missing")
    asked.add_argument("--hexagons", type=int, default=HEXAGONS)
    asked.add_argument("--seed", type=int, default=1)
    options = asked.parse_args()
    print(generate(options.into, hexagons=options.hexagons, seed=options.seed))


if __name__ == "__main__":
    main()
