"""Where a device asks what its flags are."""

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from collector import openapi
from collector.body import read_body
from collector.intake.signed_request import MAX_DEVICE_REQUEST_BYTES
from collector.openapi import described
from collector.plausibility.flags_request import requested_page

routes = APIRouter(prefix="/v1/devices")


@routes.post(
    "/flags",
    response_class=JSONResponse,
    openapi_extra=described(
        [200],
        openapi.JSON,
        openapi.FLAGS,
        [*openapi.BODY, *openapi.SIGNATURE, *openapi.DEVICE, "storage-unavailable", "device-request"],
        openapi.JOSE,
    ),
)
async def tell_flags(request: Request) -> JSONResponse:
    """How many samples of the device that signed the request each rule flags, and why."""
    collector = request.app.state.collector
    body = await read_body(request, "application/jose", MAX_DEVICE_REQUEST_BYTES)
    page = await run_in_threadpool(
        requested_page, body, collector.store, collector.key.public.thumbprint, collector.clock()
    )
    return JSONResponse(page, headers={"Cache-Control": "no-store"})
