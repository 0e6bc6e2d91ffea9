"""Single file: one slice in a turn of the loop, in the order of asking."""

from __future__ import annotations

import asyncio

import pytest

from broker.management import lane as module
from broker.management.lane import Breath, Lane


def test_everybody_goes_on_in_order_one_per_turn_of_the_loop() -> None:
    went: list[tuple[str, int]] = []
    turn = 0

    async def count_turns() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    async def work(lane: Lane, name: str) -> None:
        for _ in range(3):
            await lane.turn()
            went.append((name, turn))

    async def run() -> None:
        lane = Lane()
        counting = asyncio.ensure_future(count_turns())
        await asyncio.gather(*(work(lane, name) for name in "abc"))
        counting.cancel()

    asyncio.run(run())
    assert [name for name, _ in went] == list("abcabcabc")
    turns = [at for _, at in went]
    assert len(set(turns)) == len(turns), "two slices in one turn"


def test_who_gave_up_does_not_hold_up_the_others() -> None:
    async def run() -> bool:
        lane = Lane()
        first = asyncio.ensure_future(lane.turn())
        second = asyncio.ensure_future(lane.turn())
        await asyncio.sleep(0)
        first.cancel()
        await second
        return first.cancelled()

    assert asyncio.run(run())


def test_it_moves_again_after_it_was_empty() -> None:
    async def run() -> None:
        lane = Lane()
        for _ in range(3):
            await lane.turn()
            for _ in range(5):
                await asyncio.sleep(0)

    asyncio.run(run())


def test_a_breath_is_taken_when_the_slice_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(module, "perf_counter", lambda: now)

    async def run() -> list[bool]:
        nonlocal now
        lane, rested = Lane(), []
        breath = Breath(lane)
        for step in (0.0, module.SLICE_S / 2, module.SLICE_S):
            now += step
            others = asyncio.ensure_future(asyncio.sleep(0))
            await breath.take()
            rested.append(others.done())
            await others
        assert not breath.is_over
        now += module.SLICE_S
        assert breath.is_over
        await breath.rest()
        assert not breath.is_over
        return rested

    assert asyncio.run(run()) == [False, False, True]
