"""The power fails at every single operation of a node's disk: what was promised is kept.

A story is random, and everything after it is not left to chance: at each operation of its disk,
each of the extremes of tests/support/faulty_disk.py, and one random outcome. LEVERET_SEED=7 plays
another story, LEVERET_OPERATIONS=2000 a longer one.
"""

from __future__ import annotations

import logging
import os
import random
from collections import Counter
from collections.abc import Callable

import pytest

from broker.store.format import SEGMENT_MAGIC, read_segment_header
from broker.store.segment_files import STOPPED
from tests.simulation.lives import Scale, scaled
from tests.simulation.power_loss import Inspector, Story, Thoroughness
from tests.support.faulty_disk import Kind

SCALES = {
    "small": Scale(),
    "slow disk": Scale(delays=0.5),
    "paged": Scale(segment_octets=1500, block_octets=400, queue_memory=500, delays=0.3),
    "large": Scale(8192, 64 * 1024, queue_memory=500, large=25, delays=0.3),
    "interval": Scale(sync="interval", delays=0.3),
    "never": Scale(sync="never"),
}
OPERATIONS = int(os.environ.get("LEVERET_OPERATIONS", "350"))
SHORT, LONG = Thoroughness(repairs=12, futures=60, kills=8), Thoroughness(3, 12, 2)

each_scale = pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, logger="broker")


def inspect(seed: int, scale: Scale, operations: int, thoroughness: Thoroughness) -> Counter[str]:
    """Play a story and inspect it. Returns: its counts, which are printed."""
    with scaled(scale):
        story = Story.of_seed(seed, scale, operations)
        counts = story.book.counts + kinds_of(story)
        inspector = Inspector(story, thoroughness)
        try:
            inspector.inspects_everything()
        except BaseException:
            print(f"\nreplay with: LEVERET_SEED={seed} LEVERET_OPERATIONS={operations}")  # noqa: T201
            raise
    counts += inspector.counts
    print(f"\nseed {seed}, {scale}: {dict(sorted(counts.items()))}")  # noqa: T201
    return counts


def kinds_of(story: Story) -> Counter[str]:
    """What happened to the files."""
    counts = Counter(operation.kind.value for operation in story.disk.journal)
    for operation in story.disk.journal:
        if operation.kind is Kind.RENAME:
            counts["stopped" if operation.target.endswith(STOPPED) else "checkpoints"] += 1
        elif operation.kind is Kind.WRITE and operation.data.startswith(SEGMENT_MAGIC):
            number = int(operation.path[-14:-4])
            is_cold = read_segment_header(operation.data, number).is_cold
            counts["cold segments" if is_cold else "hot segments"] += 1
    return counts


@each_scale
def test_what_was_promised_survives_a_power_loss_at_any_operation(
    scale: Scale, record_property: Callable[[str, object], None]
) -> None:
    seed = int(os.environ.get("LEVERET_SEED", "1"))
    is_usual = scale.sync == "commit"
    counts = inspect(seed, scale, OPERATIONS if is_usual else OPERATIONS // 3, SHORT)
    for name, number in counts.items():
        record_property(name, number)
    if not is_usual or "LEVERET_SEED" in os.environ:
        return
    for event, least in {  # it does what it is for
        "points": OPERATIONS,
        "different disks": 2 * OPERATIONS,
        "recoveries": 4 * OPERATIONS,
        "interrupted recoveries": OPERATIONS // 2,
        "futures": 10,
        "kills": OPERATIONS // 10,
        "confirmed": OPERATIONS // 4,
        "delivered": OPERATIONS // 4,
        "done": OPERATIONS // 4,
        "large": 2 if scale.large else 0,
        "committed": 5,
        "rolled back": 1,
        "purged": 10,
        "deleted": 2,
        "hot segments": 5,
        "cold segments": 2,
        "checkpoints": 5,
        "remove": 5,
        "stopped": 2,
    }.items():
        assert counts[event] >= least, f"{event}: {counts[event]} of {dict(counts)}"


@pytest.mark.soak
@each_scale
def test_what_was_promised_survives_a_power_loss_at_any_operation_of_many_stories(
    scale: Scale, record_property: Callable[[str, object], None]
) -> None:
    seeds = random.SystemRandom()
    counts: Counter[str] = Counter()
    for _ in range(int(os.environ.get("LEVERET_RUNS", "10"))):
        counts += inspect(seeds.randrange(10**9), scale, OPERATIONS, LONG)
    for name, number in counts.items():
        record_property(name, number)
