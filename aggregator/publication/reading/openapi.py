"""What can be asked, as OpenAPI 3.0: made from the parameters that requests are read by."""

from functools import partial
from typing import Any

from aggregator.publication.reading.asked import Parameter
from aggregator.publication.reading.collections import Collection
from aggregator.publication.reading.documents import GEOJSON, OPENAPI, SCHEMA, Document
from aggregator.publication.reading.parameters import CRS_OF_ITEM, FORM, ITEMS, RELEASE, ROW_FORMATS, ROWS
from aggregator.publication.reading.properties import schema_of
from aggregator.publication.shelf import RELEASE_ID
from client_sdk import __version__

LICENCE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
SCHEMAS = {
    "queryables": "What items can be chosen by",
    "schema": "What the columns mean, for every format",
    "feature-schema": "What a feature is as GeoJSON",
}
_TEXT = {"type": "string"}
_BINARY = {"type": "string", "format": "binary"}
_LINK: Document = {
    "type": "object",
    "required": ["href", "rel"],
    "properties": dict.fromkeys(("href", "rel", "type", "title"), _TEXT),
}
_LINKS: Document = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
_PROBLEM: Document = {
    "type": "object",
    "required": ["code", "description"],
    "properties": {
        **dict.fromkeys(("code", "description", "type", "title", "detail", "rule"), _TEXT),
        "status": {"type": "integer"},
    },
}


def described(server: str, prefix: str, collections: list[Collection], *, more: bool = False) -> Document:
    """The description of one release's features, and of the rest where ``more``.

    Args:
        server: address that the paths follow.
        prefix: of the paths of OGC API – Features.
        collections: of the release.
        more: whether rows, releases and files are described too.
    """
    paths = _features(prefix, collections)
    if more:
        paths |= _features(f"{prefix}/releases/{{release}}", collections, of_any=True) | _others(collections)
    schemas = {"link": _LINK, "exception": _PROBLEM} | {one.name: _feature(one) for one in collections}
    return {
        "openapi": "3.0.3",
        "info": {
            "title": "Maille: releases of declared and measured mobile coverage",
            "version": __version__,
            "description": "Read only. Everything follows from the files of a release, which never change.",
            "license": LICENCE,
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _features(prefix: str, collections: list[Collection], *, of_any: bool = False) -> Document:
    """The addresses of OGC API – Features, of the latest release or of any that is named."""
    kind, which = ("named.", [_NAMED]) if of_any else ("", [])
    get = partial(_get, path=which, absent=of_any)
    paths: Document = {
        f"{prefix}/": get(f"{kind}landingPage", "The way in", [FORM], _object()),
        f"{prefix}/conformance": get(f"{kind}conformance", "What this API conforms to", [FORM], _object()),
        f"{prefix}/collections": get(f"{kind}collections", "The collections", [FORM], _object()),
        f"{prefix}/api": get(f"{kind}api", "This description", [FORM], _object(), OPENAPI),
    }
    for one in collections:
        path, start = f"{prefix}/collections/{one.name}", f"{kind}{one.name}"
        page = {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"type": "string", "enum": ["FeatureCollection"]},
                "links": _LINKS,
                "timeStamp": {"type": "string", "format": "date-time"},
                "numberMatched": {"type": "integer", "minimum": 0},
                "numberReturned": {"type": "integer", "minimum": 0},
                "features": {"type": "array", "items": {"$ref": f"#/components/schemas/{one.name}"}},
            },
        }
        feature = {"$ref": f"#/components/schemas/{one.name}"}
        crs = {"Content-Crs": {"description": "Reference system of the coordinates.", "schema": _TEXT}}
        identity = _parameter(Parameter("item", "Id of a feature.", _TEXT, str), "path")
        paths |= {
            path: get(f"{start}.collection", one.description, [FORM], _object()),
            **{
                f"{path}/{name}": get(f"{start}.{name}", told, [FORM], _object(), SCHEMA)
                for name, told in SCHEMAS.items()
            },
            f"{path}/items": get(f"{start}.items", one.description, [*ITEMS, *one.filters], page, GEOJSON, headers=crs),
            f"{path}/items/{{item}}": _get(
                f"{start}.item",
                "One feature",
                [FORM, CRS_OF_ITEM],
                feature,
                GEOJSON,
                headers=crs,
                path=[*which, identity],
                absent=True,
            ),
        }
    return paths


