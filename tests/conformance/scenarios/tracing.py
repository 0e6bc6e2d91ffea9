"""The firehose: what is copied to amq.rabbitmq.trace, under which key, with which headers."""

from __future__ import annotations

import contextlib
import functools
import json
import re
import time
from collections.abc import Iterator
from typing import Any

from tests.conformance.registry import scenario
from tests.conformance.wire_client import WAIT_S, Channel, Event, Play

feature = functools.partial(scenario, stage="features", needs={"users"})
MONITOR = "monitor"
# What is another one with every broker and every run.
VARYING = (
    (re.compile(r"\d+\.\d+\.\d+\.\d+:\d+ -> \d+\.\d+\.\d+\.\d+:\d+"), "peer -> broker"),
    (re.compile(r'"node": "[^"]+"'), '"node": "*"'),
)


def call(play: Play, verb: str, path: str, body: Any = None) -> None:
    """The management API of a busy broker: asked again when it takes too long."""
    for _ in range(5):
        with contextlib.suppress(TimeoutError):
            play.target.api(verb, path, body)
            return
    raise TimeoutError


@contextlib.contextmanager
def traced(play: Play) -> Iterator[Monitor]:
    """A vhost of the scenario's own, with a queue that gets all copies; traced in the block."""
    vhost = f"trace-{play.scenario}"
    call(play, "PUT", f"vhosts/{vhost}", {})
    call(play, "DELETE", f"vhosts/{vhost}")  # of a run that was broken off
    call(play, "PUT", f"vhosts/{vhost}", {})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    call(play, "PUT", f"permissions/{vhost}/guest", everything)
    try:
        monitor = Monitor(play, vhost)
        monitor.switch(is_on=True)
        yield monitor
        monitor.switch(is_on=False)
    finally:
        call(play, "DELETE", f"vhosts/{vhost}")


class Monitor:
    """Somebody who gets the copies."""

    def __init__(self, play: Play, vhost: str):
        self.play = play
        self.vhost = vhost
        self._channel = self.channel()
        self._channel.queue(MONITOR)
        self._channel.bind(MONITOR, "amq.rabbitmq.trace", "#")

    def channel(self) -> Channel:
        return self.play.channel(vhost=self.vhost)

    def switch(self, *, is_on: bool) -> None:
        call(self.play, "PUT", f"vhosts/{self.vhost}", {"tracing": is_on})

    def copies(self, count: int) -> list[Event]:
        """That many copies, and no more; recorded without what differs from run to run."""
        taken: list[Event] = []
        deadline = time.monotonic() + WAIT_S
        while len(taken) < count and time.monotonic() < deadline:
            copy = self._copy()
            if copy is not None:
                taken.append(copy)
            else:
                time.sleep(0.005)
        time.sleep(0.05)
        more = self._copy()
        self.play.note("no more" if more is None else "one more")
        return taken

    def _copy(self) -> Event | None:
        with self.play.unrecorded():
            event = self._channel.get(MONITOR)
        if event.name != "Basic.GetOk":
            return None
        text = json.dumps(event.properties)
        for pattern, label in VARYING:
            text = pattern.sub(label, text)
        fields = {"exchange": event["exchange"], "routing_key": event["routing_key"]}
        body = event.body.decode()
        shown = body if len(body) < 100 else f"{len(body)} octets"
        self.play.note("copy", **fields, properties=json.loads(text), body=shown)
        return event


