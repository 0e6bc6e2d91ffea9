"""Users: who there is."""

from __future__ import annotations

from broker.auth.users import User
from broker.commands import DeleteUser
from broker.management.application import Context
from broker.management.listing import Listed, reply_list
from broker.management.operations import users
from broker.management.request import Response, not_found, put_response
from broker.management.routes import ADMIN, DELETE, GET, POST, PUT, route
from broker.management.views import accounts

USERS = Listed(accounts.user)


def user_of(context: Context) -> User:
    """That of the path. Raises: Refusal (404)."""
    found = context.node.users.get(context.params["user"])
    if found is None:
        raise not_found()
    return found


@route("/users", GET, needs=ADMIN)
async def all_users(context: Context) -> Response:
    """All users, with the hashes of their passwords."""
    return await reply_list(context, list(context.node.users.values()), USERS, is_paginated=False)


@route("/users/without-permissions", GET, needs=ADMIN)
async def users_without_permissions(context: Context) -> Response:
    """Those that may not enter any vhost."""
    found = [user for user in context.node.users.values() if not user.permissions]
    return await reply_list(context, found, USERS, is_paginated=False)


@route("/users/bulk-delete", POST, needs=ADMIN)
async def delete_users(context: Context) -> None:
    """Delete several users: {"users": [names]}."""
    names = context.request.fields("users")["users"]
    await context.execute_all(users.delete_users(context.node, names))


@route("/users/:user", GET, needs=ADMIN)
def user(context: Context) -> object:
    """One user."""
    return accounts.user(user_of(context))


@route("/users/:user", PUT, needs=ADMIN)
async def put_user(context: Context) -> Response:
    """Add a user or change one: tags, and password or password_hash; neither: it has none."""
    name = context.params["user"]
    was_there = name in context.node.users
    await context.execute_all(users.put_user(context.node, name, context.request.fields()))
    return put_response(was_there)


@route("/users/:user", DELETE, needs=ADMIN)
async def delete_user(context: Context) -> None:
    """Delete a user. Its connections are closed."""
    await context.execute(DeleteUser(user_of(context).name))
