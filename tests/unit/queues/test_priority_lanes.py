from __future__ import annotations

import pytest

from broker.queues.priority_lanes import LANE, PriorityLanes


@pytest.fixture
def lanes() -> PriorityLanes[str]:
    return PriorityLanes(5)


def put(lanes: PriorityLanes[str], *entries: tuple[str, int]) -> None:
    """Messages and their priorities, with the next sequence numbers."""
    first = max(lanes.seqs(), default=0) + 1
    for seq, (message, priority) in enumerate(entries, first):
        lanes.put(message, priority, seq)


def test_the_oldest_of_the_highest_priority_comes_first(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("a0", 0), ("b3", 3), ("c0", 0), ("d3", 3), ("e1", 1))
    assert list(lanes) == ["b3", "d3", "e1", "a0", "c0"]
    assert lanes[0] == "b3"
    assert lanes.top_priority == 3
    assert [lanes.popleft() for _ in range(5)] == ["b3", "d3", "e1", "a0", "c0"]
    assert not lanes


def test_more_than_the_maximum_is_the_maximum(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("five", 5), ("nine", 9), ("also five", 5))
    assert list(lanes) == ["five", "nine", "also five"]
    assert lanes.top_priority == 5


def test_every_message_keeps_its_sequence_number(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("a", 0), ("b", 3), ("c", 0), ("d", 3))
    assert sorted(lanes.seqs()) == [1, 2, 3, 4]
    found = []
    while lanes:
        found.append((lanes.top_seq, lanes.popleft()))
    assert found == [(2, "b"), (4, "d"), (1, "a"), (3, "c")]
    assert lanes.seqs() == []


def test_it_looks_like_a_deque(lanes: PriorityLanes[str]) -> None:
    assert (len(lanes), bool(lanes)) == (0, False)
    put(lanes, ("a", 0), ("b", 0), ("c", 0), ("first", 1))
    assert (len(lanes), bool(lanes)) == (4, True)
    assert list(lanes) == ["first", "a", "b", "c"]
    lanes.clear()
    assert (len(lanes), bool(lanes), lanes.top_priority) == (0, False, -1)
    put(lanes, ("again", 0))
    assert lanes.popleft() == "again"


def test_a_maximum_of_zero_is_one_lane() -> None:
    lanes: PriorityLanes[str] = PriorityLanes(0)
    put(lanes, ("a", 0), ("b", 9), ("c", 1))
    assert [lanes.popleft() for _ in range(3)] == ["a", "b", "c"]


def test_the_top_falls_and_rises_with_what_is_there(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("a", 1), ("b", 4))
    assert lanes.popleft() == "b"
    assert lanes.top_priority == 1
    put(lanes, ("c", 3), ("d", 2))
    assert lanes.top_priority == 3
    assert [lanes.popleft() for _ in range(3)] == ["c", "d", "a"]
    assert lanes.top_priority == -1


def test_runs_are_put_and_taken_with_their_ranks() -> None:
    lanes: PriorityLanes[str] = PriorityLanes(5)
    lanes.put_run(["a", "b", "c"], 1, 10)
    lanes.put_run(["d"], 9, 13)
    lanes.put_run(["e", "f"], 1, 14)
    assert (len(lanes), lanes.top_rank) == (6, 13 - 5 * LANE)
    assert lanes.take(3) == (["d", "a", "b"], [13 - 5 * LANE, 10 - LANE, 11 - LANE])
    assert lanes.take(0) == ([], [])
    assert lanes.take(100) == (["c", "e", "f"], [12 - LANE, 14 - LANE, 15 - LANE])
    assert (len(lanes), bool(lanes), lanes.top_priority) == (0, False, -1)


def test_how_many_there_are_of_each_priority(lanes: PriorityLanes[str]) -> None:
    assert lanes.lengths() == [0] * 6
    put(lanes, ("a", 0), ("b", 3), ("c", 0), ("d", 9), ("e", 3))
    assert lanes.lengths() == [2, 0, 0, 2, 0, 1]
    lanes.take(2)
    assert lanes.lengths() == [2, 0, 0, 1, 0, 0]
    lanes.clear()
    assert lanes.lengths() == [0] * 6


def test_lanes_that_ran_empty_are_used_again() -> None:
    lanes: PriorityLanes[str] = PriorityLanes(255)
    for seq in range(1, 4):
        lanes.put("low", 0, 2 * seq)
        lanes.put("high", 255, 2 * seq + 1)
        assert lanes.take(2)[0] == ["high", "low"]
    assert list(lanes) == []


def test_they_are_looked_through_from_any_place_on(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("a0", 0), ("b3", 3), ("c0", 0), ("d3", 3), ("e1", 1))
    ranks = [2 - 3 * LANE, 4 - 3 * LANE, 5 - LANE, 1, 3]
    everything = list(zip(ranks, ["b3", "d3", "e1", "a0", "c0"], strict=True))
    assert lanes.behind(None, 10) == everything
    assert lanes.behind(None, 2) == everything[:2]
    for count, rank in enumerate(ranks, 1):
        assert lanes.behind(rank, 10) == everything[count:]
        assert lanes.count_behind(rank) == 5 - count
    assert lanes.behind(3 - 3 * LANE, 1) == [everything[1]]  # behind one that has gone
    assert [lanes.rank_of(seq) for seq in (1, 2, 5, 6)] == [1, ranks[0], ranks[2], None]
    assert len(lanes) == 5


def test_one_is_taken_out_of_the_midst(lanes: PriorityLanes[str]) -> None:
    put(lanes, ("a", 0), ("b", 3), ("c", 0), ("d", 0))
    assert lanes.remove(3) == "c"
    assert lanes.remove(2 - 3 * LANE) == "b"
    assert (list(lanes), len(lanes), lanes.top_priority) == (["a", "d"], 2, 0)
    with pytest.raises(AssertionError):
        lanes.remove(3)
