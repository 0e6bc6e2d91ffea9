"""Policies and operator policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from broker.commands import ClearPolicy
from broker.management.api.parameters import visible
from broker.management.application import Context
from broker.management.listing import Listed, reply_list
from broker.management.operations.parameters import set_policy
from broker.management.request import (
    JSON,
    Response,
    bad_request,
    escaped,
    missing,
    not_found,
    put_response,
)
from broker.management.routes import ADMIN, DELETE, GET, POLICYMAKER, PUT, VHOST, route
from broker.management.views import parameters as views
from broker.policies.policy import OPERATOR_POLICY, POLICY, Policy
from broker.policies.validation import ValidationError

LISTED = Listed[dict[str, Any]](lambda shown: shown, sorts=("priority", "vhost", "name"))


async def _reply(context: Context, kind: str) -> Response:
    seen = await visible(context)

    def found() -> Iterator[dict[str, Any]]:
        for vhost in seen:
            yield from views.policies(vhost, kind)

    return await reply_list(context, found(), LISTED, is_paginated=False)


def _policy(context: Context, kind: str) -> Policy:
    """That of the path. Raises: Refusal (404)."""
    found = context.vhost.policies.by_kind[kind].get(context.params["name"])
    if found is None:
        raise not_found()
    return found


async def _put(context: Context, kind: str, shown: Callable[[str], str]) -> Response:
    """shown: what becomes of the text of a refusal."""
    vhost = context.node.vhosts.get(context.params["vhost"])
    if vhost is None:
        raise missing("vhost_not_found")
    name = context.params["name"]
    was_there = name in vhost.policies.by_kind[kind]
    fields = context.request.fields("pattern", "definition")
    try:
        command = set_policy(vhost.name, name, fields, kind)
    except ValidationError as error:
        raise bad_request(shown(str(error))) from None
    await context.execute(command)
    return put_response(was_there)


async def policies(context: Context) -> Response:
    """All policies, or those of a vhost."""
    return await _reply(context, POLICY)


async def operator_policies(context: Context) -> Response:
    """All operator policies, or those of a vhost."""
    return await _reply(context, OPERATOR_POLICY)


route("/policies", GET, needs=VHOST)(policies)
route("/policies/:vhost", GET, needs=VHOST)(policies)
route("/operator-policies", GET, needs=VHOST, varies=False)(operator_policies)
route("/operator-policies/:vhost", GET, needs=VHOST, varies=False)(operator_policies)


@route("/policies/:vhost/:name", GET, needs=POLICYMAKER)
def policy(context: Context) -> object:
    """One policy."""
    return views.policy(context.params["vhost"], _policy(context, POLICY))


@route("/policies/:vhost/:name", PUT, needs=POLICYMAKER)
async def put_policy(context: Context) -> Response:
    """Set it: pattern, definition; priority and apply-to."""
    return await _put(context, POLICY, escaped)


@route("/policies/:vhost/:name", DELETE, needs=POLICYMAKER)
async def delete_policy(context: Context) -> None:
    """Clear it."""
    await context.execute(ClearPolicy(context.params["vhost"], _policy(context, POLICY).name))


@route("/operator-policies/:vhost/:name", GET, needs=ADMIN, varies=False)
def operator_policy(context: Context) -> object:
    """One operator policy."""
    return views.policy(context.params["vhost"], _policy(context, OPERATOR_POLICY))


@route("/operator-policies/:vhost/:name", PUT, needs=ADMIN, accepts=(JSON,), varies=False)
async def put_operator_policy(context: Context) -> Response:
    """Set it: pattern, definition; priority and apply-to."""
    return await _put(context, OPERATOR_POLICY, str)


@route("/operator-policies/:vhost/:name", DELETE, needs=ADMIN, varies=False)
async def delete_operator_policy(context: Context) -> None:
    """Clear it."""
    name = _policy(context, OPERATOR_POLICY).name
    await context.execute(ClearPolicy(context.params["vhost"], name, OPERATOR_POLICY))
