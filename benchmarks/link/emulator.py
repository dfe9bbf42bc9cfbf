"""The link as a process: two network namespaces, a TUN device in each, and this program carrying packets between them.

It holds all there is: when its standard input ends, or it dies, the devices are gone, and the namespaces with the last
process inside. Nothing has a name that could stay behind. It answers each line on its input with a line of counters.
"""

import ctypes
import fcntl
import gc
import json
import os
import select
import signal
import struct
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from benchmarks.link.line import MTU_BYTES, LinkSettings

ADDRESSES = ("10.77.0.1", "10.77.0.2")
"""Of the left and the right end; every link has its own namespaces, so all use the same."""

DEVICE = "link0"
DEVICE_QUEUE_PACKETS = 10_000  # the link's queue is ours, not the device's: never drop there

SLOT_S = 0.0002
"""Ours: how long packets gather before they are read or delivered together; far below what a round trip may err by."""

_EARLY_NS = SLOT_S * 1e9 / 2  # half a slot early or late, so that the mean is neither

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000
_PRIORITY = 10
_NEVER_NS = float("inf")


def main() -> None:
    """Build the link described on the command line, say where its ends are, and carry packets until told to end."""
    settings = LinkSettings(**json.loads(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    ends = [_make_end(side) for side in (0, 1)]
    _hurry()
    answer = {"namespaces": [namespace for namespace, _ in ends], "congestion": _congestion_control()}
    print(json.dumps(answer), flush=True)
    Emulator(settings, (ends[0][1], ends[1][1])).run()


class Emulator:
    """Carries packets between two TUN devices over two lines."""

    def __init__(self, settings: LinkSettings, devices: tuple[int, int]) -> None:
        self._devices = devices
        self._lines = settings.line(0), settings.line(1)
        self._under_way: tuple[deque[tuple[float, bytes]], deque[tuple[float, bytes]]] = deque(), deque()
        self._offered_bytes = [0, 0]
        self._delivered_bytes = [0, 0]
        self._delivered_packets = [0, 0]
        self._late_ns = 0.0
        self._latest_ns = 0.0

    def run(self) -> None:
        """Carry packets until the standard input ends."""
        gc.disable()  # nothing here makes cycles, and a collection would hold packets up
        watched = [*self._devices, sys.stdin.fileno()]
        wait_s: float | None = None
        while True:
            readable = select.select(watched, (), (), wait_s)[0]
            if watched[2] in readable and not self._answer():
                return
            for side in (0, 1):
                if self._devices[side] in readable:
                    self._take(side)
            until_ns = time.monotonic_ns() + _EARLY_NS
            next_ns = min(self._deliver(0, until_ns), self._deliver(1, until_ns))
            wait_s = None
            if next_ns < _NEVER_NS:
                time.sleep(SLOT_S)
                wait_s = max((next_ns - _EARLY_NS - time.monotonic_ns()) / 1e9, 0)

    def _take(self, side: int) -> None:
        device, admit, under_way = self._devices[side], self._lines[side].admit, self._under_way[side]
        read, now_ns, taken = os.read, time.monotonic_ns(), 0
        try:
            while True:
                packet = read(device, 2048)
                size = len(packet)
                taken += size
                due_ns = admit(now_ns, size)
                if due_ns is not None:
                    under_way.append((due_ns, packet))
        except BlockingIOError:
            pass
        self._offered_bytes[side] += taken

    def _deliver(self, side: int, until_ns: float) -> float:
        """Hand over what is due until then, and say when the next is."""
        under_way = self._under_way[side]
        if under_way and under_way[0][0] <= until_ns:
            device, write, popleft = self._devices[1 - side], os.write, under_way.popleft
            now_ns = until_ns - _EARLY_NS
            self._latest_ns = max(self._latest_ns, now_ns - under_way[0][0])
            delivered = packets = 0
            late_ns = 0.0
            while under_way and under_way[0][0] <= until_ns:
                due_ns, packet = popleft()
                delivered += write(device, packet)
                packets += 1
                late_ns += now_ns - due_ns
            self._late_ns += late_ns
            self._delivered_bytes[side] += delivered
            self._delivered_packets[side] += packets
        return under_way[0][0] if under_way else _NEVER_NS

    def _answer(self) -> bool:
        if not os.read(sys.stdin.fileno(), 4096):
            return False
        packets = sum(self._delivered_packets)
        counters = {
            "offered_bytes": self._offered_bytes,
            "delivered_bytes": self._delivered_bytes,
            "delivered_packets": self._delivered_packets,
            "lost": [line.lost for line in self._lines],
            "overflowed": [line.overflowed for line in self._lines],
            "mean_late_ms": self._late_ns / packets / 1e6 if packets else 0.0,
            "latest_ms": self._latest_ns / 1e6,
            "cpu_s": time.process_time(),
            "at_s": time.monotonic(),
        }
        print(json.dumps(counters), flush=True)
        return True


def _make_end(side: int) -> tuple[str, int]:
    """A new namespace, which this process enters, with its device: the namespace's path and the device's descriptor."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "no network namespace could be made: root is needed")
    namespace = os.open("/proc/self/ns/net", os.O_RDONLY)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN_NO_PI))
    sysctl = Path("/proc/sys/net")
    (sysctl / "ipv6/conf/all/disable_ipv6").write_text("1")
    (sysctl / "ipv4/tcp_no_metrics_save").write_text("1")  # no transfer learns from the one before
    here, there = ADDRESSES[side], ADDRESSES[1 - side]
    for command in (
        "link set lo up",
        f"link set {DEVICE} mtu {MTU_BYTES} txqueuelen {DEVICE_QUEUE_PACKETS} up",
        f"address add {here} peer {there} dev {DEVICE}",
    ):
        subprocess.run(["ip", *command.split()], check=True)
    return f"/proc/{os.getpid()}/fd/{namespace}", device


def _congestion_control() -> str:
    return Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()


def _hurry() -> None:
    """Ask to run as soon as a packet is due: the link must not wait for its own ends."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    except OSError:
        os.nice(-10)


if __name__ == "__main__":
    main()
