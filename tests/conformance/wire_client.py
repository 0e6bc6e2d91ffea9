"""A synchronous AMQP peer that can say anything and writes down the conversation.

`Play` is one run of one scenario: it opens connections, keeps the transcript and cleans up. The
transcript is a list of events `[who, direction, name, fields]`: who is a connection's letter and
the channel number ("A1"), direction is ">" sent, "<" received, "!" something about the test itself.

What makes a transcript comparable:

* An event is written when the scenario *takes* it, and a scenario takes by channel and by kind:
  `call`/`reply` the answers, `deliveries`, `returns`, `confirms`, `cancels` the asynchronous ones,
  each in order of arrival. Interleavings that RabbitMQ does not promise therefore do not appear;
  `arrivals` takes whatever comes, for the orders it does promise.
* Confirms are expanded into the set of publish seqnos, for acks may or may not be coalesced.
* Names the server invents are numbered by first appearance.
* Every wait is bounded by `WAIT_S`, then the scenario ends with a "timeout" event.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import time
import urllib.error
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.conformance import wire_codec as wire

WAIT_S = 3.0
SLOW_WAIT_S = 6.0  # RabbitMQ keeps quiet for 3 s before it drops a peer it does not trust
QUIET_S = 0.15  # how long "nothing arrives" is watched where no barrier can prove it
FRAME_MAX = 131072

# What the peer sends without getting an answer, and a queue acts on.
SETTLES = {"Basic.Ack", "Basic.Nack", "Basic.Reject", "Basic.Recover", "Basic.RecoverAsync"}
# What arrives without being asked for; everything else answers a request.
REPORTS = {
    *("Basic.Deliver", "Basic.Return", "Basic.Ack", "Basic.Nack", "Basic.Cancel"),
    "Basic.CreditDrained",
}
INVENTED = [
    (re.compile(r"amq\.gen-[A-Za-z0-9_-]{22}"), "amq.gen-#"),
    (re.compile(r"amq\.ctag-[A-Za-z0-9_-]{22}"), "amq.ctag-#"),
    (re.compile(r"amq\.rabbitmq\.reply-to\.[A-Za-z0-9+/=._-]{20,}"), "amq.rabbitmq.reply-to.#"),
    (re.compile(r"<\d+\.\d+\.\d+>"), "pid #"),
]
# The time in an x-death entry.
DEATH_TIME = re.compile(r'"time": "T \d{10}"')
# connection.start is compared on what clients decide by.
COMPARED_SERVER_PROPERTIES = {"capabilities", "product"}
CAPABILITIES = {
    "publisher_confirms": True,
    "exchange_exchange_bindings": True,
    "basic.nack": True,
    "consumer_cancel_notify": True,
    "connection.blocked": True,
    "authentication_failure_close": True,
}


class EndedError(Exception):
    """The scenario cannot go on; the transcript already says why."""


@dataclass
class Event:
    """One method as received. `channel` 0 is the connection's own."""

    channel: int
    name: str
    fields: dict[str, Any]
    properties: dict[str, Any] | None = None
    raw_properties: bytes = b""
    body: bytes = b""
    body_frame_sizes: list[int] = field(default_factory=list)

    @property
    def tag(self) -> int:
        return int(self.fields["delivery_tag"])

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]


@dataclass
class Target:
    """The broker under test. api_port: its HTTP API, None when it has none; commands: what takes
    its place, see admin.py."""

    port: int
    host: str = "127.0.0.1"
    api_port: int | None = None
    commands: Callable[[str, str, Any], Any] | None = None
    _admin: Channel | None = None
    failures: int = 0  # connections in a row that did not even get connection.start

    def api(self, verb: str, path: str, body: Any = None) -> Any:
        """One call of the management API as guest. path: from /api/ on. Returns: decoded JSON."""
        if self.commands is not None:
            return self.commands(verb, path, body)
        request = urllib.request.Request(
            f"http://{self.host}:{self.api_port}/api/{path}",
            method=verb,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": "Basic " + b64encode(b"guest:guest").decode(),
                "Content-Type": "application/json",
            },
        )
        with urllib.request.urlopen(request, timeout=WAIT_S) as response:
            data = response.read()
        return json.loads(data) if data else None

    def remove(self, names: list[str]) -> None:
        """Delete queues and exchanges of these names, existing or not, in vhost '/'.

        Raises: EndedError, OSError when the broker does not do it.
        """
        for name in names:
            for method, key in (("Queue.Delete", "queue"), ("Exchange.Delete", "exchange")):
                for _ in range(50):
                    if self._admin_does(method, key, name):
                        break
                    # An exclusive queue whose connection is still going away.
                    time.sleep(0.02)

    def _admin_does(self, method: str, key: str, name: str) -> bool:
        """Returns: False when it was refused, and may be tried again."""
        try:
            if self._admin is None:
                self._admin = Play(self, "admin").connection().channel()
            channel = self._admin
            channel.play.events.clear()
            reply = channel.call(method, **{key: name})
            if reply.name == "Channel.Close":
                channel.reopen()
        except (EndedError, OSError):
            self._admin = None
            raise
        return reply.name.endswith("Ok")

    @property
    def is_dead(self) -> bool:
        """Not worth asking again: keeps a run against a broker that hangs from taking hours."""
        return self.failures >= 3

    def close(self) -> None:
        if self._admin is not None:
            self._admin.connection.finish()
            self._admin = None


