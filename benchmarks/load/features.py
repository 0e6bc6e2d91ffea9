"""Queues with TTL, limits, priorities, dead-lettering and the like: the flow with each of them."""

from __future__ import annotations

import random
import time
from functools import partial
from typing import Any

from . import wire
from .flow import Consumer, Flow, FlowResult, Publisher
from .peer import Peer
from .routing import SETTLE_S, wait_until_queued
from .scenario import SCENARIOS, Meter, Metrics, Run, Scenario, flow_metrics
from .source import Distinct, Repeated, Source, varied_block
from .stage import assert_empty, stage
from .throughput import (
    ACK_EVERY,
    BODY,
    DISTINCT_COUNT,
    IN_FLIGHT_MAX,
    PREFETCH,
    WINDOW,
    make_pair,
    measure_flow,
    one_queue,
)

QUEUE, DEAD = "bench.features", "bench.features-dead"
SHORT_TTL_MS = 5
LENGTH_MAX = 1000
PRIORITY_MAX = 10
BACKLOG_COUNT, BACKLOG_COUNT_QUICK = 200_000, 40_000
EXPIRES = b"\x01\x00" + wire.short_string("60000")  # flags: expiration only
PERSISTENT_EXPIRES = b"\x11\x00\x02" + wire.short_string("60000")
TO_DEAD: dict[str, Any] = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD}


# what expires


def _expire(run: Run, properties: bytes, durable: bool) -> Metrics:
    """Nobody consumes; over when the queue has lost its last message."""
    arguments = {QUEUE: {"x-message-ttl": SHORT_TTL_MS}}
    with (
        stage(run.target, [QUEUE], durable=durable, arguments=arguments),
        run.target.connect() as sender,
    ):
        source = Repeated(wire.publish("", QUEUE, BODY, properties))
        meter = Meter(run.target)
        flow = Flow([Publisher(sender, source, 1 << 60)])
        result = flow.run(seconds=run.seconds, messages=run.messages)
        _wait_until_at_most(sender, 0)
        result.elapsed_s = meter.elapsed_s()
        return flow_metrics(result, meter)


def _wait_until_at_most(sender: Peer, message_count: int) -> None:
    """Return when the queue holds no more than that; asked behind everything published."""
    sender.socket.setblocking(True)
    deadline = time.perf_counter() + SETTLE_S
    while (left := sender.message_counts([QUEUE])[0]) > message_count:
        if time.perf_counter() > deadline:
            raise TimeoutError(f"{left} messages are left after {SETTLE_S} s")
        time.sleep(0.001)


# what is too much


def _max_length(run: Run, properties: bytes, durable: bool) -> Metrics:
    """Nobody consumes; over when the last one is in and as many are left as may be."""
    arguments = {QUEUE: {"x-max-length": LENGTH_MAX}}
    with (
        stage(run.target, [QUEUE], durable=durable, arguments=arguments),
        run.target.connect() as sender,
    ):
        source = Repeated(wire.publish("", QUEUE, BODY, properties))
        meter = Meter(run.target)
        result = Flow([Publisher(sender, source, 1 << 60)]).run(
            seconds=run.seconds, messages=run.messages
        )
        _wait_until_at_most(sender, LENGTH_MAX)
        result.elapsed_s = meter.elapsed_s()
        assert sender.message_counts([QUEUE]) == [min(LENGTH_MAX, result.message_count)]
        return flow_metrics(result, meter)


def _reject_publish(run: Run, properties: bytes, durable: bool) -> Metrics:
    """Nobody consumes: all but the first messages are refused, and the publisher is told."""
    arguments = {QUEUE: {"x-max-length": LENGTH_MAX, "x-overflow": "reject-publish"}}
    with (
        stage(run.target, [QUEUE], durable=durable, arguments=arguments) as owner,
        run.target.connect() as sender,
    ):
        sender.confirm_select()
        source = Repeated(wire.publish("", QUEUE, BODY, properties))
        publisher = Publisher(sender, source, 1 << 60, window=WINDOW)
        publisher.is_refused = True
        metrics = measure_flow(run, Flow([publisher]))
        assert owner.message_counts([QUEUE]) == [LENGTH_MAX]
    return metrics


# what is more important


class Mixed(Source):
    """Messages of priorities 0 to 9 in random order, all of a size."""

    def __init__(self, delivery_mode: int) -> None:
        random_priority = random.Random(DISTINCT_COUNT)
        flags = b"\x18\x00" + bytes([delivery_mode])  # delivery-mode and priority
        messages = [
            wire.publish("", QUEUE, BODY, flags + bytes([random_priority.randrange(PRIORITY_MAX)]))
            for _ in range(DISTINCT_COUNT)
        ]
        super().__init__(messages, wire.read_contents(messages[0]))


