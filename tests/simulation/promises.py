"""What a node has promised about each message, and from which point on.

A point is a number of operations of the disk. `Ledger.judge` compares a state that a start found
with what was promised at the point where the power failed:

    published ── may be there ── confirmed ── must be there ── done ── may be there ── gone ──

Whatever was handed to a client by then must be flagged. What is there has the order in which it was
published, and nothing that is missing was published before something that is there: the log is cut
at one place.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from broker.amqp.content import Properties
from broker.message import Message

NEVER = 1 << 60


@dataclass(slots=True)
class Copy:
    """One message in one queue, with the points from which on something was known of it.

    index: its place in the order of publishing. is_kept: it is persistent, its queue durable.
    """

    index: int
    number: int
    is_kept: bool
    published: int
    confirmed: int = NEVER
    delivered: int = NEVER
    done: int = NEVER  # the node was told so, by an ack, a purge, …
    gone: int = NEVER  # that was safe
    commit: int = NEVER  # number of the commit that `done` is part of
    is_held: bool = False  # by a client

    def __str__(self) -> str:
        points = [
            f"{name}={point}"
            for name in ("published", "confirmed", "delivered", "done", "gone")
            if (point := getattr(self, name)) < NEVER
        ]
        return f"message {self.number} ({', '.join(points)})"


class Row(NamedTuple):
    """A message that was found in a queue."""

    seq: int
    number: int
    delivery_count: int


class State(NamedTuple):
    """What a start found. queues: ids and rows. is_clean: it saw nothing but a clean stop.
    counting: ids of queues that count deliveries, and put to their end what came back."""

    queues: tuple[tuple[int, tuple[Row, ...]], ...]
    is_clean: bool
    counting: frozenset[int] = frozenset()

    @property
    def total(self) -> int:
        return sum(len(rows) for _, rows in self.queues)


class Book:
    """Every message that ever was, as it was published; and what was counted."""

    def __init__(self) -> None:
        self.index = 0  # of the message published last
        self.counts: Counter[str] = Counter()
        self._messages: dict[int, tuple[bytes, bytes]] = {}  # number → content header, body

    def write(self, size: int, properties: dict[str, Any]) -> tuple[int, bytes]:
        """A new message; an empty one gets its number into its properties.

        Returns: its number and its body.
        """
        number = len(self._messages) + 1
        text = f"{number:08}"
        body = (text * (size // len(text) + 1))[:size].encode()
        if not size:
            properties["message_id"] = text
        self._messages[number] = Properties(**properties).encode(size), body
        return number, body

    def identify(self, header: bytes, body: bytes) -> int:
        """Which message that is."""
        number = int(body[:8] if body else str(Properties.decode(header).message_id))
        assert number in self._messages, f"message {number} was never published"
        assert self._messages[number][1] == body, f"the body of message {number} is another"
        return number

    def number_of(self, message: Message) -> int:
        """The same; it must be as it was published."""
        header = message.envelope.header
        number = self.identify(header, message.body)
        assert self._messages[number][0] == header, f"the header of message {number} is another"
        return number


class Ledger:
    """What is known of the messages in one life of the node. began: the point where it began."""

    def __init__(self, began: int):
        self.began = began
        self.queues: dict[int, dict[int, Copy]] = defaultdict(dict)  # id → number → copy

    def copies(self) -> Iterator[Copy]:
        for copies in self.queues.values():
            yield from copies.values()

    @staticmethod
    def after(state: State, began: int) -> Ledger:
        """For the life after a start: what was found is there for good, and flags stay."""
        ledger = Ledger(began)
        index = -state.total  # before everything new
        for queue_id, rows in state.queues:
            for row in rows:
                index += 1
                delivered = 0 if row.delivery_count else NEVER
                ledger.queues[queue_id][row.number] = Copy(
                    index, row.number, True, 0, began, delivered
                )
        return ledger

    def judge(self, state: State, at: int, current: frozenset[int], *, is_safe: bool) -> str:
        """What is wrong with a state found at a point; empty: nothing.

        current: ids of the queues that are surely there. is_safe: promises hold.
        """
        found = dict(state.queues)
        newest = 0
        for queue_id, rows in found.items():
            copies = self.queues.get(queue_id, {})
            seqs = [row.seq for row in rows]
            indexes, in_order = [], []
            for row in rows:
                copy = copies.get(row.number)
                if copy is None or not copy.is_kept or copy.published > at:
                    return f"queue {queue_id}: message {row.number} is invented: {copy}"
                indexes.append(copy.index)
                if row.delivery_count < 1 or queue_id not in state.counting:
                    in_order.append(copy.index)
                flaw = self._flaw(copy, row, at, is_clean=state.is_clean)
                if not flaw and is_safe and copy.gone <= at and queue_id in current:
                    flaw = "comes back"
                if flaw:
                    return f"queue {queue_id}: {copy} {flaw}"
            if len(set(indexes)) < len(indexes):
                return f"queue {queue_id}: twice: {rows}"
            if in_order != sorted(in_order) or seqs != sorted(set(seqs)):
                return f"queue {queue_id}: out of order: {rows}"
            newest = max(newest, max(indexes, default=0))
        return self._missing(found, at, current, newest) if is_safe else ""

    @staticmethod
    def _flaw(copy: Copy, row: Row, at: int, *, is_clean: bool) -> str:
        if copy.delivered <= at and not row.delivery_count:
            return "is not flagged"
        if is_clean and copy.delivered > at and row.delivery_count:
            return "is flagged, and never was delivered"
        return ""

    def _missing(
        self, found: dict[int, tuple[Row, ...]], at: int, current: frozenset[int], newest: int
    ) -> str:
        for queue_id, copies in self.queues.items():
            there = {row.number for row in found.get(queue_id, ())}
            for copy in copies.values():
                if not copy.is_kept or copy.done <= at or copy.number in there:
                    continue
                if copy.confirmed <= at:
                    return f"queue {queue_id}: {copy} is lost"
                if queue_id in current and copy.published <= at and copy.index < newest:
                    return f"queue {queue_id}: {copy} is lost, and a later one is there"
        return ""
