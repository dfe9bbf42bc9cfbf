"""The team's banner on pages that have none of their own."""

import re
from html import escape

from starlette.datastructures import MutableHeaders
from starlette.types import Message, Send

from aggregator.publication.team_words import TEAM_ONLY

OWN = b'role="note"'
"""What a page has that shows whose it is by itself."""

_BODY = re.compile(rb"<body[^>]*>", re.IGNORECASE)
_BANNER = (
    '<p role="note" style="margin:0;padding:.5rem 1rem;background:#fff3d6;color:#5c4200;font-weight:600;'
    f'text-align:center">{escape(TEAM_ONLY["fr"])} <span lang="en">{escape(TEAM_ONLY["en"])}</span></p>'
).encode()


class Banner:
    """Passes an answer on; a page is held until it is whole, and gets a banner where it has none.

    Args:
        send: where to.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        """Take one message of an answer."""
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif self._start is not None and message["type"] == "http.response.body":
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        body = self._body
        headers = MutableHeaders(scope=start)
        if body and OWN not in body:
            found = _BODY.search(body)
            place = found.end() if found else 0
            body = body[:place] + _BANNER + body[place:]
        if body:
            headers["Content-Length"] = str(len(body))
        else:
            del headers["Content-Length"]  # of HEAD: what GET would have is not known
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


def _is_page(message: Message) -> bool:
    return MutableHeaders(scope=message).get("Content-Type", "").startswith("text/html")
