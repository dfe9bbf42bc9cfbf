"""The rows of the accuracy benchmark: links, what they can deliver, what was told of them, and how far off that is."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import fmean, median
from typing import Literal

from benchmarks.link.line import MTU_BYTES, LinkSettings

RATES_MBPS = (0.25, 1.0, 3.0, 8.0, 30.0, 100.0)
DELAYS_MS = (20.0, 60.0, 150.0)
LOSSES = (0.0, 0.01)

IP_HEADER_BYTES = 20
TCP_HEADER_BYTES = 20 + 12
"""With the timestamps option (RFC 7323), padded, which both ends use."""

WEBSOCKET_MESSAGE_BYTES = 1 << 13
"""The smallest message of ndt7: larger ones make the headers' share, 0.1 % at most, smaller still."""

WEBSOCKET_HEADER_BYTES = {"download": 4, "upload": 8}
"""Of a message from a server, and of a client's, which is masked (RFC 6455 §5.2)."""

Direction = Literal["download", "upload"]
DIRECTIONS: tuple[Direction, ...] = ("download", "upload")


@dataclass(frozen=True, slots=True, order=True)
class Row:
    """One link: its rate in Mbit/s of IP packets, its round trip, its loss in each direction."""

    rate_mbps: float
    delay_ms: float
    loss: float

    @property
    def settings(self) -> LinkSettings:
        """The link of this row; its losses repeat from run to run."""
        seed = round(self.rate_mbps * 100_000 + self.delay_ms * 100 + self.loss * 10_000)
        return LinkSettings(rate_bps=self.rate_mbps * 1e6, delay_ms=self.delay_ms, loss=self.loss, seed=seed)

    @property
    def tcp_bps(self) -> float:
        """What TCP can deliver to a program, after IP's and its own headers."""
        return self.rate_mbps * 1e6 * (MTU_BYTES - IP_HEADER_BYTES - TCP_HEADER_BYTES) / MTU_BYTES

    def deliverable_bps(self, direction: Direction) -> float:
        """What is left of it for the messages of a WebSocket, after their headers too."""
        header = WEBSOCKET_HEADER_BYTES[direction]
        return self.tcp_bps * WEBSOCKET_MESSAGE_BYTES / (WEBSOCKET_MESSAGE_BYTES + header)

    def __str__(self) -> str:
        return f"{self.rate_mbps:g}/{self.delay_ms:g}/{self.loss * 100:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What one repetition told of one direction; absent where a program told nothing.

    Attributes:
        full_bps: our figure, full length.
        full_bytes: what it received.
        full_stop: what ended it.
        iperf3_bps: iperf3's, at its receiver.
        iperf3_bytes: what its receiver got.
        ruled_bps: our figure when the stop rule ends the transfer.
        ruled_bytes: what that received.
        ruled_stop: what ended it.
        would_stop_bps: what the full transfer says the rule would have told.
    """

    full_bps: float | None
    full_bytes: int | None
    full_stop: str | None
    iperf3_bps: float | None
    iperf3_bytes: int | None
    ruled_bps: float | None
    ruled_bytes: int | None
    ruled_stop: str | None
    would_stop_bps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All repetitions on one row.

    Attributes:
        row: the link.
        tries: of each direction.
        rtts_ms: median idle round trip of each of our tests.
        full_link_bytes: IP bytes that the link carried for each of our full-length tests, both directions, headers,
            probes, handshakes and what came after the end included.
        ruled_link_bytes: the same when the stop rule ends the transfers.
        iperf3_link_bytes: the same for iperf3's two transfers.
        latest_ms: the latest that the link itself delivered a packet: large where the machine was too busy to tell.
        congestion: congestion control of TCP at both ends.
        faults: what went wrong, in words.
    """

    row: Row
    tries: dict[Direction, tuple[Try, ...]]
    rtts_ms: tuple[float, ...]
    full_link_bytes: tuple[int, ...]
    ruled_link_bytes: tuple[int, ...]
    iperf3_link_bytes: tuple[int, ...]
    latest_ms: float
    congestion: str
    faults: tuple[str, ...]

    def error_pct(self, direction: Direction) -> float:
        """Median distance of our full-length figure from the deliverable rate, in percent; a failed test is 100."""
        return _error_pct([one.full_bps for one in self.tries[direction]], self.row.deliverable_bps(direction))

    def iperf3_error_pct(self, direction: Direction) -> float | None:
        """The same for iperf3, whose bytes have no WebSocket headers; None where it never told anything."""
        told = [one.iperf3_bps for one in self.tries[direction] if one.iperf3_bps]
        return _error_pct(told, self.row.tcp_bps) if told else None

    def excess_points(self, direction: Direction) -> float | None:
        """By how much our error is larger than iperf3's, in points of percent."""
        theirs = self.iperf3_error_pct(direction)
        return None if theirs is None else self.error_pct(direction) - theirs

    def rtt_error_ms(self) -> float | None:
        """Median distance of the idle round trip from the emulated delay; None where none was measured."""
        return median(abs(rtt_ms - self.row.delay_ms) for rtt_ms in self.rtts_ms) if self.rtts_ms else None

    def bytes_ratio(self) -> float | None:
        """What a test costs with the stop rule over what it costs at full length, in the median."""
        pairs = zip(self.ruled_link_bytes, self.full_link_bytes, strict=False)
        ratios = [ruled / full for ruled, full in pairs]
        return median(ratios) if ratios else None

    def rule_difference_pct(self, direction: Direction) -> float | None:
        """Distance of the figure with the stop rule from that of the full length, in the median, in percent."""
        found = [
            abs(one.ruled_bps / one.full_bps - 1) * 100
            for one in self.tries[direction]
            if one.ruled_bps and one.full_bps
        ]
        return median(found) if found else None


