"""All of a node's listeners, and the peers that have not become connections yet."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from broker.server.certificates import Certificates
from broker.server.doorway import Doorway
from broker.server.listener import UnixSocket, open_sockets
from broker.server.protocol import WRITE_BUFFER_HIGH, AMQPProtocol
from broker.server.tls import TlsStream
from broker.settings import Numbered
from broker.transport_settings import parse_address

if TYPE_CHECKING:
    from broker.config import Config
    from broker.node import Node

log = logging.getLogger("broker.listener")

RELOAD_S = 2.0  # between two looks at the files of certificates
AMQP, AMQPS = "amqp", "amqp/ssl"  # as RabbitMQ calls them


class Listening(NamedTuple):
    """One listener. host: the address it is bound to, or a path; port 0: a Unix socket."""

    protocol: str
    host: str
    port: int


class Gateway:
    """Made by `open`; `stop_listening`, then `close` when the peers are gone."""

    def __init__(self, node: Node, config: Config, loop: asyncio.AbstractEventLoop):
        self.node = node
        self.config = config
        self.certificates: Certificates | None = None
        self.arriving: dict[Doorway | TlsStream, None] = {}  # whose handshake is not done
        self.listening: list[Listening] = []
        self._loop = loop
        self._servers: list[asyncio.AbstractServer] = []
        self._unix: list[UnixSocket] = []
        self._reloading: asyncio.TimerHandle | None = None
        self._has_nodelay = config.listeners.options.nodelay
        self._timeout_s = config.tls.handshake_timeout_ms / 1000

    @classmethod
    async def open(cls, node: Node, config: Config) -> Gateway:
        """Listen wherever the config says. Raises: ListenError; then nothing is left open."""
        gateway = cls(node, config, asyncio.get_running_loop())
        listeners = config.listeners
        try:
            if listeners.tls:
                gateway.certificates = Certificates(config.tls)
                gateway._look_again()
            await gateway._listen_tcp(AMQP, listeners.tcp, gateway._plain)
            await gateway._listen_tcp(AMQPS, listeners.tls, gateway._encrypted)
            for _, path in listeners.unix:
                await gateway._listen_unix(path)
        except BaseException:
            await gateway.stop_listening()
            await gateway.close()
            raise
        return gateway

    async def _listen_tcp(
        self, protocol: str, addresses: Numbered, factory: Callable[[], asyncio.Protocol]
    ) -> None:
        listeners = self.config.listeners
        for _, text in addresses:
            host, port = parse_address(text)
            backlog = listeners.options.backlog
            opened = open_sockets(host or listeners.bind, port, listeners.options)
            for at, listening in enumerate(opened):
                try:
                    server = await self._loop.create_server(
                        factory, sock=listening, backlog=backlog
                    )
                except BaseException:
                    for unserved in opened[at:]:
                        unserved.close()
                    raise
                self._servers.append(server)
                self._note(Listening(protocol, *listening.getsockname()[:2]))

    async def _listen_unix(self, path: str) -> None:
        options = self.config.listeners.options
        unix = UnixSocket(path, self.config.listeners.unix_access, options.backlog)
        self._unix.append(unix)
        server = await self._loop.create_unix_server(
            self._plain, sock=unix.socket, backlog=options.backlog
        )
        self._servers.append(server)
        self._note(Listening(AMQP, path, 0))

    def _note(self, listening: Listening) -> None:
        self.listening.append(listening)
        log.info("listening, protocol=%s host=%s port=%s", *listening)

    def _plain(self) -> asyncio.Protocol:
        if self.config.listeners.proxy_protocol:
            return Doorway(self, is_tls=False)
        return AMQPProtocol(self)

    def _encrypted(self) -> asyncio.Protocol:
        if self.config.listeners.proxy_protocol:
            return Doorway(self, is_tls=True)
        return TlsStream(self)

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
        return self.certificates is not None and self.certificates.reload()

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

    async def close(self) -> None:
        """Wait until the servers are gone. The peers have to be, by now."""
        for server in self._servers:
            await server.wait_closed()
        self._servers = []
