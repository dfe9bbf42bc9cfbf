"""Answers over HTTP: absolute links behind proxies, formats by negotiation, validators, compression; open to all."""

import gzip
import hashlib
import ipaddress
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from aggregator.publication.reading.asked import QueryError
from aggregator.publication.software import code

FORMATS = {"json": "application/json", "html": "text/html"}
EXPOSED = "Content-Crs, ETag, Link, Maille-Matched, Maille-Release"
OPEN = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
PREFLIGHT = OPEN | {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
ASK_AGAIN = "no-cache"
A_DAY = "public, max-age=86400"
"""A release never changes, but what tells of it may with the version of the server."""
PAYS_FROM_BYTES = 1_000
GZIP_LEVEL = 1
"""Ours: rows repeat themselves: the fastest level makes them six times smaller, and more costs more than it saves."""
_PACKED_ALREADY = ("application/vnd.apache.parquet",)


def public_url(request: Request) -> str:
    """Scheme, host and path that come before ours, as the reader sees them.

    What a proxy on a loopback or private address forwards counts (RFC 7239, or ``X-Forwarded-…``); from anybody else it
    does not: it would put a stranger's links into shared caches.
    """
    headers = request.headers
    scheme, host, prefix = request.url.scheme, headers.get("host") or request.url.netloc, _root_path(request)
    if _from_proxy(request):
        told = _forwarded(headers.get("forwarded", ""))
        scheme = told.get("proto") or _first(headers.get("x-forwarded-proto")) or scheme
        forwarded_host = told.get("host") or _first(headers.get("x-forwarded-host"))
        port = _first(headers.get("x-forwarded-port"))
        host = forwarded_host or host
        if forwarded_host and port and ":" not in host and port != {"http": "80", "https": "443"}.get(scheme):
            host = f"{host}:{port}"
        prefix = _first(headers.get("x-forwarded-prefix")) or prefix
    return f"{scheme}://{host}/{prefix.strip('/')}".rstrip("/")


def _root_path(request: Request) -> str:
    return str(request.scope.get("app_root_path", request.scope.get("root_path", "")))


def _from_proxy(request: Request) -> bool:
    if request.client is None:
        return True  # a socket of this machine
    try:
        return ipaddress.ip_address(request.client.host).is_private
    except ValueError:
        return False


def _first(header: str | None) -> str:
    return (header or "").partition(",")[0].strip()


def _forwarded(header: str) -> dict[str, str]:
    """The members of the first element of ``Forwarded``."""
    pairs = (pair.partition("=") for pair in header.partition(",")[0].split(";"))
    return {name.strip().lower(): value.strip().strip('"') for name, _, value in pairs}


def wanted_format(request: Request, asked: str | None) -> str:
    """``json`` or ``html``: what ``f`` says, else what ``Accept`` prefers, JSON where it does not care."""
    if asked is not None:
        return asked
    weights = {"json": 0.0, "html": 0.0}
    for part in request.headers.get("accept", "*/*").split(","):
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weight = next((_number(p[2:]) for p in parameters if p.startswith("q=")), 1.0)
        if kind in ("text/html", "application/xhtml+xml", "text/*"):
            weights["html"] = max(weights["html"], weight)
        elif "json" in kind or kind in ("application/*", "*/*"):
            weights["json"] = max(weights["json"], weight if kind != "*/*" else weight * 0.99)
    return "html" if weights["html"] > weights["json"] else "json"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Validator:
    """What tells an answer from others: the digest of its release, of this code, and all that was asked.

    Attributes:
        tag: of the entity, with its quotes. pinned: whether the request names its release.
    """

    tag: str
    pinned: bool

    @classmethod
    def of(cls, request: Request, digest: str, form: str, *, pinned: bool, weak: bool = False) -> "Validator":
        """Of one request.

        Args:
            request: as it came.
            digest: of the release.
            form: of the answer.
            pinned: whether the request names the release.
            weak: the answer says when it was made, so that its bytes differ where its meaning does not.
        """
        parts = [digest, code()["sha256"], public_url(request), request.url.path, request.url.query, form]
        parts.append(str(_takes_gzip(request)))
        tag = f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:32]}"'
        return cls(f"W/{tag}" if weak else tag, pinned)

    def headers(self) -> dict[str, str]:
        """For the answer."""
        return {
            "ETag": self.tag,
            "Cache-Control": A_DAY if self.pinned else ASK_AGAIN,
            "Vary": "Accept, Accept-Encoding",
        }

    def unchanged(self, request: Request) -> Response | None:
        """304 where the reader has it already."""
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if "*" in known or self.tag.removeprefix("W/") in known:
            return Response(status_code=304, headers=OPEN | self.headers())
        return None


def answer(
    request: Request,
    body: bytes | Iterable[bytes],
    media_type: str,
    validator: Validator | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    """The answer to a request, compressed where the reader takes that and it pays."""
    told = OPEN | {"X-Content-Type-Options": "nosniff"} | (validator.headers() if validator else {}) | (headers or {})
    packed = _takes_gzip(request) and media_type not in _PACKED_ALREADY
    if isinstance(body, bytes):
        if packed and len(body) >= PAYS_FROM_BYTES:
            body, told = gzip.compress(body, GZIP_LEVEL, mtime=0), told | {"Content-Encoding": "gzip"}
        return Response(body, media_type=media_type, headers=told)
    if packed:
        return StreamingResponse(_gzipped(body), media_type=media_type, headers=told | {"Content-Encoding": "gzip"})
    return StreamingResponse(body, media_type=media_type, headers=told)


def _takes_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name in ("gzip", "*"):
            return not any(p.startswith("q=") and _number(p[2:]) == 0 for p in parameters)
    return False


def _gzipped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)  # 31: with gzip's header
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()


def problem_of(error: QueryError) -> dict[str, Any]:
    """What a refusal tells a program."""
    return {"parameter": error.name, "value": error.value, "expected": error.expected}
