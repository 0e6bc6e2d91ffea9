"""Ready messages by priority: what a priority queue has instead of a deque.

A lane for each priority that has occurred: the messages, and beside them their sequence numbers.
Which lanes have something is a bit each of one integer, whose length is the highest priority.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from typing import TypeVar

from broker.marks import hot

M = TypeVar("M")
LANE = 1 << 48  # between the ranks of two priorities


class PriorityLanes(deque[M]):
    """Looks like a deque of which the left end is the oldest message of the highest priority.

    Itself always empty, a deque only for those who expect one.
    """

    def __init__(self, max_priority: int):
        super().__init__()
        self.max_priority = max_priority
        self._lanes: dict[int, tuple[deque[int], deque[M]]] = {}
        self._present = 0  # bit n: the lane of priority n is not empty
        self.held = 0  # of messages

    def put(self, message: M, priority: int, seq: int) -> None:
        """Behind the messages of the same priority; one above the maximum counts as the maximum.

        seq: its sequence number in the queue.
        """
        self.put_run((message,), priority, seq)

    @hot(bench="priority")
    def put_run(self, messages: list[M] | tuple[M], priority: int, first_seq: int) -> None:
        """The same for messages of one priority with consecutive numbers."""
        if priority > self.max_priority:
            priority = self.max_priority
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = (deque(), deque())
        count = len(messages)
        if count == 1:
            lane[0].append(first_seq)
            lane[1].append(messages[0])
        else:
            lane[0].extend(range(first_seq, first_seq + count))
            lane[1].extend(messages)
        self._present |= 1 << priority
        self.held += count

    def firsts(self) -> list[int]:
        """The sequence number of the oldest message of each priority that there is any of."""
        return [seqs[0] for seqs, _ in self._lanes.values() if seqs]

    def lengths(self) -> list[int]:
        """How many messages of each priority there are, from 0 on."""
        lanes = self._lanes
        return [
            len(lanes[priority][1]) if priority in lanes else 0
            for priority in range(self.max_priority + 1)
        ]

    @property
    def top_priority(self) -> int:
        """-1: it is empty."""
        return self._present.bit_length() - 1

    @property
    def top_seq(self) -> int:
        """The sequence number of the message at the left end."""
        return self._lanes[self._present.bit_length() - 1][0][0]

    @property
    def top_rank(self) -> int:
        """Of the message at the left end: the lower the better."""
        return self.top_seq - LANE * self.top_priority

    def seqs(self) -> list[int]:
        """The sequence numbers of all messages."""
        return [seq for seqs, _ in self._lanes.values() for seq in seqs]

    def popleft(self) -> M:
        return self.take(1)[0][0]

    @hot(bench="priority")
    def take(self, most: int) -> tuple[list[M], list[int]]:
        """Take messages from the left end. Returns: them, and their ranks."""
        batch: list[M] = []
        ranks: list[int] = []
        left = most
        while left > 0 and self._present:
            priority = self._present.bit_length() - 1
            seqs, lane = self._lanes[priority]
            shift = LANE * priority
            count = len(lane)
            if count <= left:  # the whole lane: two copies instead of a call for each
                batch += lane
                ranks += [seq - shift for seq in seqs]
                lane.clear()
                seqs.clear()
                self._present ^= 1 << priority
            else:
                count = left
                pop, pop_seq = lane.popleft, seqs.popleft
                batch += [pop() for _ in range(count)]
                ranks += [pop_seq() - shift for _ in range(count)]
            left -= count
        self.held -= len(batch)
        return batch, ranks

    def behind(self, rank: int | None, most: int) -> list[tuple[int, M]]:
        """The first messages behind a rank, with theirs, in order; None: from the left end."""
        found: list[tuple[int, M]] = []
        for priority in sorted(self._lanes, reverse=True):
            seqs, lane = self._lanes[priority]
            start = self._place_behind(priority, seqs, rank)
            end = min(len(seqs), start + most - len(found))
            found += [(seqs[at] - LANE * priority, lane[at]) for at in range(start, end)]
            if len(found) == most:
                break
        return found

    def count_behind(self, rank: int) -> int:
        """How many messages there are behind a rank."""
        lanes = self._lanes.items()
        return sum(len(seqs) - self._place_behind(prio, seqs, rank) for prio, (seqs, _) in lanes)

    @staticmethod
    def _place_behind(priority: int, seqs: deque[int], rank: int | None) -> int:
        """Where in a lane the messages behind a rank begin."""
        if rank is None or priority < -(rank // LANE):
            return 0
        return len(seqs) if priority > -(rank // LANE) else bisect_right(seqs, rank % LANE)

    def rank_of(self, seq: int) -> int | None:
        """The rank of the message with a sequence number; None: it is not here."""
        for priority, (seqs, _) in self._lanes.items():
            at = bisect_left(seqs, seq)
            if at < len(seqs) and seqs[at] == seq:
                return seq - LANE * priority
        return None

    def remove(self, rank: int) -> M:  # type: ignore[override]
        """Take out one message, which must be there."""
        priority = -(rank // LANE)
        seqs, lane = self._lanes[priority]
        at = bisect_left(seqs, rank % LANE)
        assert seqs[at] == rank % LANE
        message = lane[at]
        del seqs[at], lane[at]
        self.held -= 1
        if not lane:
            self._present ^= 1 << priority
        return message

    def clear(self) -> None:
        self._lanes.clear()
        self._present = self.held = 0

    def __getitem__(self, index: int) -> M:  # type: ignore[override]
        assert index == 0
        return self._lanes[self._present.bit_length() - 1][1][0]

    def __len__(self) -> int:
        return self.held

    def __bool__(self) -> bool:
        return self._present != 0

    def __iter__(self) -> Iterator[M]:
        for priority in sorted(self._lanes, reverse=True):
            yield from self._lanes[priority][1]
