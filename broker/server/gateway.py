"""All of a node's listeners, and the peers that have not become connections yet."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from broker.sections import Numbered
from broker.server.acceptor import Acceptor, Places, WebPlaces
from broker.server.certificates import Certificates
from broker.server.doorway import Doorway
from broker.server.inherited import Inherited
from broker.server.listener import ListenError, UnixSocket, adopt, bind_again, open_sockets
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from broker.server.tls import Speaker, TlsPort, TlsStream
from broker.session.connection import Connection
from broker.transport_settings import TlsOptions, parse_address

if TYPE_CHECKING:
    from broker.config import Config
    from broker.node import Node
    from broker.server.http import Application, HttpServer

log = logging.getLogger("broker.listener")

LISTENING = "listening, protocol=%s host=%s port=%s"
SUSPENDING = (
    "Asked to suspend %d client connection listeners."
    " No new client connections will be accepted until these listeners are resumed!"
)
RESUMING = (
    "Asked to resume %d client connection listeners."
    " New client connections will be accepted from now on"
)
RELOAD_S = 2.0  # between two looks at the files of certificates
WEB_GRACE_S = 1.0  # for answers that are under way when the node stops
AMQP, AMQPS = "amqp", "amqp/ssl"  # as RabbitMQ calls them
HTTP, PROMETHEUS = "http", "http/prometheus"
OVER_TLS = {HTTP: "https", PROMETHEUS: "https/prometheus"}
_WEB_PROTOCOLS = {*OVER_TLS, *OVER_TLS.values()}
_KEYS = {HTTP: "management.ssl", PROMETHEUS: "prometheus.ssl"}


class Listening(NamedTuple):
    """One listener. host: the address it is bound to, or a path; port 0: a Unix socket."""

    protocol: str
    host: str
    port: int


class _Part(NamedTuple):
    """What belongs to HTTP or to PROMETHEUS."""

    listening: list[Listening]
    acceptors: list[Acceptor]
    web: list[HttpServer]
    certificates: list[Certificates]


class Gateway:
    """Made by `open`; `stop_listening`, then `close` when the peers are gone."""

    def __init__(
        self,
        node: Node,
        config: Config,
        loop: asyncio.AbstractEventLoop,
        inherited: Inherited | None = None,
    ):
        """inherited: sockets that listen already; it uses copies."""
        self.node = node
        self.config = config
        self.amqps: TlsPort | None = None
        self.arriving: dict[Doorway | TlsStream, None] = {}  # whose handshake is not done
        self.listening: list[Listening] = []
        self.is_refusing = False  # whoever comes by AMQP is hung up on: for tests
        self.web: list[HttpServer] = []
        self._loop = loop
        self._given = inherited if inherited is not None else Inherited()
        self._inherited = self._given.copies()
        self._certificates: list[Certificates] = []
        self.places = Places(loop, node.usage)
        self.web_places = WebPlaces(loop, node.usage)
        self._acceptors: list[Acceptor] = []
        self._unix: list[UnixSocket] = []
        self._parts: dict[str, _Part] = {}  # HTTP and PROMETHEUS, which can be switched
        self._found_ports: dict[str, int] = {}  # protocol → what any free port was the last time
        self._reloading: asyncio.TimerHandle | None = None
        self._has_nodelay = config.listeners.options.nodelay
        self._timeout_s = config.tls.handshake_timeout_ms / 1000

    @classmethod
    async def open(
        cls,
        node: Node,
        config: Config,
        applications: Mapping[str, Application] | None = None,
        inherited: Inherited | None = None,
    ) -> Gateway:
        """Listen wherever the config says. applications: for HTTP and PROMETHEUS.

        AMQP comes last: who can reach it finds everything else there, too.
        inherited: sockets that listen already; there must be a listener for each.
        Raises: ListenError; then nothing is left open.
        """
        gateway = cls(node, config, asyncio.get_running_loop(), inherited)
        try:
            for protocol, application in (applications or {}).items():
                await gateway._open_part(protocol, application)
            gateway._listen_amqp()
            for protocol in OVER_TLS.keys() - (applications or {}).keys():
                gateway._inherited.leave(protocol, OVER_TLS[protocol])
            gateway._inherited.refuse_rest()
        except BaseException:
            gateway._inherited.close()
            await gateway.stop_listening()
            await gateway.close()
            raise
        for listening in gateway.listening:
            if listening.protocol in (AMQP, AMQPS):
                log.info(LISTENING, *listening)
        gateway._watch_certificates()
        return gateway

    def _listen_amqp(self) -> None:
        listeners = self.config.listeners
        if listeners.tls:
            speaker = partial(Connection, self.node)
            self.amqps = self._tls_port(self.config.tls, "ssl_options", speaker, self.places)
        self._listen_numbered(AMQP, listeners.tcp, self._plain)
        self._listen_numbered(AMQPS, listeners.tls, self._encrypted)
        for _, path in listeners.unix:
            self._listen_unix(path)

    async def open_web(self, protocol: str, application: Application) -> None:
        """HTTP or PROMETHEUS, later than AMQP. Raises: ListenError; then nothing of it is open."""
        self._inherited = self._given.copies()
        try:
            await self._open_part(protocol, application)
        finally:
            self._inherited.close()

    async def _open_part(self, protocol: str, application: Application) -> None:
        before = self._part()
        try:
            self._listen_web(protocol, application)
        except BaseException:
            self._parts[protocol] = self._part(before)
            await self.close_web(protocol)
            raise
        part = self._parts[protocol] = self._part(before)
        for listening in part.listening:
            log.info(LISTENING, *listening)
        self._watch_certificates()

    def _part(self, before: _Part | None = None) -> _Part:
        """All there is, or what has come since."""
        counts = [len(found) for found in before] if before is not None else [0] * 4
        return _Part(
            self.listening[counts[0] :],
            self._acceptors[counts[1] :],
            self.web[counts[2] :],
            self._certificates[counts[3] :],
        )

    async def close_web(self, protocol: str) -> None:
        """Its clients are hung up on once they have their answers."""
        part = self._parts.pop(protocol)
        for acceptor in part.acceptors:
            acceptor.stop()
        for acceptor in part.acceptors:
            await acceptor.wait()
        for web in part.web:
            web.shut_down()
        await asyncio.gather(*(web.close(WEB_GRACE_S) for web in part.web))
        for listening in part.listening:
            log.info("not listening any more, protocol=%s host=%s port=%s", *listening)
        self.listening = [one for one in self.listening if one not in part.listening]
        self._acceptors = [one for one in self._acceptors if one not in part.acceptors]
        self.web = [one for one in self.web if one not in part.web]
        self._certificates = [one for one in self._certificates if one not in part.certificates]

    def has_web(self, protocol: str) -> bool:
        return protocol in self._parts

    def _listen_web(self, protocol: str, application: Application) -> None:
        # 8 ms, with h11, that a node without the HTTP API does not pay
        from broker.server.http import HttpProtocol, HttpServer
        from broker.server.http_peer import HttpPeer

        config = self.config
        settings = config.management if protocol == HTTP else config.prometheus
        port, tls_port = settings.ports
        bind = config.listeners.bind
        if port is not None:
            server = HttpServer(self.node, application, settings.tcp, self._loop)
            self.web.append(server)
            factory: Callable[[], asyncio.Protocol] = partial(HttpProtocol, server)
            self._listen_tcp(protocol, settings.tcp.ip or bind, port, factory, self.web_places)
        if tls_port is not None:
            server = HttpServer(self.node, application, settings.tls, self._loop, is_tls=True)
            self.web.append(server)
            is_shared = not settings.tls.certfile and bool(config.tls.certfile)
            place = "ssl_options" if is_shared else _KEYS[protocol]
            options = settings.tls.options(config.tls)
            places = self.web_places
            tls = self._tls_port(options, place, partial(HttpPeer, server), places)
            factory = partial(TlsStream, self, tls)
            self._listen_tcp(OVER_TLS[protocol], settings.tls.ip or bind, tls_port, factory, places)

    def _tls_port(
        self, options: TlsOptions, place: str, speaker: Callable[[], Speaker], places: Places
    ) -> TlsPort:
        """Raises: ListenError."""
        certificates = Certificates(options, place)
        self._certificates.append(certificates)
        return TlsPort(certificates, options.depth, speaker, places)

    def _listen_numbered(
        self, protocol: str, addresses: Numbered, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        for _, text in addresses:
            host, port = parse_address(text)
            bind = host or self.config.listeners.bind
            self._listen_tcp(protocol, bind, port, factory, self.places)

    def _listen_tcp(
        self,
        protocol: str,
        host: str,
        port: int,
        factory: Callable[[], asyncio.Protocol],
        places: Places,
    ) -> None:
        opened = self._sockets(protocol, host, port)
        for at, listening in enumerate(opened):
            try:
                self._accept(protocol, listening, factory, places)
            except BaseException:
                for unserved in opened[at:]:
                    unserved.close()
                raise

    def _sockets(self, protocol: str, host: str, port: int) -> list[socket.socket]:
        """For a listener. None, if others stand in for it. Raises: ListenError."""
        options = self.config.listeners.options
        if self._inherited.stands_in(protocol):
            return [adopt(one, options) for one in self._inherited.of_protocol(protocol)]
        known = self._found_ports.get(protocol, 0)
        if not port and known:  # a part that is switched on again has the port that it had
            with contextlib.suppress(ListenError):  # somebody else has it now
                return open_sockets(host, known, options, self._inherited.at)
        opened = open_sockets(host, port, options, self._inherited.at)
        if not port and protocol in _WEB_PROTOCOLS:
            self._found_ports[protocol] = opened[0].getsockname()[1]
        return opened

    def _listen_unix(self, path: str) -> None:
        handed_over = self._inherited.at_path(path)
        if handed_over is not None:  # its file is not ours
            self._accept(AMQP, handed_over, self._plain, self.places)
            return
        listeners = self.config.listeners
        unix = UnixSocket(path, listeners.unix_access, listeners.options.backlog)
        self._unix.append(unix)
        self._accept(AMQP, unix.socket, self._plain, self.places)

    def _accept(
        self,
        protocol: str,
        listening: socket.socket,
        factory: Callable[[], asyncio.Protocol],
        places: Places,
    ) -> None:
        bug = self.node.on_bug
        self._acceptors.append(Acceptor(self._loop, listening, factory, places, bug))
        if listening.family == socket.AF_UNIX:
            place = Listening(protocol, os.fsdecode(listening.getsockname()), 0)
        else:
            place = Listening(protocol, *listening.getsockname()[:2])
        self.listening.append(place)

    def _plain(self) -> asyncio.Protocol:
        if self.config.listeners.proxy_protocol:
            return Doorway(self, is_tls=False)
        return AMQPProtocol(self)

    def _encrypted(self) -> asyncio.Protocol:
        if self.config.listeners.proxy_protocol:
            return Doorway(self, is_tls=True)
        assert self.amqps is not None
        return TlsStream(self, self.amqps)

    def port(self, protocol: str) -> int:
        """The first port of a protocol; 0: there is none."""
        ports = [one.port for one in self.listening if one.protocol == protocol and one.port]
        return ports[0] if ports else 0

    # for those who arrive

    @property
    def turns_away(self) -> bool:
        """Whether nobody is let in any more."""
        return self.is_refusing or self.node.is_stopping

    def settle(self, transport: asyncio.Transport) -> None:
        """Set up a transport that has just been made."""
        transport.set_write_buffer_limits(high=WRITE_BUFFER_HIGH)
        if not self._has_nodelay:  # every event loop sets it
            connected = transport.get_extra_info("socket")
            if connected is not None and connected.family != socket.AF_UNIX:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)

    def call_later(self, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """When the time for a handshake is over."""
        return self._loop.call_later(self._timeout_s, callback)

    # suspended, resumed

    def suspend(self, *, is_over: bool = False) -> None:
        """Let nobody in until it is over; who is there stays. Of sockets of a service manager
        clients wait, otherwise they are refused. Raises: ListenError, when all that can have.
        """
        log.info(RESUMING if is_over else SUSPENDING, len(self._acceptors))
        failed: list[str] = []
        for acceptor in self._acceptors:
            try:
                if is_over:
                    acceptor.listen(self.config.listeners.options.backlog)
                else:
                    is_shared = self._given.has(acceptor.listening)
                    acceptor.suspend(None if is_shared else self._hold)
            except ListenError as error:
                failed.append(str(error))
            except OSError as error:
                failed.append(f"cannot listen again: {error.strerror or error}")
        if failed:
            raise ListenError(failed[0])

    def _hold(self, listening: socket.socket) -> socket.socket:
        """A socket that does not listen, in place of one that does. Raises: ListenError."""
        if listening.family != socket.AF_UNIX:
            return bind_again(listening, self.config.listeners.options)
        (at,) = (at for at, unix in enumerate(self._unix) if unix.socket is listening)
        listening.close()
        held = UnixSocket(self._unix[at].path, self.config.listeners.unix_access, None)
        self._unix[at] = held
        return held.socket

    # certificates

    def reload_certificates(self) -> bool:
        """Take up changed files now. Returns: whether there were any, and they can be used."""
        reloaded = [certificates.reload() for certificates in self._certificates]
        return any(reloaded)

    def _watch_certificates(self) -> None:
        if self._certificates and self._reloading is None:
            self._look_again()

    def _look_again(self) -> None:
        self._reloading = self._loop.call_later(RELOAD_S, self._look_again)
        self.reload_certificates()

    # the end

    async def stop_listening(self) -> None:
        """Who has been accepted has a transport when this returns."""
        if self._reloading is not None:
            self._reloading.cancel()
        for acceptor in self._acceptors:
            acceptor.stop()
        self.places.close()
        self.web_places.close()
        for unix in self._unix:
            unix.remove()
        acceptors, self._acceptors = self._acceptors, []
        for acceptor in acceptors:
            await acceptor.wait()
        for peer in list(self.arriving):
            peer.abort()
        for web in self.web:
            web.shut_down()

    async def close(self) -> None:
        """Wait until the clients of HTTP are gone. The peers of AMQP have to be, by now."""
        await asyncio.gather(*(web.close(WEB_GRACE_S) for web in self.web))
        self.web = []
