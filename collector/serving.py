"""A collector in a thread of this process, on a free port: for demonstrations and tests, with the real server."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import uvicorn
from fastapi import FastAPI

from client_sdk.measurement.ndt7 import MAX_MESSAGE_BYTES
from client_sdk.messages import tr
from client_sdk.signing.keys import SigningKey
from collector.admission.patience import MAX_HEAD_BYTES, PatientProtocol
from collector.app import Clock, create_app, utc_now
from collector.errors import SettingsError
from collector.garbage import look_for_cycles_seldom
from collector.listening import bind_udp, listen
from collector.measurement.connection import MeasuringProtocol
from collector.measurement.networks import NetworkDatabase
from collector.plausibility.grounds import read_grounds
from collector.settings import Settings
from collector.storage.archive.place import check_address
from collector.storage.migration import prepare_database
from collector.storage.store import Store
from collector.workers import run_workers

_START_TIMEOUT_S = 60
_FOR_THE_OWNER = 0o077

SHUTDOWN_S = 30
"""Ours: what was accepted is finished and answered in a second or two; a slow sender's body is not waited for longer,
since its device sends it again."""


@dataclass(frozen=True, slots=True)
class RunningCollector:
    """A collector that answers at ``base_url`` (``http://127.0.0.1:PORT``)."""

    base_url: str
    settings: Settings
    app: FastAPI

    @property
    def store(self) -> Store:
        """The store that the collector itself works with."""
        store: Store = self.app.state.collector.store
        return store

    @property
    def key(self) -> SigningKey:
        """The key that signs its receipts."""
        key: SigningKey = self.app.state.collector.key
        return key


@contextmanager
def running_collector(settings: Settings, clock: Clock = utc_now) -> Iterator[RunningCollector]:
    """Serve until the block ends.

    Args:
        settings: of the collector; with port 0 any free port is taken.
        clock: gives the instant of reception.

    Raises:
        MigrationError: the database has to be migrated first.
        SettingsError: the address cannot be listened on.
    """
    prepare_database(settings)
    listener, echo_socket = _listen(settings)
    app = create_app(settings, clock, echo_socket=echo_socket)
    server = uvicorn.Server(server_config(app, settings))
    failure: list[BaseException] = []
    thread = threading.Thread(target=_serve, args=(server, listener, failure), name="collector", daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise failure[0] if failure else RuntimeError("the collector did not start; its log says why")
            time.sleep(0.005)
        yield RunningCollector(_address(listener), settings, app)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def serve_forever(
    settings: Settings,
    announce: Callable[[str, str], None],
    *,
    only_measuring: bool = False,
    open_to_all: bool = False,
) -> None:
    """Serve until the process is told to stop; the files it makes meanwhile are for their owner alone.

    Several workers share the sockets and, each its part, the slots of measurements.

    Args:
        settings: of the collector.
        announce: called once with the address and the thumbprint of the collector's key, when it listens.
        only_measuring: the measuring endpoints alone.
        open_to_all: measure without a token too.

    Raises:
        MigrationError: the database has to be migrated first.
        SettingsError: the address cannot be listened on, or a file or archive that a setting names cannot be used.
    """
    before = os.umask(_FOR_THE_OWNER)
    try:
        _check_what_is_named(settings)
        prepare_database(settings)
        key = SigningKey.load_or_create(settings.collector_key)
        workers = 1 if only_measuring else settings.workers
        shared = replace(settings, measurement_slots=max(1, settings.measurement_slots // workers))
        listener, echo_socket = _listen(settings)

        def serve() -> None:
            app = create_app(shared, echo_socket=echo_socket, only_measuring=only_measuring, open_to_all=open_to_all)
            look_for_cycles_seldom()
            uvicorn.Server(server_config(app, settings)).run(sockets=[listener])

        with listener:
            announce(_address(listener), key.public.thumbprint)
            if workers == 1:
                serve()
            else:
                run_workers(workers, serve)
    finally:
        os.umask(before)


def _check_what_is_named(settings: Settings) -> None:
    """Read what settings name before anything listens, and where the archive lies, which an erasure writes."""
    read_grounds(settings)
    check_address(settings.archive)
    if settings.asn_database:
        NetworkDatabase(settings.asn_database).close()


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How the collector is served everywhere: addresses of clients are not logged, nor believed but from proxies."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        server_header=False,
        http=PatientProtocol,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        ws=MeasuringProtocol,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        timeout_graceful_shutdown=SHUTDOWN_S,
        log_level="warning",
    )


def _listen(settings: Settings) -> tuple[socket.socket, socket.socket | None]:
    """The TCP socket, and the UDP socket of echoes where there is to be one."""
    listener = None
    try:
        listener = listen(settings.host, settings.port)
        if settings.echo_port == "off":
            return listener, None
        echo_port = listener.getsockname()[1] if settings.echo_port == "same" else settings.echo_port
        return listener, bind_udp(settings.host, echo_port)
    except OSError as error:
        if listener is not None:
            listener.close()
        place = f"{settings.host}:{settings.port}"
        raise SettingsError(
            tr(
                f"MAILLE_HOST, MAILLE_PORT: cannot listen on {place} ({error.strerror})",
                f"MAILLE_HOST, MAILLE_PORT : impossible d'écouter sur {place} ({error.strerror})",
            )
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _serve(server: uvicorn.Server, listener: socket.socket, failure: list[BaseException]) -> None:
    try:
        server.run(sockets=[listener])
    except BaseException as error:  # told by the thread that waits for the start
        failure.append(error)
