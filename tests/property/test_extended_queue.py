"""Queues with limits, TTL, priorities and the rest: every message is accounted for.

Not a second implementation, but what must be true of any: each message that entered is ready,
unacked, settled, rejected or dead for a reason that holds; the best one comes first; nothing is
handed out after its time; limits are kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from broker.message import Envelope, Message
from broker.queues.dead_letter import DELIVERY_LIMIT, EXPIRED, MAXLEN, REJECTED
from broker.queues.extended import ExtendedQueue, extend
from broker.queues.features import DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX, Features
from broker.queues.kept_messages import Delivery
from broker.queues.queue import Queue
from tests.property.conftest import examples
from tests.support.builders import header
from tests.support.consumer import FakeConsumer
from tests.support.seams import FakeClock

features = st.builds(
    Features,
    message_ttl_ms=st.sampled_from([None, None, 0, 10, 1000]),
    max_length=st.sampled_from([None, None, 0, 1, 3]),
    max_length_bytes=st.sampled_from([None, None, 0, 25]),
    overflow=st.sampled_from([DROP_HEAD, DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX]),
    dead_letter_exchange=st.just("dlx"),
    max_priority=st.sampled_from([None, None, 2]),
    single_active_consumer=st.sampled_from([False, False, True]),
    delivery_limit=st.sampled_from([None, None, 0, 1]),
    counts_deliveries=st.booleans(),
)


@dataclass
class Known:
    """One message, as the test knows it. rank: the best first."""

    number: int
    size: int
    priority: int
    deadline_ms: int | None
    deliveries: int = 0

    def rank(self) -> tuple[int, int]:
        return -self.priority, self.number


class ExtendedQueueMachine(RuleBasedStateMachine):
    @initialize(wanted=features)
    def declare(self, wanted: Features) -> None:
        self.features = wanted
        self.clock = FakeClock()
        self.changed: list[Queue] = []
        self.queue: ExtendedQueue = extend(Queue("q", "/", self.changed), wanted, self.clock)
        self.entered = 0
        self.ready: dict[int, Known] = {}
        self.held: dict[int, tuple[Known, Delivery, FakeConsumer | None]] = {}
        self.gone = 0  # acked, delivered without ack, purged
        self.refused: set[int] = set()  # at the door
        self.dead: list[tuple[int, str]] = []
        self.consumers: list[FakeConsumer] = []

    # in

    @rule(
        padding=st.sampled_from([0, 0, 5, 30]),
        priority=st.sampled_from([None, None, 1, 2, 9]),
        ttl_ms=st.sampled_from([None, None, None, 0, 5, 50]),
    )
    def push(self, padding: int, priority: int | None, ttl_ms: int | None) -> None:
        self.entered += 1
        body = f"{self.entered}".encode() + b"." * padding
        expiration = None if ttl_ms is None else str(ttl_ms)
        envelope = Envelope("", "key", header(len(body), priority=priority, expiration=expiration))
        envelope.ttl_ms = ttl_ms
        ttls = [t for t in (ttl_ms, self.features.message_ttl_ms) if t is not None]
        known = Known(
            self.entered,
            len(body),
            min(priority or 0, self.features.max_priority or 0),
            self.clock.time_ms + min(ttls) if ttls else None,
        )
        is_full = self._is_full(len(body))
        makes_room = self.queue.ring.top is not None  # a consumer may take what is in the way
        is_accepted = self.queue.push(Message(envelope, body))
        assert is_accepted or (self.features.overflow != DROP_HEAD and is_full)
        if self.features.overflow != DROP_HEAD and not makes_room:
            assert is_accepted is not is_full
        if is_accepted:
            self.ready[known.number] = known
        else:
            self.refused.add(known.number)
            if self.features.overflow == REJECT_PUBLISH_DLX:
                self.dead.append((known.number, MAXLEN))  # as the queue is to say
        self._collect()

    def _is_full(self, size: int) -> bool:
        limit, bytes_limit = self.features.max_length, self.features.max_length_bytes
        held_bytes = sum(known.size for known in self.ready.values())
        return (limit is not None and len(self.ready) >= limit) or (
            bytes_limit is not None and held_bytes + size > bytes_limit
        )

    # out

    @rule(credit=st.integers(0, 3), no_ack=st.booleans(), priority=st.sampled_from([0, 0, 5]))
    def consume(self, **how: Any) -> None:
        consumer = FakeConsumer(f"c{len(self.consumers)}", **how)
        self.consumers.append(consumer)
        self.queue.add_consumer(consumer)

    @precondition(lambda self: self.queue.consumers)
    @rule(data=st.data(), takes_back=st.booleans())
    def cancel(self, data: Any, takes_back: bool) -> None:
        consumer = data.draw(st.sampled_from(list(self.queue.consumers)))
        self.queue.remove_consumer(consumer)
        if takes_back:
            self._requeue([n for n, (_, _, holder) in self.held.items() if holder is consumer])

    @precondition(lambda self: self.queue.consumers)
    @rule(data=st.data(), credit=st.integers(1, 3))
    def give_credit(self, data: Any, credit: int) -> None:
        consumer = data.draw(st.sampled_from(list(self.queue.consumers)))
        consumer.credit += credit
        if consumer.is_parked:
            self.queue.unpark(consumer)
        self._collect()

    @rule()
    def turn(self) -> None:
        for queue in list(self.changed):
            self.changed.remove(queue)
            queue.pump()
        self._collect()

    @rule(milliseconds=st.sampled_from([1, 5, 10, 100, 2000]))
    def pass_time(self, milliseconds: int) -> None:
        self.clock.time_ms += milliseconds
        for sleeper in self.clock.take_due():
            assert sleeper is self.queue
            assert sleeper.on_wake_up() is False
        self._collect()
        self.turn()
        alive = [k for k in self.ready.values() if not self._is_over(k)]
        first = min(self.ready.values(), key=Known.rank, default=None)
        assert first is None or first in alive, "the head has expired and nobody noticed"

    def _is_over(self, known: Known) -> bool:
        return known.deadline_ms is not None and known.deadline_ms <= self.clock.time_ms

    @rule()
    def get(self) -> None:
        delivery = self.queue.pop()
        self._collect()
        if delivery is None:
            assert not self.ready
            return
        known = self._take(delivery)
        self.queue.unacked_count += 1
        self.held[known.number] = (known, delivery, None)

    def _take(self, delivery: Delivery) -> Known:
        """A message was handed out: the best there was, in its time, with the right count.

        RabbitMQ gives what was nacked to a consumer that waits, though it has expired meanwhile.
        """
        number = _number(delivery.message)
        known = self.ready.pop(number)
        is_over = self._is_over(known) and known.deadline_ms != self.clock.time_ms
        assert not is_over or known.deliveries > 0
        assert delivery.delivery_count == known.deliveries
        return known

    # settle

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def ack(self, data: Any) -> None:
        for number in self._some_held(data):
            del self.held[number]
            self.queue.settle(1)
            self.gone += 1

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def discard(self, data: Any) -> None:
        numbers = self._some_held(data)
        deliveries = [self.held.pop(number)[1] for number in numbers]
        self.queue.discard(deliveries)
        self.dead += [(number, REJECTED) for number in numbers]
        self._collect()

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def requeue(self, data: Any) -> None:
        self._requeue(self._some_held(data))

    def _some_held(self, data: Any) -> list[int]:
        return data.draw(  # type: ignore[no-any-return]
            st.lists(st.sampled_from(sorted(self.held)), unique=True, min_size=1)
        )

    def _requeue(self, numbers: list[int]) -> None:
        limit = self.features.delivery_limit
        deliveries = []
        for number in numbers:
            known, delivery, _ = self.held.pop(number)
            deliveries.append(delivery)
            known.deliveries += 1
            if limit is not None and known.deliveries > limit:
                self.dead.append((number, DELIVERY_LIMIT))
            else:
                self.ready[number] = known
        self.queue.requeue(deliveries)
        self._collect()

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.ready)
        self.gone += len(self.ready)
        self.ready.clear()

    # what follows from all that

    def _collect(self) -> None:
        """What consumers were handed and what died, since the last look."""
        for consumer in self.consumers:
            for delivery in consumer.take():
                if self.features.single_active_consumer and consumer in self.queue.consumers:
                    assert consumer is self.queue.extras.active
                known = self._take(delivery)
                if consumer.no_ack:
                    self.gone += 1
                else:
                    self.held[known.number] = (known, delivery, consumer)
        died = list(self.queue.extras.dead)
        self.queue.extras.dead.clear()
        for message, reason, seq in died:
            number = _number(message)
            assert (seq is None) == (number in self.refused), "only what was let in has a number"
            if reason in (REJECTED, DELIVERY_LIMIT) or (number, reason) in self.dead:
                assert (number, reason) in self.dead, "dead, though nobody said so"
                continue
            known = self.ready.pop(number)
            if reason == EXPIRED:
                assert self._is_over(known), "it still had time"
            else:
                assert reason == MAXLEN
                assert self.features.overflow == DROP_HEAD
            self.dead.append((number, reason))

    @invariant()
    def every_message_is_accounted_for(self) -> None:
        if not hasattr(self, "queue"):
            return
        self.queue.check_invariants()
        inside = [*self.queue.ready, *(delivery.message for delivery in self.queue.returned)]
        assert sorted(map(_number, inside)) == sorted(self.ready)
        assert self.queue.ready_count == len(self.ready)
        assert self.queue.unacked_count == len(self.held)
        refused = 0 if self.features.overflow == REJECT_PUBLISH_DLX else len(self.refused)
        inside_or_out = len(self.ready) + len(self.held) + self.gone
        assert self.entered == inside_or_out + refused + len(self.dead)
        assert len(set(self.dead)) == len(self.dead)

    @invariant()
    def limits_are_kept(self) -> None:
        if not hasattr(self, "queue") or self.features.overflow != DROP_HEAD:
            return
        limit, bytes_limit = self.features.max_length, self.features.max_length_bytes
        assert limit is None or len(self.ready) <= limit
        size = sum(known.size for known in self.ready.values())
        assert bytes_limit is None or size <= bytes_limit

    @invariant()
    def whoever_could_be_served_is_about_to_be(self) -> None:
        if hasattr(self, "queue") and self.ready and self.queue.ring.top is not None:
            assert self.queue in self.changed

    @invariant()
    def the_head_is_the_best(self) -> None:
        if not hasattr(self, "queue"):
            return
        head = self.queue._head()
        best = min(self.ready.values(), key=Known.rank, default=None)
        assert (head is None) == (best is None)
        if head is not None and best is not None:
            assert _number(head) == best.number

    @invariant()
    def somebody_will_wake_it_in_time(self) -> None:
        if not hasattr(self, "queue"):
            return
        best = min(self.ready.values(), key=Known.rank, default=None)
        if best is None or best.deadline_ms is None or self.queue in self.changed:
            return
        if best.deadline_ms > self.clock.time_ms:
            assert self.clock.sleepers[self.queue] <= best.deadline_ms


def _number(message: Message) -> int:
    return int(message.body.rstrip(b"."))


ExtendedQueueMachine.TestCase.settings = examples(200)
test_an_extended_queue_accounts_for_everything = ExtendedQueueMachine.TestCase
