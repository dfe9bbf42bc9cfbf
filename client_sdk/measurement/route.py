"""What carries a test: the interface its sockets are bound to, and what is known of it.

A device with several ways out sends over the one its routing table prefers, which is often Wi-Fi. A test that means to
speak about a modem is bound to the modem's interface: to the device itself where the system allows it, else to its
address, which does not by itself decide the way out; so that what left through the interface is compared too.
"""

import socket
from dataclasses import dataclass
from typing import Literal

from client_sdk.errors import MailleError
from client_sdk.measurement.interfaces import ADDRESSES_ARE_TOLD, addresses_of, carried_bytes, interface_of, kind_of
from client_sdk.messages import tr

Path = Literal["mobile", "wifi", "other"]

_BIND_TO_DEVICE = getattr(socket, "SO_BINDTODEVICE", 25)
"""25 is Linux's number, for Pythons built without the name."""

_PROBE_PORT = 9
"""Discard (RFC 863); nothing is sent to it."""


class RouteError(MailleError):
    """The interface a test was to use is not there, has no address, or is not what the test would use."""


@dataclass(frozen=True, slots=True)
class Route:
    """The way out of the device for a test.

    Attributes:
        interface: network interface to bind to, like ``wwan0``; None: the system's choice.
    """

    interface: str | None = None

    def prepare(self, sock: socket.socket) -> None:
        """Bind a socket that is not connected yet; nothing happens without an interface.

        Raises:
            RouteError: the interface is not there, or has no address of this family.
        """
        if self.interface is None:
            return
        try:
            sock.setsockopt(socket.SOL_SOCKET, _BIND_TO_DEVICE, self.interface.encode() + b"\0")
        except PermissionError:
            self._bind_to_address(sock)
        except OSError as error:
            raise self._missing() from error

    def require(self) -> None:
        """Make sure that the interface can be used, before anything is spent.

        Raises:
            RouteError: it is not there, or has no address.
        """
        if self.interface is None:
            return
        try:
            socket.if_nametoindex(self.interface)
        except OSError as error:
            raise self._missing() from error
        if ADDRESSES_ARE_TOLD and not addresses_of(self.interface):
            raise self._missing()

    def check(self, sock: socket.socket) -> None:
        """Make sure that a connected socket leaves by the interface.

        Raises:
            RouteError: its local address belongs to another interface.
        """
        if self.interface is None:
            return
        address = str(sock.getsockname()[0])
        known = addresses_of(self.interface)
        if known and address.partition("%")[0] not in known:
            raise RouteError(
                tr(
                    f"{self.interface}: the connection left from {address}, an address of another interface",
                    f"{self.interface} : la connexion est partie de {address}, adresse d’une autre interface",
                )
            )

    def used_interface(self, remote: tuple[str, int] | None = None) -> str | None:
        """The interface that traffic to a host takes; None where the system does not tell. Sends nothing.

        Args:
            remote: address and port of the host; by default, any of the Internet.
        """
        if self.interface is not None:
            return self.interface
        host, port = remote or ("192.0.2.1", _PROBE_PORT)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((host, port))
                return interface_of(str(probe.getsockname()[0]))
        except OSError:
            return None

    def kind(self, remote: tuple[str, int] | None = None) -> Path | None:
        """What the interface is; None where it cannot be told."""
        name = self.used_interface(remote)
        return None if name is None else kind_of(name)

    def carried_bytes(self, remote: tuple[str, int] | None = None) -> tuple[int, int] | None:
        """Bytes received and sent by the interface since it came up, everyone's; None where nobody tells."""
        name = self.used_interface(remote)
        return None if name is None else carried_bytes(name)

    def _bind_to_address(self, sock: socket.socket) -> None:
        assert self.interface is not None
        is_v6 = sock.family == socket.AF_INET6
        for address in sorted(addresses_of(self.interface), key=lambda text: text.startswith("fe80")):
            if (":" in address) == is_v6:
                try:
                    sock.bind((address, 0))
                except OSError as error:
                    raise self._missing() from error
                return
        raise self._missing()

    def _missing(self) -> RouteError:
        return RouteError(
            tr(
                f"{self.interface}: no such interface, or it has no address; is the modem connected?",
                f"{self.interface} : interface absente ou sans adresse ; le modem est-il connecté ?",
            )
        )
