"""The words of ndt7 (M-Lab's protocol, version 0.11) that client and server share.

https://github.com/m-lab/ndt-server/blob/main/spec/ndt7-protocol.md
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

SUBPROTOCOL = "net.measurementlab.ndt.v7"
MAX_MESSAGE_BYTES = 1 << 24
"""The largest message that either side must take."""

FIRST_MESSAGE_BYTES = 1 << 13
SCALING = 16
"""A message is doubled while it is below one sixteenth of the bytes sent so far."""

COUNTERFLOW_S = 0.25
"""Measurements go out this often at most, four per second, where the protocol allows ten on average."""

MAX_COUNTERFLOW_BYTES = 16 * 1024
"""Ours: a longer measurement is not read."""

Direction = Literal["download", "upload"]


@dataclass(frozen=True, slots=True)
class Received:
    """What a receiver says it got: bytes since its start, and the time since then in seconds."""

    elapsed_s: float
    bytes: int


def next_size(size: int, sent: int, cap: int) -> int:
    """Size of the message after one of ``size`` bytes, when ``sent`` bytes have gone out."""
    return size * 2 if size < cap and size < sent / SCALING else size


def measurement(origin: Literal["client", "server"], test: Direction, received: Received, **more: Any) -> str:
    """A measurement message; ``AppInfo`` is always there, times are in microseconds."""
    app_info = {"ElapsedTime": round(received.elapsed_s * 1e6), "NumBytes": received.bytes}
    return json.dumps({"AppInfo": app_info, "Origin": origin, "Test": test, **more}, separators=(",", ":"))


def read_measurement(text: str) -> dict[str, Any]:
    """A measurement message as an object; empty where it is none."""
    if len(text) > MAX_COUNTERFLOW_BYTES:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def received_by_peer(message: dict[str, Any]) -> Received | None:
    """What the peer says it received: its application's count, or its kernel's where it gives only that."""
    for member, count in (("AppInfo", "NumBytes"), ("TCPInfo", "BytesReceived")):
        info = message.get(member)
        if not isinstance(info, dict):
            continue
        elapsed_us, received = _count(info.get("ElapsedTime")), _count(info.get(count))
        if elapsed_us and received is not None:
            return Received(elapsed_us / 1e6, received)
    return None


def connection_uuid(message: dict[str, Any]) -> str | None:
    """The server's id of the connection, where it gives one that a sample can hold."""
    info = message.get("ConnectionInfo")
    uuid = info.get("UUID") if isinstance(info, dict) else None
    return uuid if isinstance(uuid, str) and 0 < len(uuid) <= 64 and uuid.isprintable() else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**15 else None
