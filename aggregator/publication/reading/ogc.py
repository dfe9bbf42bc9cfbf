"""OGC API – Features over releases: Part 1 (Core, GeoJSON, HTML, OpenAPI 3.0), Part 2 (reference systems)."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

import numpy as np
import pyarrow as pa
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from aggregator.publication.reading import documents, html, openapi, texts
from aggregator.publication.reading.answers import Validator, answer, public_url, wanted_format
from aggregator.publication.reading.asked import DEFAULT_LIMIT, AbsentError, Parameter, read_query
from aggregator.publication.reading.collections import Collection
from aggregator.publication.reading.crs import CRS84, SYSTEMS, area_of
from aggregator.publication.reading.parameters import CRS_OF_ITEM, FORM, ITEMS
from aggregator.publication.reading.releases import Releases

JSON = "application/json"
Describe = Callable[[documents.Addresses, Collection], documents.Document]
SCHEMAS: list[tuple[str, Describe, str]] = [
    ("queryables", documents.queryables, "Queryables"),
    ("schema", documents.logical_schema, "Columns"),
    ("feature-schema", documents.feature_schema, "Feature"),
]
"""Documents of a collection in JSON Schema: address, content and title."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, understood as far as every address has it.

    Attributes:
        request: as it came. at: links, with the release. values: of its parameters.
    """

    request: Request
    at: documents.Addresses
    values: dict[str, Any]
    validator: Validator

    @property
    def query(self) -> list[tuple[str, str]]:
        """As given."""
        return list(self.request.query_params.multi_items())

    @property
    def one(self) -> Collection:
        """The collection that is asked for."""
        return self.at.release.collection(self.request.path_params["collection"])


def routes(releases: Releases) -> list[Route]:
    """Below ``/ogc`` for the latest release, below ``/ogc/releases/…`` for any."""

    def endpoint(
        show: Callable[[Asked], Response], known: Callable[[Asked], list[Parameter]]
    ) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            name = request.path_params.get("release")
            release = releases.open(name)
            form = wanted_format(request, request.query_params.get("f"))
            at = documents.Addresses(public_url(request), release, pinned=name is not None, form=form)
            validator = Validator.of(request, release.digest, form, pinned=name is not None, weak=True)
            asked = Asked(request, at, {}, validator)
            values = read_query(asked.query, known(asked))
            unchanged = validator.unchanged(request)
            return unchanged or show(Asked(request, at, values, validator))

        return handle

    def only_form(_: Asked) -> list[Parameter]:
        return [FORM]

    def landing(asked: Asked) -> Response:
        others = [name for name in releases.names() if name != asked.at.release.name]
        return _document(asked, documents.landing(asked.at, others), "Maille: OGC API – Features")

    def api(asked: Asked) -> Response:
        told = openapi.described(asked.at.base, "", [asked.at.release.collection(n) for n in asked.at.release.names()])
        return _document(asked, told, "The API", documents.OPENAPI)

    shown: list[tuple[str, Callable[[Asked], Response], Callable[[Asked], list[Parameter]]]] = [
        ("", landing, only_form),
        ("/", landing, only_form),
        ("/api", api, only_form),
        ("/conformance", lambda asked: _document(asked, documents.conformance(asked.at), "Conformance"), only_form),
        ("/collections", lambda asked: _document(asked, documents.collections(asked.at), "Collections"), only_form),
        ("/collections/{collection}", _collection, only_form),
        *(
            (f"/collections/{{collection}}/{name}", partial(_schema, told=told, title=title), only_form)
            for name, told, title in SCHEMAS
        ),
        ("/collections/{collection}/items", _items, lambda asked: [*ITEMS, *asked.one.filters]),
        ("/collections/{collection}/items/{item:path}", _item, lambda _: [FORM, CRS_OF_ITEM]),
    ]
    return [
        Route(f"/ogc{release}{path}", endpoint(show, known), methods=["GET"])
        for release in ("", "/releases/{release}")
        for path, show, known in shown
    ]


def _document(asked: Asked, document: documents.Document, title: str, media_type: str = JSON) -> Response:
    if asked.at.form == "json":
        return answer(asked.request, json.dumps(document, ensure_ascii=False).encode(), media_type, asked.validator)
    found = document.get("links", [])
    if "collections" in document:
        body = "".join(
            f"<h2>{escape(one['title'])}</h2><p>{escape(one['description'])}</p>{html.links(one['links'])}"
            for one in document["collections"]
        )
    else:
        body = html.described(document) if "openapi" in document else html.told(document)
    named = str(document["title"]) if "extent" in document else title
    page = html.page(named, body + html.links(found), _crumbs(asked))
    return answer(asked.request, page, "text/html", asked.validator)


def _crumbs(asked: Asked) -> list[tuple[str, str]]:
    at, path = asked.at, asked.request.path_params
    found = [("Maille", f"{at.root}/"), (at.release.name, f"{at.base}/?f=html")]
    if "collection" in path:
        one = f"{at.base}/collections/{path['collection']}"
        found += [("Collections", f"{at.base}/collections?f=html"), (path["collection"], f"{one}?f=html")]
        if "item" in path:
            found.append(("items", f"{one}/items?f=html&limit=50"))
    return found


def _collection(asked: Asked) -> Response:
    return _document(asked, documents.collection(asked.at, asked.one, alone=True), asked.one.title)


def _schema(asked: Asked, *, told: Describe, title: str) -> Response:
    return _document(asked, told(asked.at, asked.one), title, documents.SCHEMA)


def _items(asked: Asked) -> Response:
    one, values = asked.one, asked.values
    places = None
    if "bbox" in values:
        places = one.meeting(area_of(values["bbox"], values.get("bbox-crs", SYSTEMS[CRS84])))
    columns = {name: values[name] for name in one.table.column_names if name in values}
    rows = one.select(places=places, values=columns, during=values.get("datetime"))
    limit, offset = values.get("limit", DEFAULT_LIMIT), values.get("offset", 0)
    if asked.at.form == "html":
        limit = min(limit, DEFAULT_LIMIT)  # a browser draws no more
    page = rows[offset : offset + limit]
    path = f"/collections/{one.name}/items"
    links = [
        *asked.at.itself(path, asked.query, documents.GEOJSON),
        *documents.pages(asked.at, path, asked.query, limit=limit, offset=offset, matched=len(rows)),
        asked.at.link(f"/collections/{one.name}", "collection", one.title),
    ]
    told = {
        "type": "FeatureCollection",
        "links": links,
        "timeStamp": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "numberMatched": len(rows),
        "numberReturned": len(page),
    }
    if asked.at.form == "html":
        return _items_page(asked, told, page)
    system = values.get("crs", SYSTEMS[CRS84])
    head = json.dumps(told, ensure_ascii=False).encode()[:-1]
    body = b"".join([head, b',"features":[\n', features_of(one, page, system), b"\n]}"])
    return answer(asked.request, body, documents.GEOJSON, asked.validator, _content_crs(system))


def features_of(one: Collection, rows: Any, system: Any) -> memoryview:
    """GeoJSON features of some rows, coordinates in a reference system."""
    part = one.packed.take(pa.array(rows))
    ids = one.ids(one.table.select(list(one.key)).take(pa.array(rows)))
    places = one.places_of(rows)
    if system.uri == CRS84:
        geometries = one.geometries.take(pa.array(places))
    else:
        distinct, which = np.unique(places, return_inverse=True)
        geometries = pa.array(system.geometries(one.shapes[distinct]), pa.string()).take(pa.array(which))
    return texts.features(part, ids, geometries)


def _content_crs(system: Any) -> dict[str, str]:
    return {"Content-Crs": f"<{system.uri}>"}


def _items_page(asked: Asked, told: documents.Document, rows: Any) -> Response:
    one = asked.one
    part = one.table.take(pa.array(rows))
    addresses = [f"{asked.at.base}{documents.item_path(one.name, name)}?f=html" for name in one.ids(part).to_pylist()]
    first = asked.values.get("offset", 0)
    counted = f"<p>{len(rows)} of {told['numberMatched']} features, after the first {first}.</p>"
    body = counted + html.links(told["links"]) + html.rows_table(part.to_pylist(), addresses)
    return answer(asked.request, html.page(one.title, body, _crumbs(asked)), "text/html", asked.validator)


def _item(asked: Asked) -> Response:
    one, identity = asked.one, asked.request.path_params["item"]
    row = one.find(identity)
    if row is None:
        raise AbsentError(f"item {identity!r} of {one.name}: there is none")
    path = documents.item_path(one.name, identity)
    links = [
        *asked.at.itself(path, asked.query, documents.GEOJSON),
        asked.at.link(f"/collections/{one.name}", "collection", one.title),
    ]
    if asked.at.form == "html":
        record = one.table.slice(row, 1).to_pylist()[0]
        page = html.page(identity, html.told(record) + html.links(links), _crumbs(asked))
        return answer(asked.request, page, "text/html", asked.validator)
    system = asked.values.get("crs", SYSTEMS[CRS84])
    feature = features_of(one, np.array([row]), system)
    body = b"".join([feature[:-1], b',"links":', json.dumps(links, ensure_ascii=False).encode(), b"}"])
    return answer(asked.request, body, documents.GEOJSON, asked.validator, _content_crs(system))
