"""What is defined, in the form that is exported and can be imported again, here or by RabbitMQ.

What ends with a connection is left out, and so is what every vhost has anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from broker.exchanges.exchange import Binding, Exchange
from broker.management.views import accounts, parameters
from broker.management.views.tables import json_of
from broker.node import Node
from broker.queues.queue import Queue
from broker.vhost import VHost

Shown = dict[str, Any]
Categories = dict[str, Callable[[], Iterator[Shown]]]  # name → what is in it, when it is asked for


def of_node(node: Node) -> Categories:
    """All there is, in RabbitMQ's order of categories."""

    def each(show: Callable[[VHost], Iterator[Shown]]) -> Iterator[Shown]:
        for vhost in list(node.vhosts.values()):
            yield from show(vhost)

    return {
        "users": lambda: map(accounts.user, list(node.users.values())),
        "vhosts": lambda: map(_vhost, list(node.vhosts.values())),
        "permissions": lambda: accounts.all_permissions(node),
        "topic_permissions": lambda: accounts.all_topic_permissions(node),
        "parameters": lambda: each(parameters.parameters),
        "global_parameters": lambda: (
            parameters.global_parameter(name, value)
            for name, value in list(node.global_parameters.items())
        ),
        "policies": lambda: each(parameters.policies),
        "queues": lambda: each(_queues),
        "exchanges": lambda: each(_exchanges),
        "bindings": lambda: each(_bindings),
    }


def of_vhost(vhost: VHost) -> Categories:
    """What is in one: the vhost is not named, but by policies and parameters, as in RabbitMQ."""

    def bare(show: Callable[[VHost], Iterator[Shown]]) -> Iterator[Shown]:
        for shown in show(vhost):
            del shown["vhost"]
            yield shown

    return {
        "parameters": lambda: parameters.parameters(vhost),
        "policies": lambda: parameters.policies(vhost),
        "queues": lambda: bare(_queues),
        "exchanges": lambda: bare(_exchanges),
        "bindings": lambda: bare(_bindings),
    }


def _vhost(vhost: VHost) -> Shown:
    """3.10's export has the name only; what else there is would be lost, and is understood there
    as it is in later releases."""
    description, tags, queue_type = vhost.metadata
    metadata: Shown = {}
    if description or tags:
        metadata = {"description": description, "tags": list(tags)}
    if queue_type:
        metadata["default_queue_type"] = queue_type
    return {"name": vhost.name, "metadata": metadata} if metadata else {"name": vhost.name}


def _queues(vhost: VHost) -> Iterator[Shown]:
    for queue in list(vhost.queues.values()):
        if not queue.owner:
            yield {
                "name": queue.name,
                "vhost": vhost.name,
                "durable": queue.durable,
                "auto_delete": queue.auto_delete,
                "arguments": json_of(queue.arguments),
            }


def _exchanges(vhost: VHost) -> Iterator[Shown]:
    for exchange in list(vhost.exchanges.values()):
        if exchange.name and not exchange.name.startswith("amq."):
            yield {
                "name": exchange.name,
                "vhost": vhost.name,
                "type": exchange.type_name,
                "durable": exchange.durable,
                "auto_delete": exchange.auto_delete,
                "internal": exchange.internal,
                "arguments": json_of(exchange.arguments),
            }


def _bindings(vhost: VHost) -> Iterator[Shown]:
    for exchange in list(vhost.exchanges.values()):
        for binding in list(exchange.bindings.values()):
            if not (isinstance(binding.destination, Queue) and binding.destination.owner):
                yield _binding(exchange, binding)


def _binding(source: Exchange, binding: Binding) -> Shown:
    return {
        "source": source.name,
        "vhost": source.vhost,
        "destination": binding.destination.name,
        "destination_type": binding.destination.kind,
        "routing_key": binding.routing_key,
        "arguments": json_of(binding.arguments),
    }
