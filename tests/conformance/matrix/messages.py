"""basic.consume's arguments; what a published message's properties may be, and what becomes of
the x-death that a client makes up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.conformance.matrix.talk import Case, Talk, Talks
from tests.conformance.matrix.values import EVERY_TYPE, EVERY_VALUE, Values, numbers, texts
from tests.conformance.wire_client import Channel, EndedError
from tests.conformance.wire_codec import Tagged

OFFSETS = texts("first", "last", "next", "FIRST", "7D", "5h", "-1", "0")
CREDITS: Values = {
    "F:credit": {"credit": Tagged("l", 5), "drain": False},
    "F:credit, drain": {"credit": Tagged("l", 5), "drain": True},
    "F:no drain": {"credit": Tagged("l", 5)},
    "F:no credit": {"drain": False},
    "F:credit wrong": {"credit": "5", "drain": False},
    "F:drain wrong": {"credit": Tagged("l", 5), "drain": 1},
    "F:negative": {"credit": Tagged("l", -1), "drain": False},
    "F:int": {"credit": 5, "drain": False},
}
CONSUMER: dict[str, Values] = {
    "x-priority": {**EVERY_VALUE, **numbers(10, -10, 2**40)},
    "x-cancel-on-ha-failover": EVERY_VALUE,
    "x-stream-offset": {**EVERY_TYPE, **OFFSETS},
    "x-stream-filter": {**EVERY_TYPE, "A:texts": ["a", "b"]},
    "x-stream-match-unfiltered": EVERY_TYPE,
    "x-credit": {**EVERY_TYPE, **CREDITS},
    "x-consumer-timeout": EVERY_TYPE,
    "x-unknown": EVERY_TYPE,
}
CONSUME_FLAGS: dict[str, dict[str, Any]] = {
    "exclusive": {"exclusive": True},
    "no-local": {"no_local": True},
    "no-ack": {"no_ack": True},
    "exclusive, priority": {"exclusive": True, "arguments": {"x-priority": 5}},
    "exclusive, priority wrong": {"exclusive": True, "arguments": {"x-priority": "5"}},
    "two wrong": {"arguments": {"x-cancel-on-ha-failover": 1, "x-priority": "1"}},
    "two wrong, turned": {"arguments": {"x-priority": "1", "x-cancel-on-ha-failover": 1}},
    "offset and priority wrong": {"arguments": {"x-stream-offset": "last", "x-priority": "1"}},
    "priority twice": {"arguments": [("x-priority", 1), ("x-priority", "a")]},
    "priority twice, first wrong": {"arguments": [("x-priority", "a"), ("x-priority", 1)]},
}


def consuming() -> Iterator[Case]:
    for queue_type in ("classic", "quorum"):
        shared = Consumed(queue_type)
        for argument, values in CONSUMER.items():
            for label, value in values.items():
                # x-credit crashes RabbitMQ's queue: each its own
                queue = Consumed(queue_type) if argument == "x-credit" else shared
                play = partial(queue.play, {"arguments": {argument: value}})
                yield Case(f"{queue_type} {argument}", label, play, argument)
                if queue is not shared:
                    yield Case(f"{queue_type} {argument}", f"{label}, deleted", queue.last)
        for label, fields in CONSUME_FLAGS.items():
            yield Case(queue_type, label, partial(shared.play, fields))
        for label, fields in CONSUME_FLAGS.items():
            yield Case(queue_type, f"{label}, another there", partial(shared.beside, fields))
        yield Case(queue_type, "deleted", shared.last)


class Consumed:
    """The cases of one type share a queue."""

    def __init__(self, queue_type: str):
        self.queue_type = queue_type
        self.queue = ""

    def play(self, fields: dict[str, Any], talks: Talks, name: str) -> str:
        talk = talks.guest
        if not self.queue:
            self.queue = name
            arguments = {"x-queue-type": self.queue_type}
            talk.ask("Queue.Declare", queue=name, durable=True, arguments=arguments)
        outcome = talk.ask("Basic.Consume", queue=self.queue, consumer_tag="c", **fields)
        if outcome == "ok":
            outcome = talk.ask("Basic.Cancel", consumer_tag="c")
        return outcome.replace(self.queue, name)

    def beside(self, fields: dict[str, Any], talks: Talks, name: str) -> str:
        """With another consumer there."""
        other = talks.other
        other.ask("Basic.Consume", queue=self.queue, consumer_tag="first")
        outcome = self.play(fields, talks, name)
        other.ask("Basic.Cancel", consumer_tag="first")
        return outcome

    def last(self, talks: Talks, _name: str) -> str:
        return talks.guest.ask("Queue.Delete", queue=self.queue)


EXPIRATIONS = (
    *(
        "",
        "0",
        "1000",
        "-1",
        "-0",
        "+5000",
        "1 000",
        " 5",
        "5 ",
        "5.0",
        "5e3",
        "0x10",
        "abc",
        "5abc",
    ),
    *("315360000000", "315360000001", "99999999999999999999", "\u0665", "1_000", "--5", "+", "-"),
    *("5abc", "\n5", "5\n", "0005000", "9" * 255, "x" * 255, "5ü", "5\x00"),
)
ROUTING: Values = {
    **EVERY_VALUE,
    "A:nothing there": ["nowhere", "no.where"],
    "A:void": [None],
    "A:long": ["x" * 255, "y" * 256],
    "A:binary": [b"bytes"],
    "A:empty text": [""],
    "A:twice": ["nowhere", "nowhere"],
}
PROPERTIES: dict[str, Values] = {
    "expiration": {repr(text)[:30]: text for text in EXPIRATIONS},
    "delivery_mode": {str(mode): mode for mode in (0, 1, 2, 3, 4, 127, 128, 255)},
    "priority": {str(priority): priority for priority in (0, 1, 9, 10, 127, 128, 255)},
    "user_id": {"own": "guest", "other": "other", "empty": "", "case": "Guest", "utf8": "grün"},
    "reply_to": {
        "plain": "somewhere",
        "empty": "",
        "direct": "amq.rabbitmq.reply-to",
        "direct, named": "amq.rabbitmq.reply-to.g1",
        "direct, case": "amq.rabbitmq.Reply-To",
    },
    "timestamp": {str(number): number for number in (0, 1, 2**63 - 1, 2**63, 2**64 - 1)},
    "content_type": {"empty": "", "long": "x" * 255, "not utf8": b"\xff\xfe"},
    "cluster_id": {"text": "text"},
}
TWO_WRONG: dict[str, dict[str, Any]] = {
    "user and expiration": {"user_id": "other", "expiration": "x"},
    "expiration and CC": {"expiration": "x", "headers": {"CC": 1}},
    "CC and BCC": {"headers": {"CC": 1, "BCC": 2}},
    "BCC and CC": {"headers": {"BCC": 2, "CC": 1}},
    "CC and mode": {"headers": {"CC": 1}, "delivery_mode": 7},
    "direct and user": {"reply_to": "amq.rabbitmq.reply-to", "user_id": "other"},
    "direct and expiration": {"reply_to": "amq.rabbitmq.reply-to", "expiration": "x"},
    "CC twice, wrong first": {"headers": [("CC", 1), ("CC", ["a"])]},
    "CC twice, wrong second": {"headers": [("CC", ["a"]), ("CC", 1)]},
    "BCC kept from the consumer": {"headers": {"BCC": ["a"], "other": 1}},
    "BCC alone": {"headers": {"BCC": []}},
    "CC lower case": {"headers": {"cc": 1}},
}


def publishing() -> Iterator[Case]:
    for name, values in PROPERTIES.items():
        for label, value in values.items():
            yield Case(name, label, partial(_published, {name: value}, {}))
    for header in ("CC", "BCC"):
        for label, value in ROUTING.items():
            play = partial(_published, {"headers": {header: value}}, {})
            yield Case("routing header", f"{header} {label}", play)
    for label, properties in TWO_WRONG.items():
        yield Case("together", label, partial(_published, properties, {}))
        yield Case("together, in tx", label, partial(_published_in_tx, properties))
    for label, arguments in {
        "priority": {"x-max-priority": 5},
        "quorum": {"x-queue-type": "quorum"},
    }.items():
        for priority in (0, 4, 5, 6, 255):
            play = partial(_published, {"priority": priority}, arguments)
            yield Case(f"priority to {label}", str(priority), play)
        for mode in (0, 1, 2, 3, 255):
            play = partial(_published, {"delivery_mode": mode}, arguments)
            yield Case(f"mode to {label}", str(mode), play)


def _published(
    properties: dict[str, Any], arguments: dict[str, Any], talks: Talks, name: str
) -> str:
    """Publish one with confirms. Returns: what the publisher hears, and what a get shows."""
    talk = talks.guest
    talk.ask("Queue.Declare", queue=name, durable=True, arguments=arguments)
    talk.fresh()
    outcome = talk.ask("Confirm.Select")

    def publish(channel: Channel) -> None:
        channel.publish(name, "x", mandatory=True, **properties)

    if outcome == "ok":
        outcome = heard(talk, publish)
    talk.fresh()
    outcome += got(talk, name)
    talk.ask("Queue.Delete", queue=name)
    return outcome


def _published_in_tx(properties: dict[str, Any], talks: Talks, name: str) -> str:
    talk = talks.guest
    talk.ask("Queue.Declare", queue=name)
    talk.fresh()
    talk.ask("Tx.Select")

    def publish(channel: Channel) -> None:
        channel.publish(name, "x", mandatory=True, **properties)
        channel.send("Exchange.Declare", exchange="amq.direct", passive=True)

    outcome = talk.heard(publish)
    if outcome == "ok":
        outcome = f"published, committed: {talk.ask('Tx.Commit')}"
    talk.fresh()
    outcome += got(talk, name)
    talk.ask("Queue.Delete", queue=name)
    return outcome


def heard(talk: Talk, say: Any) -> str:
    """What comes of a publish with confirms: returned or not, acked, nacked or refused."""
    seen: list[str] = []

    def settled(channel: Channel) -> None:
        say(channel)
        while not seen or seen[-1] not in ("acked", "nacked"):
            event = channel.arrivals(1)[0]
            names = {"Basic.Ack": "acked", "Basic.Nack": "nacked", "Basic.Return": "returned"}
            if event.name not in names:
                place = channel if event.channel else channel.connection.zero
                place.inbox.insert(0, event)  # a close: told as every other
                return
            seen.append(names[event.name])
        channel.send("Exchange.Declare", exchange="amq.direct", passive=True)

    outcome = talk.heard(settled)
    return ", ".join(seen) if outcome == "ok" else ", ".join([*seen, outcome])


def got(talk: Talk, queue: str) -> str:
    """What a get of that queue shows, or nothing if it has none."""
    channel = talk.channel
    try:
        event = channel.call("Basic.Get", queue=queue, no_ack=True)
    except EndedError:
        return "; get ended"
    if event.name != "Basic.GetOk":
        return "; empty" if event.name == "Basic.GetEmpty" else f"; get: {event.name}"
    shown = json.dumps(event.properties, ensure_ascii=False, sort_keys=True)
    shown = re.sub(r'"time": "T \d{10}"', '"time": "T *"', shown)
    shown = re.sub(r"reply-to\.[^\"]{20,}", "reply-to.#", shown)
    return f"; got {shown[:600]}"


DEATH = {
    "reason": "rejected",
    "queue": "elsewhere",
    "exchange": "",
    "count": Tagged("l", 1),
    "time": Tagged("T", 1700000000),
    "routing-keys": ["k"],
}


def _without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in DEATH.items() if name not in names}


DEATHS: Values = {
    **EVERY_VALUE,
    "array of an empty table": [{}],
    "one": [DEATH],
    "two": [DEATH, {**DEATH, "reason": "expired"}],
    "twice the same": [DEATH, DEATH],
    "and a text": [DEATH, "text"],
    "table alone": DEATH,
    "no reason": [_without("reason")],
    "no queue": [_without("queue")],
    "no count": [_without("count")],
    "no time": [_without("time")],
    "no exchange": [_without("exchange")],
    "no routing keys": [_without("routing-keys")],
    "nothing but a count": [{"count": Tagged("l", 5)}],
    "unknown reason": [{**DEATH, "reason": "boredom"}],
    "reason wrong type": [{**DEATH, "reason": 1}],
    "queue wrong type": [{**DEATH, "queue": 1}],
    "count text": [{**DEATH, "count": "5"}],
    "count negative": [{**DEATH, "count": Tagged("l", -5)}],
    "count int": [{**DEATH, "count": 7}],
    "routing keys text": [{**DEATH, "routing-keys": "k"}],
    "extra": [{**DEATH, "extra": "field"}],
}
OWN: Values = {  # of the queue itself: is counted up
    "count": {**DEATH, "count": Tagged("l", 5)},
    "count int": {**DEATH, "count": 5},
    "count short": {**DEATH, "count": Tagged("s", 5)},
    "count huge": {**DEATH, "count": Tagged("l", 2**63 - 1)},
    "count negative": {**DEATH, "count": Tagged("l", -5)},
    "count text": {**DEATH, "count": "5"},
    "count double": {**DEATH, "count": Tagged("d", 5.0)},
    "no count": _without("count"),
    "no keys": _without("routing-keys"),
    "no time": _without("time"),
    "extra": {**DEATH, "extra": 1},
    "expired": {**DEATH, "reason": "expired"},
}
FIRST_DEATHS: dict[str, dict[str, Any]] = {
    "first queue alone": {"x-first-death-queue": "first"},
    "first queue wrong type": {"x-first-death-queue": 1},
    "all three": {
        "x-first-death-queue": "q",
        "x-first-death-reason": "r",
        "x-first-death-exchange": "e",
    },
    "delivery count": {"x-delivery-count": Tagged("l", 5)},
    "last death": {"x-last-death-queue": "q"},
}


def dying() -> Iterator[Case]:
    """Messages with odd histories are rejected in a queue that dead-letters."""
    for queue_type in ("classic", "quorum"):
        for label, value in DEATHS.items():
            play = partial(_died, queue_type, {"x-death": value}, None)
            yield Case(f"{queue_type} x-death", label, play)
        for label, value in OWN.items():
            yield Case(f"{queue_type} own", label, partial(_died, queue_type, {}, value))
        for label, headers in FIRST_DEATHS.items():
            yield Case(queue_type, label, partial(_died, queue_type, headers, None))
    for label, value in ROUTING.items():
        if label.startswith("A:"):
            yield Case("classic CC", label, partial(_died, "classic", {"CC": value}, None))


def _died(
    queue_type: str, headers: dict[str, Any], own: dict[str, Any] | None, talks: Talks, name: str
) -> str:
    """own: a death of the queue itself. Returns: what a get of the dead letter shows."""
    talk = talks.guest
    dead = f"{name}-dead"
    talk.ask("Queue.Declare", queue=dead)
    arguments = {
        "x-queue-type": queue_type,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": dead,
    }
    talk.ask("Queue.Declare", queue=name, durable=True, arguments=arguments)
    talk.fresh()
    talk.ask("Confirm.Select")
    if own is not None:
        headers = {"x-death": [{**DEATH, "queue": "other"}, {**own, "queue": name}]}
    outcome = heard(talk, lambda channel: channel.publish(name, "x", headers=headers))
    if outcome == "acked":
        talk.fresh()
        outcome = talk.ask("Basic.Get", queue=name)
        tag = talk.last().get("delivery_tag", 0)
        outcome += f", rejected: {talk.tell('Basic.Reject', delivery_tag=tag)}"
        outcome += _arrived(talk, dead)
    talk.fresh()
    for queue in (name, dead):
        talk.ask("Queue.Delete", queue=queue)
    return outcome.replace(dead, "{dead}")


def _arrived(talk: Talk, queue: str) -> str:
    """What is in the queue as soon as something is."""
    for _ in range(100):
        shown = got(talk, queue)
        if shown != "; empty":
            return shown
        talk.channel.connection.listen(0.005)
    return shown
