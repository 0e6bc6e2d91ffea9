"""Bindings as the HTTP API shows them, and what names one."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from broker.amqp.wire import Field, Table, as_erlang
from broker.exchanges.erlang_hash import phash2_32
from broker.management.paths import quoted
from broker.management.views.tables import json_of, octets_of

if TYPE_CHECKING:
    from broker.exchanges.exchange import Binding, Exchange
    from broker.queues.queue import Queue
    from broker.vhost import VHost

QUEUE, EXCHANGE = "queue", "exchange"
ALL = "~"  # the key of a binding with neither routing key nor arguments


class Bound(NamedTuple):
    """A binding with its ends. kind: of the destination."""

    vhost: str
    source: str
    kind: str
    destination: str
    routing_key: str
    arguments: Table

    @property
    def properties_key(self) -> str:
        return properties_key(self.routing_key, self.arguments)

    def show(self) -> dict[str, Any]:
        return {
            "source": self.source,
            "vhost": self.vhost,
            "destination": self.destination,
            "destination_type": self.kind,
            "routing_key": self.routing_key,
            "arguments": json_of(self.arguments),
            "properties_key": self.properties_key,
        }


CHEAP: dict[str, Callable[[Bound], Any]] = {
    "vhost": lambda bound: bound.vhost,
    "source": lambda bound: bound.source,
    "destination": lambda bound: bound.destination,
    "destination_type": lambda bound: bound.kind,
    "routing_key": lambda bound: bound.routing_key,
    "properties_key": lambda bound: bound.properties_key,
}


# what names one


def properties_key(routing_key: str, arguments: Table) -> str:
    """What names a binding among those of two ends. RabbitMQ: the routing key, percent-encoded, and
    for arguments a hash of them; "~" where both are empty."""
    key = quoted(routing_key).replace("~", "%7E")
    return f"{key}~{hash_of(arguments)}" if arguments else key or ALL


def hash_of(arguments: Table) -> str:
    """RabbitMQ: the phash2 of the table as Erlang has it, as 32 bit, base64 without padding. A
    binding keeps its arguments sorted by their names, though not what is in them."""
    ordered = dict(sorted(arguments.items(), key=lambda entry: octets_of(entry[0])))
    number = phash2_32(as_erlang(Field("F", ordered)))
    return urlsafe_b64encode(number.to_bytes(4, "big")).rstrip(b"=").decode()


def named(key: str, among: list[Bound]) -> Bound | None:
    """The binding that a key of a path names, among those of two ends. RabbitMQ takes it apart and
    compares the parts: what is encoded in more or in fewer characters is the same."""
    routing_key, _, wanted = key.partition(ALL)
    if ALL in wanted:
        return None
    routing_key = _decoded(routing_key)
    wanted = _decoded(wanted)
    for bound in among:
        found = hash_of(bound.arguments) if bound.arguments else ""
        if bound.routing_key == routing_key and found == wanted:
            return bound
    return None


def _decoded(text: str) -> str:
    octets = unquote_to_bytes(text.replace("+", " ").encode("utf-8", "surrogateescape"))
    return octets.decode("utf-8", "surrogateescape")


# which there are


def implicit(vhost: str, queue: str) -> Bound:
    """Every queue is bound to the default exchange by its name, without a binding."""
    return Bound(vhost, "", QUEUE, queue, queue, {})


def bindings_of_vhost(vhost: VHost) -> Iterator[Bound]:
    """All of them, the implicit ones first."""
    for exchange in list(vhost.exchanges.values()):
        yield from bindings_from(vhost, exchange)


def bindings_from(vhost: VHost, source: Exchange) -> Iterator[Bound]:
    """What leads away from an exchange."""
    if not source.name:
        for queue in list(vhost.queues):
            yield implicit(vhost.name, queue)
    for binding in list(source.bindings.values()):
        yield _bound(vhost, source, binding)


def bindings_to(vhost: VHost, destination: Queue | Exchange) -> Iterator[Bound]:
    """What leads to a queue or an exchange; without the implicit one."""
    for source, bindings in list((destination.incoming or {}).items()):
        for binding in list(bindings.values()):
            yield _bound(vhost, source, binding)


def bindings_between(
    vhost: VHost, source: Exchange, destination: Queue | Exchange
) -> Iterator[Bound]:
    """Without the implicit one."""
    for binding in list((destination.incoming or {}).get(source, {}).values()):
        yield _bound(vhost, source, binding)


def _bound(vhost: VHost, source: Exchange, binding: Binding) -> Bound:
    destination, routing_key, arguments = binding
    return Bound(
        vhost.name, source.name, destination.kind, destination.name, routing_key, arguments
    )
