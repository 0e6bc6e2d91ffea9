"""What `sub` does with one connection after the other: take deliveries, hand them on, settle them.

Acknowledgements never let the broker deliver more than `--count` wants: as many as the last
prefetch are held back until the consumer is cancelled.
"""

from __future__ import annotations

import re
import select
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from broker.amqp import methods as m
from broker.amqp.wire import Field, Table
from broker.cli.messaging.clock import now_s
from broker.cli.messaging.connection import Connection, Content
from broker.cli.messaging.exits import Failure, usage
from broker.cli.messaging.formats import Delivery, Rendering
from broker.cli.messaging.options import Given
from broker.cli.messaging.outputs import WAITING_MAX, Output
from broker.cli.messaging.running import declare_queue, short_name
from broker.cli.messaging.signals import Stopping

if TYPE_CHECKING:
    from broker.cli.messaging.executing import Commands

CONSUMER_TAG = "leveretctl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the command line asks for. count, timeout_s, idle_s: None: without end."""

    queue: str  # empty: one of its own, bound to the exchange
    exchange: str
    routing_keys: tuple[str, ...]
    count: int | None
    timeout_s: float | None
    idle_s: float | None
    prefetch: int
    no_ack: bool
    requeue: bool
    arguments: Table
    command: str
    parallel: int
    exec_timeout_s: float | None
    dead_letter: bool


def wanted_of(given: Given, arguments: Sequence[str]) -> Wanted:
    """Raises: Failure."""
    if len(arguments) > 1:
        raise usage("sub takes one queue")
    if not arguments and not given.has("exchange"):
        raise usage("name a queue, or give --exchange")
    if arguments and (given.has("exchange") or given.has("routing_key")):
        raise usage("a queue that is named is not bound; leave --exchange and --routing-key out")
    for name in ("parallel", "exec_timeout", "dead_letter"):
        if given.has(name) and not given.has("exec"):
            raise usage(f"--{name.replace('_', '-')} goes with --exec")
    given.at_most_one("no_ack", "requeue")
    given.at_most_one("exec", "no_ack")
    given.at_most_one("exec", "requeue")
    given.at_most_one("exec", "json")
    given.at_most_one("exec", "format")
    count = given.integer("count", 0, 1) if given.has("count") else None
    if given.switch("no_ack") and count is not None:
        raise usage("with --no-ack the broker sends more than --count, and they would be lost")
    parallel = given.integer("parallel", 1, 1, 1000)
    usual = parallel if given.has("exec") else 0 if given.switch("requeue") else 100
    prefetch = given.integer("prefetch", usual, 0 if given.switch("requeue") else 1, 65535)
    if count is not None and count <= 65535:
        prefetch = min(prefetch, count) if prefetch else count
    keys = given.texts("routing_key") or ["#"]
    return Wanted(
        queue=short_name(arguments[0], "a queue") if arguments else "",
        exchange=short_name(given.text("exchange"), "an exchange"),
        routing_keys=tuple(short_name(key, "a routing key") for key in keys),
        count=count,
        timeout_s=given.number("timeout"),
        idle_s=given.number("idle"),
        prefetch=prefetch,
        no_ack=given.switch("no_ack"),
        requeue=given.switch("requeue"),
        arguments=_stream_offset(given.text("stream_offset")),
        command=given.text("exec"),
        parallel=parallel,
        exec_timeout_s=given.number("exec_timeout"),
        dead_letter=given.switch("dead_letter"),
    )


def _stream_offset(text: str) -> Table:
    """first, last, next, an interval like 1h: as they are; a number; @ and seconds: a time."""
    if not text:
        return {}
    if re.fullmatch(r"\d{1,18}", text):
        return {"x-stream-offset": Field("l", int(text))}
    if re.fullmatch(r"@\d{1,18}", text):
        return {"x-stream-offset": Field("T", int(text[1:]))}
    if text in ("first", "last", "next") or re.fullmatch(r"\d+[YMDhms]", text):
        return {"x-stream-offset": Field("S", text)}
    raise usage(f"--stream-offset is first, last, next, a number, @seconds or 1h, not '{text}'")


