"""UDP echoes, byte by byte: RTR's format, answered only where the token is ours and in its time."""

import base64
import hashlib
import hmac
import ipaddress
import socket
import struct
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.errors import SettingsError
from collector.measurement.echo import answer, make_token
from collector.secret import load_or_create_secret
from collector.settings import Settings

SEED = bytes(range(32))
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def request(token: bytes, seq: int = 7) -> bytes:
    return struct.pack("!4sI16s", b"RP01", seq, token)


def test_a_token_is_made_of_its_time_and_two_digests() -> None:
    moment = struct.pack("!I", int(NOW.timestamp()))
    mapped = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 1])
    whole = hmac.new(SEED, moment, hashlib.sha256).digest()[:8]
    address = hmac.new(SEED, moment + mapped, hashlib.sha256).digest()[:4]
    assert make_token(SEED, "192.0.2.1", NOW) == moment + whole + address


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "fe80::1%eth0"])
def test_a_request_is_answered_with_its_number(address: str) -> None:
    token = make_token(SEED, address, NOW)
    assert answer(request(token, 0xDEADBEEF), address, SEED, NOW) == b"RR01\xde\xad\xbe\xef"


def test_an_ipv4_address_is_the_same_inside_ipv6() -> None:
    token = make_token(SEED, "192.0.2.1", NOW)
    assert answer(request(token), "::ffff:192.0.2.1", SEED, NOW) == b"RR01\x00\x00\x00\x07"


@pytest.mark.parametrize("made_for", ["192.0.2.2", None])
def test_another_address_is_told_so(made_for: str | None) -> None:
    token = make_token(SEED, made_for, NOW)
    assert answer(request(token), "192.0.2.1", SEED, NOW) == b"RE01\x00\x00\x00\x07"


@pytest.mark.parametrize(
    ("after", "answered"),
    [
        (timedelta(seconds=-30), True),
        (timedelta(seconds=-31), False),
        (timedelta(hours=4), True),
        (timedelta(hours=4, seconds=1), False),
    ],
)
def test_a_token_has_its_time(after: timedelta, answered: bool) -> None:
    token = make_token(SEED, "192.0.2.1", NOW)
    assert (answer(request(token), "192.0.2.1", SEED, NOW + after) is not None) is answered


@given(st.binary(max_size=64))
def test_whatever_else_comes_gets_no_answer(packet: bytes) -> None:
    assert answer(packet, "192.0.2.1", SEED, NOW) is None


@given(st.integers(0, 23), st.integers(1, 255))
def test_no_byte_of_a_request_may_change_but_its_number_and_address_digest(place: int, change: int) -> None:
    packet = bytearray(request(make_token(SEED, "192.0.2.1", NOW)))
    packet[place] ^= change
    reply = answer(bytes(packet), "192.0.2.1", SEED, NOW)
    if 4 <= place < 8:
        assert reply == b"RR01" + packet[4:8]
    elif place >= 20:
        assert reply == b"RE01" + packet[4:8]
    else:
        assert reply is None


def test_the_collector_answers_over_udp(collector: Any, phone_of: Any) -> None:
    echo = phone_of(collector).session()["echo"]
    assert echo["port"] == int(collector.base_url.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect(("127.0.0.1", echo["port"]))
        client.send(b"nonsense")
        client.send(request(base64.b64decode(echo["token"]), 1))
        assert client.recv(100) == b"RR01\x00\x00\x00\x01"


def test_echoes_can_be_left_out_or_be_elsewhere(running_collector: Any, phone_of: Any) -> None:
    assert "echo" not in phone_of(running_collector(echo_port="off")).session()
    elsewhere = phone_of(running_collector(measurement_url="wss://measure.example.org:8421")).session()
    assert elsewhere["ndt7_url"] == "wss://measure.example.org:8421"
    assert (elsewhere["echo"]["host"], elsewhere["echo"]["port"]) == ("measure.example.org", 8421)


def test_the_seed_is_made_once_and_checked(tmp_path: Any) -> None:
    path = Settings(data=tmp_path).echo_seed
    assert load_or_create_secret(path) == load_or_create_secret(path)
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"short")
    with pytest.raises(SettingsError, match="expected 32"):
        load_or_create_secret(path)


def test_addresses_are_sixteen_bytes() -> None:
    assert len(make_token(SEED, str(ipaddress.IPv6Address(2**128 - 1)), NOW)) == 16
