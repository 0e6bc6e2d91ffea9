"""What is counted of pairs, with management.rates_mode = detailed: who publishes where, from where
messages come to a queue, who takes them.

A channel has `Pairs` only then; otherwise it costs one `is None` per publish and per batch.
"""

from __future__ import annotations

from typing import Any

from broker.exchanges.exchange import Exchange
from broker.queues.queue import Queue

# What is counted of a channel and a queue, in RabbitMQ's words.
TAKEN = ("ack", "deliver", "deliver_no_ack", "get", "get_no_ack", "redeliver")
ACK, DELIVER, DELIVER_NO_ACK, GET, GET_NO_ACK, REDELIVER = range(len(TAKEN))


class Counted:
    """The counts of a pair. samples: see `broker.management.statistics`."""

    __slots__ = ("counts", "samples")

    def __init__(self, width: int = 1):
        self.counts = [0] * width
        self.samples: Any = None


class Pairs:
    """Those of one channel, and those of exchanges and queues that it adds to."""

    __slots__ = ("published", "taken")

    def __init__(self) -> None:
        self.published: dict[Exchange, Counted] = {}
        self.taken: dict[Queue, Counted] = {}

    def publish(self, exchange: Exchange, queues: list[Queue], count: int) -> None:
        """Messages were published to an exchange, and came to these queues."""
        found = self.published.get(exchange)
        if found is None:
            found = self.published[exchange] = Counted()
        found.counts[0] += count
        if exchange.pairs is None:
            exchange.pairs = {}
        for queue in queues:
            routed = exchange.pairs.get(queue)
            if routed is None:
                routed = exchange.pairs[queue] = Counted()
            routed.counts[0] += count

    def take(self, queue: Queue, what: int, count: int) -> None:
        """what: ACK, DELIVER, …"""
        found = self.taken.get(queue)
        if found is None:
            found = self.taken[queue] = Counted(len(TAKEN))
        found.counts[what] += count
