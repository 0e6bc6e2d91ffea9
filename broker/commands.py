"""Every change to the definitions, as a value.

Vhosts, users, permissions, exchanges, queues and bindings change only by one of these: whoever
wants a change checks that it is allowed, proposes the command to the node's `Replicator`, and
`Node.apply` carries it out once it is agreed and durable. Fields are strings, numbers and tables,
so that a command can be written down and sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.amqp.wire import EMPTY_TABLE, Table


@dataclass(slots=True)
class Command:
    """A change. Applying the same command to the same definitions gives the same result."""


@dataclass(slots=True)
class AddVhost(Command):
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class DeleteVhost(Command):
    name: str


@dataclass(slots=True)
class PutUser(Command):
    """Add a user or replace its password and tags. password_hash: salt and digest; b"": none."""

    name: str
    password_hash: bytes = field(repr=False)  # commands are logged
    hashing_algorithm: str
    tags: tuple[str, ...] = ()


@dataclass(slots=True)
class DeleteUser(Command):
    name: str


@dataclass(slots=True)
class SetPermissions(Command):
    """Patterns are regular expressions, searched for as RabbitMQ does (not anchored)."""

    username: str
    vhost: str
    configure: str
    write: str
    read: str


@dataclass(slots=True)
class ClearPermissions(Command):
    username: str
    vhost: str


@dataclass(slots=True)
class DeclareExchange(Command):
    vhost: str
    name: str
    type: str
    durable: bool = False
    auto_delete: bool = False
    internal: bool = False
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)


@dataclass(slots=True)
class DeleteExchange(Command):
    """if_unused: only while it has no bindings."""

    vhost: str
    name: str
    if_unused: bool = False


@dataclass(slots=True)
class DeclareQueue(Command):
    """owner: identity of the connection an exclusive queue belongs to; 0: not exclusive. queue_id:
    what tells it from every other there has been; 0: the node gives it one."""

    vhost: str
    name: str
    durable: bool = False
    auto_delete: bool = False
    owner: int = 0
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)
    queue_id: int = 0


@dataclass(slots=True)
class DeleteQueue(Command):
    """queue_id: only this one, not another that has been given the name since; 0: any."""

    vhost: str
    name: str
    queue_id: int = 0


@dataclass(slots=True)
class Bind(Command):
    """destination_kind: "queue" or "exchange"."""

    vhost: str
    source: str
    destination_kind: str
    destination: str
    routing_key: str
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)


@dataclass(slots=True)
class Unbind(Command):
    vhost: str
    source: str
    destination_kind: str
    destination: str
    routing_key: str
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)