def _priority(run: Run, delivery_mode: int, durable: bool) -> Metrics:
    """A consumer that keeps up; what it gets is compared but for the order."""
    arguments = {QUEUE: {"x-max-priority": PRIORITY_MAX}}
    with (
        stage(run.target, [QUEUE], durable=durable, arguments=arguments) as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        source = Mixed(delivery_mode)
        pair = make_pair(sender, receiver, source, QUEUE, acks=True, ordered=False)
        metrics = measure_flow(run, Flow([pair[0]], [pair[1]]))
        assert_empty(owner, [QUEUE])
    return metrics


def _priority_backlog(run: Run, delivery_mode: int, durable: bool) -> Metrics:
    """A publisher that is alone first: then the consumer takes what has come together."""
    arguments = {QUEUE: {"x-max-priority": PRIORITY_MAX}}
    message_count = run.messages or run.size(BACKLOG_COUNT, BACKLOG_COUNT_QUICK)
    source = Mixed(delivery_mode)
    with (
        stage(run.target, [QUEUE], durable=durable, arguments=arguments) as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        meter = Meter(run.target)
        filled = Flow([Publisher(sender, source, 1 << 60)]).run(messages=message_count)
        wait_until_queued(owner, [QUEUE], message_count)
        filled.elapsed_s = meter.elapsed_s()
        metrics = flow_metrics(filled, meter)
        drained = _drain(receiver, source, message_count)
        assert_empty(owner, [QUEUE])
        return metrics | {"drain_per_s": message_count / drained.elapsed_s}


def _drain(receiver: Peer, source: Source, message_count: int) -> FlowResult:
    tag = "consumer-1"
    start = time.perf_counter()
    receiver.consume(QUEUE, tag, no_ack=False, prefetch_count=PREFETCH)
    consumer = Consumer(receiver, source, tag, ACK_EVERY)
    consumer.wanted = message_count
    result = Flow([], [consumer]).run()
    result.elapsed_s = time.perf_counter() - start
    return result


# what dies


class Rejecter(Consumer):
    """Rejects what it is given. ack_every: how many with one nack; 1: a reject for each."""

    def settlement(self, tag: int) -> bytes:
        return wire.nack(tag) if self.ack_every > 1 else wire.reject(tag)

    def acknowledge(self, final: bool = False) -> None:
        """All of it at once: what is held back would never arrive."""
        first = self.delivered_before
        stops = [*range(self.acked + self.ack_every, self.delivered, self.ack_every)]
        if self.acked < self.delivered:
            stops.append(self.delivered)
            self._send(b"".join([self.settlement(first + stop) for stop in stops]))
            self.acked = self.delivered


def _dead_letter(
    run: Run,
    properties: bytes,
    durable: bool,
    reason: str,
    reject_every: int = ACK_EVERY,
    varied: bool = False,
) -> Metrics:
    """Through the queue, where everything dies, into another one, where it is consumed."""

    def make_source() -> Source:
        if varied:
            return Distinct([varied_block(QUEUE, DISTINCT_COUNT, 50, 400, durable)])
        return Repeated(wire.publish("", QUEUE, BODY, properties))

    features: dict[str, dict[str, Any]] = {
        "rejected": {},
        "maxlen": {"x-max-length": LENGTH_MAX},
        "expired": {"x-message-ttl": SHORT_TTL_MS},
    }
    arguments = {QUEUE: features[reason] | TO_DEAD}
    with (
        stage(run.target, [QUEUE, DEAD], durable=durable, arguments=arguments) as owner,
        run.target.connect() as sender,
        run.target.connect() as middle,
        run.target.connect() as receiver,
    ):
        source = make_source()
        consumers: list[Consumer] = []
        if reason == "rejected":
            tag = "rejecter"
            middle.consume(QUEUE, tag, no_ack=False, prefetch_count=PREFETCH)
            consumers.append(Rejecter(middle, source, tag, reject_every))
        added = _first_dead_letter(owner, sender, middle, make_source(), reason)
        if consumers:
            consumers[0].delivered_before = 1
        receiver.consume(DEAD, "consumer-1", no_ack=False, prefetch_count=PREFETCH)
        dead = [
            wire.Content(b"", DEAD.encode(), content.header + bytes(added), content.body)
            for content in source.contents
        ]
        sink = Consumer(receiver, dead, "consumer-1", ACK_EVERY)
        consumers.append(sink)
        publisher = Publisher(sender, source, IN_FLIGHT_MAX, sink)
        metrics = measure_flow(run, Flow([publisher], consumers))
        assert_empty(owner, [DEAD])
    return metrics


def _first_dead_letter(owner: Peer, sender: Peer, middle: Peer, source: Source, reason: str) -> int:
    """Have one message die, and look at it. With a limit, fill the queue up to it before.

    Returns: how many bytes its content header has more than before.
    """
    message, _ = source.take(1)
    sender.send(bytes(message) * (LENGTH_MAX + 1 if reason == "maxlen" else 1))
    if reason == "rejected":
        while len(middle.unread) < len(message):
            middle.receive()
        wire.read_contents(middle.unread)
        middle.unread.clear()
        middle.send(wire.nack(1))
    wait_until_queued(owner, [DEAD], 1)
    owner.send(wire.method(1, wire.BASIC_GET, b"\0\0", wire.short_string(DEAD), b"\x01"))
    owner.read_frame()
    header, body = owner.read_frame()[1], owner.read_frame()[1]
    (before,) = wire.read_contents(message)
    assert body == before.body, body
    added = len(header) - len(before.header)
    assert added > 100, "no x-death"
    return added


def _register(name: str, says: str, measure: Any, single: bool = False, **options: Any) -> None:
    SCENARIOS[name] = Scenario(name, says, partial(measure, **options), single=single)


def _register_both(name: str, says: str, measure: Any, single: bool = False, **how: Any) -> None:
    """The transient form and the persistent one."""
    kept = {"properties": wire.PERSISTENT, "durable": True}
    _register(name, says, measure, single, properties=wire.NO_PROPERTIES, durable=False, **how)
    _register(f"{name}-persistent", "the same, persistent", measure, single, **kept, **how)


_register_both(
    "ttl",
    "x-message-ttl of a minute, a consumer that keeps up, an ack for every 100",
    one_queue,
    acks=True,
    arguments={"x-message-ttl": 60_000},
)
_EXPIRING: dict[str, Any] = {"acks": True}
_register(
    "expiration",
    "the same by an expiration property",
    one_queue,
    properties=EXPIRES,
    **_EXPIRING,
)
_register(
    "expiration-persistent",
    "the same, persistent",
    one_queue,
    properties=PERSISTENT_EXPIRES,
    durable=True,
    **_EXPIRING,
)
_register_both("expire", "x-message-ttl of 5 ms, no consumer: all expire", _expire)
_register_both(
    "expire-dlx", "the same, dead-lettered and consumed with acks", _dead_letter, reason="expired"
)
_register_both("max-length", "x-max-length 1000, no consumer: the oldest go", _max_length)
_register_both(
    "reject-publish", "the same with reject-publish, and confirms: all refused", _reject_publish
)
_register(
    "priority",
    "x-max-priority 10, mixed priorities, a consumer that keeps up, an ack for every 100",
    _priority,
    delivery_mode=1,
    durable=False,
)
_register("priority-persistent", "the same, persistent", _priority, delivery_mode=2, durable=True)
_register(
    "priority-backlog",
    "200 000 messages of mixed priorities put in a queue, then drained",
    _priority_backlog,
    delivery_mode=1,
    durable=False,
)
_register_both(
    "dead-letter",
    "all rejected, a nack for every 100, into a second queue, where they are acked",
    _dead_letter,
    reason="rejected",
)
_register(
    "dead-letter-reject",
    "the same with a reject for each",
    _dead_letter,
    properties=wire.NO_PROPERTIES,
    durable=False,
    reason="rejected",
    reject_every=1,
)
_register(
    "dead-letter-varied",
    "dead-letter, a message-id each, bodies of 50 to 400 bytes",
    _dead_letter,
    properties=b"",
    durable=False,
    reason="rejected",
    varied=True,
)
_register_both(
    "dead-letter-maxlen",
    "x-max-length 1000, no consumer; what goes is dead-lettered and consumed with acks",
    _dead_letter,
    reason="maxlen",
)
_register_both(
    "single-active",
    "x-single-active-consumer, an ack for every 100",
    one_queue,
    acks=True,
    arguments={"x-single-active-consumer": True},
)
_QUORUM: dict[str, Any] = {
    "acks": True,
    "durable": True,
    "properties": wire.PERSISTENT,
    "arguments": {"x-queue-type": "quorum"},
}
_register("quorum", "x-queue-type quorum, an ack for every 100", one_queue, **_QUORUM)
_register("quorum-confirm", "the same with confirms", one_queue, confirms=True, **_QUORUM)
