"""Listening sockets: of TCP, and Unix sockets in the filesystem."""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress

from broker.transport_settings import UNIX_MODES, TcpOptions

FromOutside = Callable[[str, int], socket.socket | None]  # gives a socket for host and port


class ListenError(OSError):
    """An address cannot be listened on; the text is one line for the user."""


def open_sockets(
    address: str, port: int, options: TcpOptions, inherited: FromOutside | None = None
) -> list[socket.socket]:
    """Listening sockets for an address. "": all addresses, IPv6 and IPv4 on one socket.

    port 0: a free one, the same for every socket. inherited: asked for a socket that is open
    already. Raises: ListenError.
    """
    wanted = [(socket.AF_INET6, "::")] if address == "" else _resolve(address)
    if address == "" and not socket.has_dualstack_ipv6():
        wanted = [(socket.AF_INET, "0.0.0.0")]
    opened: list[socket.socket] = []
    try:
        for family, host in wanted:
            if inherited is not None and (found := inherited(host, port)) is not None:
                opened.append(adopt(found, options))
                continue
            listening = socket.socket(family, socket.SOCK_STREAM)
            opened.append(listening)
            _bind(listening, (host, port), options, is_dual=address == "")
            port = listening.getsockname()[1]
            listening.listen(options.backlog)
    except OSError as error:
        for listening in opened:
            listening.close()
        place = f"{address or '*'}:{port}"
        raise ListenError(f"cannot listen on {place}: {error.strerror or error}") from None
    return opened


def _bind(
    listening: socket.socket, place: tuple[str | int, ...], options: TcpOptions, *, is_dual: bool
) -> None:
    """is_dual: "::" is every address of IPv4, too. Raises: OSError."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listening.family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not is_dual))
    _set_options(listening, options)
    listening.bind(place)
    listening.setblocking(False)


def bind_again(listening: socket.socket, options: TcpOptions) -> socket.socket:
    """Close a listener, and hold its place by a socket that does not listen: clients are refused.

    Raises: ListenError: somebody else was quicker.
    """
    family, place = listening.family, listening.getsockname()
    is_dual = family == socket.AF_INET6 and not listening.getsockopt(
        socket.IPPROTO_IPV6, socket.IPV6_V6ONLY
    )
    listening.close()
    again = socket.socket(family, socket.SOCK_STREAM)
    try:
        _bind(again, place, options, is_dual=is_dual)
    except OSError as error:
        again.close()
        text = f"cannot hold {place[0]}:{place[1]}: {error.strerror or error}"
        raise ListenError(text) from None
    return again


def adopt(listening: socket.socket, options: TcpOptions) -> socket.socket:
    """Set up a socket that listens already."""
    if listening.family != socket.AF_UNIX:
        _set_options(listening, options)
    return listening


def _set_options(listening: socket.socket, options: TcpOptions) -> None:
    """What accepted sockets inherit, so that it costs nothing when a peer comes."""
    if options.keepalive:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if options.sndbuf:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.sndbuf)
    if options.recbuf:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.recbuf)
    if options.linger and not options.linger_s:
        # above 0 a close would hold up the whole node: Linux waits whether it may block or not
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _resolve(address: str) -> list[tuple[int, str]]:
    """Families and addresses. One that is a number is not looked up: 2 ms, for IDNA's tables."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            octets = socket.inet_pton(family, address)
            return [(int(family), socket.inet_ntop(family, octets))]
    try:
        found = socket.getaddrinfo(address, None, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise ListenError(f"cannot listen on {address}: {error.strerror}") from None
    return list(dict.fromkeys((int(family), str(place[0])) for family, _, _, _, place in found))


class UnixSocket:
    """A listening Unix socket and its file, which goes when the node stops. Raises: ListenError.

    backlog: None: it does not listen yet, and who comes is refused.
    """

    def __init__(self, path: str, access: str, backlog: int | None):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _remove_stale(path)
            self.socket.bind(path)
            status = os.stat(path)
            self._identity = status.st_dev, status.st_ino
            os.chmod(path, UNIX_MODES[access])  # before it listens: nobody can have come in
            if backlog is not None:
                self.socket.listen(backlog)
            self.socket.setblocking(False)
        except ListenError:
            self.socket.close()
            raise
        except OSError as error:
            self.socket.close()
            raise ListenError(f"cannot listen on {path}: {error.strerror or error}") from None

    def remove(self) -> None:
        """Take the file away, unless it has become another one's."""
        try:
            status = os.stat(self.path)
            if (status.st_dev, status.st_ino) == self._identity:
                os.unlink(self.path)
        except OSError:  # it is gone, or we may not: a start takes what nobody listens on away
            return


def _remove_stale(path: str) -> None:
    """Take the socket of a node that has died away. Raises: ListenError, if somebody is there."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenError(f"cannot listen on {path}: it is there and no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except OSError:  # a full backlog: somebody is there
            pass
    raise ListenError(f"cannot listen on {path}: somebody listens there")
