"""All that is answered beside files: features, rows, releases, their description, and refusals."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aggregator.publication.reading import ogc, openapi, rows
from aggregator.publication.reading.answers import OPEN, PREFLIGHT, Validator, answer, public_url
from aggregator.publication.reading.asked import AbsentError, QueryError, read_query
from aggregator.publication.reading.releases import Releases


def routes(releases: Releases) -> list[Route]:
    """Of the read API."""

    def description(request: Request) -> Response:
        read_query(request.query_params.multi_items(), [])
        release = releases.open()
        validator = Validator.of(request, release.digest, "openapi", pinned=False)
        collections = [release.collection(name) for name in release.names()]
        told = openapi.described(public_url(request), "/ogc", collections, more=True)
        body = json.dumps(told, ensure_ascii=False).encode()
        return validator.unchanged(request) or answer(request, body, "application/json", validator)

    def preflight(_: Request) -> Response:
        return Response(status_code=204, headers=PREFLIGHT)

    return [
        *(
            Route(f"{start}{{rest:path}}", preflight, methods=["OPTIONS"])
            for start in ("/ogc", "/v1/", "/openapi.json", "/releases/")
        ),
        Route("/openapi.json", description, methods=["GET"]),
        *ogc.routes(releases),
        *rows.routes(releases),
    ]


def refused(request: Request, error: Exception) -> Response:
    """A bad parameter, or something that is not there: RFC 9457, with the two members of OGC's exceptions."""
    status, rule, title = (
        (404, "not-found", "Not found") if isinstance(error, AbsentError) else (400, "bad-parameter", "Bad parameter")
    )
    body = {
        "type": f"urn:maille:problem:{rule}",
        "title": title,
        "status": status,
        "detail": str(error),
        "rule": rule,
        "code": {404: "NotFound", 400: "InvalidParameterValue"}[status],
        "description": str(error),
    }
    if isinstance(error, QueryError):
        body["parameter"] = error.name
    return JSONResponse(body, status, headers=OPEN, media_type="application/problem+json")


REFUSALS = {QueryError: refused, AbsentError: refused}
