"""What one transfer found, and the fields of a sample that tell it."""

from dataclasses import dataclass
from typing import Any, Literal

from client_sdk.measurement.ndt7 import Direction
from client_sdk.measurement.stop_rule import RULE, Arrival, StopRule, figures, is_lower_bound
from client_sdk.sample import Outcome, StopReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """How a transfer ended and what the receiver got.

    Attributes:
        outcome: of the transfer.
        problem: what went wrong, for the person; empty where nothing did.
        is_refused: the host answered that nothing listens there.
        retry_after_s: what a busy server asks to wait, where it says so.
        stop: what ended it; None where it never began.
        arrivals: bytes at the receiver over time; empty where nothing is known of it.
        payload_bytes: what crossed this device's interface either way, without headers: for budgets.
        server_id: the server's own id of the connection.
        ip_family: of the connection.
        interface: network interface that carried it, where the system tells.
        interface_bytes: what that interface received and sent meanwhile, everyone's.
    """

    outcome: Outcome
    problem: str = ""
    is_refused: bool = False
    retry_after_s: float | None = None
    stop: StopReason | None = None
    arrivals: tuple[Arrival, ...] = ()
    payload_bytes: int = 0
    server_id: str | None = None
    ip_family: Literal["ipv4", "ipv6"] | None = None
    interface: str | None = None
    interface_bytes: tuple[int, int] | None = None

    @property
    def received(self) -> int | None:
        """Bytes at the receiver, where they are known."""
        return self.arrivals[-1][1] if self.arrivals else None

    def fields(self, direction: Direction, *, full_length: bool, rule: StopRule = RULE) -> dict[str, Any]:
        """Fields of a sample for this direction; a rate only where the transfer ended well.

        Args:
            direction: of the transfer.
            full_length: it ran with the rule left out, and tells what the rule would have done.
            rule: parameters.
        """
        if self.stop is None or not self.arrivals:
            return {}
        elapsed_s, total = self.arrivals[-1]
        told = figures(self.arrivals, rule)
        found: dict[str, Any] = {
            "bytes": total,
            "duration_ms": elapsed_s * 1000,
            "stop": self.stop,
            "buckets": " ".join(map(str, told.buckets)) or None,
        }
        if self.outcome == "ok":
            found |= {
                "bps": round(told.bps),
                "whole_bps": round(told.whole_bps),
                "ramp_ms": told.ramp_s * 1000,
                "stability": None if told.stability is None else round(told.stability, 4),
                "confidence": told.confidence,
                "lower_bound": is_lower_bound(told, self.stop, rule),
            }
            if full_length and told.would_stop_s is not None and told.would_stop_bps is not None:
                found["would_stop_ms"] = told.would_stop_s * 1000
                found["would_stop_bps"] = round(told.would_stop_bps)
        return {
            f"{direction}_{name}": round(value, 4) if isinstance(value, float) else value
            for name, value in found.items()
            if value is not None
        }
