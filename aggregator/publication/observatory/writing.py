"""The observatory of one release: ``observatory.csv``, ``observatory-communes-58.csv`` and so on, and the page's data.

Everything follows from what the release says elsewhere (verdicts that may be told, published counts), from operators'
declarations and from the ground: it tells nothing more of anybody's devices.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
from h3.api import basic_int as h3

from aggregator.evidence.hexagons import HEXAGON_RESOLUTION
from aggregator.judgement.declared import USAGE
from aggregator.publication.making import Making
from aggregator.publication.observatory.counts import measured_counts, site_counts
from aggregator.publication.observatory.history import FILE, recent
from aggregator.publication.observatory.page_data import write_page_data
from aggregator.publication.observatory.places import WHOLE, read_places
from aggregator.publication.observatory.shares import THRESHOLD, shares_of
from aggregator.publication.observatory.table import COLUMNS, Told, table_of
from aggregator.publication.quarters import quarter_of

COMMUNES_FILE = "observatory-communes-{departement}.csv"
"""One for each département: a whole region's rows are more than a spreadsheet takes."""
FOLDER = "observatory"


def write_observatory(
    draft: Path,
    making: Making,
    published: pd.DataFrame,
    *,
    claims: pd.DataFrame,
    communes: gpd.GeoDataFrame,
    sources: Sequence[Mapping[str, Any]],
    notice: str,
) -> None:
    """Write the observatory's files.

    Args:
        draft: the release's directory.
        making: what the release is made from.
        published: its hexagons, as ``published_hexagons`` gives them.
        claims: as ``evidence.claims.read_claims`` gives them.
        communes: as ``territory.read_communes`` gives them.
        sources: of the claims, for their quarters.
        notice: what every row has to say of the release.
    """
    parameters, territory = making.parameters, making.ground.data / "territory"
    places = read_places(territory, communes, parameters.territory.cells if parameters.territory else None)
    verdicts = making.issue.verdicts[making.issue.verdicts["told"].astype(bool)]
    shares = shares_of(places, verdicts, _measured(published), claims, parameters.constants)
    counts = pd.concat(
        [measured_counts(places, communes, published), site_counts(places, communes, territory)], ignore_index=True
    )
    told = Told(
        release=making.release,
        date=parameters.last_day,
        quarter=quarter_of(date.fromisoformat(parameters.last_day)),
        counts_quarter=making.issue.quarter,
        claims_quarters={
            (str(source["operator"]), str(source.get("technology"))): str(source.get("quarter") or "")
            for source in sources
            if source.get("usage") == USAGE
        },
        notice=notice,
    )
    larger = table_of(places, shares, counts, told, (WHOLE, "departement", "epci"), zeros=True)
    rows = pd.concat([recent(making.history, COLUMNS), larger], ignore_index=True)
    rows.to_csv(draft / FILE, index=False, lineterminator="\n")
    by_commune = table_of(places, shares, counts, told, ("commune",), zeros=False)
    home = by_commune["code"].map(places.of_kind("commune").set_index("code")["departement"])
    for departement, own in by_commune.groupby(home, sort=True):
        own.to_csv(draft / COMMUNES_FILE.format(departement=departement), index=False, lineterminator="\n")
    about = {
        "release": making.release,
        "previous": making.previous,
        "date": parameters.last_day,
        "quarter": told.quarter,
        "audience": parameters.audience,
        "k": parameters.k,
        "synthetic": parameters.synthetic,
        "label": parameters.label,
    }
    (draft / FOLDER).mkdir()
    write_page_data(draft / FOLDER, places, shares, counts, rows, told, about)


def _measured(published: pd.DataFrame) -> pd.DataFrame:
    """``h3_r8, operator, technology`` of the hexagons of which a figure of service is published."""
    rows = published[(published["resolution"] == HEXAGON_RESOLUTION) & (published["threshold"] == THRESHOLD)]
    cells = [h3.str_to_int(text) for text in rows["h3"]]
    return (
        rows[["operator", "technology"]].astype("str").assign(h3_r8=pd.Series(cells, index=rows.index, dtype="int64"))
    )
