"""One direction of a link, as a function of time: rate, bounded queue, delay and loss, without any clock or socket.

The line is a token bucket whose depth is one packet: a lone packet passes at once and arrives one delay later, and the
next one waits until the line has had time for it. A packet that is lost has used its time on the line, as on the air.
"""

import random
from dataclasses import dataclass

MTU_BYTES = 1500
"""Of the devices at both ends."""

MIN_QUEUE_PACKETS = 32
"""Ours: room for three times the first window of a connection (10 packets, RFC 6928), on the slowest line too."""

QUEUE_BDPS = 2
"""Ours: the queue holds so many times what the line carries in one round trip, as a base station's would."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """A link, the same in both directions.

    Attributes:
        rate_bps: bits per second of IP packets, headers included.
        delay_ms: round trip of a lone packet; each way has half of it.
        loss: share of packets lost at random, from 0 to 1, after they have used the line.
        seed: of the losses; the two directions draw apart.
    """

    rate_bps: float
    delay_ms: float
    loss: float = 0.0
    seed: int = 1

    @property
    def queue_bytes(self) -> int:
        """How many bytes may wait for the line; what comes then is dropped."""
        bdp_bytes = self.rate_bps / 8 * self.delay_ms / 1000
        return max(round(QUEUE_BDPS * bdp_bytes), MIN_QUEUE_PACKETS * MTU_BYTES)

    def line(self, direction: int) -> "Line":
        """The line of one direction, 0 or 1."""
        return Line(
            rate_bps=self.rate_bps,
            delay_ns=self.delay_ms * 1e6 / 2,
            queue_bytes=self.queue_bytes,
            loss=self.loss,
            seed=self.seed * 2 + direction,
        )


class Line:
    """What happens to each packet that comes; times are nanoseconds of one clock that never goes back."""

    __slots__ = ("_delay_ns", "_draw", "_free_at_ns", "_longest_wait_ns", "_loss", "_ns_per_byte", "lost", "overflowed")

    def __init__(self, *, rate_bps: float, delay_ns: float, queue_bytes: int, loss: float, seed: int) -> None:
        self._ns_per_byte = 8e9 / rate_bps
        self._delay_ns = delay_ns
        self._longest_wait_ns = queue_bytes * self._ns_per_byte
        self._loss = loss
        self._draw = random.Random(seed).random
        self._free_at_ns = 0.0
        self.lost = 0
        """Packets lost at random."""
        self.overflowed = 0
        """Packets that found the queue full."""

    def admit(self, now_ns: float, size_bytes: int) -> float | None:
        """Take a packet that comes now.

        Returns:
            When it arrives at the other end; None where it never does.
        """
        start_ns = self._free_at_ns
        if start_ns < now_ns:
            start_ns = now_ns
        elif start_ns - now_ns + size_bytes * self._ns_per_byte > self._longest_wait_ns:
            self.overflowed += 1
            return None
        self._free_at_ns = start_ns + size_bytes * self._ns_per_byte
        if self._loss and self._draw() < self._loss:
            self.lost += 1
            return None
        return start_ns + self._delay_ns
