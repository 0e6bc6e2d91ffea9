"""The cluster as such: its name, what it is able to do, and what is done to all of it."""

from __future__ import annotations

import logging
from typing import Any

from broker.commands import SetGlobalParameter
from broker.identity import NAME
from broker.management.application import Context
from broker.management.listing import reply_list
from broker.management.operations.refused import Refused, text_of
from broker.management.request import JSON, Response, not_found
from broker.management.routes import ADMIN, DELETE, GET, POST, PUT, route
from broker.policies.validation import as_json

log = logging.getLogger("broker.management")

# name, description, where it is described, by which part it is provided
_FLAGS = (
    (
        "classic_mirrored_queue_version",
        "Support setting version for classic mirrored queues",
        "",
        "rabbit",
    ),
    (
        "drop_unroutable_metric",
        "Count unroutable publishes to be dropped in stats",
        "",
        "rabbitmq_management_agent",
    ),
    (
        "empty_basic_get_metric",
        "Count AMQP `basic.get` on empty queues in stats",
        "",
        "rabbitmq_management_agent",
    ),
    (
        "implicit_default_bindings",
        "Default bindings are now implicit, instead of being stored in the database",
        "",
        "rabbit",
    ),
    ("maintenance_mode_status", "Maintenance mode status", "", "rabbit"),
    (
        "quorum_queue",
        "Support queues of type `quorum`",
        "https://www.rabbitmq.com/quorum-queues.html",
        "rabbit",
    ),
    (
        "stream_queue",
        "Support queues of type `stream`",
        "https://www.rabbitmq.com/stream.html",
        "rabbit",
    ),
    ("user_limits", "Configure connection and channel limits for a user", "", "rabbit"),
    (
        "virtual_host_metadata",
        "Virtual host metadata (description, tags, etc)",
        "",
        "rabbit",
    ),
)
_MISSING = frozenset({"stream_queue"})  # there are no streams yet


@route("/cluster-name", GET)
def cluster_name(context: Context) -> object:
    """What the cluster is called."""
    return {"name": context.node.cluster_name}


@route("/cluster-name", PUT, needs=ADMIN)
async def put_cluster_name(context: Context) -> None:
    """Call it {"name": …} from now on."""
    name = text_of("cluster", "name", context.request.fields("name")["name"])
    await context.execute(SetGlobalParameter(NAME, as_json(name)))


@route("/extensions", GET)
def extensions(context: Context) -> object:
    """What RabbitMQ's page is made of."""
    return [{"javascript": "dispatcher.js"}]


@route("/feature-flags", GET, needs=ADMIN)
async def feature_flags(context: Context) -> Response:
    """RabbitMQ 3.10's flags: all are on, but for what is not there."""
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "desc": description,
            "doc_url": url,
            "state": "unavailable" if name in _MISSING else "enabled",
            "stability": "stable",
            "provided_by": provider,
        }
        for name, description, url, provider in _FLAGS
    ]
    return await reply_list(context, found, is_paginated=False)


@route("/feature-flags/:name/enable", PUT, needs=ADMIN, accepts=(JSON,), varies=False)
def enable_feature_flag(context: Context) -> None:
    """Switch one on that is on."""
    name = context.params["name"]
    if name in _MISSING or name not in {flag[0] for flag in _FLAGS}:
        raise Refused("unsupported")


@route("/rebalance/queues", POST, needs=ADMIN, provides="text/plain", varies=False)
def rebalance(context: Context) -> None:
    """Spread the leaders of queues over the nodes: there is but one."""
    log.info("queues are to be rebalanced, user=%s", context.visitor.name)


@route("/reset", DELETE, needs=ADMIN, varies=False)
@route("/reset/:node", DELETE, needs=ADMIN, varies=False)
def reset(context: Context) -> None:
    """Forget all statistics: rates and charts begin anew."""
    if context.params.get("node", context.node.name) != context.node.name:
        raise not_found()
    context.management.collector.reset()
