"""pygeoapi over the GeoPackage of a release: another server of OGC API – Features on the same data.

It reads through GDAL's own bindings, which use the file's spatial index; its provider in SQL scans the table for every
box. The environment it runs in is made for it alone, beside the distribution's ``python3-gdal``.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.intake.machine import Server, free_port, serving_program

PACKAGES = ["pygeoapi==0.21.0", "gunicorn==27.0.1"]
WORKERS = 2
"""Ours: while one waits for the disk, the other has the core; more only share it."""


class MissingError(Exception):
    """pygeoapi cannot be installed here."""


def environment(folder: Path) -> Path:
    """The programs of an environment with pygeoapi, made once as a folder.

    Raises:
        MissingError: a step fails, with what it said.
    """
    programs = folder / "bin"
    if not (programs / "gunicorn").exists():
        install = [programs / "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES]
        for step in (["/usr/bin/python3", "-m", "venv", "--system-site-packages", programs.parent], install):
            done = subprocess.run(list(map(str, step)), capture_output=True, text=True, check=False)
            if done.returncode:
                raise MissingError(f"{' '.join(map(str, step))}: {done.stderr.strip()}")
    return programs


@contextlib.contextmanager
def serving_pygeoapi(programs: Path, release: Path, folder: Path, cores: set[int]) -> Iterator[Server]:
    """pygeoapi from when it answers until the end of the block."""
    port = free_port()
    config, description = folder / "pygeoapi.json", folder / "openapi.json"
    config.write_text(json.dumps(_configuration(port, release), indent=1), encoding="utf-8")
    environment = {"PYGEOAPI_CONFIG": str(config), "PYGEOAPI_OPENAPI": str(description)}
    generate = [str(programs / "pygeoapi"), "openapi", "generate", str(config), "--output-file", str(description)]
    subprocess.run(generate, env=environment, check=True, capture_output=True)
    bind = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--keep-alive", "60", "--worker-class", "gthread"]
    command = [str(programs / "gunicorn"), *bind, "--log-level", "error", "pygeoapi.flask_app:APP"]
    with serving_program(command, environment, port, cores) as server:
        yield server


def _configuration(port: int, release: Path) -> dict[str, object]:
    url = f"http://127.0.0.1:{port}"
    limits = {"default_items": 1000, "max_items": 10_000}
    told = {"title": "hexagons", "description": "hexagons", "keywords": ["coverage"]}
    provider = {
        "type": "feature",
        "name": "OGR",
        "data": {
            "source_type": "GPKG",
            "source": str(release / "hexagons.gpkg"),
            "source_capabilities": {"paging": True},
        },
        "id_field": "fid",
        "layer": "hexagons",
    }
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": url,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "gzip": False,
            "languages": ["en-US"],
            "limits": limits,
            "map": {"url": "https://tile.openstreetmap.org/{z}/{x}/{y}.png", "attribution": "none"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {**told, "terms_of_service": "none", "url": url, "keywords_type": "theme"},
            "license": {"name": "none", "url": url},
            "provider": {"name": "none", "url": url},
            "contact": {"name": "none"},
        },
        "resources": {
            "hexagons": {
                "type": "collection",
                **told,
                "links": [],
                "extents": {
                    "spatial": {"bbox": [-180, -90, 180, 90], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
                },
                "providers": [provider],
            }
        },
    }
