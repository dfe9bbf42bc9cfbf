"""The sockets that a server of ours listens on."""

import socket

_BACKLOG = 128


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket on an IPv4 or IPv6 address; port 0 takes any.

    The protocol is named because asyncio turns Nagle's delays off only where it sees TCP; with them, each answer that
    has a body waits 40 ms.

    Raises:
        OSError: the address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def bind_udp(host: str, port: int) -> socket.socket:
    """A UDP socket bound to an IPv4 or IPv6 address; port 0 takes any.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
