"""Permissions in vhosts, and on topic exchanges."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.auth.users import User
from broker.commands import ClearPermissions, ClearTopicPermissions
from broker.management.api.users import user_of
from broker.management.application import Context
from broker.management.listing import Listed, reply_list
from broker.management.operations import permissions
from broker.management.request import Response, bad_request, not_found, put_response
from broker.management.routes import ADMIN, DELETE, GET, PUT, route
from broker.management.views import accounts

LISTED = Listed[dict[str, Any]](lambda shown: shown, sorts=("vhost", "user", "exchange"))


async def _reply(context: Context, found: Iterable[dict[str, Any]]) -> Response:
    return await reply_list(context, found, LISTED, is_paginated=False)


def _owner(context: Context) -> tuple[User, str]:
    """User and vhost of the path; for a change. Raises: Refusal, RabbitMQ's for that."""
    user = context.node.users.get(context.params["user"])
    vhost = context.params["vhost"]
    if user is None or vhost not in context.node.vhosts:
        raise bad_request("vhost_or_user_not_found")
    return user, vhost


@route("/permissions", GET, needs=ADMIN)
async def all_permissions(context: Context) -> Response:
    """All permissions of all users."""
    return await _reply(context, accounts.all_permissions(context.node))


@route("/users/:user/permissions", GET, needs=ADMIN)
async def permissions_of_user(context: Context) -> Response:
    """What a user may do, vhost by vhost."""
    return await _reply(context, accounts.permissions_of(user_of(context)))


@route("/vhosts/:vhost/permissions", GET, needs=ADMIN)
async def permissions_in_vhost(context: Context) -> Response:
    """Who may do what in a vhost."""
    vhost = context.vhost.name
    found = accounts.all_permissions(context.node)
    return await _reply(context, (shown for shown in found if shown["vhost"] == vhost))


@route("/permissions/:vhost/:user", GET, needs=ADMIN)
def permission(context: Context) -> object:
    """What a user may do in a vhost."""
    vhost = context.vhost.name
    user = user_of(context)
    found = user.permissions.get(vhost)
    if found is None:
        raise not_found()
    return accounts.permissions(user.name, vhost, found)


@route("/permissions/:vhost/:user", PUT, needs=ADMIN)
async def put_permission(context: Context) -> Response:
    """Set it: patterns for configure, write and read."""
    user, vhost = _owner(context)
    fields = context.request.fields("configure", "write", "read")
    was_there = vhost in user.permissions
    await context.execute(permissions.set_permissions(context.node, user.name, vhost, fields))
    return put_response(was_there)


@route("/permissions/:vhost/:user", DELETE, needs=ADMIN)
async def delete_permission(context: Context) -> None:
    """Close a vhost to a user."""
    permission(context)
    await context.execute(ClearPermissions(context.params["user"], context.params["vhost"]))


# on topic exchanges


@route("/topic-permissions", GET, needs=ADMIN, varies=False)
async def all_topic_permissions(context: Context) -> Response:
    """All topic permissions of all users."""
    return await _reply(context, accounts.all_topic_permissions(context.node))


@route("/users/:user/topic-permissions", GET, needs=ADMIN, varies=False)
async def topic_permissions_of_user(context: Context) -> Response:
    """What routing keys a user may use."""
    return await _reply(context, accounts.topic_permissions_of(user_of(context)))


@route("/vhosts/:vhost/topic-permissions", GET, needs=ADMIN, varies=False)
async def topic_permissions_in_vhost(context: Context) -> Response:
    """Who may use what routing keys in a vhost."""
    vhost = context.vhost.name
    found = accounts.all_topic_permissions(context.node)
    return await _reply(context, (shown for shown in found if shown["vhost"] == vhost))


def topic_permissions(context: Context) -> list[dict[str, Any]]:
    """What routing keys a user may use in a vhost, on all exchanges."""
    vhost = context.vhost.name
    found = accounts.topic_permissions_of(user_of(context))
    shown = [one for one in found if one["vhost"] == vhost]
    if not shown:
        raise not_found()
    return shown


async def put_topic_permission(context: Context) -> Response:
    """Set it on one exchange: patterns for write and read."""
    user, vhost = _owner(context)
    fields = context.request.fields("exchange", "write", "read")
    was_there = any(key[0] == vhost for key in user.topic_permissions)
    command = permissions.set_topic_permissions(context.node, user.name, vhost, fields)
    await context.execute(command)
    return put_response(was_there)


async def delete_topic_permissions(context: Context) -> None:
    """Let a user use any routing key again, on all exchanges or on one."""
    topic_permissions(context)
    names = context.params
    exchange = names.get("exchange")
    await context.execute(ClearTopicPermissions(names["user"], names["vhost"], exchange))


for _path in ("/topic-permissions/:vhost/:user", "/topic-permissions/:vhost/:user/:exchange"):
    route(_path, GET, needs=ADMIN, varies=False)(
        topic_permissions
    )  # the exchange does not matter, as there
    route(_path, PUT, needs=ADMIN, varies=False)(put_topic_permission)
    route(_path, DELETE, needs=ADMIN, varies=False)(delete_topic_permissions)
