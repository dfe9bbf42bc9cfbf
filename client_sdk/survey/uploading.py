"""Samples are sent while the survey goes on, between tests, as often as the network allows.

The outbox itself keeps quiet while something is measured, and waits longer after each failure.
"""

import asyncio
import random
import time

import httpx

from client_sdk.errors import MailleError
from client_sdk.home import Home
from client_sdk.messages import tr
from client_sdk.outbox.backoff import is_transport_trouble
from client_sdk.outbox.queue import Outbox
from client_sdk.outbox.upload import UploadSummary, may_upload, upload
from client_sdk.signing.keys import SigningKey
from client_sdk.survey.options import UploadPolicy
from client_sdk.survey.threads import in_thread

EVERY_S = 60.0
"""Ours: a minute's samples fit into one envelope of some kilobytes."""

_LOOK_S = 0.5


class Uploads:
    """Sends what is pending, again and again.

    Args:
        home: of the device.
        key: of the device; None where it is enrolled nowhere.
        policy: when to send.

    Attributes:
        hold: a test is running or due: begin nothing.
        wifi: whether the device is on Wi-Fi, where it can be told.
        pending: samples that wait, as last counted.
        state: what the upload does, in words.
    """

    def __init__(self, home: Home, key: SigningKey | None, policy: UploadPolicy) -> None:
        self.hold = False
        self.wifi: bool | None = None
        self.pending = 0
        self.state = "" if key else tr("not enrolled", "appareil non enrôlé")
        self._home, self._key, self._policy = home, key, policy
        self._refused = ""

    def troubles(self) -> dict[str, str]:
        """What is wrong: a collector that refuses; having no network is ordinary."""
        return {"upload": self._refused} if self._refused else {}

    async def run(self) -> None:
        """Until cancelled."""
        if self._key is None or self._policy == "manual":
            self.state = self.state or tr("by `maille upload`", "par « maille upload »")
            return
        next_s = time.monotonic() + random.uniform(1.0, 5.0)
        while True:
            await asyncio.sleep(_LOOK_S)
            if time.monotonic() >= next_s and self.pending and not self.hold:
                await self._once()
                next_s = time.monotonic() + random.uniform(0.5, 1.0) * EVERY_S

    async def finally_send(self) -> None:
        """Send what is left at the end, once."""
        if self._key is not None and self._policy != "manual":
            await self._once(by_hand=True)

    async def _once(self, *, by_hand: bool = False) -> None:
        key = self._key
        assert key is not None
        if not may_upload(self._policy, self.wifi):
            self.state = tr("waits for Wi-Fi", "attend le Wi-Fi")
            return
        self.state = tr("sending", "envoi")
        try:
            self._take_in(await in_thread(lambda: self._send(key, by_hand), "upload"))
        except (MailleError, OSError) as error:
            self.state = str(error)

    def _send(self, key: SigningKey, by_hand: bool) -> UploadSummary:
        with Outbox(self._home.outbox) as outbox, httpx.Client(timeout=30) as client:
            summary = upload(outbox, key, client, by_hand=by_hand)
            self.pending = outbox.counts().pending
        return summary

    def _take_in(self, summary: UploadSummary) -> None:
        trouble = summary.trouble
        self._refused = str(trouble) if trouble and not is_transport_trouble(trouble) else ""
        if any(one.stopped_for_test for one in summary.collectors):
            self.state = tr("waits for the test", "attend la fin du test")
        elif trouble or any(one.waits_until_ms is not None for one in summary.collectors):
            self.state = tr("waits for the network", "attend le réseau")
        else:
            self.state = time.strftime(tr("sent at %H:%M", "envoyé à %H:%M"))
