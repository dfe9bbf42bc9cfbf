"""What operators declare, by hexagon and usage, as the map shows it."""

import pandas as pd

from aggregator.judgement.declared import USAGE, declared_shares

COLUMNS = ["cell", "operator", "technology", "usage", "share", "bounded"]


def claimed_shares(claims: pd.DataFrame) -> pd.DataFrame:
    """Declared share above 0 of each hexagon, all levels together; of its accessible part where that is known.

    Args:
        claims: as ``evidence.claims.read_claims`` gives them.

    Returns:
        ``COLUMNS``, in the order of usage, operator, technology and cell.
    """
    parts = []
    for usage in sorted(claims["usage"].astype("str").unique()):
        # one rule for every usage: that of data, on which verdicts rest
        own = declared_shares(claims[claims["usage"] == usage].assign(usage=USAGE))
        parts.append(own[own["declared_share"] > 0].assign(usage=usage))
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype="object") for name in COLUMNS}).astype({"cell": "int64"})
    found = pd.concat(parts, ignore_index=True).rename(columns={"h3_r8": "cell", "declared_share": "share"})
    return found.astype({"operator": "str", "technology": "str"})[COLUMNS]
