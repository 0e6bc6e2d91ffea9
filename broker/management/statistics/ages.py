"""How old messages are and how long they were in their queues, though none has a time on it.

A message gets a number when it enters, and numbers only grow. So once a second it is noted for each
queue with traffic which number is next: a curve from which the time of any message can be read.

    number   │            ·─── next: entered until now
             │       ·───
             │   ·──         what is in the queue lies between
             │  ·        ·── front: left until now
             └───────────────────── time

Between two points messages are taken to have come evenly, and between two looks to have left evenly
and in order. So a time is wrong by a second at most, and by much less where messages flow. A
priority queue hands out of order: of that the mean is right. Where a curve has more than
`POINTS_MAX` points, those are dropped that lie within a hundredth of their age from the line
between their neighbours.

Nothing is known of what was in a queue before the node was started: it counts as come at the start,
and its time in the queue not at all. What comes back to a queue is as old as it was; what a quorum
queue puts at its end comes anew.
"""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from broker.management.statistics.histogram import Histogram
from broker.queues.priority_lanes import LANE, PriorityLanes

if TYPE_CHECKING:
    from broker.node import Node
    from broker.queues.queue import Queue

BOUNDS_S = (0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600)
INTERVAL_MS = 1_000
OBSERVED_EACH = 5  # looks: then the age of each queue is observed, which takes longer
SLICE = 200  # queues that are looked at between two turns of the node: some tenths of a millisecond
POINTS_MAX = 128
STAGGER = 32  # curves become full at different times, or all would be thinned out in one look
OLD_MAX = 16  # of them, those of messages that may come back
TOLERANCE = 100  # a dropped point is off by so much of its age at most
RANKED_MAX = 100  # messages that came back to a queue where their order does not tell the oldest


