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
    END_OCTET,
    HEADER,
    METHOD,
    content_frames,
    method_frame,
    pack_frame_header,
)
from broker.amqp.methods import BasicCancel
from broker.amqp.wire import Table, encode_shortstr
from broker.marks import hot
from broker.message import Envelope, Message
from broker.queues.queue import Queue

if TYPE_CHECKING:
    from broker.session.channel import Channel

BATCH_MAX = 512  # messages taken in one go
FRAMING = 64  # octets a delivery costs beside header and body, roughly, for the outbox's ceiling

_pack_tag = Struct(">Q").pack
_DELIVER = b"\x00\x3c\x00\x3c"


class ChannelConsumer:
    """One basic.consume. prefetch: of this consumer, at the time it was made; 0: no limit."""

    __slots__ = (
        "_envelope",
        "_middle",
        "_middle_redelivered",
        "_prefix",
        "_size",
        "_splits",
        "_tag_octets",
        "arguments",
        "channel",
        "credit",
        "exclusive",
        "is_parked",
        "no_ack",
        "peer",
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
        self.peer = channel.connection
        priority = arguments.get("x-priority")
        self.priority = int(str(priority.value)) if priority is not None else 0
        self.queue = queue
        self.tag = tag
        self.no_ack = no_ack
        self.exclusive = exclusive
        self.prefetch = 0 if no_ack else prefetch
        self.arguments = arguments
        self.unacked_count = 0
        self.credit: int | None = None  # of basic.credit; None: never asked for
        self.is_parked = False
        self._tag_octets = encode_shortstr(tag)
        self._envelope: Envelope | None = None
        self._prefix = self._middle = self._middle_redelivered = b""
        self._size = 0
        self._splits = False

    def room(self) -> int:
        """Seam `Consumer`: what credit and back-pressure leave."""
        channel = self.channel
        if channel.connection.is_full or not channel.is_open:
            return 0
        room = BATCH_MAX
        if self.credit is not None:
            room = min(room, self.credit)
        if not self.no_ack:
            if self.prefetch:
                room = min(room, self.prefetch - self.unacked_count)
            if channel.global_prefetch:
                room = min(room, channel.global_prefetch - len(channel.unacked))
        return room

    @hot(bench="auto-ack")
    def deliver(
        self, queue: Queue, messages: Sequence[Message], seq: int, stride: int, count: int
    ) -> int:
        """Seam `Consumer`. The general form of a delivery is `content_frames` after the method."""
        channel = self.channel
        connection = channel.connection
        outbox = connection.outbox
        extend = outbox.extend
        octets = connection.outbox_octets
        limit = connection.outbox_limit
        tag = channel.last_delivery_tag
        unacked = None if self.no_ack else channel.unacked
        envelope = self._envelope
        prefix = self._prefix
        middle = self._middle_redelivered if count else self._middle
        size = self._size
        splits = self._splits
        taken = 0
        for message in messages:
            if message.envelope is not envelope:
                envelope = message.envelope
                self._remember(envelope)
                prefix = self._prefix
                middle = self._middle_redelivered if count else self._middle
                size = self._size
                splits = self._splits
            tag += 1
            if splits:  # no body frame, or more than one
                self._deliver_split(message, tag, count > 0)
            else:
                extend((prefix, _pack_tag(tag), middle, message.body, END_OCTET))
            if unacked is not None:
                unacked[tag] = (self, queue, seq, message, count)
                seq += stride
            taken += 1
            octets += size
            if octets > limit:
                break
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
        return taken

    def _remember(self, envelope: Envelope) -> None:
        """Write the chunks around tag and body for deliveries in this envelope."""
        self._envelope = envelope
        header, body_size = envelope.header, envelope.body_size
        frame_max = self.channel.connection.frame_max
        self._size = body_size + len(header) + len(envelope.address) + FRAMING
        self._splits = body_size == 0 or (frame_max > 0 and body_size > frame_max - 8)
        if self._splits:
            return
        number = self.channel.number
        payload_size = 4 + len(self._tag_octets) + 8 + 1 + len(envelope.address)
        self._prefix = pack_frame_header(METHOD, number, payload_size) + _DELIVER + self._tag_octets
        rest = (
            envelope.address
            + END_OCTET
            + pack_frame_header(HEADER, number, len(header))
            + header
            + END_OCTET
            + pack_frame_header(BODY, number, body_size)
        )
        self._middle = b"\x00" + rest
        self._middle_redelivered = b"\x01" + rest

    def _deliver_split(self, message: Message, tag: int, redelivered: bool) -> None:
        """The general form, for empty bodies and those of several frames."""
        connection = self.channel.connection
        envelope = message.envelope
        payload = b"".join(
            (
                _DELIVER,
                self._tag_octets,
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
            channel.connection.parked.append(self)
        else:
            channel.parked[self] = None

    def on_queue_deleted(self) -> None:
        """Seam `Consumer`: tell the peer, if it wants to be told."""
        channel = self.channel
        channel.consumers.pop(self.tag, None)
        channel.parked.pop(self, None)
        if channel.is_open and channel.connection.wants_cancel_notify:
            channel.send(BasicCancel(self.tag, nowait=True))
