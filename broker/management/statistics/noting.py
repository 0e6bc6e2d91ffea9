"""Puts down what has changed in a slot, object by object (`Samples`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.management.statistics.counted import (
    CHANNEL,
    CONNECTION,
    EXCHANGE,
    PUBLISHED_PAIR,
    QUEUE,
    TAKEN_PAIR,
    VHOST,
    counts_taken,
    with_deliver_get,
)
from broker.management.statistics.samples import Kind, Samples

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.queues.queue import Queue
    from broker.session.channel import Channel
    from broker.session.connection import Connection
    from broker.vhost import VHost


class Noter:
    """Of one look. slot: None: nothing is noted. span: slots since the last look."""

    __slots__ = ("slot", "span")

    def __init__(self, slot: int | None, span: int):
        self.slot = slot
        self.span = span

    def vhost(self, vhost: VHost, values: tuple[int, ...]) -> None:
        """values: in the order of VHOST."""
        self._note(vhost, VHOST, values)

    def connection(self, connection: Connection, octets: tuple[int, int]) -> None:
        self._note(connection, CONNECTION, octets)

    def channel(self, channel: Channel, counts: tuple[int, ...]) -> None:
        """counts: in the order of COUNTED."""
        self._note(channel, CHANNEL, with_deliver_get(counts))
        if channel.pairs is not None and self.slot is not None:
            self._pairs_of(channel)

    def queue(self, queue: Queue, counts: tuple[int, ...]) -> None:
        """counts: in the order of QUEUE."""
        self._note(queue, QUEUE, counts)

    def exchange(self, exchange: Exchange) -> None:
        """One that nobody ever published to is not worth a note."""
        if not exchange.published and exchange.samples is None:
            return
        self._note(exchange, EXCHANGE, (exchange.published, exchange.routed))
        pairs = exchange.pairs
        if pairs is None or self.slot is None:
            return
        for queue, routed in list(pairs.items()):
            if queue.is_deleted:
                del pairs[queue]
            else:
                self._note(routed, PUBLISHED_PAIR, tuple(routed.counts))

    def _pairs_of(self, channel: Channel) -> None:
        """With rates_mode = detailed."""
        assert channel.pairs is not None
        exchanges = channel.connection.vhost.exchanges
        for exchange, published in list(channel.pairs.published.items()):
            if exchanges.get(exchange.name) is not exchange:
                del channel.pairs.published[exchange]
            else:
                self._note(published, PUBLISHED_PAIR, tuple(published.counts))
        for queue, taken in list(channel.pairs.taken.items()):
            if queue.is_deleted:
                del channel.pairs.taken[queue]
            else:
                self._note(taken, TAKEN_PAIR, counts_taken(taken))

    def _note(self, owner: Any, kind: Kind, values: tuple[int, ...]) -> None:
        """owner: whatever has samples."""
        slot = self.slot
        if slot is None:
            return
        samples: Samples | None = owner.samples
        if samples is None:
            samples = owner.samples = Samples(kind, slot - 1)
        if values != samples.last:
            samples.note(slot, values, self.span)
