"""/api/bindings, and those of a queue or an exchange.

RabbitMQ looks at bindings only, not at their ends: what is not there has none, and is no error.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from broker.amqp.errors import no_exchange, no_queue
from broker.amqp.methods import ExchangeBind, ExchangeUnbind, Method, QueueBind, QueueUnbind
from broker.management import direct
from broker.management.api.values import routing_key_of, table
from broker.management.api.visible import vhosts_of_path
from broker.management.listing import Listed, reply_list
from broker.management.paths import quoted, relative
from broker.management.request import Refusal, Response, not_authorised, not_found
from broker.management.routes import DELETE, GET, POST, VHOST, route
from broker.management.views.binding import (
    CHEAP,
    EXCHANGE,
    QUEUE,
    Bound,
    bindings_between,
    bindings_from,
    bindings_of_vhost,
    bindings_to,
    implicit,
    named,
    properties_key,
)

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.management.application import Context
    from broker.queues.queue import Queue
    from broker.vhost import VHost

KINDS = {"q": QUEUE, "e": EXCHANGE}  # as paths have them
SORTED: Listed[Bound] = Listed(
    Bound.show,
    CHEAP,
    sorts=("vhost", "source", "destination", "routing_key", "properties_key"),
)


@route("/bindings", GET)
@route("/bindings/:vhost", GET, needs=VHOST)
async def list_bindings(context: Context) -> Response:
    vhosts = await vhosts_of_path(context)
    return await _reply(context, (bound for vhost in vhosts for bound in bindings_of_vhost(vhost)))


@route("/queues/:vhost/:destination/bindings", GET, needs=VHOST)
async def list_bindings_of_queue(context: Context) -> Response:
    vhost, name = _vhost(context), context.params["destination"]
    if vhost is None:
        return await _reply(context, ())
    queue = vhost.queues.get(name)
    found = bindings_to(vhost, queue) if queue is not None else ()
    return await _reply(context, [implicit(vhost.name, name), *found])


@route("/exchanges/:vhost/:exchange/bindings/source", GET, needs=VHOST)
async def list_bindings_from(context: Context) -> Response:
    vhost, exchange = _vhost(context), _exchange(context, "exchange")
    if vhost is None or exchange is None:
        return await _reply(context, ())
    return await _reply(context, bindings_from(vhost, exchange))


@route("/exchanges/:vhost/:exchange/bindings/destination", GET, needs=VHOST)
async def list_bindings_to(context: Context) -> Response:
    vhost, exchange = _vhost(context), _exchange(context, "exchange")
    if vhost is None or exchange is None:
        return await _reply(context, ())
    return await _reply(context, bindings_to(vhost, exchange))


@route("/bindings/:vhost/e/:source/:dtype/:destination", GET, needs=VHOST)
async def list_bindings_between(context: Context) -> Response:
    return await _reply(context, _between(context))


@route("/bindings/:vhost/e/:source/:dtype/:destination", POST, needs=VHOST)
async def bind(context: Context) -> Response:
    kind = _kind(context)
    direct.vhost_of(context)
    fields = context.request.fields()
    arguments, routing_key = table(fields, "arguments"), routing_key_of(fields)
    params = context.params
    source, destination = params["source"], params["destination"]
    method: Method
    if kind == EXCHANGE:
        method = ExchangeBind(
            destination=destination, source=source, routing_key=routing_key, arguments=arguments
        )
    else:
        if not destination:  # over AMQP that is the queue declared last
            raise _nameless(context)
        method = QueueBind(
            queue=destination, exchange=source, routing_key=routing_key, arguments=arguments
        )
    await direct.request(context, method, fields)
    key = properties_key(routing_key, arguments)
    parts = ("api", "bindings", params["vhost"], "e", source, params["dtype"], destination, key)
    location = relative(context.request.path, [quoted(part) for part in parts])
    return Response(201, [("location", location)])


@route("/bindings/:vhost/e/:source/:dtype/:destination/:props", GET, needs=VHOST)
def get_binding(context: Context) -> object:
    return context.cut(_named(context).show())


@route("/bindings/:vhost/e/:source/:dtype/:destination/:props", DELETE, needs=VHOST)
async def unbind(context: Context) -> None:
    found = _named(context)
    method: Method
    if found.kind == QUEUE:
        method = QueueUnbind(
            queue=found.destination,
            exchange=found.source,
            routing_key=found.routing_key,
            arguments=found.arguments,
        )
    else:
        method = ExchangeUnbind(
            destination=found.destination,
            source=found.source,
            routing_key=found.routing_key,
            arguments=found.arguments,
        )
    await direct.request(context, method)


async def _reply(context: Context, found: Iterable[Bound]) -> Response:
    return await reply_list(context, found, SORTED, is_paginated=False)


def _vhost(context: Context) -> VHost | None:
    return context.node.vhosts.get(context.params["vhost"])


def _exchange(context: Context, name: str) -> Exchange | None:
    vhost = _vhost(context)
    return vhost.exchanges.get(context.params[name]) if vhost is not None else None


def _nameless(context: Context) -> Refusal:
    """Why an exchange is not bound to a queue without a name."""
    source, vhost = context.params["source"], context.params["vhost"]
    if not source:
        return not_authorised(direct.REFUSED)
    refusal = no_queue("", vhost) if _exchange(context, "source") else no_exchange(source, vhost)
    return Refusal(404, "not_found", refusal.text)


def _kind(context: Context) -> str:
    """Raises: Refusal (404)."""
    kind = KINDS.get(context.params["dtype"])
    if kind is None:
        raise not_found()
    return kind


def _between(context: Context) -> list[Bound]:
    """Raises: Refusal (404)."""
    vhost, name, kind = _vhost(context), context.params["destination"], _kind(context)
    if vhost is None:
        return []
    if not context.params["source"]:
        return [implicit(vhost.name, name)] if kind == QUEUE else []
    source = _exchange(context, "source")
    destination: Queue | Exchange | None
    destination = vhost.queues.get(name) if kind == QUEUE else vhost.exchanges.get(name)
    if source is None or destination is None:
        return []
    return list(bindings_between(vhost, source, destination))


def _named(context: Context) -> Bound:
    """Raises: Refusal (404)."""
    found = named(context.params["props"], _between(context))
    if found is None or (not found.source and found.destination not in context.vhost.queues):
        raise not_found()
    return found
