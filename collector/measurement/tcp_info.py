"""What the system tells of a TCP connection, under the names of ndt7's ``TCPInfo``: µs and bytes.

Clients of other projects take an upload's rate, the least round trip and retransmissions from it. Only Linux is asked;
the places are those of ``struct tcp_info`` in linux/tcp.h, which only ever grew at its end.
"""

import socket
import struct
import sys
from typing import Any

_PLACES = {
    "RTT": (68, "I"),
    "RTTVar": (72, "I"),
    "BytesAcked": (120, "Q"),
    "BytesReceived": (128, "Q"),
    "MinRTT": (148, "I"),
    "BusyTime": (168, "Q"),
    "RWndLimited": (176, "Q"),
    "SndBufLimited": (184, "Q"),
    "BytesSent": (200, "Q"),
    "BytesRetrans": (208, "Q"),
}
_LAST_ACKNOWLEDGEMENT = (56, "I")  # ms ago
_SIZE = 216


def read_tcp_info(opened: Any) -> dict[str, int]:
    """What the system counts on a socket; empty where it does not tell."""
    told = _read(opened)
    return {
        name: struct.unpack_from("=" + kind, told, place)[0]
        for name, (place, kind) in _PLACES.items()
        if place + struct.calcsize("=" + kind) <= len(told)
    }


def silence_s(opened: Any) -> float:
    """Time since the other end last acknowledged anything; 0 where the system does not tell."""
    told = _read(opened)
    place, kind = _LAST_ACKNOWLEDGEMENT
    return float(struct.unpack_from("=" + kind, told, place)[0] / 1000) if len(told) > place + 4 else 0.0


def _read(opened: Any) -> bytes:
    if not sys.platform.startswith("linux") or opened is None:
        return b""
    try:
        told: bytes = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return b""
    return told
