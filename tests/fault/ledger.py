"""What the clients of a torture said and read, and what the broker therefore owes them.

The unit is a copy: one message in one queue. A broker lives until it is killed; then a new life
begins. What is noted is noted no later than it is said, so that the ledger never accuses falsely.

```
 publish → READY ─deliver→ HELD ─ack→ ACKED ─prove→ ended
             ▲               │           │
             └──requeue──────┘           │      kill: HELD and ACKED become READY,
             └───────────────────kill────┘            an ACKED one may be gone by now
```

A copy is *owed* once it must be there: it was confirmed (or its tx committed, or it was seen in a
life after the one in which it was published) and is persistent, and no ack for it was sent in the
last moments of a life. An ack is *proven* when something came back that the broker may only say
once the ack is safe: tx.commit-ok, or the confirm of a persistent message that was published on
the channel after the ack. What ended must never be seen again; the ledger remembers how it did.

Checked at every delivery: that the message was published to that queue and has not ended, octet
for octet, with its properties; that nobody else holds it and no ack of this life was sent for it;
that it is flagged redelivered if a client has read it before, and not flagged if it cannot have
been delivered before; that each subscription sees every publisher's messages in order, but for
those that were given back in this life. Checked when a queue has been read to its end: that all
that is owed was there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from random import Random
from typing import Any

from tests.conformance import wire_codec as wire

KEPT_MAX = 8  # errors of a kind; all are counted
FILLER = Random(1).randbytes(1 << 19)

Key = tuple[int, int]  # publisher, number


class State(Enum):
    READY = "ready"
    HELD = "held by a client"
    ACKED = "acked"


class End(Enum):
    """What became of a copy for good."""

    UNKNOWN = "was never published there"
    ACKED = "was acked, and that was safe"
    DELETED = "was deleted with its queue, and that was safe"
    ROLLED_BACK = "was rolled back"
    ABSENT = "was not there when the queue was read to its end in an earlier life"


ENDS = list(End)


@dataclass(slots=True, eq=False)
class Message:
    """life: the broker's, when it was published."""

    publisher: int
    number: int
    size: int
    persistent: bool
    queues: tuple[str, ...]
    life: int

    @property
    def body(self) -> bytes:
        return body_of(self.publisher, self.number, self.size)

    @property
    def properties(self) -> bytes:
        return properties_of(self.number % VARIANTS, self.persistent)


@dataclass(slots=True, eq=False)
class Copy:
    """One message in one queue."""

    message: Message
    queue: str
    state: State = State.READY
    is_owed: bool = False
    was_acked: bool = False  # in the last moments of an earlier life
    is_contested: bool = False  # two clients think that they hold it, or did
    seen_life: int = 0  # the last in which a client read it; 0: never
    history: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        message = self.message
        kind = "" if message.persistent else "transient "
        return (
            f"{self.queue}: {kind}message {message.number} of publisher {message.publisher} "
            f"({message.size} octets; {', '.join(self.history)})"
        )


class Subscription:
    """A consumer, or one who gets: sees the messages of a queue in one order."""

    def __init__(self, queue: str):
        self.queue = queue
        self.last: dict[int, int] = {}  # publisher → number


def body_of(publisher: int, number: int, size: int) -> bytes:
    """Says what it is, and is filled up to that size, each with octets of its own."""
    head = b"%d %d %d " % (publisher, number, size)
    start = (publisher * 7919 + number * 104_729) % (1 << 18)
    return head + FILLER[start : start + size - len(head)] if size > len(head) else head


VARIANTS = 8


@cache
def properties_of(variant: int, persistent: bool) -> bytes:
    """Flag word and values: mostly the delivery mode alone; sometimes none, sometimes many."""
    mode: dict[str, Any] = {"delivery_mode": 2} if persistent else {}
    match variant:
        case 1:
            mode = {"delivery_mode": 2 if persistent else 1}
        case 2:
            mode |= {"content_type": "text/plain", "message_id": "m" * 40}
        case 3:
            headers = {"a": 1, "b": "text" * 10, "nested": {"list": [1, 2, "three"]}}
            mode |= {"headers": headers, "app_id": "torture"}
    return wire.encode_properties(mode)


