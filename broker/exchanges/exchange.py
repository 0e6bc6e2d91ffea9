"""What an exchange type provides, and when each method is called.

A type is one small file: a subclass of `Exchange` with a `type_name`, entered into the registry by
`@exchange_type`, or named by an installed package's entry point (`leveret.exchange_types`).
Routing answers with destinations: queues, and exchanges for exchange-to-exchange bindings; the
vhost follows the latter and removes duplicates.

    declared    validate (of the class), then the object is made and configured
    bound       validate_binding, bind, then replay: messages for the new destination
    unbound     unbind
    published   route_all; or route, where the routing key alone decides
    changed     configure again, with other arguments

What `route` and `route_all` answer is remembered as long as nothing is declared, bound, unbound or
configured: `reads_message` and `is_stable` say how far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from broker.amqp.errors import resource
from broker.amqp.wire import EMPTY_TABLE, Table, canonical
from broker.message import Message


class BindingKey(NamedTuple):
    """What tells two bindings of one source apart."""

    destination: Any  # a Queue or an Exchange
    routing_key: str
    arguments: bytes  # canonical octets


class Binding(NamedTuple):
    """One binding of a source exchange."""

    destination: Any
    routing_key: str
    arguments: Table

    @property
    def key(self) -> BindingKey:
        return BindingKey(self.destination, self.routing_key, canonical(self.arguments))


class Replayed(NamedTuple):
    """A message for a destination that has just been bound."""

    routing_keys: Sequence[str]  # its own, then CC and BCC
    message: Message


Incoming = dict["Exchange", dict[BindingKey, Binding]]


class Exchange:
    """An exchange of some type. Subclasses index its bindings and answer `route`.

    incoming: exchanges that are bound to this one, with those bindings; None while there are none.
    """

    __slots__ = (
        "actor",
        "alternate",
        "applied",
        "arguments",
        "auto_delete",
        "bindings",
        "durable",
        "incoming",
        "internal",
        "name",
        "pairs",
        "published",
        "routed",
        "samples",
        "vhost",
    )
    kind = "exchange"
    type_name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    reads_message: bool = False  # does the answer depend on more than the routing key?
    is_stable: bool = True  # is the answer the same for the same message every time?

    def __init__(
        self,
        name: str,
        vhost: str,
        *,
        durable: bool = False,
        auto_delete: bool = False,
        internal: bool = False,
        arguments: Table = EMPTY_TABLE,
    ):
        self.name = name
        self.vhost = vhost
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments
        self.actor = ""  # who declared it
        self.applied: Any = None  # see `broker.policies.policy.Applied`
        self.alternate: str | None = None
        self.bindings: dict[BindingKey, Binding] = {}
        self.incoming: Incoming | None = None
        self.pairs: dict[Any, Any] | None = None  # with queues, see `broker.session.pairs`
        self.samples: Any = None  # see `broker.management.statistics`
        self.published = self.routed = 0  # messages in; copies of them to queues
        self.configure({})

    @property
    def resource(self) -> str:
        return resource("exchange", self.name, self.vhost)

    @classmethod
    def validate(cls, arguments: Table) -> None:
        """Called before an exchange of this type is made. Raises: PreconditionFailed (406) if it
        cannot be made with these arguments."""

    def configure(self, definition: Mapping[str, object]) -> None:
        """Do what arguments and policies ask for, from now on. definition: the effective one of the
        policies; arguments win. Called when it is made and when policies change: remembered routes
        are wrong then until the `Version` grows. A subclass calls this one too."""
        wanted = self.asked("alternate-exchange", definition)
        self.alternate = str(wanted) if wanted is not None else None

    def asked(self, name: str, definition: Mapping[str, object]) -> object:
        """What the argument of that name says, or else the policies; None: neither does."""
        field = self.arguments.get(name)
        return definition.get(name) if field is None else field.value

    def validate_binding(self, binding: Binding) -> None:
        """Called before a binding is made. Raises: PreconditionFailed if the type refuses it."""

    def bind(self, binding: Binding) -> None:
        """Index a binding. Called once per distinct binding, after `validate_binding`."""
        raise NotImplementedError

    def unbind(self, binding: Binding) -> None:
        """Forget a binding that was indexed."""
        raise NotImplementedError

    def replay(self) -> Iterable[Replayed]:
        """Messages that whoever is bound anew is to get, oldest first."""
        return ()

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        """The destinations of a message with one routing key, duplicates allowed.

        headers: the message's; empty unless `reads_message`. Called per message at worst, seldom
        in the common case: answers are remembered while the topology stands.
        """
        raise NotImplementedError

    def route_all(self, routing_keys: Sequence[str], message: Message) -> Iterable[Any]:
        """The destinations of a message with all its routing keys: its own, then CC and BCC.

        For types that look at all keys together, or at more of the message than its headers; the
        others go by `route`. With a single key and without `reads_message` only `route` is called.
        """
        headers = message.envelope.properties.header_table if self.reads_message else EMPTY_TABLE
        if len(routing_keys) == 1:
            return self.route(routing_keys[0], headers)
        return [found for key in routing_keys for found in self.route(key, headers)]
