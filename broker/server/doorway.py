"""Where a PROXY header is read, if one has to come, before anything else of a peer.

Once it is there the transport gets the protocol that follows, with the octets behind the header.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from broker.server.peers import Peername, peername_of, proxied_peername
from broker.server.protocol import AMQPProtocol
from broker.server.proxy_protocol import BadHeaderError, parse
from broker.server.tls import TlsStream

if TYPE_CHECKING:
    from broker.server.gateway import Gateway

log = logging.getLogger("broker.connection")


class Doorway(asyncio.Protocol):
    """One socket, until its PROXY header is there."""

    __slots__ = ("_data", "_gateway", "_is_tls", "_timer", "_transport")

    _transport: asyncio.Transport

    def __init__(self, gateway: Gateway, *, is_tls: bool):
        self._gateway = gateway
        self._is_tls = is_tls
        self._data = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._gateway.turns_away:
            self._transport.abort()
            return
        self._gateway.arriving[self] = None
        self._timer = self._gateway.call_later(self._on_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gateway.places.leave()
        self._leave()

    def abort(self) -> None:
        """The node stops."""
        self._transport.abort()

    def _leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gateway.arriving.pop(self, None)

    def _on_timeout(self) -> None:
        self._timer = None
        if self._data:
            log.warning("no whole PROXY header in time, peer=%s", self._peer)
        self._transport.abort()

    @property
    def _peer(self) -> str:
        return peername_of(self._transport).name

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        self._data += data
        try:
            found = parse(self._data)
        except BadHeaderError as error:
            log.warning("bad PROXY header, peer=%s reason=%s", self._peer, error)
            self._transport.abort()
            return
        if found is not None:
            proxied, end = found
            self._go_on(proxied_peername(proxied), self._data[end:])

    def _go_on(self, peername: Peername | None, rest: bytes) -> None:
        """Let the protocol that follows take over."""
        self._leave()
        if self._gateway.turns_away:
            self._transport.abort()
            return
        following: AMQPProtocol | TlsStream
        if self._is_tls:
            assert self._gateway.amqps is not None
            following = TlsStream(self._gateway, self._gateway.amqps, peername)
        else:
            following = AMQPProtocol(self._gateway, peername)
        self._transport.set_protocol(following)
        following.connection_made(self._transport)
        if rest:
            following.data_received(rest)
