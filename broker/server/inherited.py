"""Listening sockets that a service manager has opened for us: systemd's socket activation.

They come as file descriptors from 3 on, described by LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES:
sd_listen_fds(3). A socket with the name of a protocol serves it, in place of what is configured for
that protocol; any other is for the listener with its address.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Collection, Iterable, MutableMapping

from broker.server.listener import ListenError

log = logging.getLogger("broker.listener")

FIRST_FD = 3
VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")
NAMES = {  # FileDescriptorName= of a socket unit, by protocol
    "amqp": "amqp",
    "amqp/ssl": "amqps",
    "http": "http",
    "https": "https",
    "http/prometheus": "prometheus",
    "https/prometheus": "prometheus-tls",
}
ALL_ADDRESSES = ("::", "0.0.0.0")


class Inherited:
    """The sockets that nobody has taken yet, each with its name."""

    def __init__(self, sockets: Iterable[tuple[str, socket.socket]] = ()):
        self._left = list(sockets)
        self._named = {name for name, _ in self._left}
        self._inodes = {_inode(listening) for _, listening in self._left}

    @classmethod
    def take(cls, environment: MutableMapping[str, str] = os.environ) -> Inherited:
        """What was handed over to this process, once: the variables are taken away.

        Raises: ListenError.
        """
        told = {key: environment.pop(key, "") for key in VARIABLES}
        if told["LISTEN_PID"] != str(os.getpid()):
            return cls()  # nothing was, or to somebody else, who did not clean up behind himself
        count = told["LISTEN_FDS"]
        if not (count.isascii() and count.isdigit()):
            raise ListenError(f"LISTEN_FDS must be a number, not '{count}'")
        names = told["LISTEN_FDNAMES"].split(":") if told["LISTEN_FDNAMES"] else []
        if names and len(names) != int(count):
            raise ListenError(f"LISTEN_FDNAMES has {len(names)} names for {count} sockets")
        sockets: list[tuple[str, socket.socket]] = []
        try:
            for at in range(int(count)):
                name = names[at] if names else "unknown"
                sockets.append((name, _listening_socket(FIRST_FD + at, name)))
        except BaseException:
            cls(sockets).close()
            raise
        return cls(sockets)

    def copies(self) -> Inherited:
        """All of them again: who closes his listens no more, and the next start finds them open."""
        return Inherited((name, listening.dup()) for name, listening in self._left)

    def has(self, listening: socket.socket) -> bool:
        """Whether it is one of ours, or a copy, taken or not."""
        return _inode(listening) in self._inodes

    def stands_in(self, protocol: str) -> bool:
        """Whether any has its name, or had it before it was taken."""
        return NAMES.get(protocol) in self._named

    def of_protocol(self, protocol: str) -> list[socket.socket]:
        """Take those that have its name."""
        return self._take([one for one in self._left if one[0] == NAMES.get(protocol)])

    def at(self, host: str, port: int) -> socket.socket | None:
        """Take the one that is bound to an address. host: "::" may be 0.0.0.0 as well."""
        hosts = ALL_ADDRESSES if host == "::" else (host,)
        return self._at([(one, port) for one in hosts]) if port else None

    def at_path(self, path: str) -> socket.socket | None:
        """Take the Unix socket with a path."""
        return self._at([path])

    def leave(self, protocol: str, over_tls: str) -> None:
        """Let go of those of a part that is off, and may be on again later: they are handed over
        all the same, and must not keep the node from starting."""
        for listening in self.of_protocol(protocol) + self.of_protocol(over_tls):
            place = address_of(listening)
            log.warning("nobody serves socket %s: %s is disabled", place, protocol)
            listening.close()

    def refuse_rest(self) -> None:
        """Who comes to a socket that nobody serves would wait for ever. Raises: ListenError."""
        if self._left:
            name, listening = self._left[0]
            place = address_of(listening)
            self.close()
            raise ListenError(
                f"no listener is configured for the socket {place} that the service manager has"
                f" opened under the name '{name}'"
            )

    def close(self) -> None:
        """Let go of what nobody has taken."""
        for _, listening in self._left:
            listening.close()
        self._left = []

    def _at(self, addresses: Collection[object]) -> socket.socket | None:
        found = [
            one
            for one in self._left
            if one[0] not in NAMES.values() and _bound_to(one[1]) in addresses
        ]
        return self._take(found[:1])[0] if found else None

    def _take(self, found: list[tuple[str, socket.socket]]) -> list[socket.socket]:
        self._left = [one for one in self._left if one not in found]
        return [listening for _, listening in found]


def _inode(listening: socket.socket) -> int:
    return os.fstat(listening.fileno()).st_ino


def _bound_to(listening: socket.socket) -> object:
    """Host and port, or a path."""
    name = listening.getsockname()
    return name[:2] if isinstance(name, tuple) else name


def address_of(listening: socket.socket) -> str:
    """For people: 127.0.0.1:5672, [::]:5672 or a path."""
    name = listening.getsockname()
    if not isinstance(name, tuple):
        return os.fsdecode(name)
    return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"


def _listening_socket(descriptor: int, name: str) -> socket.socket:
    """Raises: ListenError; then it is left as it was: it may be anybody's."""
    try:
        listening = socket.socket(fileno=descriptor)
    except OSError:
        raise ListenError(
            f"what the service manager has opened under the name '{name}' is not a socket"
            f" (file descriptor {descriptor})"
        ) from None
    is_known = listening.family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
    if (
        not is_known
        or listening.type != socket.SOCK_STREAM
        or not listening.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    ):
        listening.detach()
        raise ListenError(
            f"what the service manager has opened under the name '{name}' does not listen:"
            " ListenStream= and Accept=no are needed"
        )
    listening.set_inheritable(False)
    listening.setblocking(False)
    return listening
