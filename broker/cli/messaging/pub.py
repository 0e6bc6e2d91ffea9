"""`leveretctl pub QUEUE [TEXT…]`: publish lines of the standard input, or what else is given.

The exit code is 0 only if the broker has confirmed every message and returned none. Nothing is
published beyond the window of unconfirmed messages, or while the broker is blocked; the input
waits where it is meanwhile.
"""

from __future__ import annotations

import select
from collections import deque
from collections.abc import Mapping, Sequence
from typing import IO, Any, NamedTuple

from broker.amqp import frames
from broker.amqp import methods as m
from broker.amqp.content import Properties
from broker.cli.messaging import address, json_lines, properties
from broker.cli.messaging.clock import now_s
from broker.cli.messaging.confirms import Confirms
from broker.cli.messaging.connection import CHANNEL, Connection, Content
from broker.cli.messaging.exits import (
    EX_DATAERR,
    EX_INTERRUPTED,
    EX_OK,
    EX_TEMPFAIL,
    Failure,
    usage,
)
from broker.cli.messaging.inputs import Input, ListInput, StreamInput, files
from broker.cli.messaging.options import CONNECTION, Given, Option
from broker.cli.messaging.running import (
    DECLARE,
    declare_queue,
    on_blocked,
    runs,
    say,
    short_name,
)
from broker.cli.messaging.signals import Stopping
from broker.cli.messaging.values import ValueProblem

USAGE = "pub [QUEUE] [TEXT…]"
SUMMARY = "publish lines from standard input, files or arguments"
OPTIONS: tuple[Option, ...] = (
    *CONNECTION,
    Option("exchange", "text", "publish to this exchange (the default one)", "e"),
    Option("routing_key", "text", "with this routing key (the name of the queue)", "r"),
    *properties.OPTIONS,
    DECLARE,
    Option("null", "switch", "messages end with a zero octet, not with a line", "0"),
    Option("whole", "switch", "all of the input is one message"),
    Option("file", "text", "each of these files is one message", "f", repeats=True),
    Option("json", "switch", "each line is a message as `sub --json` writes it"),
    Option("mandatory", "switch", "a message that no queue takes is an error"),
    Option("no_confirm", "switch", "do not wait for the broker's confirms"),
    Option("window", "integer", "messages that may be unconfirmed at a time (1000)"),
    Option("rate", "text", "at most so many messages a second"),
    Option("count", "integer", "publish each message so many times"),
)
UNSENT_MAX = 1 << 20  # octets that may wait for the socket; the input waits beyond that
RETURNS_TOLD = 10  # lines; the rest is counted


class Outgoing(NamedTuple):
    """One message to be published."""

    exchange: str
    routing_key: str
    header: bytes  # of a content of no size
    body: bytes


class Route(NamedTuple):
    """Where to, as the command line says; None: it does not."""

    exchange: str | None
    routing_key: str | None
    queue: str  # to be declared, if asked for
    texts: Sequence[str]  # messages among the arguments


@runs(OPTIONS)
def run(
    given: Given, arguments: Sequence[str], stdin: IO[Any], stdout: IO[Any], stderr: IO[str]
) -> int:
    route = route_of(given, arguments)
    maker = Maker(given, route)
    source = source_of(given, route, stdin)
    pace = Pace(given.number("rate"))
    place = address.of_options(given)
    window = given.integer("window", 1000, 1)
    with Stopping() as stopping:
        connection = Connection(place, on_blocked(stderr))
        publisher = Publisher(connection, stderr, window, mandatory=given.switch("mandatory"))
        try:
            declare_queue(connection, route.queue, given)
            if not given.switch("no_confirm"):
                publisher.select_confirms()
            publisher.publish_all(source, maker, pace, stopping)
        except Failure as failure:
            connection.drop() if failure.is_lost else connection.close()
            raise Failure(publisher.failed(failure), failure.code) from None
        except BaseException:
            connection.drop()
            raise
        connection.close()
    return publisher.exit_code(is_cut_short=stopping.is_asked and not source.is_over)


