"""A measuring session at a collector that may have changed its key since it was pinned."""

import httpx

from client_sdk.enrolment import renewed
from client_sdk.errors import CollectorError
from client_sdk.measurement.access import Access, NoAccessError, open_access
from client_sdk.outbox.queue import Outbox, PinnedCollector
from client_sdk.signing.keys import SigningKey


def open_followed(outbox: Outbox, collector: PinnedCollector, key: SigningKey, client: httpx.Client) -> Access:
    """Ask for a session; where that is refused, ask again under the key that took the pinned one's place, if one did.

    Raises:
        NoAccessError: as :func:`~client_sdk.measurement.access.open_access`.
        MailleError: the collector shows a key that the pinned one did not sign for.
    """
    try:
        return open_access(collector, key, client)
    except NoAccessError as error:
        if error.outcome is not None:  # a fact about the place
            raise
        try:
            now = renewed(outbox, collector, client)
        except CollectorError:
            raise error from None
        if now.key.thumbprint == collector.key.thumbprint:
            raise
        return open_access(now, key, client)
