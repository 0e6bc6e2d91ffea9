"""A message as it lies in an extended queue: with what the other queues it is in do not share."""

from __future__ import annotations

from broker.message import Envelope, Message
from broker.queues.dead_letter import with_delivery_count


class QueuedMessage(Message):
    """A message that expires. deadline_ms: on the node's clock; None: lives for ever."""

    __slots__ = ("deadline_ms",)

    def __init__(self, envelope: Envelope, body: bytes, deadline_ms: int | None):
        self.envelope = envelope
        self.body = body
        self.deadline_ms = deadline_ms


class ShownMessage(Message):
    """A message made to be shown with a count. origin: the one in the queue."""

    __slots__ = ("origin",)

    def __init__(self, envelope: Envelope, body: bytes, origin: Message):
        self.envelope = envelope
        self.body = body
        self.origin = origin


def counted(message: Message, count: int) -> ShownMessage:
    """The message as a quorum queue shows it."""
    envelope = with_delivery_count(message.envelope, count)
    return ShownMessage(envelope, message.body, message)


def shorter(one: int | None, other: int | None) -> int | None:
    """Of two times to live, None being for ever."""
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def original(message: Message) -> Message:
    """The message as it lay in the queue."""
    return message.origin or message
