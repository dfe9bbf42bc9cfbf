"""Bounds of a test's transfers, and what they let it cost."""

from dataclasses import dataclass, replace

from client_sdk.measurement.stop_rule import RULE

WIRE_SHARE = 1.06
"""Ours: headers of WebSocket, TCP and IP (3.7 % of a full packet) and the acknowledgements of the other direction."""

LEAST_BYTES = 250_000
"""Ours: a direction with less than a second at 2 Mbit/s tells nothing."""

_WITHOUT_CAP_BYTES = 250_000_000
"""For a reservation: ndt7's own ``early_exit``, 200 Mbit/s over 10 s."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of the transfers.

    Attributes:
        download_bytes: byte cap of the method; None: no cap.
        upload_bytes: the same, up.
        full_length: leave the stop rule out, as calibration runs do.
        transfer_ms: longest transfer.
    """

    download_bytes: int | None = 40_000_000
    upload_bytes: int | None = 15_000_000
    full_length: bool = False
    transfer_ms: int = round(RULE.max_s * 1000)

    @property
    def most_bytes(self) -> int:
        """What a test may take at most, headers included: to reserve."""
        caps = (self.download_bytes, self.upload_bytes)
        return round(sum(_WITHOUT_CAP_BYTES if cap is None else cap for cap in caps) * WIRE_SHARE)

    def within(self, budget_bytes: int | None) -> "Limits | None":
        """These limits, with both caps lowered in proportion to fit a budget; None where too little is left.

        Args:
            budget_bytes: headers included; None: no limit.
        """
        if budget_bytes is None or self.most_bytes <= budget_bytes:
            return self
        share = budget_bytes / self.most_bytes
        down, up = (
            int((_WITHOUT_CAP_BYTES if cap is None else cap) * share)
            for cap in (self.download_bytes, self.upload_bytes)
        )
        if min(down, up) < LEAST_BYTES:
            return None
        return replace(self, download_bytes=down, upload_bytes=up)
