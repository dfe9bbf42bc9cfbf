"""What Linux and Android tell of network interfaces: addresses, counters, and what they are. No packet is sent."""

import array
import fcntl
import socket
import struct
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

SYSTEM = Path("/sys/class/net")
IPV6_ADDRESSES = Path("/proc/net/if_inet6")

ADDRESSES_ARE_TOLD = IPV6_ADDRESSES.exists()
"""Android hides IPv6 addresses from programs: an interface without a known address may have one."""

MOBILE_NAMES = ("wwan", "wwp", "rmnet", "ccmni", "ppp", "mhi", "seth", "clat4-rmnet")
"""Names that Linux, systemd and Android's radio drivers give to mobile data interfaces."""

WIFI_NAMES = ("wlan", "wlp", "wlx", "swlan")

MOBILE_DRIVERS = frozenset(
    {"qmi_wwan", "cdc_mbim", "huawei_cdc_ncm", "sierra_net", "hso", "mhi_net", "iosm", "t7xx", "option", "mtk_t7xx"}
)
"""Kernel drivers of modems. Sticks and telephones that show themselves as Ethernet (``rndis_host``, ``cdc_ether``,
``cdc_ncm``) are not told from other USB networks."""

_USB_ETHERNET_DRIVERS = frozenset({"rndis_host", "cdc_ether", "cdc_ncm", "ipheth"})

_SIOCGIFCONF = 0x8912
_IFREQ_SIZE = struct.calcsize("16s24s") if struct.calcsize("P") == 8 else struct.calcsize("16s16s")
_MOST_INTERFACES = 128


def addresses_of(name: str) -> frozenset[str]:
    """Addresses of an interface, both families; empty where it has none or the system does not tell."""
    return frozenset(address for address, interface in _addresses() if interface == name)


def interface_of(address: str) -> str | None:
    """The interface that has this address."""
    plain = str(ip_address(address.partition("%")[0]))
    mapped = plain.removeprefix("::ffff:")
    return next((name for known, name in _addresses() if known in (plain, mapped)), None)


def carried_bytes(name: str, system: Path = SYSTEM) -> tuple[int, int] | None:
    """Bytes received and sent since the interface came up."""
    statistics = system / name / "statistics"
    try:
        received, sent = (int((statistics / f"{way}_bytes").read_text()) for way in ("rx", "tx"))
    except (OSError, ValueError):
        return None
    return received, sent


def kind_of(name: str, system: Path = SYSTEM) -> Literal["mobile", "wifi", "other"] | None:
    """What an interface is, from what the kernel tells and then from its name; None where neither does.

    USB networks of sticks and shared telephones, and tunnels, may lead anywhere: they are not told.
    """
    folder = system / name
    told = _read(folder / "uevent")
    driver = _link_name(folder / "device" / "driver")
    if "DEVTYPE=wlan" in told or (folder / "wireless").exists() or (folder / "phy80211").exists():
        return "wifi"
    if "DEVTYPE=wwan" in told or driver in MOBILE_DRIVERS or name.startswith(MOBILE_NAMES):
        return "mobile"
    if name.startswith(WIFI_NAMES):
        return "wifi"
    if driver in _USB_ETHERNET_DRIVERS or _is_tunnel(folder):
        return None
    return "other" if driver is not None or name == "lo" else None


def _is_tunnel(folder: Path) -> bool:
    return (folder / "tun_flags").exists() or "DEVTYPE=wireguard" in _read(folder / "uevent")


def _read(file: Path) -> str:
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def _link_name(link: Path) -> str | None:
    try:
        return link.readlink().name
    except OSError:
        return None


def _addresses() -> list[tuple[str, str]]:
    return _ipv4_addresses() + _ipv6_addresses()


def _ipv4_addresses() -> list[tuple[str, str]]:
    """Addresses by SIOCGIFCONF (netdevice(7)): the one way that Android leaves to programs."""
    buffer = array.array("B", bytes(_MOST_INTERFACES * _IFREQ_SIZE))
    address, size = buffer.buffer_info()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            told = fcntl.ioctl(sock.fileno(), _SIOCGIFCONF, struct.pack("iP", size, address))
    except OSError:
        return []
    used = struct.unpack("iP", told)[0]
    raw = buffer.tobytes()[:used]
    found = []
    for start in range(0, used, _IFREQ_SIZE):
        name = raw[start : start + 16].split(b"\0", 1)[0].decode(errors="replace").partition(":")[0]
        found.append((socket.inet_ntop(socket.AF_INET, raw[start + 20 : start + 24]), name))
    return found


def _ipv6_addresses() -> list[tuple[str, str]]:
    """Addresses of ``/proc/net/if_inet6`` (32 hexadecimal digits first, the name last)."""
    found = []
    for line in _read(IPV6_ADDRESSES).splitlines():
        words = line.split()
        if len(words) >= 6 and len(words[0]) == 32:
            found.append((str(ip_address(bytes.fromhex(words[0]))), words[-1]))
    return found
