"""When to try a collector again, kept in the outbox's file so that a program started anew does not begin anew."""

import random
from dataclasses import dataclass

from client_sdk.errors import CollectorError, MailleError, ReceiptError
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.outbox.schema import now_ms, transaction

BASE_MS = 5_000
CAP_MS = 900_000
"""Full jitter (Brooker, "Exponential Backoff and Jitter", AWS 2015): even from 0 to the doubled base, at most this."""

REFUSED_MS = 3_600_000
"""Ours: a refusal may be of something in between that is put right; asking once an hour harms nobody."""

LONGEST_ASKED_MS = 86_400_000
"""Ours: a collector that asks to wait longer than a day is asked again after a day."""


def is_transport_trouble(error: MailleError) -> bool:
    """True where trying again later, or elsewhere, may help: no answer, a busy server, or a captive portal."""
    if isinstance(error, CollectorError):
        return error.status is None or error.status in (408, 425, 429) or error.status >= 500
    return isinstance(error, ReceiptError)


@dataclass(frozen=True, slots=True)
class Standing:
    """How the last try at a collector ended.

    Attributes:
        failures: tries in a row that failed.
        next_try_ms: not before this, unless a person asks; None where nothing failed.
        trouble: of the last try, in words; None where it worked.
        refused: the collector said no, rather than that nothing came through.
    """

    failures: int
    next_try_ms: int | None
    trouble: str | None
    refused: bool


def standing(outbox: Outbox, collector: PinnedCollector) -> Standing:
    """How it stands with a collector."""
    failures, failed_ms, next_try_ms, trouble, refused = outbox.connection.execute(
        "SELECT failures, failed_ms, next_try_ms, trouble, refused FROM collectors WHERE thumbprint = ?",
        (collector.key.thumbprint,),
    ).fetchone()
    if failed_ms is not None and now_ms() < failed_ms:  # the clock was set back: the time to wait is unknown
        next_try_ms = None
    return Standing(failures, next_try_ms, trouble, bool(refused))


def is_due(outbox: Outbox, collector: PinnedCollector) -> bool:
    """Whether the time to wait is over."""
    next_try_ms = standing(outbox, collector).next_try_ms
    return next_try_ms is None or now_ms() >= next_try_ms


def failed(outbox: Outbox, collector: PinnedCollector, trouble: CollectorError | ReceiptError) -> None:
    """Write down that a try failed, and when the next one may be."""
    now, refused = now_ms(), not is_transport_trouble(trouble)
    failures = standing(outbox, collector).failures + 1
    asked_s = trouble.retry_after_s if isinstance(trouble, CollectorError) else None
    next_try_ms = now + wait_ms(failures, asked_s, refused=refused)
    with transaction(outbox.connection):
        outbox.connection.execute(
            "UPDATE collectors SET failures = ?, failed_ms = ?, next_try_ms = ?, trouble = ?, refused = ? "
            "WHERE thumbprint = ?",
            (failures, now, next_try_ms, str(trouble), refused, collector.key.thumbprint),
        )


def reset(outbox: Outbox, collector: PinnedCollector) -> None:
    """Forget the failures: a try worked, or a person asks for one."""
    if standing(outbox, collector).failures:
        with transaction(outbox.connection):
            outbox.connection.execute(
                "UPDATE collectors SET failures = 0, failed_ms = NULL, next_try_ms = NULL, trouble = NULL, "
                "refused = 0 WHERE thumbprint = ?",
                (collector.key.thumbprint,),
            )


def wait_ms(failures: int, asked_s: float | None = None, *, refused: bool = False) -> int:
    """How long to wait after so many failures in a row; never less than the collector asked for."""
    if refused:
        return round(REFUSED_MS * random.uniform(1, 1.5))
    jitter = random.uniform(0, min(CAP_MS, BASE_MS * 2 ** min(failures - 1, 20)))
    asked_ms = 0.0 if asked_s is None else min(asked_s * 1000, LONGEST_ASKED_MS)
    return round(asked_ms + jitter)