def rows(
    rates_mbps: Iterable[float] = RATES_MBPS,
    delays_ms: Iterable[float] = DELAYS_MS,
    losses: Iterable[float] = LOSSES,
) -> list[Row]:
    """Every combination, the fastest first, since those run alone."""
    return sorted((Row(*one) for one in product(rates_mbps, delays_ms, losses)), key=lambda row: (-row.rate_mbps, row))


def figures(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    """The benchmark's figures; None where no row has what one needs, and for the round trip where one row has none.

    ``stop_rule_bytes_ratio`` is the mean over rows of each one's median, so that each weighs the same whatever its
    rate; ``stop_rule_difference_pct`` is the median over rows and directions.
    """
    sides = [(outcome, direction) for outcome in outcomes for direction in DIRECTIONS]
    loss_free = [outcome.error_pct(direction) for outcome, direction in sides if outcome.row.loss == 0]
    excess = [points for outcome, direction in sides if (points := outcome.excess_points(direction)) is not None]
    ratios = [ratio for outcome in outcomes if (ratio := outcome.bytes_ratio()) is not None]
    differences = [
        difference for outcome, direction in sides if (difference := outcome.rule_difference_pct(direction)) is not None
    ]
    rtts_ms = [error_ms for outcome in outcomes if (error_ms := outcome.rtt_error_ms()) is not None]
    return {
        "worst_loss_free_error_pct": _rounded(max, loss_free, 2),
        "worst_excess_over_iperf3_points": _rounded(max, excess, 2),
        "stop_rule_bytes_ratio": _rounded(fmean, ratios, 3),
        "stop_rule_difference_pct": _rounded(median, differences, 2),
        "rtt_error_ms": _rounded(max, rtts_ms if len(rtts_ms) == len(outcomes) else [], 2),
    }


TARGETS = {
    "worst_loss_free_error_pct": 3.0,
    "worst_excess_over_iperf3_points": 2.0,
    "stop_rule_bytes_ratio": 0.60,
    "stop_rule_difference_pct": 10.0,
    "rtt_error_ms": 2.0,
}
"""Each figure is to be at most this, on the full run."""


def _error_pct(found_bps: Sequence[float | None], true_bps: float) -> float:
    return median([abs((bps or 0.0) / true_bps - 1) * 100 for bps in found_bps] or [100.0])


def _rounded(of: Callable[[list[float]], float], values: list[float], digits: int) -> float | None:
    return round(of(values), digits) if values else None
