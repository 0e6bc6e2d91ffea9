"""A consumer for queues under test, without a channel."""

from __future__ import annotations

from collections.abc import Sequence

from broker.amqp.wire import Table, table_of
from broker.message import Message
from broker.queues.kept_messages import Delivery

ASKED_MAX = 5_000  # questions for room between two looks at what was delivered


class FakeConsumer:
    """Seam `Consumer`. credit: how many messages it has room for; each one taken costs one.

    takes: how many it takes of one offer that may be taken in part, like a peer whose outbox fills
    up on the way.
    """

    def __init__(
        self,
        tag: str = "c",
        *,
        credit: int = 1_000_000,
        no_ack: bool = False,
        exclusive: bool = False,
        priority: int = 0,
        peer: object = None,
        takes: int = 1_000_000,
    ):
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.arguments: Table = table_of({"x-priority": priority})
        self.priority = priority
        self.is_parked = False
        self.credit = credit
        self.takes = takes
        self.parked = 0  # calls of on_parked
        self.queue_deleted = 0  # calls of on_queue_deleted
        self._peer = peer if peer is not None else self
        self._taken: list[Delivery] = []
        self._asked = 0

    @property
    def peer(self) -> object:
        return self._peer

    def room(self) -> int:
        self._asked += 1
        assert self._asked < ASKED_MAX, "the queue asks without end"
        return self.credit

    def deliver(self, messages: Sequence[Message], seq: int, stride: int, count: int) -> int:
        assert 0 < len(messages) <= self.credit
        taken = list(messages[: self.takes] if stride == 1 else messages)
        self.credit -= len(taken)
        self._taken += [
            Delivery(seq + index * stride, message, count) for index, message in enumerate(taken)
        ]
        return len(taken)

    def deliver_ranked(self, messages: Sequence[Message], ranks: Sequence[int]) -> int:
        taken = self.deliver(messages, 0, 1, 0)
        self._taken[len(self._taken) - taken :] = [
            Delivery(rank, message, 0)
            for rank, message in zip(ranks[:taken], messages[:taken], strict=True)
        ]
        return taken

    def on_parked(self) -> None:
        self.parked += 1

    def on_queue_deleted(self) -> None:
        self.queue_deleted += 1

    def take(self) -> list[Delivery]:
        """What was delivered since the last time."""
        taken, self._taken = self._taken, []
        self._asked = 0
        return taken

    def take_bodies(self) -> list[str]:
        return [delivery.message.body.decode() for delivery in self.take()]
