from __future__ import annotations

import pytest

from broker.queues.priority_lanes import PriorityLanes


@pytest.fixture
def lanes() -> PriorityLanes[str]:
    return PriorityLanes(5)


def test_the_oldest_of_the_highest_priority_comes_first(lanes: PriorityLanes[str]) -> None:
    for message, priority in (("a0", 0), ("b3", 3), ("c0", 0), ("d3", 3), ("e1", 1)):
        lanes.put(message, priority)
    assert list(lanes) == ["b3", "d3", "e1", "a0", "c0"]
    assert lanes[0] == "b3"
    assert lanes.top_priority == 3
    assert [lanes.popleft() for _ in range(5)] == ["b3", "d3", "e1", "a0", "c0"]
    assert not lanes


def test_more_than_the_maximum_is_the_maximum(lanes: PriorityLanes[str]) -> None:
    lanes.put("five", 5)
    lanes.put("nine", 9)
    lanes.put("also five", 5)
    assert list(lanes) == ["five", "nine", "also five"]
    assert lanes.top_priority == 5


def test_it_looks_like_a_deque(lanes: PriorityLanes[str]) -> None:
    assert (len(lanes), bool(lanes)) == (0, False)
    lanes.append("a")
    lanes.extend(["b", "c"])
    lanes.put("first", 1)
    assert (len(lanes), bool(lanes)) == (4, True)
    assert list(lanes) == ["first", "a", "b", "c"]
    lanes.clear()
    assert (len(lanes), bool(lanes), lanes.top_priority) == (0, False, -1)
    lanes.append("again")
    assert lanes.popleft() == "again"


def test_a_maximum_of_zero_is_one_lane() -> None:
    lanes: PriorityLanes[str] = PriorityLanes(0)
    for message, priority in (("a", 0), ("b", 9), ("c", 1)):
        lanes.put(message, priority)
    assert [lanes.popleft() for _ in range(3)] == ["a", "b", "c"]


def test_the_top_falls_and_rises_with_what_is_there(lanes: PriorityLanes[str]) -> None:
    lanes.put("a", 1)
    lanes.put("b", 4)
    assert lanes.popleft() == "b"
    assert lanes.top_priority == 1
    lanes.put("c", 3)
    lanes.put("d", 2)
    assert lanes.top_priority == 3
    assert [lanes.popleft() for _ in range(3)] == ["c", "d", "a"]
    assert lanes.top_priority == -1
