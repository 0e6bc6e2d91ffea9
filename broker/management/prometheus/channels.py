"""Metrics of each channel and connection, and of what goes between channels, exchanges and queues.

What RabbitMQ counts for each pair of a channel and a queue, or an exchange, is counted here for the
queue or the exchange alone, and has no label of a channel, unless management.rates_mode is
detailed. Where it has the number of an Erlang process for a channel or a connection, here is its
name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.prometheus.exposition import Table, labels
from broker.management.prometheus.queues import queue_labels, queues_of
from broker.management.prometheus.tables import Collecting, Row, collected, merged
from broker.management.statistics.counted import counts_of_queue
from broker.management.views.connection import name_of
from broker.session.connection import Connection
from broker.session.pairs import ACK, DELIVER, DELIVER_NO_ACK, GET, GET_NO_ACK, REDELIVER

if TYPE_CHECKING:
    from broker.node import Node
    from broker.queues.queue import Queue
    from broker.session.channel import Channel


def connections_of(node: Node) -> list[Connection]:
    return [
        peer for peer in node.peers.values() if isinstance(peer, Connection) and peer.is_counted
    ]


def channels_of(node: Node) -> list[Channel]:
    return [
        channel
        for connection in connections_of(node)
        for channel in connection.channels.values()
        if channel.is_open
    ]


def _channel_labels(channel: Channel) -> str:
    return labels(channel=name_of(channel))


def channel_metrics(node: Node) -> Collecting:
    def row(channel: Channel) -> Row:
        tx = channel.tx
        return (
            len(channel.consumers),
            len(channel.unacked),
            channel.unconfirmed_count if channel.confirms else 0,
            len(tx.publishes) if tx is not None else 0,
            sum(len(taken) for _, taken in tx.settlements) if tx is not None else 0,
            channel.prefetch,
            channel.global_prefetch,
        )

    names = (
        "channel_consumers",
        "channel_messages_unacked",
        "channel_messages_unconfirmed",
        "channel_messages_uncommitted",
        "channel_acks_uncommitted",
        "consumer_prefetch",
        "channel_prefetch",
    )
    return (yield from collected(channels_of(node), names, _channel_labels, row))


def _published(node: Node) -> Collecting:
    """By exchange; where pairs are counted, by channel as well."""
    names = ("channel_messages_published_total",)
    if not node.counts_pairs:
        return (
            yield from collected(
                [
                    exchange
                    for vhost in node.vhosts.values()
                    for exchange in vhost.exchanges.values()
                    if exchange.published
                ],
                names,
                lambda exchange: labels(vhost=exchange.vhost, exchange=exchange.name),
                lambda exchange: (exchange.published,),
            )
        )
    pairs = [
        (channel, exchange, counted.counts[0])
        for channel in channels_of(node)
        if channel.pairs is not None
        for exchange, counted in channel.pairs.published.items()
    ]
    return (
        yield from collected(
            pairs,
            names,
            lambda pair: labels(
                channel=name_of(pair[0]), vhost=pair[1].vhost, exchange=pair[1].name
            ),
            lambda pair: (pair[2],),
        )
    )


def channel_exchange_metrics(node: Node) -> Collecting:
    """What was published is known of each exchange, what became of it of each channel."""
    published = yield from _published(node)

    def row(channel: Channel) -> Row:
        _, confirmed, returned, dropped, *_ = channel.counts
        return confirmed, returned, dropped

    names = (
        "channel_messages_confirmed_total",
        "channel_messages_unroutable_returned_total",
        "channel_messages_unroutable_dropped_total",
    )
    fate = yield from collected(
        channels_of(node),
        names,
        lambda channel: labels(channel=name_of(channel), vhost=channel.connection.vhost.name),
        row,
    )
    return merged(published, fate)


_TAKEN = (
    "channel_get_ack_total",
    "channel_get_total",
    "channel_messages_delivered_ack_total",
    "channel_messages_delivered_total",
    "channel_messages_redelivered_total",
    "channel_messages_acked_total",
)


def channel_queue_metrics(node: Node) -> Collecting:
    """Of queues, whatever the channel, unless pairs of both are counted."""

    def row(queue: Queue) -> Row:
        _, acked, delivered, no_ack, got, got_no_ack, _, again, *_ = counts_of_queue(queue)
        return got, got_no_ack, delivered, no_ack, again, acked

    queues = queues_of(node)
    names = ("channel_get_empty_total",)
    empty = yield from collected(queues, names, queue_labels, lambda queue: (queue.get_empty,))
    if not node.counts_pairs:
        taken = yield from collected(queues, _TAKEN, queue_labels, row)
        return Table(taken.labels, {**taken.columns, **empty.columns})
    pairs = [
        (channel, queue, counted.counts)
        for channel in channels_of(node)
        if channel.pairs is not None
        for queue, counted in channel.pairs.taken.items()
        if not queue.is_deleted
    ]
    taken = yield from collected(
        pairs,
        _TAKEN,
        lambda pair: labels(channel=name_of(pair[0]), vhost=pair[1].vhost, queue=pair[1].name),
        lambda pair: [
            pair[2][at] for at in (GET, GET_NO_ACK, DELIVER, DELIVER_NO_ACK, REDELIVER, ACK)
        ],
    )
    return merged(taken, empty)


def channel_queue_exchange_metrics(node: Node) -> Collecting:
    """Of queues, whatever the exchange, unless pairs of both are counted, and whatever the
    channel."""
    names = ("queue_messages_published_total",)
    if not node.counts_pairs:
        return (
            yield from collected(
                queues_of(node),
                names,
                lambda queue: labels(queue_vhost=queue.vhost, queue=queue.name),
                lambda queue: (queue.published,),
            )
        )
    pairs = [
        (exchange, queue, counted.counts[0])
        for vhost in node.vhosts.values()
        for exchange in vhost.exchanges.values()
        for queue, counted in (exchange.pairs or {}).items()
        if not queue.is_deleted
    ]
    return (
        yield from collected(
            pairs,
            names,
            lambda pair: labels(
                queue_vhost=pair[1].vhost,
                queue=pair[1].name,
                exchange_vhost=pair[0].vhost,
                exchange=pair[0].name,
            ),
            lambda pair: (pair[2],),
        )
    )


def _connection_labels(connection: Connection) -> str:
    return labels(channel=connection.name)


def connection_coarse_metrics(node: Node) -> Collecting:
    names = ("connection_incoming_bytes_total", "connection_outgoing_bytes_total")
    return (
        yield from collected(
            connections_of(node),
            names,
            _connection_labels,
            lambda connection: connection.traffic[:2],
        )
    )


def connection_metrics(node: Node) -> Collecting:
    def row(connection: Connection) -> Row:
        _, _, received, sent = connection.traffic
        return received, sent, len(connection.outbox), len(connection.channels)

    names = (
        "connection_incoming_packets_total",
        "connection_outgoing_packets_total",
        "connection_pending_packets",
        "connection_channels",
    )
    return (yield from collected(connections_of(node), names, _connection_labels, row))


GROUPS = {
    "channel_metrics": channel_metrics,
    "channel_exchange_metrics": channel_exchange_metrics,
    "channel_queue_metrics": channel_queue_metrics,
    "channel_queue_exchange_metrics": channel_queue_exchange_metrics,
    "connection_coarse_metrics": connection_coarse_metrics,
    "connection_metrics": connection_metrics,
}
