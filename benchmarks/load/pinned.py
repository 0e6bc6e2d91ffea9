"""Messages that stay while others come and go around them: what they keep on the disk.

Every fiftieth message of a stream goes to a queue that nobody consumes. Whatever the files of a
store are, each soon holds a few live messages among many dead ones.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from . import wire
from .backlog import TAG, drain
from .flow import Flow, Publisher
from .numbered import BLOCK_COUNT, Numbered, NumberedConsumer, numbered_block
from .scenario import Meter, Metrics, Run, flow_metrics, scenario
from .stage import assert_empty, stage
from .target import Target
from .throughput import ACK_EVERY, IN_FLIGHT_MAX, PREFETCH

KEPT, PASSING = "bench.pinned-kept", "bench.pinned-passing"
KEPT_EVERY = 50
KEPT_COUNT = 100_000
KEPT_IN_BLOCK = BLOCK_COUNT // KEPT_EVERY
PASSING_IN_BLOCK = BLOCK_COUNT - KEPT_IN_BLOCK
BODY_BYTES = 1024
ALONE_SECONDS_MIN = 5  # long enough for files to be deleted or rewritten then, too
SETTLE_S = 1


@scenario(
    "pinned",
    "1 KiB, persistent, an ack for every 100; every 50th stays until 100 MB have",
    single=True,
    own=True,
    isolated=True,
)
def pinned(run: Run) -> Metrics:
    """The rate is that of the second half, during which 50 to 100 MB are pinned."""
    target = run.target
    wanted = run.messages // KEPT_EVERY if run.messages else run.size(KEPT_COUNT, KEPT_COUNT // 5)
    block_count = max(1, wanted // KEPT_IN_BLOCK // 2)  # in each half
    kept_count = block_count * 2 * KEPT_IN_BLOCK
    kept = Numbered(KEPT, BODY_BYTES, wire.PERSISTENT, KEPT_IN_BLOCK)
    with stage(target, [KEPT, PASSING], durable=True) as owner:
        with _flow(target, Numbered(PASSING, BODY_BYTES, wire.PERSISTENT)) as flow:
            seconds = run.seconds if run.quick else max(run.seconds, ALONE_SECONDS_MIN)
            meter = Meter(target)
            alone = flow_metrics(flow.run(seconds=seconds), meter)
        with _flow(target, _mixed_source()) as flow:
            flow.run(messages=block_count * PASSING_IN_BLOCK)
            meter = Meter(target)
            result = flow.run(messages=block_count * PASSING_IN_BLOCK)
            result.message_count = block_count * BLOCK_COUNT
            metrics = flow_metrics(result, meter)
        time.sleep(SETTLE_S)
        disk_bytes = target.disk_bytes()
        assert_empty(owner, [PASSING])
        (found,) = owner.message_counts([KEPT])
        assert found == kept_count, f"{found} messages were kept instead of {kept_count}"
        drain(target, kept, kept_count)
    live_bytes = kept_count * sum(len(part) for part in kept.content)
    return metrics | {
        "rate_per_s_alone": alone["rate_per_s"],
        "cpu_us_alone": alone["cpu_us"],
        "rate_ratio": metrics["rate_per_s"] / alone["rate_per_s"],
        "live_mb": live_bytes / 1e6,
        "disk_mb": disk_bytes / 1e6,
        "disk_ratio": disk_bytes / live_bytes,
    }


def _mixed_source() -> Numbered:
    """A block: 49 passing messages, one to be kept, and so on. Only the passing ones count."""
    step = KEPT_EVERY - 1
    kept = numbered_block(KEPT, BODY_BYTES, wire.PERSISTENT, KEPT_IN_BLOCK)
    between = {step * index + step - 1: message for index, message in enumerate(kept)}
    return Numbered(PASSING, BODY_BYTES, wire.PERSISTENT, PASSING_IN_BLOCK, between)


@contextmanager
def _flow(target: Target, source: Numbered) -> Iterator[Flow]:
    with target.connect() as sender, target.connect() as receiver:
        receiver.consume(PASSING, TAG, no_ack=False, prefetch_count=PREFETCH)
        consumer = NumberedConsumer(receiver, source, TAG, ACK_EVERY)
        yield Flow([Publisher(sender, source, IN_FLIGHT_MAX, consumer)], [consumer])
