"""A consumer of a channel: the queue's seam to the session. Its `deliver` is the hot way out.

A delivery is five chunks in the connection's outbox: what comes before the delivery tag, the tag,
what lies between tag and body (the rest of the method, the content header, the body's frame
header), the body, the end octet. The first and third depend on the envelope only and are
remembered for the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import TYPE_CHECKING

from broker.amqp.frames import (
    BODY,
    END,
    END_OCTET,
    HEADER,
    METHOD,
    OVERHEAD,
    content_frames,
    method_frame,
    pack_frame_header,
)
from broker.amqp.methods import BasicCancel, BasicCreditDrained
from broker.amqp.wire import Table, encode_shortstr
from broker.marks import hot
from broker.message import Envelope, Message
from broker.queues.arguments import credit_of
from broker.queues.queue import Queue
from broker.session import reports
from broker.session.pairs import DELIVER, DELIVER_NO_ACK, REDELIVER
from broker.session.tapping import deliver_tapped

if TYPE_CHECKING:
    from broker.session.channel import Channel

BATCH_MAX = 512  # messages taken in one go
LARGE_BODY = 16 * 1024  # octets from which the flush does not copy a body
FRAMING = 64  # octets a delivery costs beside header and body, roughly, for the outbox's ceiling

_pack_tag = Struct(">Q").pack
_pack_next_frame = Struct(">BBHI").pack  # the last frame's end octet, then a frame header
Chunks = tuple[bytes | None, bytes, int]
_DELIVER = b"\x00\x3c\x00\x3c"


class ChannelConsumer:
    """One basic.consume. prefetch: of this consumer, at the time it was made; 0: no limit."""

    __slots__ = (
        "_begins",
        "_chunks",
        "_envelope",
        "_is_redelivered",
        "_number",
        "arguments",
        "asked_prefetch",
        "channel",
        "credit",
        "exclusive",
        "is_parked",
        "no_ack",
        "prefetch",
        "priority",
        "queue",
        "tag",
        "unacked_count",
    )

    def __init__(
        self,
        channel: Channel,
        queue: Queue,
        tag: str,
        *,
        no_ack: bool,
        exclusive: bool,
        prefetch: int,
        arguments: Table,
    ):
        self.channel = channel
        priority = arguments.get("x-priority")
        self.priority = int(str(priority.value)) if priority is not None else 0
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = 0 if no_ack else prefetch
        self.asked_prefetch = prefetch  # of the channel, then; shown also where it does not count
        self.arguments = arguments
        self.unacked_count = 0
        # of basic.credit or x-credit; None: never asked for
        self.credit = credit_of(arguments)
        self.is_parked = False
        self._number = channel.number
        self._begins = _DELIVER + encode_shortstr(tag)
        self._envelope: Envelope | None = None  # the last one delivered, with
        self._is_redelivered = False
        self._chunks: Chunks = (None, b"", 0)

    @property
    def peer(self) -> object:
        """Seam `Consumer`."""
        return self.channel.connection

    def room(self) -> int:
        """Seam `Consumer`: what credit and back-pressure leave."""
        if self.channel.connection.is_full or not self.channel.is_open:
            return 0
        return self.credit_left()

    def credit_left(self) -> int:
        """How many messages basic.credit and the prefetches allow, at most BATCH_MAX."""
        room = self.own_credit()
        channel = self.channel
        if channel.global_prefetch and not self.no_ack:
            room = min(room, channel.global_prefetch - channel.global_used)
        return room

    def own_credit(self) -> int:
        """The same but for the channel's global prefetch. basic.credit replaces the prefetch."""
        if self.credit is not None:
            return min(BATCH_MAX, self.credit)
        if self.prefetch:
            return min(BATCH_MAX, self.prefetch - self.unacked_count)
        return BATCH_MAX

    @hot(bench="auto-ack")
    def deliver(self, messages: Sequence[Message], seq: int, stride: int, count: int) -> int:
        """Seam `Consumer`. The general form of a delivery is `content_frames` after the method."""
        channel = self.channel
        queue = self.queue
        connection = channel.connection
        tap = connection.vhost.tap
        if tap is not None:
            return deliver_tapped(self, tap, messages, seq, stride, count)
        outbox = connection.outbox
        extend = outbox.extend
        octets = connection.outbox_octets
        limit = connection.outbox_limit
        tag = channel.last_delivery_tag
        unacked = None if self.no_ack else channel.unacked
        redelivered = count != 0
        envelope = self._envelope if redelivered is self._is_redelivered else None
        prefix, middle, size = self._chunks
        number, begins, frame_max = self._number, self._begins, connection.frame_max
        taken = 0
        for message in messages:
            if message.envelope is not envelope:
                envelope = message.envelope
                prefix, middle, size = _chunks_for(envelope, number, begins, frame_max, redelivered)
                if size > LARGE_BODY:
                    connection.has_large_chunks = True
            tag += 1
            if prefix is None:  # no body frame, or more than one
                self._deliver_split(message, tag, redelivered)
            else:
                extend((prefix, _pack_tag(tag), middle, message.body, END_OCTET))
            if unacked is not None:
                unacked[tag] = (self, queue, seq, message, count)
                seq += stride
            taken += 1
            octets += size
            if octets > limit and stride == 1:
                break
        self._envelope, self._is_redelivered = envelope, redelivered
        self._chunks = (prefix, middle, size)
        if size > LARGE_BODY:
            connection.has_large_chunks = True
        connection.outbox_octets = octets
        if octets > limit:
            connection.is_full = True
        if not connection.has_output:
            connection.mark_output()
        channel.last_delivery_tag = tag
        if self.credit is not None:
            self.credit -= taken
        if unacked is not None:
            self.unacked_count += taken
            channel.global_used += taken
        else:
            channel.delivered_no_ack += taken
        if redelivered:
            channel.redelivered += taken
        if channel.pairs is not None:
            channel.pairs.take(queue, DELIVER_NO_ACK if self.no_ack else DELIVER, taken)
            if redelivered:
                channel.pairs.take(queue, REDELIVER, taken)
        return taken

    @hot(bench="priority")
    def deliver_ranked(self, messages: Sequence[Message], ranks: Sequence[int]) -> int:
        """Seam `Consumer`: `deliver`, and then the numbers it could not know."""
        channel = self.channel
        tag = channel.last_delivery_tag
        taken = self.deliver(messages, 0, 1, 0)
        if not self.no_ack:
            unacked, queue = channel.unacked, self.queue
            for message, rank in zip(messages[:taken], ranks, strict=False):
                tag += 1
                unacked[tag] = (self, queue, rank, message, 0)
        return taken

    def _deliver_split(self, message: Message, tag: int, redelivered: bool) -> None:
        """The general form, for empty bodies and those of several frames."""
        connection = self.channel.connection
        envelope = message.envelope
        payload = b"".join(
            (
                self._begins,
                _pack_tag(tag),
                b"\x01" if redelivered else b"\x00",
                envelope.address,
            )
        )
        connection.outbox.append(method_frame(self.channel.number, payload))
        connection.outbox += content_frames(
            self.channel.number, envelope.header, message.body, connection.frame_max
        )

    def on_parked(self) -> None:
        """Seam `Consumer`: wait for credit (an ack looks us up) or for the outbox to drain."""
        channel = self.channel
        if channel.connection.is_full:
            channel.connection.parked[self] = None
        else:
            channel.park(self)

    def give_back(self) -> None:
        """The queue is empty: what is left of the credit is taken back, and the peer is told."""
        self.channel.send(BasicCreditDrained(self.tag, self.credit or 0))
        self.credit = 0

    def on_queue_deleted(self) -> None:
        """Seam `Consumer`: tell the peer, if it wants to be told."""
        channel = self.channel
        if channel.connection.node.events is not None:
            reports.consumer_lost_queue(self)
        channel.consumers.pop(self.tag, None)
        channel.forget(self)
        if channel.is_open and channel.connection.wants_cancel_notify:
            channel.send(BasicCancel(self.tag, nowait=True))


def _chunks_for(
    envelope: Envelope, number: int, begins: bytes, frame_max: int, redelivered: bool
) -> Chunks:
    """The chunks around tag and body for deliveries in an envelope.

    number: of the channel. begins: the method's ids and the consumer tag. Returns: what comes
    before the tag, or None when the body is not exactly one frame; what lies between tag and body;
    about how many octets the delivery has.
    """
    header, address, body_size = envelope.header, envelope.address, envelope.body_size
    size = body_size + len(header) + len(address) + FRAMING
    if body_size == 0 or body_size > frame_max - OVERHEAD > 0:
        return None, b"", size
    middle = b"".join(
        (
            b"\x01" if redelivered else b"\x00",
            address,
            _pack_next_frame(END, HEADER, number, len(header)),
            header,
            _pack_next_frame(END, BODY, number, body_size),
        )
    )
    payload_size = len(begins) + 9 + len(address)  # 9: delivery tag, redelivered
    return pack_frame_header(METHOD, number, payload_size) + begins, middle, size
