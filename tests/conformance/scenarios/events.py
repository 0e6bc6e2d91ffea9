"""Events as messages to amq.rabbitmq.event: which there are, with which headers of which types.

RabbitMQ tells of some things from several processes, in no order that it promises: what belongs to
one step is compared sorted. Habits of its that are left out: the parameter it sets while it deletes
an exchange; that it tells twice of a consumer whose queue goes; that some headers have the same
fact twice.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.scenarios.tracing import call
from tests.conformance.wire_client import (
    CAPABILITIES,
    WAIT_S,
    Connection,
    EndedError,
    Play,
)

feature = functools.partial(scenario, stage="features", needs={"users"})
PID = re.compile(r"<[^<>]+@[^<>]+\.\d+\.\d+\.\d+>")
VARYING: tuple[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+ -> \d+\.\d+\.\d+\.\d+:\d+"), "peer -> broker"),
    (re.compile(r'"node": "[^"]+"'), '"node": "*"'),
    (re.compile(r'"cluster_state": \{"F": \{"[^"]+"'), '"cluster_state": {"F": {"*"'),
    (re.compile(r'"(timestamp_in_ms|connected_at|port|peer_port)": "l \d+"'), r'"\1": "l *"'),
    (re.compile(r'"timestamp": \d+'), '"timestamp": "*"'),
)
EVERYTHING = {"configure": ".*", "write": ".*", "read": ".*"}


class Monitor:
    """Somebody who hears events, in vhost "/", and keeps those that are about the scenario."""

    def __init__(self, play: Play):
        self.play = play
        self.vhost = f"events-{play.scenario}"
        self.marks = [play.scenario]  # what an event about this scenario has in it
        self._channel = play.channel()
        queue = self._channel.queue("", exclusive=True)
        self._channel.bind(queue, "amq.rabbitmq.event", "#")
        self._channel.consume(queue, no_ack=True)
        self.ignored: set[str] = set()  # routing keys
        self._numbered: dict[str, str] = {}

    def call(self, verb: str, path: str, body: Any = None) -> None:
        call(self.play, verb, path, body)

    def connection(self, **properties: Any) -> Connection:
        """A connection to the scenario's own vhost, about which events are heard."""
        connection = self.play.socket()
        host, port = connection.socket.getsockname()
        self.marks.append(f"{host}:{port} -> ")
        with self.play.unrecorded():
            connection.handshake(
                vhost=self.vhost, capabilities=CAPABILITIES, client_properties=properties
            )
        return connection

    def heard(self, step: str, count: int) -> None:
        """That many events of a step, and no more."""
        found: list[list[Any]] = []
        deadline = time.monotonic() + WAIT_S
        while len(found) < count and time.monotonic() < deadline:
            found += self._take(0.02)
        found += self._take(0.1)
        found.sort(key=lambda event: json.dumps(event, sort_keys=True))
        for routing_key, properties in found:
            self.play.note("event", step=step, key=routing_key, properties=self._steady(properties))
        if len(found) != count:
            self.play.note("heard", step=step, count=len(found))

    def skip(self, count: int) -> None:
        """Events of preparations."""
        with self.play.unrecorded():
            self.heard("", count)

    def _take(self, seconds: float) -> Iterator[list[Any]]:
        self._channel.connection.listen(seconds)
        taken, self._channel.inbox[:] = list(self._channel.inbox), []
        for event in taken:
            assert event.properties is not None
            headers = event.properties["headers"]
            for name in [name for name in headers if name.endswith("#2")]:
                assert headers.pop(name) == headers[name.removesuffix("#2")]
            text = json.dumps(event.properties)
            if not any(mark in text for mark in self.marks):
                continue
            if headers.get("component") == "S exchange-delete-in-progress":
                continue
            key = event["routing_key"]
            if key in self.ignored:
                continue
            if key == "consumer.deleted" and "user_who_performed_action" not in headers:
                continue
            if key in ("connection.created", "channel.created"):
                self.marks.append(headers["pid"].removeprefix("S "))
            yield [key, self._without_pids(text)]

    def _without_pids(self, text: str) -> str:
        for pattern, label in VARYING:
            text = pattern.sub(label, text)
        return text

    def _steady(self, text: str) -> Any:
        """pids by the order in which they are shown first."""

        def numbered(found: re.Match[str]) -> str:
            return self._numbered.setdefault(found[0], f"process {len(self._numbered) + 1}")

        return json.loads(PID.sub(numbered, text))


