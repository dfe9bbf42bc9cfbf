"""The documents of OGC API – Features: landing page, conformance, collections, queryables, and the links among them."""

from typing import Any
from urllib.parse import quote, urlencode

from aggregator.publication.columns import TABLES
from aggregator.publication.reading.collections import Collection
from aggregator.publication.reading.crs import CRS84, EPSG, SYSTEMS
from aggregator.publication.reading.properties import schema_of
from aggregator.publication.reading.releases import Release

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
LOGICAL_SCHEMA = "http://www.opengis.net/def/rel/ogc/1.0/schema"
DESCRIBED_BY = "describedBy"
"""As GDAL writes it: it takes the types of columns from there, and guesses them from the first rows without."""
DRAFT = "https://json-schema.org/draft/2020-12/schema"
CONFORMS_TO = [
    *(f"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/{name}" for name in ("core", "landing-page", "json")),
    *(
        f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}"
        for name in ("core", "oas30", "html", "geojson")
    ),
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
]
FILES = {
    "hexagons": {
        "hexagons.parquet": "application/vnd.apache.parquet",
        "hexagons.gpkg": "application/geopackage+sqlite3",
        "hexagons.geojson": GEOJSON,
    },
    "zones": {"zones.gpkg": "application/geopackage+sqlite3", "zones.geojson": GEOJSON},
    "points": {"zones.gpkg": "application/geopackage+sqlite3"},
    "claims": {"claims.parquet": "application/vnd.apache.parquet"},
}
"""Files of the release that hold a collection whole."""

Document = dict[str, Any]


class Addresses:
    """Links of one request.

    Args:
        root: scheme, host and path before ours.
        release: that the documents are of.
        pinned: whether the request named it; links of pages always do.
        form: of the answer, ``json`` or ``html``.
    """

    def __init__(self, root: str, release: Release, *, pinned: bool, form: str) -> None:
        self.root, self.release, self.form = root, release, form
        self.pinned_base = f"{root}/ogc/releases/{release.name}"
        self.base = self.pinned_base if pinned else f"{root}/ogc"

    def link(self, path: str, rel: str, title: str, media_type: str = "application/json", **query: str) -> Document:
        """One link below the base."""
        address = f"{self.base}{path}" + (f"?{urlencode(query)}" if query else "")
        return {"href": address, "rel": rel, "type": media_type, "title": title}

    def itself(self, path: str, query: list[tuple[str, str]], json_type: str = "application/json") -> list[Document]:
        """This document, and the same one in the other format."""
        found = []
        rest = [(name, value) for name, value in query if name != "f"]
        for form, media_type, title in (("json", json_type, "as JSON"), ("html", "text/html", "as HTML")):
            href = f"{self.base}{path}?{urlencode([*rest, ('f', form)])}"
            rel = "self" if form == self.form else "alternate"
            found.append({"href": href, "rel": rel, "type": media_type, "title": f"This document {title}"})
        return sorted(found, key=lambda one: str(one["rel"]), reverse=True)

    def file(self, name: str, rel: str, title: str, media_type: str) -> Document:
        """A file of the release."""
        return {
            "href": f"{self.root}/releases/{self.release.name}/{name}",
            "rel": rel,
            "type": media_type,
            "title": title,
        }

    def licence(self) -> Document:
        """The licence of the data."""
        told = self.release.manifest["licence"]
        return {"href": told["url"], "rel": "license", "type": "text/html", "title": told["name"]}


def landing(at: Addresses, others: list[str]) -> Document:
    """The way in."""
    manifest = at.release.manifest
    about = f"Release {at.release.name}: data up to {manifest['date']}, counts of volunteers of {manifest['quarter']}."
    warning = manifest.get("warning", {}).get("en")
    synthetic = "Synthetic data: nothing here was measured." if manifest.get("synthetic") else ""
    return {
        "title": manifest["title"]["en"],
        "description": " ".join(filter(None, [about, synthetic, warning])),
        "attribution": "; ".join(manifest.get("attributions", [])),
        "links": [
            *at.itself("/", []),
            at.link("/api", "service-desc", "The API as OpenAPI 3.0", OPENAPI),
            at.link("/api", "service-doc", "The API for people", "text/html", f="html"),
            at.link("/conformance", "conformance", "What this API conforms to"),
            at.link("/collections", "data", "The collections"),
            at.licence(),
            at.file("manifest.json", "describedby", "What the release says of itself", "application/json"),
            *(
                {"href": f"{at.root}/ogc/releases/{name}/", "rel": "related", "type": "application/json", "title": name}
                for name in others
            ),
        ],
    }


