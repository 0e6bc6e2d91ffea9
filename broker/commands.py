"""Every change to the definitions, as a value.

Vhosts, users, permissions, policies, parameters, exchanges, queues and bindings change only by one
of these: whoever wants a change checks that it is allowed, proposes the command to the node's
`Replicator`, and `Node.apply` carries it out once it is agreed and durable. Fields are strings,
numbers and tables, so that a command can be written down and sent; what users write as JSON stays
JSON. Every start in a test pays for making these classes, so what a dataclass would compile for
each of them stands once, and each has a docstring, which it would make of the signature: 5 → 2 ms.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TypeVar, dataclass_transform

from broker.amqp.wire import EMPTY_TABLE, Table

INTERNAL_USER = "rmq-internal"  # RabbitMQ's name for the broker itself
T = TypeVar("T")


@dataclass_transform(field_specifiers=(field,))
def change(kind: type[T]) -> type[T]:
    """A dataclass that leaves to `Command` what need not be compiled for each of them."""
    return dataclass(slots=True, eq=False, repr=False)(kind)


@change
class Command:
    """A change. Applying the same command to the same definitions gives the same result.

    actor: the user who asked for it; nothing but reports of it depends on that.
    """

    actor: str = field(default=INTERNAL_USER, kw_only=True, compare=False, repr=False)

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return all(
            getattr(self, one.name) == getattr(other, one.name)
            for one in fields(self)
            if one.compare
        )

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
        return f"{type(self).__name__}({', '.join(shown)})"


@change
class AddVhost(Command):
    """Add a vhost, or give one that is there other metadata. default_queue_type: "": classic."""

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    default_queue_type: str = ""


@change
class DeleteVhost(Command):
    """And all that is in it."""

    name: str


@change
class SetTracing(Command):
    """Switch a vhost's firehose. It is off after a restart, as with RabbitMQ."""

    vhost: str
    is_on: bool


@change
class PutUser(Command):
    """Add a user or replace its password and tags. password_hash: salt and digest; b"": none.

    limits: as in `SetUserLimits`; "": as they were.
    """

    name: str
    password_hash: bytes = field(repr=False)  # commands are logged
    hashing_algorithm: str
    tags: tuple[str, ...] = ()
    limits: str = ""


@change
class DeleteUser(Command):
    """And its permissions."""

    name: str


@change
class SetUserLimits(Command):
    """limits: all of a user's, a JSON object of max-connections and max-channels."""

    username: str
    limits: str


@change
class SetPermissions(Command):
    """Patterns are regular expressions, searched for as RabbitMQ does (not anchored)."""

    username: str
    vhost: str
    configure: str
    write: str
    read: str


@change
class ClearPermissions(Command):
    """All of a user's in a vhost."""

    username: str
    vhost: str


@change
class SetTopicPermissions(Command):
    """What routing keys a user may publish and bind with on one topic exchange."""

    username: str
    vhost: str
    exchange: str
    write: str
    read: str


@change
class ClearTopicPermissions(Command):
    """exchange: None: those on all exchanges."""

    username: str
    vhost: str
    exchange: str | None = None


@change
class SetPolicy(Command):
    """definition: a JSON object. kind: "policy" or "operator_policy"."""

    vhost: str
    name: str
    pattern: str
    definition: str
    priority: float = 0
    apply_to: str = "all"
    kind: str = "policy"


@change
class ClearPolicy(Command):
    """kind: "policy" or "operator_policy"."""

    vhost: str
    name: str
    kind: str = "policy"


@change
class SetParameter(Command):
    """A runtime parameter. value: JSON."""

    vhost: str
    component: str
    name: str
    value: str


@change
class ClearParameter(Command):
    """A runtime parameter."""

    vhost: str
    component: str
    name: str


@change
class SetGlobalParameter(Command):
    """value: JSON."""

    name: str
    value: str


@change
class ClearGlobalParameter(Command):
    """A runtime parameter of no vhost."""

    name: str


@change
class DeclareExchange(Command):
    """type: as registered, "direct"."""

    vhost: str
    name: str
    type: str
    durable: bool = False
    auto_delete: bool = False
    internal: bool = False
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)


@change
class DeleteExchange(Command):
    """if_unused: only while it has no bindings."""

    vhost: str
    name: str
    if_unused: bool = False


@change
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


@change
class DeleteQueue(Command):
    """queue_id: only this one, not another that has been given the name since; 0: any."""

    vhost: str
    name: str
    queue_id: int = 0


@change
class Bind(Command):
    """destination_kind: "queue" or "exchange"."""

    vhost: str
    source: str
    destination_kind: str
    destination: str
    routing_key: str
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)


@change
class Unbind(Command):
    """Fields as those of the `Bind` it takes back."""

    vhost: str
    source: str
    destination_kind: str
    destination: str
    routing_key: str
    arguments: Table = field(default_factory=lambda: EMPTY_TABLE)
