"""Events as messages to the topic exchange amq.rabbitmq.event: RabbitMQ's rabbitmq_event_exchange.

A routing key says what has happened (queue.created, connection.closed); the headers tell the rest,
with the names and types that RabbitMQ gives them; the body is empty. What has happened to
definitions is put together in `definition_events.py`, the rest by whoever brings it about.

Facts are put down in the order of RabbitMQ's property lists; on the wire they stand the other way
round, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from struct import error
from struct import pack as pack_struct
from typing import Any, NamedTuple

from broker.amqp.content import Properties
from broker.amqp.erlang import flat
from broker.amqp.wire import Field, Table, as_erlang
from broker.changes import Seen
from broker.definitions import Definitions
from broker.exchanges.exchange import Exchange
from broker.hooks.outlet import Outlet
from broker.message import PERSISTENT
from broker.seams import Clock
from broker.vhost import VHost

EXCHANGE = "amq.rabbitmq.event"


class Resource(NamedTuple):
    """A queue or an exchange: becomes its name under the fact's name, and its vhost."""

    name: str
    vhost: str


Facts = Sequence[tuple[str, object]]
Listener = Callable[[str, Facts], None]  # of a key and its facts; must not raise


class Events:
    """Of one node. vhost: where the exchange is. listeners: hear of everything.

    noted_consumers: of queues that are just being deleted, until it is known who does it.
    """

    def __init__(self, outlet: Outlet, clock: Clock, *, vhost: str, node: str):
        self.node = node
        self.noted_consumers: list[Facts] = []
        self.vhost = vhost
        self.listeners: list[Listener] = []
        self.is_published = False
        self._outlet = outlet
        self._clock = clock
        self._creation = clock.epoch_ms() // 1000  # of this node, as pids have it

    @property
    def is_heard(self) -> bool:
        """Whether anybody is bound or listens: else an event need not be put together."""
        return bool(self.listeners) or self._exchange() is not None

    def _exchange(self) -> tuple[VHost, Exchange] | None:
        return self._outlet.find(self.vhost, EXCHANGE) if self.is_published else None

    def pid(self, connection_id: int, channel: int = 0) -> str:
        """What stands for the process that a connection or a channel has in RabbitMQ."""
        return f"<{self.node}.{self._creation}.{connection_id}.{channel}>"

    def emit(self, key: str, facts: Facts) -> None:
        """Something has happened just now. Facts that cannot be written down are left out."""
        found = self._exchange()
        if found is None and not self.listeners:
            return
        now_ms = self._clock.epoch_ms()
        for listener in self.listeners:
            listener(key, [("timestamp_in_ms", now_ms), *facts])
        if found is None:
            return
        headers = as_headers([("timestamp_in_ms", now_ms), *facts])
        properties = Properties(headers=headers, delivery_mode=PERSISTENT, timestamp=now_ms // 1000)
        self._outlet.put(*found, key, properties, b"")


def as_headers(facts: Facts) -> Table:
    """Facts as a table, the last first."""
    table: Table = {}
    for name, value in reversed(facts):
        if isinstance(value, Resource):
            table[name] = Field("S", value.name)
            table["vhost"] = Field("S", value.vhost)
        elif len(name.encode("utf-8", "surrogateescape")) < 256:
            table[name] = as_field(value)
    return table


def as_field(value: object) -> Field:
    """A fact by the type that RabbitMQ gives it."""
    if isinstance(value, bool):
        return Field("t", value)
    if isinstance(value, int):
        return Field("l", value) if -(2**63) <= value < 2**63 else Field("S", str(value))
    if isinstance(value, float):
        try:
            pack_struct(">f", value)
        except (error, OverflowError):
            return Field("d", value)
        return Field("f", value)
    if isinstance(value, Mapping):
        pairs = [(str(name), inner) for name, inner in value.items()]
        return Field("F", as_headers(pairs)) if pairs else Field("A", [])
    if isinstance(value, (list, tuple)):
        return Field("A", [as_field(item) for item in value])
    return Field("S", "null" if value is None else str(value))


def ordered(value: object) -> object:
    """JSON as Erlang holds it, which sorts the names of an object."""
    if isinstance(value, dict):
        return {name: ordered(inner) for name, inner in sorted(value.items())}
    return [ordered(item) for item in value] if isinstance(value, list) else value


def arguments_of(table: Table) -> list[str]:
    """A table among the facts: each field printed as an Erlang term."""
    return [flat(entry) for entry in _entries(table)]


def _entries(table: Table) -> list[object]:
    found = as_erlang(Field("F", table))
    assert isinstance(found, list)
    return found


# what those who tell of definitions hand each other


class Noted(NamedTuple):
    """A change that is about to be carried out. before: what was there, where that matters."""

    kind: Seen
    key: tuple[Any, ...]
    is_there: bool
    before: Any = None


class Told(NamedTuple):
    """An event. actor: the user who did it; "": who gave the command."""

    key: str
    facts: Facts
    actor: str = ""


class Context(NamedTuple):
    """Where the facts are."""

    events: Events
    definitions: Definitions


Teller = Callable[[Context, Any, list[Noted]], Iterator[Told]]  # of a command that was carried out
ACTOR = object()  # among facts: the user who did it; at their end, where they do not have it

Pairs = list[tuple[str, object]]


def parameter(vhost: str, component: str, name: str) -> Pairs:
    """What names a runtime parameter."""
    return [("vhost", vhost), ("component", component), ("name", name)]
