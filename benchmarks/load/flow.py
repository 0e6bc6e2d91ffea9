"""The load: publishers and consumers in one thread around one epoll.

Cost per message is a few bytes copied by the kernel: whole blocks of encoded messages are sent,
and deliveries are counted by the bytes received, since their sizes are known: one size, or those
of a block that repeats. Each received chunk is checked by one delivery tag: the last complete
delivery in it must bear the tag its place in the stream demands. The first messages of every run
are parsed and compared in full.

One thread cannot deadlock with the broker: sockets do not block, and whatever is readable is read
first. A publisher is never further ahead of its consumer than `in_flight_max`, so a broker that
accepts faster than it delivers is measured by its deliveries, and its backlog stays bounded.
"""

from __future__ import annotations

import select
import socket
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from broker.cli.messaging.confirms import Confirms

from . import wire
from .peer import Peer, PeerError
from .source import Source

STALL_S = 20
# After each round of events, let more arrive: some brokers write two messages at a time, and
# a generator that woke for each write would take the core the broker needs. Sleeps about 0.15 ms.
GATHER_S = 0.0001
RECEIVE_BYTES = 262144
DISCARD_FROM_BYTES = 16384  # larger deliveries are counted without being copied out of the kernel
WARM_UP_COUNT = 40

_buffer = bytearray(1 << 20)


class StalledError(Exception):
    """Nothing arrived for STALL_S although messages are missing."""


def delivery_size(content: wire.Content, consumer_tag: str) -> int:
    """Bytes of one delivery: basic.deliver, content header, one body frame."""
    return (
        wire.FRAME_OVERHEAD
        + (4 + 1 + len(consumer_tag) + 8 + 1)
        + (1 + len(content.exchange) + 1 + len(content.routing_key))
        + (wire.FRAME_OVERHEAD + len(content.header))
        + (wire.FRAME_OVERHEAD + len(content.body) if content.body else 0)
    )


def get_reply_size(content: wire.Content) -> int:
    """Bytes of one message as basic.get returns it."""
    return delivery_size(content, "") - 1 + 4  # no consumer tag, but a message count


class Consumer:
    """Reads deliveries, counts them, and acknowledges every `ack_every` (0: the broker does)."""

    def __init__(
        self,
        peer: Peer,
        source: Source | Sequence[wire.Content],
        consumer_tag: str,
        ack_every: int = 0,
    ) -> None:
        """source: of the messages, or the contents of a block where they are not as published."""
        self.peer = peer
        contents = source.contents if isinstance(source, Source) else source
        sizes = [delivery_size(content, consumer_tag) for content in contents]
        self._ends = list(accumulate(sizes))  # of the deliveries of one block, in bytes
        self._starts = [-sizes[-1], 0, *self._ends[:-1]]  # of the last complete one
        self.delivered = 0
        self.delivered_before = 0  # in the warm-up; delivery tags go on from there
        self.acked = 0
        self.ack_every = ack_every
        self.wanted = 0  # deliveries to wait for, where no publisher says so
        self.ack_max: Callable[[], int] | None = None
        self.on_progress: Callable[[], None] = _nothing
        self._received = 0
        self._last_start = 0
        self._tag_offset = 7 + 4 + 1 + len(consumer_tag)
        self._discard = min(sizes) >= DISCARD_FROM_BYTES

    @property
    def block_size(self) -> int:
        """Bytes delivered for one block of the source."""
        return self._ends[-1]

    def start(self) -> None:
        self.peer.socket.setblocking(False)
        unread, before = self.peer.unread, self._received
        self._count(len(unread))
        if unread and not self._discard:
            self._check(unread, len(unread), before)
        unread.clear()

    def on_events(self, events: int) -> None:
        try:
            if self._discard:
                size = self.peer.socket.recv_into(_buffer, 0, socket.MSG_TRUNC)
            else:
                size = self.peer.socket.recv_into(_buffer, RECEIVE_BYTES)
        except BlockingIOError:
            return
        if size == 0:
            raise PeerError("the broker closed a consumer's connection")
        before = self._received
        self._count(size)
        if not self._discard:
            self._check(_buffer, size, before)
        self.on_progress()

    def _check(self, chunk: bytearray, size: int, before: int) -> None:
        """The last delivery complete in a chunk must bear the tag that its place demands.

        before: bytes received before this chunk.
        """
        start = self._last_start - before
        if start >= 0:
            tag = wire.unpack_tag(chunk, start + self._tag_offset)[0]
            if tag != self.delivered + self.delivered_before:
                raise PeerError(f"delivery {self.delivered} bears tag {tag}: {chunk[:size]!r:.300}")

    def acknowledge(self, final: bool = False) -> None:
        """Acknowledge what is due, every `ack_every` deliveries with one multiple ack."""
        due = self.delivered
        if self.ack_max is not None:
            due = min(due, self.ack_max())
        stop = due - due % self.ack_every
        if stop > self.acked:
            base = self.delivered_before
            tags = range(self.acked + self.ack_every, stop + 1, self.ack_every)
            # Small, and the broker always reads: a partial send would be an error worth seeing.
            self._send(b"".join([self.settlement(base + tag) for tag in tags]))
            self.acked = stop
        if final and due > self.acked:
            self._send(self.settlement(self.delivered_before + due))
            self.acked = due

    def settlement(self, tag: int) -> bytes:
        """What to say of the deliveries up to a tag since the last time."""
        return wire.ack(tag)

    def _send(self, data: bytes) -> None:
        if self.peer.socket.send(data) != len(data):
            raise PeerError("acknowledgements were not read")

    def _count(self, size: int) -> None:
        self._received += size
        blocks, rest = divmod(self._received, self._ends[-1])
        index = bisect_right(self._ends, rest)
        self.delivered = blocks * len(self._ends) + index
        self._last_start = self._received - rest + self._starts[index]
        if self.ack_every:
            self.acknowledge()