class Ages:
    """The curve of one queue, and how long what left it was in it.

    Messages from numbers[i] on came after times_ms[i], up to times_ms[i + 1].
    """

    __slots__ = (
        "_observer",
        "_points_max",
        "front",
        "head_seq",
        "numbers",
        "published",
        "times_ms",
        "unacked_count",
        "waits",
    )

    def __init__(self, observer: Observer, number: int, time_ms: int):
        self._observer = observer
        self._points_max = POINTS_MAX - observer.count_curve() % STAGGER
        self.numbers = array("q", (number,))
        self.times_ms = array("q", (time_ms,))
        self.front = number  # what is before it has left
        self.published = self.head_seq = self.unacked_count = -1  # as of the last look
        self.waits: Histogram | None = None  # None: nothing has left yet

    def entered_ms(self, number: int) -> float:
        """When a message came; the first time known, for those from before."""
        numbers, times_ms = self.numbers, self.times_ms
        at = bisect_right(numbers, number)
        if at == len(numbers):  # since the last look
            return self._observer.looked_ms
        if at == 0:
            return times_ms[0]
        first, last = numbers[at - 1], numbers[at]
        began, ended = times_ms[at - 1], times_ms[at]
        return began + (ended - began) * (number - first + 0.5) / (last - first)

    def note(self, number: int, before_ms: int, now_ms: int) -> None:
        """Messages up to a number have come since the last look, which was at before_ms."""
        numbers, times_ms = self.numbers, self.times_ms
        if number <= numbers[-1]:
            return
        if times_ms[-1] < before_ms:  # nothing has come for a while
            if len(numbers) > 1 and numbers[-2] == numbers[-1]:
                times_ms[-1] = before_ms
            else:
                numbers.append(numbers[-1])
                times_ms.append(before_ms)
        numbers.append(number)
        times_ms.append(now_ms)
        if len(numbers) > self._points_max:
            self._thin_out(now_ms)

    def forget_below(self, front: int, *, is_final: bool) -> None:
        """What has been handed out is asked for no more (is_final), or only if it comes back."""
        at = bisect_right(self.numbers, front) - 1
        if at <= 0:
            return
        if is_final:
            del self.numbers[:at], self.times_ms[:at]
        elif at > OLD_MAX:
            del self.numbers[1:at:2], self.times_ms[1:at:2]

    def _thin_out(self, now_ms: int) -> None:
        """Drop what is nearly on a line with its neighbours; if that is not much, every other one
        of the older half."""
        tolerance = TOLERANCE
        enough = self._points_max * 3 // 4
        while len(self.numbers) > enough and tolerance:
            self._drop_near(now_ms, tolerance)
            tolerance //= 4
        if len(self.numbers) > enough:
            half = len(self.numbers) // 2
            del self.numbers[1:half:2], self.times_ms[1:half:2]

    def _drop_near(self, now_ms: int, tolerance: int) -> None:
        numbers, times_ms = self.numbers, self.times_ms
        kept = array("q", (0,))
        at, last = 1, len(numbers) - 1
        while at < last:
            before, after = kept[-1], at + 1
            span = numbers[after] - numbers[before]
            share = (numbers[at] - numbers[before]) / span if span else 1.0
            expected = times_ms[before] + (times_ms[after] - times_ms[before]) * share
            if abs(times_ms[at] - expected) * tolerance <= now_ms - times_ms[at]:
                at += 1  # it goes; the next one stays, or errors would add up
            kept.append(at)
            at += 1
        if kept[-1] < last:
            kept.append(last)
        self.numbers = array("q", [numbers[at] for at in kept])
        self.times_ms = array("q", [times_ms[at] for at in kept])

    def leave(self, front: int, before_ms: int, now_ms: int, waits: Histogram) -> None:
        """Messages up to a number have left since the last look. waits: where that is counted
        beside `waits`; what came before the first point is not: nobody knows when that was."""
        since, self.front = self.front, front
        numbers, times_ms = self.numbers, self.times_ms
        first = max(since, numbers[0])
        front = min(front, numbers[-1])
        if front <= first:
            return
        if self.waits is None:
            self.waits = Histogram(BOUNDS_S)
        left_ms = (now_ms - before_ms) / (self.front - since)  # for each
        at = bisect_right(numbers, first)
        while first < front:
            began, ended = times_ms[at - 1], times_ms[at]
            last = min(front, numbers[at])
            came_ms = (ended - began) / (numbers[at] - numbers[at - 1])
            rest_ms = before_ms - since * left_ms - began + numbers[at - 1] * came_ms
            growing_ms = left_ms - came_ms
            first_s = max(0.0, first * growing_ms + rest_ms) / 1000
            last_s = max(0.0, last * growing_ms + rest_ms) / 1000
            self.waits.observe_line(first_s, last_s, last - first)
            waits.observe_line(first_s, last_s, last - first)
            first = last
            at = bisect_right(numbers, first, at)


def front_of(queue: Queue) -> int:
    """The number of the first message that has not been handed out yet."""
    if not queue.ready and queue.log is not None and queue.log.paged_count:
        return queue.log.paged_from
    return queue.head_seq


def oldest_message_age(queue: Queue, now_ms: int) -> float | None:
    """Seconds since the oldest ready message came. now_ms: on the node's clock.

    None: nothing is ready, or the queue has not been looked at since something is.
    """
    ages: Ages | None = queue.ages
    if ages is None or not queue.has_ready:
        return None
    number = front_of(queue)
    if isinstance(queue.ready, PriorityLanes):
        number = min(queue.ready.firsts(), default=queue.next_seq)
    if queue.returned:
        if queue.extras is None:
            number = min(number, queue.returned[0].seq)
        else:  # under ranks, with the number in the lower bits
            for delivery in islice(queue.returned, RANKED_MAX):
                number = min(number, delivery.seq % LANE)
    return max(0.0, (now_ms - ages.entered_ms(number)) / 1000)


