"""The methods of class exchange, and binding, which queue.bind shares."""

from __future__ import annotations

from broker.amqp.erlang import is_atom
from broker.amqp.errors import (
    default_exchange_operation,
    inequivalent,
    invalid_argument_type,
    reserved_name,
    resource,
    system_exchange_deletion,
    unknown_exchange_type,
)
from broker.amqp.methods import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    Method,
)
from broker.amqp.wire import Table
from broker.auth.permissions import CONFIGURE, READ, WRITE
from broker.commands import Bind, DeclareExchange, DeleteExchange, Unbind
from broker.exchanges.exchange import Binding, Exchange
from broker.exchanges.registry import find_type
from broker.queues.arguments import check_equivalent
from broker.queues.queue import Queue
from broker.session.channel import Channel
from broker.session.dispatch import handles


def stripped(name: str) -> str:
    """RabbitMQ takes line ends out of names."""
    return name.replace("\n", "").replace("\r", "")


@handles(ExchangeDeclare)
def exchange_declare(channel: Channel, command: ExchangeDeclare) -> Method | None:
    """Spec: exchange.declare. Raises: CommandInvalid (unknown type), AccessRefused, NotFound,
    PreconditionFailed (not equivalent to what exists)."""
    vhost = channel.connection.vhost
    name = stripped(command.exchange)
    if command.passive:
        if name == "":
            raise default_exchange_operation()
        vhost.find_exchange(name)
        return ExchangeDeclareOk()
    exchange_class = find_type(command.type)
    if exchange_class is None or command.type in channel.connection.node.refused_types:
        raise unknown_exchange_type(command.type, is_atom=is_atom(command.type))
    if name == "":
        raise default_exchange_operation()
    channel.require(CONFIGURE, "exchange", name)

    def reply(exchange: Exchange) -> Method | None:
        _check_same(exchange, command)  # somebody else's may have come first
        return None if command.nowait else ExchangeDeclareOk()

    existing = vhost.exchanges.get(name)
    if existing is not None:
        _check_same(existing, command)
        if not existing.durable:
            return reply(existing)
        channel.answer_when_durable(existing, reply)
        return None
    _check_new(channel, name, command)
    exchange_class.validate(command.arguments)
    channel.execute(
        DeclareExchange(
            vhost.name,
            name,
            command.type,
            command.durable,
            command.auto_delete,
            command.internal,
            command.arguments,
        ),
        reply,
    )
    return None


def _check_new(channel: Channel, name: str, command: ExchangeDeclare) -> None:
    """Raises: AccessRefused (also for the alternate exchange), PreconditionFailed."""
    if name.startswith("amq."):
        raise reserved_name("exchange", name)
    alternate = command.arguments.get("alternate-exchange")
    if alternate is None:
        return
    if alternate.tag != "S":
        what = resource("exchange", name, channel.connection.vhost.name)
        raise invalid_argument_type(alternate.type_name, "alternate-exchange", what)
    channel.require(READ, "exchange", name)
    channel.require(WRITE, "exchange", str(alternate.value))


def _check_same(existing: Exchange, command: ExchangeDeclare) -> None:
    """Raises: PreconditionFailed for the first difference, in RabbitMQ's order."""
    what = existing.resource
    pairs = (
        ("type", existing.type_name, command.type),
        ("durable", existing.durable, command.durable),
        ("auto_delete", existing.auto_delete, command.auto_delete),
        ("internal", existing.internal, command.internal),
    )
    for key, current, received in pairs:
        if current != received:
            raise inequivalent(key, what, quoted(received), quoted(current))
    check_equivalent(existing.arguments, command.arguments, ["alternate-exchange"], what)


def quoted(value: object) -> str:
    """A flag or a name as the 406 texts print it."""
    return f"'{str(value).lower() if isinstance(value, bool) else value}'"


@handles(ExchangeDelete)
def exchange_delete(channel: Channel, command: ExchangeDelete) -> Method | None:
    """Spec: exchange.delete. One that does not exist is deleted all the same."""
    vhost = channel.connection.vhost
    name = stripped(command.exchange)
    what = resource("exchange", name, vhost.name)
    if name == "":
        raise default_exchange_operation()
    if name.startswith("amq."):
        raise system_exchange_deletion(what)
    channel.require(CONFIGURE, "exchange", name)
    channel.execute(
        DeleteExchange(vhost.name, name, command.if_unused),
        lambda _result: None if command.nowait else ExchangeDeleteOk(),
    )
    return None


@handles(ExchangeBind)
def exchange_bind(channel: Channel, command: ExchangeBind) -> Method | None:
    """RabbitMQ extension."""
    change = binding_change(channel, Bind, command.source, "exchange", command.destination, command)
    channel.execute(change, lambda _result: None if command.nowait else ExchangeBindOk())
    return None


@handles(ExchangeUnbind)
def exchange_unbind(channel: Channel, command: ExchangeUnbind) -> Method | None:
    """RabbitMQ extension."""
    change = binding_change(
        channel, Unbind, command.source, "exchange", command.destination, command
    )
    channel.execute(change, lambda _result: None if command.nowait else ExchangeUnbindOk())
    return None


def binding_change(
    channel: Channel,
    change: type[Bind] | type[Unbind],
    source: str,
    kind: str,
    destination: str,
    command: object,
    routing_key: str | None = None,
) -> Bind | Unbind:
    """Check what binding and unbinding have in common. Returns: the command to propose.

    kind: of the destination, "queue" or "exchange". Raises: AccessRefused, NotFound,
    ResourceLocked. Unbinding what is not bound is fine, even where nothing is.
    """
    connection = channel.connection
    vhost = connection.vhost
    source, destination = stripped(source), stripped(destination)
    key: str = command.routing_key if routing_key is None else routing_key  # type: ignore[attr-defined]
    arguments: Table = command.arguments  # type: ignore[attr-defined]
    channel.require(WRITE, kind, destination)
    if source == "" or (kind == "exchange" and destination == ""):
        raise default_exchange_operation()
    channel.require(READ, "exchange", source)
    found_source = vhost.exchanges.get(source)
    if found_source is not None:
        connection.access.require_topic(READ, found_source, key)
    wanted = change(vhost.name, source, kind, destination, key, arguments)
    if isinstance(wanted, Bind):
        exchange = vhost.find_exchange(source)
        target = vhost.find_destination(kind, destination)
        exchange.validate_binding(Binding(target, key, arguments))
        if isinstance(target, Queue):
            channel.check_owner(target)
    else:
        found = vhost.find_binding(wanted)
        if found is not None and isinstance(found[1].destination, Queue):
            channel.check_owner(found[1].destination)
    return wanted
