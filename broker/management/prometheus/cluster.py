"""Metrics of what the cluster has, whichever node is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker.management.prometheus.exposition import labels
from broker.management.prometheus.tables import Collecting, collected

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange
    from broker.node import Node


def vhost_status(node: Node) -> Collecting:
    return (
        yield from collected(
            list(node.vhosts.values()),
            ("vhost_status",),
            lambda vhost: labels(vhost=vhost.name),
            lambda vhost: (1,),
        )
    )


def _exchanges(node: Node) -> list[Exchange]:
    """RabbitMQ: but for the default one and internal ones."""
    return [
        exchange
        for vhost in node.vhosts.values()
        for exchange in vhost.exchanges.values()
        if exchange.name and not exchange.internal
    ]


def _exchange_labels(exchange: Exchange) -> str:
    return labels(vhost=exchange.vhost, exchange=exchange.name, type=exchange.type_name)


def exchange_bindings(node: Node) -> Collecting:
    return (
        yield from collected(
            _exchanges(node),
            ("exchange_bindings",),
            _exchange_labels,
            lambda exchange: (len(exchange.bindings),),
        )
    )


def exchange_names(node: Node) -> Collecting:
    return (
        yield from collected(
            _exchanges(node), ("exchange_name",), _exchange_labels, lambda exchange: (1,)
        )
    )


GROUPS = {
    "vhost_status": vhost_status,
    "exchange_bindings": exchange_bindings,
    "exchange_names": exchange_names,
}
