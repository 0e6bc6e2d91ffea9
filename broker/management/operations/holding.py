"""Who holds the messages of a queue that are delivered and not acked.

Channels hold them, by delivery tag; a transaction that is not committed goes on holding what it has
acked. Nobody keeps a list by queue, so the channels are looked through, in the order of their
connections; a place among them is a connection, a channel of it and a tag.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.management.lane import Breath
from broker.session.channel import Channel
from broker.session.connection import Connection
from broker.session.settling import Unacked

if TYPE_CHECKING:
    from broker.node import Node
    from broker.queues.queue import Queue

TAGS_MAX = 500  # delivery tags that are looked at in one go
SPARSE = 4  # tags for each that is held, from which on those that are held are listed


class Place(NamedTuple):
    """connection: its number in the node. channel: its number in the connection."""

    connection: int
    channel: int
    tag: int

    def text(self) -> str:
        return f"{self.connection}.{self.channel}.{self.tag}"


BEGINNING = Place(-1, -1, -1)


class Held(NamedTuple):
    """A message, and who holds it."""

    place: Place
    channel: Channel
    entry: Unacked


async def held_of(
    queue: Queue, node: Node, after: Place, breath: Breath
) -> AsyncGenerator[Held, None]:
    """What is held of a queue behind a place."""
    for number in sorted(node.peers):
        if number < after.connection:
            continue
        connection: Any = node.peers.get(number)
        if not isinstance(connection, Connection):
            continue  # it has gone meanwhile
        for channel_number in sorted(connection.channels):
            tag = -1
            if (number, channel_number) < after[:2]:
                continue
            if (number, channel_number) == after[:2]:
                tag = after.tag
            while (channel := connection.channels.get(channel_number)) is not None:
                entries, tag = _next_entries(channel, tag)
                for entry_tag, entry in entries:
                    if entry[1] is queue:
                        yield Held(Place(number, channel_number, entry_tag), channel, entry)
                await breath.take()
                if tag < 0:
                    break


def _next_entries(channel: Channel, tag: int) -> tuple[list[tuple[int, Unacked]], int]:
    """Some of what a channel holds behind a tag. Returns: it, and the tag to go on behind; -1: that
    was all."""
    unacked = channel.unacked
    if channel.tx is not None and channel.tx.settlements:
        pending = dict(pair for _, taken in channel.tx.settlements for pair in taken)
        unacked = dict(sorted({**unacked, **pending}.items()))
    first = max(tag + 1, next(iter(unacked), channel.last_delivery_tag + 1))
    span = channel.last_delivery_tag + 1 - first
    if span > SPARSE * len(unacked) + TAGS_MAX:
        tags = [one for one in unacked if one >= first][:TAGS_MAX]
        last = tags[-1] if len(tags) == TAGS_MAX else channel.last_delivery_tag
        return [(one, unacked[one]) for one in tags], -1 if len(tags) < TAGS_MAX else last
    last = min(first + TAGS_MAX - 1, channel.last_delivery_tag)
    found = [(one, unacked[one]) for one in range(first, last + 1) if one in unacked]
    return found, -1 if last >= channel.last_delivery_tag else last