class Play:
    """One run of a scenario against a target; `events` is its transcript."""

    def __init__(self, target: Target, scenario: str):
        self.target = target
        self.scenario = scenario
        self.events: list[list[Any]] = []
        self._connections: list[Connection] = []
        self._names: list[str] = []
        self._invented: dict[str, str] = {}

    def name(self, suffix: str) -> str:
        """A queue or exchange name of this scenario's own; on return nothing is called that."""
        name = f"{self.scenario}.{suffix}"
        if name not in self._names:
            self._names.append(name)
            self.target.remove([name])
        return name

    def owns(self, name: str) -> str:
        """Register an existing (server-given) name for deletion at the end."""
        self._names.append(name)
        return name

    def socket(self) -> Connection:
        """A TCP connection on which nothing was said yet."""
        connection = Connection(self, chr(ord("A") + len(self._connections)))
        self._connections.append(connection)
        return connection

    def connection(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        capabilities: dict[str, Any] | None = None,
        frame_max: int = FRAME_MAX,
        channel_max: int = 2047,
        auto_close_ok: bool = True,
    ) -> Connection:
        """An open connection; its handshake is not part of the transcript."""
        connection = self.socket()
        connection.auto_close_ok = auto_close_ok
        with self.unrecorded():
            connection.handshake(
                user=user,
                password=password,
                vhost=vhost,
                frame_max=frame_max,
                channel_max=channel_max,
                capabilities=CAPABILITIES if capabilities is None else capabilities,
            )
        return connection

    def channel(self, **options: Any) -> Channel:
        """A channel on a connection of its own."""
        return self.connection(**options).channel()

    def record(self, who: str, direction: str, name: str, fields: dict[str, Any]) -> None:
        self.events.append(self._normalised([who, direction, name, fields]))

    def note(self, name: str, **fields: Any) -> None:
        """Something the scenario worked out itself and wants compared."""
        self.record("", "!", name, fields)

    @contextlib.contextmanager
    def unrecorded(self) -> Iterator[None]:
        """What is said inside is part of the preparation, unless it goes wrong."""
        mark = len(self.events)
        yield
        del self.events[mark:]

    def _normalised(self, event: list[Any]) -> list[Any]:
        text = json.dumps(event, ensure_ascii=False)
        for pattern, label in INVENTED:

            def numbered(match: re.Match[str], label: str = label) -> str:
                known = [name for name in self._invented.values() if name.startswith(label)]
                return self._invented.setdefault(match[0], f"{label}{len(known) + 1}")

            text = pattern.sub(numbered, text)
        text = DEATH_TIME.sub('"time": "T *"', text)
        return json.loads(text)  # type: ignore[no-any-return]

    def finish(self) -> None:
        for connection in self._connections:
            connection.finish()
        with contextlib.suppress(EndedError, OSError):
            self.target.remove(self._names)


