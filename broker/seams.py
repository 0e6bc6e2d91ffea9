"""The five Protocols through which a layer reaches outward, and their null versions.

A queue hands messages to a `Consumer` without knowing channels; it keeps them in a `MessageLog`
without knowing disks; definitions change through a `Replicator` without knowing other nodes; a
connection writes to a `Transport` without knowing sockets; a node asks a `Clock` for a turn without
knowing an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from broker.amqp.wire import Table
    from broker.commands import Command
    from broker.message import Message


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

        count: earlier deliveries of them (0: redelivered is false; see MAYBE_DELIVERED).
        Returns: how many were taken, from the front. Fewer than offered only when the peer's outbox
        filled up on the way and stride is 1: a share of a round must be taken whole, or another
        consumer would be given the rest out of order.
        """

    def deliver_ranked(self, messages: Sequence[Message], ranks: Sequence[int]) -> int:
        """Take messages of a priority queue, none of which was delivered before: the same, but
        their numbers do not follow from each other. Returns: how many were taken, from the front.
        """

    def on_parked(self) -> None:
        """The queue will not ask again until it is told that there is room."""

    def on_queue_deleted(self) -> None:
        """The queue is gone, and this consumer with it."""


VOLATILE_ID = 1 << 63  # queue ids from here on are of queues that a restart forgets
MAYBE_DELIVERED = -1  # a delivery count of 0, as far as is known after a crash


class Kept(NamedTuple):
    """A message read back. deadline_ms: since the epoch; 0: none. delivery_count: earlier ones."""

    seq: int
    message: Message
    deadline_ms: int
    delivery_count: int


class QueueLog(Protocol):
    """A queue's part of the log. Every message of the queue since it was opened is in it, unless
    it was skipped, under the queue's own sequence numbers."""

    next_seq: int
    kept_from: int  # every message from this number on was kept
    live_count: int  # messages kept and not settled; settlements count from the next commit on
    paged_count: int  # messages that are on disk only, from paged_from on: set by the queue
    paged_from: int  # if there are any
    is_counting: bool  # set where every delivery is counted: what was not was not delivered
    has_deadlines: bool  # of messages from before the start
    read_count: int  # messages read back, ever

    @property
    def kept_count(self) -> int:
        """Messages kept, ever."""

    @property
    def average_octets(self) -> float:
        """That a message takes in the log, about."""

    def keep(
        self, messages: Sequence[Message], token: object, *, persistent: bool, deadline_ms: int = 0
    ) -> None:
        """Keep messages that share an envelope, as the next of the queue. token: the same object
        for the same messages in several queues. deadline_ms: since the epoch; 0: none."""

    def skip_to(self, seq: int) -> None:
        """Messages before a number need not be kept, or are not kept any more: nothing is live."""

    def settle(self, seq: int) -> None:
        """A message is done with."""

    def settle_all(self, seqs: Sequence[int], *, are_paged: bool = False) -> None:
        """Messages are done with, those that were not yet. are_paged: none was, and all of them are
        on disk only: `page_in` passes over them."""

    def hand_out(self, seqs: Sequence[int], count: int | None) -> None:
        """Messages are delivered and may come back. count: how often they were before, in a queue
        where that matters."""

    def page_in(self) -> list[Kept]:
        """The next of the messages that are on disk only; none: all that was left is lost."""

    def count_octets(self) -> int:
        """The bodies of all messages that are on disk only, by reading them."""

    def drop(self) -> None:
        """The queue is gone, and everything in it."""


class MessageLog(Protocol):
    """Where queues keep what must survive, or has no room in memory. The store implements it.

    What is kept becomes part of commit `number` and is safe once `synced` has reached that.
    """

    number: int
    synced: int
    kept_count: int  # persistent messages kept, ever
    is_urgent: bool  # set by whoever waits for the commit to come
    queue_memory: int  # octets that a queue may hold in memory

    @property
    def has_news(self) -> bool:
        """Whether there is anything to commit."""

    @property
    def is_behind(self) -> bool:
        """Whether publishers should wait for the disk."""

    def find_queue(self, queue_id: int) -> QueueLog | None:
        """What there is of a queue from before the start."""

    def open_queue(self, queue_id: int, first_seq: int, *, is_durable: bool) -> QueueLog:
        """Begin to keep messages of a queue."""

    def on_turn(self, now_ms: int) -> None:
        """Commit what there is, if it is time. Called by every turn."""


class Replicator(Protocol):
    """How a change to the definitions is agreed on and made durable. The cluster implements it."""

    def propose(self, command: Command, done: Callable[[object], None]) -> None:
        """Apply the command everywhere; `done` hears its result, now or in a later turn.

        The result is what `Node.apply` returned, or the exception it raised.
        """

    def barrier(self, done: Callable[[], None]) -> None:
        """`done` is called when everything proposed so far is durable: at once, or in a later turn.

        For answers that rest on what somebody else has proposed.
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
    queue_id: int

    def on_wake_up(self) -> bool:
        """It is time. Returns: whether the queue is to be deleted."""


class Clock(Protocol):
    """Who calls `Node.turn`. The server implements it."""

    def request_turn(self) -> None:
        """Ask for a turn as soon as everything that can be read has been absorbed."""

    def now_ms(self) -> int:
        """The time on a clock that never goes back."""

    def epoch_ms(self) -> int:
        """The time of day, in milliseconds since the epoch."""

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        """Have `Node.wake` called with the sleeper once, at a time on `now_ms`.

        A sleeper has one time: asking again replaces what it asked for before.
        """

    def forget(self, sleeper: Sleeper) -> None:
        """The sleeper is gone: do not wake it, do not keep it."""


class NullLog:
    """Keeps nothing: a node without a disk. Its queues know nothing of it."""

    number = synced = kept_count = 0
    is_urgent = is_behind = has_news = False
    queue_memory = 1 << 62

    def find_queue(self, queue_id: int) -> QueueLog | None:
        return None

    def open_queue(self, queue_id: int, first_seq: int, *, is_durable: bool) -> QueueLog:
        raise NotImplementedError("a node without a disk keeps nothing")

    def on_turn(self, now_ms: int) -> None:
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

    def barrier(self, done: Callable[[], None]) -> None:
        done()


class NullClock:
    """Nobody calls and no time passes: whoever has such a node runs `Node.turn` himself."""

    def request_turn(self) -> None:
        return None

    def now_ms(self) -> int:
        return 0

    def epoch_ms(self) -> int:
        return 0

    def wake_at(self, when_ms: int, sleeper: Sleeper) -> None:
        return None

    def forget(self, sleeper: Sleeper) -> None:
        return None
