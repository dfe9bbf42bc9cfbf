"""Count the payload of WebSocket messages while they arrive, before any of them is complete.

A server may send messages of 16 MiB: counting whole messages would show such a transfer in lumps, or not at all.
"""

_CONTINUATION, _BINARY, _FIRST_CONTROL = 0, 2, 8
_HEAD_END = b"\r\n\r\n"


class PayloadMeter:
    """Follows the bytes of one connection, as a client receives them, from its HTTP answer on (RFC 6455 §5.2).

    Attributes:
        total: payload bytes of binary messages so far.
    """

    def __init__(self) -> None:
        self.total = 0
        self._head = bytearray()
        self._in_head = True
        self._frame_header = bytearray()
        self._left_in_frame = 0
        self._message_counts = False
        self._frame_counts = False

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the connection."""
        if self._in_head:
            self._head += data
            end = self._head.find(_HEAD_END)
            if end < 0:
                return
            data = bytes(self._head[end + len(_HEAD_END) :])
            self._in_head = False
            self._head.clear()
        at, size = 0, len(data)
        while at < size:
            if self._left_in_frame:
                taken = min(self._left_in_frame, size - at)
                self._left_in_frame -= taken
                self.total += taken if self._frame_counts else 0
            else:
                taken = min(self._missing_of_header(), size - at)
                self._frame_header += data[at : at + taken]
                if not self._missing_of_header():
                    self._begin_frame()
            at += taken

    def _missing_of_header(self) -> int:
        header = self._frame_header
        if len(header) < 2:
            return 2 - len(header)
        masking = 4 if header[1] & 0x80 else 0
        length = {126: 2, 127: 8}.get(header[1] & 0x7F, 0)
        return 2 + length + masking - len(header)

    def _begin_frame(self) -> None:
        header = self._frame_header
        opcode, short = header[0] & 0x0F, header[1] & 0x7F
        size = {126: 2, 127: 8}.get(short, 0)
        self._left_in_frame = int.from_bytes(header[2 : 2 + size]) if size else short
        if opcode < _FIRST_CONTROL and opcode != _CONTINUATION:
            self._message_counts = opcode == _BINARY
        self._frame_counts = opcode < _FIRST_CONTROL and self._message_counts
        header.clear()
