from __future__ import annotations

import pytest

from broker.store.format import (
    COUNTED,
    EXTRAS,
    JUMP,
    MESSAGES,
    MOVED,
    REFER,
    SETTLED,
    TRANSIENT,
    Record,
)
from broker.store.queue_state import QueueState

SIZE = 100  # of a message in the log


@pytest.fixture
def state() -> QueueState:
    return QueueState()


def add(
    state: QueueState, first: int, last: int, block: int, flags: int = 0, kind: int = MESSAGES
) -> tuple[int, int] | None:
    total = last - first + 1
    record = Record(kind, flags, 0, 0, 1, first, total, at=500, end=500 + total * SIZE)
    return state.add(record, block)


def entries(state: QueueState) -> list[tuple[int, int, int]]:
    return list(zip(state.firsts, state.lasts, state.blocks, strict=True))


def test_a_queue_of_which_nothing_is_known(state: QueueState) -> None:
    assert (entries(state), state.next_seq, state.last_kept) == ([], 1, 0)


def test_records_of_a_block_are_one_entry(state: QueueState) -> None:
    assert add(state, 10, 12, block=1) is None
    assert add(state, 13, 13, block=1, kind=REFER) is None
    assert add(state, 14, 20, block=2) is None
    assert add(state, 21, 21, block=2) is None
    assert entries(state) == [(10, 13, 1), (14, 21, 2)]
    assert state.next_seq == 22


def test_numbers_that_are_missing(state: QueueState) -> None:
    assert add(state, 5, 6, block=1) is None, "nobody knows what was before"
    assert add(state, 9, 10, block=2) == (7, 8)
    assert add(state, 11, 11, block=2) is None
    assert add(state, 20, 20, block=2, flags=JUMP) is None, "left out on purpose"
    assert add(state, 22, 22, block=3) == (21, 21)


def test_what_is_transient_is_forgotten_but_not_missing(state: QueueState) -> None:
    add(state, 1, 2, block=1)
    assert add(state, 3, 4, block=1, flags=TRANSIENT) is None
    assert add(state, 5, 6, block=1) is None
    assert add(state, 8, 8, block=2, flags=TRANSIENT) == (7, 7)
    assert entries(state) == [(1, 2, 1), (5, 6, 1)]
    assert state.next_seq == 9


def test_what_moved_is_where_it_moved_to(state: QueueState) -> None:
    add(state, 1, 10, block=1)
    add(state, 11, 20, block=2)
    state.note(SETTLED, 1, 2)
    for first, last in ((3, 4), (7, 10)):  # what of the entry is live moves all at once
        assert add(state, first, last, block=3, flags=MOVED) is None
    assert entries(state) == [(1, 10, 3), (11, 20, 2)]
    assert add(state, 21, 21, block=4) is None, "moving is not entering"
    assert add(state, 15, 15, block=5, flags=MOVED) is None
    assert entries(state) == [(1, 10, 3), (11, 20, 5), (21, 21, 4)]


def test_what_moved_from_where_nothing_is_left(state: QueueState) -> None:
    """The checkpoint is damaged, and the segment is gone."""
    add(state, 50, 60, block=9)
    for first, last, block in ((7, 8, 3), (10, 10, 3), (2, 3, 4), (70, 71, 5)):
        add(state, first, last, block, flags=MOVED)
    assert entries(state) == [(2, 3, 4), (7, 8, 3), (10, 10, 3), (50, 60, 9), (70, 71, 5)]
    assert state.next_seq == 72


def test_what_moved_side_by_side_is_one_entry(state: QueueState) -> None:
    """They were in two records, for their envelopes differ; they will move again as one."""
    for seq in (5, 6, 7):
        add(state, seq, seq, block=3, flags=MOVED)
    add(state, 8, 8, block=4, flags=MOVED)
    assert entries(state) == [(5, 7, 3), (8, 8, 4)]


def test_what_is_transient_and_moved(state: QueueState) -> None:
    add(state, 1, 2, block=1)
    add(state, 3, 4, block=1, flags=TRANSIENT)
    add(state, 1, 2, block=5, flags=MOVED)
    add(state, 3, 4, block=5, flags=MOVED | TRANSIENT)
    assert entries(state) == [(1, 2, 5)]


def test_settlements_and_counts(state: QueueState) -> None:
    state.note(SETTLED, 3, 5)
    state.note(SETTLED, 1, 1)
    state.note(COUNTED, 7, 2)
    state.note(COUNTED, 7, 3)
    assert list(state.settled) == [(1, 1), (3, 5)]
    assert state.counts == {7: 3}
    assert state.next_seq == 6, "numbers that were given are not given again"


def test_how_large_its_messages_are(state: QueueState) -> None:
    for seq in range(1, 50):
        add(state, seq, seq, block=seq)
    assert state.average_octets == SIZE
    state.add(Record(MESSAGES, EXTRAS, 0, 0, 1, 50, 1, at=0, end=10 * SIZE), 50)
    assert SIZE < state.average_octets < 2 * SIZE
