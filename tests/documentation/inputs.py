"""The files that the guides name, small ones, made from a demonstration: whoever reads has them from elsewhere."""

import csv
import shutil
import zipfile
from pathlib import Path

import geopandas as gpd
import h3
import pandas as pd
import py7zr
import shapely

from aggregator.demo_folder import DemoFolder

OUTAGES = "raw2026-06-20.geojson"
SITES = "2026_T3_sites_Metropole.csv"
ORANGE = "2026_T3_couv_Metropole_OF_4G_data.gpkg"
DCC = {
    "2024_T2_dcc_Metropole_POI.csv": {"id_point": "1"},
    "2024_T2_dcc_Metropole_sites.csv": {"numero_site": "1", "sites_mes": "0", "sites_6_mois": "1"},
}
GNETTRACK = (
    "Timestamp",
    "Longitude",
    "Latitude",
    "Speed",
    "Operatorname",
    "CellID",
    "NetworkMode",
    "RSRP",
    "RSRQ",
    "SNR",
)
LAYOUT = 'operator = "20801"\ntechnology = "4G"\n'


def write_inputs(demo: DemoFolder, folder: Path) -> None:
    """Lay out a directory as the guides suppose it: ``maille-data`` and the files to import."""
    shutil.copytree(demo.data, folder / "maille-data")
    communes = gpd.read_parquet(demo.data / "territory" / "communes.parquet")
    _territory(communes, demo, folder)
    _lines(communes, folder)
    _coverage(communes, demo, folder)
    (folder / "logs").mkdir()
    row = ("2026.06.17_15.34.34", "3.95", "47.18", "36", "Orange", "3", "LTE", "-79", "-12", "10.0")
    (folder / "logs" / "drive.txt").write_text("\t".join(GNETTRACK) + "\n" + "\t".join(row) + "\n")


def _territory(communes: gpd.GeoDataFrame, demo: DemoFolder, folder: Path) -> None:
    outlines = communes[["insee_com", "name", "geometry"]].rename(columns={"insee_com": "code", "name": "nom"})
    outlines.to_file(folder / "communes.geojson", driver="GeoJSON")
    people = communes[["insee_com", "population"]].rename(columns={"insee_com": "COM", "population": "PMUN"})
    people.to_csv(folder / "population.csv", sep=";", index=False)
    points = communes.geometry.representative_point()
    squares = gpd.GeoDataFrame({"ind": communes["population"]}, geometry=points, crs=communes.crs)
    squares.to_file(folder / "carreaux_200m.gpkg", driver="GPKG")
    for name in ("sites.csv", "sites-annonces.csv", SITES):
        shutil.copy(demo.inputs / SITES, folder / name)
    site = gpd.GeoDataFrame(
        {"operateur": ["Orange"], "data": ["HS"]}, geometry=points.iloc[:1].tolist(), crs=communes.crs
    )
    site.to_file(folder / OUTAGES, driver="GeoJSON")
    examples = folder / "examples" / "nievre"
    examples.mkdir(parents=True)
    centres = communes[["insee_com", "name", "population", "latitude", "longitude"]]
    centres.to_csv(examples / "communes.csv", index=False)
    place = points.to_crs(2154).iloc[0]
    decided = {"id_dossier": "1", "nom_dossier": "ESSAI", "nom_de_la_zone": "ESSAI", "num_arrete": "2018-1"}
    decided |= {"x_lambert_93": f"{place.x:.1f}", "y_lambert_93": f"{place.y:.1f}"}
    decided |= dict.fromkeys(("20801", "20810", "20815", "20820"), "1")
    for name, own in DCC.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, [*decided, *own], delimiter=";")
            rows.writeheader()
            rows.writerow(decided | own)


def _lines(communes: gpd.GeoDataFrame, folder: Path) -> None:
    spots = communes.geometry.representative_point().to_crs(2154)
    order = spots.x.argsort()
    line = shapely.LineString([(spots.iloc[one].x, spots.iloc[one].y) for one in order])
    roads = gpd.GeoDataFrame({"numero": ["D978"], "importance": ["2"]}, geometry=[line], crs=2154)
    for name in ("TRONCON_DE_ROUTE.gpkg", "routes.gpkg", "axes.gpkg"):
        roads.to_file(folder / name, driver="GPKG")
    railways = gpd.GeoDataFrame({"lib_ligne": ["Ligne d’essai"]}, geometry=[line], crs=2154).to_crs(4326)
    railways.to_file(folder / "lignes.geojson", driver="GeoJSON")


def _coverage(communes: gpd.GeoDataFrame, demo: DemoFolder, folder: Path) -> None:
    names = ("2026_T3_couv_Metropole_OF_4G_data.7z", "2026_T1_couv_Metropole_OF_4G_data.gpkg.7z", "couverture.7z")
    for name in names:
        with py7zr.SevenZipFile(folder / name, "w") as packed:
            packed.write(demo.inputs / ORANGE, ORANGE)
    area = gpd.GeoDataFrame(geometry=[shapely.box(*communes.total_bounds)], crs=communes.crs)
    for name in ("telekom.geojson", "carte.geojson"):
        area.to_file(folder / name, driver="GeoJSON")
    area.to_file(folder / "coverage.gpkg", driver="GPKG")
    (folder / "mine.toml").write_text(LAYOUT)
    middle = area.geometry.iloc[0].centroid
    cells = h3.grid_disk(h3.latlng_to_cell(middle.y, middle.x, 9), 3)
    rows = pd.DataFrame({"h3_res9_id": cells, "brandname": "T-Mobile", "technology": 500, "mindown": 35})
    with zipfile.ZipFile(folder / "bdc_08_TMobile_5GNR_mobile_broadband_hex.zip", "w") as packed:
        packed.writestr("bdc_08_TMobile_5GNR_mobile_broadband_hex.csv", rows.to_csv(index=False))
