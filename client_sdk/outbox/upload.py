"""Send what is pending to every collector, and apply the receipts.

Three troubles, three meanings. *Transport*: no answer, a server that asks to wait, or an answer from someone who is
not the collector; nothing changed, send again later. *Refusal*: the collector understood and says no to the envelope;
sending again will not help, but nothing is lost. *Rejection*: one sample broke a rule; it is kept and shown, the others
went through. The trouble of one collector stops no other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

import httpx

from client_sdk.enrolment import renewed
from client_sdk.errors import CollectorError, MailleError, ReceiptError
from client_sdk.messages import tr
from client_sdk.outbox import backoff
from client_sdk.outbox.delivery import Delivery
from client_sdk.outbox.exchange import send_envelope
from client_sdk.outbox.holder import Holder
from client_sdk.outbox.queue import Outbox, PinnedCollector, RejectedSample
from client_sdk.outbox.quiet import sending
from client_sdk.signing.envelope import MAX_LINES, Envelope
from client_sdk.signing.keys import SigningKey
from client_sdk.signing.receipt import open_receipt

Progress = Callable[[str, float], None]
"""Label and share done, 0 to 1."""

Policy = Literal["always", "wifi", "manual"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorUpload:
    """What one upload did at one collector.

    Attributes:
        collector: which.
        envelopes: settled.
        sent: samples newly stored.
        duplicates: samples that it had already.
        rejected: samples that it refused for good.
        trouble: what ended it early, if something did.
        waits_until_ms: it was not tried, since an earlier try failed; the time of the next.
        stopped_for_test: something is being measured; the rest waits.
    """

    collector: PinnedCollector
    envelopes: int = 0
    sent: int = 0
    duplicates: int = 0
    rejected: tuple[RejectedSample, ...] = ()
    trouble: CollectorError | ReceiptError | None = None
    waits_until_ms: int | None = None
    stopped_for_test: bool = False


@dataclass(frozen=True, slots=True)
class UploadSummary:
    """What one upload did, by collector, the one enrolled at last first."""

    collectors: tuple[CollectorUpload, ...]

    @property
    def envelopes(self) -> int:
        """Settled, at all of them."""
        return sum(one.envelopes for one in self.collectors)

    @property
    def sent(self) -> int:
        """Newly stored, at all of them."""
        return sum(one.sent for one in self.collectors)

    @property
    def duplicates(self) -> int:
        """Known already, at all of them."""
        return sum(one.duplicates for one in self.collectors)

    @property
    def rejected(self) -> tuple[RejectedSample, ...]:
        """Refused for good, by any of them."""
        return tuple(sample for one in self.collectors for sample in one.rejected)

    @property
    def trouble(self) -> CollectorError | ReceiptError | None:
        """The first that came up."""
        return next((one.trouble for one in self.collectors if one.trouble), None)

    def checked(self) -> Self:
        """The summary of an upload without trouble.

        Raises:
            CollectorError: transport trouble (``is_transport_trouble``) or refusal.
            ReceiptError: an answer was not a receipt of the pinned collector.
        """
        if self.trouble:
            raise self.trouble
        return self


def may_upload(policy: Policy, wifi_connected: bool | None) -> bool:
    """Whether to send without being asked: always, over Wi-Fi only (not where that is unknown), or never."""
    return policy == "always" or (policy == "wifi" and wifi_connected is True)


def upload(
    outbox: Outbox,
    key: SigningKey,
    client: httpx.Client,
    progress: Progress | None = None,
    *,
    by_hand: bool = False,
) -> UploadSummary:
    """Send every pending sample to every collector the device is enrolled at.

    Args:
        outbox: where the samples are; what was settled stays settled whatever happens.
        key: the device's key.
        client: makes the requests; no base URL is needed.
        progress: called after each envelope.
        by_hand: a person asked: a collector that failed is tried at once, and the end of a measurement is waited for,
            where otherwise both are left for later.

    Raises:
        MailleError: the device is enrolled nowhere.
        OutboxError: the outbox cannot be written.
    """
    sending_to(outbox)
    outbox.forget()
    collectors = outbox.collectors()
    total = sum(Delivery(outbox, collector).counts().pending for collector in collectors)
    done: list[CollectorUpload] = []
    with Holder(outbox.path.parent) as holder:
        for collector in collectors:
            before = sum(one.sent + one.duplicates + len(one.rejected) for one in done)

            def told(label: str, settled: int, before: int = before) -> None:
                if progress:
                    progress(label, min(1.0, (before + settled) / max(total, 1)))

            if by_hand:
                backoff.reset(outbox, collector)
            waits_until_ms = backoff.standing(outbox, collector).next_try_ms
            if waits_until_ms is not None and not backoff.is_due(outbox, collector):
                done.append(CollectorUpload(collector=collector, waits_until_ms=waits_until_ms))
            else:
                done.append(_Turn(outbox, collector, key, client, holder, told, by_hand).take())
    return UploadSummary(tuple(done))


def sending_to(outbox: Outbox) -> PinnedCollector:
    """The collector enrolled at last, which tests measure against.

    Raises:
        MailleError: the device is enrolled nowhere.
    """
    for collector in outbox.collectors():
        return collector
    raise MailleError(
        tr(
            "this device is not enrolled: run `maille device enrol LINK` first",
            "cet appareil n’est pas enrôlé : lancez d’abord `maille device enrol LIEN`",
        )
    )


@dataclass(slots=True)
class _Turn:
    """One collector's turn in an upload."""

    outbox: Outbox
    collector: PinnedCollector
    key: SigningKey
    client: httpx.Client
    holder: Holder
    told: Callable[[str, int], None]
    by_hand: bool
    envelopes: int = 0
    sent: int = 0
    duplicates: int = 0
    rejected: tuple[RejectedSample, ...] = ()

    def take(self) -> CollectorUpload:
        """Send until nothing is left, something is measured, or trouble comes."""
        delivery, max_lines = Delivery(self.outbox, self.collector), MAX_LINES
        folder = self.outbox.path.parent
        while True:
            with sending(folder, wait=self.by_hand, on_wait=self._say_that_it_waits) as allowed:
                if not allowed:
                    return self._ended(stopped_for_test=True)
                envelope = delivery.lease(self.key, self.holder, max_lines=max_lines)
                if envelope is None:
                    return self._ended()
                try:
                    self._send(delivery, envelope)
                except CollectorError as error:
                    held = delivery.release(envelope, self.holder) if error.status == 413 else 1
                    if held != 1:
                        max_lines = max(1, held // 2) if held else max_lines
                        continue
                    return self._failed(delivery, envelope, _with_advice(error, self.collector))
                except ReceiptError as error:
                    return self._failed(delivery, envelope, error)
            self.told(tr("sending", "envoi"), self.sent + self.duplicates + len(self.rejected))

    def _send(self, delivery: Delivery, envelope: Envelope) -> None:
        jws = send_envelope(envelope, self.collector.url, self.client)
        try:
            receipt = open_receipt(jws, self.collector.key, envelope.sha256)
        except ReceiptError as error:
            self._follow_key(error)
            delivery.follow(self.collector)
            receipt = open_receipt(jws, self.collector.key, envelope.sha256)
        settled = delivery.settle(envelope, receipt, jws)
        backoff.reset(self.outbox, self.collector)
        self.envelopes += 1
        self.sent += settled.sent
        self.duplicates += settled.duplicates
        self.rejected += settled.rejected

    def _follow_key(self, error: ReceiptError) -> None:
        """Take the collector's new key, where the pinned one signed for it.

        Raises:
            ReceiptError: it did not, or nothing new was shown.
        """
        try:
            self.collector = renewed(self.outbox, self.collector, self.client)
        except CollectorError:
            raise error from None
        except MailleError as other_key:
            raise ReceiptError(str(other_key)) from error

    def _say_that_it_waits(self) -> None:
        self.told(
            tr("waiting for the end of a measurement", "attente de la fin d’une mesure"),
            self.sent + self.duplicates + len(self.rejected),
        )

    def _failed(
        self, delivery: Delivery, envelope: Envelope, trouble: CollectorError | ReceiptError
    ) -> CollectorUpload:
        delivery.hand_back(envelope, self.holder)
        backoff.failed(self.outbox, self.collector, trouble)
        return self._ended(trouble=trouble)

    def _ended(
        self, *, trouble: CollectorError | ReceiptError | None = None, stopped_for_test: bool = False
    ) -> CollectorUpload:
        return CollectorUpload(
            collector=self.collector,
            envelopes=self.envelopes,
            sent=self.sent,
            duplicates=self.duplicates,
            rejected=self.rejected,
            trouble=trouble,
            stopped_for_test=stopped_for_test,
        )


def _with_advice(error: CollectorError, collector: PinnedCollector) -> CollectorError:
    """The refusal, with what to do about it where that is known."""
    if error.rule != "jws-unknown-key":
        return error
    advice = tr(
        f"; enrol again: `maille device enrol {collector.url}`",
        f" ; enrôlez de nouveau l’appareil : `maille device enrol {collector.url}`",
    )
    return CollectorError(f"{error}{advice}", error.status, error.retry_after_s, error.rule)