def route_of(given: Given, arguments: Sequence[str]) -> Route:
    """Raises: Failure."""
    given.at_most_one("null", "whole", "file", "json")
    is_routed = given.has("exchange") or given.has("routing_key")
    exchange = given.text("exchange") if given.has("exchange") else None
    routing_key = given.text("routing_key") if given.has("routing_key") else None
    queue, texts = "", list(arguments)
    if not is_routed and texts:
        queue = short_name(texts.pop(0), "a queue")
        exchange, routing_key = "", queue
    elif is_routed:
        exchange = exchange or ""
        routing_key = routing_key or ""
        queue = "" if exchange else routing_key
    elif not given.switch("json"):
        raise usage("name a queue, or give --exchange or --routing-key")
    short_name(exchange or "", "an exchange")
    short_name(routing_key or "", "a routing key")
    if given.has("declare") and not queue:
        raise usage("--declare needs a queue to be named")
    for name in ("null", "whole", "file", "json"):
        if texts and given.has(name):
            raise usage(f"--{name} leaves no room for messages among the arguments")
    return Route(exchange, routing_key, queue, texts)


def source_of(given: Given, route: Route, stdin: IO[Any]) -> Input:
    if given.has("file"):
        return ListInput(files(given.texts("file")))
    if route.texts:
        return ListInput(text.encode("utf-8", "surrogateescape") for text in route.texts)
    separator = b"\0" if given.switch("null") else b"" if given.switch("whole") else b"\n"
    return StreamInput(stdin, separator)


class Maker:
    """Makes a message of a piece of input, as the command line says."""

    def __init__(self, given: Given, route: Route):
        self._is_json = given.switch("json")
        self._route = route
        self._chosen = properties.of_options(given)
        self._header = self._chosen.encode(0)
        self._count = given.integer("count", 1, 1)
        self._line = 0

    def make(self, piece: bytes) -> list[Outgoing]:
        """Raises: Failure."""
        self._line += 1
        if not self._is_json:
            route = self._route
            one = Outgoing(route.exchange or "", route.routing_key or "", self._header, piece)
        elif not piece.strip():
            return []
        else:
            try:
                one = self._of_line(json_lines.read(piece))
            except ValueProblem as problem:
                raise Failure(f"line {self._line} {problem}", EX_DATAERR) from None
        return [one] * self._count

    def _of_line(self, line: json_lines.Line) -> Outgoing:
        """What the command line says counts more than what the line does."""
        exchange, routing_key = self._route.exchange, self._route.routing_key
        if exchange is None:
            exchange, routing_key = line.exchange or "", line.routing_key
        if routing_key is None:
            raise ValueProblem("has no routing_key, and no queue is given")
        merged: Properties = properties.over(line.properties, self._chosen)
        return Outgoing(exchange, routing_key, merged.encode(0), line.body)


class Pace:
    """When the next message may go. rate: messages a second; None: at once."""

    def __init__(self, rate: float | None):
        self._interval_s = 1 / rate if rate else 0.0
        self._next_s = now_s()

    def wait_s(self) -> float:
        return max(0.0, self._next_s - now_s()) if self._interval_s else 0.0

    def spend(self) -> None:
        if self._interval_s:  # no bursts after a pause of more than a tenth of a second
            self._next_s = max(self._next_s, now_s() - 0.1) + self._interval_s