@contextlib.contextmanager
def vhost(play: Play) -> Iterator[Monitor]:
    """A monitor, and a vhost of the scenario's own while the block runs; nothing of that told."""
    monitor = Monitor(play)
    path = f"vhosts/{monitor.vhost}"
    monitor.call("PUT", path, {})
    monitor.call("DELETE", path)  # of a run that was broken off
    monitor.call("PUT", path, {})
    monitor.call("PUT", f"permissions/{monitor.vhost}/guest", EVERYTHING)
    time.sleep(0.3)
    monitor.skip(0)
    try:
        yield monitor
    finally:
        monitor.call("DELETE", path)


@feature
def event_connections_and_channels(play: Play) -> None:
    with vhost(play) as monitor:
        connection = monitor.connection(connection_name="a name", product="a product")
        monitor.heard("connection", 2)
        channel = connection.channel()
        monitor.heard("channel", 1)
        with play.unrecorded():
            channel.call("Channel.Close")
        monitor.heard("channel closed", 1)
        other = connection.channel()
        monitor.heard("another channel", 1)
        with play.unrecorded():
            other.call("Queue.Declare", queue="nope", passive=True)
        monitor.heard("channel refused", 1)
        connection.channel()
        monitor.heard("a third channel", 1)
        connection.finish()
        monitor.heard("connection closed", 2)


@feature
def event_connection_dropped(play: Play) -> None:
    with vhost(play) as monitor:
        connection = monitor.connection()
        connection.channel()
        monitor.skip(3)
        connection.drop()
        monitor.heard("dropped", 2)


@feature
def event_logins(play: Play) -> None:
    name = f"user-{play.scenario}"
    with vhost(play) as monitor:
        monitor.call("PUT", f"users/{name}", {"password": "right", "tags": ""})
        monitor.skip(1)
        for user, password in ((name, "wrong"), (f"no-{name}", "any"), (name, "right")):
            with play.unrecorded(), contextlib.suppress(EndedError):
                play.connection(user=user, password=password)
            time.sleep(0.3)
        monitor.heard("logins", 3)
        monitor.call("DELETE", f"users/{name}")


@feature
def event_queues(play: Play) -> None:
    with vhost(play) as monitor:
        channel = monitor.connection().channel()
        monitor.skip(3)
        arguments = {"x-max-length": 5, "x-overflow": "reject-publish", "x-other": True}
        channel.queue("q", durable=True, arguments=arguments)
        monitor.heard("durable", 1)
        channel.queue("q", durable=True, arguments=arguments)
        monitor.heard("again", 0)
        channel.queue("e", exclusive=True, auto_delete=True)
        monitor.heard("exclusive", 1)
        channel.queue("n", durable=True, arguments={"x-queue-type": "quorum"})
        monitor.heard("quorum", 1)
        for name in ("q", "n"):
            channel.prepare("Queue.Delete", queue=name)
            monitor.heard("deleted", 1)
        channel.connection.finish()
        monitor.heard("connection gone", 3)


@feature
def event_exchanges_and_bindings(play: Play) -> None:
    with vhost(play) as monitor:
        channel = monitor.connection().channel()
        monitor.skip(3)
        arguments = {"alternate-exchange": "other", "n": 5, "t": {"b": True, "s": "text"}}
        channel.exchange("x", "topic", durable=True, arguments=arguments)
        monitor.heard("exchange", 1)
        channel.exchange("a", "fanout", auto_delete=True, internal=True)
        monitor.heard("auto-delete", 1)
        channel.queue("q")
        monitor.skip(1)
        binding = {"queue": "q", "exchange": "x", "routing_key": "a.*"}
        channel.prepare("Queue.Bind", **binding, arguments={"z": "last", "i": 1})
        monitor.heard("bound", 1)
        channel.prepare("Queue.Bind", **binding, arguments={"z": "last", "i": 1})
        monitor.heard("again", 0)
        channel.prepare("Queue.Unbind", **binding, arguments={"z": "last", "i": 1})
        monitor.heard("unbound", 1)
        channel.prepare("Exchange.Bind", source="a", destination="x", routing_key="k")
        monitor.heard("to an exchange", 1)
        channel.prepare("Exchange.Delete", exchange="x")
        monitor.heard("exchange deleted", 3)