class Connection:
    """One socket. `channel()` opens channels; `zero` is channel 0."""

    def __init__(self, play: Play, letter: str):
        self.play = play
        self.letter = letter
        self.socket = socket.create_connection((play.target.host, play.target.port), WAIT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.auto_close_ok = True
        self.frame_max = FRAME_MAX
        self.is_open = False  # between open-ok and any kind of close
        self.is_at_eof = False
        self._data = bytearray()
        self.skip_frames = False  # what arrives is not AMQP frames (yet)
        self._channels: dict[int, Channel] = {}
        self._content: dict[int, tuple[Event, int]] = {}  # channel: (method, bytes still to come)
        self.heartbeats = 0
        self.zero = Channel(self, 0)

    # --- saying

    def send_bytes(self, data: bytes, label: str = "") -> None:
        """Raw bytes; the transcript shows the label, or the start of the bytes."""
        start = data[:40].hex(" ")
        shown = label or (start if len(data) <= 40 else f"{start}… {len(data)}")
        self.play.record(self.letter, ">", "bytes", {"bytes": shown})
        self._write(data)

    def _write(self, data: bytes) -> None:
        # When the peer dropped us, whatever it said before that is still to be read.
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def header(self) -> None:
        self.send_bytes(wire.PROTOCOL_HEADER, "AMQP 0-0-9-1")

    # --- hearing

    def listen(self, timeout_s: float) -> bool:
        """Read once and file every complete frame. Returns: False when nothing came in time."""
        if self.is_at_eof:
            return False
        self.socket.settimeout(max(timeout_s, 0.001))
        try:
            data = self.socket.recv(1 << 18)
        except TimeoutError:
            return False
        except OSError:
            data = b""
        if not data:
            self.is_at_eof = True
            self.is_open = False
            return False
        self._data += data
        while not self.skip_frames and self._take_frame():
            pass
        return True

    def _take_frame(self) -> bool:
        data = self._data
        if len(data) < 7:
            return False
        kind, channel, size = struct.unpack_from(">BHI", data)
        if kind not in (1, 2, 3, 8):
            return False  # not a frame: shown by closed() as leftover bytes
        if len(data) < size + 8:
            return False
        payload = bytes(data[7 : 7 + size])
        if data[7 + size] != wire.FRAME_END:
            self.play.record(self.letter, "!", "bad frame end", {"bytes": data[:40].hex(" ")})
            raise EndedError
        del data[: size + 8]
        self._file(kind, channel, payload)
        return True

    def _file(self, kind: int, channel: int, payload: bytes) -> None:
        if kind == wire.FRAME_HEARTBEAT:
            self.heartbeats += 1
            return
        if kind == wire.FRAME_METHOD:
            name, fields = wire.decode_method(payload)
            event = Event(channel, name, fields)
            if name in wire.WITH_CONTENT:
                self._content[channel] = (event, -1)
            else:
                self._complete(event)
            return
        event, left = self._content.pop(channel)
        if kind == wire.FRAME_HEADER:
            left, event.properties = wire.decode_header(payload)
            event.raw_properties = payload[12:]
        else:
            event.body += payload
            event.body_frame_sizes.append(len(payload))
            left -= len(payload)
        if left:
            self._content[channel] = (event, left)
        else:
            self._complete(event)

    def _complete(self, event: Event) -> None:
        if event.name == "Connection.Close":
            self.is_open = False
            if self.auto_close_ok:
                self._write(wire.method_frame(0, "Connection.CloseOk"))
        if event.name == "Channel.Close" and self.auto_close_ok:
            self._write(wire.method_frame(event.channel, "Channel.CloseOk"))
        self._inbox(event.channel).append(event)

    def _inbox(self, number: int) -> list[Event]:
        if number == 0:
            return self.zero.inbox
        if number not in self._channels:
            self._channels[number] = Channel(self, number)
        return self._channels[number].inbox

    # --- conversations

    def handshake(
        self,
        *,
        user: str = "guest",
        password: str = "guest",
        vhost: str = "/",
        capabilities: dict[str, Any],
        frame_max: int = FRAME_MAX,
        channel_max: int = 2047,
        client_properties: dict[str, Any] | None = None,
    ) -> None:
        """From the protocol header to connection.open-ok. Raises: EndedError when it is refused."""
        zero, target = self.zero, self.play.target
        self.header()
        target.failures += 1
        zero.reply("Connection.Start")
        target.failures = 0
        zero.send(
            "Connection.StartOk",
            client_properties={"capabilities": capabilities, **(client_properties or {})},
            mechanism="PLAIN",
            response=f"\0{user}\0{password}",
            locale="en_US",
        )
        zero.reply("Connection.Tune")
        zero.send("Connection.TuneOk", channel_max=channel_max, frame_max=frame_max, heartbeat=0)
        self.frame_max = frame_max
        zero.call("Connection.Open", "Connection.OpenOk", virtual_host=vhost)
        self.is_open = True

    def channel(self, number: int = 0) -> Channel:
        """Open a channel, unrecorded. number: 0 takes the next free one."""
        channel = self.raw_channel(number)
        with self.play.unrecorded():
            channel.call("Channel.Open", "Channel.OpenOk")
        return channel

    def raw_channel(self, number: int = 0) -> Channel:
        """A channel number on which nothing was said yet."""
        number = number or max(self._channels, default=0) + 1
        return self._channels.setdefault(number, Channel(self, number))

    def wait(self, found: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
        """Listen until found() gives something. Returns: it, or None on EOF and timeout."""
        deadline = time.monotonic() + timeout_s
        while True:
            result = found()
            if result is not None:
                return result
            left_s = deadline - time.monotonic()
            if self.is_at_eof or left_s <= 0:
                return None
            self.listen(left_s)

    def closed(self, timeout_s: float = WAIT_S) -> None:
        """Wait until the broker ends the TCP connection; bytes that are no frame are shown."""
        self.wait(lambda: self.is_at_eof or None, timeout_s)
        if self._data:
            self.play.record(self.letter, "<", "bytes", {"bytes": self._data.hex(" ")})
        what = "closed" if self.is_at_eof else "still open"
        self.play.record(self.letter, "<", what, {})

    def close(self) -> None:
        """The closing handshake, recorded."""
        self.is_open = False
        self.zero.call("Connection.Close", reply_code=200, reply_text="bye")

    def drop(self) -> None:
        """End the TCP connection without a word."""
        self.play.record(self.letter, ">", "drop", {})
        self.is_open = False
        self.is_at_eof = True
        self.socket.close()

    def finish(self) -> None:
        """End politely when possible, so that exclusive queues are gone when this returns."""
        if self.is_open and not self.is_at_eof:
            self._write(wire.method_frame(0, "Connection.Close"))
            inbox = self.zero.inbox

            def close_ok() -> Event | None:
                return next((event for event in inbox if event.name == "Connection.CloseOk"), None)

            with contextlib.suppress(Exception):
                self.wait(close_ok)
        self.socket.close()


class Channel:
    """One channel of a connection and what arrived on it and was not taken yet."""

    def __init__(self, connection: Connection, number: int):
        self.connection = connection
        self.number = number
        self.play = connection.play
        self.who = f"{connection.letter}{number}"
        self.inbox: list[Event] = []
        self.publish_seqno = 0  # counts once confirm_select() was called
        self._confirms = False
        self._unconfirmed: set[int] = set()
        self._is_settled = True  # False: something without an answer is on its way to a queue

    # --- saying

    def send(self, name: str, /, **fields: Any) -> None:
        payload = wire.encode_method(name, fields)
        decoded = wire.decode_method(payload)[1]
        shown = {key: decoded[key] for key in fields if key in decoded}
        self.play.record(self.who, ">", name, shown)
        if name in SETTLES:
            self._is_settled = False
        self.connection._write(wire.frame(wire.FRAME_METHOD, self.number, payload))

    def send_payload(self, kind: int, payload: bytes) -> None:
        """One well-formed frame around any payload."""
        self.play.record(self.who, ">", f"frame {kind}", {"payload": payload.hex(" ")[:150]})
        self.connection._write(wire.frame(kind, self.number, payload))

    def publish(
        self,
        routing_key: str | bytes = "",
        body: str | bytes = "",
        exchange: str | bytes = "",
        *,
        mandatory: bool = False,
        immediate: bool = False,
        raw_properties: bytes | None = None,
        **properties: Any,
    ) -> None:
        """One basic.publish with its content. Properties by name, or raw_properties instead."""
        data = wire.as_bytes(body)
        encoded = wire.encode_properties(properties) if raw_properties is None else raw_properties
        given = {"exchange": exchange, "routing_key": routing_key, "body": show(data)}
        shown: dict[str, Any] = {
            key: wire.as_text(wire.as_bytes(value)) for key, value in given.items()
        }
        if mandatory:
            shown["mandatory"] = True
        if immediate:
            shown["immediate"] = True
        if raw_properties is not None:
            shown["properties"] = raw_properties.hex(" ")
        elif properties:
            header = wire.encode_header(len(data), properties)
            shown["properties"] = wire.decode_header(header)[1]
        self.play.record(self.who, ">", "Basic.Publish", shown)
        method = wire.method_frame(
            self.number,
            "Basic.Publish",
            exchange=exchange,
            routing_key=routing_key,
            mandatory=mandatory,
            immediate=immediate,
        )
        content = wire.content_frames(self.number, data, encoded, self.connection.frame_max)
        self.connection._write(method + content)
        self._is_settled = False
        if self._confirms:
            self.publish_seqno += 1
            self._unconfirmed.add(self.publish_seqno)

    # --- hearing

    def _take(
        self, wanted: Callable[[Event], bool], awaited: str, timeout_s: float
    ) -> Event | None:
        """The first wanted event, not recorded; closes and EOF end the wait and are recorded.

        Returns: None after a Channel.Close or Connection.Close was recorded instead.
        """
        connection = self.connection

        def find() -> Event | None:
            for event in self.inbox:
                if wanted(event):
                    return event
            for event in (*self.inbox, *connection.zero.inbox):
                if event.name in ("Channel.Close", "Connection.Close"):
                    return event
            return None

        event = connection.wait(find, timeout_s)
        if event is None:
            if connection.is_at_eof:
                self.play.record(self.who, "<", "closed", {})
            else:
                self.play.record(self.who, "!", "timeout", {"awaited": awaited})
            raise EndedError
        (self if event.channel == self.number else connection.zero).inbox.remove(event)
        if wanted(event):
            return event  # type: ignore[no-any-return]
        self._record(event)
        return None

    def _record(self, event: Event, *, frames: bool = False) -> Event:
        fields = dict(event.fields)
        if event.name == "Connection.Start":
            fields = compared_start(fields)
        if event.properties is not None:
            fields["body"] = show(event.body)
            if event.properties:
                fields["properties"] = event.properties
            if frames:
                fields["body_frame_sizes"] = event.body_frame_sizes
                fields["raw_properties"] = event.raw_properties.hex(" ")
        who = f"{self.connection.letter}{event.channel}"
        self.play.record(who, "<", event.name, fields)
        return event

    def reply(self, expected: str = "", timeout_s: float = WAIT_S) -> Event:
        """The next answer. expected: when given, any other answer ends the scenario."""
        event = self._take(lambda event: event.name not in REPORTS, expected or "reply", timeout_s)
        assert event is not None  # a close is an answer too
        self._record(event)
        if expected and event.name != expected:
            raise EndedError
        return event

    def call(self, name: str, expected: str = "", /, **fields: Any) -> Event:
        """Send a method and take its answer, whatever it is."""
        self.send(name, **fields)
        return self.reply(expected)

    def prepare(self, name: str, /, **fields: Any) -> Event:
        """Like call, kept out of the transcript; anything but the -Ok ends the scenario."""
        with self.play.unrecorded():
            return self.call(name, f"{name}Ok", **fields)

    def reopen(self) -> None:
        self._confirms = False
        self.prepare("Channel.Open")

    def _reports(self, names: set[str], count: int, *, frames: bool = False) -> list[Event]:
        taken = []
        for _ in range(count):
            awaited = "/".join(sorted(names))
            event = self._take(lambda event: event.name in names, awaited, WAIT_S)
            if event is None:
                raise EndedError
            taken.append(self._record(event, frames=frames))
        return taken

    def deliveries(self, count: int = 1, *, frames: bool = False) -> list[Event]:
        return self._reports({"Basic.Deliver"}, count, frames=frames)

    def delivery(self) -> Event:
        return self.deliveries(1)[0]

    def returns(self, count: int = 1, *, frames: bool = False) -> list[Event]:
        return self._reports({"Basic.Return"}, count, frames=frames)

    def cancels(self, count: int = 1) -> list[Event]:
        return self._reports({"Basic.Cancel"}, count)

    def arrivals(self, count: int) -> list[Event]:
        """The next events of any kind, in the order they came."""
        taken = []
        for _ in range(count):
            event = self._take(lambda event: True, "anything", WAIT_S)
            assert event is not None
            taken.append(self._record(event))
        return taken

    def confirm_select(self) -> None:
        self.prepare("Confirm.Select")
        self._confirms = True

    def confirms(self) -> None:
        """Wait until every publish so far is confirmed; record the acked and nacked seqnos."""
        outcome: dict[str, list[int]] = {"ack": [], "nack": []}
        while self._unconfirmed:
            event = self._take(
                lambda event: event.name in ("Basic.Ack", "Basic.Nack"), "confirm", WAIT_S
            )
            if event is None:
                raise EndedError
            tag = event.tag
            if event["multiple"]:
                settled = {seqno for seqno in self._unconfirmed if seqno <= tag or tag == 0}
            else:
                settled = {tag}
            if not settled <= self._unconfirmed:
                self.play.record(self.who, "!", "confirmed twice", {"seqno": tag})
            self._unconfirmed -= settled
            outcome["ack" if event.name == "Basic.Ack" else "nack"] += sorted(settled)
        self.play.record(self.who, "<", "confirms", {key: sorted(outcome[key]) for key in outcome})

    # --- common sentences

    def queue(self, name: str, **options: Any) -> str:
        """Declare a queue, unrecorded. Returns: its name."""
        return str(self.prepare("Queue.Declare", queue=name, **options)["queue"])

    def exchange(self, name: str, kind: str = "direct", **options: Any) -> str:
        """Declare an exchange, unrecorded. Returns: its name."""
        self.prepare("Exchange.Declare", exchange=name, type=kind, **options)
        return name

    def bind(self, queue: str, exchange: str, routing_key: str = "", **arguments: Any) -> None:
        """Bind a queue, unrecorded."""
        self.prepare(
            "Queue.Bind",
            queue=queue,
            exchange=exchange,
            routing_key=routing_key,
            arguments=arguments.get("arguments", {}),
        )

    def consume(self, queue: str, tag: str = "c", **options: Any) -> None:
        """Start a consumer, unrecorded."""
        self.prepare("Basic.Consume", queue=queue, consumer_tag=tag, **options)

    def fill(self, queue: str, *bodies: str, **properties: Any) -> None:
        """Publish to a queue by its name and wait until it has them, unrecorded."""
        with self.play.unrecorded():
            for body in bodies:
                self.publish(queue, body, **properties)
        self.settled(queue)

    def count(self, queue: str) -> Event:
        """Message and consumer count by a passive declare, recorded."""
        if not self._is_settled:
            self.settled(queue)
        return self.call("Queue.Declare", queue=queue, passive=True)

    def wait_count(self, queue: str, messages: int) -> None:
        """Ask until the queue has so many ready messages, then record. For what is not ordered."""
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            reply = self.prepare("Queue.Declare", queue=queue, passive=True)
            if reply["message_count"] == messages:
                break
            time.sleep(0.005)
        self.count(queue)

    def get(self, queue: str, *, no_ack: bool = True) -> Event:
        return self.call("Basic.Get", queue=queue, no_ack=no_ack)

    def prepare_get(self, queue: str) -> Event:
        """Take a message without acking it, unrecorded."""
        with self.play.unrecorded():
            return self.call("Basic.Get", "Basic.GetOk", queue=queue)

    def drain(self, queue: str) -> None:
        """Get and record until the queue is empty."""
        while self.get(queue).name == "Basic.GetOk":
            pass

    def settled(self, queue: str) -> None:
        """Return when the queue has seen everything sent on this channel so far.

        Asked three times: in RabbitMQ this question may overtake publishes and acks that already
        wait in the mailbox of the queue's process; those are done by the time it is repeated.
        """
        for _ in range(3):
            self.prepare("Queue.Declare", queue=queue, passive=True)
        self._is_settled = True

    def barrier(self) -> None:
        """Return when everything the broker had already given to this channel has arrived."""
        self.prepare("Exchange.Declare", exchange="amq.direct", type="direct", passive=True)

    def nothing_more(self) -> None:
        """Record whatever arrived unasked and was not taken, or that nothing did."""
        self.barrier()
        if not self.inbox:
            self.play.record(self.who, "<", "nothing", {})
        while self.inbox:
            self._record(self.inbox.pop(0))

    def quiet(self) -> None:
        """Like nothing_more, after listening a moment: for what no barrier can prove."""
        deadline = time.monotonic() + QUIET_S
        while (left_s := deadline - time.monotonic()) > 0 and not self.connection.is_at_eof:
            self.connection.listen(left_s)
        if self.connection.is_at_eof:
            self.play.record(self.who, "<", "closed", {})
        elif not self.inbox and not self.connection.zero.inbox:
            self.play.record(self.who, "<", "nothing", {})
        for event in (*self.inbox, *self.connection.zero.inbox):
            self._record(event)
        self.inbox.clear()
        self.connection.zero.inbox.clear()


def show(body: bytes) -> str:
    """A short body as text, a long one as its size and digest."""
    if len(body) <= 120:
        return wire.as_text(body)
    return f"{len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:16]}"


def compared_start(fields: dict[str, Any]) -> dict[str, Any]:
    """connection.start without what may differ: version, platform, …; order of mechanisms."""
    properties = {
        key: value if key in COMPARED_SERVER_PROPERTIES else "*"
        for key, value in fields["server_properties"].items()
    }
    mechanisms = " ".join(sorted(fields["mechanisms"].split()))
    return {**fields, "server_properties": properties, "mechanisms": mechanisms}
