"""The groups of objects as sums over all of them, and what only exists as a sum."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from broker.management.prometheus.exposition import Table, labels
from broker.management.prometheus.node import single
from broker.management.prometheus.sums import Sums
from broker.management.views.queue import BASE_OCTETS
from broker.queues.dead_letter import CONFIRMED, DELIVERY_LIMIT, EXPIRED, MAXLEN, REJECTED
from broker.queues.past import COUNTED as OF_QUEUES
from broker.session.channel import COUNTED as OF_CHANNELS

if TYPE_CHECKING:
    from broker.management.service import Management

PROTOCOL = "amqp091"
TYPES = ("classic", "quorum", "stream")
NEVER, ONCE_AT_MOST, ONCE_AT_LEAST = "disabled", "at_most_once", "at_least_once"
_OF_CLASSIC = [("classic", NEVER), ("classic", ONCE_AT_MOST)]
_OF_QUORUM = [("quorum", ONCE_AT_LEAST), ("quorum", ONCE_AT_MOST), ("quorum", NEVER)]
# Which pairs of a type of queue and a strategy RabbitMQ has a counter for, by reason.
DEATHS = {
    CONFIRMED: _OF_QUORUM[:1],
    DELIVERY_LIMIT: _OF_QUORUM,
    EXPIRED: [*_OF_CLASSIC, *_OF_QUORUM],
    MAXLEN: [*_OF_CLASSIC, *_OF_QUORUM[1:]],
    REJECTED: [*_OF_CLASSIC, *_OF_QUORUM],
}


def queue_coarse_metrics(sums: Sums) -> Table:
    return single(
        queue_messages_ready=sums.ready,
        queue_messages_unacked=sums.unacked,
        queue_messages=sums.ready + sums.unacked,
    )


def queue_metrics(sums: Sums) -> Table:
    """RabbitMQ has no sum of capacities, of octets that are persistent, nor of timestamps."""
    total, octets = sums.ready + sums.unacked, sums.ready_octets + sums.unacked_octets
    return single(
        queue_consumers=sums.consumers,
        queue_consumer_utilisation=sums.utilisation,
        queue_process_memory_bytes=sums.memory_octets + BASE_OCTETS * sums.queues,
        queue_messages_ram=total - sums.paged,
        queue_messages_ram_bytes=octets - sums.paged_octets,
        queue_messages_ready_ram=sums.ready - sums.paged,
        queue_messages_unacked_ram=sums.unacked,
        queue_messages_persistent=sums.persistent,
        queue_messages_bytes=octets,
        queue_messages_ready_bytes=sums.ready_octets,
        queue_messages_unacked_bytes=sums.unacked_octets,
        queue_messages_paged_out=sums.paged,
        queue_messages_paged_out_bytes=sums.paged_octets,
        queue_disk_reads_total=sums.read_count,
        queue_disk_writes_total=sums.kept_count,
    )


def channel_metrics(sums: Sums) -> Table:
    return single(
        channel_consumers=sums.channel_consumers,
        channel_messages_unacked=sums.channel_unacked,
        channel_messages_unconfirmed=sums.unconfirmed,
        channel_messages_uncommitted=sums.uncommitted,
        channel_acks_uncommitted=sums.acks_uncommitted,
        consumer_prefetch=sums.prefetch,
        channel_prefetch=sums.global_prefetch,
    )


_COUNTED = {
    "channel_messages_published_total": "publish",
    "channel_messages_confirmed_total": "confirm",
    "channel_messages_unroutable_returned_total": "return_unroutable",
    "channel_messages_unroutable_dropped_total": "drop_unroutable",
    "channel_get_ack_total": "get",
    "channel_get_total": "get_no_ack",
    "channel_messages_delivered_ack_total": "deliver",
    "channel_messages_delivered_total": "deliver_no_ack",
    "channel_messages_redelivered_total": "redeliver",
    "channel_messages_acked_total": "ack",
    "channel_get_empty_total": "get_empty",
}


def channel_counts(sums: Sums) -> Table:
    """Both channel_exchange_metrics and channel_queue_metrics."""
    return single(
        **{name: sums.counts[OF_CHANNELS.index(counted)] for name, counted in _COUNTED.items()}
    )


def channel_queue_exchange_metrics(sums: Sums) -> Table:
    return single(queue_messages_published_total=sums.routed)


def connection_coarse_metrics(sums: Sums) -> Table:
    received, sent, _, _ = sums.traffic
    return single(
        connection_incoming_bytes_total=received,
        connection_outgoing_bytes_total=sent,
    )


def connection_metrics(sums: Sums) -> Table:
    _, _, received, sent = sums.traffic
    return single(
        connection_incoming_packets_total=received,
        connection_outgoing_packets_total=sent,
        connection_pending_packets=sums.pending,
        connection_channels=sums.connection_channels,
    )


GROUPS: dict[str, Callable[[Sums], Table]] = {
    "queue_coarse_metrics": queue_coarse_metrics,
    "queue_metrics": queue_metrics,
    "channel_metrics": channel_metrics,
    "channel_exchange_metrics": channel_counts,
    "channel_queue_metrics": channel_counts,
    "connection_coarse_metrics": connection_coarse_metrics,
    "connection_metrics": connection_metrics,
    "channel_queue_exchange_metrics": channel_queue_exchange_metrics,
}


def totals(management: Management, sums: Sums) -> Table:
    usage = management.node.usage
    return single(
        connections=usage.connections_opened - usage.connections_closed,
        channels=usage.channel_count,
        consumers=sums.consumers,
        queues=sums.queues,
    )


def of_protocol(sums: Sums) -> Table:
    """Of global counters those by protocol."""
    counts = dict(zip(OF_CHANNELS, sums.counts, strict=True))
    values = {
        "global_consumers": sums.consumers,
        "global_messages_confirmed_total": counts["confirm"],
        "global_messages_received_confirm_total": sums.confirmable,
        "global_messages_received_total": counts["publish"],
        "global_messages_routed_total": sums.routed,
        "global_messages_unroutable_dropped_total": counts["drop_unroutable"],
        "global_messages_unroutable_returned_total": counts["return_unroutable"],
        "global_publishers": sums.publishers,
    }
    return Table([labels(protocol=PROTOCOL)], {name: [count] for name, count in values.items()})


def of_types(sums: Sums) -> Table:
    """Of global counters those by protocol and type of queue."""
    names = (
        "global_messages_acknowledged_total",
        "global_messages_delivered_consume_auto_ack_total",
        "global_messages_delivered_consume_manual_ack_total",
        "global_messages_delivered_get_auto_ack_total",
        "global_messages_delivered_get_manual_ack_total",
        "global_messages_delivered_total",
        "global_messages_get_empty_total",
        "global_messages_redelivered_total",
    )
    labelled, rows = [], []
    for kind in TYPES:
        counts = sums.by_type.get(kind) or [0] * len(OF_QUEUES)
        _, acked, delivered, no_ack, got, got_no_ack, empty, again = counts
        by_consumers = delivered - no_ack - got - got_no_ack
        labelled.append(labels(protocol=PROTOCOL, queue_type=f"rabbit_{kind}_queue"))
        rows.append((acked, no_ack, by_consumers, got_no_ack, got, delivered, empty, again))
    return Table(labelled, dict(zip(names, zip(*rows, strict=True), strict=True)))


def deaths(sums: Sums, reason: str) -> Table:
    """Of global counters those of messages that died for one reason."""
    pairs = DEATHS[reason]
    return Table(
        [
            labels(queue_type=f"rabbit_{kind}_queue", dead_letter_strategy=strategy)
            for kind, strategy in pairs
        ],
        {
            f"global_messages_dead_lettered_{reason}_total": [
                sums.deaths.get((kind, strategy, reason), 0) for kind, strategy in pairs
            ]
        },
    )