class Observer:
    """Looks at the queues of a node once a second. `start` and `stop`, or `sample` in slices.

    waits: time in queue of all messages that have left any. ages: of the oldest message of each
    queue, observed now and then. oldest_s: the highest of them when it was done last.
    """

    def __init__(self, node: Node):
        self._node = node
        self.waits = Histogram(BOUNDS_S)
        self.ages = Histogram(BOUNDS_S)
        self.oldest_s: float | None = None
        self.looked_ms = node.clock.now_ms()  # when the last look began: none yet, but the node's
        self._before_ms = self.looked_ms  # and the one before
        self._looks = self._curves = 0
        self._pass: Iterator[None] | None = None
        self._timer: asyncio.Handle | None = None

    # when

    def start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_MS / 1000, self._begin)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._pass = None

    def _begin(self) -> None:
        self.start()
        if self._pass is None:  # else the node is so busy that a look takes more than a second
            self._pass = self.look()
            self._step()

    def _step(self) -> None:
        if self._pass is None:
            return
        try:
            next(self._pass)
        except StopIteration:
            self._pass = None
        except Exception:
            self._pass = None
            self._node.on_bug("the ages of messages could not be noted")
        else:
            asyncio.get_running_loop().call_soon(self._step)

    def look(self) -> Iterator[None]:
        """At all queues, in slices."""
        node = self._node
        now_ms = node.clock.now_ms()
        self._looks += 1
        observes = self._looks % OBSERVED_EACH == 0
        oldest_s: float | None = None
        for vhost in list(node.vhosts.values()):
            queues = list(vhost.queues.values())
            for at in range(0, len(queues), SLICE):
                part = queues[at : at + SLICE]
                self.sample(part, now_ms)
                if observes:
                    oldest_s = max((oldest_s, self._observe(part)), key=lambda age: age or -1.0)
                yield
        if observes:
            self.oldest_s = oldest_s

    def count_curve(self) -> int:
        """Of all there ever were."""
        self._curves += 1
        return self._curves

    # what

    def sample(self, queues: Iterable[Queue], now_ms: int) -> None:
        """Note what has come and gone. now_ms: when the look at all queues began, of which this is
        a part."""
        if now_ms != self.looked_ms:
            self._before_ms, self.looked_ms = self.looked_ms, now_ms
        for queue in queues:
            ages = queue.ages
            if ages is None:
                if queue.published or queue.has_ready:
                    self._begin_with(queue)
            elif (
                queue.published != ages.published
                or queue.head_seq != ages.head_seq
                or queue.unacked_count != ages.unacked_count
            ):
                self._note(queue, ages)

    def _begin_with(self, queue: Queue) -> None:
        """The first look at a queue with messages: what was published to it has come since the look
        before, the rest was there when the node was started."""
        number = max(0, queue.next_seq - queue.published)
        queue.ages = ages = Ages(self, number, self._before_ms)
        self._note(queue, ages)

    def _note(self, queue: Queue, ages: Ages) -> None:
        ages.published, ages.head_seq = queue.published, queue.head_seq
        ages.unacked_count = queue.unacked_count
        now_ms, before_ms = self.looked_ms, self._before_ms
        ages.note(queue.next_seq, before_ms, now_ms)
        front = front_of(queue)
        if front > ages.front:
            ages.leave(front, before_ms, now_ms, self.waits)
        elif front < ages.front:  # read back from the disk
            ages.front = front
        if len(ages.numbers) > 1:
            ages.forget_below(front, is_final=not (queue.unacked_count or queue.returned))

    def _observe(self, queues: Iterable[Queue]) -> float | None:
        """Observe the ages of some queues. Returns: the highest."""
        oldest_s: float | None = None
        for queue in queues:
            if queue.ages is not None and queue.has_ready:
                age_s = oldest_message_age(queue, self.looked_ms)
                if age_s is not None:
                    self.ages.observe(age_s)
                    oldest_s = max(oldest_s or 0.0, age_s)
        return oldest_s
