"""Where a device asks for a measuring session."""

from urllib.parse import urlsplit

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse

from collector import openapi
from collector.body import read_body
from collector.measurement.echo import EchoEndpoint
from collector.measurement.tokens import MAX_REQUEST_BYTES, grant_session
from collector.openapi import described
from collector.secret import load_or_create_secret
from collector.settings import Settings

routes = APIRouter(prefix="/v1/measurement")


@routes.post(
    "/sessions",
    response_class=JSONResponse,
    openapi_extra=described(
        [200],
        openapi.JSON,
        openapi.SESSION,
        [*openapi.BODY, *openapi.SIGNATURE, *openapi.DEVICE, "storage-unavailable", "measurement-request"],
        openapi.JOSE,
    ),
)
async def open_session(request: Request) -> JSONResponse:
    """A short-lived token for transfers and echoes, for an enrolled device."""
    collector = request.app.state.collector
    body = await read_body(request, "application/jose", MAX_REQUEST_BYTES)
    settings: Settings = request.app.state.settings
    session = await run_in_threadpool(
        grant_session,
        body,
        collector.store,
        collector.key,
        collector.clock(),
        measurement_url=settings.measurement_url,
        echo=_elsewhere(settings) if settings.measurement_url else request.app.state.echo,
        client_address=request.client.host if request.client else None,
    )
    return JSONResponse(session, headers={"Cache-Control": "no-store"})


def _elsewhere(settings: Settings) -> EchoEndpoint | None:
    """The echo of a measuring server of its own, which works on the same seed."""
    if settings.echo_port == "off":
        return None
    url = urlsplit(settings.measurement_url)
    port = url.port or (443 if url.scheme == "wss" else 80)
    return EchoEndpoint(
        url.hostname or "",
        port if settings.echo_port == "same" else settings.echo_port,
        load_or_create_secret(settings.echo_seed),
    )
