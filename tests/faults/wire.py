"""A connection that breaks: in the middle of what it carries, all at once, or for a while."""

import socket
import threading
from contextlib import suppress

from survey_rig import Relay

ADDRESS = "127.0.0.2"


class Wire(Relay):
    """Carries TCP from a port of 127.0.0.2 to the same port of 127.0.0.1, until told to break."""

    def __init__(self, port: int) -> None:
        self._lock = threading.Lock()
        self._carried: set[socket.socket] = set()
        self._left: dict[bool, int] = {}
        self.broken = 0
        super().__init__(ADDRESS, port)
        self._listener.listen(64)  # several reconnect at once, and a request dropped is only made again after 1 s

    def break_after(self, length: int, *, to_server: bool) -> None:
        """Close the connection that carries the byte after so many more in this direction; those before it arrive."""
        with self._lock:
            self._left[to_server] = length

    def sever(self) -> None:
        """Close every connection; there may be none just now."""
        with self._lock:
            carried, self._carried = self._carried, set()
            self.broken += len(carried)
        for end in carried:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with self._lock:
            self._carried.add(one)
        with suppress(OSError):
            to_server = one.getsockname()[0] == ADDRESS
            while data := one.recv(65_536):
                self._up.wait()
                allowed = self._allowed(len(data), to_server)
                other.sendall(data[:allowed])
                if allowed < len(data):
                    break
        with self._lock:
            self._carried -= {one, other}
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _allowed(self, length: int, to_server: bool) -> int:
        """How many of the next bytes of a connection may pass."""
        with self._lock:
            left = self._left.pop(to_server, None)
            if left is None:
                return length
            if left < length:
                self.broken += 1
                return left
            self._left[to_server] = left - length
            return length
