"""The five Protocols through which a layer reaches outward, and their null versions.

A queue hands messages to a `Consumer` without knowing channels; it keeps them in a `MessageLog`
without knowing disks; definitions change through a `Replicator` without knowing other nodes; a
connection writes to a `Transport` without knowing sockets; a node asks a `Clock` for a turn without
knowing an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from broker.amqp.wire import Table
    from broker.commands import Command
    from broker.message import Message


class QueueView(Protocol):
    """What a consumer and the log may see of a queue."""

    name: str
    durable: bool


class Consumer(Protocol):
    """Somebody a queue hands messages to. The session implements it."""

    tag: str
    no_ack: bool
    exclusive: bool
    arguments: Table
    priority: int
    is_parked: bool  # set by the queue when there was no room, cleared by `Queue.unpark`

    @property
    def peer(self) -> object:
        """The connection: several consumers of one peer see the queue's order across them."""

    def room(self) -> int:
        """How many messages it would take now: credit and back-pressure. 0: park it."""

    def deliver(self, messages: Sequence[Message], seq: int, stride: int, count: int) -> int:
        """Take the messages in order; message i has the sequence number seq + i * stride.

        count: earlier deliveries of them (0: redelivered is false). Returns: how many were taken,
        from the front. Fewer than offered only when the peer's outbox filled up on the way and
        stride is 1: a share of a round must be taken whole, or another consumer would be given
        the rest out of order.
        """

    def on_parked(self) -> None:
        """The queue will not ask again until it is told that there is room."""

    def on_queue_deleted(self) -> None:
        """The queue is gone, and this consumer with it."""


class MessageLog(Protocol):
    """Where queues keep what must survive. The store implements it.

    Positions only grow. A publish is safe once its position is at most `synced`.
    """

    synced: int

    def append(self, message: Message, queues: Sequence[QueueView]) -> int:
        """Keep a persistent message for durable queues. Returns: its position; 0: safe already."""

    def settle(self, queue: QueueView, seqs: Iterable[int]) -> None:
        """These messages of the queue are done with."""


class Replicator(Protocol):
    """How a change to the definitions is agreed on and made durable. The cluster implements it."""

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        """Apply the command everywhere; `done` hears its result, now or in a later turn.

        The result is what `Node.apply` returned, or the exception it raised.
        """


class Transport(Protocol):
    """Where a connection's octets go. Any asyncio or uvloop transport fits as it is."""

    def write(self, data: bytes) -> None: ...
    def writelines(self, list_of_data: list[bytes]) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self) -> None:
        """Close once everything written has gone out."""

    def abort(self) -> None:
        """Close now, dropping what has not gone out."""


class Sleeper(Protocol):
    """A queue that asked to be woken at some time."""

    name: str
    vhost: str

    def on_wake_up(self) -> bool:
        """It is time. Returns: whether the queue is to be deleted."""


class Clock(Protocol):
    """Who calls `Node.turn`. The server implements it."""

    def request_turn(self) -> None:
        """Ask for a turn as soon as everything that can be read has been absorbed."""

    def now_ms(self) -> int:
        """The time on a clock that never goes back."""

    def now_s(self) -> int:
        """The time of day, in seconds since the epoch."""

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        """Have `Node.wake` called with the sleeper once, at a time on `now_ms`.

        A sleeper has one time: asking again replaces what it asked for before.
        """

    def forget(self, sleeper: Sleeper) -> None:
        """The sleeper is gone: do not wake it, do not keep it."""


class NullLog:
    """Keeps nothing: a node without a disk. What it is given is safe at once."""

    synced = 0

    def append(self, message: Message, queues: Sequence[QueueView]) -> int:
        return 0

    def settle(self, queue: QueueView, seqs: Iterable[int]) -> None:
        return None


class LocalReplicator:
    """A single node without a disk: every change is agreed on as soon as it is proposed."""

    def __init__(self, apply: Callable[[Command], object]):
        self._apply = apply

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        try:
            result = self._apply(command)
        except Exception as error:
            result = error
        done(result)


class NullClock:
    """Nobody calls and no time passes: whoever has such a node runs `Node.turn` himself."""

    def request_turn(self) -> None:
        return None

    def now_ms(self) -> int:
        return 0

    def now_s(self) -> int:
        return 0

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        return None

    def forget(self, sleeper: Sleeper) -> None:
        return None
