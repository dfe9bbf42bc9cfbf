"""``/v1/hexagons``: rows chosen by place and subject; ``/v1/releases``: what they come from."""

import hashlib
import json
from typing import Any
from urllib.parse import urlencode

import numpy as np
from h3.api import basic_int as h3
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from aggregator.evidence.hexagons import parent
from aggregator.publication.reading.answers import OPEN, Validator, answer, public_url
from aggregator.publication.reading.asked import QueryError, read_query
from aggregator.publication.reading.collections import Collection, Rows
from aggregator.publication.reading.crs import CRS84, SYSTEMS, area_of
from aggregator.publication.reading.documents import Document
from aggregator.publication.reading.formats import written
from aggregator.publication.reading.parameters import ROW_FORMATS, ROWS
from aggregator.publication.reading.releases import Release, Releases

SUBJECTS = ("operator", "technology", "threshold", "verdict", "evidence")
PLACED = {"commune": "insee_com", "departement": "insee_dep"}


def routes(releases: Releases) -> list[Route]:
    """Rows, and the releases they come from."""

    def hexagons(request: Request) -> Response:
        values = read_query(request.query_params.multi_items(), ROWS)
        release = releases.open(values.get("release"))
        form = values.get("format", "json")
        validator = Validator.of(request, release.digest, form, pinned="release" in values)
        if unchanged := validator.unchanged(request):
            return unchanged
        if form == "parquet" and not values.keys() - {"release", "format"}:
            whole = f"{public_url(request)}/releases/{release.name}/hexagons.parquet"
            return RedirectResponse(whole, 307, headers=OPEN | {"Cache-Control": validator.headers()["Cache-Control"]})
        return _answered(request, release, values, form, validator)

    def listed(request: Request) -> Response:
        read_query(request.query_params.multi_items(), [])
        root, latest = public_url(request), releases.latest()
        found = [_summary(releases.glance(name), root, latest) for name in reversed(releases.names())]
        return _told(request, {"latest": latest, "releases": found})

    def single(request: Request) -> Response:
        read_query(request.query_params.multi_items(), [])
        name = request.path_params["release"]
        release = releases.glance(None if name == "latest" else name)
        told = _summary(release, public_url(request), releases.latest())
        told["files"] = [
            {"href": f"{public_url(request)}/releases/{release.name}/{one['path']}", **one}
            for one in release.manifest["files"]
        ]
        return _told(request, told)

    return [
        Route("/v1/hexagons", hexagons, methods=["GET"]),
        Route("/v1/releases", listed, methods=["GET"]),
        Route("/v1/releases/{release}", single, methods=["GET"]),
    ]


def _told(request: Request, document: Document) -> Response:
    body = json.dumps(document, ensure_ascii=False).encode()
    validator = Validator.of(request, hashlib.sha256(body).hexdigest(), "releases", pinned=False)
    return validator.unchanged(request) or answer(request, body, "application/json", validator)


def _summary(release: Release, root: str, latest: str) -> Document:
    told = release.manifest
    return {
        "release": release.name,
        "latest": release.name == latest,
        **{name: told.get(name) for name in ("date", "quarter", "audience", "synthetic", "previous", "k")},
        "licence": told["licence"],
        "manifest": f"{root}/releases/{release.name}/manifest.json",
        "ogc": f"{root}/ogc/releases/{release.name}/",
        "hexagons": f"{root}/v1/hexagons?release={release.name}",
    }


def _answered(request: Request, release: Release, values: dict[str, Any], form: str, validator: Validator) -> Response:
    one = release.collection("hexagons")
    columns = values.get("columns", one.table.column_names)
    if unknown := [name for name in columns if name not in one.table.column_names]:
        raise QueryError("columns", unknown[0], f"some of {', '.join(one.table.column_names)}")
    if len(set(columns)) < len(columns):
        raise QueryError("columns", ",".join(columns), "each column once")
    found = chosen(one, values)
    offset = values.get("offset", 0)
    rows = found[offset : offset + values.get("limit", len(found))]
    headers = {"Maille-Release": release.name, "Maille-Matched": str(len(found))}
    if offset + len(rows) < len(found):
        asked = [(name, text) for name, text in request.query_params.multi_items() if name not in ("offset", "release")]
        query = urlencode([*asked, ("release", release.name), ("offset", offset + len(rows))])
        headers["Link"] = f'<{public_url(request)}/v1/hexagons?{query}>; rel="next"'
    if form != "json":
        headers["Content-Disposition"] = f'inline; filename="{release.name}-hexagons.{form}"'
    head = {"release": release.name, "matched": len(found)}
    return answer(request, written(form, one, rows, columns, head), ROW_FORMATS[form], validator, headers)


def chosen(one: Collection, values: dict[str, Any]) -> Rows:
    """Rows that a query asks for, sorted."""
    places = one.meeting(area_of(values["bbox"], SYSTEMS[CRS84])) if "bbox" in values else None
    if "h3" in values:
        inside = _in_cell(one, h3.str_to_int(values["h3"]))
        places = inside if places is None else np.intersect1d(places, inside)
    columns = {name: values[name] for name in SUBJECTS if name in values}
    for name, column in PLACED.items():
        if name in values:
            if column not in one.table.column_names:
                raise QueryError(name, ",".join(values[name]), "a release that tells the commune of its hexagons")
            columns[column] = values[name]
    return one.select(places=places, values=columns)


def _in_cell(one: Collection, cell: int) -> Rows:
    """Places inside a cell of H3, or those around it where it is smaller than they are."""
    resolution = h3.get_resolution(cell)
    cells, resolutions = one.cells
    found = np.zeros(len(cells), dtype=bool)
    for level in np.unique(resolutions):
        own = resolutions == level
        if level >= resolution:
            found[own] = parent(cells[own], resolution) == cell
        else:
            found[own] = cells[own] == parent(cell, int(level))
    return np.flatnonzero(found)
