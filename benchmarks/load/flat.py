"""Flat cost: what a message costs must not depend on what else the broker holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from . import wire
from .connections import crowd
from .flow import Flow, Publisher
from .routing import wait_until_queued
from .scenario import Metrics, Run, scenario
from .source import Repeated
from .stage import stage
from .target import Target
from .throughput import BODY, make_pair, measure_flow

QUEUE = "bench.flat"
BACKLOG_COUNT = 1_000_000


@scenario("flat-connections", "auto-ack beside 1 000 idle connections", own=True)
def flat_connections(run: Run) -> Metrics:
    @contextmanager
    def load() -> Iterator[None]:
        with crowd(run.target) as members:
            members.open(run.size(1000, 500))
            yield

    return _compare(run, load())


@scenario("flat-queues", "auto-ack beside 10 000 queues", own=True)
def flat_queues(run: Run) -> Metrics:
    names = [f"bench.other-{number:05}" for number in range(run.size(10_000, 3_000))]
    return _compare(run, stage(run.target, names))


@scenario("flat-backlog", "auto-ack beside a queue of 1 000 000 messages", own=True)
def flat_backlog(run: Run) -> Metrics:
    @contextmanager
    def load() -> Iterator[None]:
        with stage(run.target, ["bench.other"]):
            yield from _fill(run, "bench.other")

    return _compare(run, load())


@scenario("flat-same-queue", "ack every 100, with 1 000 000 messages in that queue", own=True)
def flat_same_queue(run: Run) -> Metrics:
    with stage(run.target, [QUEUE]):
        alone = _flow(run, acks=True)
        rss_start = run.target.rss_bytes()
        for _ in _fill(run, QUEUE):
            rss_full = run.target.rss_bytes()
            beside = _flow(run, acks=True, checked=False)
    metrics = _ratio(alone, beside)
    return metrics | {"rss_bytes_each": (rss_full - rss_start) / _backlog_count(run)}


def _backlog_count(run: Run) -> int:
    return run.size(BACKLOG_COUNT, BACKLOG_COUNT // 5)


def _fill(run: Run, queue: str) -> Iterator[None]:
    """Put the backlog into a queue, then yield once."""
    with run.target.connect() as owner, run.target.connect() as sender:
        source = Repeated(wire.publish("", queue, BODY))
        Flow([Publisher(sender, source, 1 << 60)]).run(messages=_backlog_count(run))
        wait_until_queued(owner, [queue], _backlog_count(run))
    yield


def _compare(run: Run, load: AbstractContextManager[object]) -> Metrics:
    alone = _measure(run, nullcontext())
    return _ratio(alone, _measure(run, load))


def _measure(run: Run, load: AbstractContextManager[object]) -> Metrics:
    with load, stage(run.target, [QUEUE]):
        return _flow(run)


def _flow(run: Run, acks: bool = False, checked: bool = True) -> Metrics:
    target: Target = run.target
    with target.connect() as sender, target.connect() as receiver:
        source = Repeated(wire.publish("", QUEUE, BODY))
        publisher, consumer = make_pair(sender, receiver, source, QUEUE, acks=acks, checked=checked)
        return measure_flow(run, Flow([publisher], [consumer]))


def _ratio(alone: Metrics, beside: Metrics) -> Metrics:
    return {
        "cpu_ratio": beside["cpu_us"] / alone["cpu_us"],
        "cpu_us": beside["cpu_us"],
        "cpu_us_alone": alone["cpu_us"],
        "rate_per_s": beside["rate_per_s"],
        "rate_per_s_alone": alone["rate_per_s"],
    }
