"""How many octets the messages of a queue have.

Nobody counts that while messages move: it would cost 40 ns a message, a tenth of the fastest way
through. So it is counted when somebody asks: message by message where there are few, else by what
the queue takes of memory, without what some of its messages take beside their bodies.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from broker.queues.kept_messages import ENVELOPE_OCTETS, MESSAGE_OCTETS
from broker.session.consumer import ChannelConsumer

if TYPE_CHECKING:
    from broker.queues.queue import Queue
    from broker.session.channel import Channel

EXACT_MAX = 500  # messages that are counted one by one


class Sizes(NamedTuple):
    """Octets of bodies."""

    ready: int
    unacked: int
    paged: int  # of the ready ones, those on disk only

    @property
    def total(self) -> int:
        return self.ready + self.unacked


def sizes_of(queue: Queue) -> Sizes:
    """See the module."""
    count = len(queue.ready)
    paged_count = queue.log.paged_count if queue.log is not None else 0
    if not (count or queue.returned or paged_count or queue.unacked_count):
        return Sizes(0, 0, 0)
    if count <= EXACT_MAX:
        in_memory = sum(len(message.body) for message in queue.ready)
    else:
        in_memory = max(0, queue.ready_bytes - round(count * _beside_bodies(queue)))
    average = in_memory / count if count else 0.0
    in_memory += sum(len(delivery.message.body) for delivery in islice(queue.returned, EXACT_MAX))
    if queue.log is not None and not average:
        average = queue.log.average_octets  # with their headers
    paged = round(paged_count * average)
    return Sizes(in_memory + paged, _unacked(queue, average), paged)


def _beside_bodies(queue: Queue) -> float:
    """Octets that a message takes in memory without its body, by some at both ends.

    Where an envelope is not that of the message before, it counts as well.
    """
    octets = seen = 0
    for messages in (iter(queue.ready), reversed(queue.ready)):
        last = next(messages, None)
        for message in islice(messages, EXACT_MAX // 2):
            if last is not None and message.envelope is not last.envelope:
                octets += len(message.envelope.header) + ENVELOPE_OCTETS
            last = message
            seen += 1
    return MESSAGE_OCTETS + octets / max(1, seen)


def _unacked(queue: Queue, average: float) -> int:
    """Those of its consumers, as far as they are few; of the others the average."""
    left = queue.unacked_count
    if not left:
        return 0
    octets = seen = looked_at = 0
    channels: dict[Channel, None] = {}
    for consumer in queue.consumers:
        if isinstance(consumer, ChannelConsumer) and consumer.unacked_count:
            channels[consumer.channel] = None
    for channel in channels:
        for entry in islice(channel.unacked.values(), EXACT_MAX - looked_at):
            looked_at += 1
            if entry[1] is queue:
                octets += len(entry[3].body)
                seen += 1
    if seen and not average:
        average = octets / seen
    return octets + round((left - seen) * average)