class Publisher:
    """Publishes, and knows what became of it."""

    def __init__(self, connection: Connection, stderr: IO[str], window: int, *, mandatory: bool):
        self._connection = connection
        self._stderr = stderr
        self._window = window
        self._mandatory = mandatory
        self._confirms: Confirms | None = None
        self._methods: dict[tuple[str, str], bytes] = {}
        self._wrong_input: Failure | None = None
        self.published = 0
        self.returned = 0

    def select_confirms(self) -> None:
        self._connection.call(m.ConfirmSelect(), m.ConfirmSelectOk)
        self._confirms = Confirms()

    @property
    def unconfirmed(self) -> int:
        return 0 if self._confirms is None else self.published - self._confirms.settled

    def publish_all(self, source: Input, maker: Maker, pace: Pace, stopping: Stopping) -> None:
        """Until the input is over, or somebody asks to end, and all is confirmed."""
        waiting: deque[Outgoing] = deque()
        while True:
            if stopping.is_asked:
                waiting.clear()
            self._publish_some(waiting, pace)
            is_over = source.is_over or self._wrong_input is not None or stopping.is_asked
            is_reading = not (waiting or is_over)
            if is_reading and source.descriptor is None:
                self._take_in(source, maker, waiting)
                self._after(self._connection.turn(0), stopping)
                continue
            if not waiting and not is_reading and not self.unconfirmed:
                break
            watched = {stopping.wake_fd: select.POLLIN}
            if is_reading:
                assert source.descriptor is not None
                watched[source.descriptor] = select.POLLIN
            may_publish = bool(waiting) and self._has_room()
            ready = self._connection.turn(pace.wait_s() if may_publish else None, watched)
            self._after(ready, stopping)
            if is_reading and source.descriptor in ready and not stopping.is_asked:
                self._take_in(source, maker, waiting)
        if self._wrong_input is not None:
            raise self._wrong_input
        if self._confirms is None:  # what it has not read yet it may still refuse
            self._connection.call(m.ChannelClose(200, "Goodbye"), m.ChannelCloseOk)
            self._on_inbox()

    def _take_in(self, source: Input, maker: Maker, waiting: deque[Outgoing]) -> None:
        """Input that is wrong ends the reading; what was read before it is still published."""
        try:
            for piece in source.read():
                waiting.extend(maker.make(piece))
        except Failure as failure:
            self._wrong_input = failure

    def _after(self, ready: Mapping[int, int], stopping: Stopping) -> None:
        if stopping.wake_fd in ready:
            stopping.clear()
        self._on_inbox()

    def _has_room(self) -> bool:
        connection = self._connection
        return (
            connection.blocked is None
            and connection.unsent < UNSENT_MAX
            and self.unconfirmed < self._window
        )

    def _publish_some(self, waiting: deque[Outgoing], pace: Pace) -> None:
        while waiting and self._has_room() and not pace.wait_s():
            self._publish(waiting.popleft())
            pace.spend()

    def _publish(self, message: Outgoing) -> None:
        route = message.exchange, message.routing_key
        method = self._methods.get(route)
        if method is None:
            if len(self._methods) > 1000:
                self._methods.clear()
            publish = m.BasicPublish(exchange=route[0], routing_key=route[1])
            publish.mandatory = self._mandatory
            method = self._methods[route] = frames.method_frame(CHANNEL, publish.encode())
        header, body = message.header, message.body
        header = b"".join((header[:4], len(body).to_bytes(8, "big"), header[12:]))
        content = frames.content_frames(CHANNEL, header, body, self._connection.frame_max)
        self._connection.put(b"".join((method, *content)))
        self.published += 1

    def _on_inbox(self) -> None:
        inbox = self._connection.inbox
        confirms = self._confirms
        while inbox:
            entry = inbox.popleft()
            if isinstance(entry, Content) and isinstance(entry.method, m.BasicReturn):
                self._on_return(entry.method)
            elif confirms is not None and isinstance(entry, (m.BasicAck, m.BasicNack)):
                is_ack = isinstance(entry, m.BasicAck)
                tag = min(entry.delivery_tag, self.published)
                confirms.settle(tag, entry.multiple, is_ack=is_ack)

    def _on_return(self, returned: m.BasicReturn) -> None:
        self.returned += 1
        if self.returned <= RETURNS_TOLD:
            where = f"exchange '{returned.exchange}', routing key '{returned.routing_key}'"
            say(self._stderr, f"returned: {returned.reply_code} {returned.reply_text}, {where}")

    def failed(self, failure: Failure) -> str:
        """What went wrong, and what is known of the messages."""
        if not self.published:
            return str(failure)
        if self._confirms is None:
            return f"{failure}; {self.published} messages were sent"
        confirmed = self._confirms.settled - self._confirms.nacked
        return f"{failure}; {confirmed} of {self.published} messages were confirmed"

    def exit_code(self, *, is_cut_short: bool) -> int:
        nacked = self._confirms.nacked if self._confirms is not None else 0
        if self.returned:
            say(self._stderr, f"Error: {self.returned} of {self.published} were returned: no route")
        if nacked:
            say(self._stderr, f"Error: {nacked} of {self.published} were refused by the broker")
            return EX_TEMPFAIL
        if self.returned:
            return EX_DATAERR
        if is_cut_short:
            say(self._stderr, f"{self.published} messages were published before the end was asked")
            return EX_INTERRUPTED
        return EX_OK
