"""Runtime parameters of vhosts, and of the whole cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from broker.commands import ClearGlobalParameter
from broker.management.application import Context
from broker.management.listing import reply_list
from broker.management.operations import parameters
from broker.management.request import (
    Response,
    bad_request,
    escaped,
    missing,
    not_found,
    put_response,
)
from broker.management.routes import DELETE, GET, GLOBAL_POLICYMAKER, POLICYMAKER, PUT, route
from broker.management.views import parameters as views
from broker.policies.validation import ValidationError
from broker.vhost import VHost


async def visible(context: Context) -> list[VHost]:
    """Those that a list is about: of those whose insides the visitor sees, all or the wanted one.

    Raises: Refusal (404).
    """
    wanted = context.wanted_vhost
    vhosts = context.node.vhosts
    if wanted is not None and wanted not in vhosts:
        raise not_found()
    seen = await context.visitor.vhosts()
    return [vhosts[name] for name in seen if name in vhosts and wanted in (None, name)]


async def _reply(context: Context, component: str | None) -> Response:
    seen = await visible(context)

    def found() -> Iterator[dict[str, Any]]:
        for vhost in seen:
            yield from views.parameters(vhost, component)

    return await reply_list(context, found(), is_paginated=False)


@route("/parameters", GET, needs=POLICYMAKER)
async def all_parameters(context: Context) -> Response:
    """All parameters, operator policies among them."""
    return await _reply(context, None)


async def parameters_of_component(context: Context) -> Response:
    """Those of a component: vhost-limits, operator_policy, policy."""
    return await _reply(context, context.params["component"])


route("/parameters/:component", GET, needs=POLICYMAKER)(parameters_of_component)
route("/parameters/:component/:vhost", GET, needs=POLICYMAKER)(parameters_of_component)


@route("/parameters/:component/:vhost/:name", GET, needs=POLICYMAKER)
def parameter(context: Context) -> object:
    """One parameter."""
    names = context.params
    found = views.parameter(context.vhost, names["component"], names["name"])
    if found is None:
        raise not_found()
    return found


@route("/parameters/:component/:vhost/:name", PUT, needs=POLICYMAKER)
async def put_parameter(context: Context) -> Response:
    """Set it: {"value": …}."""
    names = context.params
    vhost = context.node.vhosts.get(names["vhost"])
    if vhost is None:
        raise missing("vhost_not_found")
    value = context.request.fields("value")["value"]
    was_there = views.parameter(vhost, names["component"], names["name"]) is not None
    try:
        command = parameters.set_parameter(vhost.name, names["component"], names["name"], value)
    except ValidationError as error:
        raise bad_request(escaped(str(error))) from None
    await context.execute(command)
    return put_response(was_there)


@route("/parameters/:component/:vhost/:name", DELETE, needs=POLICYMAKER)
async def delete_parameter(context: Context) -> None:
    """Clear it."""
    parameter(context)
    names = context.params
    command = parameters.clear_parameter(names["vhost"], names["component"], names["name"])
    await context.execute(command)


# of the cluster


@route("/global-parameters", GET, needs=GLOBAL_POLICYMAKER)
async def all_global_parameters(context: Context) -> Response:
    """Parameters of the cluster."""
    found = [views.global_parameter(*entry) for entry in context.node.global_parameters.items()]
    return await reply_list(context, found, is_paginated=False)


@route("/global-parameters/:name", GET, needs=GLOBAL_POLICYMAKER)
def global_parameter(context: Context) -> object:
    """One of them."""
    name = context.params["name"]
    if name not in context.node.global_parameters:
        raise not_found()
    return views.global_parameter(name, context.node.global_parameters[name])


@route("/global-parameters/:name", PUT, needs=GLOBAL_POLICYMAKER)
async def put_global_parameter(context: Context) -> Response:
    """Set it: {"value": …}."""
    name = context.params["name"]
    value = context.request.fields("value")["value"]
    was_there = name in context.node.global_parameters
    await context.execute(parameters.set_global_parameter(name, value))
    return put_response(was_there)


@route("/global-parameters/:name", DELETE, needs=GLOBAL_POLICYMAKER)
async def delete_global_parameter(context: Context) -> None:
    """Clear it."""
    global_parameter(context)
    await context.execute(ClearGlobalParameter(context.params["name"]))
