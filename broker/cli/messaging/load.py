"""The producers and consumers of a load test, each one connection; none of them ever blocks.

A producer sends the same message over and over, whole blocks of it, with the time of sending in the
first octets of the body; a consumer counts and acknowledges. Nothing here runs per message but
the counting of confirms.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Protocol

from broker.amqp import frames
from broker.amqp import methods as m
from broker.amqp.content import Properties
from broker.amqp.wire import table_of
from broker.cli.messaging import latency
from broker.cli.messaging.clock import now_ns, now_s
from broker.cli.messaging.confirms import Confirms
from broker.cli.messaging.connection import CHANNEL, Connection, Content
from broker.cli.messaging.deliveries import STAMP_SIZE, Deliveries, Run
from broker.cli.messaging.exits import Failure

BLOCK_BYTES = 65536
BLOCK_MAX = 500  # messages that bear one time
BLOCKS_IN_TURN = 8  # of one producer; then others of the process are asked
PLACEHOLDER = b"\xf5stamp\xf5\xf5"
TAG = "bench"


class Counts:
    """What happened since the last report."""

    NAMES = ("sent", "confirmed", "nacked", "returned", "received")

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.latency: latency.Histogram = Counter()
        self.confirm_latency: latency.Histogram = Counter()
        self.last_ns = 0  # when something came or went

    def taken(self) -> dict[str, Any]:
        """As JSON; and begin anew."""
        report = {
            **self.numbers,
            "latency": self.latency,
            "confirm_latency": self.confirm_latency,
            "last_ns": self.last_ns,
        }
        last_ns = self.last_ns
        self.__init__()  # type: ignore[misc]
        self.last_ns = last_ns
        return report


class Party(Protocol):
    """What the worker's loop drives."""

    connection: Connection

    @property
    def wants_write(self) -> bool: ...

    @property
    def is_done(self) -> bool: ...

    def due_s(self) -> float | None:
        """Seconds until it can go on by itself; None: something has to come first."""

    def on_readable(self) -> None: ...

    def pump(self) -> None:
        """Send what can be sent."""


