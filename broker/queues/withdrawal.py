"""Messages are taken out of a queue by somebody who has put them elsewhere, or is about to.

Not as consumers get them: from anywhere in the queue, without counting as a delivery, and done with
at once. The log hears of it in the commit in which it has heard of the copies, or in a later one:
a crash may find both, and never neither.

    returned │ ready                    │ paged
      heap   │ from the left: what is   │ a hole in the log
             │ in front is spilled      │

What is `ready` has no numbers of its own, so nothing can go out of its midst: what is in front of
it moves to `returned`, under the numbers it has. Nobody can tell.
"""

from __future__ import annotations

from collections.abc import Collection
from heapq import heapify, heappop, heappush

from broker.message import Message
from broker.queues.kept_messages import Delivery
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import Queue


def deliveries_before(queue: Queue, message: Message) -> int:
    """How often a message in `ready` has been delivered."""
    return queue.ready_deliveries or getattr(message, "delivery_count", 0)


def ready_behind(queue: Queue, rank: int | None, most: int) -> list[Delivery]:
    """The first messages of `ready` behind a rank, in order; None: from the beginning."""
    ready = queue.ready
    if isinstance(ready, PriorityLanes):
        return [Delivery(at, message, 0) for at, message in ready.behind(rank, most)]
    first = queue.head_seq
    start = 0 if rank is None else max(0, rank + 1 - first)
    end = min(len(ready), start + most)
    messages = [ready[at] for at in range(start, end)]
    return [
        Delivery(first + start + at, message, deliveries_before(queue, message))
        for at, message in enumerate(messages)
    ]


def count_behind(queue: Queue, rank: int | None) -> int:
    """How many messages wait behind a rank; None: all. On disk they are counted by the number."""
    if rank is None:
        return queue.ready_count
    ready, log = queue.ready, queue.log
    count = sum(1 for delivery in queue.returned if delivery.seq > rank)
    if isinstance(ready, PriorityLanes):
        count += ready.count_behind(rank)
    else:
        count += len(ready) - min(len(ready), max(0, rank + 1 - queue.head_seq))
    if log is not None and log.paged_count:
        count += min(log.paged_count, log.next_seq - max(log.paged_from, rank + 1))
    return count


def spill(queue: Queue, count: int) -> None:
    """That many messages go from the left end of `ready` to `returned`."""
    _take_left(queue, count, ())


def withdraw_returned(queue: Queue, ranks: Collection[int]) -> None:
    """Messages in `returned` are gone."""
    returned = queue.returned
    left = set(ranks)
    while returned and returned[0].seq in left:
        gone = heappop(returned)
        left.discard(gone.seq)
        _forget(queue, gone.message)
    if left:
        for delivery in returned:
            if delivery.seq in left:
                _forget(queue, delivery.message)
        returned[:] = [delivery for delivery in returned if delivery.seq not in left]
        heapify(returned)
    _settle(queue, ranks)


def withdraw_ready(queue: Queue, ranks: Collection[int]) -> None:
    """Messages in `ready` are gone. Costs as much as there is in front of the last of them."""
    ready = queue.ready
    if isinstance(ready, PriorityLanes):
        for rank in ranks:
            _forget(queue, ready.remove(rank))
            queue.head_seq += 1
            queue._took(1)
    else:
        _take_left(queue, max(ranks) + 1 - queue.head_seq, ranks)
    _close_gap(queue)
    _settle(queue, ranks)


def withdraw_paged(queue: Queue, seqs: Collection[int], octets: int) -> None:
    """Messages that are on disk only are gone. octets: of their bodies."""
    log = queue.log
    assert log is not None
    log.settle_all(sorted(seqs), are_paged=True)
    if queue.extras is not None and queue.extras.counts_octets:
        queue.extras.ready_bytes -= octets
    _close_gap(queue)


def _take_left(queue: Queue, count: int, gone: Collection[int]) -> None:
    """Empty the left end of `ready`: what is not gone is spilled."""
    if not count:
        return
    ready, returned = queue.ready, queue.returned
    seq = queue.head_seq
    for _ in range(count):
        message = ready.popleft()
        if seq in gone:
            _forget(queue, message)
        else:
            heappush(returned, Delivery(seq, message, deliveries_before(queue, message)))
        seq += 1
    queue.head_seq = seq
    queue._took(count)


def _close_gap(queue: Queue) -> None:
    """Where nothing is paged any more, the next message has to follow on what is in `ready`."""
    ready, log = queue.ready, queue.log
    if log is None or log.paged_count or isinstance(ready, PriorityLanes):
        return
    last = queue.head_seq + len(ready) - 1
    if last + 1 == log.next_seq:
        return
    if ready and last >= log.kept_from:  # it can be read back: that is a gap in what is paged
        ready.pop()
        queue._took(1)
        log.paged_from = last
        log.paged_count = 1
        return
    spill(queue, len(ready))
    queue.head_seq = log.next_seq


def _forget(queue: Queue, message: Message) -> None:
    extras = queue.extras
    if extras is not None and extras.counts_octets:
        extras.ready_bytes -= len(message.body)


def _settle(queue: Queue, ranks: Collection[int]) -> None:
    if queue.log is not None:
        queue.log.settle_all(list(ranks))
