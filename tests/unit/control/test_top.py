"""Frames: what has moved, and what is first in some order."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from broker.control import top
from broker.control.actions import Asked
from broker.queues.queue import Queue
from tests.support.control import ControlledNode


def frames(node: ControlledNode, between: Any, monkeypatched_ms: int = 1) -> list[dict[str, Any]]:
    """Two, with something done in between."""

    async def two() -> list[dict[str, Any]]:
        own = node.runtime.node
        assert own is not None
        sampler = top.Sampler(own)
        first = await sampler.look()
        between(own)
        await asyncio.sleep(monkeypatched_ms / 1000)
        return [first, await sampler.look()]

    found: list[dict[str, Any]] = asyncio.run_coroutine_threadsafe(two(), node._loop).result(20)
    return found


def test_rates_are_of_what_has_moved(node: ControlledNode) -> None:
    own = node.runtime.node
    assert own is not None
    queues = own.vhosts["/"].queues
    queues["moving"], queues["still"] = Queue("moving", "/", []), Queue("still", "/", [])
    queues["moving"].published = 1000

    def publish(_: Any) -> None:
        queues["moving"].published += 10
        queues["moving"].acked += 5

    try:
        first, second = frames(node, publish)
    finally:
        del queues["moving"], queues["still"]
    assert first["publish_rate"] == 0  # of what was there before nobody knows
    assert first["queues"] == second["queues"] == 2
    rates = {row["name"]: row["publish_rate"] for row in second["queue_rows"]}
    assert rates["moving"] == second["publish_rate"] > 0
    assert rates["still"] == 0
    assert 0 < second["ack_rate"] < second["publish_rate"]


def test_a_frame_has_the_first_of_each_order_only(node: ControlledNode) -> None:
    own = node.runtime.node
    assert own is not None
    queues = own.vhosts["/"].queues
    for number in range(500):
        queue = queues[f"q{number}"] = Queue(f"q{number}", "/", [])
        queue.unacked_count = number
    try:
        _, frame = frames(node, lambda _: None)
    finally:
        for number in range(500):
            del queues[f"q{number}"]
    assert frame["queues"] == 500
    assert frame["unacked"] == sum(range(500))
    shown = {row["name"] for row in frame["queue_rows"]}
    assert {f"q{number}" for number in range(500 - top.LIMIT, 500)} <= shown
    assert len(shown) <= 2 * top.LIMIT


def test_frames_come_until_there_are_enough(node: ControlledNode) -> None:
    async def take() -> int:
        asked = Asked(node.runtime)
        return len([one async for one in top.frames(asked, 100, 2) if one is not None])

    assert asyncio.run_coroutine_threadsafe(take(), node._loop).result(20) == 2
    assert cast(Any, node.runtime).node is not None
