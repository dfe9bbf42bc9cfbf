"""Sites that operators declare out of order, so that tests that failed near them can be left out.

Read are Arcep's consolidated GeoJSON of a day (``raw2026-06-20.geojson``) and the operators' daily tables, old and new
headers, one snapshot a file or many. A row says what was out of order on the day of the snapshot, and may say since
when and until when. Days accumulate: what other files said stays, and a file imported again replaces itself.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import h3
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from aggregator.evidence.digest import sha256_of
from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.outage_files import read_declared
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import tr

OUTAGES = pa.schema(
    [
        *((name, pa.string()) for name in ("operator", "technology")),
        *((name, pa.float64()) for name in ("latitude", "longitude")),
        *((name, pa.date32()) for name in ("first_day", "last_day")),
        *((name, pa.string()) for name in ("source", "sha256")),
    ]
)
"""``technology`` is null where the site lost all of them; days are inclusive; ``source`` is the file's name."""

REACH_KM = 5.0
"""Ours: within this distance of a site out of order, a failed test may be its doing. Rural sites stand some 5 to 8 km
apart, so that the next one takes over beyond about this distance."""

JOINED_DAYS = 3
"""Ours: a site declared on two days this far apart was out of order between them as well: snapshots get lost."""

_EARTH_KM = 6371.0088


@dataclass(frozen=True, slots=True, kw_only=True)
class OutagesImported:
    """What an import of outages did; ``left_out`` rows had no usable position, or nothing out of order."""

    outages: int
    sites: int
    left_out: int
    operators: tuple[str, ...]
    first_day: str
    last_day: str

    def text(self) -> str:
        """For people."""
        return tr(
            f"declared outages: {self.outages}, sites: {self.sites}, from {self.first_day} to {self.last_day}; "
            f"rows left out, without a position or with nothing out of order: {self.left_out}",
            f"pannes déclarées : {self.outages}, sites : {self.sites}, du {self.first_day} au {self.last_day} ; "
            f"lignes écartées, sans position ou sans panne : {self.left_out}",
        )


def import_outages(
    file: Path, territory: Path, *, operator: str | None = None, day: date | None = None
) -> OutagesImported:
    """Add declared outages to ``outages.parquet``.

    Args:
        file: Arcep's ``.geojson`` of a day, or an operator's ``.csv``.
        territory: directory of the territory.
        operator: PLMN of the operator of a table that does not name it; by default the one its name or headers tell.
        day: of the snapshot, where neither the rows nor the file's name tell it.

    Raises:
        EvidenceError: the file is in no layout known here, or neither it nor the caller says whose or of when it is.
    """
    declared, left_out = read_declared(file, operator, day)
    if declared.empty:
        raise EvidenceError(
            tr(
                f"{file}: no row declares an outage at a known place, expected at least one",
                f"{file} : aucune ligne ne déclare de panne à un lieu connu ; attendu : une au moins",
            )
        )
    digest = sha256_of(file)
    rows = declared.assign(source=file.name, sha256=digest)[OUTAGES.names]
    earlier = read_outages(territory)
    if earlier is not None:
        # nothing may have changed from one day to the next: the name tells such files apart
        rows = pd.concat([earlier[(earlier["sha256"] != digest) | (earlier["source"] != file.name)], rows])
    rows = rows.sort_values(OUTAGES.names, ignore_index=True)
    with replacing(territory / "outages.parquet") as partial:
        pq.write_table(pa.Table.from_pandas(rows, schema=OUTAGES, preserve_index=False), partial, compression="zstd")
    sites = declared[["operator", "latitude", "longitude"]].drop_duplicates()
    return OutagesImported(
        outages=len(declared),
        sites=len(sites),
        left_out=left_out,
        operators=tuple(sorted(declared["operator"].unique())),
        first_day=str(declared["first_day"].min()),
        last_day=str(declared["last_day"].max()),
    )


def read_outages(territory: Path) -> pd.DataFrame | None:
    """Declared outages, with the columns of :data:`OUTAGES`; None where none were imported."""
    file = territory / "outages.parquet"
    if not file.exists():
        return None
    outages: pd.DataFrame = pq.read_table(file, schema=OUTAGES).to_pandas()
    return outages


def excused(
    outages: pd.DataFrame,
    cells: NDArray[np.int64],
    *,
    reach_km: float = REACH_KM,
    joined_days: int = JOINED_DAYS,
) -> pd.DataFrame:
    """Where and when a failed test may be the doing of a declared outage.

    Args:
        outages: columns of :data:`OUTAGES`.
        cells: H3 indexes (n,), all of resolution 8 or all of 9: those that were tested.
        reach_km: from the site to the centre of the cell, along the earth.
        joined_days: days between two declarations of a site that are one outage.

    Returns:
        ``h3_r8`` or ``h3_r9`` after the resolution of the cells, ``operator, technology, first_day, last_day``
        (datetime64, inclusive), sorted; ``technology`` is null where all of the operator's are concerned. The periods
        of one cell, operator and technology do not overlap.
    """
    wanted = np.unique(np.asarray(cells, dtype=np.int64))
    cell = f"h3_r{h3.get_resolution(h3.int_to_str(int(wanted[0])))}" if len(wanted) else "h3_r8"
    columns = [cell, "operator", "technology", "first_day", "last_day"]
    if outages.empty or not len(wanted):
        return pd.DataFrame(columns=columns).astype({cell: "int64", **dict.fromkeys(columns[3:], "datetime64[s]")})
    rows = outages.assign(
        technology=outages["technology"].fillna(""),
        **{name: outages[name].astype("datetime64[s]") for name in columns[3:]},
    )
    site_keys = ["operator", "technology", "latitude", "longitude"]
    periods = _joined(rows[[*site_keys, *columns[3:]]], site_keys, joined_days)
    places = periods[["latitude", "longitude"]].drop_duplicates(ignore_index=True)
    centres = np.array([h3.cell_to_latlng(h3.int_to_str(int(cell))) for cell in wanted])
    # along the chord: the straight line through the earth between two points that far apart on it
    chord = 2 * np.sin(reach_km / _EARTH_KM / 2)
    near = cKDTree(_on_sphere(centres)).query_ball_point(_on_sphere(places.to_numpy(np.float64)), chord)
    counts = [len(found) for found in near]
    places = places.loc[places.index.repeat(counts)].assign(
        **{cell: wanted[np.concatenate([*map(np.asarray, near), np.empty(0)]).astype(np.intp)]}
    )
    around = periods.merge(places, on=["latitude", "longitude"])
    told = _joined(around, columns[:3], 0)[columns].sort_values(columns, ignore_index=True)
    return told.assign(technology=told["technology"].where(told["technology"] != "", None))


def _joined(rows: pd.DataFrame, keys: list[str], days: int) -> pd.DataFrame:
    """Periods of equal keys that overlap, touch, or lie at most ``days`` days apart, made one."""
    ordered = rows.sort_values([*keys, "first_day"], ignore_index=True)
    groups = ordered.groupby(keys, sort=False)
    reached = groups["last_day"].cummax()
    before = reached.groupby(groups.ngroup()).shift()
    starts = before.isna() | (ordered["first_day"] > before + pd.Timedelta(days=days + 1))
    spans = ordered.groupby([*keys, starts.cumsum().rename("span")], sort=False)
    return spans.agg(first_day=("first_day", "min"), last_day=("last_day", "max")).reset_index()


def _on_sphere(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points (n, 3) on the unit sphere from latitude and longitude (n, 2)."""
    latitude, longitude = np.radians(degrees).T
    return np.column_stack(
        [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)]
    )
