"""All of a node's listeners, and the peers that have not become connections yet."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from broker.server.certificates import Certificates
from broker.server.doorway import Doorway
from broker.server.http import Application, HttpProtocol, HttpServer
from broker.server.http_peer import HttpPeer
from broker.server.inherited import Inherited
from broker.server.listener import UnixSocket, adopt, open_sockets
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from broker.server.tls import Speaker, TlsPort, TlsStream
from broker.session.connection import Connection
from broker.settings import Numbered
from broker.transport_settings import TlsOptions, parse_address

if TYPE_CHECKING:
    from broker.config import Config
    from broker.node import Node

log = logging.getLogger("broker.listener")

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
        self.web: list[HttpServer] = []
        self._loop = loop
        self._inherited = inherited.copies() if inherited is not None else Inherited()
        self._certificates: list[Certificates] = []
        self._servers: list[asyncio.AbstractServer] = []
        self._unix: list[UnixSocket] = []
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
                await gateway._listen_web(protocol, application)
            await gateway._listen_amqp()
            gateway._inherited.refuse_rest()
        except BaseException:
            gateway._inherited.close()
            await gateway.stop_listening()
            await gateway.close()
            raise
        for listening in gateway.listening:
            log.info("listening, protocol=%s host=%s port=%s", *listening)
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

    async def _listen_web(self, protocol: str, application: Application) -> None:
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
        opened = self._sockets(protocol, host, port)
        for at, listening in enumerate(opened):
            try:
                await self._serve(protocol, listening, factory)
            except BaseException:
                for unserved in opened[at:]:
                    unserved.close()
                raise

    def _sockets(self, protocol: str, host: str, port: int) -> list[socket.socket]:
        """For a listener. None, if others stand in for it. Raises: ListenError."""
        options = self.config.listeners.options
        if self._inherited.stands_in(protocol):
            return [adopt(one, options) for one in self._inherited.of_protocol(protocol)]
        return open_sockets(host, port, options, self._inherited.at)

    async def _serve(
        self, protocol: str, listening: socket.socket, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        backlog = self.config.listeners.options.backlog
        if listening.family == socket.AF_UNIX:
            path = os.fsdecode(listening.getsockname())
            server = await self._loop.create_unix_server(factory, sock=listening, backlog=backlog)
            self.listening.append(Listening(protocol, path, 0))
        else:
            server = await self._loop.create_server(factory, sock=listening, backlog=backlog)
            self.listening.append(Listening(protocol, *listening.getsockname()[:2]))
        self._servers.append(server)

    async def _listen_unix(self, path: str) -> None:
        options = self.config.listeners.options
        handed_over = self._inherited.at_path(path)
        if handed_over is not None:  # its file is not ours
            await self._serve(AMQP, handed_over, self._plain)
            return
        unix = UnixSocket(path, self.config.listeners.unix_access, options.backlog)
        self._unix.append(unix)
        await self._serve(AMQP, unix.socket, self._plain)

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
