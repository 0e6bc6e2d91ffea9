"""A queue against a plain list: order, credit, redelivery, counts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from broker.message import Envelope, Message
from broker.queues.kept_messages import Delivery
from broker.queues.queue import Queue
from tests.property.conftest import examples
from tests.support.builders import header
from tests.support.consumer import FakeConsumer

BODY_SIZE = 6


@dataclass
class Out:
    """A delivery that is not settled, as the model sees it."""

    number: int
    count: int  # earlier deliveries
    delivery: Delivery
    consumer: FakeConsumer | None


@dataclass
class Model:
    """ready: (number, earlier deliveries), in queue order. The number is the place of entry."""

    ready: list[tuple[int, int]] = field(default_factory=list)
    out: list[Out] = field(default_factory=list)
    entered: int = 0
    settled: int = 0
    dropped: int = 0  # delivered without ack, purged

    def take_back(self, outs: list[Out]) -> None:
        for out in outs:
            self.out.remove(out)
            self.ready.append((out.number, out.count + 1))
        self.ready.sort()


class QueueMachine(RuleBasedStateMachine):
    """Messages are known by their bodies: the number under which they entered."""

    def __init__(self) -> None:
        super().__init__()
        self.changed: list[Queue] = []
        self.queue = Queue("q", "/", self.changed)
        self.model = Model()
        self.consumers: list[FakeConsumer] = []

    def _messages(self, count: int) -> list[Message]:
        """That many more, in one envelope."""
        model = self.model
        numbers = range(model.entered + 1, model.entered + count + 1)
        model.entered += count
        model.ready += [(number, 0) for number in numbers]
        envelope = Envelope("", "key", header(BODY_SIZE))
        return [Message(envelope, b"%0*d" % (BODY_SIZE, number)) for number in numbers]

    # in

    @rule()
    def push(self) -> None:
        self.queue.push(*self._messages(1))

    @rule(count=st.integers(1, 8))
    def push_many(self, count: int) -> None:
        self.queue.push_many(self._messages(count))

    # out

    @rule(
        peer=st.integers(0, 2),
        credit=st.integers(0, 4),
        no_ack=st.booleans(),
        priority=st.sampled_from([0, 0, 0, 5]),
        exclusive=st.just(False),
        takes=st.sampled_from([1000, 1000, 1]),
    )
    def consume(self, **how: Any) -> None:
        consumer = FakeConsumer(f"c{len(self.consumers)}", **how)
        self.consumers.append(consumer)
        self.queue.add_consumer(consumer)

    @precondition(lambda self: self.queue.consumers)
    @rule(data=st.data(), takes_back=st.booleans())
    def cancel(self, data: Any, takes_back: bool) -> None:
        """A consumer goes; its deliveries stay with the channel, or come back with it."""
        consumer = data.draw(st.sampled_from(list(self.queue.consumers)))
        assert self.queue.remove_consumer(consumer) is False
        if takes_back:
            self._requeue([out for out in self.model.out if out.consumer is consumer])

    @precondition(lambda self: self.queue.consumers)
    @rule(data=st.data(), credit=st.integers(1, 5))
    def give_credit(self, data: Any, credit: int) -> None:
        consumer = data.draw(st.sampled_from(list(self.queue.consumers)))
        consumer.credit += credit
        self.queue.unpark(consumer)

    @rule()
    def turn(self) -> None:
        """What Node.turn does, and what each consumer then got."""
        had_credit = {consumer: consumer.room() for consumer in self.queue.consumers}
        ready_before = list(self.model.ready)
        for queue in list(self.changed):
            self.changed.remove(queue)
            queue.pump()
        handed: list[tuple[int, int]] = []
        for consumer in self.consumers:
            taken = consumer.take()
            assert len(taken) <= had_credit.get(consumer, 0)
            for delivery in taken:
                entry = (int(delivery.message.body), delivery.delivery_count)
                assert entry in self.model.ready, "delivered what was not ready, or miscounted"
                self.model.ready.remove(entry)
                handed.append(entry)
                if consumer.no_ack:
                    self.model.dropped += 1
                else:
                    self.model.out.append(Out(*entry, delivery, consumer))
            fresh = [delivery.seq for delivery in taken if not delivery.delivery_count]
            assert fresh == sorted(fresh), "out of order, though nothing was requeued"
        assert sorted(handed) == ready_before[: len(handed)], "not the oldest went first"
        if not self.queue.is_changed and self.model.ready:
            assert all(consumer.is_parked for consumer in self.queue.consumers)

    @rule()
    def get(self) -> None:
        """basic.get with ack."""
        delivery = self.queue.pop()
        if delivery is None:
            assert not self.model.ready
            return
        number, count = self.model.ready.pop(0)
        assert (int(delivery.message.body), delivery.delivery_count) == (number, count)
        self.queue.unacked_count += 1
        self.model.out.append(Out(number, count, delivery, None))

    # settle

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def ack(self, data: Any) -> None:
        acked = data.draw(st.lists(st.sampled_from(self.model.out), unique_by=id, min_size=1))
        self.queue.settle(len(acked))
        for out in acked:
            self.model.out.remove(out)
        self.model.settled += len(acked)

    @precondition(lambda self: self.model.out)
    @rule(data=st.data())
    def requeue(self, data: Any) -> None:
        self._requeue(data.draw(st.lists(st.sampled_from(self.model.out), unique_by=id)))

    def _requeue(self, outs: list[Out]) -> None:
        self.queue.requeue([out.delivery for out in outs])
        self.model.take_back(outs)

    @rule()
    def purge(self) -> None:
        assert self.queue.purge() == len(self.model.ready)
        self.model.dropped += len(self.model.ready)
        self.model.ready.clear()

    @invariant()
    def the_counts_agree(self) -> None:
        queue, model = self.queue, self.model
        queue.check_invariants()
        assert queue.ready_count == len(model.ready)
        assert queue.unacked_count == len(model.out)
        assert queue.published == model.entered
        assert queue.acked == model.settled
        in_queue = len(model.ready) + len(model.out)
        assert model.entered == in_queue + model.settled + model.dropped

    @invariant()
    def whoever_could_be_served_is_about_to_be(self) -> None:
        """No message waits beside a consumer in the ring without a pump to come."""
        if self.queue.ready_count and len(self.queue.ring):
            assert self.queue in self.changed

    def teardown(self) -> None:
        model, queue = self.model, self.queue
        consumers = [consumer for consumer in self.consumers if consumer in queue.consumers]
        assert queue.delete() == len(model.ready)
        assert queue.is_deleted
        assert not queue.consumers
        assert all(consumer.queue_deleted == 1 for consumer in consumers)


QueueMachine.TestCase.settings = examples(150)
test_a_queue_against_a_list = QueueMachine.TestCase
