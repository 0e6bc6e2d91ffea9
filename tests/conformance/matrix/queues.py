"""queue.declare: every argument of each type of queue, alone, together, and declared again."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.conformance.matrix.talk import Case, Talks
from tests.conformance.matrix.values import EVERY_TYPE, EVERY_VALUE, Values, numbers, texts

Arguments = dict[str, Any] | list[tuple[str, Any]]

TYPES = ("classic", "quorum", "stream")
YEARS = 315_360_000_000  # ten of them, in milliseconds
MODES = texts("default", "lazy", "LAZY", "eager")
OVERFLOWS = texts("drop-head", "reject-publish", "reject-publish-dlx", "drop-tail", "Drop-Head")
LOCATORS = texts("client-local", "balanced", "random", "least-leaders", "min-masters", "min-leader")
AGES = texts(
    *("1Y", "2M", "3D", "4h", "5m", "6s", "0s", "1", "s", "1x", "1 D", "-1D", "1.5D", "1DD", "01D"),
    *("1d", "1H", "99999999999999999999Y"),
)
LENGTHS = numbers(3, 1000, 2**31, 2**32)

# What an argument is tried with beside EVERY_VALUE.
ARGUMENTS: dict[str, Values] = {
    "x-expires": numbers(1000, YEARS - 1, YEARS, YEARS + 1, 2**32),
    "x-message-ttl": numbers(1000, YEARS - 1, YEARS, YEARS + 1, 2**32),
    "x-dead-letter-exchange": texts("amq.direct", "no such"),
    "x-dead-letter-routing-key": {},
    "x-dead-letter-strategy": texts("at-most-once", "at-least-once", "AT-MOST-ONCE"),
    "x-max-length": LENGTHS,
    "x-max-length-bytes": LENGTHS,
    "x-max-in-memory-length": LENGTHS,
    "x-max-in-memory-bytes": LENGTHS,
    "x-max-priority": numbers(9, 254, 255, 256, 257),
    "x-overflow": OVERFLOWS,
    "x-queue-mode": MODES,
    "x-queue-version": numbers(3, 255),
    "x-single-active-consumer": {},
    "x-quorum-initial-group-size": numbers(3, 7),
    "x-quorum-target-group-size": numbers(3),
    "x-max-age": AGES,
    "x-stream-max-segment-size-bytes": LENGTHS,
    "x-stream-filter-size-bytes": numbers(15, 16, 255, 256),
    "x-initial-cluster-size": numbers(3),
    "x-queue-leader-locator": LOCATORS,
    "x-delivery-limit": numbers(10),
    "x-queue-master-locator": LOCATORS,
    "x-consumer-timeout": numbers(1000, 10_000, 60_000),
    "x-unknown": {},
    "X-Expires": {},
    "": {},
}
QUEUE_TYPES = {
    **EVERY_VALUE,
    **texts("classic", "quorum", "stream", "Classic", "rabbit_classic_queue", "mirrored"),
}

# Together: what depends on more than one argument, or on the properties.
DLX = {"x-dead-letter-exchange": "amq.fanout"}
KEY = {"x-dead-letter-routing-key": "k"}
COMBINATIONS: dict[str, Arguments] = {
    "key and exchange": DLX | KEY,
    "key first, exchange later": KEY | DLX,
    "key, exchange void": {**KEY, "x-dead-letter-exchange": None},
    "key wrong, exchange there": {**DLX, "x-dead-letter-routing-key": 1},
    "exchange empty, key": {"x-dead-letter-exchange": "", **KEY},
    "at-least-once without exchange": {"x-dead-letter-strategy": "at-least-once"},
    "at-least-once, drop-head": {**DLX, "x-dead-letter-strategy": "at-least-once"},
    "at-least-once, reject-publish": {
        **DLX,
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
    },
    "mode lazy, version 2": {"x-queue-mode": "lazy", "x-queue-version": 2},
    "mode default, version 1": {"x-queue-mode": "default", "x-queue-version": 1},
    "priority and lazy": {"x-max-priority": 5, "x-queue-mode": "lazy"},
    "priority and version 2": {"x-max-priority": 5, "x-queue-version": 2},
    "priority 0 and single": {"x-max-priority": 0, "x-single-active-consumer": True},
    "both locators": {
        "x-queue-leader-locator": "client-local",
        "x-queue-master-locator": "client-local",
    },
    "both locators wrong": {"x-queue-leader-locator": "x", "x-queue-master-locator": "x"},
    "limits and reject-publish-dlx": {
        **DLX,
        "x-max-length": 1,
        "x-max-length-bytes": 1,
        "x-overflow": "reject-publish-dlx",
    },
    "two wrong: later one first in the table": {"x-max-length": -1, "x-expires": -1},
    "wrong value, and of another type": {"x-max-age": "1D", "x-expires": -1, "x-delivery-limit": 1},
    "of another type, two": {
        "x-max-age": "1D",
        "x-delivery-limit": 1,
        "x-queue-mode": "lazy",
    },
    "of another type, two, turned": {
        "x-queue-mode": "lazy",
        "x-delivery-limit": 1,
        "x-max-age": "1D",
    },
    "exchange wrong type, expires wrong": {"x-dead-letter-exchange": 1, "x-expires": -1},
    "twice the same": [("x-max-length", 1), ("x-max-length", 1)],
    "twice, second wrong": [("x-max-length", 1), ("x-max-length", -1)],
    "twice, first wrong": [("x-max-length", -1), ("x-max-length", 1)],
    "twice, first wrong type": [("x-max-length", "a"), ("x-max-length", 1)],
    "unknown twice": [("x-what", 1), ("x-what", "a")],
    "exchange twice, key": [*DLX.items(), ("x-dead-letter-exchange", 1), *KEY.items()],
    "exchange twice, first wrong": [("x-dead-letter-exchange", 1), *DLX.items()],
    "type twice": [("x-queue-type", "classic"), ("x-queue-type", "stream")],
    "many unknown": {f"x-unknown-{number}": number for number in range(50)},
}
FLAGS: dict[str, dict[str, bool]] = {
    "transient": {"durable": False},
    "auto-delete": {"durable": True, "auto_delete": True},
    "exclusive": {"durable": True, "exclusive": True},
    "transient exclusive": {"durable": False, "exclusive": True},
    "transient auto-delete exclusive": {"exclusive": True, "auto_delete": True},
    "nowait": {"durable": True, "nowait": True},
}


def typed(arguments: Arguments, queue_type: str) -> list[tuple[str, Any]]:
    pairs = arguments if isinstance(arguments, list) else list(arguments.items())
    if any(name == "x-queue-type" for name, _ in pairs) and queue_type == "classic":
        return pairs
    return [("x-queue-type", queue_type), *pairs]


def _declared(talks: Talks, name: str, **fields: Any) -> str:
    """Declare; after a refusal nothing may be left, after a success it is removed again."""
    talk = talks.guest
    if fields.get("nowait"):
        outcome = talk.tell("Queue.Declare", queue=name, **fields)
    else:
        outcome = talk.ask("Queue.Declare", queue=name, **fields)
    if outcome != "ok":
        left = talk.ask("Queue.Declare", queue=name, passive=True)
        if left.startswith("404"):
            return outcome
        outcome += f"; and then: {left}"
    removed = talk.ask("Queue.Delete", queue=name)
    return outcome if removed == "ok" else f"{outcome}; deleted: {removed}"


def declarations(queue_type: str) -> Iterator[Case]:
    """Each argument with each value; then what depends on more than that."""
    for argument, special in ARGUMENTS.items():
        for label, value in {**EVERY_VALUE, **special}.items():
            arguments = typed({argument: value}, queue_type)
            if argument == "x-dead-letter-routing-key":
                arguments += DLX.items()
            play = partial(_declare_with, arguments, {})
            yield Case(f"{queue_type} {argument}", label, play, argument)
    for label, together in COMBINATIONS.items():
        play = partial(_declare_with, typed(together, queue_type), {})
        yield Case(queue_type, label, play)
    for label, value in EVERY_TYPE.items():
        arguments = typed({"x-dead-letter-routing-key": value}, queue_type)
        yield Case(f"{queue_type} key alone", label, partial(_declare_with, arguments, {}))
    for label, flags in FLAGS.items():
        yield Case(queue_type, label, partial(_declare_with, typed({}, queue_type), flags))
        wrong = typed({"x-expires": -1}, queue_type)
        yield Case(queue_type, f"{label}, expires wrong", partial(_declare_with, wrong, flags))
    yield Case(queue_type, "server-named", partial(_server_named, queue_type))


def types() -> Iterator[Case]:
    for label, value in QUEUE_TYPES.items():
        yield Case("x-queue-type", label, partial(_declare_with, {"x-queue-type": value}, {}))


def _declare_with(arguments: Arguments, flags: dict[str, bool], talks: Talks, name: str) -> str:
    is_classic = dict(arguments).get("x-queue-type") == "classic"
    flags = {"durable": not is_classic, **flags}  # a transient one is quicker
    return _declared(talks, name, arguments=arguments, **flags)


def _server_named(queue_type: str, talks: Talks, _name: str) -> str:
    fields = {"durable": True, "exclusive": True, "arguments": typed({}, queue_type)}
    return talks.guest.ask("Queue.Declare", queue="", **fields)


# Declared again: per argument a value that is fine, and what else it is declared with.
FIRST: dict[str, tuple[Any, dict[str, Any]]] = {
    "x-expires": (600_000, numbers(600_000, 600_001)),
    "x-message-ttl": (5000, numbers(5000, 5001)),
    "x-dead-letter-exchange": ("here", texts("here", "there", "HERE")),
    "x-max-length": (1, numbers(1, 2)),
    "x-max-length-bytes": (1, numbers(1, 2)),
    "x-max-in-memory-length": (1, numbers(1, 2)),
    "x-max-in-memory-bytes": (1, numbers(1, 2)),
    "x-max-priority": (1, numbers(1, 2)),
    "x-dead-letter-strategy": ("at-most-once", texts("at-most-once", "at-least-once")),
    "x-overflow": ("drop-head", OVERFLOWS),
    "x-queue-mode": ("default", MODES),
    "x-queue-version": (1, numbers(1, 2)),
    "x-single-active-consumer": (True, {}),
    "x-quorum-initial-group-size": (1, numbers(1, 3)),
    "x-queue-leader-locator": ("client-local", LOCATORS),
    "x-delivery-limit": (1, numbers(1, 2)),
    "x-queue-master-locator": ("client-local", LOCATORS),
    "x-unknown": (1, numbers(1, 2)),
}
ABSENT = object()
AGAIN: Values = {"absent": ABSENT, **EVERY_VALUE}


class Redeclaring:
    """The cases of one argument share the queue that the first of them declares."""

    def __init__(self, argument: str, first: Any, queue_type: str):
        self.argument = argument
        self.first = first
        self.queue_type = queue_type
        self.queue = ""

    def _arguments(self, value: Any) -> list[tuple[str, Any]]:
        return typed({} if value is ABSENT else {self.argument: value}, self.queue_type)

    def play(self, value: Any, talks: Talks, name: str) -> str:
        talk = talks.guest
        if not self.queue:
            self.queue = name
            talk.ask("Queue.Delete", queue=name)
            arguments = self._arguments(self.first)
            first = talk.ask("Queue.Declare", queue=name, durable=True, arguments=arguments)
            if first != "ok":
                return f"first: {first}"
        outcome = talk.ask(
            "Queue.Declare", queue=self.queue, durable=True, arguments=self._arguments(value)
        )
        return outcome.replace(self.queue, name)

    def last(self, talks: Talks, _name: str) -> str:
        outcome = talks.guest.ask("Queue.Delete", queue=self.queue)
        self.queue = ""
        return outcome


def redeclarations() -> Iterator[Case]:
    """With an argument first, then with it in every form; without first, then with."""
    for queue_type in ("classic", "quorum"):
        for argument, (first, special) in FIRST.items():
            yield from _again(f"{queue_type} {argument}", argument, first, special, queue_type)
            only = {label: AGAIN[label] for label in ("absent", *EVERY_TYPE)}
            yield from _again(
                f"{queue_type} {argument} added", argument, ABSENT, special, queue_type, only
            )
    yield from _again("x-queue-type", "x-queue-type", "classic", QUEUE_TYPES, "classic")
    yield from _again("x-queue-type added", "x-queue-type", ABSENT, QUEUE_TYPES, "classic")
    yield from _again("quorum x-queue-type", "x-queue-type", ABSENT, QUEUE_TYPES, "quorum")
    for label, value in EVERY_TYPE.items():
        # Of two odd forms of an argument that nobody checks, which are the same?
        if label[0] not in "xF":
            yield from _again(f"delivery-limit {label}", "x-delivery-limit", value, {}, "quorum")


def _again(
    label: str,
    argument: str,
    first: Any,
    special: Values,
    queue_type: str,
    values: Values = AGAIN,
) -> Iterator[Case]:
    shared = Redeclaring(argument, first, queue_type)
    for variant, value in {**values, **special}.items():
        yield Case(f"{label} again", variant, partial(shared.play, value), argument)
    yield Case(f"{label} again", "deleted", shared.last)
