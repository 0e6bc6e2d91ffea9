"""Sums over a vhost or a node."""

from __future__ import annotations

from collections.abc import Sequence

from broker.management.statistics.counted import with_deliver_get
from broker.retired import add_up
from broker.session.channel import COUNTED


class Totals:
    """Sums over a vhost or a node, in the order of VHOST: counters, octets, lengths."""

    __slots__ = (
        "channels",
        "connections",
        "consumers",
        "counts",
        "exchanges",
        "lengths",
        "octets",
        "queues",
    )

    def __init__(self) -> None:
        self.counts = [0] * len(COUNTED)
        self.octets = [0, 0]
        self.lengths = [0, 0, 0]
        self.queues = self.exchanges = self.consumers = self.connections = self.channels = 0

    def add_channel(self, counts: tuple[int, ...], times: int) -> None:
        """times: 1, or -1 to take it out again."""
        self.channels += times
        sums = self.counts
        for at, count in enumerate(counts):
            if count:
                sums[at] += times * count

    def add_connection(self, octets: tuple[int, int], times: int) -> None:
        """The same for a connection without its channels."""
        self.connections += times
        self.octets[0] += times * octets[0]
        self.octets[1] += times * octets[1]

    def add_retired(self, counts: Sequence[int], octets: Sequence[int]) -> None:
        """What is no more has still counted."""
        add_up(self.counts, counts)
        add_up(self.octets, octets)

    def forget_contents(self) -> None:
        """The vhost has been deleted with all that was in it."""
        self.lengths = [0, 0, 0]
        self.queues = self.exchanges = self.consumers = 0

    def add(self, other: Totals) -> None:
        add_up(self.counts, other.counts)
        add_up(self.octets, other.octets)
        add_up(self.lengths, other.lengths)
        self.queues += other.queues
        self.exchanges += other.exchanges
        self.consumers += other.consumers
        self.connections += other.connections
        self.channels += other.channels

    @property
    def messages(self) -> tuple[int, ...]:
        """In the order of OF_CHANNELS."""
        return with_deliver_get(tuple(self.counts))
