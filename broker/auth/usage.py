"""How many connections and channels there are, for those who limit them."""

from __future__ import annotations

from collections import Counter

SOURCES_MAX = 10_000  # anybody can make up names
NAME_MAX = 255  # letters of a user that are kept
Source = tuple[str, str, str]  # address, user, protocol


class Usage:
    """Counts of what is open. A connection counts until its transport is gone, as with RabbitMQ;
    a channel until it is closed."""

    __slots__ = (
        "channel_count",
        "channels_closed",
        "channels_of",
        "channels_opened",
        "confirmable",
        "connections_closed",
        "connections_in",
        "connections_of",
        "connections_opened",
        "is_out_of_descriptors",
        "logins",
        "queues_declared",
        "socket_count",
        "sources",
        "tracks_sources",
        "traffic",
    )

    def __init__(self) -> None:
        self.connections_in: Counter[str] = Counter()  # by vhost
        self.connections_of: Counter[str] = Counter()  # by user
        self.channels_of: Counter[str] = Counter()  # by user
        self.channel_count = 0
        self.socket_count = 0  # of clients of AMQP, also of those who have not logged in
        self.is_out_of_descriptors = False  # so that new ones have to wait
        self.connections_opened = self.connections_closed = 0  # ever
        self.channels_opened = self.channels_closed = 0
        self.queues_declared = 0  # by clients, also those that were there
        self.logins: dict[str, list[int]] = {}  # by protocol: how many failed, how many did not
        # Likewise by address, user and protocol, if that is wanted; the oldest are forgotten.
        self.tracks_sources = False
        self.sources: dict[Source, list[int]] = {}
        # What is no more has still counted: publishes that closed channels were to confirm, and of
        # connections the octets received and sent, and in how many reads and writes.
        self.confirmable = 0
        self.traffic = [0, 0, 0, 0]

    def add_connection(self, username: str, vhost: str) -> None:
        self.connections_opened += 1
        _increase(self.connections_of, username)
        _increase(self.connections_in, vhost)

    def remove_connection(
        self, username: str, vhost: str, traffic: tuple[int, int, int, int] = (0, 0, 0, 0)
    ) -> None:
        """traffic: its octets received and sent, and in how many reads and writes."""
        self.traffic = [before + more for before, more in zip(self.traffic, traffic, strict=True)]
        self.connections_closed += 1
        _decrease(self.connections_of, username)
        _decrease(self.connections_in, vhost)

    def add_login(
        self, protocol: str, *, is_let_in: bool, address: str = "", username: str = ""
    ) -> None:
        """protocol: as RabbitMQ calls it: amqp091, http."""
        self.logins.setdefault(protocol, [0, 0])[is_let_in] += 1
        if self.tracks_sources:
            counts = self.sources.setdefault((address, username[:NAME_MAX], protocol), [0, 0])
            counts[is_let_in] += 1
            if len(self.sources) > SOURCES_MAX:
                del self.sources[next(iter(self.sources))]

    def forget_logins(self) -> None:
        """Count from 0 again."""
        self.logins.clear()
        self.sources.clear()

    def add_channel(self, username: str) -> None:
        self.channels_opened += 1
        _increase(self.channels_of, username)
        self.channel_count += 1

    def remove_channel(self, username: str) -> None:
        self.channels_closed += 1
        _decrease(self.channels_of, username)
        self.channel_count -= 1


def _increase(counts: Counter[str], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _decrease(counts: Counter[str], name: str) -> None:
    """Names come and go: one that has nothing takes no room."""
    counts[name] -= 1
    if not counts[name]:
        del counts[name]
