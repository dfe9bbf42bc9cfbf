"""Bytes that wait for a lost packet: from what Linux told during real transfers, and from Linux itself."""

import socket
import struct
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client_sdk.measurement.waiting import WaitingBytes

SEGMENT = 1448
RECORDED = [
    # every 0.25 s on a line of 1 Mbit/s and 150 ms whose queue overflowed twice: in order, data segments, early ones
    (24_545, 19, 0),
    (54_953, 40, 0),
    (85_361, 61, 0),
    (112_873, 81, 1),
    (112_873, 102, 22),
    (112_873, 123, 43),
    (205_545, 144, 45),
    (235_953, 165, 45),
    (243_593, 186, 60),
    (243_593, 207, 81),
    (326_129, 228, 86),
    (356_537, 249, 86),
    (385_497, 269, 86),
    (415_905, 290, 86),
]
"""``tcpi_bytes_received``, ``tcpi_data_segs_in`` and ``tcpi_rcv_ooopack``."""


class Told:
    """A socket whose system gives these answers."""

    def __init__(self, answers: list[tuple[int, int, int]]) -> None:
        self._answers = iter(answers)

    def getsockopt(self, level: int, option: int, size: int) -> bytes:
        assert (level, option) == (socket.IPPROTO_TCP, socket.TCP_INFO)
        ordered, segments, early = next(self._answers)
        info = bytearray(size)
        for at, form, value in ((20, "=I", SEGMENT), (128, "=Q", ordered), (152, "=I", segments), (224, "=I", early)):
            struct.pack_into(form, info, at, value)
        return bytes(info)


def test_what_waits_is_counted_when_it_comes() -> None:
    following = WaitingBytes(Told(RECORDED))
    counts = [ordered + following.now() for ordered, _, _ in RECORDED]

    # the line carried 30,400 bytes in each quarter of a second, whatever was missing
    assert [after - before for before, after in pairwise(counts)] == pytest.approx([30_400] * 13, abs=3 * SEGMENT)


@pytest.mark.parametrize("in_order", [RECORDED[:3], RECORDED[-4:]])
def test_nothing_waits_where_all_comes_in_order(in_order: list[tuple[int, int, int]]) -> None:
    following = WaitingBytes(Told(in_order))

    assert [following.now() for _ in in_order] == [0] * len(in_order)


@given(
    sizes=st.lists(st.integers(min_value=1, max_value=SEGMENT), min_size=40, max_size=200),
    early_each=st.integers(min_value=1, max_value=10),
)
def test_small_segments_of_a_line_that_always_loses_shift_the_count_by_a_bounded_amount(
    sizes: list[int], early_each: int
) -> None:
    answers = [
        (sum(sizes[: 10 * number]), 10 * number, early_each * number) for number in range(1, len(sizes) // 10 + 1)
    ]
    following = WaitingBytes(Told(answers))

    assert all(0 <= following.now() <= 11 * 10 * SEGMENT for _ in answers)


@pytest.mark.parametrize("opened", [None, Told([])], ids=["no socket", "no answer"])
def test_a_system_that_does_not_tell_has_nothing_waiting(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if opened is not None:  # an older system tells less
        monkeypatch.setattr(opened, "getsockopt", lambda level, option, size: bytes(104))

    assert WaitingBytes(opened).now() == 0


def test_linux_tells_what_was_sent_over_loopback() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as sending:
        receiving, _ = server.accept()
        with receiving:
            following = WaitingBytes(receiving)
            for _ in range(20):
                sending.sendall(bytes(10_000))
                left = 10_000
                while left:
                    left -= len(receiving.recv(left))
                assert following.now() == 0
            info = receiving.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 228)

    assert struct.unpack_from("=Q", info, 128)[0] == 200_000
    assert 1 <= struct.unpack_from("=I", info, 152)[0] <= 200_000
