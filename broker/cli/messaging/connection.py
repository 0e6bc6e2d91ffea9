"""A small AMQP 0-9-1 client: one connection, channel 1, nothing that waits for ever.

What is sent goes into a buffer; `turn` is the only place that waits: it writes, reads, answers
heartbeats and puts what came for channel 1 into `inbox`. So a command that waits for its input, its
output or a process hears its broker meanwhile, and is never blocked by one that does not read.
Every end of the connection is a `Failure` with one line for the user.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from broker.amqp import frames
from broker.amqp import methods as m
from broker.amqp.errors import AMQPException
from broker.amqp.wire import table_of
from broker.cli.messaging.address import Address
from broker.cli.messaging.clock import now_s
from broker.cli.messaging.exits import EX_PROTOCOL, EX_TEMPFAIL, Failure, closed_by_broker
from broker.cli.messaging.transport import Transport, connect
from broker.version import __version__

FRAME_MAX = 131072
REPLY_TIMEOUT_S = 30.0
CHANNEL = 1
CAPABILITIES: dict[str, object] = {
    "publisher_confirms": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}

Reply = TypeVar("Reply", bound=m.Method)


class Content(NamedTuple):
    """A method that carries content, and the content. header: the content header's payload."""

    method: m.Method
    header: bytes
    body: bytes


