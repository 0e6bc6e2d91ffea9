"""What an exchange type provides, and when each method is called.

A type is one small file: a subclass of `Exchange` with a `type_name`, entered into the registry by
`@exchange_type`, or named by an installed package's entry point (`leveret.exchange_types`).
Routing answers with destinations: queues, and exchanges for exchange-to-exchange bindings; the
vhost follows the latter and removes duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, NamedTuple

from broker.amqp.errors import resource
from broker.amqp.wire import EMPTY_TABLE, Table, canonical


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


Incoming = dict["Exchange", dict[BindingKey, Binding]]


class Exchange:
    """An exchange of some type. Subclasses index its bindings and answer `route`.

    incoming: exchanges that are bound to this one, with those bindings; None while there are none.
    """

    __slots__ = (
        "alternate",
        "applied",
        "arguments",
        "auto_delete",
        "bindings",
        "durable",
        "incoming",
        "internal",
        "name",
        "published",
        "vhost",
    )
    kind = "exchange"
    type_name: ClassVar[str] = ""
    description: ClassVar[str] = ""
    reads_headers: ClassVar[bool] = False  # does the answer depend on the message's headers?
    is_stable: ClassVar[bool] = True  # is the answer the same for the same message every time?

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
        self.applied: Any = None  # see `broker.policies.policy.Applied`
        self.alternate: str | None = None
        self.configure({})
        self.bindings: dict[BindingKey, Binding] = {}
        self.incoming: Incoming | None = None
        self.published = 0  # messages in

    @property
    def resource(self) -> str:
        return resource("exchange", self.name, self.vhost)

    def configure(self, definition: Mapping[str, object]) -> None:
        """Do what arguments and policies ask for, from now on. definition: the effective one of the
        policies; arguments win. Called when it is made and when policies change."""
        alternate = self.arguments.get("alternate-exchange")
        wanted = definition.get("alternate-exchange") if alternate is None else alternate.value
        self.alternate = str(wanted) if wanted is not None else None

    def validate_binding(self, arguments: Table) -> None:
        """Called before a binding is made. Raises: PreconditionFailed if the type refuses it."""

    def bind(self, binding: Binding) -> None:
        """Index a binding. Called once per distinct binding, after `validate_binding`."""
        raise NotImplementedError

    def unbind(self, binding: Binding) -> None:
        """Forget a binding that was indexed."""
        raise NotImplementedError

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        """The destinations of a message, duplicates allowed.

        headers: the message's; empty unless `reads_headers`. Called per message at worst, seldom
        in the common case: answers are remembered while the topology stands.
        """
        raise NotImplementedError
