"""The collector's HTTP interface: ``docs/protocol.md`` is its text, and this file holds no rule of its own."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version

from fastapi import APIRouter, FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from client_sdk.bounds import instant_text
from client_sdk.signing.envelope import CONTENT_TYPE, MAX_BODY_BYTES, MAX_LINES, SIGNATURE_HEADER
from client_sdk.signing.keys import SigningKey
from collector import device_routes, openapi
from collector.admission.admit import Admission
from collector.admission.gate import Gate
from collector.body import read_body, single_header
from collector.intake import privacy_notice
from collector.intake.devices import MAX_ENROLMENT_BYTES, enrol
from collector.intake.erasure import erase_again
from collector.intake.pipeline import Intake
from collector.key_rotation import read_statements
from collector.measurement import ndt7, sessions
from collector.measurement.admission import Slots
from collector.measurement.echo import EchoEndpoint, serve_echo
from collector.measurement.networks import NetworkDatabase
from collector.openapi import JOSE, described
from collector.plausibility.grounds import read_grounds
from collector.plausibility.routes import routes as plausibility_routes
from collector.problems import tell_problems
from collector.secret import load_or_create_secret
from collector.settings import Settings
from collector.storage.migration import prepare_database
from collector.storage.partitions import try_ensure_partitions
from collector.storage.store import Store

MEGABYTE = 1_000_000
Clock = Callable[[], datetime]

_DAY_S = 86_400
# Ours: what stood in the way of a partition (a long read, a backup) is over by then
_HOUR_S = 3_600


@dataclass(frozen=True, slots=True)
class Collector:
    """What the routes work with: ``request.app.state.collector``."""

    store: Store
    key: SigningKey
    clock: Clock
    intake: Intake


def utc_now() -> datetime:
    """The system's clock."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    clock: Clock = utc_now,
    *,
    echo_socket: socket.socket | None = None,
    only_measuring: bool = False,
    open_to_all: bool = False,
) -> FastAPI:
    """The application of one collector; its database and key are opened when it starts.

    Starting migrates a fresh SQLite file, and raises :class:`~collector.errors.MigrationError` on a database that
    ``maille collector migrate`` has to bring up to date first.

    Args:
        settings: of this collector.
        clock: gives the instant of reception.
        echo_socket: bound UDP socket on which echoes are answered.
        only_measuring: the measuring endpoints alone, beside a collector that works on the same data.
        open_to_all: measure without a token too, for a closed network; such transfers are not witnessed.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(prepare_database, settings)
        store = Store(settings.database_url, min_free_bytes=settings.min_free_mb * MEGABYTE)
        key = await run_in_threadpool(SigningKey.load_or_create, settings.collector_key)
        app.state.slots = Slots(settings.measurement_slots, open_to_all=open_to_all)
        app.state.settings = settings
        app.state.grounds = await run_in_threadpool(read_grounds, settings)
        app.state.networks = NetworkDatabase(settings.asn_database) if settings.asn_database else None
        app.state.notice = privacy_notice.notice_of(settings)
        app.state.key_statements = await run_in_threadpool(read_statements, settings)
        if not only_measuring:
            await run_in_threadpool(erase_again, store, settings)
        app.state.echo, echo_transport = None, None
        if echo_socket is not None:
            seed = await run_in_threadpool(load_or_create_secret, settings.echo_seed)
            echo_transport = await serve_echo(echo_socket, seed, clock)
            app.state.echo = EchoEndpoint("", echo_socket.getsockname()[1], seed)
        keep_days = settings.keep_samples_days
        intake = Intake(store, key, app.state.grounds, keep_days, app.state.admission)
        app.state.collector = Collector(store, key, clock, intake)
        keeping = None if only_measuring else asyncio.create_task(_keep_partitions(store, clock))
        try:
            yield
        finally:
            await run_in_threadpool(intake.close)  # first: what was accepted is answered, whatever else fails
            if keeping is not None:
                keeping.cancel()
                with suppress(asyncio.CancelledError):
                    await keeping
            if echo_transport is not None:
                echo_transport.close()
            if app.state.networks is not None:
                app.state.networks.close()
            store.close()

    # the documentation pages would fetch scripts from elsewhere: only the description itself is served
    app = FastAPI(
        title="Maille collector",
        version=version("maille"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/v1/openapi.json",
        redirect_slashes=False,  # a redirection must always mean that someone else answered
    )
    app.state.admission = Admission(settings.limits)
    app.state.finishing = device_routes.Finishing()
    app.add_middleware(Gate, admission=app.state.admission, behind_proxy=bool(settings.trusted_proxies))
    tell_problems(app)
    app.include_router(ndt7.routes)
    if not only_measuring:
        app.include_router(routes)
        app.include_router(sessions.routes)
        app.include_router(plausibility_routes)
        app.include_router(device_routes.routes)
    return app


async def _keep_partitions(store: Store, clock: Clock) -> None:
    """Make the partitions of the months ahead, at start and once a day."""
    while True:
        done = await run_in_threadpool(try_ensure_partitions, store.engine, clock())
        await asyncio.sleep(_DAY_S if done else _HOUR_S)


routes = APIRouter(prefix="/v1")


@routes.get("/status", openapi_extra=described([200], openapi.JSON, openapi.STATUS, []))
def status(request: Request) -> JSONResponse:
    """Who this collector is, and what it accepts."""
    collector: Collector = request.app.state.collector
    trouble = collector.store.room.trouble()
    return JSONResponse(
        {
            "name": "maille-collector",
            "version": request.app.version,
            "collector_key": collector.key.public.jwk,
            "collector_thumbprint": collector.key.public.thumbprint,
            "key_statements": request.app.state.key_statements,
            "privacy_notice": asdict(request.app.state.notice),
            "limits": {"max_body_bytes": MAX_BODY_BYTES, "max_samples": MAX_LINES},
            "accepting": trouble is None,
            **({"not_accepting": {"rule": "storage-full", "detail": trouble}} if trouble else {}),
        }
    )


@routes.post(
    "/devices",
    response_class=JSONResponse,
    openapi_extra=described(
        [200, 201],
        openapi.JSON,
        openapi.ENROLLED,
        [*openapi.BODY, *openapi.SIGNATURE, *openapi.STORAGE, *openapi.ENROLMENT, "device-revoked", "jws-unknown-key"],
        JOSE,
    ),
)
async def enrol_device(request: Request) -> JSONResponse:
    """Enrol the device whose key signed the request; again, and nothing changes."""
    collector: Collector = request.app.state.collector
    body = await read_body(request, JOSE, MAX_ENROLMENT_BYTES)
    thumbprint = collector.key.public.thumbprint
    notice = request.app.state.notice.version
    admission: Admission = request.app.state.admission
    counted = partial(admission.enrolment, request.client.host if request.client else None)
    enrolment = await run_in_threadpool(enrol, body, collector.store, thumbprint, notice, collector.clock(), counted)
    return JSONResponse(
        {
            "device": enrolment.device.thumbprint,
            "tier": enrolment.device.tier,
            "enrolled_at": instant_text(enrolment.device.enrolled_at),
            "collector_key": collector.key.public.jwk,
        },
        201 if enrolment.added else 200,
    )


@routes.post(
    "/envelopes",
    response_class=Response,
    openapi_extra={
        **described(
            [200],
            JOSE,
            openapi.RECEIPT,
            [*openapi.BODY, *openapi.SIGNATURE, *openapi.DEVICE, *openapi.STORAGE, *openapi.ENVELOPE],
            CONTENT_TYPE,
        ),
        "parameters": [{"name": SIGNATURE_HEADER, "in": "header", "required": True, "schema": {"type": "string"}}],
    },
)
async def accept_envelope(request: Request) -> Response:
    """Take in a signed envelope; the answer is a signed receipt of what is committed."""
    collector: Collector = request.app.state.collector
    body = await read_body(request, CONTENT_TYPE, MAX_BODY_BYTES)
    signature = single_header(request, SIGNATURE_HEADER)
    return Response(await collector.intake.accept(body, signature, collector.clock()), media_type=JOSE)
