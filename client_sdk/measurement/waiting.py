"""Bytes that have arrived, but wait in the system for a lost packet before them.

TCP hands bytes over in their order: where one packet is lost, those behind it arrive on time and are read a round trip
later, all at once. A bucket that ends meanwhile would miss them, and the next have them twice over; at the end of the
ramp, that counts the ramp's bytes as if they had come after it. Linux counts data segments as they come, in order or
not, so that what waits can be told.
"""

import socket
import struct
from collections import deque
from typing import Any

_TOLD = struct.Struct("=20xI104xQ16xI68xI")
"""Places of ``tcpi_rcv_mss``, ``tcpi_bytes_received``, ``tcpi_data_segs_in`` and ``tcpi_rcv_ooopack`` in Linux's
``struct tcp_info`` (linux/tcp.h; the last since 5.4)."""

_REMEMBERED = 12
"""Ours: of the last answers, 3 s of four a second: a gap in what came stays open for a few round trips at most."""


class WaitingBytes:
    """Follows the receiving side of one TCP connection; to be asked four times a second."""

    def __init__(self, opened: Any) -> None:
        self._socket = opened
        self._ordered = self._early = self._segment_bytes = 0
        self._surpluses: deque[int] = deque(maxlen=_REMEMBERED)

    def now(self) -> int:
        """Bytes that wait now; 0 where the system does not tell.

        Segments are taken to be full. What small ones lack grows slowly, what waits comes and goes: it is what goes
        beyond the least of the last answers, and nothing where all came in order since the last one.
        """
        try:
            told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TOLD.size)
            segment_bytes, ordered, segments, early = map(int, _TOLD.unpack(told))
        except (OSError, AttributeError, struct.error):
            return 0
        is_in_order = early == self._early and ordered > self._ordered
        if is_in_order or not early or segment_bytes != self._segment_bytes:
            self._surpluses.clear()
        self._segment_bytes, self._ordered, self._early = segment_bytes, ordered, early
        surplus = segments * segment_bytes - ordered
        self._surpluses.append(surplus)
        return surplus - min(self._surpluses)
