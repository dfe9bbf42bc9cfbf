from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from client_sdk.measurement.payload import PayloadMeter

HEAD = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
SIZES = st.one_of(st.integers(0, 130), st.sampled_from([125, 126, 65_535, 65_536, 70_000]))


@st.composite
def conversations(draw: st.DrawFn) -> list[tuple[Frame, int]]:
    """Frames of messages in one or several pieces, with control frames between, and the payload each counts."""
    frames: list[tuple[Frame, int]] = []
    for _ in range(draw(st.integers(0, 6))):
        opcode = draw(st.sampled_from([Opcode.BINARY, Opcode.TEXT]))
        pieces = draw(st.lists(SIZES, min_size=1, max_size=3))
        for number, size in enumerate(pieces):
            if draw(st.booleans()):
                frames.append((Frame(Opcode.PING, b"p" * draw(st.integers(0, 125))), 0))
            is_last = number == len(pieces) - 1
            kind = Opcode.CONT if number else opcode
            frames.append((Frame(kind, b"x" * size, fin=is_last), size if opcode is Opcode.BINARY else 0))
    return frames


@given(conversations(), st.lists(st.integers(1, 20_000), min_size=1), st.booleans())
def test_every_byte_of_binary_messages_counts_however_they_are_cut(
    frames: list[tuple[Frame, int]], cuts: list[int], masked: bool
) -> None:
    wire = HEAD + b"".join(frame.serialize(mask=masked) for frame, _ in frames)
    meter = PayloadMeter()
    at, turn = 0, 0
    while at < len(wire):
        size = cuts[turn % len(cuts)]
        meter.feed(wire[at : at + size])
        at, turn = at + size, turn + 1
    assert meter.total == sum(size for _, size in frames)


def test_a_message_counts_before_it_is_complete() -> None:
    meter = PayloadMeter()
    wire = HEAD + Frame(Opcode.BINARY, bytes(1 << 24)).serialize(mask=False)
    seen: list[Any] = []
    for at in range(0, len(wire), 1 << 20):
        meter.feed(wire[at : at + (1 << 20)])
        seen.append(meter.total)
    assert seen == sorted(set(seen))
    assert seen[0] == (1 << 20) - len(HEAD) - 10
    assert seen[-1] == 1 << 24


def test_a_head_that_never_ends_counts_nothing() -> None:
    meter = PayloadMeter()
    meter.feed(b"x" * 10_000)
    assert meter.total == 0
