"""Simple measuring endpoints: a ping, a download of random bytes, an upload counted where it arrives.

A transfer needs a token, which only an enrolled device gets and which soon expires, so that the collector amplifies
no one's traffic; and it needs one of a few slots, so that tests do not spoil each other.
"""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from client_sdk.bounds import instant_text, is_utc_instant
from client_sdk.signing.jws import JwsError, read_object, sign_compact, verify_compact
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.statement_types import MEASUREMENT_REQUEST, MEASUREMENT_TOKEN
from collector.body import read_body
from collector.errors import BusyError, RequestError
from collector.intake.devices import find_enrolled_key
from collector.storage.store import Store

MAX_REQUEST_BYTES = 4 * 1024
MAX_BYTES = 100_000_000
MAX_MS = 15_000
TOKEN_LIFETIME = timedelta(minutes=5)
CLOCK_TOLERANCE = timedelta(minutes=15)  # phones without network time are minutes off, not hours
_CHUNK_BYTES = 64 * 1024
_RETRY_AFTER_S = 20
_GRACE_S = 5

routes = APIRouter(prefix="/v1/measurement")


class Transfers:
    """The slots of running transfers, and the random bytes they send; touched by the event loop only."""

    def __init__(self, slots: int) -> None:
        self._free = slots
        self._random = os.urandom(16 * _CHUNK_BYTES)  # nothing on the way can compress or recognise 1 MiB of it

    def take(self) -> None:
        """Take a slot.

        Raises:
            BusyError: none is free.
        """
        if self._free == 0:
            raise BusyError("measurement-busy", "measurement: all slots are taken", _RETRY_AFTER_S)
        self._free -= 1

    def give_back(self) -> None:
        """Free a slot."""
        self._free += 1

    async def random_bytes(self, max_bytes: int, max_ms: int) -> AsyncIterator[bytes]:
        """Random bytes until either limit is reached."""
        deadline = time.monotonic() + max_ms / 1000
        sent = 0
        while sent < max_bytes and time.monotonic() < deadline:
            start = sent % len(self._random)
            chunk = self._random[start : start + min(_CHUNK_BYTES, max_bytes - sent)]
            yield chunk
            sent += len(chunk)


class _SlottedResponse(StreamingResponse):
    """A stream that gives its slot back however it ends, even if it never began."""

    def __init__(self, content: AsyncIterator[bytes], transfers: Transfers) -> None:
        super().__init__(content, headers={"Cache-Control": "no-store"}, media_type="application/octet-stream")
        self._transfers = transfers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            # a receiver that takes nothing must not hold its slot for ever
            async with asyncio.timeout(MAX_MS / 1000 + _GRACE_S):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            return  # the server sees an unfinished answer and closes the connection
        finally:
            self._transfers.give_back()


def grant_token(jws: bytes, store: Store, key: SigningKey, now: datetime) -> dict[str, str]:
    """A token for an enrolled device that signed the request.

    Raises:
        DeviceError: the device is unknown or revoked.
        JwsError: the signature does not hold.
        RequestError: ``measurement-request``: made for another collector, or not now.
    """
    text = jws.decode("ascii", errors="replace").strip()
    payload, device = verify_compact(text, lambda thumbprint: find_enrolled_key(store, thumbprint), MEASUREMENT_REQUEST)
    members = _read_payload(payload)
    if members.get("collector") != key.public.thumbprint:
        raise RequestError("measurement-request", "collector: expected this collector's thumbprint")
    requested_at = members.get("requested_at")
    if not isinstance(requested_at, str) or not is_utc_instant(requested_at):
        raise RequestError("measurement-request", f"requested_at: expected {is_utc_instant.__doc__}")
    if abs(datetime.fromisoformat(requested_at) - now) > CLOCK_TOLERANCE:
        raise RequestError(
            "measurement-request", f"requested_at: got {requested_at}, expected {instant_text(now)} within 15 minutes"
        )
    expires_at = instant_text(now + TOKEN_LIFETIME)
    claims = {"device": device.thumbprint, "expires_at": expires_at}
    token = sign_compact(json.dumps(claims, separators=(",", ":")).encode(), key, MEASUREMENT_TOKEN)
    return {"token": token, "expires_at": expires_at}


def check_token(authorization: str, key: SigningKey, now: datetime) -> None:
    """Accept only a token of ours that has not expired.

    Raises:
        RequestError: ``measurement-token``.
    """
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise RequestError("measurement-token", "Authorization: expected “Bearer TOKEN”, from measurement/sessions")
    try:
        ours = {key.public.thumbprint: key.public}
        payload, _ = verify_compact(token.strip(), ours.get, MEASUREMENT_TOKEN)
    except JwsError as error:
        raise RequestError("measurement-token", f"Authorization: not a token of this collector ({error})") from error
    expires_at = read_object(payload, "token")["expires_at"]
    if now >= datetime.fromisoformat(expires_at):
        raise RequestError("measurement-token", f"Authorization: the token expired at {expires_at}")


@routes.post("/sessions", response_class=JSONResponse)
async def open_session(request: Request) -> JSONResponse:
    """A short-lived token for transfers, for an enrolled device."""
    collector = request.app.state.collector
    body = await read_body(request, "application/jose", MAX_REQUEST_BYTES)
    token = await run_in_threadpool(grant_token, body, collector.store, collector.key, collector.clock())
    return JSONResponse(token, headers={"Cache-Control": "no-store"})


@routes.get("/ping", status_code=204, response_class=Response)
async def ping() -> Response:
    """The shortest answer, for round trips."""
    return Response(status_code=204, headers={"Cache-Control": "no-store"})


@routes.get("/download", response_class=StreamingResponse)
async def download(
    request: Request,
    max_bytes: Annotated[int, Query(ge=1, le=MAX_BYTES)] = MAX_BYTES,
    max_ms: Annotated[int, Query(ge=1, le=MAX_MS)] = 10_000,
) -> Response:
    """Random bytes until either limit is reached."""
    transfers = _admit(request)
    return _SlottedResponse(transfers.random_bytes(max_bytes, max_ms), transfers)


@routes.post("/upload", response_class=JSONResponse)
async def upload(request: Request) -> JSONResponse:
    """Count what arrives, and for how long: what the receiver saw. Beyond the limits the rest is not awaited."""
    transfers = _admit(request)
    start = time.perf_counter()
    received = 0
    try:
        async with asyncio.timeout(MAX_MS / 1000):
            async for chunk in request.stream():
                received += len(chunk)
                if received >= MAX_BYTES:
                    break
    except TimeoutError:
        pass  # a slow link: what arrived within the limit is the measurement
    except ClientDisconnect as error:
        raise RequestError("body-incomplete", "body: ended before its announced length") from error
    finally:
        transfers.give_back()
    return JSONResponse({"bytes": received, "duration_ms": round((time.perf_counter() - start) * 1000, 3)})


def _admit(request: Request) -> Transfers:
    collector = request.app.state.collector
    check_token(request.headers.get("authorization", ""), collector.key, collector.clock())
    transfers: Transfers = request.app.state.transfers
    transfers.take()
    return transfers


def _read_payload(payload: bytes) -> dict[str, Any]:
    try:
        return read_object(payload, "payload")
    except ValueError as error:
        raise RequestError("measurement-request", str(error)) from error
