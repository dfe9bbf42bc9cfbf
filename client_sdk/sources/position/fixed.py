"""A position given by hand: a fixed site, or a device without a receiver."""

import time
from dataclasses import dataclass

from client_sdk.sources.reading import PositionFix


@dataclass(frozen=True, slots=True)
class FixedPosition:
    """Where the device is said to be; as fresh as the moment it is read.

    Attributes:
        latitude: WGS 84, degrees.
        longitude: WGS 84, degrees.
    """

    latitude: float
    longitude: float

    @property
    def name(self) -> str:
        """Short name for people."""
        return f"fixed {self.latitude:.5f},{self.longitude:.5f}"

    def read(self) -> PositionFix:
        """The position."""
        return PositionFix(
            fixed_at_s=time.monotonic(), latitude=self.latitude, longitude=self.longitude, position_source="manual"
        )

    def close(self) -> None:
        """Nothing is held."""
