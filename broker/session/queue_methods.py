"""The methods of class queue."""

from __future__ import annotations

from secrets import token_urlsafe

from broker.amqp.errors import (
    PreconditionFailed,
    conditional_quorum_delete,
    in_use,
    inequivalent,
    invalid_argument_type,
    invalid_property,
    locked_queue,
    no_previous_queue,
    no_queue,
    no_streams,
    not_empty,
    reserved_name,
    resource,
)
from broker.amqp.methods import (
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from broker.amqp.wire import Field, Table
from broker.auth.permissions import CONFIGURE, READ, WRITE
from broker.commands import Bind, DeclareQueue, DeleteQueue, Unbind
from broker.queues.arguments import (
    check_equivalent,
    check_queue_arguments,
    check_stream_arguments,
    equivalence_names,
    queue_type_of,
)
from broker.queues.queue import Queue
from broker.session.channel import REPLY_TO, Channel
from broker.session.dispatch import handles
from broker.session.exchange_methods import binding_change, quoted, stripped

QUEUE_TYPE = "x-queue-type"


@handles(QueueDeclare)
def queue_declare(channel: Channel, command: QueueDeclare) -> Method | None:
    """Spec: queue.declare. Raises: NotFound (passive), ResourceLocked, AccessRefused,
    PreconditionFailed (arguments, or not equivalent to what exists)."""
    connection = channel.connection
    vhost = connection.vhost
    name = stripped(command.queue)
    if name.startswith(REPLY_TO):
        return _declare_reply_to(channel, name)
    if command.passive:
        queue = vhost.find_queue(name)
        channel.check_owner(queue)
        queue.touch()
        return _declared(channel, queue)
    if vhost.default_queue_type:
        command.arguments = with_default_type(vhost.default_queue_type, command)
    durable = command.durable and not command.exclusive
    if name == "":
        if queue_type_of(command.arguments) in ("quorum", "stream"):
            queue_type = f"rabbit_{queue_type_of(command.arguments)}_queue"
            raise PreconditionFailed(f"Cannot declare a server-named queue for type {queue_type}")
        # the same if this has to wait for an answer and is run again
        name = channel.drawn_name = channel.drawn_name or f"amq.gen-{token_urlsafe(16)}"
    elif name.startswith("amq."):
        raise reserved_name("queue", name)
    channel.require(CONFIGURE, "queue", name)
    owner = connection.connection_id if command.exclusive else 0

    def reply(queue: Queue) -> Method | None:
        _check_same(queue, command, durable, owner)  # somebody else's may have come first
        if owner:
            connection.own(queue.name)
        answer = _declared(channel, queue)
        return None if command.nowait else answer

    existing = vhost.queues.get(name)
    if existing is not None:
        _check_same(existing, command, durable, owner)
        existing.touch()
        if not durable:
            return reply(existing)
        channel.answer_when_durable(existing, reply)
        return None
    _check_new(channel, command, name)
    channel.drawn_name = ""
    channel.execute(
        DeclareQueue(vhost.name, name, durable, command.auto_delete, owner, command.arguments),
        reply,
    )
    return None


def with_default_type(default_type: str, command: QueueDeclare) -> Table:
    """The arguments of a declaration, with the vhost's default type where none is given.

    RabbitMQ: as if the client had given it; not where such a queue could not be.
    """
    arguments = command.arguments
    if QUEUE_TYPE in arguments:
        return arguments
    is_plain = command.durable and not command.exclusive and not command.auto_delete
    if default_type != "classic" and not is_plain:
        return arguments
    return dict(sorted({**arguments, QUEUE_TYPE: Field("S", default_type)}.items()))


def _declared(channel: Channel, queue: Queue) -> Method:
    channel.connection.node.usage.queues_declared += 1
    if not queue.is_deleted:  # while the answer had to wait
        queue.pump()
    channel.last_queue = queue.name
    return QueueDeclareOk(queue.name, queue.ready_count, len(queue.consumers))


def _declare_reply_to(channel: Channel, name: str) -> Method:
    """A declaration of a direct reply-to queue asks whether its consumer is still there."""
    token = name[len(REPLY_TO) + 1 :]
    if name != REPLY_TO and token not in channel.connection.node.reply_consumers:
        raise no_queue(name, channel.connection.vhost.name)
    channel.last_queue = name
    return QueueDeclareOk(name, 0, 1)


def _check_same(existing: Queue, command: QueueDeclare, durable: bool, owner: int) -> None:
    """Raises: ResourceLocked, PreconditionFailed for the first difference, in RabbitMQ's order."""
    what = existing.resource
    if existing.owner != owner:
        raise locked_queue(what)
    if existing.durable != durable:
        raise inequivalent("durable", what, quoted(durable), quoted(existing.durable))
    if existing.auto_delete != command.auto_delete:
        raise inequivalent(
            "auto_delete", what, quoted(command.auto_delete), quoted(existing.auto_delete)
        )
    if existing.arguments or command.arguments:
        names = equivalence_names(existing.arguments)
        check_equivalent(existing.arguments, command.arguments, names, what)


def _check_new(channel: Channel, command: QueueDeclare, name: str) -> None:
    """Whether there can be such a queue. Raises: AccessRefused, PreconditionFailed."""
    channel.connection.vhost.check_queue_limit(name)
    vhost = channel.connection.vhost.name
    what = resource("queue", name, vhost)
    dead_letter = command.arguments.get("x-dead-letter-exchange")
    if dead_letter is not None:
        if dead_letter.tag != "S":
            raise invalid_argument_type(dead_letter.type_name, "x-dead-letter-exchange", what)
        channel.require(READ, "queue", name)
        channel.require(WRITE, "exchange", str(dead_letter.value))
    check_queue_arguments(command.arguments, what)
    check_type(command, name, vhost)


def check_type(command: QueueDeclare, name: str, vhost: str) -> None:
    """Quorum queues and streams are durable and nothing else. Raises: PreconditionFailed."""
    queue_type = queue_type_of(command.arguments)
    if queue_type == "classic":
        return
    what = resource("queue", name, vhost)
    if command.auto_delete:
        raise invalid_property("auto-delete", what)
    if command.exclusive:
        raise invalid_property("exclusive-owner", what)
    if not command.durable:
        raise invalid_property("non-durable", what)
    if queue_type == "stream":
        check_stream_arguments(command.arguments)
        raise no_streams(what)


@handles(QueueBind)
def queue_bind(channel: Channel, command: QueueBind) -> Method | None:
    """Spec: queue.bind. Empty queue name: the last declared; with an empty key: its name too."""
    change = binding_change(
        channel,
        Bind,
        command.exchange,
        "queue",
        channel.queue_name(command.queue),
        command,
        _routing_key(channel, command.queue, command.routing_key),
    )
    channel.execute(change, lambda _result: None if command.nowait else QueueBindOk())
    return None


@handles(QueueUnbind)
def queue_unbind(channel: Channel, command: QueueUnbind) -> Method | None:
    """Spec: queue.unbind."""
    change = binding_change(
        channel,
        Unbind,
        command.exchange,
        "queue",
        channel.queue_name(command.queue),
        command,
        _routing_key(channel, command.queue, command.routing_key),
    )
    channel.execute(change, lambda _result: QueueUnbindOk())
    return None


def _routing_key(channel: Channel, queue: str, routing_key: str) -> str:
    if queue == "" and routing_key == "":
        if not channel.last_queue:
            raise no_previous_queue()
        return channel.last_queue
    return routing_key


@handles(QueuePurge)
def queue_purge(channel: Channel, command: QueuePurge) -> Method:
    """Spec: queue.purge. Unacked messages stay. Raises: NotFound, ResourceLocked, AccessRefused."""
    vhost = channel.connection.vhost
    name = channel.queue_name(command.queue)
    channel.require(READ, "queue", name)
    queue = vhost.find_queue(name)
    channel.check_owner(queue)
    queue.pump()
    return QueuePurgeOk(queue.purge())


@handles(QueueDelete)
def queue_delete(channel: Channel, command: QueueDelete) -> Method | None:
    """Spec: queue.delete. One that does not exist is deleted all the same: 0 messages."""
    connection = channel.connection
    vhost = connection.vhost
    name = stripped(channel.queue_name(command.queue))
    channel.require(CONFIGURE, "queue", name)

    def reply(dropped: int) -> Method | None:
        if name not in vhost.queues:  # nobody has declared it again since
            connection.exclusive_queues.pop(name, None)
        return None if command.nowait else QueueDeleteOk(dropped)

    queue = vhost.queues.get(name)
    if queue is None:
        channel.answer_when_durable(0, reply)
        return None
    channel.check_owner(queue)
    if queue.type_name == "quorum" and (command.if_unused or command.if_empty):
        flag = "if-unused" if command.if_unused else "if-empty"
        raise conditional_quorum_delete(queue.resource, flag)
    queue.pump()
    if command.if_empty and queue.ready_count:
        raise not_empty(queue.resource)
    if command.if_unused and queue.consumers:
        raise in_use(queue.resource)
    channel.execute(DeleteQueue(vhost.name, name, queue.queue_id), reply)
    return None
