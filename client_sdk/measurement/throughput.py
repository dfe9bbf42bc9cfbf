"""One transfer in each direction, over one HTTP connection, bounded in bytes and in time.

The rate is what the receiver got: the device counts a download, the server an upload. The whole transfer counts, its
ramp included, so that a short one is a lower bound and says so.
"""

import os
import socket
import ssl
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from client_sdk.sample import Outcome

MIN_STEADY_MS = 4_000
"""Ours: a transfer that its byte limit ended before this is a lower bound, since the ramp was a large part of it."""

NO_BYTE_TIMEOUT_S = 10.0
"""No byte for this long ends a transfer: ``no_data`` if there never was one, ``stalled`` otherwise."""

_BLOCK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a transfer ended and what the receiver got; nothing is known of the receiver where it failed to say."""

    outcome: Outcome
    received: int | None = None
    duration_ms: float | None = None
    lower_bound: bool | None = None

    def fields(self, direction: str) -> dict[str, object]:
        """Fields of a sample, for ``download`` or ``upload``; a rate only where the transfer ended well."""
        rated = self.outcome == "ok" and self.received is not None and self.duration_ms
        return {
            f"{direction}_bytes": self.received,
            f"{direction}_duration_ms": None if self.duration_ms is None else round(self.duration_ms, 3),
            f"{direction}_bps": round((self.received or 0) * 8000 / (self.duration_ms or 1)) if rated else None,
            f"{direction}_lower_bound": self.lower_bound if rated else None,
        }


def download(client: httpx.Client, url: str, headers: dict[str, str], max_bytes: int, max_ms: int) -> Transfer:
    """Receive until either limit is reached; the time runs from the answer's headers to the last byte."""
    received, start = 0, time.perf_counter()
    limits = {"max_bytes": max_bytes, "max_ms": max_ms}
    try:
        with client.stream("GET", url, params=limits, headers=headers, timeout=NO_BYTE_TIMEOUT_S) as answer:
            answer.raise_for_status()
            start = time.perf_counter()
            for block in answer.iter_raw():
                received += len(block)
                if received >= max_bytes or (time.perf_counter() - start) * 1000 >= max_ms:
                    break
    except httpx.HTTPError as error:
        duration_ms = (time.perf_counter() - start) * 1000
        return Transfer(outcome_of(error, received), received, duration_ms)
    return _ended(received, (time.perf_counter() - start) * 1000, max_bytes)


def upload(client: httpx.Client, url: str, headers: dict[str, str], max_bytes: int, max_ms: int) -> Transfer:
    """Send until either limit is reached; bytes and time are the server's."""
    sent = 0
    block = os.urandom(_BLOCK)  # nothing on the way can compress it

    def body() -> Iterator[bytes]:
        nonlocal sent
        deadline = time.perf_counter() + max_ms / 1000
        while sent < max_bytes and time.perf_counter() < deadline:
            piece = block[: max_bytes - sent]
            sent += len(piece)
            yield piece

    try:
        answer = client.post(url, content=body(), headers=headers, timeout=NO_BYTE_TIMEOUT_S + max_ms / 1000)
        answer.raise_for_status()
        counted: dict[str, Any] = answer.json()
        received, duration_ms = int(counted["bytes"]), float(counted["duration_ms"])
    except httpx.HTTPError as error:
        return Transfer(outcome_of(error, sent))
    except (ValueError, KeyError, TypeError, OverflowError):
        return Transfer("http")
    return _ended(received, duration_ms, max_bytes)


def outcome_of(error: httpx.HTTPError, moved: int = 0) -> Outcome:
    """How a transfer ended that raised ``error`` after ``moved`` bytes."""
    match error:
        case httpx.HTTPStatusError():
            return "busy" if error.response.status_code in (429, 503) else "http"
        case httpx.ConnectTimeout():
            return "tcp"
        case httpx.ConnectError():
            return _connect_outcome(error)
        case httpx.ReadTimeout() | httpx.WriteTimeout():
            return "stalled" if moved else "no_data"
        case httpx.TimeoutException():
            return "timeout"
        case httpx.NetworkError() | httpx.RemoteProtocolError():
            return "stalled" if moved else "tcp"
        case _:
            return "error"


def is_refused(error: httpx.HTTPError) -> bool:
    """Whether the host itself refused the connection."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ConnectionRefusedError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _connect_outcome(error: BaseException) -> Outcome:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "tcp"


def _ended(received: int, duration_ms: float, max_bytes: int) -> Transfer:
    if received == 0:
        return Transfer("no_data", 0, duration_ms)
    return Transfer("ok", received, duration_ms, received >= max_bytes and duration_ms < MIN_STEADY_MS)
