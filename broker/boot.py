"""Config → node → listeners: the only place that knows everything.

`Broker` is a whole node inside a Python program; the `leveret` command is the same with flags and
signals around it.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import quote

from broker.alarms import Watermarks
from broker.config import Config, override
from broker.identity import make_id
from broker.memory import give_back, trim_memory
from broker.node import Node
from broker.plugin_settings import refused_types, running
from broker.server.auth_chain import AuthChain
from broker.server.gateway import AMQP, AMQPS, HTTP, OVER_TLS, PROMETHEUS, Gateway, Listening
from broker.server.timers import LoopClock, monotonic_ms
from broker.starting_definitions import import_definitions
from broker.store.errors import StoreError
from broker.transport_settings import parse_address
from broker.watching import watch

if TYPE_CHECKING:
    from broker.management.loading import Loading
    from broker.management.service import Management
    from broker.reconfiguring import Reconfigured
    from broker.server.http import Application
    from broker.server.inherited import Inherited
    from broker.store.store import Store

log = logging.getLogger("broker")

T = TypeVar("T")
WORK_S = 5.0  # for queues to finish what they have begun; the rest is done after the next start
GRACE_S = 1.0  # for peers to take connection.close before their sockets are dropped
EMBEDDED: dict[str, object] = {  # what is different inside a program
    "listeners.bind": "127.0.0.1",
    "listeners.tcp": [0],
    "management.enabled": False,
    "management.tcp.port": 0,
    "prometheus.enabled": False,
    "prometheus.tcp.port": 0,
}


def default_node_name() -> str:
    """rabbit@<host>, the short name."""
    return f"rabbit@{socket.gethostname().partition('.')[0] or 'localhost'}"


class Broker:
    """A broker node: `async with Broker() as broker`, or a plain `with` from synchronous code.

    By default it is in memory, on a free port of 127.0.0.1, with user guest/guest and vhost "/".
    Settings are given by their keys (`Broker({"heartbeat": 10})`) or as a whole `Config`. With
    `management.enabled` and `prometheus.enabled` it has the HTTP API and the metrics, too, on free
    ports. Many may live in one process; leaving the block leaves no task, thread, socket or file
    behind.
    """

    def __init__(
        self,
        settings: dict[str, object] | Config | None = None,
        inherited: Inherited | None = None,
    ):
        """inherited: sockets that listen already, for the listeners."""
        if isinstance(settings, Config):
            self.config = settings
        else:
            self.config = Config()
            for key, value in (EMBEDDED | (settings or {})).items():
                self.config = override(self.config, key, value)
        self.node: Node | None = None
        self.gateway: Gateway | None = None
        self._management: Loading | None = None  # where it is enabled
        self.port = 0  # of AMQP; 0: it is not listened for
        self.tls_port = 0  # of AMQP over TLS, likewise
        self.management_port = 0  # of HTTP, or else HTTPS, likewise
        self.prometheus_port = 0
        self._clock: LoopClock | None = None
        self._thread: _LoopThread | None = None
        self._store: Store | None = None
        self._auth: AuthChain | None = None
        self._inherited = inherited
        self._stopping: Node | None = None  # the node, while it has something to finish

    @property
    def management(self) -> Management | None:
        """What the HTTP API, the page and the metrics share; None: disabled, or not loaded yet."""
        return self._management.management if self._management is not None else None

    @property
    def host(self) -> str:
        listeners = self.config.listeners
        first = (listeners.tcp or listeners.tls)[:1]
        own = [parse_address(text).host for _, text in first]
        return "".join(own) or listeners.bind or "127.0.0.1"

    @property
    def url(self) -> str:
        """For clients that take one: amqp://guest:guest@127.0.0.1:port/%2F."""
        return self._url("amqp", self.port)

    @property
    def tls_url(self) -> str:
        """The same for AMQP over TLS: amqps://…"""
        return self._url("amqps", self.tls_port)

    def _url(self, scheme: str, port: int) -> str:
        defaults = self.config.defaults
        user, password = quote(defaults.user, safe=""), quote(defaults.password, safe="")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{user}:{password}@{host}:{port}/{quote(defaults.vhost, safe='')}"

    async def start(self) -> None:
        """Listen. Raises: ListenError, StoreError, ConfigError."""
        assert self.node is None, "already started"
        loop = asyncio.get_running_loop()
        clock = LoopClock(loop)
        store = self._open_store(loop)
        disk_free = store.disk.free_bytes if store is not None else None
        node = Node(
            self.config,
            name=store.name if store is not None else default_node_name(),
            log=store.log if store is not None else None,
            clock=clock,
            watermarks=Watermarks(self.config.alarms, disk_free=disk_free, trim=trim_memory),
        )
        try:
            clock.start(node)
            is_new = store is None or store.is_new
            if store is not None:
                store.attach(node)
            watch(node, loop.call_soon)
            if is_new and not self.config.starting_definitions.exist:
                node.make_defaults()
            make_id(node)
            self._auth = AuthChain(node, self.config.auth)
            node.backends = self._auth.backends
            import_definitions(node, self.config.starting_definitions)
            node.tell(threading.get_ident())
            node.check_alarms(clock.now_ms())
            await self._committed(store)  # nobody is served by a node that cannot write
            gateway = await Gateway.open(
                node, self.config, self._applications(node), self._inherited
            )
        except BaseException:
            node.tell_no_more()
            clock.stop()
            if store is not None:  # nobody was served: what was clean still is
                store.close(is_clean=store.committer is not None and store.committer.is_idle)
            raise
        self.node, self._clock, self._store, self.gateway = node, clock, store, gateway
        self._note_ports(gateway)
        if self._management is not None:
            self._management.start()

    def _applications(self, node: Node) -> Mapping[str, Application]:
        """Who answers what comes by HTTP. Imported only where somebody can ask."""
        return {protocol: self._application(node, protocol) for protocol in self._wanted_web()}

    def _wanted_web(self) -> list[str]:
        settings = self.config
        switches = {HTTP: settings.management.enabled, PROMETHEUS: settings.prometheus.enabled}
        return [protocol for protocol, is_on in switches.items() if is_on]

    def _application(self, node: Node, protocol: str) -> Application:
        from broker.management.loading import Later, Loading, http_api, metrics

        if self._management is None:
            self._management = Loading(node, self._listening)
        return Later(self._management, http_api if protocol == HTTP else metrics)

    async def switch(self, config: Config, plugins: frozenset[str] | None = None) -> None:
        """Have those optional parts on that a config wants; of it nothing else is looked at.

        plugins: what they are called; None: by the settings. What is new comes before what goes:
        who cannot have a port keeps what he had. Raises: ListenError; what has been switched until
        then stays so.
        """
        node, gateway = self.node, self.gateway
        assert node is not None
        assert gateway is not None
        self.config = node.config = gateway.config = config
        wanted = self._wanted_web()
        for protocol in wanted:
            if not gateway.has_web(protocol):
                is_first = self._management is None
                await gateway.open_web(protocol, self._application(node, protocol))
                if is_first and self._management is not None:
                    self._management.start()
        node.refused_types = refused_types(config)
        node.plugins = running(config) if plugins is None else plugins
        if config.hooks.events:
            node.tell_events()
        else:
            node.hearing.publish_no_more()
        for protocol in (HTTP, PROMETHEUS):
            if protocol not in wanted and gateway.has_web(protocol):
                await gateway.close_web(protocol)
        if not wanted and self._management is not None:
            self._management.stop()
            self._management = None
            give_back()
        self._note_ports(gateway)

    def _note_ports(self, gateway: Gateway) -> None:
        self.port, self.tls_port = gateway.port(AMQP), gateway.port(AMQPS)
        self.management_port = gateway.port(HTTP) or gateway.port(OVER_TLS[HTTP])
        self.prometheus_port = gateway.port(PROMETHEUS) or gateway.port(OVER_TLS[PROMETHEUS])

    def _listening(self) -> Sequence[Listening]:
        return self.gateway.listening if self.gateway is not None else ()

    def _open_store(self, loop: asyncio.AbstractEventLoop) -> Store | None:
        """Raises: StoreError, OSError."""
        if not self.config.kept_in:
            return None
        from broker.store.store import Store  # 5 ms that a node in memory does not pay

        try:
            return Store(
                Path(self.config.kept_in),
                self.config.storage,
                wanted_name=self.config.identity.node_name,
                default_name=default_node_name(),
                post=loop.call_soon_threadsafe,
            )
        except OSError as error:
            if error.filename is not None:
                raise
            place = self.config.kept_in
            raise StoreError(f"cannot use the data directory {place}: {error.strerror}") from None

    def _has_work(self) -> bool:
        """Whether queues still have something to do: dead letters to be sent on, mostly."""
        return self._stopping is not None and bool(self._stopping.changed_queues)

    async def _committed(self, store: Store | None) -> None:
        """Wait until everything is on the medium. Raises: StoreError, if that fails."""
        if store is None or store.committer is None:
            return
        committer = store.committer
        committer.is_stopping = True  # no waiting for more
        try:
            deadline = asyncio.get_running_loop().time() + WORK_S
            while not committer.is_idle or (
                self._has_work() and asyncio.get_running_loop().time() < deadline
            ):
                if committer.failures:
                    raise StoreError("the data directory cannot be written to")
                committer.on_turn(monotonic_ms())
                await asyncio.sleep(0.001)
        finally:
            committer.is_stopping = False

    async def stop(
        self, reason: str = "broker forced connection closure with reason 'shutdown'"
    ) -> None:
        """Close the listeners, tell the peers, wait until their sockets are gone."""
        node, self.node = self.node, None
        if node is None:
            return
        node.is_stopping = True
        self._stopping = node
        assert self.gateway is not None
        if self._management is not None:
            self._management.stop()
            self._management = None
        await self.gateway.stop_listening()
        node.shut_down_peers(reason)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + GRACE_S
        while node.peers and loop.time() < deadline:  # noqa: ASYNC110 - only at the very end
            await asyncio.sleep(0.005)
        for peer in list(node.peers.values()):
            peer.drop()
        while node.peers and loop.time() < deadline + GRACE_S:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
        await self.gateway.close()
        self.gateway = None
        node.tell_no_more()
        if self._auth is not None:
            await self._auth.close()
            self._auth = None
        assert self._clock is not None
        store, self._store = self._store, None
        try:
            await self._committed(store)
        except StoreError as error:
            log.error("what was last acked or declared could not be written: %s", error)
            is_clean = False
        else:
            is_clean = True
        self._stopping = None
        self._clock.stop()
        if store is not None:
            store.close(is_clean=is_clean)
        for _ in range(8):  # transports open and close in callbacks of their own, one after another
            await asyncio.sleep(0)

    def reload_certificates(self) -> bool:
        """Take up changed files of TLS now; they are looked at every two seconds anyway.

        Returns: whether there were any, and they can be used. In the broker's own thread.
        """
        return self.gateway is not None and self.gateway.reload_certificates()

    def reconfigure(self, config: Config) -> Reconfigured:
        """Take up what a running node can of another config, in the broker's own thread; the rest
        waits for a restart. Returns: what is which."""
        from broker.reconfiguring import reconfigure

        assert self.node is not None
        found = reconfigure(self.node, config)
        self.config = self.node.config
        return found

    async def __aenter__(self) -> Broker:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    def call(self, function: Callable[[Node], T]) -> T:
        """Run a function on the node, in its own thread and between two turns, from another one.

        For synchronous code inside `with Broker()`: `broker.call(lambda node: node.users)`.
        """
        assert self._thread is not None, "only for a broker started by a plain with"
        return cast(T, self._thread.run(self._call(function)))

    async def _call(self, function: Callable[[Node], T]) -> T:
        assert self.node is not None
        result = function(self.node)
        self.node.request_turn()
        return result

    def __enter__(self) -> Broker:
        self._thread = _LoopThread()
        try:
            self._thread.run(self.start())
        except BaseException:
            self._thread.stop()
            self._thread = None
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._thread is not None
        try:
            self._thread.run(self.stop())
        finally:
            self._thread.stop()
            self._thread = None


class _LoopThread:
    """An event loop in a thread, for synchronous callers."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="leveret")
        self._thread.start()

    def run(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()
