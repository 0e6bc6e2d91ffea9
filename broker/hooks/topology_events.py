"""Events of queues, exchanges, bindings and vhosts.

RabbitMQ's order is kept where it has one: what goes along with a queue is told before the queue,
what goes along with an exchange after it. Who deletes a queue has not deleted its bindings: that
was the broker.
"""

from __future__ import annotations

from collections.abc import Iterator

from broker.amqp.erlang import Atom, flat
from broker.amqp.wire import decode_table
from broker.commands import INTERNAL_USER, AddVhost, Command, DeleteQueue, DeleteVhost
from broker.exchanges.exchange import Exchange
from broker.hooks.events import (
    ACTOR,
    Context,
    Events,
    Facts,
    Noted,
    Pairs,
    Resource,
    Told,
    arguments_of,
    parameter,
)
from broker.queues.queue import Queue
from broker.vhost import VHost

PREDECLARED = (
    "",
    "amq.direct",
    "amq.topic",
    "amq.match",
    "amq.headers",
    "amq.fanout",
    "amq.rabbitmq.trace",
)


def topology(context: Context, command: Command, noted: list[Noted]) -> Iterator[Told]:
    """Everything that has come or gone by a command."""
    along = INTERNAL_USER if isinstance(command, (DeleteQueue, DeleteVhost)) else ""
    exchange_actor = INTERNAL_USER if isinstance(command, DeleteQueue) else ""
    left = {change.key for change in noted if change.kind == "exchange"}
    queue: Told | None = None  # told when what goes along with it has been
    for change in noted:
        if change.kind == "queue":
            if queue is not None:
                yield queue
            queue = _queue(context, change)
        elif change.kind == "exchange" and change.key in left:
            left.discard(change.key)
            yield _exchange(context, change, exchange_actor)
        elif change.kind == "binding":
            source = change.key[:2]
            if source in left:  # it goes along with its source
                left.discard(source)
                yield _exchange(context, Noted("exchange", source, False), exchange_actor)
            yield _binding(change, along)
    if queue is not None:
        yield queue


def _queue(context: Context, change: Noted) -> Told:
    vhost, name = change.key
    if not change.is_there:
        return Told("queue.deleted", [("name", Resource(name, vhost))])
    queue = context.definitions.vhosts[vhost].queues[name]
    return Told("queue.created", _queue_facts(context.events, queue))


def _queue_facts(events: Events, queue: Queue) -> Facts:
    """They differ by type, as with RabbitMQ."""
    facts: Pairs = [
        ("name", Resource(queue.name, queue.vhost)),
        ("durable", queue.durable),
        ("auto_delete", queue.auto_delete),
    ]
    arguments = ("arguments", arguments_of(queue.arguments))
    if queue.type_name == "classic":
        owner = events.pid(queue.owner) if queue.owner else ""
        return [*facts, arguments, ("owner_pid", owner), ("exclusive", bool(queue.owner))]
    kind = ("type", erlang_type(queue))
    if queue.type_name == "stream":
        return [*facts, arguments, kind]
    return [*facts, ("exclusive", False), kind, arguments]


def erlang_type(queue: Queue) -> str:
    """A queue's type by the name of RabbitMQ's module."""
    return f"rabbit_{queue.type_name}_queue"


def _exchange(context: Context, change: Noted, actor: str) -> Told:
    vhost, name = change.key
    if not change.is_there:
        return Told("exchange.deleted", [("name", Resource(name, vhost))], actor)
    exchange = context.definitions.vhosts[vhost].exchanges[name]
    return Told("exchange.created", _exchange_facts(exchange))


def _exchange_facts(exchange: Exchange) -> Facts:
    policy = exchange.applied.policy if exchange.applied is not None else None
    return [
        ("name", Resource(exchange.name, exchange.vhost)),
        ("type", exchange.type_name),
        ("durable", exchange.durable),
        ("auto_delete", exchange.auto_delete),
        ("internal", exchange.internal),
        ("arguments", arguments_of(exchange.arguments)),
        ("policy", policy.name if policy is not None else ""),
    ]


def _binding(change: Noted, along: str) -> Told:
    vhost, source, kind, destination, routing_key, arguments = change.key
    facts = [
        ("source_name", source),
        ("source_kind", "exchange"),
        ("destination_name", destination),
        ("destination_kind", kind),
        ("routing_key", routing_key),
        ("arguments", arguments_of(decode_table(arguments, 0)[0] if arguments else {})),
        ("vhost", vhost),
    ]
    if change.is_there:
        return Told("binding.created", facts)
    return Told("binding.deleted", facts, along)


def vhost_put(context: Context, command: AddVhost, noted: list[Noted]) -> Iterator[Told]:
    """A new vhost with what every one has, or other metadata of one."""
    for change in noted:
        vhost = context.definitions.vhosts[command.name]
        facts = _vhost_facts(vhost, context.events.node)
        if change.before is not None:
            yield Told("vhost.updated", facts)
            continue
        for name in PREDECLARED:
            yield Told("exchange.created", _exchange_facts(vhost.exchanges[name]))
        yield Told("vhost.created", facts)


def _vhost_facts(vhost: VHost, node: str) -> Facts:
    metadata: dict[str, object] = {Atom("description"): vhost.description}
    if vhost.default_queue_type:
        metadata[Atom("default_queue_type")] = vhost.default_queue_type
    metadata[Atom("tags")] = [Atom(tag) for tag in vhost.tags]
    return [
        ("name", vhost.name),
        ("default_queue_type", vhost.default_queue_type or "undefined"),
        ("metadata", flat(dict(sorted(metadata.items())))),
        ("tracing", vhost.is_traced),
        ("cluster_state", {node: "running"}),
        ("user_who_performed_action", ACTOR),
        ("description", vhost.description),
        ("tags", list(vhost.tags)),
    ]


def vhost_gone(context: Context, command: DeleteVhost, noted: list[Noted]) -> Iterator[Told]:
    """A vhost, and everything in it."""
    for change in noted:
        if change.kind == "permissions":
            user, vhost = change.key
            yield Told("permission.deleted", [("user", user), ("vhost", vhost)])
    yield from topology(context, command, noted)
    for name in PREDECLARED:
        yield Told("exchange.deleted", [("name", Resource(name, command.name))])
    yield Told("vhost.deleted", [("name", command.name)])
    for change in noted:
        if change.kind == "parameter":
            _, component, name = change.key
            yield Told("parameter.cleared", parameter(command.name, component, name))
    down = [("name", command.name), ("node", context.events.node)]
    yield Told("vhost.down", down, INTERNAL_USER)
