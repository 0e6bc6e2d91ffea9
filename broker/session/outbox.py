"""What goes out to a peer, and what keeps it from coming in: back-pressure in both directions.

Deliveries stop when the outbox passes `outbox_limit` or the transport has had enough (`is_full`);
what the peer asks for is still answered, up to `REPLIES_MAX` octets, then its frames wait until it
has taken them (`is_stalled`). A peer that sends a lot is not read for the rest of the turn; one
that publishes faster than the disk takes it is not read until that has caught up (`hold`); one that
publishes while an alarm is on, until that is over (`block`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from broker.amqp import legacy
from broker.amqp.frames import FRAME_MIN_SIZE, LARGE_CHUNK, coalesced, method_frame
from broker.amqp.methods import ConnectionBlocked, ConnectionUnblocked, Method
from broker.marks import hot
from broker.session.scanner import ABSORB_MAX, REPLIES_MAX
from broker.session.states import State
from broker.session.waiting import Waiting

if TYPE_CHECKING:
    from broker.node import Node
    from broker.session.channel import Channel
    from broker.session.consumer import ChannelConsumer

OUTBOX_LIMIT = 512 * 1024  # octets of deliveries in one turn
FLOW_SHOWN_MS = 5_000  # for so long a connection that was held back says so


class Outbox(Waiting):
    """The part of a `Connection` that writes."""

    __slots__ = (
        "_confirms_due",
        "_held_back_ms",
        "_sent_in_tick",
        "has_large_chunks",
        "has_output",
        "is_blocked",
        "is_full",
        "is_legacy",
        "is_paused",
        "outbox",
        "outbox_limit",
        "parked",
        "sent_count",
        "sent_octets",
        "wants_blocked",
    )

    def __init__(self, node: Node):
        super().__init__(
            node.next_connection_id(),
            fast_path=node.config.fast_path,
            frame_max=FRAME_MIN_SIZE,  # until the peer has tuned
        )
        self.node = node
        self.outbox: list[bytes] = []
        self.outbox_limit = OUTBOX_LIMIT
        self.has_output = False
        self.has_large_chunks = False  # in the outbox
        self.is_blocked = False  # by an alarm
        self.is_legacy = False  # speaks AMQP 0-8
        self.is_full = False  # no deliveries for now
        self.is_paused = False  # the transport has had enough
        self.wants_blocked = False  # to be told of alarms
        self.parked: dict[ChannelConsumer, None] = {}  # consumers that wait for the outbox
        self._confirms_due: list[Channel] = []
        self._sent_in_tick = False
        self.sent_octets = self.sent_count = 0  # and in how many writes
        self._held_back_ms = -FLOW_SHOWN_MS  # when it was last not read for what it sent

    @property
    def is_held_back(self) -> bool:
        """Whether it sends more than is taken, or did a moment ago."""
        return (
            self.is_held or self.is_stalled or self.node.now_ms - self._held_back_ms < FLOW_SHOWN_MS
        )

    @property
    def traffic(self) -> tuple[int, int, int, int]:
        """Octets received and sent, and in how many reads and writes."""
        return self.received_octets, self.sent_octets, self.received_count, self.sent_count

    # out

    def send(self, number: int, method: Method) -> None:
        """Put a method frame into the outbox."""
        payload = method.encode()
        if self.is_legacy:
            payload = legacy.to_0_8(payload)
        self.send_raw((method_frame(number, payload),))

    def send_raw(self, chunks: Iterable[bytes]) -> None:
        """Put octets into the outbox as they are."""
        for chunk in chunks:
            self.outbox.append(chunk)
            self.outbox_octets += len(chunk)
            if len(chunk) >= LARGE_CHUNK:
                self.has_large_chunks = True
        if not self.has_output:
            self.mark_output()

    def mark_output(self) -> None:
        """Be flushed in this turn."""
        if not self.has_output:
            self.has_output = True
            self.node.peers_with_output.append(self)  # type: ignore[arg-type] # a Connection
            self.node.request_turn()

    def mark_confirms(self, channel: Channel) -> None:
        """The channel has publishes to confirm at the flush."""
        channel.has_confirms_due = True
        self._confirms_due.append(channel)
        self.mark_output()

    @hot(bench="auto-ack")
    def flush(self) -> None:
        """Write what is in the outbox; let go of what had to wait for it. Called once a turn."""
        while self._confirms_due:  # a tx.commit-ok lets frames go on, which may bring more
            due, self._confirms_due = self._confirms_due, []
            for channel in due:
                if channel.is_open:
                    channel.confirm()
        self.has_output = False
        if self._absorbed > ABSORB_MAX:
            self._held_back_ms = self.node.now_ms
            self._read_on()
        self._absorbed = 0
        outbox = self.outbox
        if outbox and not self.is_paused:
            if self.has_large_chunks:
                self.has_large_chunks = False
                chunks = coalesced(outbox)
                self.sent_octets += sum(map(len, chunks))
                self.transport.writelines(chunks)
            else:
                data = b"".join(outbox)
                self.sent_octets += len(data)
                self.transport.write(data)
            self.sent_count += 1
            outbox.clear()
            self.outbox_octets = 0
            self._sent_in_tick = True
        if self.is_full and not self.is_paused:  # the write may have been too much for it
            self._drained()
        if self.is_stalled and self.outbox_octets <= REPLIES_MAX and not self.has_many_waiting:
            self.is_stalled = False
            self._read_on()
            self.absorb(b"")

    def _read_on(self) -> None:
        """Read the peer, unless there is a reason not to."""
        if self.state is State.CLOSING or not (
            self.is_blocked or self.is_held or self.is_stalled or self.has_many_waiting
        ):
            self.transport.resume_reading()

    def hold(self) -> None:
        """It publishes faster than the disk takes it: do not read it until `release`."""
        self.is_held = True
        self._held_back_ms = self.node.now_ms
        self.node.held_peers[self.connection_id] = self  # type: ignore[assignment]
        self.transport.pause_reading()

    def release(self) -> None:
        """The disk has caught up: read the peer again."""
        self.is_held = False
        self._read_on()

    def on_transport_paused(self) -> None:
        """The peer does not read as fast as it is written to: no deliveries until it does."""
        self.is_paused = True
        self.is_full = True

    def on_transport_resumed(self) -> None:
        """The peer has caught up."""
        self.is_paused = False
        self._read_on()
        self._drained()
        self.mark_output()

    def _drained(self) -> None:
        self.is_full = False
        parked, self.parked = self.parked, {}
        for consumer in parked:
            if consumer.credit_left() > 0:
                consumer.queue.unpark(consumer)
            elif consumer.channel.is_open:
                consumer.channel.park(consumer)

    def stop_deliveries(self) -> None:
        """The node stops: nothing more for this peer."""
        self.is_full = True

    # alarms

    def on_alarms_changed(self) -> None:
        """A resource of the node ran low, or none does any more.

        RabbitMQ: only connections that publish are blocked, and whether one does is asked anew
        after each alarm; consumers go on.
        """
        if self.state is not State.RUNNING:
            return
        if self.node.alarms:
            if self.has_published and not self.is_blocked:
                self.block()
        elif self.is_blocked:
            self.is_blocked = self.has_published = False
            self.forget_memos()  # the next publish has to be noticed
            if self.wants_blocked:
                self.send(0, ConnectionUnblocked())
            self._read_on()

    def block(self) -> None:
        """Tell the peer why, and stop reading it."""
        self.is_blocked = True
        if self.wants_blocked:
            self.send(0, ConnectionBlocked(f"low on {' & '.join(self.node.alarms)}"))
        self.transport.pause_reading()