class Subscription:
    """taken: messages that were handed on; settled: that are done with."""

    def __init__(self, wanted: Wanted, render: Rendering, stdout: IO[Any], stopping: Stopping):
        self._wanted = wanted
        self._render = render
        self._stopping = stopping
        self._output = Output(stdout)
        self.commands: Commands | None = None
        if wanted.command:
            from broker.cli.messaging.executing import Commands  # with all that starts processes

            self.commands = Commands(
                wanted.command, stdout, self._on_command_ended, wanted.exec_timeout_s
            )
        self.taken = 0
        self.settled = 0
        self._connection: Connection | None = None
        self._queue = wanted.queue
        self._out_tag = 0  # of this connection: all up to it is written
        self._acked_tag = 0
        self._is_cancelled = False
        started = now_s()
        self._end_s = None if wanted.timeout_s is None else started + wanted.timeout_s
        self._last_s = started

    @property
    def is_unread(self) -> bool:
        """Whoever read the output has gone."""
        return self._output.is_broken

    def begin(self, connection: Connection, given: Given) -> None:
        """Declare, bind, consume. Raises: Failure."""
        wanted = self._wanted
        self._out_tag = self._acked_tag = 0
        self._is_cancelled = False
        if wanted.queue:
            declare_queue(connection, wanted.queue, given)
        else:
            own = m.QueueDeclare(exclusive=True, auto_delete=True)
            self._queue = connection.call(own, m.QueueDeclareOk).queue
            for key in wanted.routing_keys:
                bind = m.QueueBind(queue=self._queue, exchange=wanted.exchange, routing_key=key)
                connection.call(bind, m.QueueBindOk)
        if wanted.prefetch and not wanted.no_ack:
            connection.call(m.BasicQos(prefetch_count=wanted.prefetch), m.BasicQosOk)
        consume = m.BasicConsume(queue=self._queue, consumer_tag=CONSUMER_TAG)
        consume.no_ack, consume.arguments = wanted.no_ack, wanted.arguments
        connection.call(consume, m.BasicConsumeOk)
        self._connection = connection
        self._last_s = now_s()

    def consume(self) -> None:
        """Until enough have come, the time is over, or somebody asks. Raises: Failure."""
        connection = self._connection
        assert connection is not None
        while not self._is_over():
            self._take(connection)
            if self._is_full():
                self._cancel(connection)  # before the broker has room to deliver more
            self._hand_on(connection)
            if self._is_over():
                break
            watched = {self._stopping.wake_fd: select.POLLIN}
            if self._output.descriptor is not None and self.commands is None:
                # Nothing asked for: the poll still tells when the reader has gone.
                watched[self._output.descriptor] = select.POLLOUT if self._output.waiting else 0
            is_reading = self._output.waiting < WAITING_MAX
            ready = connection.turn(self._wait_s(), watched, is_reading=is_reading)
            self._after(ready)
        self._finish(connection)

    def _after(self, ready: dict[int, int]) -> None:
        if self._stopping.wake_fd in ready:
            self._stopping.clear()
        if self._output.descriptor is not None:
            events = ready.get(self._output.descriptor, 0)
            if events & ~select.POLLOUT:
                self._output.is_broken = True

    def _is_full(self) -> bool:
        """All that is wanted has been taken."""
        return self._wanted.count is not None and self.taken >= self._wanted.count

    def _is_over(self) -> bool:
        if self._output.is_broken or self._stopping.is_asked:
            return True
        now = now_s()
        if self._end_s is not None and now >= self._end_s:
            return True
        is_busy = self._output.waiting or (self.commands is not None and self.commands.active)
        if is_busy:
            self._last_s = now
            return False
        idle_s = self._wanted.idle_s
        return self._is_full() or (idle_s is not None and now - self._last_s >= idle_s)

    def _wait_s(self) -> float | None:
        """Until something may be over by itself."""
        now = now_s()
        waits = [] if self._end_s is None else [self._end_s - now]
        if self._wanted.idle_s is not None and not self._output.waiting:
            waits.append(self._last_s + self._wanted.idle_s - now)
        if self.commands is not None and (wait_s := self.commands.wait_s()) is not None:
            waits = [wait for wait in waits if wait > 0] + [wait_s]
        return max(0.0, min(waits)) if waits else None

    def _take(self, connection: Connection) -> None:
        """Hand on what has come, as far as it is wanted."""
        inbox = connection.inbox
        while inbox and not self._is_full() and not self._stopping.is_asked:
            if isinstance(inbox[0], Content) and isinstance(inbox[0].method, m.BasicDeliver):
                if self.commands is not None and self.commands.active >= self._wanted.parallel:
                    break
                self._take_one(inbox[0], inbox[0].method.delivery_tag)
                self._last_s = now_s()
            elif isinstance(inbox[0], m.BasicCancel):
                raise Failure(f"the broker cancelled the consumer of '{self._queue}'", is_lost=True)
            inbox.popleft()

    def _take_one(self, content: Content, tag: int) -> None:
        if self.commands is not None:
            self.commands.start(Delivery.of(content), self._queue)
        else:
            self._output.put(self._render(content), tag)
        self.taken += 1

    def _hand_on(self, connection: Connection) -> None:
        if self.commands is not None:
            self.commands.look()
            return
        self._out_tag = max(self._out_tag, self._output.write())
        self._acknowledge(connection)

    def _acknowledge(self, connection: Connection, *, is_final: bool = False) -> None:
        """What was written since; see the module for what is held back."""
        wanted = self._wanted
        tag = self._out_tag
        self.settled += max(0, tag - self._acked_tag) if wanted.no_ack or wanted.requeue else 0
        if wanted.no_ack or wanted.requeue:
            self._acked_tag = max(self._acked_tag, tag)
            return
        if wanted.count is not None and not is_final:
            before = self.settled - self._acked_tag  # on earlier connections
            tag = min(tag, wanted.count - before - wanted.prefetch)
        if tag > self._acked_tag:
            connection.send(m.BasicAck(tag, multiple=True))
            self.settled += tag - self._acked_tag
            self._acked_tag = tag

    def _on_command_ended(self, tag: int, is_done: bool) -> None:
        if self._connection is None:
            return  # it was delivered on a connection that is lost: it comes again
        if is_done:
            self.settled += 1
            self._connection.send(m.BasicAck(tag))
        else:
            self._connection.send(m.BasicNack(tag, requeue=not self._wanted.dead_letter))

    def _finish(self, connection: Connection) -> None:
        """No more deliveries; settle what is under way."""
        self._cancel(connection)
        if self.commands is not None:
            self._wait_for_commands(connection)
            return
        if self._wanted.no_ack:
            self._take_the_rest(connection)
        else:
            self._output.forget()
        while self._output.waiting and not self._output.is_broken:  # half of a message is out
            self._out_tag = max(self._out_tag, self._output.write())
            if self._output.waiting and self._output.descriptor is not None:
                ready = connection.turn(None, {self._output.descriptor: select.POLLOUT})
                self._after(ready)
        self._acknowledge(connection, is_final=True)

    def _take_the_rest(self, connection: Connection) -> None:
        """The broker has forgotten what it sent: all of it, up to its cancel-ok, is written."""
        while not self._output.is_broken:
            while connection.inbox:
                entry = connection.inbox.popleft()
                if isinstance(entry, m.BasicCancelOk):
                    return
                if isinstance(entry, Content) and isinstance(entry.method, m.BasicDeliver):
                    self._take_one(entry, entry.method.delivery_tag)
            self._out_tag = max(self._out_tag, self._output.write())
            watched = {}
            if self._output.waiting and self._output.descriptor is not None:
                watched[self._output.descriptor] = select.POLLOUT
            is_reading = self._output.waiting < WAITING_MAX
            self._after(connection.turn(None, watched, is_reading=is_reading))

    def _cancel(self, connection: Connection) -> None:
        if not self._is_cancelled:
            connection.send(m.BasicCancel(CONSUMER_TAG))
        self._is_cancelled = True

    def _wait_for_commands(self, connection: Connection) -> None:
        assert self.commands is not None
        self.commands.look(at_once=True)
        while self.commands.active:
            ready = connection.turn(self.commands.wait_s(), {self._stopping.wake_fd: select.POLLIN})
            self._after(ready)
            self.commands.look(at_once=True)

    def on_lost(self) -> None:
        """The connection is gone: what is not settled is delivered again, on the next one."""
        self._connection = None
        self._output.forget(is_lost=True)
        self.taken = self.settled
        if self.commands is not None:
            while self.commands.active:
                self.pause(self.commands.wait_s() or 0)
                self.commands.look(at_once=True)

    def pause(self, seconds: float) -> bool:
        """Returns: whether to end instead of going on after it."""
        if self._end_s is not None:
            seconds = min(seconds, self._end_s - now_s())
        if not self._stopping.is_asked:
            poller = select.poll()
            poller.register(self._stopping.wake_fd, select.POLLIN)
            if poller.poll(max(0.0, seconds * 1000)):
                self._stopping.clear()
        return self._stopping.is_asked or (self._end_s is not None and now_s() >= self._end_s)

    def kill(self) -> None:
        if self.commands is not None:
            self.commands.kill()
