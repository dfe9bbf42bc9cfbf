"""Who is let in to measure: a good token, not used up, while a slot is free."""

import os
from datetime import datetime
from urllib.parse import parse_qsl

from starlette.websockets import WebSocket

from client_sdk.measurement.ndt7 import Direction
from collector.errors import BusyError, RequestError
from collector.measurement.tokens import Ticket, check_token

MAX_QUERY_BYTES = 4096
"""ndt7-protocol.md, "The handshake"."""

MESSAGE_CAP = 1 << 16
"""Ours: below the protocol's 1 << 24, so that receivers that count whole messages keep their resolution."""

TRANSFERS_PER_TOKEN = 2
"""Ours, per direction: one that failed may be tried again."""

LATENCIES_PER_SLOT = 16
"""Ours: a connection that only answers pings costs next to nothing, but not nothing."""

_RETRY_AFTER_S = 20
_REMEMBERED = 1_000


class Slots:
    """What runs now, what tokens were used for, and the random bytes; touched by the event loop only."""

    def __init__(self, slots: int, *, open_to_all: bool = False) -> None:
        self.open_to_all = open_to_all
        self.noise = os.urandom(MESSAGE_CAP)  # nothing on the way can compress it
        self._free = slots
        self._free_latencies = LATENCIES_PER_SLOT * slots
        self._used: dict[tuple[str, Direction], tuple[int, datetime]] = {}

    def take(self, ticket: Ticket | None, direction: Direction) -> None:
        """Take a slot.

        Raises:
            BusyError: none is free.
            RequestError: ``measurement-token``: the token was used up.
        """
        if self._free == 0:
            raise BusyError("measurement-busy", "measurement: all slots are taken", _RETRY_AFTER_S)
        if ticket is not None:
            used, _ = self._used.get((ticket.test_id, direction), (0, None))
            if used >= TRANSFERS_PER_TOKEN:
                raise RequestError("measurement-token", "access_token: used up, ask for a new session")
            self._forget(ticket.checked_at)
            self._used[ticket.test_id, direction] = (used + 1, ticket.expires_at)
        self._free -= 1

    def give_back(self) -> None:
        """Free a slot."""
        self._free += 1

    def take_latency(self) -> None:
        """Take one of the places for connections that answer pings.

        Raises:
            BusyError: none is free.
        """
        if self._free_latencies == 0:
            raise BusyError("measurement-busy", "measurement: all slots are taken", _RETRY_AFTER_S)
        self._free_latencies -= 1

    def give_back_latency(self) -> None:
        """Free such a place."""
        self._free_latencies += 1

    def _forget(self, now: datetime) -> None:
        """Tokens that have expired open nothing any more."""
        if len(self._used) >= _REMEMBERED:
            self._used = {key: used for key, used in self._used.items() if used[1] > now}


def admit(websocket: WebSocket) -> tuple[Ticket | None, dict[str, str]]:
    """The ticket and query of a client that may measure; no ticket where the server is open to all.

    Raises:
        RequestError: the query is too long, or the token does not hold.
    """
    raw: bytes = websocket.scope["query_string"]
    if len(raw) > MAX_QUERY_BYTES:
        raise RequestError("measurement-protocol", f"query: {len(raw)} bytes, expected at most {MAX_QUERY_BYTES}")
    query: dict[str, str] = {}
    for name, value in parse_qsl(raw.decode("latin-1"), keep_blank_values=True):
        query.setdefault(name, value)  # duplicates are ignored
    collector = websocket.app.state.collector
    if websocket.app.state.slots.open_to_all and "access_token" not in query:
        return None, query
    header = websocket.headers.get("authorization", "")
    token = query.get("access_token") or (header[7:] if header.lower().startswith("bearer ") else "")
    return check_token(token, collector.key, collector.clock()), query


def limit(query: dict[str, str], name: str, default: int) -> int:
    """A positive number of the query; the default where there is none."""
    text = query.get(name, "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 16 else default
