"""Between a transport and a connection: an asyncio protocol without a thought of its own."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, cast

from broker.seams import Transport
from broker.server.peers import Peername, is_loopback, peername_of
from broker.session.connection import Connection
from broker.session.endpoint import Endpoint

if TYPE_CHECKING:
    from broker.server.gateway import Gateway

WRITE_BUFFER_HIGH = 1024 * 1024  # octets a peer may be behind before deliveries to it stop


class AMQPProtocol(asyncio.Protocol):
    """One socket. `data_received` is the connection's `absorb` itself: no call in between."""

    __slots__ = (
        "_connection",
        "_gateway",
        "_proxied",
        "data_received",
        "pause_writing",
        "resume_writing",
    )

    def __init__(self, gateway: Gateway, proxied: Peername | None = None):
        """proxied: whom a balancer in front of us speaks for."""
        connection = Connection(gateway.node)
        self._connection = connection
        self._gateway = gateway
        self._proxied = proxied
        # set here, not in connection_made: uvloop looks data_received up before that
        self.data_received = connection.absorb  # type: ignore[method-assign]
        self.pause_writing = connection.on_transport_paused  # type: ignore[method-assign]
        self.resume_writing = connection.on_transport_resumed  # type: ignore[method-assign]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        plain = cast(asyncio.Transport, transport)
        if self._gateway.turns_away:  # accepted just before the listener closed
            plain.abort()
            return
        self._gateway.settle(plain)
        if self._proxied is not None:
            name, is_local = self._proxied.name, self._proxied.is_loopback
            describe = partial(_describe, proxied=self._proxied)
            self._connection.attach(
                cast(Transport, plain), name, is_loopback=is_local, describe=describe
            )
            return
        peer = plain.get_extra_info("peername")
        self._connection.attach(
            cast(Transport, plain), _peer_name(peer), is_loopback=_is_loopback(peer),
            describe=_describe,
        )  # fmt: skip

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.places.leave()
        self._connection.on_lost()


def _describe(transport: asyncio.BaseTransport, proxied: Peername | None = None) -> Endpoint:
    return (proxied or peername_of(transport)).endpoint(None)


def _peer_name(peer: object) -> str:
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else str(peer or "unix")


def _is_loopback(peer: object) -> bool:
    return is_loopback(peer[0]) if isinstance(peer, tuple) else True  # a unix socket
