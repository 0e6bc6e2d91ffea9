"""Management of a node: what the HTTP API, the page and the metrics share."""

from __future__ import annotations

import importlib
import pkgutil
import platform
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from broker.auth.mechanisms import offered
from broker.management import api
from broker.management.lane import Lane
from broker.management.live_log import LiveLog
from broker.management.pages import Pages
from broker.management.remembered import Remembered
from broker.management.request import Request, Response
from broker.management.statistics.ages import Observer
from broker.management.statistics.collector import Collector
from broker.management.statistics.samples import GLOBAL, Kind, Samples
from broker.management.views.node import Process, numbers_of
from broker.version import __version__

if TYPE_CHECKING:
    from broker.node import Node

Listening = tuple[str, str, int]  # protocol as RabbitMQ calls it, host, port
NODE = Kind(
    (
        "gc_num",
        "gc_bytes_reclaimed",
        "context_switches",
        "io_read_count",
        "io_read_bytes",
        "io_write_count",
        "io_write_bytes",
        "io_sync_count",
        "io_seek_count",
        "io_reopen_count",
        "msg_store_read_count",
        "msg_store_write_count",
        "queue_index_read_count",
        "queue_index_write_count",
        "mnesia_ram_tx_count",
        "mnesia_disk_tx_count",
    ),
    ("mem_used", "fd_used", "sockets_used", "proc_used", "disk_free"),
    GLOBAL,
)
CONTEXTS = {
    "http": "RabbitMQ Management",
    "https": "RabbitMQ Management",
    "http/prometheus": "RabbitMQ Prometheus",
    "https/prometheus": "RabbitMQ Prometheus",
}


class Management:
    """Made by `boot` once the node is there; `start` and `stop` its timers.

    listening: all listeners of the node. began_ms: when the node started, on its clock.
    """

    def __init__(
        self,
        node: Node,
        listening: Callable[[], Sequence[Listening]] = tuple,
        *,
        began_ms: int | None = None,
    ):
        self.node = node
        self.lane = Lane()
        self.remembered = Remembered()
        self.live_log = LiveLog(self.lane)
        settings = node.config.management
        self.collector = Collector(
            node,
            self.lane,
            is_on=not settings.disable_stats,
            interval_ms=settings.statistics_interval_ms,
        )
        self.collector.when_noted = self._note
        self.node_samples: Samples | None = None
        self._listening = listening
        self._pages = Pages()
        self._process = Process()
        self.config_files: tuple[str, ...] = ()  # that the node was started with
        self.observer = Observer(node)
        now_ms = node.clock.now_ms()
        self._started_ms = now_ms if began_ms is None else began_ms
        # since the epoch
        self.started_s = (node.clock.epoch_ms() - now_ms + self._started_ms) // 1000
        for module in pkgutil.iter_modules(api.__path__):  # importing enters the routes
            importlib.import_module(f"{api.__name__}.{module.name}")

    def start(self) -> None:
        self.collector.start()
        self.observer.start()
        self.live_log.open()

    def stop(self) -> None:
        self.live_log.close()
        self.collector.stop()
        self.observer.stop()

    async def page(self, request: Request) -> Response:
        """The web page's files. Raises: Refusal."""
        return self._pages.answer(request)

    # what the API shows of the node

    @property
    def platform(self) -> str:
        """In place of Erlang's version."""
        python = f"{platform.python_implementation()} {platform.python_version()}"
        return f"Leveret {__version__} on {python}"

    def uptime_ms(self) -> int:
        return self.node.clock.now_ms() - self._started_ms

    def mechanisms(self) -> list[str]:
        """Those that are offered anywhere."""
        return offered(self.node.config.authentication, is_tls=True)

    def node_numbers(self) -> dict[str, int]:
        return numbers_of(self.node, self._process)

    def _note(self, slot: int) -> None:
        """With every look of the collector."""
        if self.node_samples is None:
            self.node_samples = Samples(NODE, slot - 1)
        self.node_samples.note(slot, tuple(self.node_numbers().values()), self.collector.span)

    def listeners(self) -> list[dict[str, Any]]:
        options = self.node.config.listeners.options
        return [
            {
                "node": self.node.name,
                "protocol": protocol,
                "ip_address": host,
                "port": port,
                "socket_opts": {"backlog": options.backlog, "nodelay": options.nodelay},
            }
            for protocol, host, port in self._listening()
        ]

    def contexts(self) -> list[dict[str, Any]]:
        """The listeners that speak HTTP."""
        return [
            {
                "ssl_opts": [],
                "node": self.node.name,
                "description": CONTEXTS[protocol],
                "path": "/",
                "ip": host,
                "port": str(port),
                "cowboy_opts": "[{sendfile,false}]",
                **({"ssl": "true"} if protocol.startswith("https") else {}),
                **({"protocol": f"'{protocol}'"} if "/" in protocol else {}),
            }
            for protocol, host, port in self._listening()
            if protocol in CONTEXTS
        ]

    def plugins(self) -> list[str]:
        """RabbitMQ's names for the parts that are switched on."""
        return sorted(self.node.plugins)
