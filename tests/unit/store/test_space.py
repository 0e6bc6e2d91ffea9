from __future__ import annotations

import pytest

from broker.store.format import FIRST_OFFSET
from broker.store.space import SEGMENTS_MAX, Segment, Space

SIZE = 1000  # of a segment


@pytest.fixture
def space() -> Space:
    return Space(SIZE)


def begin(space: Space, *, live: int = 0, octets: int = SIZE, is_cold: bool = False) -> Segment:
    """A segment of that size. live: messages of ten octets in it."""
    segment = space.begin_segment(1, FIRST_OFFSET, is_cold=is_cold)
    space.grow(segment, octets - FIRST_OFFSET)
    space.add(block_in(segment), live, 10.0 * live)
    return segment


def block_in(segment: Segment) -> int:
    return segment.number << 32 | FIRST_OFFSET


def release(space: Space, segment: Segment, count: int) -> None:
    space.release(block_in(segment), count, 10.0 * count)


# what there is


def test_segments_are_numbered_and_of_two_kinds(space: Space) -> None:
    assert (space.hot, space.cold) == (0, 0)
    hot = begin(space)
    cold = begin(space, is_cold=True)
    assert (hot.number, cold.number) == (1, 2)
    assert (space.hot, space.cold) == (1, 2)
    begin(space)
    assert (space.hot, space.cold) == (3, 2)
    assert list(space.segments) == [1, 2, 3]


def test_what_is_live_is_counted(space: Space) -> None:
    one, two = begin(space, live=5), begin(space, live=7)
    assert (space.octets, space.live_octets) == (2 * SIZE, 120)
    release(space, one, 2)
    assert (one.live, one.live_octets, two.live) == (3, 30, 7)
    assert space.live_octets == 100


def test_what_is_live_is_never_less_than_nothing(space: Space) -> None:
    """Octets are estimated; a segment without messages has none, whatever was estimated."""
    segment = begin(space, live=3)
    space.release(block_in(segment), 2, 500.0)
    assert segment.live_octets == 0
    assert space.live_octets == 0
    space.release(block_in(segment), 1, 0.5)
    assert (segment.live, space.live_octets) == (0, 0)
    with pytest.raises(AssertionError):
        release(space, segment, 1)


def test_going_on_at_start(space: Space) -> None:
    space.resume(
        [
            Segment(3, 1, 500),
            Segment(5, 9, 600, is_cold=True),
            Segment(6, 20, 700),
            Segment(7, 30, 800, is_cold=True),
        ]
    )
    assert (space.hot, space.cold, space.octets) == (6, 7, 2600)
    assert begin(space).number == 8


# what can go


def test_a_segment_goes_when_nothing_in_it_is_live(space: Space) -> None:
    one, two, written = begin(space, live=1), begin(space, live=1), begin(space, live=1)
    assert not space.has_dead
    release(space, two, 1)  # before an older one
    assert space.has_dead
    assert space.take_dead() == [2]
    assert not space.has_dead
    assert list(space.segments) == [1, 3]
    assert space.octets == 2 * SIZE
    release(space, one, 1)
    release(space, written, 1)
    assert space.take_dead() == [1]
    assert space.take_dead() == []


def test_segments_that_are_written_to_stay(space: Space) -> None:
    begin(space)
    begin(space, is_cold=True)
    assert not space.has_dead
    begin(space)
    assert space.take_dead() == [1]
    begin(space, is_cold=True)
    assert space.take_dead() == [2]


def test_numbers_are_not_given_again(space: Space) -> None:
    begin(space)
    begin(space)
    space.take_dead()
    assert begin(space).number == 3


# what is cleaned


def test_a_small_log_is_not_cleaned(space: Space) -> None:
    for _ in range(4):
        begin(space, live=1)
    assert not space.is_wasteful
    begin(space, live=1)
    assert space.is_wasteful


def test_a_log_that_is_half_live_is_not_cleaned(space: Space) -> None:
    for _ in range(20):
        begin(space, live=50)
    assert not space.is_wasteful
    assert space.next_to_clean() is None
    release(space, space.segments[1], 10)
    assert space.is_wasteful


def test_the_emptiest_segment_is_cleaned_first(space: Space) -> None:
    for live in (5, 3, 0, 1, 4, 0):
        begin(space, live=live)
    begin(space, live=2, is_cold=True)
    found = []
    while (segment := space.next_to_clean()) is not None:
        found.append(segment.number)
        release(space, segment, segment.live)
    wanted = [4, 2, 5, 1]  # neither those written to, nor those that go by themselves
    assert found == wanted[: len(found)], "while it is worth it"
    assert len(found) > 1


def test_the_share_counts_and_not_the_number(space: Space) -> None:
    for octets, live in ((10_000, 10), (1000, 5), (500, 4), (500, 1)):
        begin(space, octets=octets, live=live)
    segment = space.next_to_clean()
    assert segment is not None
    assert segment.number == 1


def test_many_small_segments_are_cleaned_as_well(space: Space) -> None:
    """Every start may leave one."""
    for _ in range(SEGMENTS_MAX):
        begin(space, octets=30, live=1)
    assert not space.is_wasteful
    begin(space, octets=30, live=1)
    assert space.is_wasteful
