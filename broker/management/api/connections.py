"""/api/connections, /api/channels, /api/consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.amqp.errors import ConnectionForced
from broker.management.api.visible import (
    channels,
    connections,
    find_channel,
    find_connection,
    vhosts_of_path,
)
from broker.management.listing import Listed, reply_list
from broker.management.request import VARY_EARLY, Refusal, Response, json_response
from broker.management.routes import ADMIN, DELETE, GET, MONITOR, VHOST, route
from broker.management.views import connection as views
from broker.management.views.consumer import consumer_details
from broker.session.consumer import ChannelConsumer

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.management.views.common import Lens
    from broker.session.connection import Connection

REASON = "Closed via management plugin"


@route("/connections", GET)
async def list_connections(context: Context) -> Response:
    lens = context.lens()
    return await reply_list(context, connections(context), views.list_connections(lens))


@route("/vhosts/:vhost/connections", GET, needs=VHOST)
async def list_connections_of_vhost(context: Context) -> Response:
    vhost, lens = context.vhost, context.lens()
    found = [one for one in connections(context) if one.vhost is vhost]
    return await reply_list(context, found, views.list_connections(lens))


@route("/connections/username/:username", GET, needs=MONITOR)
async def list_connections_of_user(context: Context) -> Response:
    """RabbitMQ: no more of them than whose they are."""
    username = context.params["username"]
    found = [
        {
            "name": one.name,
            "node": context.node.name,
            "user": username,
            "vhost": one.vhost.name,
        }
        for one in connections(context)
        if one.user.name == username
    ]
    return await reply_list(context, found, is_paginated=False)


@route("/connections/username/:username", DELETE, needs=ADMIN)
def close_connections_of_user(context: Context) -> None:
    for connection in list(connections(context)):
        if connection.user.name == context.params["username"]:
            _close(context, connection)


def _lens_of_one(context: Context) -> Lens:
    """Raises: Refusal: RabbitMQ looks at one connection or channel when it asks who may see it."""
    try:
        return context.lens()
    except Refusal as refusal:
        refusal.vary = VARY_EARLY
        raise


@route("/connections/:connection", GET)
def get_connection(context: Context) -> Response:
    """RabbitMQ: columns do not matter here, and what there is not of TLS is "", not null."""
    connection = find_connection(context, context.params["connection"])
    shown = views.show_connection(connection, _lens_of_one(context))
    return json_response({key: "" if value is None else value for key, value in shown.items()})


@route("/connections/:connection", DELETE)
def close_connection(context: Context) -> None:
    _close(context, find_connection(context, context.params["connection"], is_to_be_closed=True))


def _close(context: Context, connection: Connection) -> None:
    reason = _utf8(context.request.headers.get("x-reason", REASON))
    connection.close(ConnectionForced(reason, ids=(0, 0)))
    context.node.request_turn()


def _utf8(header: str) -> str:
    """What a client has put into a header, which arrives as one character for each octet. RabbitMQ
    passes the octets through, and clients read a reply text as UTF-8."""
    return header.encode("latin-1").decode("utf-8", "replace")


@route("/connections/:connection/channels", GET)
async def list_channels_of_connection(context: Context) -> Response:
    lens = context.lens()
    connection = find_connection(context, context.params["connection"])
    found = [channel for channel in connection.channels.values() if channel.is_open]
    return await reply_list(context, found, views.list_channels(lens))


@route("/channels", GET)
async def list_channels(context: Context) -> Response:
    lens = context.lens()
    return await reply_list(context, channels(context), views.list_channels(lens))


@route("/vhosts/:vhost/channels", GET, needs=VHOST)
async def list_channels_of_vhost(context: Context) -> Response:
    vhost, lens = context.vhost, context.lens()
    found = [one for one in channels(context) if one.connection.vhost is vhost]
    return await reply_list(context, found, views.list_channels(lens))


@route("/channels/:channel", GET)
def get_channel(context: Context) -> Response:
    """Columns do not matter here either."""
    channel = find_channel(context, context.params["channel"])
    return json_response(views.show_channel_whole(channel, _lens_of_one(context)))


@route("/consumers", GET)
@route("/consumers/:vhost", GET)
async def list_consumers(context: Context) -> Response:
    visitor = context.visitor
    found = [
        consumer
        for vhost in await vhosts_of_path(context)
        for queue in list(vhost.queues.values())
        for consumer in queue.consumers
        if isinstance(consumer, ChannelConsumer)
        and (visitor.is_monitor or consumer.channel.connection.user.name == visitor.name)
    ]
    listed = Listed(consumer_details, sorts=("channel_details.name", "consumer_tag"))
    return await reply_list(context, found, listed, is_paginated=False)
