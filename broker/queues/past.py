"""What queues and exchanges that are no more have counted: totals of the node never go down."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from broker.queues.dead_letter import REJECTED

if TYPE_CHECKING:
    from broker.queues.queue import Queue

COUNTED = (
    "published",
    "acked",
    "delivered",
    "delivered_no_ack",
    "got",
    "got_no_ack",
    "get_empty",
    "redelivered",
)
counts_of = attrgetter(*COUNTED)
Death = tuple[str, str, str]  # type of queue, strategy and reason
Deaths = dict[Death, int]


def deaths_of(queue: Queue) -> list[tuple[Death, int]]:
    """What has died in a queue, and how often: it was not wanted in it any more."""
    found = []
    if queue.rejected:
        found.append(((queue.type_name, "disabled", REJECTED), queue.rejected))
    if queue.extras is not None:
        for strategy, died in queue.extras.deaths.items():
            for reason, count in died.items():
                found.append(((queue.type_name, strategy, reason), count))
    return found


def add_deaths(deaths: Deaths, more: list[tuple[Death, int]], sign: int = 1) -> None:
    for death, count in more:
        deaths[death] = deaths.get(death, 0) + sign * count


class Past:
    """See the module. by_type: of queues, in the order of COUNTED. routed: copies of messages that
    exchanges have brought to queues."""

    __slots__ = ("by_type", "deaths", "routed")

    def __init__(self) -> None:
        self.by_type: dict[str, tuple[int, ...]] = {}
        self.deaths: Deaths = {}
        self.routed = 0

    def add_queue(self, queue: Queue) -> None:
        """It is about to be deleted."""
        counts: tuple[int, ...] = counts_of(queue)
        if any(counts):
            kind = queue.type_name
            before = self.by_type.get(kind, (0,) * len(counts))
            self.by_type[kind] = tuple(map(sum, zip(before, counts, strict=True)))
        add_deaths(self.deaths, deaths_of(queue))
