"""/api/exchanges and /api/bindings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from broker.amqp.methods import (
    ExchangeBind,
    ExchangeDeclare,
    ExchangeDelete,
    ExchangeUnbind,
    Method,
    QueueBind,
    QueueUnbind,
)
from broker.management import direct
from broker.management.api.queues import SORTED_BINDINGS
from broker.management.api.values import flag, table, text
from broker.management.api.visible import lens_of_list, vhosts_of_path
from broker.management.listing import Listed, reply_list
from broker.management.request import Refusal, Response, bad_request, not_found
from broker.management.routes import DELETE, GET, POST, PUT, VHOST, route
from broker.management.views.exchange import (
    CHEAP,
    Bound,
    bindings_from,
    bindings_of_vhost,
    bindings_to,
    implicit,
    properties_key,
    show_exchange,
    show_exchange_whole,
)
from broker.management.views.properties import read_payload, read_properties
from broker.queues.queue import Queue

if TYPE_CHECKING:
    from broker.exchanges.exchange import Binding, Exchange
    from broker.management.application import Context

Shown = dict[str, Any]
DEFAULT = "amq.default"  # what the default exchange is called in paths


def exchange_name(name: str) -> str:
    return "" if name == DEFAULT else name


def find_exchange(context: Context, name: str = "exchange") -> Exchange:
    """That of the path. Raises: Refusal (404)."""
    exchange = context.vhost.exchanges.get(exchange_name(context.params[name]))
    if exchange is None:
        raise not_found()
    return exchange


@route("/exchanges", GET)
@route("/exchanges/:vhost", GET, needs=VHOST)
async def list_exchanges(context: Context) -> Response:
    lens = lens_of_list(context)
    vhosts = await vhosts_of_path(context)
    found = (exchange for vhost in vhosts for exchange in list(vhost.exchanges.values()))
    return await reply_list(context, found, Listed(lambda one: show_exchange(one, lens), CHEAP))


@route("/exchanges/:vhost/:exchange", GET, needs=VHOST)
def get_exchange(context: Context) -> object:
    return context.cut(show_exchange_whole(find_exchange(context), context.lens()))


@route("/exchanges/:vhost/:exchange", PUT, needs=VHOST)
async def declare_exchange(context: Context) -> Response:
    fields, name = context.request.fields(), exchange_name(context.params["exchange"])
    is_new = name not in context.vhost.exchanges
    method = ExchangeDeclare(
        exchange=name,
        type=text(fields, "type", "direct"),
        durable=flag(fields, "durable"),
        auto_delete=flag(fields, "auto_delete"),
        internal=flag(fields, "internal"),
        arguments=table(fields, "arguments"),
    )
    await direct.request(context, method)
    return Response(201 if is_new else 204)


@route("/exchanges/:vhost/:exchange", DELETE, needs=VHOST)
async def delete_exchange(context: Context) -> None:
    exchange = find_exchange(context)
    method = ExchangeDelete(exchange=exchange.name, if_unused=context.request.is_set("if-unused"))
    await direct.request(context, method)


@route("/exchanges/:vhost/:exchange/publish", POST, needs=VHOST)
async def publish(context: Context) -> object:
    """RabbitMQ: an exchange that is not there is refused as over AMQP (400)."""
    fields = context.request.fields("routing_key", "properties", "payload", "payload_encoding")
    body = read_payload(fields["payload"], fields["payload_encoding"])
    header = read_properties(fields["properties"]).encode(len(body))
    routing_key = _routing_key(fields)
    async with context.direct() as channel:
        outcome = await channel.publish(
            exchange_name(context.params["exchange"]), routing_key, header, body
        )
    if outcome is None:
        raise bad_request("rejected Unable to publish message. Check queue limits.")
    return {"routed": outcome}


@route("/exchanges/:vhost/:exchange/bindings/source", GET, needs=VHOST)
async def list_bindings_from(context: Context) -> Response:
    exchange = find_exchange(context)
    found = bindings_from(exchange)
    if not exchange.name:
        found = (implicit(queue) for queue in list(context.vhost.queues.values()))
    return await reply_list(context, found, SORTED_BINDINGS, is_paginated=False)


@route("/exchanges/:vhost/:exchange/bindings/destination", GET, needs=VHOST)
async def list_bindings_to(context: Context) -> Response:
    found = bindings_to(find_exchange(context))
    return await reply_list(context, found, SORTED_BINDINGS, is_paginated=False)


# bindings


@route("/bindings", GET)
@route("/bindings/:vhost", GET, needs=VHOST)
async def list_bindings(context: Context) -> Response:
    vhosts = await vhosts_of_path(context)
    found = (bound for vhost in vhosts for bound in bindings_of_vhost(vhost))
    return await reply_list(context, found, SORTED_BINDINGS, is_paginated=False)


def _ends(context: Context) -> tuple[Exchange, Queue | Exchange]:
    """Those of the path. Raises: Refusal (404)."""
    source = find_exchange(context, "source")
    kind, name = context.params["dtype"], context.params["destination"]
    vhost = context.vhost
    found: Queue | Exchange | None = None
    if kind == "q":
        found = vhost.queues.get(name)
    elif kind == "e":
        found = vhost.exchanges.get(exchange_name(name))
    if found is None:
        raise not_found()
    return source, found


def _between(source: Exchange, destination: Queue | Exchange) -> Iterator[Binding]:
    yield from (destination.incoming or {}).get(source, {}).values()


def _found_between(context: Context) -> list[Bound]:
    source, destination = _ends(context)
    if not source.name:
        return [implicit(destination)] if isinstance(destination, Queue) else []
    return [
        Bound(source.vhost, source.name, destination, binding)
        for binding in _between(source, destination)
    ]


@route("/bindings/:vhost/e/:source/:dtype/:destination", GET, needs=VHOST)
async def list_bindings_between(context: Context) -> Response:
    return await reply_list(context, _found_between(context), SORTED_BINDINGS, is_paginated=False)


@route("/bindings/:vhost/e/:source/:dtype/:destination", POST, needs=VHOST)
async def bind(context: Context) -> Response:
    fields = context.request.fields()
    arguments = table(fields, "arguments")
    routing_key = _routing_key(fields)
    params = context.params
    source, destination = exchange_name(params["source"]), params["destination"]
    method: Method
    if params["dtype"] == "q":
        method = QueueBind(
            queue=destination, exchange=source, routing_key=routing_key, arguments=arguments
        )
    elif params["dtype"] == "e":
        method = ExchangeBind(
            destination=exchange_name(destination),
            source=source,
            routing_key=routing_key,
            arguments=arguments,
        )
    else:
        raise not_found()
    await direct.request(context, method)
    key = properties_key(routing_key, arguments)
    location = f"{quote(destination, safe='')}/{quote(key, safe='')}"
    return Response(201, [("location", location)])


@route("/bindings/:vhost/e/:source/:dtype/:destination/:props", GET, needs=VHOST)
def get_binding(context: Context) -> object:
    wanted = context.params["props"]
    for bound in _found_between(context):
        if bound.properties_key == wanted:
            return context.cut(bound.show())
    raise not_found()


@route("/bindings/:vhost/e/:source/:dtype/:destination/:props", DELETE, needs=VHOST)
async def unbind(context: Context) -> None:
    source, destination = _ends(context)
    wanted = context.params["props"]
    for binding in _between(source, destination):
        if properties_key(binding.routing_key, binding.arguments) == wanted:
            break
    else:
        raise not_found()
    names: dict[str, Any] = dict(zip(("routing_key", "arguments"), binding[1:], strict=True))
    method: Method
    if destination.kind == "queue":
        method = QueueUnbind(queue=destination.name, exchange=source.name, **names)
    else:
        method = ExchangeUnbind(destination=destination.name, source=source.name, **names)
    await direct.request(context, method)


def _routing_key(fields: Shown) -> str:
    """Raises: Refusal, for one that is too long for the wire."""
    routing_key = text(fields, "routing_key")
    if len(routing_key.encode("utf-8", "surrogatepass")) > 255:
        raise Refusal(400, "bad_request", "routing_key is longer than 255 octets")
    return routing_key
