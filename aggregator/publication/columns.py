"""What every column of every table of a release means: the one place that schemas, codebook and databases follow."""

from aggregator.publication.columns_claims import CLAIMS
from aggregator.publication.columns_dcc import DCC
from aggregator.publication.columns_observatory import OBSERVATORY, PLACES
from aggregator.publication.columns_places import HEXAGONS
from aggregator.publication.columns_points import COMPONENTS, POINTS
from aggregator.publication.columns_zones import ZONES

TABLES = {table.name: table for table in (HEXAGONS, CLAIMS, PLACES, ZONES, COMPONENTS, POINTS, DCC, OBSERVATORY)}
"""By the name of the layer, or of the file without its ending."""
