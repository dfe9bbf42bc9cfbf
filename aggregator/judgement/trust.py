"""Which devices do not vote: phones that never work, and phones that disagree with everybody around them.

Both are judged for one operator, technology and threshold at a time, over all hexagons of the window, and among the
crowd only: field teams are known. Nobody is accused: a quarantined device is left out of the votes of this window.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.judgement.constants import Constants
from aggregator.judgement.grouping import group
from aggregator.judgement.neighbourhood import positions, surroundings

FILE = "trust.parquet"

LAYER = ["operator", "technology", "threshold"]
"""What a device is trusted about."""

QUARANTINE = pa.schema(
    [
        ("device_token", pa.string()),
        *((name, pa.string()) for name in LAYER),
        ("reason", pa.string()),
        ("hexagons", pa.int64()),
        ("z", pa.float64()),
        ("mean_excess", pa.float64()),
    ]
)
"""One row per device left out of the votes of an operator, technology and threshold. ``reason`` is the id of a
:class:`TrustRule`; ``z`` and ``mean_excess`` are null where it never worked. Tokens: for the project team alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustRule:
    """Why a device does not vote; the id travels with the device."""

    name: str
    version: int
    reason: str

    @property
    def id(self) -> str:
        """Like ``never-works-1``."""
        return f"{self.name}-{self.version}"


NEVER_WORKS = TrustRule(
    name="never-works",
    version=1,
    reason="not one test of this device succeeded anywhere in the window: it may be the device that does not work",
)
DISAGREES = TrustRule(
    name="disagrees",
    version=1,
    reason="its votes differ too much, in too many hexagons, from those of the devices there and next to there",
)
TRUST_RULES = (NEVER_WORKS, DISAGREES)


def quarantined(votes: pd.DataFrame, constants: Constants | None = None) -> pd.DataFrame:
    """Devices whose votes do not count.

    Args:
        votes: votes of single devices in hexagons, as :func:`aggregator.judgement.votes.device_votes` gives them over
            ``h3_r8``; surveys are left alone.
        constants: of the decision rule.

    Returns:
        The columns of :data:`QUARANTINE`, sorted by device and layer.
    """
    rule = constants or Constants()
    crowd = votes[votes["evidence"] == "crowd"]
    devices = group(crowd, [*LAYER, "device_token"])
    named = crowd[["device_token", *LAYER]].iloc[devices.first].reset_index(drop=True)
    device = devices.labels
    silent = devices.total(crowd["succeeded"].to_numpy()) == 0
    hexagons, z, mean_excess = _held_against_others(crowd, device, silent, rule)
    told = named.assign(
        reason=np.where(silent, NEVER_WORKS.id, DISAGREES.id),
        hexagons=np.where(silent, devices.sizes, hexagons),
        z=np.where(silent, np.nan, z),
        mean_excess=np.where(silent, np.nan, mean_excess),
    )
    out = told[silent | _disagrees(hexagons, z, mean_excess, rule)]
    texts = {name: out[name].astype("str") for name in ("device_token", *LAYER, "reason")}
    return out.assign(**texts).sort_values(["device_token", *LAYER], ignore_index=True)[QUARANTINE.names]


def trusted(rows: pd.DataFrame, quarantine: pd.DataFrame) -> pd.DataFrame:
    """Rows (of votes or of the ledger) without the crowd's devices in quarantine, in their order."""
    if quarantine.empty or rows.empty:
        return rows
    key = ["device_token", *LAYER]
    both = pd.concat([rows[key].astype("str"), quarantine[key]], ignore_index=True)
    labels = group(both, key).labels
    out = np.zeros(labels.max() + 1, dtype=bool)
    out[labels[len(rows) :]] = True
    return rows[~(out[labels[: len(rows)]] & (rows["evidence"] == "crowd").to_numpy())]


def write_quarantine(quarantine: pd.DataFrame, judgement: Path) -> None:
    """Write ``trust.parquet`` beside the verdicts. It holds tokens: it is never published."""
    judgement.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(quarantine, schema=QUARANTINE, preserve_index=False)
    pq.write_table(table, judgement / f".{FILE}.partial", compression="zstd")
    os.replace(judgement / f".{FILE}.partial", judgement / FILE)


