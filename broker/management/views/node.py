"""The node as the HTTP API shows it, and the process it runs in."""

from __future__ import annotations

import gc
import os
import platform
import resource
from collections.abc import Container
from typing import TYPE_CHECKING, Any

from broker import descriptors
from broker.auth.mechanisms import MECHANISMS
from broker.exchanges.registry import find_type, type_names
from broker.management.statistics import presented
from broker.management.statistics.counted import CHURN
from broker.management.views.common import Lens
from broker.management.views.queue import BASE_OCTETS
from broker.session.connection import Connection
from broker.store.commit_log import CommitLog
from broker.store.files import IoCounts
from broker.version import __version__

if TYPE_CHECKING:
    from broker.management.service import Management
    from broker.node import Node

Shown = dict[str, Any]
PROCESSES_MAX = 1_048_576  # a limit of Erlang's that exporters want to divide by
CONNECTION_OCTETS, CHANNEL_OCTETS = 4_700, 2_000  # that they take, about

MECHANISM_TEXTS = {
    "PLAIN": "SASL PLAIN authentication mechanism",
    "AMQPLAIN": "QPid AMQPLAIN mechanism",
    "EXTERNAL": "TLS peer certificate authentication mechanism",
    "ANONYMOUS": "SASL ANONYMOUS authentication mechanism",
}


def exchange_types(refused: Container[str] = ()) -> list[Shown]:
    """All there are, those of installed packages included. refused: whose plugins are off."""
    found = []
    for name in type_names():
        exchange_class = find_type(name)
        if exchange_class is not None and name not in refused:
            description = exchange_class.description or f"{name} exchange"
            found.append({"name": name, "description": description, "enabled": True})
    return found


class Process:
    """What the system says of this process; looked up at most once a second or so."""

    __slots__ = ("_at_ms", "fd_used")

    def __init__(self) -> None:
        self._at_ms = -1_000
        self.fd_used = 0

    def look(self, now_ms: int) -> None:
        if now_ms - self._at_ms >= 1_000:
            self._at_ms = now_ms
            self.fd_used = descriptors.used()


def show_node(management: Management, lens: Lens) -> Shown:
    """An entry of the list of nodes; without statistics hardly anything."""
    shown: Shown = {"name": management.node.name, "type": "disc", "running": True}
    return shown | _facts(management) | _moving(management, lens) if lens.has_stats else shown


def _facts(management: Management) -> Shown:
    """What the node is and has."""
    node = management.node
    fd_total = descriptors.file_limit()
    watermarks = node.watermarks
    levels = watermarks.snapshot() if watermarks is not None else None
    config = node.config
    return {
        "partitions": [],
        "os_pid": str(os.getpid()),
        "fd_total": fd_total,
        "sockets_total": descriptors.sockets_limit(fd_total),
        "proc_total": PROCESSES_MAX,
        "mem_limit": levels.memory_limit if levels is not None else 0,
        "mem_alarm": "memory" in node.alarms,
        "mem_calculation_strategy": "rss",
        "disk_free_limit": levels.disk_limit if levels is not None else 0,
        "disk_free_alarm": "disk" in node.alarms,
        "rates_mode": config.management.rates_mode,
        "uptime": management.uptime_ms(),
        "run_queue": 0,
        "processors": os.cpu_count() or 1,
        "exchange_types": exchange_types(node.refused_types),
        "auth_mechanisms": [
            {
                "name": name,
                "description": MECHANISM_TEXTS.get(name, name),
                "enabled": name in management.mechanisms(),
            }
            for name in MECHANISMS
        ],
        "applications": applications(),
        "contexts": [
            {name: value for name, value in context.items() if name not in ("node", "ssl_opts")}
            for context in management.contexts()
        ],
        "log_files": ["<stdout>"],
        "db_dir": config.kept_in or "none",
        "config_files": list(management.config_files),
        "net_ticktime": 60,
        "enabled_plugins": management.plugins(),
        "cluster_links": [],
    }


def _moving(management: Management, lens: Lens) -> Shown:
    """What it counts and measures."""
    shown: Shown = {}
    numbers = management.node_numbers()
    samples = management.node_samples
    presented.put(shown, numbers.items(), samples, lens.slot, lens.node_stats)
    churn = zip(CHURN, management.collector.churn(), strict=True)
    presented.put(shown, churn, management.collector.overview, lens.slot, lens.node_stats)
    shown["metrics_gc_queue_length"] = dict.fromkeys(COLLECTED, 0)
    averages = ((name, 0.0) for name in IO_TIMES)
    presented.put(shown, averages, None, lens.slot, lens.node_stats)
    shown["ra_open_file_metrics"] = {"ra_log_wal": 0, "ra_log_segment_writer": 0}
    return shown