def block_of(plan: dict[str, Any], routing_key: str, frame_max: int) -> tuple[bytes, int]:
    """Returns: one message, encoded; how many of them a block has."""
    size = plan["size"]
    body = (PLACEHOLDER if size >= STAMP_SIZE else b"").ljust(size, b"\0")
    properties = Properties(delivery_mode=2 if plan["persistent"] else None)
    publish = m.BasicPublish(exchange=plan["exchange"], routing_key=routing_key)
    publish.mandatory = plan["mandatory"]
    method = frames.method_frame(CHANNEL, publish.encode())
    content = frames.content_frames(CHANNEL, properties.encode(size), body, frame_max)
    message = b"".join((method, *content))
    return message, max(1, min(BLOCK_MAX, BLOCK_BYTES // len(message)))


class Producer:
    """plan: see `bench_plan`. remaining: messages to send, None: until it is told to end."""

    def __init__(self, connection: Connection, plan: dict[str, Any], key: str, counts: Counts):
        self.connection = connection
        self._message, block_max = block_of(plan, key, connection.frame_max)
        self._size = len(self._message)
        self._window: int = plan["confirm"]
        rate: float | None = plan["rate"]
        self._interval_s = 1 / rate if rate else 0.0
        if rate:  # a block every ten milliseconds is smooth enough
            block_max = max(1, min(block_max, int(rate / 100)))
        self._block = self._message * block_max
        self._block_max = block_max
        self._next_s = now_s()
        self.remaining: int | None = plan["messages"]
        self._counts = counts
        self._confirms = Confirms()
        self._stamps: deque[tuple[int, int]] = deque()  # last message of a block, when it was sent
        self._sent = 0
        self._pending = memoryview(b"")
        self._may_go_on = False
        if self._window:
            connection.call(m.ConfirmSelect(), m.ConfirmSelectOk)

    @property
    def wants_write(self) -> bool:
        return self._may_go_on or self.connection.unsent > 0

    @property
    def is_done(self) -> bool:
        is_sent = self.remaining == 0 and not self._pending
        return is_sent and (not self._window or self._confirms.settled >= self._sent)

    def due_s(self) -> float | None:
        if self.remaining == 0 or self._pending or not self._interval_s:
            return None
        return max(0.0, self._next_s - now_s())

    def pump(self) -> None:
        if self.connection.unsent and not self._pending:  # close-ok and the like
            self.connection.flush()
        for _ in range(BLOCKS_IN_TURN):
            self._may_go_on = bool(self._pending) or self._refill()
            if not self._may_go_on:
                return
            taken = self.connection.transport.send(self._pending)
            self._pending = self._pending[taken:]
            if self._pending:
                return

    def _refill(self) -> bool:
        if self.connection.blocked is not None:
            return False
        room = self._block_max
        if self.remaining is not None:
            room = min(room, self.remaining)
        if self._window:
            free = self._window - (self._sent - self._confirms.settled)
            if free < max(1, min(room, self._window // 4)):
                return False
            room = min(room, free)
        if self._interval_s:
            now = now_s()
            self._next_s = max(self._next_s, now - 0.1)  # what was missed is not made up for
            room = min(room, int((now - self._next_s) / self._interval_s) + 1)
            if now < self._next_s:
                return False
            self._next_s += room * self._interval_s
        if room <= 0:
            return False
        stamp = now_ns()
        block = self._block[: room * self._size]
        self._pending = memoryview(block.replace(PLACEHOLDER, stamp.to_bytes(8, "big")))
        self._sent += room
        if self.remaining is not None:
            self.remaining -= room
        if self._window:
            self._stamps.append((self._sent, stamp))
        self._counts.numbers["sent"] += room
        self._counts.last_ns = stamp
        return True

    def on_readable(self) -> None:
        connection = self.connection
        data = connection.transport.receive()
        if data is None:
            return
        confirms = self._confirms
        settled, nacked = confirms.settled, confirms.nacked
        connection.unread += data
        taken = confirms.take(bytes(connection.unread))
        del connection.unread[:taken]
        connection.feed(b"")
        while connection.inbox:
            entry = connection.inbox.popleft()
            if isinstance(entry, (m.BasicAck, m.BasicNack)):
                is_ack = isinstance(entry, m.BasicAck)
                confirms.settle(entry.delivery_tag, entry.multiple, is_ack=is_ack)
            elif isinstance(entry, Content):
                self._counts.numbers["returned"] += 1
        if confirms.settled > self._sent:
            raise Failure("the broker confirmed what was never published", 76)
        self._count(confirms.settled - settled, confirms.nacked - nacked)

    def _count(self, settled: int, nacked: int) -> None:
        if not settled:
            return
        self._counts.numbers["confirmed"] += settled - nacked
        self._counts.numbers["nacked"] += nacked
        now = self._counts.last_ns = now_ns()
        previous = self._confirms.settled - settled
        while self._stamps and self._stamps[0][0] <= self._confirms.settled_to:
            last, stamp = self._stamps.popleft()
            bucket = latency.bucket_of((now - stamp) // 1000)
            self._counts.confirm_latency[bucket] += max(1, last - previous)
            previous = max(previous, last)


class Consumer:
    """Counts deliveries and acknowledges every so many of them."""

    def __init__(self, connection: Connection, plan: dict[str, Any], queue: str, counts: Counts):
        self.connection = connection
        self._ack_every = 0 if plan["auto_ack"] else plan["ack_every"]
        self._counts = counts
        self._deliveries = Deliveries(connection.feed)
        self._delivered = 0
        self._acked = 0
        self._since_ns = now_ns()
        if not plan["auto_ack"]:
            connection.call(m.BasicQos(prefetch_count=plan["prefetch"]), m.BasicQosOk)
        consume = m.BasicConsume(queue=queue, consumer_tag=TAG, no_ack=plan["auto_ack"])
        consume.arguments = table_of(plan["consume_arguments"])
        connection.call(consume, m.BasicConsumeOk)
        self._take_what_came()

    def _take_what_came(self) -> None:
        """Deliveries on the heels of consume-ok, taken apart already."""
        inbox, contents = self.connection.inbox, 0
        while inbox:
            contents += isinstance(inbox.popleft(), Content)
        if contents:
            self._on_run(Run(contents, contents, []))

    @property
    def wants_write(self) -> bool:
        return self.connection.unsent > 0

    @property
    def is_done(self) -> bool:
        return False

    def due_s(self) -> float | None:
        return None

    def pump(self) -> None:
        self.connection.flush()

    def on_readable(self) -> None:
        data = self.connection.transport.receive()
        if data is None:
            return
        unread = self.connection.unread
        if unread:  # begun while consume-ok was waited for
            data = bytes(unread) + data
            unread.clear()
        run = self._deliveries.take(data)
        for entry in self.connection.inbox:
            if isinstance(entry, m.BasicCancel):
                raise Failure("the broker cancelled a consumer: its queue is gone", 69)
        self.connection.inbox.clear()
        if run.messages:
            self._on_run(run)

    def _on_run(self, run: Run) -> None:
        self._delivered += run.messages
        counts = self._counts
        counts.numbers["received"] += run.messages
        now = counts.last_ns = now_ns()
        latency.add(counts.latency, run.stamps, now, self._since_ns)
        every = self._ack_every
        if every:
            stop = run.last_tag - run.last_tag % every
            acks = [
                m.BasicAck(tag, every > 1) for tag in range(self._acked + every, stop + 1, every)
            ]
            if acks:
                self._acked = stop
                octets = [frames.method_frame(CHANNEL, ack.encode()) for ack in acks]
                self.connection.put(b"".join(octets))
                self.connection.flush()