def _others(collections: list[Collection]) -> Document:
    columns = next((one for one in collections if one.name == "hexagons"), None)
    row = _properties(columns) if columns else {"type": "object"}
    told = {
        "type": "object",
        "required": ["release", "matched", "rows"],
        "properties": {"release": _TEXT, "matched": {"type": "integer"}, "rows": {"type": "array", "items": row}},
    }
    rows = _get("hexagons.rows", "Rows of hexagons; several values with commas between mean any of them", ROWS, told)
    answers = rows["get"]["responses"]["200"]
    answers["content"] = {"application/json": {"schema": told}} | {
        media_type.partition(";")[0]: {"schema": _BINARY} for form, media_type in ROW_FORMATS.items() if form != "json"
    }
    answers["headers"] = {
        "Maille-Release": {"description": "The release.", "schema": _TEXT},
        "Maille-Matched": {"description": "Rows found, on all pages.", "schema": {"type": "integer"}},
        "Link": {"description": "The next page, where there is a limit.", "schema": _TEXT},
    }
    rows["get"]["responses"]["307"] = {"description": "All of them as Parquet: the release's own file."}
    rows["get"]["responses"]["404"] = _refusal("There is no such release")
    named = _parameter(Parameter(RELEASE.name, "Name of a release, or latest.", _TEXT, str), "path")
    file = _parameter(Parameter("file", "Path of a file, as the release's list has it.", _TEXT, str), "path")
    files = _get("file", "A file of a release", [], _BINARY, "*/*", path=[_NAMED, file], absent=True)
    del files["get"]["responses"]["400"]
    return {
        "/v1/hexagons": rows,
        "/v1/releases": _get("releases", "All releases, the newest first", [], _object()),
        "/v1/releases/{release}": _get(
            "release", "One release and its files", [], _object(), path=[named], absent=True
        ),
        "/releases/{release}/{file}": files,
    }


def _object() -> Document:
    return {"type": "object"}


def _get(
    name: str,
    summary: str,
    known: list[Parameter],
    schema: Document,
    media_type: str = "application/json",
    *,
    headers: Document | None = None,
    path: list[Document] | None = None,
    absent: bool = False,
) -> Document:
    content: Document = {media_type: {"schema": schema}}
    if FORM in known:
        content["text/html"] = {"schema": _TEXT}
    responses: Document = {
        "200": {"description": "Found", "content": content, **({"headers": headers} if headers else {})},
        "304": {"description": "Not changed since the answer with this ETag"},
        "400": _refusal("A parameter is unknown, or its value is not one of its kind"),
    }
    if absent:
        responses["404"] = _refusal("There is none of that name")
    asked = [*(path or []), *(_parameter(parameter, "query") for parameter in known)]
    return {"get": {"operationId": name, "summary": summary, "parameters": asked, "responses": responses}}


def _refusal(description: str) -> Document:
    schema = {"schema": {"$ref": "#/components/schemas/exception"}}
    return {"description": description, "content": {"application/problem+json": schema}}


def _parameter(parameter: Parameter, place: str) -> Document:
    told: Document = {
        "name": parameter.name,
        "in": place,
        "required": place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if place == "query":
        told |= {"style": "form", "explode": not parameter.several}
    return told


def _feature(one: Collection) -> Document:
    return {
        "type": "object",
        "title": one.title,
        "description": one.description,
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": _TEXT,
            "geometry": {"type": "object"},
            "properties": _properties(one),
            "links": _LINKS,
        },
    }


def _properties(one: Collection) -> Document:
    """Every column may be null where there is nothing to say."""
    columns: dict[str, Any] = {column.name: {**schema_of(column), "nullable": True} for column in one.columns}
    return {"type": "object", "properties": columns}


_NAMED = _parameter(Parameter(RELEASE.name, "Name of a release.", _TEXT | {"pattern": RELEASE_ID.pattern}, str), "path")
