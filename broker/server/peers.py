"""Who is at the two ends of a socket: from the socket, or from what a balancer says."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import NamedTuple

from broker.server.proxy_protocol import Proxied
from broker.session.endpoint import Endpoint, Tls


class Peername(NamedTuple):
    """The two ends. Without ports: a Unix socket."""

    peer_host: str
    peer_port: int
    host: str
    port: int
    is_unix: bool = False

    @property
    def name(self) -> str:
        """For logs: "host:port" of the other side."""
        if self.is_unix:
            return self.peer_host or "unix"
        return f"{self.peer_host}:{self.peer_port}"

    @property
    def is_loopback(self) -> bool:
        return self.is_unix or is_loopback(self.peer_host)

    def endpoint(self, tls: Tls | None) -> Endpoint:
        return Endpoint(self.peer_host, self.peer_port, self.host, self.port, tls)


def peername_of(transport: asyncio.BaseTransport) -> Peername:
    """From the socket itself."""
    peer = transport.get_extra_info("peername")
    own = transport.get_extra_info("sockname")
    if isinstance(peer, tuple):
        own_host, own_port = own[:2] if isinstance(own, tuple) else ("", 0)
        return Peername(str(peer[0]), int(peer[1]), str(own_host), int(own_port))
    return Peername(str(peer or ""), 0, str(own or ""), 0, is_unix=True)


def proxied_peername(proxied: Proxied) -> Peername | None:
    """What a PROXY header says; None: the socket's own addresses count."""
    if not proxied.is_known:
        return None
    return Peername(*proxied)


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own."""
    if host == "127.0.0.1" or host == "::1":  # nearly all that are; the rest takes microseconds
        return True
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)
