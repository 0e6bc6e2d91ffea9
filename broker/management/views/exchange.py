"""Exchanges and bindings as the HTTP API shows them."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote_plus

from broker.amqp.wire import Field, Table, as_erlang
from broker.exchanges.erlang_hash import phash2_32
from broker.management.statistics import presented
from broker.management.views.common import Lens
from broker.management.views.pairs import incoming_of_exchange, outgoing_of_exchange
from broker.management.views.tables import json_of

if TYPE_CHECKING:
    from broker.exchanges.exchange import Binding, Exchange
    from broker.queues.queue import Queue
    from broker.vhost import VHost

Shown = dict[str, Any]
Columns = dict[str, Callable[[Any], Any]]

CHEAP: Columns = {
    "name": lambda exchange: exchange.name,
    "vhost": lambda exchange: exchange.vhost,
    "type": lambda exchange: exchange.type_name,
    "durable": lambda exchange: exchange.durable,
    "auto_delete": lambda exchange: exchange.auto_delete,
    "internal": lambda exchange: exchange.internal,
    "arguments": lambda exchange: json_of(exchange.arguments),
}


def show_exchange(exchange: Exchange, lens: Lens) -> Shown:
    """An entry of a list."""
    applied = exchange.applied
    policy = applied.policy if applied is not None else None
    shown: Shown = {
        "name": exchange.name,
        "vhost": exchange.vhost,
        "type": exchange.type_name,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_of(exchange.arguments),
        "user_who_performed_action": exchange.actor,
    }
    if policy is not None:
        shown["policy"] = policy.name
    if lens.has_stats and exchange.published:
        stats: Shown = {}
        counts = (("publish_in", exchange.published), ("publish_out", exchange.routed))
        presented.put(stats, counts, exchange.samples, lens.slot, lens.msg_rates)
        shown["message_stats"] = stats
    return shown


def show_exchange_whole(exchange: Exchange, lens: Lens) -> Shown:
    """For its own page."""
    shown = show_exchange(exchange, lens)
    if lens.has_stats:
        shown["incoming"] = incoming_of_exchange(exchange, lens)
        shown["outgoing"] = outgoing_of_exchange(exchange, lens)
    return shown


def properties_key(routing_key: str, arguments: Table) -> str:
    """What names a binding among those of two ends. RabbitMQ: the routing key, percent-encoded, and
    for arguments a hash of them; "~" where both are empty."""
    key = quote_plus(routing_key.encode("utf-8", "surrogateescape"), safe="").replace("~", "%7E")
    if not arguments:
        return key or "~"
    return f"{key}~{_hash(arguments)}"


def _hash(arguments: Table) -> str:
    """RabbitMQ: the phash2 of the table as Erlang has it, as 32 bit, base64 without padding.

    A binding keeps its arguments sorted by their names, though not what is in them.
    """
    table = {name: arguments[name] for name in sorted(arguments, key=_octets)}
    number = phash2_32(as_erlang(Field("F", table)))
    return urlsafe_b64encode(number.to_bytes(4, "big")).rstrip(b"=").decode()


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


class Bound(NamedTuple):
    """A binding with its source; None: the implicit one of a queue to the default exchange."""

    vhost: str
    source: str
    destination: Queue | Exchange
    binding: Binding | None

    @property
    def routing_key(self) -> str:
        return self.binding.routing_key if self.binding is not None else self.destination.name

    @property
    def properties_key(self) -> str:
        binding = self.binding
        return properties_key(self.routing_key, binding.arguments if binding is not None else {})

    def show(self) -> Shown:
        binding = self.binding
        return {
            "source": self.source,
            "vhost": self.vhost,
            "destination": self.destination.name,
            "destination_type": self.destination.kind,
            "routing_key": self.routing_key,
            "arguments": json_of(binding.arguments) if binding is not None else {},
            "properties_key": self.properties_key,
        }


CHEAP_BINDING: Columns = {
    "vhost": lambda bound: bound.vhost,
    "source": lambda bound: bound.source,
    "destination": lambda bound: bound.destination.name,
    "destination_type": lambda bound: bound.destination.kind,
    "routing_key": lambda bound: bound.routing_key,
    "properties_key": lambda bound: bound.properties_key,
}


def implicit(queue: Queue) -> Bound:
    """Every queue is bound to the default exchange by its name, without a binding."""
    return Bound(queue.vhost, "", queue, None)


def bindings_of_vhost(vhost: VHost) -> Iterator[Bound]:
    """All of them, the implicit ones first."""
    for queue in list(vhost.queues.values()):
        yield implicit(queue)
    for exchange in list(vhost.exchanges.values()):
        yield from bindings_from(exchange)


def bindings_from(source: Exchange) -> Iterator[Bound]:
    for binding in list(source.bindings.values()):
        yield Bound(source.vhost, source.name, binding.destination, binding)


def bindings_to(destination: Queue | Exchange) -> Iterator[Bound]:
    """What leads to a queue or an exchange; without the implicit one."""
    for source, bindings in list((destination.incoming or {}).items()):
        for binding in list(bindings.values()):
            yield Bound(source.vhost, source.name, destination, binding)
