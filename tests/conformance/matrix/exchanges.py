"""exchange.declare and bindings: arguments of every type, odd names, declared again, unbound."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.conformance.matrix.talk import Case, Talk, Talks
from tests.conformance.matrix.values import EVERY_TYPE, EVERY_VALUE, Values, texts

KINDS = ("direct", "fanout", "topic", "headers")
ALTERNATE = "alternate-exchange"
TYPE_NAMES = (
    *("", "Direct", "DIRECT", "direct ", " direct", "direct\n", "directs", "amqp", "x-unknown"),
    *("rabbit_exchange_type_direct", "true", "none", "queue", "x" * 255, "grün", b"\xff"),
)
NAMES = {
    "empty": "",
    "amq.": "amq.",
    "amq.new": "amq.new",
    "amq": "amq",
    "AMQ.new": "AMQ.new",
    "amq.direct": "amq.direct",
    "line end before amq": "\namq.new",
    "only line ends": "\r\n",
    "amq.default": "amq.default",
}
FLAGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "durable": {"durable": True},
    "auto-delete": {"auto_delete": True},
    "internal": {"internal": True},
    "all": {"durable": True, "auto_delete": True, "internal": True},
    "other type": {"type": "fanout"},
    "unknown type": {"type": "what"},
    "other type, all": {"type": "topic", "durable": True, "internal": True},
    "passive": {"passive": True},
    "passive, unknown type": {"passive": True, "type": "what"},
    "passive, alternate wrong": {"passive": True, "arguments": {ALTERNATE: 1}},
    "durable, alternate wrong": {"durable": True, "arguments": {ALTERNATE: 1}},
    "alternate added": {"arguments": {ALTERNATE: "there"}},
    "unknown added": {"arguments": {"x-what": 1}},
}
MATCHES = texts("all", "any", "all-with-x", "any-with-x", "ALL", "none", " all")


def _declared(talk: Talk, name: str, **fields: Any) -> str:
    """Declare; after a refusal nothing may be left, after a success it is removed again."""
    fields = {"type": "direct", **fields}
    outcome = talk.ask("Exchange.Declare", exchange=name, **fields)
    if outcome != "ok":
        left = talk.ask("Exchange.Declare", exchange=name, passive=True)
        if left.startswith("404"):
            return outcome
        outcome += f"; and then: {left}"
    removed = talk.ask("Exchange.Delete", exchange=name)
    return outcome if removed == "ok" else f"{outcome}; deleted: {removed}"


def declarations() -> Iterator[Case]:
    for kind in KINDS:
        for label, value in EVERY_VALUE.items():
            play = partial(_with_arguments, kind, {ALTERNATE: value})
            yield Case(f"{kind} {ALTERNATE}", label, play)
        for label, value in EVERY_TYPE.items():
            yield Case(f"{kind} x-what", label, partial(_with_arguments, kind, {"x-what": value}))
    twice = {"wrong second": ["ae", 1], "wrong first": [1, "ae"]}
    for label, pair in twice.items():
        arguments = [(ALTERNATE, value) for value in pair]
        yield Case("direct twice", label, partial(_with_arguments, "direct", arguments))
    for type_name in TYPE_NAMES:
        for place in ("", "amq.new"):
            play = partial(_of_type, type_name, place)
            yield Case(f"type, name {place}", repr(type_name)[:20], play)
    for label, name in NAMES.items():
        for flag, fields in FLAGS.items():
            yield Case(f"name {label}", flag, partial(_named, name, fields))
        yield Case(f"delete {label}", "plain", partial(_deleted, name, {}))
        yield Case(f"delete {label}", "if-unused", partial(_deleted, name, {"if_unused": True}))


def _with_arguments(kind: str, arguments: Any, talks: Talks, name: str) -> str:
    return _declared(talks.guest, name, type=kind, arguments=arguments)


def _of_type(type_name: str | bytes, place: str, talks: Talks, name: str) -> str:
    return _declared(talks.guest, place or name, type=type_name)


def _named(name: str, fields: dict[str, Any], talks: Talks, _name: str) -> str:
    return talks.guest.ask("Exchange.Declare", exchange=name, **{"type": "direct", **fields})


def _deleted(name: str, fields: dict[str, Any], talks: Talks, _name: str) -> str:
    return talks.guest.ask("Exchange.Delete", exchange=name, **fields)


def redeclarations() -> Iterator[Case]:
    """First one way, then in every other."""
    first: dict[str, dict[str, Any]] = {
        "plain": {},
        "durable": {"durable": True},
        "auto-delete": {"auto_delete": True},
        "internal": {"internal": True},
        "alternate": {"arguments": {ALTERNATE: "here"}},
        "unknown": {"arguments": {"x-what": 1}},
    }
    for label, fields in first.items():
        for flag, second in FLAGS.items():
            yield Case(f"again {label}", flag, partial(_again, fields, second))
    for label, value in EVERY_VALUE.items():
        second = {"arguments": {ALTERNATE: value}}
        yield Case("again alternate", f"value {label}", partial(_again, first["alternate"], second))
        yield Case("again plain", f"value {label}", partial(_again, {}, second))


def _again(first: dict[str, Any], second: dict[str, Any], talks: Talks, name: str) -> str:
    talk = talks.guest
    fields = {"type": "direct", **first}
    declared = talk.ask("Exchange.Declare", exchange=name, **fields)
    if declared != "ok":
        return f"first: {declared}"
    outcome = talk.ask("Exchange.Declare", exchange=name, **{"type": "direct", **second})
    talk.ask("Exchange.Delete", exchange=name)
    return outcome


def bindings() -> Iterator[Case]:
    """queue.bind, exchange.bind and their reverse."""
    values: Values = {**EVERY_VALUE, **MATCHES}
    for kind in KINDS:
        special = values if kind == "headers" else EVERY_TYPE
        for label, value in special.items():
            arguments = {"x-match": value}
            yield Case(f"bind {kind} x-match", label, partial(_bound, kind, arguments, arguments))
        for label, value in EVERY_TYPE.items():
            arguments = {"key": value}
            yield Case(f"bind {kind} key", label, partial(_bound, kind, arguments, {}))
    for label, value in values.items():
        play = partial(_bound_to_exchange, {"x-match": value})
        yield Case("exchange.bind headers x-match", label, play)
    twice = {
        "wrong second": [("x-match", "all"), ("x-match", 1)],
        "wrong first": [("x-match", 1), ("x-match", "all")],
    }
    for label, pairs in twice.items():
        yield Case("bind headers twice", label, partial(_bound, "headers", pairs, pairs))
    places = ("", "amq.direct", "amq.headers", "no such")
    for source in places:
        for queue in ("", "own", "no such"):
            for method in ("Queue.Bind", "Queue.Unbind"):
                play = partial(_bound_between, method, source, queue)
                yield Case(method, f"{source or 'default'} to {queue or 'last'}", play)
        for destination in places:
            for method in ("Exchange.Bind", "Exchange.Unbind"):
                play = partial(_exchanges_bound, method, source, destination)
                yield Case(method, f"{source or 'default'} to {destination or 'default'}", play)


def _bound(kind: str, arguments: Any, unbinding: Any, talks: Talks, name: str) -> str:
    """Bind, and unbind with arguments that may be others. Returns: both outcomes."""
    talk = talks.guest
    talk.ask("Queue.Declare", queue=name, exclusive=True)
    fields = {"queue": name, "exchange": f"amq.{kind}", "routing_key": "k"}
    outcome = talk.ask("Queue.Bind", **fields, arguments=arguments)
    unbound = talk.ask("Queue.Unbind", **fields, arguments=unbinding)
    talk.ask("Queue.Delete", queue=name)
    return f"{outcome}; unbound: {unbound}"


def _bound_to_exchange(arguments: Any, talks: Talks, name: str) -> str:
    talk = talks.guest
    talk.ask("Exchange.Declare", exchange=name, type="fanout")
    fields = {"destination": name, "source": "amq.headers", "routing_key": "k"}
    outcome = talk.ask("Exchange.Bind", **fields, arguments=arguments)
    talk.ask("Exchange.Delete", exchange=name)
    return outcome


def _bound_between(method: str, source: str, queue: str, talks: Talks, name: str) -> str:
    """queue: "own" declares one first; "" with none declared on this channel."""
    talk = talks.guest
    talk.fresh()
    if queue == "own":
        talk.ask("Queue.Declare", queue=name, exclusive=True)
        queue = name
    outcomes = [
        talk.ask(method, exchange=source, queue=queue, routing_key=key, arguments=arguments)
        for key in ("", "k")
        for arguments in ({}, {"x-match": 1})
    ]
    talk.ask("Queue.Delete", queue=name)
    return "; ".join(outcomes)


def _exchanges_bound(method: str, source: str, destination: str, talks: Talks, _name: str) -> str:
    fields = {"source": source, "destination": destination, "routing_key": "matrix"}
    outcome = talks.guest.ask(method, **fields)
    talks.guest.ask("Exchange.Unbind", **fields)
    return outcome
