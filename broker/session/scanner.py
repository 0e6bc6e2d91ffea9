"""From octets to messages: finds the frames in what a peer sends, in any split, and runs them.

Three ways in, equal in meaning: a run of messages whose frames begin as the last one's did
(`Memo`), a whole message in one buffer, and one frame at a time (`on_frame`).
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import TYPE_CHECKING

from broker.amqp.erlang import Atom
from broker.amqp.errors import AMQPException, ChannelException, bad_frame
from broker.amqp.frames import END, METHOD, OVERHEAD, unpack_frame_header
from broker.marks import hot
from broker.message import Message
from broker.session.access import Suspended
from broker.session.assembler import Assembler
from broker.session.channel import Channel
from broker.session.routes import Memo
from broker.session.states import State

if TYPE_CHECKING:
    from broker.node import Node
    from broker.seams import Transport
    from broker.vhost import Version

REPLIES_MAX = 1024 * 1024  # octets of replies kept for a peer that does not read
ABSORB_MAX = 256 * 1024  # octets taken from one peer in one turn
FRAMES_MAX = 2000  # frames (or whole messages) run for one peer in one turn, runs not counted
MEMOS_MAX = 2048  # messages that take turns and are recognised at a glance
MEMO_OCTETS_MAX = 512  # of frames up to the body; longer ones are remembered one at a time
SPLICE_MIN = 8192  # octets of an incomplete frame from which it is completed, not prepended to

_unpack_content: Callable[[bytes, int], tuple[int, int, int, int, int, int]] = Struct(
    ">BHIHHQ"
).unpack_from  # frame header, class-id, weight, body size
_unpack_u32: Callable[[bytes, int], tuple[int]] = Struct(">I").unpack_from
PUBLISH = b"\x00\x3c\x00\x28"
_ACK = b"\x00\x3c\x00\x50"
_REJECT = b"\x00\x3c\x00\x5a"


class Scanner:
    """The part of a `Connection` that reads what its peer sends."""

    __slots__ = (
        "_absorbed",
        "_assemblers",
        "_next",
        "_received_in_tick",
        "_rest",
        "channels",
        "connection_id",
        "fast_path",
        "frame_max",
        "has_published",
        "is_held",
        "is_stalled",
        "memo",
        "memos",
        "node",
        "outbox_octets",
        "received_count",
        "received_octets",
        "state",
        "transport",
        "version",
    )

    node: Node
    transport: Transport
    version: Version

    def __init__(self, connection_id: int, *, fast_path: bool, frame_max: int):
        self.connection_id = connection_id
        self.fast_path = fast_path
        self.frame_max = frame_max
        self.state = State.HEADER
        self.channels: dict[int, Channel] = {}
        self.memo: Memo | None = None  # of the last message
        self.memos: dict[bytes, Memo] = {}  # by prefix, where messages take turns
        self.outbox_octets = 0
        self.has_published = False  # since the last alarm was over
        self.is_stalled = False  # asked for more than a turn holds: its frames in _rest wait
        self.is_held = False  # publishes faster than the disk takes it
        self._assemblers: dict[int, Assembler] = {}  # contents that are not complete
        self._rest = b""
        self._next = 0  # behind the frame that is being run
        self._absorbed = 0
        self._received_in_tick = False
        self.received_octets = self.received_count = 0  # and how many times some came

    # what a connection adds

    def on_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        """One complete frame, the general path."""
        raise NotImplementedError

    def mark_output(self) -> None:
        """Be flushed in this turn."""
        raise NotImplementedError

    def hold(self) -> None:
        """Not be read until the disk has caught up."""
        raise NotImplementedError

    def _read_protocol_header(self, data: bytes) -> int:
        raise NotImplementedError

    def _refuse(self, refusal: AMQPException, number: int) -> None:
        raise NotImplementedError

    def _on_bug(self) -> None:
        raise NotImplementedError

    def _put_off_publish(
        self, suspended: Suspended, channel: Channel, payload: bytes, header: bytes, body: bytes
    ) -> None:
        raise NotImplementedError

    # in

    @hot(bench="auto-ack")
    def absorb(self, data: bytes) -> None:
        """Take octets from the peer and run every complete frame in them. Never raises."""
        self._received_in_tick = True
        self.received_octets += len(data)
        self.received_count += 1
        rest = self._rest
        splices = False
        if rest:
            self._rest = b""
            if self.is_stalled:
                self._rest = rest + data
                return
            if len(rest) < SPLICE_MIN or not data:
                data = rest + data
            else:
                splices = True
        at = 0
        while True:
            try:
                if splices:
                    splices = False
                    at = self._complete_frame(rest, data)
                elif self.state is State.HEADER:
                    at = self._read_protocol_header(data)
                    if at < 0:
                        return
                elif self.state is State.CLOSED:
                    return
                at = self._scan(data, at)
                break
            except AMQPException as refusal:
                at = self._next
                self._refuse(refusal, 0)
            except Exception:
                at = self._next
                self._on_bug()
        if at < len(data):
            self._rest = data[at:] if at else data
        self._absorbed += len(data)
        if self._absorbed > ABSORB_MAX or self.is_stalled:
            self.transport.pause_reading()  # the others have their turn; flush resumes
            self.mark_output()
        node = self.node
        if node.log.is_behind and self.has_published and not self.is_held:
            self.hold()
        if not node.turn_requested and (
            node.changed_queues or node.peers_with_output or node.log.has_news
        ):
            node.request_turn()

    def _complete_frame(self, rest: bytes, data: bytes) -> int:
        """A large frame began in `rest` and goes on in `data`: run it without copying what follows.

        Returns: the offset behind it in data.
        """
        frame_type, number, length = unpack_frame_header(rest, 0)
        missing = 7 + length - len(rest)  # octets of the payload that are in data
        if missing >= len(data):
            self._rest = rest + data
            return len(data)
        self._next = missing + 1
        payload = rest[7 : 7 + length] + data[:missing]
        if data[missing] != END:
            self._next = len(data)
            problem = (Atom("invalid_frame_end_marker"), data[missing])
            raise bad_frame(frame_type, payload, problem)
        self.on_frame(frame_type, number, payload)
        return self._next

    @hot(bench="auto-ack")
    def _scan(self, data: bytes, at: int) -> int:
        """Run the complete frames from `at` on. Returns: where the first incomplete one begins.

        Three ways in, equal in meaning: a run of messages whose frames begin as the last one's
        did (`Memo`), a whole message in this buffer, and one frame at a time. Raises:
        AMQPException, with `_next` behind the frame that caused it.
        """
        size = len(data)
        left = FRAMES_MAX
        while True:
            memo = self.memo
            if memo is not None and not data.startswith(memo.prefix, at):
                length = len(memo.prefix)  # where messages take turns, most often of all of them
                memo = self.memos.get(data[at : at + length]) if length <= MEMO_OCTETS_MAX else None
                if memo is not None:
                    self.memo = memo
                elif self.memos:
                    memo = self._other_memo(data, at)
            if memo is not None and not self._assemblers:
                if memo.version != self.version.number:
                    self.forget_memos()
                    continue
                prefix, body_size, envelope, _queues, channel, _exchange, _version = memo
                startswith = data.startswith
                start = at + len(prefix)
                end = start + body_size
                step = len(prefix) + body_size + 1
                messages: list[Message] = []
                append = messages.append
                while end < size and data[end] == END:
                    append(Message(envelope, data[start:end]))
                    at = end + 1
                    if not startswith(prefix, at):
                        break
                    start += step
                    end += step
                if messages:
                    channel.publish_run(memo, messages)
                    continue
            if size - at < 7:
                return at
            left -= 1
            if self.outbox_octets > REPLIES_MAX or not left:
                self.is_stalled = True  # it goes on in another turn
                return at
            frame_type, number, length = unpack_frame_header(data, at)
            start = at + 7
            end = start + length
            if end >= size:
                self._check_frame_size(frame_type, number, length)
                return at
            if data[end] != END or length > self.frame_max > 0:
                self._next = size
                self._check_frame_size(frame_type, number, length)
                if data[end] != END:
                    problem = (Atom("invalid_frame_end_marker"), data[end])
                    raise bad_frame(frame_type, data[start:end], problem)
            self._next = at = end + 1
            if frame_type == METHOD:
                channel_or_none = self.channels.get(number)
                if (
                    channel_or_none is not None
                    and channel_or_none.is_open
                    and channel_or_none.waiting is None
                    and number not in self._assemblers
                ):
                    ids = data[start : start + 4]
                    if ids == _ACK and length == 13:
                        try:
                            self._ack(channel_or_none, data, start)
                        except ChannelException as refusal:
                            refusal.ids = (60, 80)
                            self._refuse(refusal, number)
                        continue
                    if ids == PUBLISH and self.fast_path:
                        behind = self._publish_whole(channel_or_none, data, start, end)
                        if behind:
                            at = behind
                            continue
                    elif ids == _REJECT and length == 13 and self.fast_path:
                        try:
                            self._reject(channel_or_none, data, start)
                        except ChannelException as refusal:
                            refusal.ids = (60, 90)
                            self._refuse(refusal, number)
                        continue
            self.on_frame(frame_type, number, data[start:end])
            if self.state is State.CLOSED:
                return size

    def _other_memo(self, data: bytes, at: int) -> Memo | None:
        """The memo for the message that begins there, if there is one among `memos`."""
        if len(data) - at < 30 or data[at + 7 : at + 11] != PUBLISH:
            return None
        header_at = at + 8 + _unpack_u32(data, at + 3)[0]
        if header_at + 7 > len(data):
            return None
        end = header_at + 15 + _unpack_u32(data, header_at + 3)[0]
        if end - at > MEMO_OCTETS_MAX:
            return None
        memo = self.memos.get(data[at:end])
        if memo is not None:
            self.memo = memo
        return memo

    def remember(self, memo: Memo) -> None:
        """Recognise messages whose frames begin like this one's."""
        last = self.memo
        self.memo = memo
        if last is None or len(memo.prefix) > MEMO_OCTETS_MAX:
            return
        if len(self.memos) >= MEMOS_MAX:
            self.memos.clear()
        self.memos[memo.prefix] = memo
        if len(last.prefix) <= MEMO_OCTETS_MAX:
            self.memos[last.prefix] = last

    def forget_memos(self) -> None:
        """What was remembered of messages may not stand any more."""
        self.memo = None
        if self.memos:
            self.memos.clear()

    def _ack(self, channel: Channel, data: bytes, start: int) -> None:
        tag = int.from_bytes(data[start + 4 : start + 12], "big")
        multiple = data[start + 12] & 1 == 1
        channel.settle(tag, multiple, "ack")

    def _reject(self, channel: Channel, data: bytes, start: int) -> None:
        tag = int.from_bytes(data[start + 4 : start + 12], "big")
        if data[start + 12] & 1:
            channel.settle(tag, False, "requeue")
        elif channel.tx is None:
            channel.reject(tag)
        else:
            channel.settle(tag, False, "discard")

    @hot(bench="distinct")
    def _publish_whole(self, channel: Channel, data: bytes, start: int, end: int) -> int:
        """A publish whose header and single body frame lie behind it in the buffer.

        Returns: the offset behind them; 0 when they do not, and the assembler has to do it.
        """
        size = len(data)
        at = end + 1
        if size - at < 23:
            return 0
        number = channel.number
        frame_type, frame_channel, length, class_id, weight, body_size = _unpack_content(data, at)
        header_start = at + 7
        header_end = header_start + length
        if (
            frame_type != 2
            or frame_channel != number
            or length < 14
            or length > self.frame_max > 0
            or header_end + OVERHEAD > size
            or data[header_end] != END
            or class_id != 60
            or weight
        ):
            return 0
        frame_type, frame_channel, length = unpack_frame_header(data, header_end + 1)
        body_start = header_end + OVERHEAD
        body_end = body_start + length
        if (
            frame_type != 3
            or frame_channel != number
            or length != body_size
            or not length
            or length > self.frame_max > 0
            or body_end >= size
            or data[body_end] != END
        ):
            return 0
        self._next = body_end + 1
        try:
            channel.publish(
                data[start:end], data[header_start:header_end], data[body_start:body_end]
            )
        except AMQPException as refusal:
            if refusal.ids is None:
                refusal.ids = (60, 40)
            self._refuse(refusal, number)
        except Suspended as suspended:
            self._put_off_publish(
                suspended,
                channel,
                data[start:end],
                data[header_start:header_end],
                data[body_start:body_end],
            )
        return body_end + 1

    def _check_frame_size(self, frame_type: int, number: int, length: int) -> None:
        """RabbitMQ lets a frame exceed frame_max by the 8 octets that clients get wrong."""
        if length > self.frame_max > 0:
            self._next = 1 << 62
            problem = (Atom("frame_too_large"), length, self.frame_max - OVERHEAD)
            raise bad_frame(frame_type, b"", problem)
