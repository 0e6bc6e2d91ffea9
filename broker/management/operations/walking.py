"""Walks through what is ready in a queue, in its order, without touching it.

    returned │ ready │ paged: what comes first, wherever it waits

A walk takes longer than a turn, and the queue goes on meanwhile. So the place where it has got to
is no index but a rank, by which the queue's messages are in order: each piece begins with whatever
is behind that rank by then. What leaves the queue is not met any more. What comes back behind that
rank is met, what comes back before it is not.

Only what has come back before (`returned`, a heap) has to be copied to be gone through in order.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Iterator
from typing import NamedTuple

from broker.management.lane import Breath
from broker.message import Envelope
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import LANE, PriorityLanes
from broker.queues.queue import Queue
from broker.queues.withdrawal import ready_behind
from broker.store.looking import Looker
from broker.store.queue_log import QueueLog

RETURNED, READY, PAGED = "returned", "ready", "paged"
COPY_MAX = 20_000  # of `returned`, copied in one go
TRIES = 3  # to copy more than that in pieces, before it is done in one go all the same
SORTED_MAX = 1000  # that are sorted in one go
SKIP_MAX = 256  # messages passed over in one go, where each has to be looked at
FETCH_S = 0.002  # for the system to read from a slow disk what was asked for

Signature = tuple[int, Delivery | None]


class Waiting(NamedTuple):
    """A message that is ready. rank: its place in the queue's order. body: its first octets, or all
    of them. deliveries: earlier ones. delivery: of one that was returned."""

    place: str
    rank: int
    envelope: Envelope
    body: bytes
    deliveries: int
    delivery: Delivery | None = None

    @property
    def sequence(self) -> int:
        """Its number, which it has for as long as it is in the queue."""
        return self.rank % LANE


def sequence_of(rank: int) -> int:
    return rank % LANE


class Walk:
    """See the module. behind: the rank to go on behind; None: from the beginning.

    body_max: octets of each body that are wanted, where they have to be read; None: all.
    """

    def __init__(self, queue: Queue, behind: int | None = None, body_max: int | None = None):
        self.queue = queue
        self.behind = behind
        self._body_max = body_max
        self._back: Iterator[Delivery] = iter(())
        self._next_back: Delivery | None = None
        self._seen_as: Signature | None = None  # `returned`, when it was copied
        self._looker: Looker | None = None

    def take_unreadable(self) -> int:
        """How many messages it could not see since it was last asked."""
        if self._looker is None:
            return 0
        count, self._looker.unreadable = self._looker.unreadable, 0
        return count

    @property
    def is_current(self) -> bool:
        """Whether `returned` is as it was when it was copied."""
        return self._seen_as is None or _is_same(self._seen_as, _signature(self.queue.returned))

    def go_on(self, behind: int | None, *, is_current: bool) -> None:
        """The caller has taken messages out, and has got to a rank. is_current: nobody else has
        changed `returned`, and all it was given was dealt with."""
        self.behind = behind
        self._seen_as = _signature(self.queue.returned) if is_current else None
        if not is_current:
            self._back, self._next_back = iter(()), None

    async def next(self, most: int, breath: Breath) -> list[Waiting]:
        """The next messages, so many at most; none: there are no more. Whatever else is true of
        them is true until the next `await`."""
        while True:
            await self._look_back(breath)
            found = self._in_memory(most)
            if found:
                break
            seen = await self._on_disk(most, breath)
            if seen is None:
                return []
            if seen:
                found = seen
                break
        self.behind = found[-1].rank
        return found

    async def skip(self, count: int, breath: Breath) -> int:
        """Pass over messages. Returns: how many; fewer: there are no more."""
        left = count
        while left:
            await self._look_back(breath)
            jumped = self._jump(left)
            if not jumped:
                passed = await self.next(min(left, SKIP_MAX), breath)
                if not passed:
                    break
                jumped = len(passed)
            left -= jumped
            await breath.take()
        return count - left

    # what has come back

    async def _look_back(self, breath: Breath) -> None:
        """Have what was returned behind `behind`, in order, unless it is as it was."""
        queue = self.queue
        if self._seen_as is not None and self.is_current:
            return
        if self._next_back is not None and len(queue.returned) > COPY_MAX:
            return  # not again for every change
        is_ranked = isinstance(queue.ready, PriorityLanes)
        if self.behind is not None and self.behind + 1 >= queue.head_seq and not is_ranked:
            return  # it is all older
        copied = await self._copy(breath)
        behind = self.behind
        pieces = []
        for start in range(0, len(copied), SORTED_MAX):
            piece = copied[start : start + SORTED_MAX]
            if behind is not None:
                piece = [delivery for delivery in piece if delivery.seq > behind]
            piece.sort(key=_rank_of)
            pieces.append(piece)
            await breath.take()
        self._back = heapq.merge(*pieces, key=_rank_of)
        self._next_back = next(self._back, None)

    async def _copy(self, breath: Breath) -> list[Delivery]:
        returned = self.queue.returned
        for _ in range(TRIES):
            signature = self._seen_as = _signature(returned)
            copied: list[Delivery] = []
            while _is_same(signature, _signature(returned)):
                copied += returned[len(copied) : len(copied) + COPY_MAX]
                if len(copied) == signature[0]:
                    return copied
                await breath.rest()
        self._seen_as = _signature(returned)
        return returned[:]

    def _in_memory(self, most: int) -> list[Waiting]:
        ready = ready_behind(self.queue, self.behind, most)
        found: list[Waiting] = []
        at = 0
        while len(found) < most:
            back = self._next_back
            if back is not None and (at == len(ready) or back.seq < ready[at].seq):
                found.append(_waiting(RETURNED, back))
                self._next_back = next(self._back, None)
            elif at < len(ready):
                found.append(_waiting(READY, ready[at]))
                at += 1
            else:
                break
        return found

    # what is on disk

    async def _on_disk(self, most: int, breath: Breath) -> list[Waiting] | None:
        """The next ones; none: look again, there may be some. None: there are no more."""
        looker = self._find_looker()
        seq = self._next_seq()
        if looker is None:
            return None
        if self._looker is not looker:  # the first one
            self._looker = looker
            looker.look_ahead(seq)
            await asyncio.sleep(FETCH_S)
            return []
        seen, next_seq = looker.look(seq, most, self._body_max)
        if seen:
            return [
                Waiting(PAGED, one.seq, one.envelope, one.body, one.delivery_count) for one in seen
            ]
        if not next_seq:
            return None
        self.behind = next_seq - 1
        await breath.take()
        return []

    def _find_looker(self) -> Looker | None:
        log = self.queue.log
        if not isinstance(log, QueueLog) or not log.paged_count:
            return None
        return self._looker if self._looker is not None else Looker(log)

    def _next_seq(self) -> int:
        return 0 if self.behind is None else max(0, self.behind + 1)

    def _jump(self, count: int) -> int:
        """Pass over messages all at once, where nothing else lies between them. Returns: how many;
        0: they have to be looked at."""
        queue = self.queue
        if self._next_back is not None or isinstance(queue.ready, PriorityLanes):
            return 0
        first = queue.head_seq
        start = max(first, self._next_seq())
        passed = min(count, first + len(queue.ready) - start)
        if passed > 0:
            self.behind = start + passed - 1
            return passed
        looker = self._find_looker()
        if looker is None:
            return 0
        passed, next_seq = looker.pass_over(self._next_seq(), count)
        if passed:
            log = queue.log
            assert log is not None
            self.behind = (next_seq or log.next_seq) - 1
        return passed


def _waiting(place: str, delivery: Delivery) -> Waiting:
    rank, message, count = delivery
    return Waiting(place, rank, message.envelope, message.body, count, delivery)


def _signature(returned: list[Delivery]) -> Signature:
    """Changes with every change: what leaves the heap leaves by its root, and what comes back is
    another object."""
    return len(returned), returned[0] if returned else None


def _is_same(one: Signature, other: Signature) -> bool:
    return one[0] == other[0] and one[1] is other[1]


def _rank_of(delivery: Delivery) -> int:
    return delivery.seq
