"""Points and sites already decided by the dispositif de couverture ciblée, as Arcep publishes them.

Both of its layouts are read: points of interest (``id_point``, …) and sites (``numero_site``, …), in Lambert-93, with
one 0/1 column per operator. ``dcc.parquet`` holds both, each replaced by the next file of its kind.
"""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from aggregator.evidence.errors import EvidenceError
from aggregator.evidence.hexagons import LAMBERT_93, WGS_84, projected
from aggregator.evidence.tables import lenient_numbers, read_table
from aggregator.evidence.whole_file import replacing
from client_sdk.messages import counted, tr

OPERATORS = ("20801", "20810", "20815", "20820")
COLUMNS = ["kind", "dossier", "name", "decree", "operators", "in_service", "stage", "geometry"]
STAGES = {
    "sites_mes": "in_service",
    "sites_6_mois": "within_6_months",
    "sites_6_24_mois": "within_24_months",
    "sites_attente_deploiement": "waiting",
}
"""Columns of the file of sites, each a number of sites → where a site stands; ``unknown`` where none of them says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DccImported:
    """What an import did: ``kind`` is ``points`` or ``sites``; ``left_out`` rows had no position or no operator."""

    kind: str
    decided: int
    left_out: int

    def text(self) -> str:
        """For people."""
        what = "point(s)" if self.kind == "points" else "site(s)"
        decided = counted(self.decided, f"decided {what} of the DCC", f"{what} déjà décidé(s) au titre du dispositif")
        return tr(f"{decided}; ", f"{decided} ; ") + counted(self.left_out, "row(s) left out.", "ligne(s) écartée(s).")


def import_dcc(file: Path, territory: Path) -> DccImported:
    """Replace what was known of the same kind.

    Raises:
        EvidenceError: a column is missing, or no row can be used.
    """
    table = read_table(file, required=("id_dossier", "x_lambert_93", "y_lambert_93", *OPERATORS))
    kind = "points" if "id_point" in table else "sites"
    if kind == "sites" and "numero_site" not in table:
        raise EvidenceError(
            tr(
                f"{file}: is no DCC file, expected a column id_point (points) or numero_site (sites)",
                f"{file} : pas un fichier DCC ; attendu : une colonne id_point (points) ou numero_site (sites)",
            )
        )
    x, y = lenient_numbers(table["x_lambert_93"]), lenient_numbers(table["y_lambert_93"])
    obliged = pd.DataFrame({name: table[name].str.strip() == "1" for name in OPERATORS})
    usable = (x > 0) & (x < 1_400_000) & (y > 6_000_000) & (y < 7_200_000) & obliged.any(axis=1).to_numpy()
    if not usable.any():
        raise EvidenceError(
            tr(
                f"{file}: no row has a position in Lambert-93 and an operator",
                f"{file} : aucune ligne n’a une position en Lambert-93 et un opérateur",
            )
        )
    flat = shapely.points(np.where(usable, x, 700_000), np.where(usable, y, 6_600_000))
    decided = gpd.GeoDataFrame(
        {
            "kind": kind,
            "dossier": table["id_dossier"].str.strip(),
            "name": _first(table, "nom_point_arrete", "nom_site_arrete", "nom_dossier", "nom_de_la_zone"),
            "decree": _first(table, "num_arrete"),
            "operators": [" ".join(np.array(OPERATORS)[row]) for row in obliged.to_numpy()],
            "in_service": _first(table, "sites_mes").eq("1"),
            "stage": _stage(table),
        },
        geometry=projected(flat, LAMBERT_93, WGS_84),
        crs=WGS_84,
    )[usable]
    before = read_dcc(territory)
    parts = [decided] if before is None else [before[before["kind"] != kind], decided]
    whole = gpd.GeoDataFrame(pd.concat(parts, ignore_index=True), crs=WGS_84)
    whole["stage"] = whole["stage"].fillna("unknown")  # what was imported before it was read has none
    whole = whole.sort_values(["kind", "decree", "dossier", "name"], kind="stable", ignore_index=True)[COLUMNS]
    with replacing(territory / "dcc.parquet") as partial:
        whole.to_parquet(partial, index=False)
    return DccImported(kind=kind, decided=int(usable.sum()), left_out=int((~usable).sum()))


def read_dcc(territory: Path) -> gpd.GeoDataFrame | None:
    """Decided points and sites: :data:`COLUMNS`, ``operators`` as PLMNs apart by a space; None where none are known."""
    file = territory / "dcc.parquet"
    return gpd.read_parquet(file) if file.exists() else None


def _stage(table: pd.DataFrame) -> "pd.Series[str]":
    """The first of :data:`STAGES` that a row counts a site in."""
    stage = pd.Series("unknown", index=table.index)
    for column, name in reversed(STAGES.items()):
        if column in table:
            stage = stage.mask(lenient_numbers(table[column]) > 0, name)
    return stage


def _first(table: pd.DataFrame, *names: str) -> "pd.Series[str]":
    """The first of the columns that says something, row by row; what is absent in the source (``NA``) is empty."""
    text = pd.Series("", index=table.index)
    for name in reversed(names):
        if name in table:
            told = table[name].str.strip()
            text = told.where(~told.isin(["", "NA"]), text)
    return text
