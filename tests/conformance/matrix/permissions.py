"""What each of the eight combinations of permissions may do, and what is checked before what."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.conformance.fixtures import COMBINATIONS
from tests.conformance.matrix.talk import Case, Talk, Talks

Call = tuple[str, dict[str, Any]]

REPLY_TO = "amq.rabbitmq.reply-to"
DLX, AE = "x-dead-letter-exchange", "alternate-exchange"
# Where things are: {q} a queue, {x} an exchange, {i} an internal one, {l} a queue that is locked
# by another connection, {n} nothing yet.
PLACES = "qxiln"


def _queue(name: str, **arguments: Any) -> dict[str, Any]:
    return {
        "queue": name,
        "arguments": {key.replace("_", "-"): arguments[key] for key in arguments},
    }


CALLS: dict[str, Call] = {
    "declare": ("Queue.Declare", _queue("{n}")),
    "declare there": ("Queue.Declare", _queue("{q}")),
    "declare other": ("Queue.Declare", _queue("{q}", x_expires=1000)),
    "declare passive": ("Queue.Declare", {"queue": "{q}", "passive": True}),
    "declare passive nothing": ("Queue.Declare", {"queue": "{n}", "passive": True}),
    "declare passive locked": ("Queue.Declare", {"queue": "{l}", "passive": True}),
    "declare locked": ("Queue.Declare", {"queue": "{l}"}),
    "declare server-named": ("Queue.Declare", {"queue": "", "exclusive": True}),
    "declare server-named quorum": ("Queue.Declare", _queue("", x_queue_type="quorum")),
    "declare reserved": ("Queue.Declare", {"queue": "amq.matrix"}),
    "declare wrong": ("Queue.Declare", _queue("{n}", x_expires=-1)),
    "declare type wrong": ("Queue.Declare", _queue("{n}", x_queue_type="what")),
    "declare dlx": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="{x}")),
    "declare dlx nothing": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="{n}")),
    "declare dlx default": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="")),
    "declare dlx internal": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="{i}")),
    "declare dlx wrong": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange=1)),
    "declare dlx, wrong": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="", x_expires=-1)),
    "declare dlx there": ("Queue.Declare", _queue("{q}", x_dead_letter_exchange="{x}")),
    "declare dlx line end": ("Queue.Declare", _queue("{n}", x_dead_letter_exchange="{x}\n")),
    "declare replies": ("Queue.Declare", {"queue": REPLY_TO}),
    "declare line end": ("Queue.Declare", {"queue": "{n}\r\n"}),
    "delete": ("Queue.Delete", {"queue": "{q}"}),
    "delete nothing": ("Queue.Delete", {"queue": "{n}"}),
    "delete locked": ("Queue.Delete", {"queue": "{l}"}),
    "delete replies": ("Queue.Delete", {"queue": REPLY_TO}),
    "purge": ("Queue.Purge", {"queue": "{q}"}),
    "purge nothing": ("Queue.Purge", {"queue": "{n}"}),
    "purge locked": ("Queue.Purge", {"queue": "{l}"}),
    "get": ("Basic.Get", {"queue": "{q}"}),
    "get nothing": ("Basic.Get", {"queue": "{n}"}),
    "get locked": ("Basic.Get", {"queue": "{l}"}),
    "get last": ("Basic.Get", {"queue": ""}),
    "consume": ("Basic.Consume", {"queue": "{q}"}),
    "consume nothing": ("Basic.Consume", {"queue": "{n}"}),
    "consume locked": ("Basic.Consume", {"queue": "{l}"}),
    "consume wrong": ("Basic.Consume", _queue("{q}", x_priority="a")),
    "consume replies": ("Basic.Consume", {"queue": REPLY_TO, "no_ack": True}),
    "bind": ("Queue.Bind", {"queue": "{q}", "exchange": "{x}"}),
    "bind internal": ("Queue.Bind", {"queue": "{q}", "exchange": "{i}"}),
    "bind default": ("Queue.Bind", {"queue": "{q}", "exchange": ""}),
    "bind nothing": ("Queue.Bind", {"queue": "{n}", "exchange": "{x}"}),
    "bind to nothing": ("Queue.Bind", {"queue": "{q}", "exchange": "{n}"}),
    "bind locked": ("Queue.Bind", {"queue": "{l}", "exchange": "{x}"}),
    "bind wrong": (
        "Queue.Bind",
        {"queue": "{q}", "exchange": "amq.headers", "arguments": {"x-match": 1}},
    ),
    "bind line end": ("Queue.Bind", {"queue": "{q}\n", "exchange": "{x}\r"}),
    "unbind": ("Queue.Unbind", {"queue": "{q}", "exchange": "{x}"}),
    "unbind default": ("Queue.Unbind", {"queue": "{q}", "exchange": ""}),
    "unbind nothing": ("Queue.Unbind", {"queue": "{n}", "exchange": "{x}"}),
    "unbind from nothing": ("Queue.Unbind", {"queue": "{q}", "exchange": "{n}"}),
    "unbind locked": ("Queue.Unbind", {"queue": "{l}", "exchange": "{x}"}),
    "exchange.declare": ("Exchange.Declare", {"exchange": "{n}"}),
    "exchange.declare there": ("Exchange.Declare", {"exchange": "{x}"}),
    "exchange.declare other": ("Exchange.Declare", {"exchange": "{x}", "durable": True}),
    "exchange.declare passive": ("Exchange.Declare", {"exchange": "{x}", "passive": True}),
    "exchange.declare passive nothing": ("Exchange.Declare", {"exchange": "{n}", "passive": True}),
    "exchange.declare default": ("Exchange.Declare", {"exchange": ""}),
    "exchange.declare reserved": ("Exchange.Declare", {"exchange": "amq.matrix"}),
    "exchange.declare amq.direct": ("Exchange.Declare", {"exchange": "amq.direct"}),
    "exchange.declare type wrong": ("Exchange.Declare", {"exchange": "{n}", "type": "x-nope"}),
    "exchange.declare ae": ("Exchange.Declare", {"exchange": "{n}", "arguments": {AE: "{x}"}}),
    "exchange.declare ae nothing": (
        "Exchange.Declare",
        {"exchange": "{n}", "arguments": {AE: "{q}"}},
    ),
    "exchange.declare ae default": ("Exchange.Declare", {"exchange": "{n}", "arguments": {AE: ""}}),
    "exchange.declare ae wrong": ("Exchange.Declare", {"exchange": "{n}", "arguments": {AE: 1}}),
    "exchange.declare ae reserved": (
        "Exchange.Declare",
        {"exchange": "amq.matrix", "arguments": {AE: 1}},
    ),
    "exchange.declare ae there": (
        "Exchange.Declare",
        {"exchange": "{x}", "arguments": {AE: "{x}"}},
    ),
    "exchange.delete": ("Exchange.Delete", {"exchange": "{x}"}),
    "exchange.delete nothing": ("Exchange.Delete", {"exchange": "{n}"}),
    "exchange.delete default": ("Exchange.Delete", {"exchange": ""}),
    "exchange.delete amq.direct": ("Exchange.Delete", {"exchange": "amq.direct"}),
    "exchange.bind": ("Exchange.Bind", {"source": "{x}", "destination": "{i}"}),
    "exchange.bind from default": ("Exchange.Bind", {"source": "", "destination": "{i}"}),
    "exchange.bind to default": ("Exchange.Bind", {"source": "{x}", "destination": ""}),
    "exchange.bind nothing": ("Exchange.Bind", {"source": "{n}", "destination": "{i}"}),
    "exchange.bind to nothing": ("Exchange.Bind", {"source": "{x}", "destination": "{n}"}),
    "exchange.unbind": ("Exchange.Unbind", {"source": "{x}", "destination": "{i}"}),
    "exchange.unbind nothing": ("Exchange.Unbind", {"source": "{n}", "destination": "{n}"}),
    "qos": ("Basic.Qos", {"prefetch_count": 1}),
    "tx": ("Tx.Select", {}),
}
PUBLISHES: dict[str, tuple[str, dict[str, Any]]] = {
    "exchange": ("{x}", {}),
    "default": ("", {}),
    "amq.default": ("amq.default", {}),
    "nothing": ("{n}", {}),
    "internal": ("{i}", {}),
    "line end": ("{x}\n", {}),
    "amq.topic": ("amq.topic", {}),
    "immediate": ("{x}", {"immediate": True}),
    "user wrong": ("{x}", {"user_id": "other"}),
    "expiration wrong": ("{x}", {"expiration": "x"}),
    "nothing, user wrong": ("{n}", {"user_id": "other"}),
    "replies": ("{x}", {"reply_to": REPLY_TO}),
    "CC wrong": ("{x}", {"headers": {"CC": 1}}),
}


def permissions() -> Iterator[Case]:
    for user in COMBINATIONS:
        for label, call in CALLS.items():
            yield Case(label, user, partial(_called, user, call))
        for label, (exchange, properties) in PUBLISHES.items():
            play = partial(_published, user, exchange, properties)
            yield Case(f"publish {label}", user, play)


class Stage:
    """The things a case is about: declared by guest, removed at the end."""

    def __init__(self, talks: Talks, name: str):
        self.guest = talks.guest
        self.names = {f"{{{place}}}": f"{name}-{place}" for place in PLACES}

    def __enter__(self) -> Stage:
        guest, names = self.guest, self.names
        guest.ask("Queue.Declare", queue=names["{q}"])
        guest.ask("Queue.Declare", queue=names["{l}"], exclusive=True)
        guest.ask("Exchange.Declare", exchange=names["{x}"], type="direct")
        guest.ask("Exchange.Declare", exchange=names["{i}"], type="direct", internal=True)
        return self

    def __exit__(self, *_: object) -> None:
        for name in self.names.values():
            self.guest.ask("Queue.Delete", queue=name)
            self.guest.ask("Exchange.Delete", exchange=name)

    def filled(self, value: Any) -> Any:
        """With the names in their places."""
        if isinstance(value, dict):
            return {key: self.filled(inner) for key, inner in value.items()}
        if isinstance(value, str):
            for place, name in self.names.items():
                value = value.replace(place, name)
        return value


def _called(user: str, call: Call, talks: Talks, name: str) -> str:
    method, fields = call
    if method == "Exchange.Declare":
        fields = {"type": "direct", **fields}
    with Stage(talks, name) as stage:
        talk = _talk(talks, user)
        outcome = talk.ask(method, **stage.filled(fields))
        talk.fresh()
    return outcome


def _published(
    user: str, exchange: str, properties: dict[str, Any], talks: Talks, name: str
) -> str:
    with Stage(talks, name) as stage:
        talk = _talk(talks, user)

        def publish(channel: Any) -> None:
            channel.publish("k", "x", stage.filled(exchange), **properties)
            channel.send("Exchange.Declare", exchange="amq.direct", passive=True)

        return talk.heard(publish)


def _talk(talks: Talks, user: str) -> Talk:
    talk = talks[user]
    talk.fresh()
    return talk
