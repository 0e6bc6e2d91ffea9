"""Messages of a queue are looked at where they are, one page at a time.

What is asked for is counted out in the queue's own order; what is not acked yet is in the order of
those who hold it. A request looks at SCAN_MAX messages at most, and its answer stays below some
megabytes: it says how far it has got, and whoever asks goes on from there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from broker.amqp.errors import MalformedSyntax, MalformedTable
from broker.management.operations.holding import BEGINNING, Place, held_of
from broker.management.operations.searching import Search
from broker.management.operations.walking import Walk, sequence_of
from broker.management.request import bad_request, encoded
from broker.management.views.message import show_holder, show_message
from broker.message import Envelope

if TYPE_CHECKING:
    from broker.management.lane import Breath
    from broker.management.statistics.ages import Ages
    from broker.node import Node
    from broker.queues.queue import Queue

READY, UNACKED = "ready", "unacked"
SCAN_MAX = 5_000  # messages that a request looks at
SCAN_OCTETS = 64 * 1024 * 1024  # of their bodies
ANSWER_OCTETS = 4 * 1024 * 1024  # from which on nothing more is added
CHUNK = 64  # messages looked at in one go


@dataclass(slots=True)
class Wanted:
    """What is asked for. offset: messages to pass over. after: the cursor of an earlier answer, to
    go on behind it instead; then offset only says how many there were before. truncate: octets."""

    offset: int = 0
    limit: int = 50
    truncate: int = 4096
    search: Search | None = None
    after: str = ""


@dataclass(slots=True)
class Found:
    """What a request has come to. items: as JSON. cursor: empty: that was all."""

    items: list[bytes] = field(default_factory=list)
    scanned: int = 0
    unreadable: int = 0
    cursor: str = ""
    octets: int = 0
    scanned_octets: int = 0

    def is_full(self, wanted: Wanted) -> bool:
        return (
            len(self.items) >= wanted.limit
            or self.scanned >= SCAN_MAX
            or self.octets >= ANSWER_OCTETS
            or self.scanned_octets >= SCAN_OCTETS
        )


class Looked(NamedTuple):
    """A message that is looked at. cursor: to go on behind it. extra: what else is shown of it."""

    cursor: str
    sequence: int
    envelope: Envelope
    body: bytes
    is_redelivered: bool
    extra: dict[str, Any]


def age_of(queue: Queue, sequence: int, now_ms: int) -> float | None:
    """For how long a message has been in a queue, in seconds; None: nobody knows.

    now_ms: on the node's clock.
    """
    ages: Ages | None = queue.ages
    if ages is None or sequence < ages.numbers[0]:
        return None
    return round(max(0.0, (now_ms - ages.entered_ms(sequence)) / 1000), 3)


async def browse(
    queue: Queue, node: Node, state: str, wanted: Wanted, breath: Breath
) -> dict[str, Any]:
    """A page of a queue's messages. state: READY or UNACKED. Raises: Refusal, for the cursor.

    Returns: the answer, but that `items` are JSON already.
    """
    before = _stamp(queue)
    found = Found()
    look = _ready if state == READY else _unacked
    async with aclosing(look(queue, node, wanted, found, breath)) as looked:
        async for one in looked:
            if found.is_full(wanted):
                break
            found.scanned += 1
            found.scanned_octets += len(one.body)
            found.cursor = one.cursor
            try:
                age = age_of(queue, one.sequence, node.clock.now_ms())
                if wanted.search is None or await _is_found(wanted.search, one, breath):
                    _add(found, one, wanted, {"state": state, "age": age, "consumer": None})
            except (MalformedSyntax, MalformedTable):
                found.unreadable += 1
            if breath.is_over:
                await breath.rest()
        else:
            found.cursor = ""
    return {
        "items": found.items,
        "total": queue.ready_count if state == READY else queue.unacked_count,
        "scanned": found.scanned,
        "unreadable": found.unreadable,
        "changed": _stamp(queue) != before,
        "next_offset": wanted.offset + found.scanned if found.cursor else None,
        "next": found.cursor or None,
    }


async def _is_found(search: Search, one: Looked, breath: Breath) -> bool:
    """Raises: MalformedSyntax, MalformedTable."""
    for is_found in search.looks(one.envelope, one.body):
        if is_found:
            return True
        if breath.is_over:
            await breath.rest()
    return False


def _add(found: Found, one: Looked, wanted: Wanted, rest: dict[str, Any]) -> None:
    """rest: what is shown beside the message. Raises: MalformedSyntax, MalformedTable."""
    shown = {
        "position": wanted.offset + found.scanned - 1,
        **show_message(
            one.envelope,
            one.body,
            sequence=one.sequence,
            is_redelivered=one.is_redelivered,
            truncate=wanted.truncate,
        ),
        **rest,
        **one.extra,
    }
    item = encoded(shown)
    found.items.append(item)
    found.octets += len(item)


async def _ready(
    queue: Queue, node: Node, wanted: Wanted, found: Found, breath: Breath
) -> AsyncGenerator[Looked, None]:
    search = wanted.search
    body_max = max(wanted.truncate, search.body_max if search is not None else 0)
    walk = Walk(queue, _rank_from(wanted.after) if wanted.after else None, body_max)
    if not wanted.after and await walk.skip(wanted.offset, breath) < wanted.offset:
        return
    while chunk := await walk.next(CHUNK, breath):
        for one in chunk:
            body = one.body[:body_max]
            is_redelivered = one.deliveries != 0
            yield Looked(str(one.rank), one.sequence, one.envelope, body, is_redelivered, {})
        found.unreadable += walk.take_unreadable()
    found.unreadable += walk.take_unreadable()


async def _unacked(
    queue: Queue, node: Node, wanted: Wanted, found: Found, breath: Breath
) -> AsyncGenerator[Looked, None]:
    after = _place_from(wanted.after) if wanted.after else BEGINNING
    left = 0 if wanted.after else wanted.offset
    async with aclosing(held_of(queue, node, after, breath)) as holding:
        async for held in holding:
            if left:
                left -= 1
                continue
            consumer, _, rank, message, count = held.entry
            message = message.origin or message
            yield Looked(
                held.place.text(),
                sequence_of(rank),
                message.envelope,
                message.body,
                count != 0,
                {"consumer": show_holder(held.channel, consumer, held.place.tag)},
            )


def _rank_from(cursor: str) -> int:
    """Raises: Refusal."""
    try:
        return int(cursor)
    except ValueError:
        raise bad_request("after is not the cursor of an answer") from None


def _place_from(cursor: str) -> Place:
    """Raises: Refusal."""
    try:
        return Place(*map(int, cursor.split(".")))
    except (ValueError, TypeError):
        raise bad_request("after is not the cursor of an answer") from None


def _stamp(queue: Queue) -> tuple[int, ...]:
    """What changes when messages leave the queue or come back to it."""
    return (
        queue.delivered,
        queue.got,
        queue.got_no_ack,
        queue.acked,
        queue.unacked_count,
        queue.head_seq,
        len(queue.returned),
    )
