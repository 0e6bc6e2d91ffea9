"""Round trips: one message in flight."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import quantiles

from . import disk, wire
from .flow import delivery_size
from .scenario import Meter, Metrics, Run, scenario
from .stage import stage
from .throughput import BODY

SKIPPED_COUNT = 50  # the first few are slower: caches, and the client's own code


@scenario("latency", "one message in flight: publish to delivery, two connections, auto-ack")
def latency(run: Run) -> Metrics:
    queue, tag = "bench.latency", "consumer-1"
    message = wire.publish("", queue, BODY)
    size = delivery_size(wire.read_contents(message)[0], tag)
    with (
        stage(run.target, [queue]),
        run.target.connect() as sender,
        run.target.connect() as receiver,
    ):
        receiver.consume(queue, tag, no_ack=True)
        send, receive = sender.socket.send, receiver.socket.recv

        def round_trip() -> None:
            send(message)
            missing = size
            while missing > 0:
                missing -= len(receive(4096))
            assert missing == 0, "more was delivered than published"

        return time_each(run, round_trip)


@scenario("confirm-latency", "one persistent message in flight: publish to confirm")
def confirm_latency(run: Run) -> Metrics:
    queue = "bench.confirm-latency"
    message = wire.publish("", queue, BODY, wire.PERSISTENT)
    with stage(run.target, [queue], durable=True), run.target.connect() as sender:
        sender.confirm_select()
        send, receive = sender.socket.send, sender.socket.recv

        def round_trip() -> None:
            send(message)
            missing = wire.ACK_SIZE
            while missing > 0:
                missing -= len(receive(4096))
            assert missing == 0, "more than one confirm for one message"

        return time_each(run, round_trip) | {"fdatasync_us": disk.fdatasync_us()}


def time_each(run: Run, round_trip: Callable[[], None]) -> Metrics:
    for _ in range(SKIPPED_COUNT):
        round_trip()
    now = time.perf_counter_ns
    times_ns: list[int] = []
    limit = run.messages or 1 << 60
    meter = Meter(run.target)
    while len(times_ns) < limit and meter.elapsed_s() < run.seconds:
        start = now()
        round_trip()
        times_ns.append(now() - start)
    elapsed_s = meter.elapsed_s()
    points = quantiles(times_ns, n=1000)
    return {
        "p50_us": points[499] / 1000,
        "p99_us": points[989] / 1000,
        "p999_us": points[998] / 1000,
        "max_us": max(times_ns) / 1000,
        "rate_per_s": len(times_ns) / elapsed_s,
        "cpu_us": meter.cpu_us(len(times_ns)),
    }
