"""An extended queue that takes and hands out runs does what one does that goes message by message.

Twins are told the same; the second has the general path only: `push` for each message,
`_pump_first` for each delivery, `_bury_next` for each death.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from broker.message import Envelope, Message
from broker.queues.consumers import Level
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
    max_length=st.sampled_from([None, None, 0, 1, 3, 8]),
    max_length_bytes=st.sampled_from([None, None, None, 0, 25, 60]),
    overflow=st.sampled_from([DROP_HEAD, DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX]),
    dead_letter_exchange=st.sampled_from([None, "dlx"]),
    max_priority=st.sampled_from([None, None, 2]),
    single_active_consumer=st.sampled_from([False, False, False, True]),
    delivery_limit=st.sampled_from([None, None, 1]),
    counts_deliveries=st.sampled_from([False, False, True]),
)


class OneByOne(ExtendedQueue):
    """The general path only."""

    __slots__ = ()

    def push_many(self, messages: list[Message]) -> Sequence[int]:
        return [place for place, message in enumerate(messages) if not self.push(message)]

    def _pump_some(self, top: Level, most: int, *, expires: bool) -> int:
        return self._pump_first(top)

    def _bury_ready(self, count: int, reason: str) -> None:
        for _ in range(count):
            self._bury_next(reason)


class Twin:
    """One of the two, with its own clock and consumers."""

    def __init__(self, wanted: Features, kind: type[ExtendedQueue]):
        self.clock = FakeClock()
        self.changed: list[Queue] = []
        self.queue = extend(Queue("q", "/", self.changed), wanted, self.clock)
        self.queue.__class__ = kind  # type: ignore[assignment]
        self.consumers: list[FakeConsumer] = []
        self.held: dict[int, Delivery] = {}  # by the number of the message
        self.handed: list[list[tuple[int, bytes, int]]] = []  # by consumer

    def turn(self) -> None:
        for queue in list(self.changed):
            self.changed.remove(queue)
            queue.pump()

    def collect(self) -> None:
        for consumer, handed in zip(self.consumers, self.handed, strict=True):
            for delivery in consumer.take():
                handed.append((delivery.seq, delivery.message.body, delivery.delivery_count))
                if not consumer.no_ack:
                    self.held[_number(delivery.message)] = delivery

    def shows(self) -> dict[str, Any]:
        """Everything that anybody could see of it."""
        queue = self.queue
        return {
            "ready": [(m.body, m.deadline_ms) for m in queue.ready],
            "returned": sorted((d.seq, d.message.body, d.delivery_count) for d in queue.returned),
            "dead": [(m.body, reason, seq) for m, reason, seq in queue.extras.dead],
            "counts": (queue.published, queue.delivered, queue.redelivered, queue.acked),
            "waits": (queue.ready_count, queue.unacked_count, queue.head_seq, queue.next_seq),
            "octets": queue.extras.ready_bytes,
            "handed": self.handed,
            "parked": [consumer.is_parked for consumer in self.consumers],
            "ring": [consumer.tag for consumer in queue.ring],
            "held": sorted(self.held),
            "changed": queue in self.changed,
        }


class ExtendedRunsMachine(RuleBasedStateMachine):
    @initialize(wanted=features)
    def declare(self, wanted: Features) -> None:
        self.twins = (Twin(wanted, ExtendedQueue), Twin(wanted, OneByOne))
        self.entered = 0

    @rule(
        count=st.sampled_from([1, 2, 3, 5, 12]),
        size=st.sampled_from([4, 4, 9, 30]),
        priority=st.sampled_from([None, None, 1, 2, 9]),
        ttl_ms=st.sampled_from([None, None, None, 0, 5, 50]),
    )
    def push(self, count: int, size: int, priority: int | None, ttl_ms: int | None) -> None:
        expiration = None if ttl_ms is None else str(ttl_ms)
        envelope = Envelope("", "key", header(size, priority=priority, expiration=expiration))
        envelope.ttl_ms = ttl_ms
        bodies = [b"%04d" % (self.entered + number) for number in range(count)]
        self.entered += count
        messages = [Message(envelope, body + b"." * (size - 4)) for body in bodies]
        rejected = [list(twin.queue.push_many(messages)) for twin in self.twins]
        assert rejected[0] == rejected[1]

    @rule(
        credit=st.sampled_from([0, 1, 3, 20]),
        no_ack=st.booleans(),
        priority=st.sampled_from([0, 0, 0, 5]),
        takes=st.sampled_from([1_000_000, 1_000_000, 2]),
        peer=st.sampled_from([None, None, "shared"]),
    )
    def consume(self, **how: Any) -> None:
        for twin in self.twins:
            consumer = FakeConsumer(f"c{len(twin.consumers)}", **how)
            twin.consumers.append(consumer)
            twin.handed.append([])
            twin.queue.add_consumer(consumer)

    def _some_consumer(self, data: Any) -> list[tuple[Twin, FakeConsumer]]:
        consuming = self.twins[0].queue.consumers
        places = [n for n, one in enumerate(self.twins[0].consumers) if one in consuming]
        place = data.draw(st.sampled_from(places))
        return [(twin, twin.consumers[place]) for twin in self.twins]

    @precondition(lambda self: self.twins[0].queue.consumers)
    @rule(data=st.data())
    def cancel(self, data: Any) -> None:
        for twin, consumer in self._some_consumer(data):
            twin.queue.remove_consumer(consumer)

    @precondition(lambda self: self.twins[0].queue.consumers)
    @rule(data=st.data(), credit=st.integers(1, 5))
    def give_credit(self, data: Any, credit: int) -> None:
        for twin, consumer in self._some_consumer(data):
            consumer.credit += credit
            if consumer.is_parked:
                twin.queue.unpark(consumer)

    @rule()
    def turn(self) -> None:
        for twin in self.twins:
            twin.turn()

    @rule(milliseconds=st.sampled_from([1, 5, 10, 100]))
    def pass_time(self, milliseconds: int) -> None:
        for twin in self.twins:
            twin.clock.time_ms += milliseconds
            for sleeper in twin.clock.take_due():
                assert sleeper.on_wake_up() is False

    @rule()
    def pass_time_unnoticed(self) -> None:
        """The clock goes on before anybody is woken."""
        for twin in self.twins:
            twin.clock.time_ms += 10

    @rule()
    def get(self) -> None:
        for twin in self.twins:
            delivery = twin.queue.pop()
            if delivery is not None:
                twin.queue.unacked_count += 1
                twin.held[_number(delivery.message)] = delivery

    @precondition(lambda self: self.twins[0].held)
    @rule(data=st.data(), outcome=st.sampled_from(["ack", "requeue", "discard"]))
    def settle(self, data: Any, outcome: str) -> None:
        chosen = st.lists(st.sampled_from(sorted(self.twins[0].held)), unique=True, min_size=1)
        numbers = data.draw(chosen)
        for twin in self.twins:
            deliveries = [twin.held.pop(number) for number in numbers]
            if outcome == "ack":
                twin.queue.settle(len(deliveries))
            elif outcome == "requeue":
                twin.queue.requeue(deliveries)
            else:
                twin.queue.discard(deliveries)

    @rule()
    def purge(self) -> None:
        assert self.twins[0].queue.purge() == self.twins[1].queue.purge()

    @rule()
    def send_on(self) -> None:
        """The node takes what is dead."""
        for twin in self.twins:
            twin.queue.extras.dead.clear()

    @rule(wanted=features)
    def change(self, wanted: Features) -> None:
        """Other features from here on; priorities stay."""
        wanted.max_priority = self.twins[0].queue.extras.features.max_priority
        for twin in self.twins:
            assert extend(twin.queue, wanted, twin.clock) is twin.queue

    @invariant()
    def they_are_alike(self) -> None:
        if not hasattr(self, "twins"):
            return
        for twin in self.twins:
            twin.collect()
            twin.queue.check_invariants()
        fast, plain = (twin.shows() for twin in self.twins)
        assert fast == plain

    @invariant()
    def somebody_will_wake_them_in_time(self) -> None:
        """Not at the same times: one by one, some are asked for that nobody needs any more."""
        if not hasattr(self, "twins"):
            return
        for twin in self.twins:
            head = twin.queue._head()
            if head is None or head.deadline_ms is None or twin.queue in twin.changed:
                continue
            if head.deadline_ms > twin.clock.time_ms:
                assert twin.clock.sleepers[twin.queue] <= head.deadline_ms


def _number(message: Message) -> int:
    return int(message.body[:4])


ExtendedRunsMachine.TestCase.settings = examples(300)
test_runs_are_messages_one_by_one = ExtendedRunsMachine.TestCase
