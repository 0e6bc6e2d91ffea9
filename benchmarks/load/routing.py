"""Routing: one message to many queues, and one binding among many."""

from __future__ import annotations

import time

from . import wire
from .flow import Consumer, Flow, Publisher, get_reply_size, warm_up
from .peer import Peer
from .scenario import Meter, Metrics, Run, scenario
from .source import PLACEHOLDER, Distinct, Repeated, Source, distinct_block
from .stage import assert_empty, stage
from .throughput import BODY, DISTINCT_COUNT, IN_FLIGHT_MAX, measure_flow

COPIES_MAX = 20_000_000  # 8 bytes of memory each at the very least
FANOUT = "bench.fanout"
FANOUT_COUNT = 100
CALIBRATION_COUNT = 200
SETTLE_S = 60


@scenario("fanout", "a fanout exchange and 100 queues, no consumers; per enqueue")
def fanout(run: Run) -> Metrics:
    return _fanout(run, Repeated(wire.publish(FANOUT, "", BODY)))


@scenario("fanout-distinct", "the same, no two messages alike")
def fanout_distinct(run: Run) -> Metrics:
    return _fanout(run, Distinct([distinct_block(FANOUT, DISTINCT_COUNT)]))


def _fanout(run: Run, source: Source) -> Metrics:
    queues = [f"bench.fanout-{number:03}" for number in range(FANOUT_COUNT)]
    with (
        stage(run.target, queues, exchange=FANOUT, exchange_type="fanout") as owner,
        run.target.connect() as sender,
    ):
        owner.bind(FANOUT, [(queue, "") for queue in queues])
        flow = Flow([Publisher(sender, source, 1 << 60)])
        # Nothing consumes, so the number of messages is chosen beforehand, by a first few.
        start = time.perf_counter()
        flow.run(messages=CALIBRATION_COUNT)
        wait_until_queued(owner, queues, CALIBRATION_COUNT)
        rate = CALIBRATION_COUNT / (time.perf_counter() - start)
        message_count = run.messages or int(min(rate * run.seconds, COPIES_MAX / FANOUT_COUNT))
        meter = Meter(run.target)
        result = flow.run(messages=message_count)
        wait_until_queued(owner, queues, CALIBRATION_COUNT + message_count)
        elapsed_s, cpu_us_total = meter.elapsed_s(), meter.cpu_us(per=1)
        for queue in (queues[0], queues[-1]):
            _check_first(owner, queue, source)
        copies = message_count * FANOUT_COUNT
        return {
            "rate_per_s": copies / elapsed_s,
            "cpu_us": cpu_us_total / copies,
            "generator_us": result.generator_cpu_s / copies * 1e6,
        }


def _check_first(peer: Peer, queue: str, source: Source) -> None:
    """The queue's first message must be the first one published."""
    expected = source.contents[0]
    number = b"%08d" % 1  # of the first block
    request = wire.method(1, wire.BASIC_GET, b"\0\0", wire.short_string(queue), b"\x01")
    peer.send(request)
    (found,) = wire.read_contents(peer.read_whole(get_reply_size(expected)))
    assert found.exchange == expected.exchange, found
    assert found.routing_key == expected.routing_key.replace(PLACEHOLDER, number), found
    assert found.body == expected.body.replace(PLACEHOLDER, number), found


def wait_until_queued(peer: Peer, queues: list[str], message_count: int) -> None:
    """Return when each queue holds that many; ask the last one first, then all of them."""
    deadline = time.perf_counter() + SETTLE_S
    for names in (queues[-1:], queues):
        while (least := min(peer.message_counts(names))) < message_count:
            if time.perf_counter() > deadline:
                raise TimeoutError(f"{least} of {message_count} messages after {SETTLE_S} s")
            time.sleep(0.005)


@scenario("topic", "a topic exchange with 10 000 bindings of 100 queues, each routing key new")
def topic(run: Run) -> Metrics:
    """Each message matches one binding; all are consumed (auto-ack) on one channel."""
    queue_count, binding_count, block_count = 100, 10_000, 1000
    queues = [f"bench.topic-{number:03}" for number in range(queue_count)]
    exchange = "bench.topic"
    # Each word number belongs to one binding; the patterns take turns, so that a lookup
    # meets literal words, * and # side by side.
    patterns = ("site.{}.*.temperature", "site.{}.#", "*.{}.*.temperature", "site.{}.*.*")
    bindings = [
        (queues[number % queue_count], patterns[number % 4].format(f"{number:05}"))
        for number in range(binding_count)
    ]
    templates = [
        [
            wire.publish(exchange, b"site.%05d.%b.temperature" % (number, PLACEHOLDER), BODY)
            for number in range(start, binding_count, binding_count // block_count)
        ]
        for start in range(binding_count // block_count)
    ]
    with (
        stage(run.target, queues, exchange=exchange, exchange_type="topic") as owner,
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        started = time.perf_counter()
        owner.bind(exchange, bindings)
        bind_s = time.perf_counter() - started
        tags = [f"consumer-{number:03}" for number in range(queue_count)]
        for queue, tag in zip(queues, tags, strict=True):
            receiver.consume(queue, tag, no_ack=True)
        source = Distinct(templates)
        consumer = Consumer(receiver, source, tags[0])
        publisher = Publisher(sender, source, IN_FLIGHT_MAX, consumer)
        warm_up(publisher, consumer, ordered=False)
        metrics = measure_flow(run, Flow([publisher], [consumer]))
        assert_empty(owner, queues)
    return metrics | {"binds_per_s": binding_count / bind_s}
