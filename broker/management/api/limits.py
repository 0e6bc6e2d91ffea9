"""Limits of vhosts and of users."""

from __future__ import annotations

from typing import Any

from broker.management.application import Context
from broker.management.listing import Listed, reply_list
from broker.management.operations import parameters, users
from broker.management.request import JSON, Response, missing, not_found
from broker.management.routes import ADMIN, DELETE, GET, PUT, USER, VISIBLE, route

LISTED = Listed[dict[str, Any]](lambda shown: shown, sorts=("vhost", "user"))


async def vhost_limits(context: Context) -> Response:
    """Limits of all vhosts that the user sees, or of one."""
    node, wanted = context.node, context.wanted_vhost
    if wanted is not None and wanted not in node.vhosts:
        raise not_found()
    names = await context.visitor.visible_vhosts() if wanted is None else [wanted]
    found: list[dict[str, Any]] = []
    for name in names:
        if name not in node.vhosts:  # any more
            continue
        limits = parameters.vhost_limits(node, name)
        is_set = parameters.VHOST_LIMITS in node.vhosts[name].parameters
        if limits or (is_set and wanted is None):  # RabbitMQ, likewise
            found.append({"vhost": name, "value": limits or []})
    return await reply_list(context, found, LISTED, is_paginated=False)


route("/vhost-limits", GET, needs=VISIBLE, varies=False)(vhost_limits)
route("/vhost-limits/:vhost", GET, needs=VISIBLE, varies=False)(vhost_limits)


@route("/vhost-limits/:vhost/:name", PUT, needs=ADMIN, accepts=(JSON,), varies=False)
async def put_vhost_limit(context: Context) -> None:
    """Set a limit: max-connections or max-queues; {"value": number}, below 0: none."""
    vhost = context.params["vhost"]
    if vhost not in context.node.vhosts:
        raise missing("vhost_not_found")
    value = context.request.fields("value")["value"]
    name = context.params["name"]
    await context.execute(parameters.set_vhost_limit(context.node, vhost, name, value))


@route("/vhost-limits/:vhost/:name", DELETE, needs=ADMIN, varies=False)
async def delete_vhost_limit(context: Context) -> None:
    """Clear a limit; one that is not set is not missed."""
    command = parameters.clear_vhost_limit(context.node, context.vhost.name, context.params["name"])
    await context.execute(command)


async def user_limits(context: Context) -> Response:
    """Limits of all users, or of one."""
    wanted = context.params.get("user")
    if wanted is not None and wanted not in context.node.users:
        raise not_found()
    found = [
        {"user": user.name, "value": dict(user.limits)}
        for user in context.node.users.values()
        if user.limits and wanted in (None, user.name)
    ]
    return await reply_list(context, found, LISTED, is_paginated=False)


route("/user-limits", GET, needs=USER, varies=False)(user_limits)
route("/user-limits/:user", GET, needs=USER, varies=False)(user_limits)


@route("/user-limits/:user/:name", PUT, needs=ADMIN, accepts=(JSON,), varies=False)
async def put_user_limit(context: Context) -> None:
    """Set a limit: max-connections or max-channels; {"value": number}, below 0: none."""
    value = context.request.fields("value")["value"]
    names = context.params
    command = users.set_user_limit(context.node, names["user"], names["name"], value)
    await context.execute(command)


@route("/user-limits/:user/:name", DELETE, needs=ADMIN, varies=False)
async def delete_user_limit(context: Context) -> None:
    """Clear a limit, or "all" of them; one that is not set is not missed."""
    names = context.params
    if names["user"] not in context.node.users:
        raise not_found()
    await context.execute(users.clear_user_limit(context.node, names["user"], names["name"]))
