"""What a channel owes its peer an answer for: unacked deliveries, acks, credit.

`unacked` holds them by delivery tag, in tag order. `take_unacked` and `settle_all` define what a
settlement means; `acknowledge` is the same for the common case, written out.

A consumer without credit is parked. What it waits for decides where: in `parked` for credit of its
own, which its own settlements bring; in `crowded_out` for the channel's global prefetch, which
everybody's settlements bring, and which goes to those who have waited longest. So a settlement
costs the same whether two of them wait or two thousand.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

from broker.amqp.errors import unknown_delivery_tag
from broker.marks import hot
from broker.message import Message
from broker.queues.kept_messages import Delivery
from broker.queues.queue import Queue
from broker.session.pairs import ACK, Pairs

if TYPE_CHECKING:
    from broker.session.connection import Connection
    from broker.session.consumer import ChannelConsumer

GAPS_MAX = 1000  # delivery tags that are walked for nothing at most

# Who had deliveries: a consumer, or the tag of a basic.get; None where it does not matter any more.
Owner: TypeAlias = "ChannelConsumer | int | None"
Unacked = tuple["ChannelConsumer | None", Queue, int, Message, int]


class Transaction:
    """What a channel in tx mode has put off until tx.commit."""

    __slots__ = ("publishes", "settlements")

    def __init__(self) -> None:
        self.publishes: list[tuple[Message, list[Queue], bool]] = []
        self.settlements: list[tuple[str, list[tuple[int, Unacked]]]] = []


class Settling:
    """The part of a `Channel` that deals with what it has delivered."""

    __slots__ = (
        "connection",
        "counted_gets",
        "crowded_out",
        "delivered_no_ack",
        "draining",
        "get_empty",
        "global_prefetch",
        "global_used",
        "got",
        "got_no_ack",
        "is_open",
        "last_delivery_tag",
        "lowest_tag",
        "pairs",
        "parked",
        "put_back",
        "redelivered",
        "tx",
        "unacked",
    )

    def __init__(self, connection: Connection):
        self.connection = connection
        self.is_open = False
        self.parked: dict[ChannelConsumer, None] = {}  # consumers without credit of their own
        self.crowded_out: dict[ChannelConsumer, None] = {}  # who wait for the global prefetch
        self.draining: dict[ChannelConsumer, None] | None = None  # see `drain`
        self.unacked: dict[int, Unacked] = {}  # by delivery tag, in tag order
        self.lowest_tag = 1  # no unacked delivery has a lower tag
        self.last_delivery_tag = 0
        self.global_used = 0  # of the global prefetch, by deliveries to consumers
        self.counted_gets: set[int] = set()  # tags of basic.get that count as well
        self.global_prefetch = 0
        self.tx: Transaction | None = None
        # of all deliveries: to whom and how, and how many were settled by anything but an ack
        self.delivered_no_ack = self.got = self.got_no_ack = self.get_empty = 0
        self.redelivered = self.put_back = 0
        self.pairs = Pairs() if connection.node.counts_pairs else None

    @hot(bench="ack")
    def acknowledge(self, tag: int, multiple: bool) -> None:
        """basic.ack outside a transaction. Raises: PreconditionFailed, unknown tag.

        The meaning is that of `take_unacked` and `settle_all`; this is the same with the common
        cases written out.
        """
        unacked = self.unacked
        pop = unacked.pop
        if not multiple:
            entry = pop(tag, None)
            if entry is None:
                raise unknown_delivery_tag(tag)
            if tag == self.lowest_tag:
                self.lowest_tag = tag + 1
            consumer, queue = entry[0], entry[1]
            queue.unacked_count -= 1
            queue.acked += 1
            if queue.log is not None:
                queue.log.settle(entry[2])
            if self.pairs is not None:
                self.pairs.take(queue, ACK, 1)
            if consumer is not None:
                consumer.unacked_count -= 1
                self.global_used -= 1
                if consumer.is_parked:
                    self.wake(consumer)
            elif self.counted_gets:
                self._uncount_gets([tag])
            if self.global_prefetch:
                self.let_in()
            return
        if tag and tag not in unacked:
            raise unknown_delivery_tag(tag)
        run_consumer: ChannelConsumer | None = None
        run_queue: Queue | None = None
        run = 0
        seqs: list[int] | None = None  # of the run, where the queue has a log
        if not tag:
            tag = self.last_delivery_tag
        for candidate in self._tags_up_to(tag):
            entry = pop(candidate, None)
            if entry is None:
                continue
            if entry[0] is not run_consumer or entry[1] is not run_queue:
                if run_queue is not None:
                    self._settle_run(run_consumer, run_queue, run, seqs)
                run_consumer, run_queue = entry[0], entry[1]
                run = 0
                seqs = [] if run_queue.log is not None else None
            run += 1
            if seqs is not None:
                seqs.append(entry[2])
        if run_queue is not None:
            self._settle_run(run_consumer, run_queue, run, seqs)
        self.lowest_tag = tag + 1
        if self.counted_gets:
            self._uncount_gets([counted for counted in self.counted_gets if counted <= tag])
        if self.global_prefetch:
            self.let_in()

    @hot(bench="dead-letter-reject")
    def reject(self, tag: int) -> None:
        """basic.reject without requeue, outside a transaction. Raises: PreconditionFailed, unknown
        tag. The meaning is that of `take_unacked` and `settle_all`."""
        entry = self.unacked.pop(tag, None)
        if entry is None:
            raise unknown_delivery_tag(tag)
        if tag == self.lowest_tag:
            self.lowest_tag = tag + 1
        consumer, queue, seq, message, count = entry
        self.put_back += 1
        self._let_go(consumer or tag, 1)
        if not queue.is_deleted:
            queue.discard([Delivery(seq, message, count)])
        if self.global_prefetch:
            self.let_in()
        self.connection.node.request_turn()

    def count_gets(self) -> None:
        """A global prefetch begins: what basic.get has fetched counts now, but not what it will.

        RabbitMQ does the same; but it never takes them out again, so that a consumer may starve.
        """
        self._uncount_gets(list(self.counted_gets))
        gets = [tag for tag, entry in self.unacked.items() if entry[0] is None]
        self.counted_gets.update(gets)
        self.global_used += len(gets)

    def _uncount_gets(self, tags: list[int]) -> None:
        """Some of what basic.get has fetched is settled."""
        for tag in tags:
            if tag in self.counted_gets:
                self.counted_gets.discard(tag)
                self.global_used -= 1

    def _tags_up_to(self, tag: int) -> Iterable[int]:
        """Tags among which are all unacked ones up to that one, in order.

        A range is walked where it is mostly tags; where it is mostly gaps the unacked are listed.
        """
        if tag - self.lowest_tag <= 2 * len(self.unacked) + GAPS_MAX:
            return range(self.lowest_tag, tag + 1)
        return list(takewhile(lambda unacked: unacked <= tag, self.unacked))

    def _settle_run(
        self,
        consumer: ChannelConsumer | None,
        queue: Queue,
        count: int,
        seqs: list[int] | None,
    ) -> None:
        """That many deliveries of one queue to one consumer are acked. seqs: None: not asked."""
        queue.settle(count)
        if seqs and queue.log is not None:
            queue.log.settle_all(seqs)
        if self.pairs is not None:
            self.pairs.take(queue, ACK, count)
        if consumer is not None:
            consumer.unacked_count -= count
            self.global_used -= count
            if consumer.is_parked:
                self.wake(consumer)

    def take_unacked(self, tag: int, multiple: bool) -> list[tuple[int, Unacked]]:
        """Take the deliveries that a settlement names out of `unacked`, oldest first.

        tag: 0 with multiple means all. Raises: PreconditionFailed, unknown tag.
        Spec: basic.ack, rule "exists"; RabbitMQ refuses an unknown tag with multiple as well.
        """
        unacked = self.unacked
        if multiple and not tag:
            taken = list(unacked.items())
            unacked.clear()
            self.lowest_tag = self.last_delivery_tag + 1
            return taken
        if tag not in unacked:
            raise unknown_delivery_tag(tag)
        if not multiple:
            return [(tag, unacked.pop(tag))]
        tags = [candidate for candidate in self._tags_up_to(tag) if candidate in unacked]
        self.lowest_tag = tag + 1
        return [(candidate, unacked.pop(candidate)) for candidate in tags]

    def settle(self, tag: int, multiple: bool, outcome: str) -> None:
        """ack, requeue or discard; in tx mode at the commit. Raises: PreconditionFailed."""
        if self.tx is None:
            if outcome == "ack":
                self.acknowledge(tag, multiple)
            else:
                self.settle_all(self.take_unacked(tag, multiple), outcome)
        else:
            self.tx.settlements.append((outcome, self.take_unacked(tag, multiple)))

    def settle_all(self, taken: list[tuple[int, Unacked]], outcome: str) -> None:
        """Carry out a settlement. outcome: "ack", "requeue" or "discard".

        Queue by queue as RabbitMQ does: first what basic.get has fetched, one by one, then what
        each consumer has, in the order of their tags; what comes back from one goes out again
        before the next. Only a channel that closes gives back everything at once, except to quorum
        queues, which go by whose it was even then.
        """
        if outcome != "ack":
            self.put_back += len(taken)
        groups: dict[tuple[Queue, Owner], list[Delivery]] = {}
        for tag, (consumer, queue, seq, message, count) in taken:
            owner = (consumer or tag) if self.is_open or queue.returns_in_turn else None
            groups.setdefault((queue, owner), []).append(Delivery(seq, message, count))
        for queue, owner in sorted(groups, key=self._turn) if len(groups) > 1 else groups:
            deliveries = groups[queue, owner]
            if outcome == "requeue" and queue.is_changed and self.is_open:
                queue.pump()  # what came before this goes out before it
            self._let_go(owner, len(deliveries))
            if queue.is_deleted:
                continue
            if outcome == "requeue":
                queue.requeue(deliveries, is_lost=not self.is_open)
            elif outcome == "discard":
                queue.discard(deliveries)
            else:
                queue.settle(len(deliveries))
                if self.pairs is not None:
                    self.pairs.take(queue, ACK, len(deliveries))
                if queue.log is not None:
                    queue.log.settle_all([delivery.seq for delivery in deliveries])
        if self.global_prefetch:
            self.let_in()
        if outcome != "ack":
            self.connection.node.request_turn()

    def _turn(self, group: tuple[Queue, Owner]) -> tuple[str, bytes, int]:
        """Which of several groups of deliveries is settled first."""
        queue, owner = group
        if owner is None:
            return queue.name, b"", 0
        if isinstance(owner, int):  # to a quorum queue's mind a get is a consumer with this tag
            return (queue.name, b"", owner) if self.is_open else (queue.name, b"%d" % owner, 0)
        return queue.name, owner.tag.encode("utf-8", "surrogateescape"), 0

    def _let_go(self, owner: Owner, count: int) -> None:
        """Deliveries are settled: whoever had them has credit again."""
        if isinstance(owner, int):
            if self.counted_gets:
                self._uncount_gets([owner])
        elif owner is not None:
            owner.unacked_count -= count
            self.global_used -= count
            self.wake(owner)

    def restore_unacked(self, taken: list[tuple[int, Unacked]]) -> None:
        """tx.rollback: settlements are undone, the deliveries are unacked again, in tag order."""
        merged = dict(sorted([*self.unacked.items(), *taken]))
        self.unacked.clear()
        self.unacked.update(merged)
        if merged:
            self.lowest_tag = min(self.lowest_tag, next(iter(merged)))

    # credit

    def park(self, consumer: ChannelConsumer) -> None:
        """It has no credit: let it wait for whichever it lacks."""
        if consumer.own_credit() <= 0:
            self.parked[consumer] = None
        else:
            self.crowded_out[consumer] = None

    def forget(self, consumer: ChannelConsumer) -> None:
        """It is gone, and waits for nothing any more."""
        self.parked.pop(consumer, None)
        self.crowded_out.pop(consumer, None)
        if self.draining is not None:
            self.draining.pop(consumer, None)
        self.connection.parked.pop(consumer, None)

    def wake(self, consumer: ChannelConsumer) -> None:
        """A parked consumer may have credit of its own again."""
        if consumer not in self.parked or consumer.own_credit() <= 0:
            return
        del self.parked[consumer]
        if self.global_prefetch and consumer.credit_left() <= 0:
            self.crowded_out[consumer] = None
        else:
            self._resume(consumer)

    def let_in(self) -> None:
        """There may be global prefetch: whoever has waited longest for it goes on.

        As many as there is room for, were each to take one; those whose queue has nothing are no
        burden. Once the queues have been pumped it is looked at again (`on_pumped`): what one did
        not take, because its queue had other consumers, is the next one's.
        """
        crowded_out = self.crowded_out
        if not crowded_out:
            return
        room = self.global_prefetch - self.global_used
        while crowded_out and (room > 0 or not self.global_prefetch):
            consumer = next(iter(crowded_out))
            del crowded_out[consumer]
            if self._resume(consumer):
                room -= 1
        if crowded_out:
            self._ask_when_pumped()

    def _resume(self, consumer: ChannelConsumer) -> bool:
        """It has credit; without room at its connection it goes on waiting for that.

        Returns: whether it may be about to get something.
        """
        if self.connection.is_full:
            self.connection.parked[consumer] = None
            return False
        consumer.queue.unpark(consumer)
        return consumer.queue.has_ready

    def drain(self, consumer: ChannelConsumer) -> None:
        """Whatever credit it has left when its queue is empty is given back, with a word of it."""
        if self.draining is None:
            self.draining = {}
        self.draining[consumer] = None
        self._ask_when_pumped()

    def on_pumped(self) -> None:
        """The queues have handed out what they could (`Node.when_pumped`)."""
        if self.global_used < self.global_prefetch:
            self.let_in()
        if not self.draining:
            return
        for consumer in list(self.draining):
            if consumer.credit and consumer.queue.has_ready:
                continue
            del self.draining[consumer]
            if consumer.credit and self.is_open:
                consumer.give_back()
        if self.draining:  # not before something else asks for a turn
            self.connection.node.when_pumped[self] = None

    def _ask_when_pumped(self) -> None:
        node = self.connection.node
        node.when_pumped[self] = None
        node.request_turn()
