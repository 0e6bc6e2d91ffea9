"""Metrics of each queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.prometheus.exposition import escaped
from broker.management.prometheus.tables import Collecting, Row, Vhosts, collected
from broker.management.statistics.ages import oldest_message_age
from broker.management.views.queue import BASE_OCTETS, capacity_of, head_timestamp
from broker.management.views.sizes import sizes_of

if TYPE_CHECKING:
    from broker.node import Node
    from broker.queues.queue import Queue

NONE = float("nan")


def queues_of(node: Node, vhosts: Vhosts = None) -> list[Queue]:
    return [
        queue
        for vhost in node.vhosts.values()
        if vhosts is None or vhost.name in vhosts
        for queue in vhost.queues.values()
    ]


def queue_labels(queue: Queue) -> str:
    return f'{{vhost="{escaped(queue.vhost)}",queue="{escaped(queue.name)}"}}'


def queue_coarse_metrics(node: Node, vhosts: Vhosts = None) -> Collecting:
    def row(queue: Queue) -> Row:
        ready, unacked = queue.ready_count, queue.unacked_count
        return ready, unacked, ready + unacked

    names = ("queue_messages_ready", "queue_messages_unacked", "queue_messages")
    return (yield from collected(queues_of(node, vhosts), names, queue_labels, row))


def queue_consumer_count(node: Node, vhosts: Vhosts = None) -> Collecting:
    names = ("queue_consumers",)
    return (
        yield from collected(
            queues_of(node, vhosts), names, queue_labels, lambda queue: (len(queue.consumers),)
        )
    )


_OF_QUEUES = (
    "queue_consumers",
    "queue_consumer_capacity",
    "queue_consumer_utilisation",
    "queue_process_memory_bytes",
    "queue_messages_ram",
    "queue_messages_ram_bytes",
    "queue_messages_ready_ram",
    "queue_messages_unacked_ram",
    "queue_messages_persistent",
    "queue_messages_persistent_bytes",
    "queue_messages_bytes",
    "queue_messages_ready_bytes",
    "queue_messages_unacked_bytes",
    "queue_messages_paged_out",
    "queue_messages_paged_out_bytes",
    "queue_head_message_timestamp",
    "queue_disk_reads_total",
    "queue_disk_writes_total",
)
_NOTHING = (0,) * 11
_EMPTY: Row = (*_NOTHING, NONE, 0, 0)


def _row_of_queue(queue: Queue) -> Row:
    """In the order of _OF_QUEUES."""
    capacity = capacity_of(queue) if queue.consumers else 0
    first = (len(queue.consumers), capacity, capacity, BASE_OCTETS + queue.ready_bytes)
    ready, unacked, log = queue.ready_count, queue.unacked_count, queue.log
    if not ready and not unacked and log is None:
        return first + tuple(_EMPTY)
    sizes = sizes_of(queue)
    held = ready + unacked
    paged = log.paged_count if log is not None else 0
    persistent = min(held, log.live_count) if log is not None and queue.durable else 0
    timestamp = head_timestamp(queue)
    return (
        *first,
        held - paged,
        sizes.total - sizes.paged,
        ready - paged,
        unacked,
        persistent,
        round(sizes.total * persistent / held) if held else 0,
        sizes.total,
        sizes.ready,
        sizes.unacked,
        paged,
        sizes.paged,
        NONE if timestamp is None else timestamp,
        log.read_count if log is not None else 0,
        log.kept_count if log is not None else 0,
    )


def queue_metrics(node: Node, vhosts: Vhosts = None) -> Collecting:
    return (yield from collected(queues_of(node, vhosts), _OF_QUEUES, queue_labels, _row_of_queue))


def queue_ages(node: Node, vhosts: Vhosts = None) -> Collecting:
    """But for the histogram."""
    now_ms = node.clock.now_ms()
    names = ("queue_oldest_message_age_seconds",)
    return (
        yield from collected(
            queues_of(node, vhosts),
            names,
            queue_labels,
            lambda queue: (oldest_message_age(queue, now_ms),),
        )
    )


GROUPS = {
    "queue_coarse_metrics": queue_coarse_metrics,
    "queue_consumer_count": queue_consumer_count,
    "queue_metrics": queue_metrics,
    "queue_ages": queue_ages,
}