def read_quarantine(judgement: Path) -> pd.DataFrame:
    """What :func:`write_quarantine` wrote; nobody where there is no file."""
    file = judgement / FILE
    table = pq.read_table(file, schema=QUARANTINE) if file.exists() else QUARANTINE.empty_table()
    quarantine: pd.DataFrame = table.to_pandas()
    return quarantine


def _held_against_others(
    crowd: pd.DataFrame, device: NDArray[np.int64], silent: NDArray[np.bool_], constants: Constants
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Hexagons, z and mean excess of every device, against the devices that stand at the last round.

    A device is held against those not quarantined in the round before, whether it was itself or not: who was out only
    because of devices that are out is back in.
    """
    failing, outdoor = crowd["failing"].to_numpy(bool), crowd["outdoor"].to_numpy(bool)
    around = _Around(crowd, device)
    out = silent
    result = _consistency(failing, outdoor, device, around, out, constants)
    for _ in range(constants.trust_rounds - 1):
        again = silent | _disagrees(*result, constants)
        if (again == out).all():
            break
        out = again
        result = _consistency(failing, outdoor, device, around, out, constants)
    return result


def _consistency(
    failing: NDArray[np.bool_],
    outdoor: NDArray[np.bool_],
    device: NDArray[np.int64],
    around: "_Around",
    out: NDArray[np.bool_],
    constants: Constants,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    counts = ~out[device]
    near, least = constants.trust_neighbour_weight, constants.spurious_failure
    votes_here, votes_near = around.others(counts)
    failing_here, failing_near = around.others(counts & failing)
    weight = votes_here + near * votes_near
    known = weight > 0
    shrunk = constants.trust_prior_mean * constants.trust_prior_weight + failing_here + near * failing_near
    mean = shrunk / (constants.trust_prior_weight + weight) + constants.trust_vehicle_excess * ~outdoor
    mean = np.clip(mean, least, 1 - least)
    excess = np.where(known, failing - mean, 0.0)
    variance = np.where(known, mean * (1 - mean) * (1 + 1 / np.where(known, weight, 1.0)), 0.0)
    hexagons = np.bincount(device, known, minlength=len(out)).astype(np.int64)
    total = np.bincount(device, excess, minlength=len(out))
    spread = np.sqrt(np.bincount(device, variance, minlength=len(out)))
    z = np.divide(total, spread, out=np.zeros(len(out)), where=spread > 0)
    return hexagons, z, total / np.maximum(hexagons, 1)


def _disagrees(
    hexagons: NDArray[np.int64], z: NDArray[np.float64], mean_excess: NDArray[np.float64], constants: Constants
) -> NDArray[np.bool_]:
    return np.asarray(
        (np.abs(z) > constants.trust_z)
        & (np.abs(mean_excess) > constants.trust_mean_excess)
        & (hexagons >= constants.trust_least_hexagons)
    )


class _Around:
    """Who else voted in the hexagon of each vote and in the 6 next to it, on the same layer."""

    def __init__(self, crowd: pd.DataFrame, device: NDArray[np.int64]) -> None:
        layers = group(crowd, LAYER).labels
        cells = np.unique(crowd["h3_r8"].to_numpy(np.int64))
        cell = np.searchsorted(cells, crowd["h3_r8"].to_numpy(np.int64))
        disks = surroundings(cells, 1)
        near, there = positions(disks, cells)
        there &= disks != cells[:, None]
        width = len(cells)
        self._places, self._place = np.unique(layers * width + cell, return_inverse=True)
        layer_of_place, cell_of_place = np.divmod(self._places, max(width, 1))
        found, among = positions(layer_of_place[:, None] * width + near[cell_of_place], self._places)
        self._near_places, self._near_there = found, among & there[cell_of_place]
        # the device's own votes next to each of its votes; sorted by device, so that they lie close together
        key = device * width + cell
        self._order = np.argsort(key, kind="stable")
        ordered = key[self._order]
        cell_ordered = cell[self._order]
        own, mine = positions(device[self._order][:, None] * width + near[cell_ordered], ordered)
        self._own, self._own_there = own, mine & there[cell_ordered]

    def others(self, marked: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Marked votes of other devices in the hexagon of each vote, and in the 6 next to it (n,)."""
        at_place = np.bincount(self._place, marked, minlength=len(self._places))
        near = (at_place[self._near_places] * self._near_there).sum(axis=1)
        own = np.empty(len(marked))
        own[self._order] = (marked[self._order][self._own] & self._own_there).sum(axis=1)
        return at_place[self._place] - marked, near[self._place] - own
