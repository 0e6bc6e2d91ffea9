"""Ready messages by priority: what a priority queue has instead of a deque."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

M = TypeVar("M")


class PriorityLanes(deque[M]):
    """Looks like a deque of which the left end is the oldest message of the highest priority.

    A lane per priority that occurs; itself always empty, a deque only for those who expect one.
    """

    def __init__(self, max_priority: int):
        super().__init__()
        self.max_priority = max_priority
        self._lanes: dict[int, deque[tuple[int, M]]] = {}
        self._top = -1  # the highest priority present

    def put(self, message: M, priority: int, seq: int) -> None:
        """Behind the messages of the same priority; one above the maximum counts as the maximum.

        seq: its sequence number in the queue.
        """
        priority = min(priority, self.max_priority)
        lane = self._lanes.get(priority)
        if lane is None:
            lane = self._lanes[priority] = deque()
        lane.append((seq, message))
        self._top = max(self._top, priority)

    @property
    def top_priority(self) -> int:
        return self._top

    @property
    def top_seq(self) -> int:
        """The sequence number of the message at the left end."""
        return self._lanes[self._top][0][0]

    def seqs(self) -> list[int]:
        """The sequence numbers of all messages."""
        return [seq for lane in self._lanes.values() for seq, _ in lane]

    def popleft(self) -> M:
        lane = self._lanes[self._top]
        _, message = lane.popleft()
        if not lane:
            del self._lanes[self._top]
            self._top = max(self._lanes, default=-1)
        return message

    def clear(self) -> None:
        self._lanes.clear()
        self._top = -1

    def __getitem__(self, index: int) -> M:  # type: ignore[override]
        assert index == 0
        return self._lanes[self._top][0][1]

    def __len__(self) -> int:
        return sum(map(len, self._lanes.values()))

    def __bool__(self) -> bool:
        return self._top >= 0

    def __iter__(self) -> Iterator[M]:
        for priority in sorted(self._lanes, reverse=True):
            for _, message in self._lanes[priority]:
                yield message
