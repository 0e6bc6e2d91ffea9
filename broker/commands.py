"""Every change to the definitions, as a value.

Vhosts, users, permissions, policies, parameters, exchanges, queues and bindings change only by one
of these: whoever wants a change checks that it is allowed, proposes the command to the node's
`Replicator`, and `Node.apply` carries it out once it is agreed and durable. Fields are strings,
numbers and tables, so that a command can be written down and sent; what users write as JSON stays
JSON.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from broker.amqp.wire import EMPTY_TABLE, Table

INTERNAL_USER = "rmq-internal"  # RabbitMQ's name for the broker itself


@dataclass(slots=True)
class Command:
    """A change. Applying the same command to the same definitions gives the same result.

    actor: the user who asked for it; nothing but reports of it depends on that.
    """

    actor: str = field(default=INTERNAL_USER, kw_only=True, compare=False, repr=False)


@dataclass(slots=True)
class AddVhost(Command):
    """Add a vhost, or give one that is there other metadata. default_queue_type: "": classic."""

    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    default_queue_type: str = ""


@dataclass(slots=True)
class DeleteVhost(Command):
    name: str


@dataclass(slots=True)
class SetTracing(Command):
    """Switch a vhost's firehose. It is off after a restart, as with RabbitMQ."""

    vhost: str
    is_on: bool


@dataclass(slots=True)
class PutUser(Command):
    """Add a user or replace its password and tags. password_hash: salt and digest; b"": none.

    limits: as in `SetUserLimits`; "": as they were.
    """

    name: str
    password_hash: bytes = field(repr=False)  # commands are logged
    hashing_algorithm: str
    tags: tuple[str, ...] = ()
    limits: str = ""


@dataclass(slots=True)
class DeleteUser(Command):
    name: str


@dataclass(slots=True)
class SetUserLimits(Command):
    """limits: all of a user's, a JSON object of max-connections and max-channels."""

    username: str
    limits: str


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
class SetTopicPermissions(Command):
    """What routing keys a user may publish and bind with on one topic exchange."""

    username: str
    vhost: str
    exchange: str
    write: str
    read: str


@dataclass(slots=True)
class ClearTopicPermissions(Command):
    """exchange: None: those on all exchanges."""

    username: str
    vhost: str
    exchange: str | None = None


@dataclass(slots=True)
class SetPolicy(Command):
    """definition: a JSON object. kind: "policy" or "operator_policy"."""

    vhost: str
    name: str
    pattern: str
    definition: str
    priority: float = 0
    apply_to: str = "all"
    kind: str = "policy"


@dataclass(slots=True)
class ClearPolicy(Command):
    vhost: str
    name: str
    kind: str = "policy"


@dataclass(slots=True)
class SetParameter(Command):
    """A runtime parameter. value: JSON."""

    vhost: str
    component: str
    name: str
    value: str


@dataclass(slots=True)
class ClearParameter(Command):
    vhost: str
    component: str
    name: str


@dataclass(slots=True)
class SetGlobalParameter(Command):
    """value: JSON."""

    name: str
    value: str


@dataclass(slots=True)
class ClearGlobalParameter(Command):
    name: str


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
