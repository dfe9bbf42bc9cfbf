"""UDP packets at the ends of a link: what ``selfcheck`` runs inside the namespaces.

Usage: packets.py echo | ping ADDRESS:PORT | count | flood ADDRESS:PORT BPS SECONDS
"""

import json
import os
import socket
import sys
import time

from benchmarks.link.line import MTU_BYTES

HEADER_BYTES = 28
"""IPv4 and UDP."""

PINGS = 20
PING_INTERVAL_S = 0.05
PING_TIMEOUT_S = 3.0
SILENCE_S = 0.7
"""No packet for so long: the flood is over. On the slowest link there are 0.05 s between two."""


def main() -> None:
    """Do what the command line says, and print one line of JSON for each result."""
    match sys.argv[1:]:
        case ["echo"]:
            echo()
        case ["ping", to]:
            ping(_address(to))
        case ["count"]:
            count()
        case ["flood", to, rate_bps, seconds]:
            flood(_address(to), float(rate_bps), float(seconds))
        case _:
            sys.exit(__doc__)


def echo() -> None:
    """Send every packet back, until killed."""
    with _open() as answering:
        while True:
            packet, sender = answering.recvfrom(2048)
            answering.sendto(packet, sender)


def ping(to: tuple[str, int]) -> None:
    """Send small packets, one at a time, and print the round trips of those that came back."""
    rtts_ms: list[float] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(PING_TIMEOUT_S)
        for number in range(PINGS):
            start = time.perf_counter()
            asking.sendto(number.to_bytes(24), to)
            try:
                while int.from_bytes(asking.recv(2048)) != number:
                    pass
            except TimeoutError:
                continue
            rtts_ms.append((time.perf_counter() - start) * 1000)
            time.sleep(PING_INTERVAL_S)
    print(json.dumps({"rtts_ms": rtts_ms}))


def count() -> None:
    """Count full packets until they stop, and print how many came in how long."""
    with _open() as counting:
        counting.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * 1024 * 1024)
        buffer = bytearray(2048)
        counting.recv_into(buffer)
        counting.settimeout(SILENCE_S)
        first = last = time.perf_counter()
        packets = 1
        try:
            while True:
                counting.recv_into(buffer)
                last = time.perf_counter()
                packets += 1
        except TimeoutError:
            print(json.dumps({"packets": packets, "seconds": last - first}), flush=True)


def flood(to: tuple[str, int], rate_bps: float, seconds: float) -> None:
    """Send full packets evenly, at a rate of IP bits per second."""
    packet = os.urandom(MTU_BYTES - HEADER_BYTES)
    gap_s = MTU_BYTES * 8 / rate_bps
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sending:
        start = next_at = time.perf_counter()
        while next_at < start + seconds:
            if (early_s := next_at - time.perf_counter()) > 0:
                time.sleep(max(early_s, 0.0005))  # a few packets together cost less than a sleep for each
                continue
            sending.sendto(packet, to)
            next_at += gap_s


def _open() -> socket.socket:
    answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answering.bind(("0.0.0.0", 0))
    print(json.dumps({"port": answering.getsockname()[1]}), flush=True)
    return answering


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


if __name__ == "__main__":
    main()
