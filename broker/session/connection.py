"""A connection: the handshake, the channels, and what its peer may do now. Knows no socket.

`absorb` takes octets as they come, in any split, and runs every complete frame; `flush` hands the
outbox to the transport, once a turn. Only this module turns an exception into a close.

    HEADER ─protocol header→ STARTING ─start-ok→ (SECURING) → TUNING
           TUNING ─tune-ok→ OPENING ─open→ RUNNING
    any ─we close→ CLOSING ─close-ok or timeout→ CLOSED      any ─transport lost→ CLOSED
    RUNNING ─peer closes→ CLOSING: the peer hangs up once it has our close-ok, as with RabbitMQ

What goes out, and when the peer is not read, is the matter of `Outbox`; frames that wait are that
of `Waiting`, octets that come in that of `Scanner`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from broker.amqp import legacy
from broker.amqp.erlang import Atom
from broker.amqp.errors import (
    AMQPException,
    ChannelException,
    ConnectionForced,
    InternalError,
    UnknownMethodError,
    bad_frame,
    deleted,
    expected_channel_open,
    frame_out_of_place,
    second_channel_open,
    too_many_channels,
    unimplemented_method,
)
from broker.amqp.frames import (
    HEADER,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    METHOD,
    PROTOCOL_HEADER,
)
from broker.amqp.methods import (
    METHODS,
    ChannelClose,
    ChannelCloseOk,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionCloseOk,
)
from broker.amqp.wire import EMPTY_TABLE, Table
from broker.commands import DeleteQueue
from broker.seams import Transport
from broker.session import (  # noqa: F401 - importing enters the handlers
    basic_methods,
    channel_methods,
    exchange_methods,
    queue_methods,
    reports,
)
from broker.session.access import Access, LoginAttempt, Suspended
from broker.session.ack_timeouts import overdue
from broker.session.assembler import Assembler
from broker.session.channel import Channel
from broker.session.connection_methods import dispatch, refuse_handshake, start
from broker.session.dispatch import HANDLERS
from broker.session.endpoint import Endpoint, nowhere
from broker.session.outbox import Outbox
from broker.session.routes import Route
from broker.session.scanner import PUBLISH
from broker.session.states import State

if TYPE_CHECKING:
    from broker.auth.users import User
    from broker.exchanges.exchange import Exchange
    from broker.node import Node
    from broker.vhost import VHost

log = logging.getLogger("broker.connection")

EXCLUSIVE_SLACK = 64  # names of exclusive queues that are not worth a look whether they exist
CLOSE_TIMEOUT_MS = 30_000  # for the peer to take part in a close
HANDSHAKE_CLOSE_TIMEOUT_MS = 3_000  # the same before its connection is open

VERSIONS = dict.fromkeys(legacy.PROTOCOL_HEADERS, legacy.VERSION) | {
    PROTOCOL_HEADER: (0, 9),
    b"AMQP\x01\x01\x00\x09": (0, 9),  # 0-9: near enough to 0-9-1
}
_CLOSE = b"\x00\x0a\x00\x32"  # connection.close


class Connection(Outbox):
    """One peer. `attach` gives it the transport before anything else happens."""

    __slots__ = (
        "_deadline_ms",
        "_exclusive_max",
        "_last_received_ms",
        "_last_sent_ms",
        "_name",
        "access",
        "attempt",
        "channel_max",
        "client_properties",
        "connected_at_ms",
        "describe",
        "exchanges",
        "exclusive_queues",
        "heartbeat_ms",
        "is_counted",
        "is_loopback",
        "mechanism",
        "message_size_max",
        "peer_name",
        "plain_header",
        "routes",
        "routes_version",
        "samples",
        "user",
        "vhost",
        "wants_auth_close",
        "wants_cancel_notify",
    )

    user: User
    vhost: VHost
    access: Access  # what the user may do

    def __init__(self, node: Node):
        super().__init__(node)
        self.peer_name = self._name = ""
        self.is_loopback = False
        self.version = node.version
        limits = node.config.limits
        self.channel_max = limits.channel_max
        self.message_size_max = limits.max_message_size
        self.heartbeat_ms = 0
        self.mechanism = ""
        self.client_properties: Table = EMPTY_TABLE
        self.wants_cancel_notify = self.wants_auth_close = False
        self.exclusive_queues: dict[str, None] = {}
        self._exclusive_max = EXCLUSIVE_SLACK  # names kept before it is looked which still exist
        self.routes: dict[bytes, Route] = {}
        self.plain_header = b""  # the last content header that was checked and only has to travel
        self.exchanges: dict[bytes, Exchange] = {}  # short string → one we may publish to
        self.routes_version = -1  # the definitions' version that both stand for
        self.is_counted = False  # among the connections of its user and its vhost
        self.samples: Any = None  # see `broker.management.statistics`
        self.attempt: LoginAttempt | None = None  # to log in, while backends are asked
        self._last_received_ms = self._last_sent_ms = node.now_ms
        self._deadline_ms = node.now_ms + limits.handshake_timeout_ms

    def attach(
        self,
        transport: Transport,
        peer_name: str,
        *,
        is_loopback: bool,
        describe: Callable[[Any], Endpoint] = nowhere,
    ) -> None:
        """Be reachable. peer_name: "host:port" of the other side, for logs; see `endpoint`."""
        self.transport, self.describe = transport, describe
        self.peer_name, self.is_loopback = peer_name, is_loopback
        self.connected_at_ms = self.node.clock.epoch_ms()
        self.node.peers[self.connection_id] = self

    @property
    def name(self) -> str:
        """As RabbitMQ names a connection, "peer -> broker"; looked up once."""
        self._name = self._name or self.endpoint.name
        return self._name

    @property
    def endpoint(self) -> Endpoint:
        """Both ends, and the TLS between them; looked up anew for whoever asks."""
        return self.describe(self.transport)

    @property
    def status(self) -> str:
        """RabbitMQ's word for what it does: running, flow (held back lately), blocking (would be
        blocked by an alarm if it published), blocked, or what its handshake has come to."""
        if self.state is not State.RUNNING:
            return str(self.state.value)
        if self.is_blocked:
            return "blocked"
        if self.node.alarms:
            return "blocking"
        return "flow" if self.is_held_back else "running"

    def enter(self, vhost: VHost) -> None:
        """connection.open is granted."""
        self.vhost = vhost
        self.is_counted = True
        self.node.usage.add_connection(self.user.name, vhost.name)

    # in

    def _read_protocol_header(self, data: bytes) -> int:
        """Returns: the offset behind the header; -1 when it is incomplete or refused."""
        header = data[:8]
        if len(header) < 8:
            self._rest = data
            return -1
        version = VERSIONS.get(header)
        if version is None:
            what = "TLS came to a plain port" if header[0] == 0x16 else "bad protocol header"
            log.warning("%s, peer=%s header=%r", what, self.peer_name, header)
            self.send_raw((PROTOCOL_HEADER,))
            self._end()
            return -1
        self._next = 8
        self.state = State.STARTING
        self.is_legacy = version == legacy.VERSION
        start(self, version)
        return 8

    def on_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        """One complete frame, the general path. A refusal closes the channel or the connection."""
        try:
            if self.is_legacy and frame_type == METHOD:
                translated = legacy.from_0_8(payload)
                if translated is None:
                    raise UnknownMethodError
                payload = translated
        except AMQPException as refusal:
            self._refuse(refusal, number)
            return
        self._run_frame(frame_type, number, payload)

    def _run_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        """The same in the terms of 0-9-1; also for frames that had to wait."""
        if self.waiting is not None and (number == 0 or self.state is not State.RUNNING):
            self._hold_frame_back(self.waiting, frame_type, number, payload)
            return
        try:
            if number == 0:
                self._on_channel_zero(frame_type, payload)
            elif self.state is State.RUNNING:
                self._on_channel_frame(frame_type, number, payload)
            elif self.state is not State.CLOSING:
                raise frame_out_of_place(frame_type, payload)
        except AMQPException as refusal:
            if refusal.ids is None:
                known = METHODS.get(payload[:4]) if frame_type == METHOD else None
                refusal.ids = known.ids if known is not None else (0, 0)
            self._refuse(refusal, number)
        except Suspended as suspended:
            frame = partial(self._run_frame, frame_type, number, payload)
            self.put_off(suspended.pending, self.channels.get(number), frame, len(payload))

    def _on_channel_zero(self, frame_type: int, payload: bytes) -> None:
        if self.state is State.CLOSING:
            method_class = METHODS.get(payload[:4]) if frame_type == METHOD else None
            if method_class is ConnectionCloseOk:
                self._end()
            elif method_class is ConnectionClose:
                self.send(0, ConnectionCloseOk())
            return
        if frame_type == METHOD and len(payload) >= 4:
            for channel in self.channels.values():
                if channel.waiting is not None and payload[:4] == _CLOSE:
                    # what came before the close has to be done before it
                    self._hold_frame_back(channel.waiting, frame_type, 0, payload)
                    return
            dispatch(self, payload)
        elif frame_type == HEARTBEAT and not payload:
            return
        elif frame_type in (2, 3):
            raise frame_out_of_place(frame_type, payload)
        else:
            raise bad_frame(frame_type, payload, Atom("unknown_frame"))

    def _on_channel_frame(self, frame_type: int, number: int, payload: bytes) -> None:
        channel = self.channels.get(number)
        if frame_type == HEARTBEAT and not payload:
            raise frame_out_of_place(frame_type, payload)
        is_header = frame_type == 2 and len(payload) >= 12  # RabbitMQ reads the flags later
        if not (is_header or frame_type == 3 or (frame_type == METHOD and len(payload) >= 4)):
            raise bad_frame(frame_type, payload, Atom("unknown_frame"))
        if channel is None:
            if self.channel_max and len(self.channels) >= self.channel_max:
                refusal = too_many_channels(len(self.channels), self.channel_max)
                refusal.ids = (0, 0)
                raise refusal
            self.access.check_channel_limits()
            channel = Channel(self, number)
            self.channels[number] = channel
        if channel.waiting is not None:
            self._hold_frame_back(channel.waiting, frame_type, number, payload)
            return
        assembler = self._assemblers.get(number)
        if assembler is None:
            if frame_type != METHOD:
                Assembler().expects_method(frame_type)
            self._on_method(channel, payload)
            return
        content = assembler.add(frame_type, payload)
        if content is None:
            if frame_type == HEADER and assembler.body_left > self.message_size_max:
                assembler.is_discarding = True  # RabbitMQ refuses it when it is complete; so do we
            return
        del self._assemblers[number]
        if channel.is_closing:
            return
        payload, header, body = content
        if payload[:4] != PUBLISH:
            refusal_503 = unimplemented_method()
            refusal_503.ids = METHODS[payload[:4]].ids
            raise refusal_503
        if not channel.is_open:
            refusal_504 = expected_channel_open()
            refusal_504.ids = (60, 40)
            raise refusal_504
        self._publish(channel, payload, header, body)

    def _on_method(self, channel: Channel, payload: bytes) -> None:
        method_class = METHODS.get(payload[:4])
        if method_class is None:
            raise UnknownMethodError
        if method_class.carries_content:
            method_class.decode(payload)  # RabbitMQ complains before the content has come
            assembler = Assembler()
            assembler.begin(payload)
            self._assemblers[channel.number] = assembler
            return
        command = method_class.decode(payload)
        if method_class is ChannelOpen and (channel.is_open or channel.is_closing):
            raise second_channel_open()
        if channel.is_closing:
            if method_class is ChannelCloseOk:
                self._forget(channel)
            elif method_class is ChannelClose:
                channel.send(ChannelCloseOk())
            return
        if not channel.is_open:
            if method_class is not ChannelOpen:
                raise expected_channel_open()
            channel.is_open = True
            self.node.usage.add_channel(self.user.name)
            if self.node.events is not None:
                reports.channel_opened(channel)
            channel.send(ChannelOpenOk())
            return
        if method_class is ChannelClose:
            channel.confirm()
            channel.close()
            self._forget(channel)
            channel.send(ChannelCloseOk())
            return
        handler = HANDLERS.get(method_class)
        if handler is None or command.ids[0] == 10:
            raise unimplemented_method()
        channel.method_ids = command.ids
        reply = handler(channel, command)
        if reply is not None and not getattr(command, "nowait", False):
            channel.send(reply)

    def _forget(self, channel: Channel) -> None:
        self.channels.pop(channel.number, None)
        self._assemblers.pop(channel.number, None)

    def forget_routes(self) -> None:
        """What the user may publish to has to be asked anew."""
        self.routes_version = -1
        self.forget_memos()

    # time

    def tick(self, now_ms: int) -> None:
        """Heartbeats and limits in time; called about twice a second."""
        is_taking = self.is_stalled and not self.is_paused  # whom we do not read we do not hear
        is_unread = self.is_blocked or self.is_held or self.has_many_waiting
        if self._received_in_tick or is_unread or is_taking:
            self._received_in_tick = False
            self._last_received_ms = now_ms
        if self._sent_in_tick:
            self._sent_in_tick = False
            self._last_sent_ms = now_ms
        if self.node.has_ack_timeouts and self.state is State.RUNNING:
            for refusal, number in overdue(self, now_ms):
                self._refuse(refusal, number)
        if self.state is State.RUNNING and self.access.tick(now_ms):
            self.forget_routes()
        if self.state is State.RUNNING or self.state is State.OPENING:
            heartbeat_ms = self.heartbeat_ms
            if heartbeat_ms:
                if now_ms - self._last_received_ms >= 2 * heartbeat_ms:
                    log.warning("missed heartbeats from client, peer=%s", self.peer_name)
                    self.drop()
                    return
                if now_ms - self._last_sent_ms >= heartbeat_ms // 2 and not self.is_paused:
                    self.send_raw((HEARTBEAT_FRAME,))
        if self.state is not State.RUNNING and now_ms >= self._deadline_ms:
            if self.state is not State.HEADER and self.state is not State.CLOSING:
                log.warning("handshake timeout, peer=%s state=%s", self.peer_name, self.state.value)
            self.drop()

    def postpone(self, by_ms: int) -> None:
        """The clock is put forward: heartbeats, handshake and close have as long as they had."""
        self._last_received_ms += by_ms
        self._last_sent_ms += by_ms
        self._deadline_ms += by_ms

    # the end

    def _refuse(self, refusal: AMQPException, number: int) -> None:
        """Close the channel or the connection with the refusal's reply."""
        ids = refusal.ids or (0, 0)
        if isinstance(refusal, ChannelException) and number and self.state is State.RUNNING:
            channel = self.channels[number]
            log.warning(
                "channel closed, peer=%s channel=%s reply=%s %s",
                self.peer_name,
                number,
                refusal.reply_code,
                refusal.reply_text,
            )
            channel.confirm()
            channel.refuse(ChannelClose(refusal.reply_code, refusal.reply_text, *ids))
            return
        self.close(refusal)

    def _on_bug(self) -> None:
        """Called while the exception is handled: it is logged with its traceback."""
        self.node.on_bug("connection closed, peer=%s", self.peer_name)
        self.close(InternalError(ids=(0, 0)))

    def close(self, refusal: AMQPException) -> None:
        """Close the connection with a reply, as the handshake's state allows."""
        if self.state in (State.CLOSING, State.CLOSED):
            return
        log.warning(
            "connection closed, peer=%s state=%s reply=%s %s",
            self.peer_name,
            self.state.value,
            refusal.reply_code,
            refusal.reply_text,
        )
        if refusal.is_silent:
            self._leave_channels()
            self.drop()
            return
        if not refuse_handshake(self, refusal):
            ids = refusal.ids or (0, 0)
            self._leave_channels()
            self.send(0, ConnectionClose(refusal.reply_code, refusal.reply_text, *ids))
        self._await_close()

    def _await_close(self) -> None:
        """Everything is said; the peer hangs up, or we do after a while."""
        timeout_ms = HANDSHAKE_CLOSE_TIMEOUT_MS
        if self.state in (State.OPENING, State.RUNNING):
            timeout_ms = min(self.heartbeat_ms or CLOSE_TIMEOUT_MS, CLOSE_TIMEOUT_MS)
        self.state = State.CLOSING
        self._forget_waiting()
        self._deadline_ms = self.node.now_ms + timeout_ms
        self._read_on()  # for the close-ok or the end, whatever it was not read for

    def on_deleted(self, kind: str, name: str) -> None:
        """A user or a vhost (kind) is no more: close if it is this one's. Seam: `node.Peer`."""
        if self.state is State.RUNNING:
            owner = self.user.name if kind == "user" else self.vhost.name
            if owner == name:
                self.close(deleted(kind, name))

    def shut_down(self, reason: str) -> None:
        """The node stops: tell a peer that can be told, drop one that cannot."""
        if self.state is State.RUNNING:
            self.close(ConnectionForced(reason, ids=(0, 0)))
            self.flush()
        self._end()

    def close_by_peer(self) -> None:
        """connection.close has come: leave everything and say so; the peer is to hang up."""
        for channel in self.channels.values():
            if channel.is_open:
                channel.confirm()
        self._leave_channels()
        self.send(0, ConnectionCloseOk())
        self._await_close()

    def _leave_channels(self) -> None:
        """Requeue what the channels hold, delete the exclusive queues."""
        self.is_full = True  # what one channel gives back is not for the others
        self.forget_memos()
        self._assemblers.clear()
        channels, self.channels = self.channels, {}
        for channel in channels.values():
            if channel.is_open:
                channel.close()
        self._delete_exclusive_queues()
        self.node.request_turn()

    def own(self, queue_name: str) -> None:
        """An exclusive queue was declared: it goes with the connection, if not before."""
        self.exclusive_queues[queue_name] = None
        if len(self.exclusive_queues) > self._exclusive_max:  # forget those that went before
            queues = self.vhost.queues
            self.exclusive_queues = {
                name: None
                for name in self.exclusive_queues
                if name in queues and queues[name].owner == self.connection_id
            }
            self._exclusive_max = 2 * len(self.exclusive_queues) + EXCLUSIVE_SLACK

    def _delete_exclusive_queues(self) -> None:
        exclusive, self.exclusive_queues = self.exclusive_queues, {}
        for name in exclusive:
            queue = self.vhost.queues.get(name)
            if queue is not None and queue.owner == self.connection_id:
                self.node.execute(DeleteQueue(self.vhost.name, name, queue.queue_id))

    def _end(self) -> None:
        """Write what is left and close the transport."""
        if self.state is State.CLOSED:
            return
        if self.outbox:
            self.transport.write(b"".join(self.outbox))
            self.outbox.clear()
        self.state = State.CLOSED
        self._deadline_ms = self.node.now_ms + CLOSE_TIMEOUT_MS  # for a peer that does not read
        self.transport.close()

    def drop(self) -> None:
        """Hang up at once."""
        self.state = State.CLOSED
        self.transport.abort()

    def on_lost(self) -> None:
        """The transport is gone. Called once, whatever ended it."""
        was = self.state
        self.state = State.CLOSED
        if self.node.peers.pop(self.connection_id, None) is None:
            return  # never attached: the node was stopping
        self.node.held_peers.pop(self.connection_id, None)
        self._abandon()
        self.outbox.clear()
        if self.is_counted:
            self.is_counted = False
            self.node.usage.remove_connection(self.user.name, self.vhost.name, self.traffic)
            self.vhost.retire_octets(self.received_octets, self.sent_octets)
        try:
            self._leave_channels()
        except Exception:
            self.node.on_bug("channels could not be left, peer=%s", self.peer_name)
        if self.node.events is not None:
            reports.connection_closed(self)
        if was in (State.RUNNING, State.CLOSING):
            log.info("closed, peer=%s", self.peer_name)