class Connection:
    """An open connection with channel 1. Raises: Failure, from everything that waits.

    on_blocked: called with the reason when the broker stops reading publishes, None when it goes
    on.
    """

    def __init__(self, address: Address, on_blocked: Callable[[str | None], None] | None = None):
        self.inbox: deque[m.Method | Content] = deque()
        self.unread = bytearray()
        self.blocked: str | None = None  # why the broker reads no publishes
        self.frame_max = FRAME_MAX
        self.heartbeat_s = 0
        self.server_properties: Mapping[str, object] = {}
        self._on_blocked = on_blocked
        self._out = bytearray()
        self._content: tuple[m.Method, bytes, list[bytes], int] | None = None
        self._is_closing = False
        self.transport = connect(address)
        self._read_at = self._written_at = now_s()
        try:
            self._shake_hands(address)
        except BaseException:
            self.transport.close()
            raise

    @classmethod
    def over(cls, transport: Transport, *, heartbeat_s: int = 0) -> Connection:
        """One whose handshake is done: for tests."""
        self = cls.__new__(cls)
        self.inbox, self.unread, self._out = deque(), bytearray(), bytearray()
        self.blocked = self._on_blocked = self._content = None
        self.frame_max, self.heartbeat_s, self.server_properties = FRAME_MAX, heartbeat_s, {}
        self._is_closing = False
        self.transport = transport
        self._read_at = self._written_at = now_s()
        return self

    # the handshake

    def _shake_hands(self, address: Address) -> None:
        self._out += frames.PROTOCOL_HEADER
        start = self._await(m.ConnectionStart, address.connect_timeout_s)
        self.server_properties = {name: f.value for name, f in start.server_properties.items()}
        if b"PLAIN" not in start.mechanisms.split():
            offered = start.mechanisms.decode("utf-8", "replace")
            raise Failure(f"the broker takes no password; it offers {offered}", EX_PROTOCOL)
        response = b"\0".join((b"", address.user.encode(), address.password.encode()))
        client: dict[str, object] = {
            "product": "leveretctl",
            "version": __version__,
            "capabilities": CAPABILITIES,
        }
        self.send(m.ConnectionStartOk(table_of(client), "PLAIN", response, "en_US"), channel=0)
        tune = self._await(m.ConnectionTune, address.connect_timeout_s)
        self.frame_max = min(tune.frame_max or FRAME_MAX, FRAME_MAX)
        if self.frame_max < frames.FRAME_MIN_SIZE:
            raise Failure(f"the broker wants frames of {tune.frame_max} octets", EX_PROTOCOL)
        # Whoever wants none gets none; else the shorter one counts.
        self.heartbeat_s = min(tune.heartbeat or address.heartbeat_s, address.heartbeat_s)
        ok = m.ConnectionTuneOk(min(tune.channel_max or 2047, 2047), self.frame_max)
        ok.heartbeat = self.heartbeat_s
        self.send(ok, channel=0)
        self.send(m.ConnectionOpen(address.vhost), channel=0)
        self._await(m.ConnectionOpenOk, address.connect_timeout_s)
        self.call(m.ChannelOpen(), m.ChannelOpenOk)

    # to the broker

    def send(self, method: m.Method, *, channel: int = CHANNEL) -> None:
        self._out += frames.method_frame(channel, method.encode())

    def put(self, octets: bytes) -> None:
        """Whole frames, to be sent as they are."""
        self._out += octets

    def flush(self) -> None:
        """Write as much as there is room for."""
        if self._out:
            self._write()

    def feed(self, octets: bytes) -> None:
        """As if these had been read: for those who read the socket themselves."""
        self.unread += octets
        if self.unread:
            self._take_frames()

    @property
    def unsent(self) -> int:
        """Octets that wait for room in the socket."""
        return len(self._out)

    def call(self, method: m.Method, reply: type[Reply]) -> Reply:
        """Send a method and wait for its reply; what else comes stays in the inbox."""
        self.send(method)
        return self._await(reply, REPLY_TIMEOUT_S)

    def _await(self, kind: type[Reply], timeout_s: float) -> Reply:
        deadline = now_s() + timeout_s
        seen = len(self.inbox)
        while True:
            for index in range(seen, len(self.inbox)):
                found = self.inbox[index]
                if type(found) is kind:
                    del self.inbox[index]
                    return found
            seen = len(self.inbox)
            left = deadline - now_s()
            if left <= 0:
                raise Failure(f"the broker did not answer within {timeout_s:g} s", EX_TEMPFAIL)
            self.turn(left)

    # one turn

    def turn(
        self,
        timeout_s: float | None,
        watched: Mapping[int, int] | None = None,
        *,
        is_reading: bool = True,
    ) -> dict[int, int]:
        """Wait until something can be done, and do it.

        timeout_s: None: as long as it takes. watched: descriptors and the poll events that end the
        waiting. Returns: those that are ready. is_reading: False leaves what comes in the socket.
        """
        if self._out:
            self._write()
        poller = select.poll()
        wanted = (select.POLLIN if is_reading else 0) | (select.POLLOUT if self._out else 0)
        poller.register(self.transport.fileno(), wanted)
        for descriptor, events in (watched or {}).items():
            poller.register(descriptor, events)
        wait_s = self._until_heartbeat(timeout_s)
        if is_reading and self.transport.has_pending:
            wait_s = 0.0
        ready = dict(poller.poll(None if wait_s is None else max(0.0, wait_s * 1000)))
        own = ready.pop(self.transport.fileno(), 0)
        # What is wrong with the socket is reported even to those who do not read.
        if own & ~select.POLLOUT or (is_reading and self.transport.has_pending):
            self._read()
        if own & select.POLLOUT:
            self._write()
        self._keep_alive(is_reading=is_reading)
        return ready

    def _write(self) -> None:
        sent = self.transport.send(self._out)
        if sent:
            del self._out[:sent]
            self._written_at = now_s()

    def _read(self) -> None:
        data = self.transport.receive()
        if data is not None:
            self._read_at = now_s()
            self.unread += data
            self._take_frames()

    def _until_heartbeat(self, timeout_s: float | None) -> float | None:
        """How long may be waited: until one is due, or missed."""
        if not self.heartbeat_s:
            return timeout_s
        now = now_s()
        due = min(self._written_at + self.heartbeat_s / 2, self._read_at + 2 * self.heartbeat_s)
        wait_s = max(0.0, due - now)
        return wait_s if timeout_s is None else min(timeout_s, wait_s)

    def _keep_alive(self, *, is_reading: bool) -> None:
        if not self.heartbeat_s:
            return
        now = now_s()
        if not is_reading:
            self._read_at = now  # it may have spoken; nobody listened
        elif now - self._read_at >= 2 * self.heartbeat_s:
            raise Failure(
                f"the broker was silent for {2 * self.heartbeat_s} s: missed heartbeats",
                is_lost=True,
            )
        if now - self._written_at >= self.heartbeat_s / 2:
            self._written_at = now
            if not self._out:  # what waits there is as good
                self._out += frames.HEARTBEAT_FRAME
                self._write()

    # from the broker

    def _take_frames(self) -> None:
        data, at = bytes(self.unread), 0
        size = len(data)
        if data[:1] == b"A" or (data[:1] and data[0] not in (1, 2, 3, 8)):
            raise _no_broker(data)
        try:
            while size - at >= 7:
                frame_type, channel, length = frames.unpack_frame_header(data, at)
                end = at + 7 + length
                if length > self.frame_max:
                    raise Failure(f"the broker sent a frame of {length} octets", EX_PROTOCOL)
                if end >= size:
                    break
                if data[end] != frames.END:
                    raise Failure("the broker sent a frame without its end", EX_PROTOCOL)
                self._on_frame(frame_type, channel, data[at + 7 : end])
                at = end + 1
        except (AMQPException, KeyError, IndexError):
            raise Failure("the broker sent what is no AMQP 0-9-1", EX_PROTOCOL) from None
        finally:
            del self.unread[:at]

    def _on_frame(self, frame_type: int, channel: int, payload: bytes) -> None:
        if frame_type == frames.HEARTBEAT:
            return
        if frame_type == frames.METHOD:
            method = m.METHODS[payload[:4]].decode(payload)
            if method.carries_content:
                self._content = (method, b"", [], 0)
            elif channel == 0:
                self._on_connection_method(method)
            else:
                self._on_channel_method(method)
            return
        if self._content is None:
            raise KeyError("content without its method")
        method, header, parts, missing = self._content
        if frame_type == frames.HEADER:
            header, missing = payload, int.from_bytes(payload[4:12], "big")
        else:
            parts.append(payload)
            missing -= len(payload)
        if missing > 0:
            self._content = (method, header, parts, missing)
            return
        self._content = None
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        self.inbox.append(Content(method, header, body))

    def _on_connection_method(self, method: m.Method) -> None:
        if isinstance(method, m.ConnectionClose):
            self.send(m.ConnectionCloseOk(), channel=0)
            self._write()
            raise closed_by_broker("connection", method.reply_code, method.reply_text)
        if isinstance(method, m.ConnectionBlocked):
            self.blocked = method.reason or "no reason given"
        elif isinstance(method, m.ConnectionUnblocked):
            self.blocked = None
        else:
            self.inbox.append(method)
            return
        if self._on_blocked is not None:
            self._on_blocked(self.blocked)

    def _on_channel_method(self, method: m.Method) -> None:
        if isinstance(method, m.ChannelClose):
            self.send(m.ChannelCloseOk())
            if not self._is_closing:
                raise closed_by_broker("channel", method.reply_code, method.reply_text)
        elif isinstance(method, m.ChannelFlow):
            self.send(m.ChannelFlowOk(method.active))
        else:
            self.inbox.append(method)

    # the end

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what waits, say goodbye, and hang up; who has gone already is no failure."""
        self._is_closing = True
        try:
            self.send(m.ConnectionClose(200, "Goodbye"), channel=0)
            self._await(m.ConnectionCloseOk, timeout_s)
        except Failure:
            pass
        finally:
            self.transport.close()

    def drop(self) -> None:
        """Hang up without a word: what is unacked goes back to its queue."""
        self.transport.close()


def _no_broker(data: bytes) -> Failure:
    if data[:4] == b"AMQP":
        return Failure("the broker there speaks another version of AMQP", EX_PROTOCOL)
    return Failure("what answers there does not speak AMQP", EX_PROTOCOL)
