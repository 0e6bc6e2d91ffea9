"""Deliveries that nobody acknowledges in time: RabbitMQ's consumer_timeout.

No delivery has a time of its own; that would cost every message something. Instead the channel
notes, when it is looked at, up to which tag it had delivered by then. A delivery is as old as the
first note that covers it says, or a little older: it is found late by as much as the notes lie
apart, never early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.amqp.errors import PreconditionFailed, ack_timeout
from broker.queues.features import consumer_timeout_ms
from broker.queues.queue import Queue
from broker.session.settling import Settling

if TYPE_CHECKING:
    from broker.session.connection import Connection

NOTES_MAX = 128


class AckTimeouts:
    """Of one channel. Made when somebody, somewhere, has set a timeout."""

    __slots__ = ("_notes",)

    def __init__(self) -> None:
        self._notes: list[tuple[int, int]] = []  # last delivery tag, time; both ascending

    def check(
        self, channel: Settling, number: int, now_ms: int, default_ms: int | None
    ) -> PreconditionFailed | None:
        """What the channel is to be closed with, if a delivery has been unacked for too long.

        number: the channel's. default_ms: the node's timeout; None: none. Called now and then,
        when something is unacked.
        """
        oldest = next(iter(channel.unacked))
        self._notes = [note for note in self._notes if note[0] >= oldest]
        overdue = self._overdue(channel, now_ms, default_ms)
        if overdue is not None:
            return ack_timeout(number, overdue)
        if not self._notes or self._notes[-1][0] != channel.last_delivery_tag:
            if len(self._notes) >= NOTES_MAX:
                del self._notes[::2]
            self._notes.append((channel.last_delivery_tag, now_ms))
        return None

    def _overdue(self, channel: Settling, now_ms: int, default_ms: int | None) -> int | None:
        """The timeout of the first delivery that is older than that; None: there is none."""
        timeouts: dict[Queue, int | None] = {}
        notes = iter(self._notes)
        covered, at_ms = 0, 0
        for tag, (_, queue, *_) in channel.unacked.items():
            while covered < tag:
                note = next(notes, None)
                if note is None:
                    return None
                covered, at_ms = note
            if queue not in timeouts:
                timeouts[queue] = _timeout_of(queue, default_ms)
            timeout_ms = timeouts[queue]
            if timeout_ms is not None and now_ms - at_ms > timeout_ms:
                return timeout_ms
        return None


def overdue(connection: Connection, now_ms: int) -> list[tuple[PreconditionFailed, int]]:
    """Channels that have had a delivery unacked for too long: what to close them with, number."""
    default_ms = connection.node.config.limits.consumer_timeout_ms
    found = []
    for number, channel in connection.channels.items():
        if channel.is_open and channel.unacked:
            if channel.ack_timeouts is None:
                channel.ack_timeouts = AckTimeouts()
            refusal = channel.ack_timeouts.check(channel, number, now_ms, default_ms)
            if refusal is not None:
                found.append((refusal, number))
    return found


def _timeout_of(queue: Queue, default_ms: int | None) -> int | None:
    definition = queue.applied.definition if queue.applied is not None else {}
    own_ms = consumer_timeout_ms(queue.arguments, definition)
    return default_ms if own_ms is None else own_ms
