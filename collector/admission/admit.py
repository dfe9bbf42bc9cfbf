"""The limits of rate at work: requests and enrolments by network, envelopes and samples by device.

A client's address is reduced to its network, and that to a hash with a salt that is drawn anew each day and never
leaves the memory of the process: no address is kept, and none can be found again.
"""

import hashlib
import ipaddress
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from collector.admission.limits import Limits
from collector.admission.rate import Rate
from collector.errors import BusyError
from collector.storage.records import Tier

DAY_S = 86_400.0
MINUTE_S = 60.0

IPV4_PREFIX_BYTES = 3
"""A /24: the smallest that is routed on its own, so few clients hold several, and operators share one among many."""

IPV6_PREFIX_BYTES = 6
"""A /48: the largest that one site is given (RFC 6177, RIPE-690); by /56 the holder of a /48 would count 256 times."""


class Admission:
    """What was used of the limits, in this process.

    Attributes:
        limits: in force.
        clock: seconds, never going back.
    """

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits
        self.clock = clock
        self._requests = Rate(limits.network_requests_per_minute, MINUTE_S)
        self._enrolments = Rate(limits.network_enrolments_per_day, DAY_S)
        self._envelopes = Rate(limits.device_envelopes_per_minute, MINUTE_S)
        self._samples = Rate(limits.device_samples_per_day, DAY_S)
        self._lock = threading.Lock()
        self._salt, self._salted_at_s = b"", -math.inf

    def request(self, address: str | None) -> None:
        """Count a request of any kind.

        Raises:
            BusyError: ``rate-network``.
        """
        with self._lock:
            now_s = self.clock()
            network = self._network(address, now_s)
            wait_s = self._requests.wait_s(network, now_s)
            if wait_s:
                limit = self.limits.network_requests_per_minute
                raise BusyError(
                    "rate-network", f"requests: more than {limit} a minute from this network", math.ceil(wait_s)
                )
            self._requests.take(network, now_s)

    @contextmanager
    def enrolment(self, address: str | None) -> Iterator[None]:
        """Count a new volunteer's device, unless the block fails.

        Raises:
            BusyError: ``rate-enrolment``.
        """
        with self._lock:
            now_s = self.clock()
            network = self._network(address, now_s)
            wait_s = self._enrolments.wait_s(network, now_s)
            if wait_s:
                limit = self.limits.network_enrolments_per_day
                raise BusyError(
                    "rate-enrolment", f"enrolments: more than {limit} a day from this network", math.ceil(wait_s)
                )
            self._enrolments.take(network, now_s)
        try:
            yield
        except BaseException:
            with self._lock:
                self._enrolments.take(network, self.clock(), -1)
            raise

    def charge(self, origin: str, tier: Tier, samples: int) -> None:
        """Count a verified envelope of a device and what it holds.

        Args:
            origin: thumbprint of its first key: a new key brings no new allowance.
            tier: of the device.
            samples: lines of the envelope.

        Raises:
            BusyError: ``rate-device``; nothing is counted.
        """
        factor = self._factor(tier)
        counted = ((self._envelopes, 1, "envelopes a minute"), (self._samples, samples, "samples a day"))
        with self._lock:
            now_s = self.clock()
            wait_s, limit, what = max(
                (rate.wait_s(origin, now_s, count, factor), rate.amount * factor, what) for rate, count, what in counted
            )
            if wait_s:
                raise BusyError("rate-device", f"device: more than {limit} {what}", math.ceil(wait_s))
            for rate, count, _ in counted:
                rate.take(origin, now_s, count, factor)

    def give_back(self, origin: str, tier: Tier, samples: int) -> None:
        """Take back what was counted of an envelope that could not be stored."""
        factor = self._factor(tier)
        with self._lock:
            now_s = self.clock()
            self._envelopes.take(origin, now_s, -1, factor)
            self._samples.take(origin, now_s, -samples, factor)

    def _factor(self, tier: Tier) -> int:
        return self.limits.field_team_factor if tier == "field_team" else 1

    def _network(self, address: str | None, now_s: float) -> bytes:
        if now_s - self._salted_at_s >= DAY_S:
            self._salt, self._salted_at_s = secrets.token_bytes(32), now_s
            self._requests.forget()
            self._enrolments.forget()
        return hashlib.blake2b(network_of(address), key=self._salt, digest_size=16).digest()


def network_of(address: str | None) -> bytes:
    """The first bytes of an address, which name its network; the same for all that is no address."""
    try:
        ip = ipaddress.ip_address(address or "")
    except ValueError:
        return b""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is None:
            return ip.packed[:IPV6_PREFIX_BYTES]
        ip = ip.ipv4_mapped
    return ip.packed[:IPV4_PREFIX_BYTES]
