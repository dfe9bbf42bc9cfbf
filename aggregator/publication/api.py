"""Read-only HTTP over releases: the files as they are, what is asked of them, and the map page, from one origin.

The page needs only files, so any file server does as well: ``write_site`` lays the same addresses out in a folder.
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from threading import Thread

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from aggregator.publication.errors import PublicationError
from aggregator.publication.media_types import MEDIA_TYPES
from aggregator.publication.reading import answering
from aggregator.publication.reading.releases import Releases
from aggregator.publication.shelf import RELEASE_ID, Shelf

PAGE = Path(__file__).with_name("web")
MAPLIBRE_FILES = ("maplibre-gl.js", "maplibre-gl.css")
TEXTS = {".csv": "text/csv; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
CONTENT_TYPES = {ending: kind for ending, kind in MEDIA_TYPES.items() if not kind.startswith("text/")} | TEXTS
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


class _Files(StaticFiles):
    """Static files with their content types; a cache may keep them, but asks each time whether they changed."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code in (200, 206):
            known = CONTENT_TYPES.get(Path(path).suffix)
            if known:
                response.headers["Content-Type"] = known
        response.headers["Cache-Control"] = ASK_AGAIN
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


class _Releases(_Files):
    """Open data: any page may read it. A release never changes; ``latest.json`` does. Drafts are not served."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        first, *rest = Path(path).parts or ("",)
        within = bool(RELEASE_ID.fullmatch(first)) and bool(rest)
        if not within and path != "latest.json":
            raise HTTPException(404)
        response = await super().get_response(path, scope)
        response.headers["Access-Control-Allow-Origin"] = "*"
        # what reads files in parts, such as PMTiles and DuckDB in a page, looks at these
        response.headers["Access-Control-Expose-Headers"] = "Accept-Ranges, Content-Range, ETag"
        if within:
            response.headers["Cache-Control"] = FOR_EVER
        return response


class _MapLibre(_Files):
    """The two files of MapLibre's that the page uses, out of the installed wheel."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if path not in MAPLIBRE_FILES:
            raise HTTPException(404)
        return await super().get_response(path, scope)


def create_app(releases: Path) -> Starlette:
    """The page at ``/``, files below ``/releases/``, features below ``/ogc/``, rows below ``/v1/``, ``/openapi.json``.

    Args:
        releases: the folder ``publish`` writes into; it may still be empty.
    """
    shelf = Releases(releases)
    packed = [Middleware(GZipMiddleware, compresslevel=6)]  # releases are left as they are: read in parts, and large
    return Starlette(
        routes=[
            *answering.routes(shelf),
            Mount("/releases", _Releases(directory=releases, check_dir=False)),
            Mount("/maplibre", _MapLibre(directory=_maplibre()), middleware=packed),
            Mount("/", _Files(directory=PAGE, html=True), middleware=packed),
        ],
        exception_handlers={HTTPException: _problem, **answering.REFUSALS},
        lifespan=partial(_reading_ahead, shelf),
    )


@asynccontextmanager
async def _reading_ahead(shelf: Releases, _: Starlette) -> AsyncIterator[None]:
    """The latest release is read while the first requests come, so that serving begins at once."""
    Thread(target=shelf.read_ahead, daemon=True).start()
    yield


def write_site(releases: Path, into: Path) -> None:
    """Copy page, MapLibre and releases into a folder that any file server can serve.

    Args:
        releases: the folder ``publish`` writes into.
        into: where to; files there that have the same names are replaced, releases there already are kept.

    Raises:
        PublicationError: a release among them is not the public's.
    """
    Shelf(releases, "public").require_sound()
    (into / "maplibre").mkdir(parents=True, exist_ok=True)
    shutil.copytree(PAGE, into, dirs_exist_ok=True)
    for name in MAPLIBRE_FILES:
        shutil.copy(_maplibre() / name, into / "maplibre" / name)
    for release in sorted(path for path in releases.iterdir() if RELEASE_ID.fullmatch(path.name)):
        if not (into / "releases" / release.name).exists():
            shutil.copytree(release, into / "releases" / release.name)
    shutil.copy(releases / "latest.json", into / "releases" / "latest.json")


def _maplibre() -> Path:
    """Where the wheel keeps MapLibre's files; found without importing it, since it would ask for widgets we lack."""
    spec = find_spec("maplibre")
    if spec is None or spec.origin is None:
        raise PublicationError(
            "MapLibre is not installed, expected the package maplibre, which comes with maille[server]"
        )
    return Path(spec.origin).parent / "srcjs"


def _problem(request: Request, error: Exception) -> Response:
    """RFC 9457, with the two members of OGC's exceptions."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    rule, title, expected = {
        404: ("not-found", "Not found", "/releases/latest.json names the current release"),
        405: ("method-not-allowed", "Method not allowed", "only GET and HEAD"),
    }.get(status, ("unexpected", "Unexpected", "see the server's log"))
    detail = f"{request.method} {request.url.path}: {title.lower()}; {expected}"
    return JSONResponse(
        {
            "type": f"urn:maille:problem:{rule}",
            "title": title,
            "status": status,
            "detail": detail,
            "rule": rule,
            "code": title.title().replace(" ", ""),
            "description": detail,
        },
        status_code=status,
        headers={
            **({"Allow": "GET, HEAD"} if status == 405 else {}),
            **(getattr(error, "headers", None) or {}),
            "Access-Control-Allow-Origin": "*",
        },
        media_type="application/problem+json",
    )
