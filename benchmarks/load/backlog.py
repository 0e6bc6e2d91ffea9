"""A backlog: messages of which nobody takes any, and then one consumer takes them all."""

from __future__ import annotations

import time
from functools import partial

from . import wire
from .flow import Flow, FlowResult, Publisher
from .numbered import Numbered, NumberedConsumer
from .routing import wait_until_queued
from .scenario import SCENARIOS, Meter, Metrics, Run, Scenario, scenario
from .stage import assert_empty, stage
from .target import Target
from .throughput import ACK_EVERY, PREFETCH

QUEUE = "bench.backlog"
TAG = "consumer-1"
BODY_BYTES = 100
BACKLOG_COUNT = 1_000_000


def fill(target: Target, source: Numbered, message_count: int, window: int = 0) -> FlowResult:
    """Publish; return when the queue, empty before, shows that many.

    window: unconfirmed messages allowed; 0: no confirms asked for.
    """
    with target.connect() as owner, target.connect() as sender:
        if window:
            sender.confirm_select()
        start = time.perf_counter()
        flow = Flow([Publisher(sender, source, 1 << 60, window=window)])
        result = flow.run(messages=message_count)
        wait_until_queued(owner, [source.queue], message_count)
        result.elapsed_s = time.perf_counter() - start
        (found,) = owner.message_counts([source.queue])
        assert found == message_count, f"{found} messages instead of {message_count}"
    return result


def drain(target: Target, source: Numbered, message_count: int, acks: bool = True) -> FlowResult:
    """Consume what was published, and check that it is exactly that, in that order."""
    prefetch_count = PREFETCH if acks else 0
    with target.connect() as receiver:
        consumer = NumberedConsumer(receiver, source, TAG, ACK_EVERY if acks else 0)
        consumer.wanted = message_count
        start = time.perf_counter()
        receiver.consume(source.queue, TAG, no_ack=not acks, prefetch_count=prefetch_count)
        result = Flow([], [consumer]).run()
        result.elapsed_s = time.perf_counter() - start
        assert consumer.delivered == message_count, f"{consumer.delivered} were delivered"
    with target.connect() as owner:
        assert_empty(owner, [source.queue])  # what was not acknowledged is back now
    result.message_count = message_count
    return result


def _backlog(run: Run, properties: bytes, full_count: int) -> Metrics:
    target = run.target
    message_count = run.messages or run.size(full_count, full_count // 5)
    source = Numbered(QUEUE, BODY_BYTES, properties)
    with stage(target, [QUEUE], durable=True):
        rss_start = target.rss_bytes()
        meter = Meter(target)
        filled = fill(target, source, message_count)
        metrics = {
            "rate_per_s": message_count / filled.elapsed_s,
            "cpu_us": meter.cpu_us(message_count),
            "generator_us": filled.generator_cpu_s / message_count * 1e6,
            "rss_mb": (target.rss_bytes() - rss_start) / 1e6,
            "disk_mb": target.disk_bytes() / 1e6,
        }
        meter = Meter(target)
        drained = drain(target, source, message_count)
        return metrics | {
            "drain_per_s": message_count / drained.elapsed_s,
            "drain_cpu_us": meter.cpu_us(message_count),
            "rss_peak_mb": (target.rss_peak_bytes() - rss_start) / 1e6,
        }


def _register(name: str, says: str, properties: bytes, full_count: int) -> None:
    SCENARIOS[name] = Scenario(
        name,
        says,
        partial(_backlog, properties=properties, full_count=full_count),
        single=True,
        isolated=True,
        own=full_count > BACKLOG_COUNT,
        on_request=full_count > BACKLOG_COUNT,
    )


TRANSIENT = wire.NO_PROPERTIES
PERSISTENT = wire.PERSISTENT
_register(
    "backlog",
    "1 000 000 messages of 100 bytes put in a queue, then drained",
    TRANSIENT,
    BACKLOG_COUNT,
)
_register("backlog-persistent", "the same, persistent", PERSISTENT, BACKLOG_COUNT)
_register("backlog-10m", "10 000 000 of them, then drained", TRANSIENT, 10 * BACKLOG_COUNT)
_register("backlog-10m-persistent", "the same, persistent", PERSISTENT, 10 * BACKLOG_COUNT)


@scenario("drain-auto-ack", "1 000 000 persistent messages consumed with auto-ack", single=True)
def drain_auto_ack(run: Run) -> Metrics:
    """With acks: see the drain_per_s of backlog-persistent."""
    message_count = run.messages or run.size(BACKLOG_COUNT, BACKLOG_COUNT // 5)
    source = Numbered(QUEUE, BODY_BYTES, PERSISTENT)
    with stage(run.target, [QUEUE], durable=True):
        fill(run.target, source, message_count)
        meter = Meter(run.target)
        drained = drain(run.target, source, message_count, acks=False)
        return {
            "rate_per_s": message_count / drained.elapsed_s,
            "cpu_us": meter.cpu_us(message_count),
            "generator_us": drained.generator_cpu_s / message_count * 1e6,
        }
