"""What made a release: this code, and the versions of the libraries that decide or write bytes."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pyogrio
import pyproj
import shapely

import client_sdk

PACKAGES = ("client_sdk", "collector", "aggregator")
LIBRARIES = (
    *("duckdb", "geopandas", "h3", "matplotlib", "numpy", "pandas", "pmtiles", "pyarrow", "pyogrio", "pyproj", "scipy"),
    *("shapely", "typst"),
)

SOURCES = ("*.py", "*.typ")
"""Files that decide bytes: programs, and templates of dossiers."""


@cache
def code() -> dict[str, str]:
    """Name and version of Maille, and the SHA-256 of its source: one version may be worked on for months."""
    root = Path(client_sdk.__file__).parents[1]
    total = hashlib.sha256()
    found = (file for name in PACKAGES for kind in SOURCES for file in (root / name).rglob(kind))
    for file in sorted(found, key=lambda f: f.as_posix()):
        content = file.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{file.relative_to(root).as_posix()}\n{len(content)}\n".encode())
        total.update(content)
    return {"name": "maille", "version": client_sdk.__version__, "sha256": total.hexdigest()}


@cache
def libraries() -> dict[str, str]:
    """Version of each library that decides or writes bytes, sorted by name."""
    gdal = ".".join(map(str, pyogrio.__gdal_version__))
    native = {"gdal": gdal, "geos": shapely.geos_version_string, "proj": pyproj.proj_version_str}
    return dict(sorted(({name: version(name) for name in LIBRARIES} | native).items()))
