"""What a device may ask for itself, once it is enrolled: a new key, an account, its data, their erasure."""

import asyncio
from collections.abc import Iterator
from typing import IO

from fastapi import APIRouter
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from client_sdk.bounds import instant_text
from collector import openapi
from collector.body import read_body
from collector.intake.access import grant_access
from collector.intake.contributions import tell_contributions
from collector.intake.erasure import erase, finish_erasure
from collector.intake.rotation import rotate
from collector.intake.signed_request import MAX_DEVICE_REQUEST_BYTES
from collector.openapi import JOSE, described
from collector.settings import Settings
from collector.storage.store import Store

ZIP = "application/zip"
_CHUNK_BYTES = 64 * 1024

routes = APIRouter(prefix="/v1/devices")


class Finishing:
    """What follows erasures, one run for all that wait.

    A run holds a thread, and a connection to the database, for as long as another process writes the archive.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._asked = False

    async def finish(self, store: Store, settings: Settings) -> None:
        """Return once a run that began after this call has ended."""
        self._asked = True
        async with self._turn:
            if self._asked:
                self._asked = False
                await run_in_threadpool(finish_erasure, store, settings)


_RULES = [*openapi.BODY, *openapi.SIGNATURE, *openapi.DEVICE, *openapi.STORAGE, "device-request"]


@routes.post(
    "/rotations",
    response_class=JSONResponse,
    openapi_extra=described([200, 201], openapi.JSON, openapi.ENROLLED, [*_RULES, "rotation-key"], JOSE),
)
async def rotate_device(request: Request) -> JSONResponse:
    """Let a device's new key take the place of the one that signed the request; again, and nothing changes."""
    collector = request.app.state.collector
    body = await read_body(request, JOSE, MAX_DEVICE_REQUEST_BYTES)
    thumbprint = collector.key.public.thumbprint
    rotated = await run_in_threadpool(rotate, body, collector.store, thumbprint, collector.clock())
    return JSONResponse(
        {
            "device": rotated.device.thumbprint,
            "tier": rotated.device.tier,
            "enrolled_at": instant_text(rotated.device.enrolled_at),
            "collector_key": collector.key.public.jwk,
        },
        201 if rotated.added else 200,
    )


@routes.post(
    "/contributions",
    response_class=JSONResponse,
    openapi_extra=described([200], openapi.JSON, openapi.CONTRIBUTIONS, _RULES, JOSE),
)
async def tell_device_contributions(request: Request) -> JSONResponse:
    """How much the device that signed the request contributed, when, where, and what became of it."""
    collector, settings = request.app.state.collector, request.app.state.settings
    body = await read_body(request, JOSE, MAX_DEVICE_REQUEST_BYTES)
    thumbprint = collector.key.public.thumbprint
    told = await run_in_threadpool(
        tell_contributions, body, collector.store, thumbprint, settings.map_url, collector.clock()
    )
    return JSONResponse(told, headers={"Cache-Control": "no-store"})


@routes.post("/access", response_class=Response, openapi_extra=described([200], ZIP, openapi.ARCHIVE, _RULES, JOSE))
async def access_device(request: Request) -> StreamingResponse:
    """Everything that the device sent and all that is known of it, as a ZIP."""
    collector, settings = request.app.state.collector, request.app.state.settings
    body = await read_body(request, JOSE, MAX_DEVICE_REQUEST_BYTES)
    file = await run_in_threadpool(grant_access, body, collector.store, settings.data, collector.key, collector.clock())
    headers = {"Content-Length": str(file.seek(0, 2)), "Cache-Control": "no-store"}
    file.seek(0)
    return StreamingResponse(_pieces(file), media_type=ZIP, headers=headers, background=BackgroundTask(file.close))


@routes.post(
    "/erasure", response_class=Response, openapi_extra=described([200], JOSE, openapi.ERASURE_RECEIPT, _RULES, JOSE)
)
async def erase_device(request: Request) -> Response:
    """Erase everything of the device; the archive's months are written anew once the answer is given."""
    collector, settings = request.app.state.collector, request.app.state.settings
    body = await read_body(request, JOSE, MAX_DEVICE_REQUEST_BYTES)
    receipt = await run_in_threadpool(erase, body, collector.store, settings, collector.key, collector.clock())
    finish = BackgroundTask(request.app.state.finishing.finish, collector.store, settings)
    return Response(receipt, media_type=JOSE, background=finish)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK_BYTES):
            yield piece