# Of Erlang's; exporters look for the keys.
COLLECTED = (
    "connection_closed",
    "channel_closed",
    "consumer_deleted",
    "exchange_deleted",
    "queue_deleted",
    "vhost_deleted",
    "node_node_deleted",
    "channel_consumer_deleted",
)
IO_TIMES = ("io_read_avg_time", "io_write_avg_time", "io_sync_avg_time", "io_seek_avg_time")


def numbers_of(node: Node, process: Process) -> dict[str, int]:
    """What moves, in the order of `service.NODE`."""
    process.look(node.clock.now_ms())
    levels = node.watermarks.snapshot() if node.watermarks is not None else None
    usage = resource.getrusage(resource.RUSAGE_SELF)
    io = io_of(node)
    return {
        "gc_num": sum(stats["collections"] for stats in gc.get_stats()),
        "gc_bytes_reclaimed": 0,
        "context_switches": usage.ru_nvcsw + usage.ru_nivcsw,
        "io_read_count": io.read_count,
        "io_read_bytes": io.read_octets,
        "io_write_count": io.write_count,
        "io_write_bytes": io.write_octets,
        "io_sync_count": io.sync_count,
        "io_seek_count": 0,
        "io_reopen_count": 0,
        "msg_store_read_count": read_count(node),
        "msg_store_write_count": node.log.kept_count,
        "queue_index_read_count": 0,
        "queue_index_write_count": 0,
        "mnesia_ram_tx_count": 0,
        "mnesia_disk_tx_count": 0,
        "mem_used": levels.memory_used if levels is not None else 0,
        "fd_used": process.fd_used,
        "sockets_used": node.usage.socket_count,
        "proc_used": processes(node),
        "disk_free": (levels.disk_free or 0) if levels is not None else 0,
    }


def io_of(node: Node) -> IoCounts:
    """What was done with the files of the node's messages."""
    log = node.log
    return log.files.disk.io if isinstance(log, CommitLog) else IoCounts()


def read_count(node: Node) -> int:
    """Messages that were read back from the disk."""
    return node.log.read_count if isinstance(node.log, CommitLog) else 0


def processes(node: Node) -> int:
    """What RabbitMQ has a process for, or several: connections, channels, queues."""
    queues = sum(len(vhost.queues) for vhost in node.vhosts.values())
    return 1 + len(node.peers) + node.usage.channel_count + queues


def applications() -> list[Shown]:
    """What the node is made of."""
    return [
        {"name": "leveret", "description": "Leveret, a message broker", "version": __version__},
        {
            "name": "python",
            "description": platform.python_implementation(),
            "version": platform.python_version(),
        },
    ]


def memory_breakdown(node: Node) -> Shown:
    """Where the memory is, about, by RabbitMQ's names; what has no counterpart here is 0."""
    levels = node.watermarks.snapshot() if node.watermarks is not None else None
    rss = levels.memory_used if levels is not None else 0
    connections = sum(1 for peer in node.peers.values() if isinstance(peer, Connection))
    outboxes = sum(
        peer.outbox_octets for peer in node.peers.values() if isinstance(peer, Connection)
    )
    classic = quorum = 0
    for vhost in node.vhosts.values():
        for queue in vhost.queues.values():
            octets = BASE_OCTETS + queue.ready_bytes
            if queue.type_name == "quorum":
                quorum += octets
            else:
                classic += octets
    shown: Shown = dict.fromkeys(MEMORY, 0)
    shown |= {
        "connection_readers": connections * CONNECTION_OCTETS,
        "connection_writers": outboxes,
        "connection_channels": node.usage.channel_count * CHANNEL_OCTETS,
        "queue_procs": classic,
        "quorum_queue_procs": quorum,
    }
    known = sum(shown.values())
    shown["other_system"] = max(0, rss - known)
    shown["strategy"] = "rss"
    total = max(rss, known)
    shown["total"] = {"erlang": total, "rss": rss, "allocated": total}
    return shown


# Erlang's large binaries; what is there of messages is in the queues' memory.
BINARY = (
    "connection_readers",
    "connection_writers",
    "connection_channels",
    "connection_other",
    "queue_procs",
    "queue_slave_procs",
    "quorum_queue_procs",
    "quorum_queue_dlx_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
    "stream_queue_coordinator_procs",
    "plugins",
    "mgmt_db",
    "msg_index",
    "other",
)
MEMORY = (
    "connection_readers",
    "connection_writers",
    "connection_channels",
    "connection_other",
    "queue_procs",
    "queue_slave_procs",
    "quorum_queue_procs",
    "quorum_queue_dlx_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
    "stream_queue_coordinator_procs",
    "plugins",
    "other_proc",
    "metrics",
    "mgmt_db",
    "mnesia",
    "quorum_ets",
    "other_ets",
    "binary",
    "msg_index",
    "code",
    "atom",
    "other_system",
    "allocated_unused",
    "reserved_unallocated",
)
