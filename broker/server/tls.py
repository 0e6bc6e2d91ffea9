"""TLS between a socket's transport and a connection: a protocol below, a transport above.

    socket ⇄ asyncio transport ⇄ TlsStream (two memory BIOs around OpenSSL) ⇄ Connection, HttpPeer

Of our own rather than the event loop's: it is the same on every loop, may follow a PROXY header in
the same octets, takes its context when the peer comes (certificates change), and makes a
connection only of peers that have done their handshake. The BIOs never hold more than SLICE octets
and what comes of them: they do not shrink, and there may be thousands.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from broker.seams import Transport
from broker.server.acceptor import Places
from broker.server.certificates import Certificates, chain_problem
from broker.server.peers import Peername, peername_of
from broker.session.endpoint import Endpoint, Tls

if TYPE_CHECKING:
    from broker.server.gateway import Gateway

log = logging.getLogger("broker.tls")

SLICE = 64 * 1024  # octets given to OpenSSL at a time
BEHIND_MAX = 8 * 1024 * 1024  # octets a peer may be behind: what it asks for below AMQP counts too
_HANDSHAKE, _ALERT = 0x16, 0x15  # first octet of a record


class Speaker(Protocol):
    """What is spoken to over TLS, once the handshake is done."""

    def attach(
        self,
        transport: Any,
        peer_name: str,
        *,
        is_loopback: bool,
        describe: Callable[[Any], Endpoint],
    ) -> None: ...
    def absorb(self, data: bytes) -> None: ...
    def on_lost(self) -> None: ...
    def on_transport_paused(self) -> None: ...
    def on_transport_resumed(self) -> None: ...


class TlsPort(NamedTuple):
    """What listens with TLS. depth: intermediate certificates a client's chain may have."""

    certificates: Certificates
    depth: int
    speaker: Callable[[], Speaker]
    places: Places


