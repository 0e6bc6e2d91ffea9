"""Every method of basic, tx, confirm and channel in every state of a channel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from tests.conformance.matrix.talk import Case, Talk, Talks
from tests.conformance.wire_codec import Tagged

Call = tuple[str, dict[str, Any]]

SILENT = {"Basic.Ack", "Basic.Nack", "Basic.Reject", "Basic.RecoverAsync"}

# What is said before; {q}: a queue with three messages.
STATES: dict[str, list[Call]] = {
    "plain": [],
    "got three": [("Basic.Get", {"queue": "{q}"})] * 3,
    "got one, acked": [
        ("Basic.Get", {"queue": "{q}"}),
        ("Basic.Ack", {"delivery_tag": 1}),
    ],
    "got without ack": [("Basic.Get", {"queue": "{q}", "no_ack": True})],
    "consumer": [("Basic.Consume", {"queue": "{q}", "consumer_tag": "c"})],
    "reply consumer": [
        ("Basic.Consume", {"queue": "amq.rabbitmq.reply-to", "consumer_tag": "c", "no_ack": True})
    ],
    "tx": [("Tx.Select", {})],
    "tx, got three": [("Tx.Select", {}), *[("Basic.Get", {"queue": "{q}"})] * 3],
    "tx, acked": [
        ("Tx.Select", {}),
        ("Basic.Get", {"queue": "{q}"}),
        ("Basic.Ack", {"delivery_tag": 1}),
    ],
    "confirm": [("Confirm.Select", {})],
    "prefetch": [("Basic.Qos", {"prefetch_count": 2})],
    "global prefetch": [("Basic.Qos", {"prefetch_count": 2, "global_": True})],
    "declared": [("Queue.Declare", {"queue": "{q}", "passive": True})],
}


def _settlements() -> Iterator[tuple[str, Call]]:
    for tag in (0, 1, 2, 3, 4, 2**32, 2**63, 2**64 - 1):
        for multiple in (False, True):
            label = f"{tag}{' multiple' if multiple else ''}"
            yield f"ack {label}", ("Basic.Ack", {"delivery_tag": tag, "multiple": multiple})
            for requeue in (False, True):
                fields = {"delivery_tag": tag, "multiple": multiple, "requeue": requeue}
                yield f"nack {label}{' requeue' if requeue else ''}", ("Basic.Nack", fields)
        for requeue in (False, True):
            fields = {"delivery_tag": tag, "requeue": requeue}
            yield f"reject {tag}{' requeue' if requeue else ''}", ("Basic.Reject", fields)


CALLS: dict[str, Call] = {
    **dict(_settlements()),
    "recover": ("Basic.Recover", {"requeue": True}),
    "recover without requeue": ("Basic.Recover", {"requeue": False}),
    "recover-async": ("Basic.RecoverAsync", {"requeue": True}),
    "recover-async without requeue": ("Basic.RecoverAsync", {"requeue": False}),
    "qos": ("Basic.Qos", {"prefetch_count": 1}),
    "qos largest": ("Basic.Qos", {"prefetch_count": 65535}),
    "qos global": ("Basic.Qos", {"prefetch_count": 1, "global_": True}),
    "qos none": ("Basic.Qos", {}),
    "qos none, global": ("Basic.Qos", {"global_": True}),
    "qos size": ("Basic.Qos", {"prefetch_size": 1}),
    "qos largest size": ("Basic.Qos", {"prefetch_size": 2**32 - 1, "global_": True}),
    "tx.select": ("Tx.Select", {}),
    "tx.commit": ("Tx.Commit", {}),
    "tx.rollback": ("Tx.Rollback", {}),
    "confirm.select": ("Confirm.Select", {}),
    "flow on": ("Channel.Flow", {"active": True}),
    "flow off": ("Channel.Flow", {"active": False}),
    "channel.open": ("Channel.Open", {}),
    "access.request": ("Access.Request", {"realm": "/data"}),
    "cancel": ("Basic.Cancel", {"consumer_tag": "c"}),
    "cancel unknown": ("Basic.Cancel", {"consumer_tag": "what"}),
    "cancel empty": ("Basic.Cancel", {"consumer_tag": ""}),
    "consume the tag again": ("Basic.Consume", {"queue": "{q}", "consumer_tag": "c"}),
    "consume the tag again, no such queue": (
        "Basic.Consume",
        {"queue": "no such", "consumer_tag": "c"},
    ),
    "consume last queue": ("Basic.Consume", {"queue": "", "consumer_tag": "other"}),
    "consume replies": (
        "Basic.Consume",
        {"queue": "amq.rabbitmq.reply-to", "consumer_tag": "r", "no_ack": True},
    ),
    "consume replies with acks": (
        "Basic.Consume",
        {"queue": "amq.rabbitmq.reply-to", "consumer_tag": "c"},
    ),
    "consume replies, odd arguments": (
        "Basic.Consume",
        {"queue": "amq.rabbitmq.reply-to", "no_ack": True, "arguments": {"x-priority": "a"}},
    ),
    "get last queue": ("Basic.Get", {"queue": ""}),
    "get replies": ("Basic.Get", {"queue": "amq.rabbitmq.reply-to"}),
    "purge last queue": ("Queue.Purge", {"queue": ""}),
    "delete replies": ("Queue.Delete", {"queue": "amq.rabbitmq.reply-to"}),
    "declare last queue": ("Queue.Declare", {"queue": "", "passive": True}),
    "declare replies": ("Queue.Declare", {"queue": "amq.rabbitmq.reply-to"}),
    "declare replies of nobody": ("Queue.Declare", {"queue": "amq.rabbitmq.reply-to.what"}),
    "declare replies, odd arguments": (
        "Queue.Declare",
        {"queue": "amq.rabbitmq.reply-to", "arguments": {"x-expires": Tagged("l", -1)}},
    ),
    "credit": ("Basic.Credit", {"consumer_tag": "c", "credit": 1}),
    "credit unknown": ("Basic.Credit", {"consumer_tag": "what", "credit": 1}),
    "connection.open on a channel": ("Connection.Open", {"virtual_host": "/"}),
    "deliver from a client": ("Basic.CancelOk", {"consumer_tag": "c"}),
    "queue.declare-ok from a client": ("Queue.DeclareOk", {"queue": "{q}"}),
}


def calls() -> Iterator[Case]:
    for state, before in STATES.items():
        for label, call in CALLS.items():
            yield Case(state, label, partial(_called, before, call))


def _called(before: list[Call], call: Call, talks: Talks, name: str) -> str:
    talk = talks.guest
    talk.ask("Queue.Declare", queue=name)
    for body in "123":
        talk.channel.publish(name, body)
    talk.ask("Queue.Declare", queue=name, passive=True)
    talk.fresh()
    for earlier in before:
        outcome = _say(talk, earlier, name)
        if outcome not in ("ok", "Basic.GetOk"):
            return f"before: {outcome}"
    outcome = _say(talk, call, name)
    talk.fresh()
    talk.ask("Queue.Delete", queue=name)
    return outcome


def _say(talk: Talk, call: Call, queue: str) -> str:
    method, fields = call
    given = {key: queue if value == "{q}" else value for key, value in fields.items()}
    if method in SILENT or method.endswith("Ok"):
        return talk.tell(method, **given)
    return talk.ask(method, **given)
