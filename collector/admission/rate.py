"""How often something may happen to one key: a bucket that refills steadily, kept as one instant.

The generic cell rate algorithm (ITU-T I.371, annex A): of each key only the instant is kept at which its bucket will be
full again, so the wait is exact and a key takes 250 bytes.
"""

from collections import OrderedDict

MAX_KEYS = 50_000
"""Ours: 13 MB for each limit. Beyond, the keys unseen for longest start anew: all that an attacker with so many
networks gains; one with fewer gains nothing."""

_TOLERANCE_S = 1e-6  # a wait that was rounded on the way is still long enough


class Rate:
    """At most ``amount`` at once for each key, and as many again over each ``period_s``; an amount of 0 is no limit.

    Not for several threads at once: the caller holds a lock.
    """

    def __init__(self, amount: int, period_s: float, *, max_keys: int = MAX_KEYS) -> None:
        self.amount = amount
        self.period_s = period_s
        self._max_keys = max_keys
        self._full_at_s: OrderedDict[str | bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at_s)

    def wait_s(self, key: str | bytes, now_s: float, count: int = 1, factor: int = 1) -> float:
        """How long until ``count`` more may come; 0 where they may now.

        More than the bucket holds may come once it is full.

        Args:
            key: whose.
            now_s: of a clock that never goes back.
            count: how many.
            factor: how many times the limit this key has.
        """
        if not self.amount:
            return 0.0
        share = min(1.0, count / (self.amount * factor))
        missing_s = max(0.0, self._full_at_s.get(key, now_s) - now_s)
        wait_s = missing_s - (1.0 - share) * self.period_s
        return wait_s if wait_s > _TOLERANCE_S else 0.0

    def take(self, key: str | bytes, now_s: float, count: int = 1, factor: int = 1) -> None:
        """Take them, whether or not they may come; a negative count gives back."""
        if not self.amount:
            return
        full_at_s = max(now_s, self._full_at_s.pop(key, now_s)) + count * self.period_s / (self.amount * factor)
        if full_at_s > now_s:  # a full bucket is as good as an unknown key
            self._full_at_s[key] = full_at_s
        if len(self._full_at_s) > self._max_keys:
            self._full_at_s.popitem(last=False)

    def forget(self) -> None:
        """Begin anew with every key."""
        self._full_at_s.clear()
