"""A commit is there whole or not at all, however many blocks it has.

A dead letter is kept in one queue and settled in another: with half of such a commit a message
would be there twice, or gone.
"""

from __future__ import annotations

from collections import Counter

import pytest

from broker.amqp.methods import BasicNack
from tests.support.builders import table
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import KeptWorld

COUNT = 24
BODIES = [f"{number:05d}" * (4000 + number) for number in range(COUNT)]  # 20 kB, no two alike


def bodies(world: KeptWorld) -> Counter[str]:
    """Everything in all queues, taken out."""
    found: Counter[str] = Counter()
    for queue in world.vhost.queues.values():
        while (delivery := queue.pop()) is not None:
            found[delivery.message.body.decode()] += 1
    return found


def dying() -> tuple[KeptWorld, int]:
    """A world in which messages have died, committed last of all; and how far the disk was before.

    All of them go from one queue to another in one commit of many blocks.
    """
    world = KeptWorld()
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "dead", durable=True)
    arguments = table(x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
    peer.declares(1, "q", durable=True, arguments=arguments)
    for body in BODIES:
        peer.publishes(1, "q", body, delivery_mode=2)
    world.commits()
    for _ in BODIES:
        peer.gets(1, "q", no_ack=False)
    world.commits()
    before = world.disk.operations
    peer.sends(1, BasicNack(0, multiple=True, requeue=False))
    world.settle()
    world.commits()
    return world, before


def test_the_commit_has_many_blocks() -> None:
    world, _ = dying()
    assert world.log.next_block > 2 * COUNT // 4
    assert bodies(world.crashes()) == Counter(BODIES)


@pytest.mark.parametrize("how", ["killed", "power cut"])
def test_dead_letters_are_in_exactly_one_queue_after_a_crash(how: str) -> None:
    world, before = dying()
    tried = 0
    for at in range(before, world.disk.operations + 1):
        for disk in disks(world.disk, at, how):
            found = bodies(world.crashes(disk))
            assert found == Counter(BODIES), (at, str(disk))
            tried += 1
    assert tried >= 10


def disks(disk: FaultyDisk, at: int, how: str) -> list[FaultyDisk]:
    if how == "power cut":
        return list(disk.extremes(at))
    torn = range(0, 500_000, 30_000)
    return [disk.after_kill(at), *(disk.after_kill(at, torn=octets) for octets in torn)]
