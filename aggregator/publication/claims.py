"""The table of declared coverage a release carries: every claim on the territory, measured or not."""

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from h3.api import basic_int as h3
from numpy.typing import NDArray

from aggregator.evidence.claims_table import CLAIM_KEYS, SHARE_DECIMALS, SHARES, SOURCE_KEYS
from aggregator.evidence.hexagons import WGS_84
from aggregator.publication.hexagons import cell_polygons
from client_sdk.operators import operator_name

COLUMNS = [
    *("h3", "operator", "operator_name", "technology", "usage", "level"),
    *("declared_share", "accessible_share", "bounded", "claims_quarter", "notice"),
]


def published_claims(
    claims: pd.DataFrame,
    sources: Sequence[Mapping[str, Any]],
    notice: str = "",
    within: NDArray[np.int64] | None = None,
) -> gpd.GeoDataFrame:
    """One row per hexagon, operator, technology, usage and level, sorted in this order, in EPSG:4326.

    Args:
        claims: as ``evidence.claims_table.read_claims`` gives them.
        sources: of the claims, as the import wrote them.
        notice: what every row says of the release; empty for most.
        within: hexagons of the territory; None for all.

    Returns:
        ``COLUMNS`` and the hexagon's polygon. A hexagon without a row is not declared covered where the source is not
        ``bounded``, and nothing is known of it where it is.
    """
    rows = claims if within is None else claims[claims["h3_r8"].isin(within)]
    rows = rows.sort_values(CLAIM_KEYS, ignore_index=True)
    cells, place = np.unique(rows["h3_r8"].to_numpy(np.int64), return_inverse=True)
    names = np.array([h3.int_to_str(int(cell)) for cell in cells], dtype=object)
    shapes = np.array(cell_polygons(pd.Series(cells)), dtype=object)
    quarters = {tuple(source[name] for name in SOURCE_KEYS): source.get("quarter", "") for source in sources}
    keys = pd.MultiIndex.from_frame(rows[SOURCE_KEYS])
    operators = rows["operator"].astype("str")
    table = pd.DataFrame(
        {
            "h3": pd.Series(names[place], dtype="str"),
            "operator": operators,
            "operator_name": operators.map({code: operator_name(code) for code in operators.unique()}).astype("str"),
            **{name: rows[name].astype("str") for name in ("technology", "usage", "level")},
            **{name: rows[name].astype("float64").round(SHARE_DECIMALS) for name in SHARES},
            "bounded": rows["bounded"].astype("bool"),
            "claims_quarter": pd.Series(keys.map(quarters), dtype="object").fillna("").astype("str"),
            "notice": pd.Series(notice, index=rows.index, dtype="str"),
        }
    )[COLUMNS]
    # the text of an index of H3 sorts as its number does
    return gpd.GeoDataFrame(table, geometry=shapes[place], crs=WGS_84)
