"""What each kind of queue can be used for, in each state: deleted, consumed, got from, purged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

from tests.conformance.matrix.talk import Case, Talk, Talks

KINDS: dict[str, dict[str, Any]] = {
    "classic": {},
    "classic single": {"x-single-active-consumer": True},
    "classic priority": {"x-max-priority": 3},
    "classic lazy": {"x-queue-mode": "lazy"},
    "quorum": {"x-queue-type": "quorum"},
    "quorum single": {"x-queue-type": "quorum", "x-single-active-consumer": True},
}
STATES = ("empty", "filled", "consumed", "consumed exclusively", "unacked")
CONSUME = "Basic.Consume"
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "delete": ("Queue.Delete", {}),
    "delete if-unused": ("Queue.Delete", {"if_unused": True}),
    "delete if-empty": ("Queue.Delete", {"if_empty": True}),
    "delete if both": ("Queue.Delete", {"if_unused": True, "if_empty": True}),
    "purge": ("Queue.Purge", {}),
    "get": ("Basic.Get", {}),
    "get without ack": ("Basic.Get", {"no_ack": True}),
    "consume": (CONSUME, {"consumer_tag": "another"}),
    "consume without ack": (CONSUME, {"consumer_tag": "another", "no_ack": True}),
    "consume exclusively": (CONSUME, {"consumer_tag": "another", "exclusive": True}),
    "consume by priority": (CONSUME, {"consumer_tag": "another", "arguments": {"x-priority": 1}}),
}


def using() -> Iterator[Case]:
    for (kind, arguments), state in product(KINDS.items(), STATES):
        for label, call in CALLS.items():
            yield Case(f"{kind}, {state}", label, partial(_used, arguments, state, (), call))
        before = ("Basic.Qos", {"prefetch_count": 1, "global_": True})
        play = partial(_used, arguments, state, (before,), CALLS["consume"])
        yield Case(f"{kind}, {state}", "consume with global qos", play)
    for bound, if_unused in product((None, "queue", "exchange", "from"), (False, True)):
        play = partial(_exchange_deleted, bound, if_unused)
        yield Case(f"exchange.delete, bound to {bound}", f"if-unused {if_unused}", play)


def _used(
    arguments: dict[str, Any],
    state: str,
    before: tuple[tuple[str, dict[str, Any]], ...],
    call: tuple[str, dict[str, Any]],
    talks: Talks,
    name: str,
) -> str:
    """before: said on the same channel. Whoever consumes or holds does so on another connection."""
    talk, owner = talks["guest"], talks.other
    talk.fresh()
    first = talk.ask("Queue.Declare", queue=name, durable=True, arguments=arguments)
    if first != "ok":
        return f"first: {first}"
    _bring_about(owner, state, name)
    for method, fields in before:
        talk.ask(method, **fields)
    method, fields = call
    outcome = talk.ask(method, queue=name, **fields)
    talk.fresh()
    owner.fresh()
    talk.ask("Queue.Delete", queue=name)
    return outcome


def _bring_about(owner: Talk, state: str, queue: str) -> None:
    owner.fresh()
    if state in ("filled", "unacked"):
        owner.ask("Confirm.Select")
        owner.channel.publish(queue, "x")
        owner.channel.arrivals(1)
    if state == "unacked":
        owner.ask("Basic.Get", queue=queue)
    if state.startswith("consumed"):
        owner.ask(CONSUME, queue=queue, consumer_tag="c", exclusive=state.endswith("exclusively"))


def _exchange_deleted(bound: str | None, if_unused: bool, talks: Talks, name: str) -> str:
    talk = talks.guest
    talk.ask("Exchange.Declare", exchange=name, type="fanout")
    talk.ask("Queue.Declare", queue=name, exclusive=True)
    if bound == "queue":
        talk.ask("Queue.Bind", queue=name, exchange=name)
    elif bound == "exchange":
        talk.ask("Exchange.Bind", source=name, destination="amq.fanout")
    elif bound == "from":
        talk.ask("Exchange.Bind", source="amq.fanout", destination=name)
    outcome = talk.ask("Exchange.Delete", exchange=name, if_unused=if_unused)
    talk.ask("Exchange.Delete", exchange=name)
    talk.ask("Queue.Delete", queue=name)
    return outcome