class Ledger:
    """errors: what the broker did wrong, in words. counts: what happened.

    tolerates: parts of such words; what has one is counted, and is no error.
    """

    def __init__(self, queues: Iterable[str], tolerates: Iterable[str] = ()):
        self._tolerated = tuple(tolerates)
        self.life = 1
        self.live: dict[str, dict[Key, Copy]] = {queue: {} for queue in queues}
        self._ready: Counter[str] = Counter()  # by queue; READY copies among the live
        self._ends: dict[str, dict[int, bytearray]] = {queue: {} for queue in self.live}
        # Copies that ended in this life and in the one before: for their histories.
        self._ended: list[dict[tuple[str, Key], Copy]] = [{}, {}]
        self._last_numbers: Counter[int] = Counter()
        self._disturbed: set[str] = set()
        self.is_ending = False  # the broker was told to stop, and closes one client after another
        self.counts: Counter[str] = Counter()
        self.errors: list[str] = []

    def error(self, text: str, copy: Copy | None = None) -> None:
        is_tolerated = any(part in text for part in self._tolerated)
        verdict = "tolerated" if is_tolerated else "WRONG"
        kind = f"{verdict}: {re.sub('[0-9]+', 'n', text)[:70]}"
        self.counts[kind] += 1
        if self.counts[kind] <= KEPT_MAX and not is_tolerated:
            about = "" if copy is None else f"{copy}: "
            self.errors.append(f"life {self.life}: {about}{text}")

    # --- publishers

    def new_message(
        self, publisher: int, queues: tuple[str, ...], size: int, persistent: bool
    ) -> Message:
        """One that was not published yet."""
        self._last_numbers[publisher] += 1
        number = self._last_numbers[publisher]
        return Message(publisher, number, size, persistent, queues, self.life)

    def publish(self, message: Message) -> None:
        """It is under way: it may be in its queues from now on. In a tx: its commit is."""
        key = message.publisher, message.number
        for queue in message.queues:
            copy = self.live[queue][key] = Copy(message, queue)
            self._ready[queue] += 1
            self._write(copy, "published")
        self.counts["published"] += 1

    def confirm(self, message: Message) -> None:
        self.counts["confirmed" if message.persistent else "confirmed transient"] += 1
        key = message.publisher, message.number
        for queue in message.queues:
            copy = self.live[queue].get(key)
            if copy is not None:
                copy.is_owed = True
                self._write(copy, "confirmed")

    def roll_back(self, message: Message) -> None:
        """It must never be seen: the tx in which it was published was rolled back."""
        self.counts["rolled back"] += 1
        for queue in message.queues:
            self._note_end(queue, message, End.ROLLED_BACK)

    # --- consumers

    def deliver(
        self, subscription: Subscription, properties: bytes, body: bytes, redelivered: bool
    ) -> Copy | None:
        """A client has read it, and holds it. Returns: None if there is no such copy."""
        self.counts["delivered"] += 1
        queue = subscription.queue
        key = _key_of(body)
        if key is None:
            self.error(f"{queue}: not the body of any message: {body[:60]!r}")
            return None
        copy = self.live[queue].get(key)
        if copy is None:
            end = self._end_of(queue, key)
            if not (self.is_ending and end is End.ACKED):  # or what was in the socket until now
                ended = self._ended[0].get((queue, key)) or self._ended[1].get((queue, key))
                name = "" if ended else f"{queue}: message {key[1]} of publisher {key[0]} "
                flag = "" if redelivered else "un"
                self.error(f"{name}is delivered, {flag}flagged, but it {end.value}", ended)
            return None
        self._check_delivery(subscription, copy, redelivered)
        message = copy.message
        if body != message.body:
            self.error("its body is not what was published", copy)
        if properties != message.properties:
            self.error(f"its properties are not what was published: {properties.hex(' ')}", copy)
        if message.life < self.life:
            copy.is_owed = copy.is_owed or message.persistent
            if not message.persistent:
                self.counts["transient in a later life"] += 1
        self._set(copy, State.HELD)
        copy.was_acked = False
        copy.seen_life = self.life
        self._write(copy, "redelivered" if redelivered else "delivered")
        return copy

    def _check_delivery(self, subscription: Subscription, copy: Copy, redelivered: bool) -> None:
        message, is_disturbed = copy.message, self.is_ending or copy.queue in self._disturbed
        if self.is_ending and copy.seen_life == self.life:
            # A client may have read what was given to another, before that one reads the end of
            # its connection, or even the first delivery.
            copy.is_contested = True
            return
        if copy.state is not State.READY:
            self.error(f"is delivered while it is {copy.state.value}", copy)
        if copy.was_acked:
            self.counts["repeated after an ack"] += 1
            if not redelivered:
                self.counts["repeated after an ack, not flagged"] += 1
        if copy.seen_life and not redelivered:
            self.error("is delivered again, and not flagged redelivered", copy)
        is_new = not copy.seen_life and message.life == self.life
        if redelivered and is_new and not is_disturbed:
            self.error("is flagged redelivered, and cannot have been delivered before", copy)
        if copy.seen_life == self.life or (redelivered and is_disturbed):
            return  # it was given back in this life
        last = subscription.last.get(message.publisher, 0)
        if message.number < last:
            self.error(f"comes after message {last} of the same publisher", copy)
        subscription.last[message.publisher] = max(last, message.number)

    def ack(self, copy: Copy) -> None:
        """An ack for it, or a nack without requeue, is under way. In a tx: its commit is."""
        self._set(copy, State.ACKED)
        self._write(copy, "acked")
        self.counts["acked"] += 1

    def requeue(self, copy: Copy) -> None:
        """It is given back: by a nack or reject, or because its channel is being closed."""
        self._set(copy, State.READY)
        self._write(copy, "requeued")
        self.counts["requeued"] += 1

    def prove(self, copies: Iterable[Copy]) -> None:
        """What was sent for them is safe: they must never be seen again."""
        for copy in copies:
            self._end(copy, End.ACKED)

    def disturb(self, queue: str) -> None:
        """A consumer goes: what it was sent and has not read may be delivered elsewhere, flagged
        and out of order, in this life."""
        self._disturbed.add(queue)

    # --- queues

    def empty(self, queue: str) -> list[Copy]:
        """A purge or delete is under way. Returns: what it meets."""
        live = self.live[queue].values()
        copies = [copy for copy in live if copy.state is State.READY]
        for copy in copies:
            self._set(copy, State.ACKED)
            self._write(copy, "purged")
        return copies

    def delete(self, queue: str) -> None:
        """The queue is gone, and that is safe."""
        for copy in list(self.live[queue].values()):
            self._end(copy, End.DELETED)

    def owed(self, queue: str) -> int:
        """How many must be there, and ready."""
        live = self.live[queue].values()
        return sum(copy.is_owed and copy.state is State.READY for copy in live)

    def possible(self, queue: str) -> int:
        """How many may be there at most, and ready."""
        return self._ready[queue]

    def read_to_its_end(self, queue: str) -> None:
        """A client holds all there is. What nobody holds is lost, or was never there."""
        for copy in list(self.live[queue].values()):
            if copy.state is State.READY:
                if copy.is_owed:
                    self.counts["lost"] += 1
                    self.error("is lost", copy)
                self._end(copy, End.ABSENT)

    # --- lives

    def begin_life(self, *, is_same_broker: bool = False) -> None:
        """All clients are gone. is_same_broker: but the broker is not; nothing is lost with it."""
        for queue, copies in self.live.items():
            self._ready[queue] = len(copies)
            for copy in copies.values():
                if copy.state is State.ACKED or copy.is_contested:
                    copy.was_acked = True
                    copy.is_owed = copy.is_contested = False
                copy.state = State.READY
                if not (copy.message.persistent or is_same_broker):
                    copy.is_owed = False
        self._ended = [{}, self._ended[0]]
        self.life += 1
        self._disturbed.clear()
        self.is_ending = False

    # --- inside

    def _set(self, copy: Copy, state: State) -> None:
        self._ready[copy.queue] += (state is State.READY) - (copy.state is State.READY)
        copy.state = state

    def _write(self, copy: Copy, what: str) -> None:
        copy.history.append(f"{what} {self.life}")

    def _end(self, copy: Copy, end: End) -> None:
        message = copy.message
        if self.live[copy.queue].pop((message.publisher, message.number), None) is not None:
            self._ready[copy.queue] -= copy.state is State.READY
            self._note_end(copy.queue, message, end)
            self._write(copy, "ended")
            self._ended[0][copy.queue, (message.publisher, message.number)] = copy

    def _note_end(self, queue: str, message: Message, end: End) -> None:
        """One octet for each: a long run has millions."""
        ends = self._ends[queue].setdefault(message.publisher, bytearray())
        if message.number >= len(ends):
            ends.extend(bytes(message.number + 1 - len(ends)))
        ends[message.number] = ENDS.index(end)

    def _end_of(self, queue: str, key: Key) -> End:
        publisher, number = key
        ends = self._ends[queue].get(publisher, b"")
        return ENDS[ends[number]] if number < len(ends) else End.UNKNOWN


def _key_of(body: bytes) -> Key | None:
    words = body[:60].split(b" ")
    if len(words) < 4 or not all(word.isdigit() for word in words[:3]):
        return None
    return int(words[0]), int(words[1])