@feature
def event_consequences(play: Play) -> None:
    """What goes along with a queue: bindings, an auto-delete exchange, consumers."""
    with vhost(play) as monitor:
        channel = monitor.connection().channel()
        channel.queue("q")
        channel.exchange("x", "direct")
        channel.exchange("a", "direct", auto_delete=True)
        channel.bind("q", "x", "k")
        channel.bind("q", "a", "k")
        channel.consume("q")
        monitor.skip(9)
        channel.prepare("Queue.Delete", queue="q")
        monitor.heard("queue deleted", 5)
        channel.exchange("a", "direct", auto_delete=True)
        channel.queue("q")
        channel.bind("q", "a", "k")
        monitor.skip(3)
        channel.prepare("Queue.Unbind", queue="q", exchange="a", routing_key="k")
        monitor.heard("last binding", 2)
        channel.queue("w", auto_delete=True)
        channel.consume("w", tag="w")
        monitor.skip(2)
        with play.unrecorded():
            channel.call("Channel.Close")
        monitor.heard("channel closed", 3)


@feature
def event_consumers(play: Play) -> None:
    with vhost(play) as monitor:
        channel = monitor.connection().channel()
        channel.queue("q")
        monitor.skip(4)
        channel.prepare("Basic.Qos", prefetch_count=7)
        channel.consume("q", tag="one", arguments={"x-priority": 3})
        monitor.heard("consumer", 1)
        channel.prepare("Basic.Cancel", consumer_tag="one")
        monitor.heard("cancelled", 1)
        channel.consume("q", tag="two", no_ack=True, exclusive=True)
        monitor.heard("exclusive", 1)
        channel.consume("amq.rabbitmq.reply-to", tag="three", no_ack=True)
        monitor.heard("of direct replies", 0)


@feature
def event_vhosts(play: Play) -> None:
    monitor = Monitor(play)
    path = f"vhosts/{monitor.vhost}"
    monitor.call("PUT", path, {"description": "what for", "tags": "one,two"})
    monitor.call("PUT", f"permissions/{monitor.vhost}/guest", EVERYTHING)
    monitor.ignored = {"permission.created"}  # the API makes one with the vhost
    monitor.heard("added", 8)
    channel = play.channel(vhost=monitor.vhost)
    monitor.skip(2)
    channel.queue("q", durable=True)
    channel.exchange("x", "direct", durable=True)
    channel.bind("q", "x", "k")
    channel.connection.finish()
    monitor.skip(5)
    monitor.call("DELETE", path)
    monitor.heard("deleted", 13)


@feature
def event_users(play: Play) -> None:
    name = f"user-{play.scenario}"
    with vhost(play) as monitor:
        monitor.call("PUT", f"users/{name}", {"password": "one", "tags": "monitoring,management"})
        monitor.heard("added", 2)
        monitor.call("PUT", f"users/{name}", {"password": "two", "tags": "administrator"})
        monitor.heard("changed", 2)
        monitor.call("PUT", f"user-limits/{name}/max-connections", {"value": 5})
        monitor.heard("limited", 1)
        monitor.call("DELETE", f"user-limits/{name}/max-connections")
        monitor.heard("not limited", 1)
        permissions = {"configure": "a", "write": "b", "read": "c"}
        monitor.call("PUT", f"permissions/{monitor.vhost}/{name}", permissions)
        monitor.heard("permitted", 1)
        topic = {"exchange": "amq.topic", "write": "b", "read": "c"}
        monitor.call("PUT", f"topic-permissions/{monitor.vhost}/{name}", topic)
        monitor.heard("topics", 1)
        monitor.call("DELETE", f"topic-permissions/{monitor.vhost}/{name}")
        monitor.heard("no topics", 1)
        monitor.call("DELETE", f"permissions/{monitor.vhost}/{name}")
        monitor.heard("not permitted", 1)
        monitor.call("PUT", f"permissions/{monitor.vhost}/{name}", permissions)
        monitor.skip(1)
        monitor.call("DELETE", f"users/{name}")
        monitor.heard("deleted", 1)


@feature
def event_policies(play: Play) -> None:
    with vhost(play) as monitor:
        channel = monitor.connection().channel()
        channel.queue("q")
        channel.queue("other")
        monitor.skip(5)
        for kind in ("policies", "operator-policies"):
            path = f"{kind}/{monitor.vhost}/p"
            policy = {"pattern": "^q", "definition": {"max-length": 10, "expires": 60000}}
            monitor.call("PUT", path, {**policy, "priority": 2, "apply-to": "queues"})
            monitor.heard(f"{kind} set", 2 if kind == "policies" else 3)
            monitor.call("DELETE", path)
            monitor.heard(f"{kind} cleared", 2 if kind == "policies" else 3)


@feature
def event_limits_of_a_vhost(play: Play) -> None:
    with vhost(play) as monitor:
        monitor.marks.append('"max-queues"')
        monitor.call("PUT", f"vhost-limits/{monitor.vhost}/max-queues", {"value": 100})
        monitor.heard("set", 2)