class TlsStream(asyncio.Protocol):
    """One socket. Seam `Transport` for its connection."""

    __slots__ = (
        "_connection",
        "_gateway",
        "_head",
        "_incoming",
        "_is_closing",
        "_outgoing",
        "_port",
        "_proxied",
        "_timer",
        "_tls",
        "_transport",
    )

    _transport: asyncio.Transport

    def __init__(self, gateway: Gateway, port: TlsPort, proxied: Peername | None = None):
        """proxied: whom a balancer in front of us speaks for."""
        self._gateway = gateway
        self._port = port
        self._proxied = proxied
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = port.certificates.context
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._connection: Speaker | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._head = b""  # the peer's first octets
        self._is_closing = False

    # below: asyncio's protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        gateway = self._gateway
        is_refused = gateway.is_refusing and self._port is gateway.amqps
        if gateway.node.is_stopping or is_refused:
            self._transport.abort()
            return
        self._gateway.settle(self._transport)
        self._gateway.arriving[self] = None
        self._timer = self._gateway.call_later(self._on_timeout)

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self._connection is None:
            self._head = (self._head + data[:8])[:8]
        try:
            plain, has_ended = self._unseal(data)
        except ssl.SSLError as error:
            self._fail(error)
            return
        self._drain()
        if plain and self._connection is not None:
            self._connection.absorb(plain)
        if has_ended:
            self.close()

    def eof_received(self) -> None:
        """The peer has hung up, with or without a close_notify: the transport closes."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._port.places.leave()
        self._leave()
        self._is_closing = True
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.on_lost()  # it may tell who was there
        finally:
            with contextlib.suppress(AttributeError):  # it was refused
                del self._tls  # a cycle would keep OpenSSL's part

    def pause_writing(self) -> None:
        if self._connection is not None:
            self._connection.on_transport_paused()

    def resume_writing(self) -> None:
        if self._connection is not None:
            self._connection.on_transport_resumed()

    # the handshake

    def _shake_hands(self) -> bool:
        """Returns: whether it is done. Raises: SSLError."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        problem = chain_problem(self._tls, self._port.depth)
        if problem is not None:
            self._refuse(problem)
            return False
        self._leave()
        self._head = b""
        connection = self._connection = self._port.speaker()
        peer = self._peername
        connection.attach(
            cast(Transport, self),
            peer.name,
            is_loopback=peer.is_loopback,
            describe=TlsStream.endpoint,
        )
        return True

    def _refuse(self, problem: str) -> None:
        """Send a peer away whose handshake was good as far as OpenSSL can tell.

        It has no close_notify: a session that ends without one is not remembered, once it is freed,
        and nobody can have resumed it in between.
        """
        log.warning("TLS refused, peer=%s reason=%s", self._peername.name, problem)
        self._is_closing = True
        self._drain()
        del self._tls
        self._transport.close()

    @property
    def _peername(self) -> Peername:
        return self._proxied or peername_of(self._transport)

    def _leave(self) -> None:
        """Not be among those any more that are shaking hands."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._gateway.arriving.pop(self, None)

    def _on_timeout(self) -> None:
        self._timer = None
        if self._head and not self._is_closing:
            log.warning("TLS handshake timeout, peer=%s", self._peername.name)
        self.abort()

    def _fail(self, error: ssl.SSLError) -> None:
        """OpenSSL refuses what came: tell the peer why, if that is something it can be told."""
        reason = error.reason or str(error)
        peer = self._peername.name
        if self._connection is not None:
            log.warning("TLS failed, peer=%s reason=%s", peer, reason)
        elif self._head.startswith(b"AMQP"):
            log.warning("AMQP without TLS came to a TLS port, peer=%s", peer)
        elif self._head[:1] not in (bytes((_HANDSHAKE,)), bytes((_ALERT,))):
            log.warning("what came to a TLS port is not TLS, peer=%s head=%r", peer, self._head)
        else:
            log.warning("TLS handshake failed, peer=%s reason=%s", peer, reason)
        self._is_closing = True
        self._drain()
        self._transport.close()
        if self._timer is None:  # a peer that does not read keeps it open until then
            self._timer = self._gateway.call_later(self._on_timeout)
            self._gateway.arriving[self] = None

    # octets

    def _unseal(self, data: bytes) -> tuple[bytes, bool]:
        """What is in the records that are complete, and whether the last one was the peer's last.

        Raises: SSLError.
        """
        pieces: list[bytes] = []
        has_ended = False
        view = memoryview(data)
        for at in range(0, len(data), SLICE):
            self._incoming.write(view[at : at + SLICE])
            if self._connection is None and not self._shake_hands():
                if self._is_closing:
                    break
                continue
            read = self._tls.read
            try:
                while piece := read(SLICE):
                    pieces.append(piece)
            except ssl.SSLWantReadError:
                continue
            has_ended = True  # by a close_notify: what is behind it is nobody's
            break
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), has_ended

    def _drain(self) -> None:
        """Send what OpenSSL has to say: handshake, alerts, keys."""
        if self._outgoing.pending:
            self._transport.write(self._outgoing.read())
            if self._transport.get_write_buffer_size() > BEHIND_MAX:
                log.warning("a peer asks and does not read, peer=%s", self._peername.name)
                self.abort()

    def _seal(self, chunks: list[bytes]) -> list[bytes]:
        sealed = []
        for chunk in chunks:
            if len(chunk) <= SLICE:
                self._tls.write(chunk)
                sealed.append(self._outgoing.read())
                continue
            view = memoryview(chunk)
            for at in range(0, len(view), SLICE):
                self._tls.write(view[at : at + SLICE])
                sealed.append(self._outgoing.read())
        return sealed

    # above: the connection's transport

    def write(self, data: bytes) -> None:
        """Seam `Transport`."""
        self.writelines([data])

    def writelines(self, list_of_data: list[bytes]) -> None:
        """Seam `Transport`."""
        if self._is_closing:
            return
        try:
            sealed = self._seal([data for data in list_of_data if data])
        except ssl.SSLError as error:
            self._fail(error)
            return
        if sealed:
            self._transport.writelines(sealed)

    def pause_reading(self) -> None:
        """Seam `Transport`. What has been read already comes all the same."""
        if not self._is_closing:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Seam `Transport`."""
        if not self._is_closing:
            self._transport.resume_reading()

    def can_write_eof(self) -> bool:
        """TLS has no half of a connection."""
        return False

    def get_write_buffer_size(self) -> int:
        """Octets that the peer has not taken, as they are on the wire."""
        return self._transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int) -> None:
        self._transport.set_write_buffer_limits(high=high)

    def close(self) -> None:
        """Seam `Transport`. The peer is told by a close_notify."""
        if self._is_closing:
            return
        self._is_closing = True
        with contextlib.suppress(ssl.SSLError):  # it wants to read the peer's own; we do not wait
            self._tls.unwrap()
        self._drain()
        self._transport.close()

    def abort(self) -> None:
        """Seam `Transport`."""
        self._is_closing = True
        self._transport.abort()

    def endpoint(self) -> Endpoint:
        """Who is at both ends, and how it is protected."""
        peer, tls = self._peername, self._tls
        cipher = tls.cipher()
        try:
            certificate = tls.getpeercert(binary_form=True)
        except ValueError:  # OpenSSL has given the session up; its peer is about to be lost
            certificate = None
        facts = Tls(
            version=tls.version() or "",
            cipher=cipher[0] if cipher is not None else "",
            certificate=certificate,
            verifies=tls.context.verify_mode is not ssl.CERT_NONE,
        )
        return peer.endpoint(facts)
