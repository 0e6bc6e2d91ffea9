"""Between a transport and a connection: an asyncio protocol without a thought of its own."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import TYPE_CHECKING, cast

from broker.seams import Transport
from broker.session.connection import Connection

if TYPE_CHECKING:
    from broker.node import Node

WRITE_BUFFER_HIGH = 1024 * 1024  # octets a peer may be behind before deliveries to it stop


class AMQPProtocol(asyncio.Protocol):
    """One socket. `data_received` is the connection's `absorb` itself: no call in between."""

    __slots__ = ("_connection", "data_received", "pause_writing", "resume_writing")

    def __init__(self, node: Node):
        connection = Connection(node)
        self._connection = connection
        # set here, not in connection_made: uvloop looks data_received up before that
        self.data_received = connection.absorb  # type: ignore[method-assign]
        self.pause_writing = connection.on_transport_paused  # type: ignore[method-assign]
        self.resume_writing = connection.on_transport_resumed  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast(asyncio.Transport, transport)
        if self._connection.node.is_stopping:  # accepted just before the listener closed
            plain.abort()
            return
        plain.set_write_buffer_limits(high=WRITE_BUFFER_HIGH)
        peer = plain.get_extra_info("peername")
        self._connection.attach(
            cast(Transport, plain), _peer_name(peer), is_loopback=_is_loopback(peer)
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.on_lost()


def _peer_name(peer: object) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer or "unix")


def _is_loopback(peer: object) -> bool:
    if not isinstance(peer, tuple):
        return True  # a unix socket
    address = ipaddress.ip_address(str(peer[0]).partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback
