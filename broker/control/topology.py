"""Exchanges and bindings, as `leveretctl` lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from broker.amqp.erlang import Atom
from broker.control.actions import Asked, Rows, action
from broker.control.listing import NONE, Columns, in_order, row_of, table_term
from broker.management.views.binding import Bound, implicit

if TYPE_CHECKING:
    from broker.exchanges.exchange import Binding, Exchange


def _policy(exchange: Exchange) -> Any:
    applied = exchange.applied
    return applied.policy.name if applied is not None and applied.policy is not None else NONE


OF_EXCHANGE: Columns = {
    "name": lambda exchange: exchange.name,
    "type": lambda exchange: Atom(exchange.type_name),
    "durable": lambda exchange: exchange.durable,
    "auto_delete": lambda exchange: exchange.auto_delete,
    "internal": lambda exchange: exchange.internal,
    "arguments": lambda exchange: table_term(exchange.arguments),
    "policy": _policy,
}
_EXCHANGE = Atom("exchange")
OF_BINDING: Columns = {
    "source_name": lambda bound: bound.source,
    "source_kind": lambda _: _EXCHANGE,
    "destination_name": lambda bound: bound.destination,
    "destination_kind": lambda bound: Atom(bound.kind),
    "routing_key": lambda bound: bound.routing_key,
    "arguments": lambda bound: table_term(dict(sorted(bound.arguments.items()))),
}


@action()
async def list_exchanges(asked: Asked, vhost: str, columns: list[str]) -> Rows:
    """Of a vhost that is not there: none, as with RabbitMQ."""
    found, slices = asked.node.vhosts.get(vhost), asked.slices
    if found is None or not columns:
        return
    async for name in in_order(found.exchanges, str, slices):
        exchange = found.exchanges.get(name)
        if exchange is not None:
            yield row_of(exchange, columns, OF_EXCHANGE)
        await slices.take()


@action()
async def list_bindings(asked: Asked, vhost: str, columns: list[str]) -> Rows:
    """With those of every queue to the default exchange, which come first."""
    found, slices = asked.node.vhosts.get(vhost), asked.slices
    if found is None or not columns:
        return
    async for name in in_order(found.exchanges, str, slices):
        source = found.exchanges.get(name)
        if source is None:
            continue
        if not name:
            async for queue in in_order(found.queues, str, slices):
                if queue in found.queues:
                    yield row_of(implicit(vhost, queue), columns, OF_BINDING)
                await slices.take()
        async for key, binding in in_order(source.bindings.items(), _place, slices):
            if source.bindings.get(key) is binding:
                destination, routing_key, arguments = binding
                bound = Bound(
                    vhost, name, destination.kind, destination.name, routing_key, arguments
                )
                yield row_of(bound, columns, OF_BINDING)
            await slices.take()


def _place(entry: tuple[object, Binding]) -> tuple[str, str]:
    destination, routing_key, _ = entry[1]
    return destination.name, routing_key