class Publisher:
    """Sends whole blocks while there is room.

    sink: the consumer this publisher must not outrun. window: unconfirmed messages allowed; 0: no
    confirms asked for. quantum: room to wait for before sending again, so that a confirm for one
    message is not answered by a system call for one message.
    """

    def __init__(
        self,
        peer: Peer,
        source: Source,
        in_flight_max: int,
        sink: Consumer | None = None,
        window: int = 0,
    ) -> None:
        self.peer = peer
        self.source = source
        self.sink = sink
        self.window = window
        self.in_flight_max = in_flight_max
        self.published = 0
        self.confirmed = 0
        self.published_before = 0  # in the warm-up; confirms go on from there
        self.is_open = True
        self.remaining: int | None = None
        self.wants_write = False
        self._quantum = max(1, min(window or in_flight_max, in_flight_max) // 10)
        self._pending = memoryview(b"")
        self._partial = b""
        self.is_refused = False  # whether nacks are as good as acks
        self._confirms = Confirms()

    def start(self) -> None:
        self.peer.socket.setblocking(False)

    def pump(self) -> None:
        """Send until there is no more room, in the window or in the socket."""
        send = self.peer.socket.send
        while True:
            if not self._pending and not self._refill():
                self.wants_write = False
                break
            try:
                sent = send(self._pending)
            except BlockingIOError:
                self.wants_write = True
                break
            self._pending = self._pending[sent:]
        if self.sink is not None and self.sink.ack_every:
            self.sink.acknowledge()  # held back until as many were published

    def _refill(self) -> bool:
        if not self.is_open:
            return False
        room = self.in_flight_max
        if self.sink is not None:
            room -= self.published - self.sink.delivered
        if self.window:
            room = min(room, self.window - (self.published - self.confirmed))
        if room < self._quantum:
            return False
        if self.remaining is not None:
            room = min(room, self.remaining)
            if room == 0:
                return False
        self._pending, taken = self.source.take(room)
        self.published += taken
        if self.remaining is not None:
            self.remaining -= taken
        return True

    def on_events(self, events: int) -> None:
        if events & select.EPOLLIN:
            self._read_confirms()
        self.pump()

    def _read_confirms(self) -> None:
        data = self._partial + self.peer.socket.recv(RECEIVE_BYTES)
        if len(data) == len(self._partial):
            raise PeerError("the broker closed a publisher's connection")
        whole = len(data) - len(data) % wire.ACK_SIZE
        self._partial = data[whole:]
        self.take_confirms(data[:whole])

    def take_confirms(self, acks: bytes) -> None:
        """Count confirms. acks: whole basic.ack frames, in any order of delivery tags."""
        confirms = self._confirms
        taken = confirms.take(acks)
        is_known = taken == len(acks) and (self.is_refused or not confirms.nacked)
        if not is_known or not self.window:
            raise PeerError(f"a publisher received {acks[taken:]!r:.300}")
        # Persistent messages consumed before they were written are confirmed out of turn.
        self.confirmed = confirms.settled - self.published_before

    @property
    def is_done(self) -> bool:
        return not self._pending and (not self.window or self.confirmed == self.published)


@dataclass(slots=True)
class FlowResult:
    message_count: int
    elapsed_s: float
    generator_cpu_s: float


@dataclass(slots=True)
class Flow:
    """A set of publishers and consumers, run together."""

    publishers: Sequence[Publisher]
    consumers: Sequence[Consumer] = field(default_factory=list)

    def run(self, seconds: float | None = None, messages: int | None = None) -> FlowResult:
        """Publish for that long, or that many from each publisher; return when all has arrived.

        May be called again on the same flow; counts in the result are of this run only.
        """
        poll = select.epoll()
        handlers: dict[int, Callable[[int], None]] = {}
        for publisher in self.publishers:
            publisher.start()
            publisher.is_open, publisher.remaining = True, messages
            self._link(publisher)
            handlers[publisher.peer.socket.fileno()] = publisher.on_events
            poll.register(publisher.peer.socket, select.EPOLLIN)
        for consumer in self.consumers:
            consumer.start()
            handlers[consumer.peer.socket.fileno()] = consumer.on_events
            poll.register(consumer.peer.socket, select.EPOLLIN)
        published_before = sum(publisher.published for publisher in self.publishers)
        cpu_start = time.process_time()
        start = last_event = time.perf_counter()
        deadline = start + seconds if seconds is not None else None
        writing = [False] * len(self.publishers)
        for publisher in self.publishers:
            publisher.pump()
        try:
            while True:
                for index, publisher in enumerate(self.publishers):
                    if publisher.wants_write is not writing[index]:
                        writing[index] = publisher.wants_write
                        mask = select.EPOLLIN | (select.EPOLLOUT if writing[index] else 0)
                        poll.modify(publisher.peer.socket, mask)
                if deadline is None or not self.publishers[0].is_open:
                    if self._is_complete():
                        break
                elif time.perf_counter() >= deadline:
                    for publisher in self.publishers:
                        publisher.is_open = False
                    continue
                events = poll.poll(0.1)
                if events:
                    for descriptor, mask in events:
                        handlers[descriptor](mask)
                    last_event = time.perf_counter()
                    time.sleep(GATHER_S)
                elif time.perf_counter() - last_event > STALL_S:
                    raise StalledError(self._state())
            elapsed_s = time.perf_counter() - start
        finally:
            poll.close()
        for consumer in self.consumers:
            if consumer.ack_every:
                consumer.acknowledge(final=True)
        published = sum(publisher.published for publisher in self.publishers) - published_before
        return FlowResult(published, elapsed_s, time.process_time() - cpu_start)

    def _link(self, publisher: Publisher) -> None:
        consumer = publisher.sink
        if consumer is not None:
            consumer.on_progress = publisher.pump
            # With a backlog in the queue, take out as much as was put in, so that it stays.
            consumer.ack_max = lambda: publisher.published

    def _is_complete(self) -> bool:
        return all(
            publisher.is_done
            and publisher.remaining in (None, 0)
            and (publisher.sink is None or publisher.sink.delivered >= publisher.published)
            for publisher in self.publishers
        ) and all(consumer.delivered >= consumer.wanted for consumer in self.consumers)

    def _state(self) -> str:
        return "; ".join(
            [f"published {one.published}, confirmed {one.confirmed}" for one in self.publishers]
            + [f"delivered {one.delivered}" for one in self.consumers]
        )


def warm_up(publisher: Publisher, consumer: Consumer, ordered: bool = True) -> None:
    """Send a few messages and compare every field of what is delivered. Blocking; before a flow.

    ordered: from one queue, so in the order published.
    """
    # Whole blocks, so that the run begins at the start of one.
    block_count = len(publisher.source.contents)
    message_count = block_count * -(-WARM_UP_COUNT // block_count)
    sent, missing = b"", message_count
    while missing:
        piece, taken = publisher.source.take(missing)
        publisher.peer.send(piece)
        sent += piece
        missing -= taken
    stream_size = message_count // block_count * consumer.block_size
    while len(consumer.peer.unread) < stream_size:
        consumer.peer.receive()
    delivered = wire.read_contents(consumer.peer.unread)
    published = wire.read_contents(sent)
    if not ordered:
        delivered.sort()
        published.sort()
    if delivered != published:
        raise PeerError("the messages delivered are not those published")
    consumer.peer.unread.clear()
    consumer.delivered_before += message_count
    if consumer.ack_every:
        consumer.peer.send(wire.ack(consumer.delivered_before))
    if publisher.window:
        while publisher.confirmed < message_count:
            publisher.take_confirms(publisher.peer.read_whole(wire.ACK_SIZE))
        publisher.published_before, publisher.confirmed = message_count, 0


def _nothing() -> None:
    pass