@feature
def trace_publish_and_get(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        channel.publish("q", "body")
        monitor.copies(1)
        channel.get("q")
        monitor.copies(1)
        channel.get("q")
        monitor.copies(0)


@feature
def trace_every_property(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q1")
        channel.queue("q2")
        channel.exchange("x", "topic")
        channel.bind("q1", "x", "a.*")
        channel.bind("q2", "x", "b.*")
        channel.publish(
            "a.x",
            "body",
            "x",
            content_type="text/plain",
            content_encoding="utf-8",
            headers={"h": "v", "n": 5, "t": {"x": True}, "CC": ["b.y", "nowhere"], "BCC": ["b.z"]},
            delivery_mode=2,
            priority=3,
            correlation_id="c",
            reply_to="r",
            expiration="100000",
            message_id="m",
            timestamp=2**32 + 2**31 + 7,
            type="t",
            user_id="guest",
            app_id="a",
            cluster_id="l",
        )
        monitor.copies(1)
        channel.get("q2")
        monitor.copies(1)


@feature
def trace_unroutable(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.exchange("x", "topic")
        channel.publish("nowhere", "dropped", "x")
        channel.publish("nowhere", "returned", "x", mandatory=True)
        channel.returns()
        monitor.copies(2)


@feature
def trace_by_an_alternate_exchange(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        channel.exchange("other", "fanout")
        channel.exchange("x", "direct", arguments={"alternate-exchange": "other"})
        channel.bind("q", "other")
        channel.publish("nowhere", "body", "x")
        monitor.copies(1)


@feature
def trace_bodies(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        channel.publish("q", "")
        channel.publish("q", "x" * 200_000)
        monitor.copies(2)


@feature
def trace_deliveries_and_redeliveries(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        channel.fill("q", "1", "2", "3")
        monitor.copies(3)
        channel.consume("q")
        tags = [event.tag for event in channel.deliveries(3)]
        monitor.copies(3)
        channel.send("Basic.Nack", delivery_tag=tags[-1], multiple=True, requeue=True)
        channel.deliveries(3)
        monitor.copies(3)


@feature
def trace_dead_letters(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("dead")
        arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        channel.queue("q", arguments=arguments)
        channel.publish("q", "body")
        event = channel.get("q", no_ack=False)
        channel.send("Basic.Reject", delivery_tag=event.tag, requeue=False)
        monitor.copies(2)
        channel.wait_count("dead", 1)
        monitor.copies(0)


@feature
def trace_transactions(play: Play) -> None:
    """A copy is made when the message is published, whatever becomes of the transaction."""
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        channel.call("Tx.Select")
        channel.publish("q", "rolled back")
        monitor.copies(1)
        channel.call("Tx.Rollback")
        monitor.copies(0)
        channel.publish("q", "committed")
        monitor.copies(1)
        channel.call("Tx.Commit")
        monitor.copies(0)


@feature
def trace_refused(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.publish("k", "body", "no-such-exchange")
        channel.reply()
        channel.reopen()
        channel.publish("k", "body", "amq.rabbitmq.trace")
        channel.reply()
        monitor.copies(0)


@feature
def trace_direct_replies(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("requests")
        channel.consume("amq.rabbitmq.reply-to", no_ack=True)
        channel.publish("requests", "request", reply_to="amq.rabbitmq.reply-to")
        monitor.copies(1)
        server = monitor.channel()
        request = server.get("requests")
        monitor.copies(1)
        assert request.properties is not None
        server.publish(request.properties["reply_to"], "reply")
        channel.delivery()
        monitor.copies(1)


@feature
def trace_not_of_copies(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("second")
        channel.bind("second", "amq.rabbitmq.trace", "publish.amq.fanout")
        channel.publish("", "body", "amq.fanout")
        monitor.copies(1)
        channel.wait_count("second", 1)
        with play.unrecorded():
            channel.get("second")
        monitor.copies(0)


@feature
def trace_switched_off(play: Play) -> None:
    with traced(play) as monitor:
        channel = monitor.channel()
        channel.queue("q")
        for number in range(3):
            channel.publish("q", str(number))
        monitor.copies(3)
        monitor.switch(is_on=False)
        for number in range(3):
            channel.publish("q", str(number))
        channel.settled("q")
        monitor.copies(0)
        monitor.switch(is_on=True)
        for number in range(3):
            channel.publish("q", str(number))
        monitor.copies(3)
