"""Plausible masts: towns first, then the countryside; most are shared by the four operators, some are of one alone."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial import KDTree

from aggregator.synthetic.world import PIXEL_M, TO_WGS_84, Booleans, Floats, Scenario, World

OPERATORS = ("20801", "20810", "20815", "20820")

PLACES_IN_COMMUNES = 60
PLACES_IN_COUNTRY = 90
SHARED_BY_ALL = 0.55  # of the places; at the others each operator is present with that same probability
OWN_SITES = 8  # of each operator

HEADER = (
    "code_op;nom_op;num_site;id_site_partage;id_station_anfr;x;y;latitude;longitude;nom_reg;nom_dep;insee_dep;nom_com;"
    "insee_com;site_2g;site_3g;site_4g;site_5g;mes_4g_trim;site_ZB;site_DCC;site_strategique;site_capa_240mbps;"
    "date_ouverturecommerciale_5g;site_5g_700_m_hz;site_5g_800_m_hz;site_5g_1800_m_hz;site_5g_2100_m_hz;"
    "site_5g_3500_m_hz"
)


@dataclass(frozen=True, slots=True)
class Masts:
    """Masts and who transmits from them.

    Attributes:
        xy: Lambert-93, metres, shape (masts, 2).
        present: operators on each mast, shape (masts, 4), in the order of ``OPERATORS``.
        shared: masts of the common local shadowing (more than one operator may be there), shape (masts,).
    """

    xy: Floats
    present: Booleans
    shared: Booleans


def place_masts(world: World, scenario: Scenario) -> Masts:
    """Draw the masts of the territory."""
    random = scenario.random("masts")
    weight = np.sqrt(world.population) / np.sqrt(world.population).sum()
    count = min(PLACES_IN_COMMUNES, len(weight))
    towns = world.centres[random.choice(len(weight), count, replace=False, p=weight)]
    places = np.vstack([towns + random.normal(0.0, 400.0, towns.shape), _in_country(world, PLACES_IN_COUNTRY, random)])
    own = _in_country(world, OWN_SITES * len(OPERATORS), random)
    everyone = random.random((len(places), 1)) < SHARED_BY_ALL
    some = random.random((len(places), len(OPERATORS))) < SHARED_BY_ALL
    alone = np.repeat(np.eye(len(OPERATORS), dtype=bool), OWN_SITES, axis=0)
    return Masts(
        xy=np.vstack([places, own]),
        present=np.vstack([everyone | some, alone]),
        shared=np.arange(len(places) + len(own)) < len(places),
    )


def write_sites(masts: Masts, world: World, into: Path) -> Path:
    """Write the masts as Arcep writes its file of sites: one row per operator and mast, ``;``, Lambert-93 and WGS 84.

    Returns:
        The file, ``2026_T3_sites_Metropole.csv``.
    """
    longitudes, latitudes = TO_WGS_84.transform(masts.xy[:, 0], masts.xy[:, 1])
    nearest = np.asarray(KDTree(world.centres).query(masts.xy)[1])
    path = into / "2026_T3_sites_Metropole.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter=";", lineterminator="\n")
        file.write(HEADER + "\n")
        for mast, (x, y) in enumerate(masts.xy):
            for operator in np.flatnonzero(masts.present[mast]):
                code, commune = OPERATORS[operator], int(nearest[mast])
                identity = [code, f"SYNTHETIC {code}", f"{code}-{mast:03}", f"SYN{mast:03}", f"SYN{mast:03}{operator}"]
                place = [f"{x:.0f}", f"{y:.0f}", f"{latitudes[mast]:.6f}", f"{longitudes[mast]:.6f}"]
                area = ["Bourgogne-Franche-Comté", "Nièvre", world.insee_com[commune][:2]]
                area += [world.names[commune], world.insee_com[commune]]
                table.writerow([*identity, *place, *area, 1, 1, 1, 0, 0, 0, 0, 0, 0, "", 0, 0, 0, 0, 0])
    return path


def _in_country(world: World, count: int, random: np.random.Generator) -> Floats:
    pixels = random.choice(np.flatnonzero(world.inside), count, replace=False)
    x, y = world.grid.centres()
    row, column = np.unravel_index(pixels, world.inside.shape)
    return np.column_stack([x[column], y[row]]) + random.uniform(-PIXEL_M / 2, PIXEL_M / 2, (count, 2))
