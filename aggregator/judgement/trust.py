"""Which devices do not vote: phones that never work, and phones that disagree with everybody around them.

Both are judged for one operator, technology and threshold at a time, over all hexagons of the window, and among the
crowd only: field teams are known. Nobody is accused: a quarantined device is left out of the votes of this window.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from aggregator.evidence.whole_file import replacing
from aggregator.judgement.constants import Constants
from aggregator.judgement.grouping import match
from aggregator.judgement.votes_by_place import LAYER, VotesByPlace

FILE = "trust.parquet"

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
    table = VotesByPlace(crowd)
    silent = table.per_device(table.succeeded) == 0
    known, z, mean_excess = _held_against_others(table, silent & table.votes_somewhere, rule)
    out = table.votes_somewhere & (silent | _disagrees(known, z, mean_excess, rule))
    device, layer = np.nonzero(out)
    mute = silent[out]
    told = table.names(device, layer).assign(
        reason=np.where(mute, NEVER_WORKS.id, DISAGREES.id),
        hexagons=np.where(mute, table.per_device(table.present)[out], known[out]),
        z=np.where(mute, np.nan, z[out]),
        mean_excess=np.where(mute, np.nan, mean_excess[out]),
    )
    return told.sort_values(["device_token", *LAYER], ignore_index=True).reindex(columns=QUARANTINE.names)


def trusted(rows: pd.DataFrame, quarantine: pd.DataFrame) -> pd.DataFrame:
    """Rows (of votes or of the ledger) without the crowd's devices in quarantine, in their order."""
    if quarantine.empty or rows.empty:
        return rows
    out = match(rows, quarantine, ["device_token", *LAYER]) >= 0
    return rows[~(out & (rows["evidence"] == "crowd").to_numpy())]


def write_quarantine(quarantine: pd.DataFrame, judgement: Path) -> None:
    """Write ``trust.parquet`` beside the verdicts. It holds tokens: it is never published."""
    table = pa.Table.from_pandas(quarantine, schema=QUARANTINE, preserve_index=False)
    with replacing(judgement / FILE) as partial:
        pq.write_table(table, partial, compression="zstd")


def read_quarantine(judgement: Path) -> pd.DataFrame:
    """What :func:`write_quarantine` wrote; nobody where there is no file."""
    file = judgement / FILE
    table = pq.read_table(file, schema=QUARANTINE) if file.exists() else QUARANTINE.empty_table()
    quarantine: pd.DataFrame = table.to_pandas()
    return quarantine


Consistency = tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]
"""Hexagons where others voted, z and mean excess of every device and layer (devices, layers)."""


def _held_against_others(table: VotesByPlace, silent: NDArray[np.bool_], constants: Constants) -> Consistency:
    """Every device against the devices that stand at the last round.

    A device is held against those not quarantined in the round before, whether it was itself or not: who was out only
    because of devices that are out is back in.
    """
    out = silent
    result = _consistency(table, out, constants)
    for _ in range(constants.trust_rounds - 1):
        again = silent | (_disagrees(*result, constants) & table.votes_somewhere)
        if (again == out).all():
            break
        out = again
        result = _consistency(table, out, constants)
    return result


def _consistency(table: VotesByPlace, out: NDArray[np.bool_], constants: Constants) -> Consistency:
    counted = table.present & ~out[table.device]
    near, least = constants.trust_neighbour_weight, constants.spurious_failure
    votes_here, votes_near = table.others(counted)
    failing_here, failing_near = table.others(counted & table.failing)
    weight = votes_here + near * votes_near
    known = table.present & (weight > 0)
    shrunk = constants.trust_prior_mean * constants.trust_prior_weight + failing_here + near * failing_near
    mean = shrunk / (constants.trust_prior_weight + weight) + constants.trust_vehicle_excess * ~table.outdoor
    mean = np.clip(mean, least, 1 - least)
    spread = mean * (1 - mean) * (1 + 1 / np.where(known, weight, 1.0))
    hexagons = table.per_device(known)
    total = table.per_device(np.where(known, table.failing - mean, 0.0))
    deviation = np.sqrt(table.per_device(np.where(known, spread, 0.0)))
    z = np.divide(total, deviation, out=np.zeros_like(total), where=deviation > 0)
    return hexagons, z, total / np.maximum(hexagons, 1)


def _disagrees(
    hexagons: NDArray[np.int64], z: NDArray[np.float64], mean_excess: NDArray[np.float64], constants: Constants
) -> NDArray[np.bool_]:
    return np.asarray(
        (np.abs(z) > constants.trust_z)
        & (np.abs(mean_excess) > constants.trust_mean_excess)
        & (hexagons >= constants.trust_least_hexagons)
    )
