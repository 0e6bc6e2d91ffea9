"""A walk through a queue that goes on meanwhile. tests/property/test_browsing.py has all kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from broker.management.lane import Breath
from broker.management.operations import walking
from broker.management.operations.walking import PAGED, READY, RETURNED, Waiting, Walk, sequence_of
from broker.queues.extended import extend
from broker.queues.features import Features
from broker.queues.priority_lanes import LANE
from broker.queues.queue import Queue
from tests.support.api import Api
from tests.support.builders import message
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import KeptWorld, messages, reopened
from tests.support.seams import FakeClock


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def queue() -> Queue:
    queue = Queue("q", "/", [])
    for body in "abcdefgh":
        queue.push(message(body))
    return queue


def back(queue: Queue, *bodies: str) -> None:
    """The first messages are fetched; some of them come back."""
    queue.unacked_count += 10
    taken = [queue.pop() for _ in range(max(map("abcdefgh".index, bodies)) + 1)]
    queue.requeue([one for one in taken if one and one.message.body.decode() in bodies])


def walked(api: Api, walk: Walk, most: int = 2, between: Callable[[], Any] | None = None) -> str:
    """All bodies; something may happen between the pieces."""

    async def run() -> list[Waiting]:
        breath = Breath(api.management.lane)
        found: list[Waiting] = []
        while chunk := await walk.next(most, breath):
            assert len(chunk) <= most
            found += chunk
            if between is not None:
                between()
        return found

    return "".join(one.body.decode() for one in api.runs(run()))


def skipped(api: Api, walk: Walk, count: int) -> int:
    async def run() -> int:
        return await walk.skip(count, Breath(api.management.lane))

    return api.runs(run())


@pytest.mark.parametrize("most", [1, 3, 100])
def test_in_the_order_of_the_queue(api: Api, queue: Queue, most: int) -> None:
    back(queue, "b", "a", "d")
    assert walked(api, Walk(queue), most) == "abdefgh"
    assert queue.ready_count == 7


def test_each_says_where_it_is(api: Api, queue: Queue) -> None:
    back(queue, "b")

    async def run() -> list[Waiting]:
        return await Walk(queue).next(2, Breath(api.management.lane))

    first, second = api.runs(run())
    assert (first.place, first.rank, first.sequence, first.deliveries) == (RETURNED, 2, 2, 1)
    assert (second.place, second.rank, second.sequence, second.deliveries) == (READY, 3, 3, 0)
    assert first.delivery is queue.returned[0]


def test_from_any_rank_on(api: Api, queue: Queue) -> None:
    back(queue, "a", "c")
    for rank, rest in ((-5, "acdefgh"), (1, "cdefgh"), (2, "cdefgh"), (3, "defgh"), (8, "")):
        assert walked(api, Walk(queue, rank)) == rest


def test_messages_that_are_gone_are_not_met(api: Api, queue: Queue) -> None:
    assert walked(api, Walk(queue), 2, queue.pop) == "abcdefgh"  # it is ahead of who takes them

    def take_three() -> None:
        for _ in range(3):
            queue.pop()

    queue.purge()
    for body in "abcdefgh":
        queue.push(message(body))
    assert walked(api, Walk(queue), 2, take_three) == "abdegh"


def test_what_comes_back_before_the_place_is_not_met_and_behind_it_is(
    api: Api, queue: Queue
) -> None:
    queue.unacked_count = 6
    taken = [queue.pop() for _ in range(6)]
    queue.requeue([one for one in taken[:1] if one])
    rest = [one for one in taken[1:] if one]

    def come_back() -> None:
        queue.requeue([rest.pop(0)] if rest else [])

    assert walked(api, Walk(queue, None), 1, come_back) == "abcdefgh"
    assert walked(api, Walk(queue, 6), 1) == "gh"


def test_what_is_handed_out_behind_the_place_and_comes_back_is_met(api: Api, queue: Queue) -> None:
    walk = Walk(queue)
    assert skipped(api, walk, 2) == 2
    back(queue, "a", "c", "e")
    assert walked(api, walk) == "cefgh"


@pytest.mark.parametrize("tries", [0, 3])
def test_many_that_came_back_are_copied_in_pieces(
    api: Api, queue: Queue, monkeypatch: pytest.MonkeyPatch, tries: int
) -> None:
    monkeypatch.setattr(walking, "COPY_MAX", 2)
    monkeypatch.setattr(walking, "SORTED_MAX", 2)
    monkeypatch.setattr(walking, "TRIES", tries)
    back(queue, *"gfedcba")
    assert walked(api, Walk(queue)) == "abcdefgh"


def test_priorities(api: Api) -> None:
    queue = Queue("q", "/", [])
    extend(queue, Features(max_priority=3), FakeClock())
    for body, priority in zip("abcdef", (0, 3, 1, 3, 0, 1), strict=True):
        queue.push(message(body, priority=priority))
    queue.unacked_count = 2
    taken = [queue.pop(), queue.pop()]
    queue.requeue([taken[1]] if taken[1] else [])
    assert walked(api, Walk(queue)) == "dcfae"
    walk = Walk(queue)
    assert skipped(api, walk, 3) == 3
    assert walk.behind == 6 - LANE
    assert walked(api, walk) == "ae"
    assert sequence_of(6 - LANE) == 6


def on_disk(in_memory: int, contents: str) -> Queue:
    log = reopened(FaultyDisk())
    queue = Queue("q", "/", [], durable=True, queue_id=1, store=log)
    for number, body in enumerate(contents):
        log.queue_memory = 1 << 40 if number < in_memory else -1
        queue.push(*messages(body))
    return queue


def test_on_disk(api: Api) -> None:
    queue = on_disk(3, "abcdefgh")
    queue.unacked_count = 1
    first = queue.pop()
    assert first is not None
    queue.requeue([first])
    assert walked(api, Walk(queue), 3) == "abcdefgh"
    assert (len(queue.ready), queue.ready_count) == (2, 8)

    async def places() -> list[str]:
        breath = Breath(api.management.lane)
        walk = Walk(queue)
        return [(await walk.next(1, breath))[0].place for _ in range(8)]

    assert api.runs(places()) == [RETURNED, READY, READY, *[PAGED] * 5]


@pytest.mark.parametrize("count", range(10))
def test_any_number_is_passed_over(api: Api, count: int) -> None:
    queue = on_disk(4, "abcdefgh")
    back(queue, "a", "c")
    assert queue.log is not None
    queue.log.settle_all([6], are_paged=True)
    whole = "acdegh"
    walk = Walk(queue)
    assert skipped(api, walk, count) == min(count, len(whole))
    assert walked(api, walk) == whole[count:]


def test_what_is_read_in_meanwhile_is_met_once(api: Api) -> None:
    queue = on_disk(2, "abcdefgh")
    assert walked(api, Walk(queue), 2, queue.pop) == "abcdefgh"
    queue = on_disk(2, "abcdefgh")
    walk = Walk(queue)
    assert skipped(api, walk, 5) == 5
    for _ in range(3):
        queue.pop()
    assert walked(api, walk) == "fgh"


def test_those_that_cannot_be_read_are_counted(api: Api) -> None:
    world = KeptWorld()
    world.log.queue_memory = -1
    queue = Queue("q", "/", [], durable=True, queue_id=1, store=world.log)
    for body in "abc":
        queue.push(*messages(body))
    world.commits()
    world.disk.fail("read", times=None)
    walk = Walk(queue)
    assert walked(api, walk) == ""
    assert (walk.take_unreadable(), walk.take_unreadable()) == (3, 0)


def test_whoever_takes_messages_out_says_where_to_go_on(api: Api, queue: Queue) -> None:
    back(queue, "a", "b", "c")
    walk = Walk(queue)

    async def run() -> list[list[Waiting]]:
        breath = Breath(api.management.lane)
        found = [await walk.next(2, breath)]
        assert walk.is_current
        queue.pop()
        assert not walk.is_current
        walk.go_on(1, is_current=False)
        return [*found, await walk.next(9, breath)]

    first, rest = api.runs(run())
    assert [one.sequence for one in first] == [1, 2]
    assert [one.sequence for one in rest] == [2, 3, 4, 5, 6, 7, 8]
