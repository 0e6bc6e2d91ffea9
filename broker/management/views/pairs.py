"""Statistics of pairs, with rates_mode = detailed: RabbitMQ's publishes, deliveries, incoming and
outgoing. Otherwise nothing is counted of pairs, and the lists are empty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from broker.management.statistics import presented
from broker.management.statistics.counted import TAKEN_PAIR, counts_taken
from broker.management.views.consumer import channel_details
from broker.session.connection import Connection

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.management.views.common import Lens
    from broker.queues.queue import Queue
    from broker.session.channel import Channel
    from broker.session.pairs import Counted

Shown = dict[str, Any]


def _publishes(pair: Counted, lens: Lens) -> Shown:
    stats: Shown = {}
    counts = (("publish", pair.counts[0]),)
    presented.put(stats, counts, pair.samples, lens.slot, lens.msg_rates)
    return stats


def _takes(pair: Counted, lens: Lens) -> Shown:
    stats: Shown = {}
    counts = zip(TAKEN_PAIR.names, counts_taken(pair), strict=True)
    presented.put(stats, counts, pair.samples, lens.slot, lens.msg_rates)
    return stats


def _named(one: Queue | Exchange) -> Shown:
    return {"name": one.name, "vhost": one.vhost}


def publishes_of(channel: Channel, lens: Lens) -> list[Shown]:
    """publishes of a channel: to which exchanges."""
    if channel.pairs is None:
        return []
    return [
        {"stats": _publishes(pair, lens), "exchange": _named(exchange)}
        for exchange, pair in channel.pairs.published.items()
    ]


def deliveries_of(channel: Channel, lens: Lens) -> list[Shown]:
    """deliveries of a channel: from which queues."""
    if channel.pairs is None:
        return []
    return [
        {"stats": _takes(pair, lens), "queue": _named(queue)}
        for queue, pair in channel.pairs.taken.items()
    ]


def incoming_of_queue(queue: Queue, lens: Lens) -> list[Shown]:
    """incoming of a queue: from which exchanges."""
    vhost = lens.node.vhosts.get(queue.vhost)
    return [
        {"stats": _publishes(exchange.pairs[queue], lens), "exchange": _named(exchange)}
        for exchange in (vhost.exchanges.values() if vhost is not None else ())
        if exchange.pairs is not None and queue in exchange.pairs
    ]


def deliveries_of_queue(queue: Queue, lens: Lens) -> list[Shown]:
    """deliveries of a queue: to which channels."""
    return [
        {
            "stats": _takes(channel.pairs.taken[queue], lens),
            "channel_details": channel_details(channel),
        }
        for channel in _channels(queue.vhost, lens)
        if channel.pairs is not None and queue in channel.pairs.taken
    ]


def incoming_of_exchange(exchange: Exchange, lens: Lens) -> list[Shown]:
    """incoming of an exchange: from which channels."""
    return [
        {
            "stats": _publishes(channel.pairs.published[exchange], lens),
            "channel_details": channel_details(channel),
        }
        for channel in _channels(exchange.vhost, lens)
        if channel.pairs is not None and exchange in channel.pairs.published
    ]


def outgoing_of_exchange(exchange: Exchange, lens: Lens) -> list[Shown]:
    """outgoing of an exchange: to which queues."""
    return [
        {"stats": _publishes(pair, lens), "queue": _named(queue)}
        for queue, pair in (exchange.pairs or {}).items()
        if not queue.is_deleted
    ]


def _channels(vhost: str, lens: Lens) -> Iterator[Channel]:
    if not lens.node.counts_pairs:
        return
    for peer in list(lens.node.peers.values()):
        if isinstance(peer, Connection) and peer.is_counted and peer.vhost.name == vhost:
            yield from peer.channels.values()
