"""/api/exchanges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.amqp.methods import ExchangeDeclare, ExchangeDelete
from broker.management import direct
from broker.management.api.values import flag, routing_key_of, table, text
from broker.management.api.visible import lens_of_list, vhosts_of_path
from broker.management.listing import Listed, reply_list
from broker.management.request import Response, bad_request, not_found
from broker.management.routes import DELETE, GET, POST, PUT, VHOST, route
from broker.management.views.exchange import CHEAP, show_exchange, show_exchange_whole
from broker.management.views.properties import check_payload, read_payload, read_properties

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.management.application import Context

BASIC = frozenset(  # columns for which RabbitMQ looks at no statistics
    {"vhost", "name", "type", "durable", "auto_delete", "internal", "arguments", "pid"}
)
STATS = frozenset({"disable_stats"})


def find_exchange(context: Context) -> Exchange:
    """That of the path. Raises: Refusal (404)."""
    exchange = context.vhost.exchanges.get(context.params["exchange"])
    if exchange is None:
        raise not_found()
    return exchange


@route("/exchanges", GET)
@route("/exchanges/:vhost", GET, needs=VHOST)
async def list_exchanges(context: Context) -> Response:
    lens = lens_of_list(context, BASIC)
    vhosts = await vhosts_of_path(context)
    found = (exchange for vhost in vhosts for exchange in list(vhost.exchanges.values()))
    return await reply_list(context, found, Listed(lambda one: show_exchange(one, lens), CHEAP))


@route("/exchanges/:vhost/:exchange", GET, needs=VHOST)
def get_exchange(context: Context) -> object:
    """RabbitMQ: of one exchange statistics are always shown."""
    return context.cut(show_exchange_whole(find_exchange(context), context.lens(without=STATS)))


@route("/exchanges/:vhost/:exchange", PUT, needs=VHOST)
async def declare_exchange(context: Context) -> Response:
    vhost, name = direct.vhost_of(context), context.params["exchange"]
    fields, is_new = context.request.fields(), name not in vhost.exchanges
    method = ExchangeDeclare(
        exchange=name,
        auto_delete=flag(fields, "auto_delete"),  # they are read in RabbitMQ's order
        durable=flag(fields, "durable"),
        internal=flag(fields, "internal"),
        arguments=table(fields, "arguments"),
        passive=flag(fields, "passive"),
        type=text(fields, "type", "direct"),
    )
    await direct.request(context, method, fields)
    return Response(201 if is_new else 204)


@route("/exchanges/:vhost/:exchange", DELETE, needs=VHOST)
async def delete_exchange(context: Context) -> None:
    exchange = find_exchange(context)
    method = ExchangeDelete(exchange=exchange.name, if_unused=context.request.is_set("if-unused"))
    await direct.request(context, method)


@route("/exchanges/:vhost/:exchange/publish", POST, needs=VHOST)
async def publish(context: Context) -> object:
    fields = context.request.fields("routing_key", "properties", "payload", "payload_encoding")
    check_payload(fields["payload"])
    async with context.direct() as channel:
        properties = read_properties(fields["properties"])
        body = read_payload(fields["payload"], fields["payload_encoding"])
        outcome = await channel.publish(
            context.params["exchange"], routing_key_of(fields), properties.encode(len(body)), body
        )
    if outcome is None:
        raise bad_request("rejected Unable to publish message. Check queue limits.")
    return {"routed": outcome}
