"""Messages go from one queue to others, in the way that dead letters do: inside the node.

    look at it ─ where to? ─ put copies there ─ take it out        one step: nothing comes between

Copies and the end of the original become part of the same commit of the log, or the copies of an
earlier one, so no crash loses a message; what is not kept on disk is where its copy is. A message
that cannot go stays where it is. The answer is given when all of that is on the medium.

Consumers of the queue go on meanwhile: whatever they have taken is not moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.amqp.content import HAS_EXPIRATION, Properties
from broker.management.operations.permitted import answered
from broker.management.operations.walking import PAGED, READY, RETURNED, Waiting, Walk
from broker.management.request import Refusal, bad_request
from broker.message import Envelope, Message
from broker.queues import withdrawal
from broker.queues.priority_lanes import LANE, PriorityLanes
from broker.session.access import Suspended
from broker.store.looking import Looker
from broker.store.queue_log import QueueLog

if TYPE_CHECKING:
    from broker.management.lane import Breath
    from broker.node import Node
    from broker.queues.queue import Queue

MOVE_MAX = 1_000  # messages that a request moves
MOVE_S = 0.2  # after which it moves no more
CHUNK = 32  # messages that go in one step
SPILL = 500  # messages in front of one that is wanted, passed over in one go
COMMIT_S = 30.0  # for what was moved to be written
WAIT_S = 0.001  # between two looks at the disk


class Stays(Exception):  # noqa: N818 - no error: it is said in the answer
    """A message cannot go."""


class Goal(NamedTuple):
    """Where a message goes, and as what."""

    targets: list[Queue]
    message: Message


# Raises: Stays; Suspended: it is asked again later.
Plan = Callable[[Waiting], Goal]


class Mover:
    """Moves messages out of a queue. behind: the rank that it has got to; None: none yet.

    until_seq: messages from this number on have come since somebody began; they stay.
    """

    def __init__(
        self,
        queue: Queue,
        node: Node,
        plan: Plan,
        breath: Breath,
        *,
        behind: int | None = None,
        until_seq: int | None = None,
    ):
        self.moved = 0
        self.failed: list[dict[str, Any]] = []
        self.behind = behind
        self.until_seq = queue.next_seq if until_seq is None else until_seq
        self.is_finished = False  # nothing is left
        self._queue = queue
        self._node = node
        self._plan = plan
        self._breath = breath
        self._ends_s = perf_counter() + MOVE_S

    @property
    def left(self) -> int:
        """How many of those that were there when somebody began have not been looked at."""
        if self.is_finished or self._queue.is_deleted:
            return 0
        queue = self._queue
        count = withdrawal.count_behind(queue, self.behind)
        return max(0, count - max(0, queue.next_seq - self.until_seq))

    def _has_time(self, most: int) -> bool:
        done = self.moved + len(self.failed)
        return not done or (done < most and perf_counter() < self._ends_s)

    # all of them, in order

    async def move_all(self, most: int, *, stops: bool) -> None:
        """Move messages from the beginning, or from where somebody has got to.

        stops: at the first that stays: those behind it must not overtake it.
        """
        queue = self._queue
        walk = Walk(queue, self.behind)
        while not queue.is_deleted and self._has_time(most):
            await self._wait_for_disk()
            chunk = await walk.next(min(CHUNK, most - self.moved), self._breath)
            if not chunk:
                self.is_finished = True
                return
            chunk, is_current = self._still_there(chunk, walk)
            is_whole, suspended = self._move_chunk(chunk, stops=stops)
            walk.go_on(self.behind, is_current=is_current and is_whole)
            queue.touch()  # not before: it may read more in
            if suspended is not None:
                await answered(suspended)
            elif not is_whole:
                return
            await self._breath.take()

    def _still_there(self, chunk: list[Waiting], walk: Walk) -> tuple[list[Waiting], bool]:
        """What was returned may have been handed out since it was copied."""
        if walk.is_current:
            return chunk, True
        present = set(map(id, self._queue.returned))
        return [one for one in chunk if one.place != RETURNED or id(one.delivery) in present], False

    def _move_chunk(self, chunk: list[Waiting], *, stops: bool) -> tuple[bool, Suspended | None]:
        """One step. Returns: whether all of them were dealt with, and what has to be waited for
        before the others are."""
        is_ranked = isinstance(self._queue.ready, PriorityLanes)
        gone: list[Waiting] = []
        try:
            for one in chunk:
                if one.sequence >= self.until_seq:
                    self.is_finished = not is_ranked
                    if self.is_finished:
                        return False, None
                elif self._move(one):
                    gone.append(one)
                elif stops:
                    return False, None
                self.behind = one.rank
        except Suspended as suspended:
            return False, suspended
        finally:
            self._take_out(gone)
        return True, None

    # some of them

    async def move_some(self, sequences: Iterable[int]) -> int:
        """Move messages by their numbers. Returns: how many were dealt with, from the front."""
        dealt_with = 0
        for sequence in sequences:
            if not self._has_time(MOVE_MAX):
                break
            await self._wait_for_disk()
            await self._move_by_number(sequence)
            dealt_with += 1
            await self._breath.take()
        return dealt_with

    async def _move_by_number(self, sequence: int) -> None:
        while True:
            await self._come_near(sequence)
            found = self._find(sequence)
            if found is None:
                self._stays(sequence, "it is not in the queue, or not ready")
                return
            try:
                if self._move(found):
                    self._take_out([found])
                    self._queue.touch()
            except Suspended as suspended:
                await answered(suspended)
            else:
                return

    async def _come_near(self, sequence: int) -> None:
        """Have little in front of it, if it is in the midst of what is `ready`."""
        queue = self._queue
        while not isinstance(
            queue.ready, PriorityLanes
        ) and queue.head_seq + SPILL < sequence < queue.head_seq + len(queue.ready):
            withdrawal.spill(queue, SPILL)
            await self._breath.take()

    def _find(self, sequence: int) -> Waiting | None:
        queue = self._queue
        if queue.is_deleted:
            return None
        ready = queue.ready
        if isinstance(ready, PriorityLanes):
            rank = ready.rank_of(sequence)
            chunk = [] if rank is None else withdrawal.ready_behind(queue, rank - 1, 1)
        else:
            chunk = withdrawal.ready_behind(queue, sequence - 1, 1)
            chunk = [one for one in chunk if one.seq == sequence]
        place = READY
        if not chunk:
            place = RETURNED
            chunk = [one for one in queue.returned if one.seq % LANE == sequence][:1]
        for rank, message, count in chunk:
            return Waiting(place, rank, message.envelope, message.body, count)
        log = queue.log
        if isinstance(log, QueueLog):
            for seen in Looker(log).look(sequence, 1, None)[0]:
                if seen.seq == sequence:
                    return Waiting(PAGED, sequence, seen.envelope, seen.body, seen.delivery_count)
        return None

    # one of them

    def _move(self, one: Waiting) -> bool:
        """Put its copies where they go. Returns: whether it is to be taken out now."""
        try:
            goal = self._plan(one)
            self._put(goal)
        except Stays as reason:
            self._stays(one.sequence, str(reason))
            return False
        self.moved += 1
        return True

    def _stays(self, sequence: int, reason: str) -> None:
        self.failed.append({"sequence": sequence, "reason": reason})

    def _put(self, goal: Goal) -> None:
        """Raises: Stays."""
        message = goal.message
        if message.envelope.ttl_ms is not None:
            for target in goal.targets:
                if target.extras is None:
                    self._node.extend_queue(target)
        refused = [target.name for target in goal.targets if not target.push(message)]
        if refused:
            raise Stays(f"queue '{refused[0]}' is full")

    def _take_out(self, gone: list[Waiting]) -> None:
        if not gone:
            return
        queue = self._queue
        for place, withdraw in (
            (RETURNED, withdrawal.withdraw_returned),
            (READY, withdrawal.withdraw_ready),
        ):
            ranks = {one.rank for one in gone if one.place == place}
            if ranks:
                withdraw(queue, ranks)
        paged = [one for one in gone if one.place == PAGED]
        if paged:
            octets = sum(len(one.body) for one in paged)
            withdrawal.withdraw_paged(queue, [one.rank for one in paged], octets)
        self._node.request_turn()

    # the disk

    async def _wait_for_disk(self) -> None:
        while self._node.log.is_behind:  # noqa: ASYNC110 - as publishers do, without being told
            await asyncio.sleep(WAIT_S)

    async def committed(self) -> None:
        """Wait until what was moved is safe. Raises: Refusal (503): it takes too long."""
        node, log = self._node, self._node.log
        number = log.number if log.has_news else log.number - 1
        ends_s = perf_counter() + COMMIT_S
        while log.synced < number:
            if perf_counter() > ends_s:
                raise Refusal(503, "service_unavailable", "what was moved is not written yet")
            log.is_urgent = True
            node.request_turn()
            await asyncio.sleep(WAIT_S)


def readdressed(envelope: Envelope, exchange: str, routing_key: str, header: bytes) -> Envelope:
    """The envelope of a copy. header: of its content. Raises: Stays, where it cannot be written."""
    has_expiration = (header[12] << 8 | header[13]) & HAS_EXPIRATION
    properties = Properties.decode(header) if has_expiration else None
    try:
        copy = Envelope(exchange, routing_key, header, properties)
    except ValueError:
        raise Stays("its address cannot be written") from None
    copy.forget_properties()
    return copy


def to_queue(destination: Queue) -> Plan:
    """A plan: all go to one queue, through the default exchange."""
    before: Envelope | None = None
    after: Envelope | None = None

    def plan(one: Waiting) -> Goal:
        nonlocal before, after
        if destination.is_deleted:
            raise Stays(f"queue '{destination.name}' was deleted")
        if after is None or one.envelope is not before:
            before = one.envelope
            after = readdressed(before, "", destination.name, before.header)
        return Goal([destination], Message(after, one.body))

    return plan


def check_alarms(node: Node) -> None:
    """Raises: Refusal (503), while publishers are blocked."""
    for resource in node.alarms:
        raise Refusal(503, "service_unavailable", f"publishers are blocked: {resource} alarm")


def cursor_of(mover: Mover) -> str | None:
    """To go on where it has got to; None: nothing is left."""
    if mover.is_finished or mover.behind is None:
        return None
    return f"{mover.behind}.{mover.until_seq}"


def read_cursor(value: object) -> tuple[int | None, int | None]:
    """What `cursor_of` gave as (behind, until_seq). Raises: Refusal."""
    if value is None:
        return None, None
    try:
        behind, until_seq = str(value).split(".")
        return int(behind), int(until_seq)
    except ValueError:
        raise bad_request("after is not the cursor of an answer") from None
