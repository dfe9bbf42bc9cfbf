"""The table of coverage claims, and where each claim comes from.

``claims.parquet`` holds the share of each hexagon declared covered, per operator, technology, usage and level, and that
of its accessible part (:mod:`~aggregator.evidence.accessible`), null where nothing accessible is known there. A source
that is known only within a territory or a grid says so (``bounded``): it has a row, if only of share 0, for every
hexagon it speaks about, and elsewhere nothing is known. Any other source declares share 0 where it has no row.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import Cells
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import tr

CLAIM_KEYS = ["h3_r8", "operator", "technology", "usage", "level"]
SOURCE_KEYS = ["operator", "technology", "usage"]

SHARES = ["declared_share", "accessible_share"]

SHARE_DECIMALS = 4

CLAIMS = pa.schema(
    [
        ("h3_r8", pa.int64()),
        *((name, pa.string()) for name in CLAIM_KEYS[1:]),
        *((name, pa.float64()) for name in SHARES),
        ("bounded", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimSource:
    """Provenance of the claims of one operator, technology and usage.

    Attributes:
        quarter: of the declaration, ``2024_T3``, or empty where unknown.
        file: name of the file as imported, with ``file_sha256`` in lower-case hexadecimal.
        source: who published it. licence: under which licence.
        bounded: known only in the hexagons that have a row.
        layer: names of the layers read. features: rows read that make this claim.
        roads_sha256, inhabited_sha256: of the territory's files that told the accessible part; empty where absent.
    """

    operator: str
    technology: str
    usage: str
    quarter: str
    file: str
    file_sha256: str
    source: str
    licence: str
    bounded: bool
    layer: str = ""
    features: int = 0
    roads_sha256: str = ""
    inhabited_sha256: str = ""


def read_claims(claims: Path) -> pd.DataFrame:
    """All claims, with the columns of :data:`CLAIMS`, in the order of their keys."""
    file = claims / "claims.parquet"
    table = pq.read_table(file, schema=CLAIMS) if file.exists() else CLAIMS.empty_table()
    claimed: pd.DataFrame = table.to_pandas()
    return claimed


def read_claim_sources(claims: Path) -> list[ClaimSource]:
    """Provenance of every operator, technology and usage imported, in that order.

    Raises:
        EvidenceError: ``sources.json`` is not what an import wrote.
    """
    file = claims / "sources.json"
    if not file.exists():
        return []
    try:
        return [ClaimSource(**entry) for entry in json.loads(file.read_text(encoding="utf-8"))]
    except (ValueError, TypeError) as error:
        raise EvidenceError(
            tr(
                f"{file}: not a list of claim sources ({error})",
                f"{file} : pas une liste de sources de déclarations ({error})",
            )
        ) from error


def replace_claims(
    claims: Path, rows: pd.DataFrame, sources: Sequence[ClaimSource], *, known: Cells | None = None
) -> None:
    """Write ``rows`` in place of whatever was known for the operators, technologies and usages of ``sources``.

    Args:
        claims: directory of the claims.
        rows: ``h3_r8, operator, technology, usage, level, declared_share``, and ``accessible_share`` where known.
        sources: provenance of the rows.
        known: the hexagons that bounded sources speak about; those without a row get one of share 0.
    """
    replaced = {_source_key(source) for source in sources}
    others = [source for source in read_claim_sources(claims) if _source_key(source) not in replaced]
    old = read_claims(claims)
    stays = [key not in replaced for key in old[SOURCE_KEYS].itertuples(index=False, name=None)]
    kept = old[np.array(stays, dtype=bool)]
    shares = rows.reindex(columns=[*CLAIM_KEYS, *SHARES]).round(dict.fromkeys(SHARES, SHARE_DECIMALS))
    shares = shares[(shares[SHARES] > 0).any(axis=1)]
    parts = [kept, shares.assign(bounded=known is not None)]
    for operator, technology, usage in sorted(replaced):
        if known is None:
            break
        own = shares[(shares[SOURCE_KEYS] == [operator, technology, usage]).all(axis=1)]
        zeros = pd.DataFrame({"h3_r8": np.setdiff1d(known, own["h3_r8"].to_numpy(np.int64))})
        named = {"operator": operator, "technology": technology, "usage": usage, "level": ""}
        parts.append(zeros.assign(**named, declared_share=0.0, accessible_share=np.nan, bounded=True))
    table = pa.concat_tables([pa.Table.from_pandas(part, schema=CLAIMS, preserve_index=False) for part in parts])
    table = table.sort_by([(key, "ascending") for key in CLAIM_KEYS])
    listed = json.dumps(
        [asdict(source) for source in sorted([*others, *sources], key=_source_key)], ensure_ascii=False, indent=1
    )
    with replacing(claims / "sources.json") as new_sources, replacing(claims / "claims.parquet") as new_claims:
        pq.write_table(table, new_claims, compression="zstd")
        new_sources.write_text(listed, encoding="utf-8")


def _source_key(source: ClaimSource) -> tuple[str, str, str]:
    return source.operator, source.technology, source.usage
