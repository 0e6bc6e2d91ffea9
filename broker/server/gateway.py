"""All of a node's listeners, and the peers that have not become connections yet."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from broker.server.certificates import Certificates
from broker.server.doorway import Doorway
from broker.server.listener import UnixSocket, open_sockets
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from broker.server.tls import Speaker, TlsPort, TlsStream
from broker.session.connection import Connection
from broker.settings import Numbered
from broker.transport_settings import TlsOptions, parse_address

if TYPE_CHECKING:
    from broker.config import Config
    from broker.node import Node
    from broker.server.http import Application, HttpServer

log = logging.getLogger("broker.listener")

LISTENING = "listening, protocol=%s host=%s port=%s"
RELOAD_S = 2.0  # between two looks at the files of certificates
WEB_GRACE_S = 1.0  # for answers that are under way when the node stops
AMQP, AMQPS = "amqp", "amqp/ssl"  # as RabbitMQ calls them
HTTP, PROMETHEUS = "http", "http/prometheus"
OVER_TLS = {HTTP: "https", PROMETHEUS: "https/prometheus"}
_KEYS = {HTTP: "management.ssl", PROMETHEUS: "prometheus.ssl"}


class Listening(NamedTuple):
    """One listener. host: the address it is bound to, or a path; port 0: a Unix socket."""

    protocol: str
    host: str
    port: int


class _Part(NamedTuple):
    """What belongs to HTTP or to PROMETHEUS."""

    listening: list[Listening]
    servers: list[asyncio.AbstractServer]
    web: list[HttpServer]
    certificates: list[Certificates]


class Gateway:
    """Made by `open`; `stop_listening`, then `close` when the peers are gone."""

    def __init__(self, node: Node, config: Config, loop: asyncio.AbstractEventLoop):
        self.node = node
        self.config = config
        self.amqps: TlsPort | None = None
        self.arriving: dict[Doorway | TlsStream, None] = {}  # whose handshake is not done
        self.listening: list[Listening] = []
        self.is_refusing = False  # whoever comes by AMQP is hung up on: for tests
        self.web: list[HttpServer] = []
        self._loop = loop
        self._certificates: list[Certificates] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._unix: list[UnixSocket] = []
        self._parts: dict[str, _Part] = {}  # HTTP and PROMETHEUS, which can be switched
        self._reloading: asyncio.TimerHandle | None = None
        self._has_nodelay = config.listeners.options.nodelay
        self._timeout_s = config.tls.handshake_timeout_ms / 1000

    @classmethod
    async def open(
        cls, node: Node, config: Config, applications: Mapping[str, Application] | None = None
    ) -> Gateway:
        """Listen wherever the config says. applications: for HTTP and PROMETHEUS.

        AMQP comes last: who can reach it finds everything else there, too.
        Raises: ListenError; then nothing is left open.
        """
        gateway = cls(node, config, asyncio.get_running_loop())
        try:
            for protocol, application in (applications or {}).items():
                await gateway.open_web(protocol, application)
            await gateway._listen_amqp()
        except BaseException:
            await gateway.stop_listening()
            await gateway.close()
            raise
        for listening in gateway.listening:
            if listening.protocol in (AMQP, AMQPS):
                log.info(LISTENING, *listening)
        if gateway._certificates:
            gateway._look_again()
        return gateway

    async def _listen_amqp(self) -> None:
        listeners = self.config.listeners
        if listeners.tls:
            speaker = partial(Connection, self.node)
            self.amqps = self._tls_port(self.config.tls, "ssl_options", speaker)
        await self._listen_numbered(AMQP, listeners.tcp, self._plain)
        await self._listen_numbered(AMQPS, listeners.tls, self._encrypted)
        for _, path in listeners.unix:
            await self._listen_unix(path)

    async def open_web(self, protocol: str, application: Application) -> None:
        """HTTP or PROMETHEUS. Raises: ListenError; then nothing of it is open."""
        before = self._part()
        try:
            await self._listen_web(protocol, application)
        except BaseException:
            self._parts[protocol] = self._part(before)
            await self.close_web(protocol)
            raise
        part = self._parts[protocol] = self._part(before)
        for listening in part.listening:
            log.info(LISTENING, *listening)

    def _part(self, before: _Part | None = None) -> _Part:
        """All there is, or what has come since."""
        counts = [len(found) for found in before] if before is not None else [0] * 4
        return _Part(
            self.listening[counts[0] :],
            self._servers[counts[1] :],
            self.web[counts[2] :],
            self._certificates[counts[3] :],
        )

    async def close_web(self, protocol: str) -> None:
        """Its clients are hung up on once they have their answers."""
        part = self._parts.pop(protocol)
        for server in part.servers:
            server.close()
        for web in part.web:
            web.shut_down()
        await asyncio.gather(*(web.close(WEB_GRACE_S) for web in part.web))
        for listening in part.listening:
            log.info("not listening any more, protocol=%s host=%s port=%s", *listening)
        self.listening = [one for one in self.listening if one not in part.listening]
        self._servers = [one for one in self._servers if one not in part.servers]
        self.web = [one for one in self.web if one not in part.web]
        self._certificates = [one for one in self._certificates if one not in part.certificates]

    def has_web(self, protocol: str) -> bool:
        return protocol in self._parts

    async def _listen_web(self, protocol: str, application: Application) -> None:
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
            await self._listen_tcp(protocol, settings.tcp.ip or bind, port, factory)
        if tls_port is not None:
            server = HttpServer(self.node, application, settings.tls, self._loop, is_tls=True)
            self.web.append(server)
            is_shared = not settings.tls.certfile and bool(config.tls.certfile)
            place = "ssl_options" if is_shared else _KEYS[protocol]
            options = settings.tls.options(config.tls)
            factory = partial(
                TlsStream, self, self._tls_port(options, place, partial(HttpPeer, server))
            )
            await self._listen_tcp(OVER_TLS[protocol], settings.tls.ip or bind, tls_port, factory)

    def _tls_port(self, options: TlsOptions, place: str, speaker: Callable[[], Speaker]) -> TlsPort:
        """Raises: ListenError."""
        certificates = Certificates(options, place)
        self._certificates.append(certificates)
        return TlsPort(certificates, options.depth, speaker)

    async def _listen_numbered(
        self, protocol: str, addresses: Numbered, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        for _, text in addresses:
            host, port = parse_address(text)
            bind = host or self.config.listeners.bind
            await self._listen_tcp(protocol, bind, port, factory)

    async def _listen_tcp(
        self, protocol: str, host: str, port: int, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        options = self.config.listeners.options
        opened = open_sockets(host, port, options)
        for at, listening in enumerate(opened):
            try:
                server = await self._loop.create_server(
                    factory, sock=listening, backlog=options.backlog
                )
            except BaseException:
                for unserved in opened[at:]:
                    unserved.close()
                raise
            self._servers.append(server)
            self.listening.append(Listening(protocol, *listening.getsockname()[:2]))

    async def _listen_unix(self, path: str) -> None:
        options = self.config.listeners.options
        unix = UnixSocket(path, self.config.listeners.unix_access, options.backlog)
        self._unix.append(unix)
        server = await self._loop.create_unix_server(
            self._plain, sock=unix.socket, backlog=options.backlog
        )
        self._servers.append(server)
        self.listening.append(Listening(AMQP, path, 0))

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

    # certificates

    def reload_certificates(self) -> bool:
        """Take up changed files now. Returns: whether there were any, and they can be used."""
        reloaded = [certificates.reload() for certificates in self._certificates]
        return any(reloaded)

    def _look_again(self) -> None:
        self._reloading = self._loop.call_later(RELOAD_S, self._look_again)
        self.reload_certificates()

    # the end

    async def stop_listening(self) -> None:
        """Let what has been accepted become a transport first: asyncio up to 3.11 loses the socket
        of one that finds its server closed."""
        if self._reloading is not None:
            self._reloading.cancel()
        for server in self._servers:
            for listening in server.sockets:  # type: ignore[attr-defined]
                self._loop.remove_reader(listening.fileno())
        for _ in range(4):
            await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        for unix in self._unix:
            unix.socket.close()
            unix.remove()
        for peer in list(self.arriving):
            peer.abort()
        for web in self.web:
            web.shut_down()

    async def close(self) -> None:
        """Wait until the servers are gone. The peers of AMQP have to be, by now."""
        await asyncio.gather(*(web.close(WEB_GRACE_S) for web in self.web))
        self.web = []
        for server in self._servers:
            await server.wait_closed()
        self._servers = []