def conformance(at: Addresses) -> Document:
    """The classes of the standard that hold here."""
    return {"links": at.itself("/conformance", []), "conformsTo": CONFORMS_TO}


def collections(at: Addresses) -> Document:
    """All of them."""
    found = [collection(at, at.release.collection(name)) for name in at.release.names()]
    return {"links": [*at.itself("/collections", []), at.licence()], "collections": found}


def collection(at: Addresses, one: Collection, *, alone: bool = False) -> Document:
    """One of them.

    Args:
        at: where.
        one: what of.
        alone: whether the document is about nothing else.
    """
    path = f"/collections/{one.name}"
    extent: Document = {}
    if one.extent is not None:
        extent["spatial"] = {"bbox": [one.extent], "crs": CRS84}
    if one.times is not None and (days := one.times.extent())[0]:
        moments = [f"{days[0]}T00:00:00Z", f"{days[1]}T23:59:59Z"]
        extent["temporal"] = {"interval": [moments], "trs": GREGORIAN}
    links = at.itself(path, []) if alone else [at.link(path, "self", one.title)]
    return {
        "id": one.name,
        "title": one.title,
        "description": one.description,
        "itemType": "feature",
        "extent": extent,
        "crs": list(SYSTEMS),
        "storageCrs": CRS84 if one.storage_crs == 4326 else EPSG.format(code=one.storage_crs),
        "links": [
            *links,
            at.link(f"{path}/items", "items", f"{one.title} as GeoJSON", GEOJSON, f="json"),
            at.link(f"{path}/items", "items", f"{one.title} as HTML", "text/html", f="html", limit="50"),
            at.link(f"{path}/feature-schema", DESCRIBED_BY, "A feature, as JSON Schema", SCHEMA),
            at.link(f"{path}/schema", LOGICAL_SCHEMA, "The columns, as JSON Schema", SCHEMA),
            at.link(f"{path}/queryables", QUERYABLES, "What can be asked for", SCHEMA),
            at.licence(),
            *(
                at.file(name, "enclosure", f"All as {name}", kind)
                for name, kind in FILES[one.name].items()
                if (at.release.folder / name).exists()
            ),
        ],
    }


def queryables(at: Addresses, one: Collection) -> Document:
    """The columns that items can be chosen by, as JSON Schema."""
    properties = {column.name: {"title": column.name, **schema_of(column)} for column in one.columns}
    geometry = {"title": "geometry", "format": "geometry-any"}
    return _schema(at, one, "queryables") | {
        "properties": {**properties, "geometry": geometry},
        "additionalProperties": False,
    }


def logical_schema(at: Addresses, one: Collection) -> Document:
    """The columns that items have, as OGC API – Features Part 5 lays them out: whatever the format of an answer."""
    geometry = {"x-ogc-role": "primary-geometry", "format": f"geometry-{_geometry_of(one).lower()}"}
    properties = {column.name: {"title": column.name, **schema_of(column)} for column in one.columns}
    return _schema(at, one, "schema") | {"properties": {"geometry": geometry, **properties}}


def feature_schema(at: Addresses, one: Collection) -> Document:
    """A feature as GeoJSON; a column without a value is null."""
    properties = {column.name: schema_of(column) for column in one.columns}
    return _schema(at, one, "feature-schema") | {
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "string"},
            "geometry": {"$ref": f"https://geojson.org/schema/{_geometry_of(one)}.json"},
            "properties": {"type": "object", "properties": properties},
        },
    }


def _schema(at: Addresses, one: Collection, name: str) -> Document:
    address = f"{at.base}/collections/{one.name}/{name}"
    return {"$schema": DRAFT, "$id": address, "type": "object", "title": one.title, "description": one.description}


def _geometry_of(one: Collection) -> str:
    return TABLES[one.name].geometry


def pages(
    at: Addresses, path: str, query: list[tuple[str, str]], *, limit: int, offset: int, matched: int
) -> list[Document]:
    """Links to the next and the previous page; they name the release, so that pages of two are never mixed."""
    rest = [(name, value) for name, value in query if name not in ("limit", "offset")]
    kind = GEOJSON if at.form == "json" else "text/html"

    def page(rel: str, first: int) -> Document:
        asked = urlencode([*rest, ("limit", str(limit)), ("offset", str(first))])
        return {"href": f"{at.pinned_base}{path}?{asked}", "rel": rel, "type": kind, "title": f"The {rel} page"}

    found = [page("next", offset + limit)] if offset + limit < matched else []
    return [*found, page("prev", max(0, offset - limit))] if offset > 0 else found


def item_path(name: str, identity: str) -> str:
    """Of one feature."""
    return f"/collections/{name}/items/{quote(identity, safe='')}"
