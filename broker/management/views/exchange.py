"""Exchanges as the HTTP API shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from broker.management.statistics import presented
from broker.management.views.common import Lens
from broker.management.views.pairs import incoming_of_exchange, outgoing_of_exchange
from broker.management.views.tables import json_of

if TYPE_CHECKING:
    from broker.exchanges.exchange import Exchange

Shown = dict[str, Any]
Columns = dict[str, Callable[[Any], Any]]

CHEAP: Columns = {
    "name": lambda exchange: exchange.name,
    "vhost": lambda exchange: exchange.vhost,
    "type": lambda exchange: exchange.type_name,
    "durable": lambda exchange: exchange.durable,
    "auto_delete": lambda exchange: exchange.auto_delete,
    "internal": lambda exchange: exchange.internal,
    "arguments": lambda exchange: json_of(exchange.arguments),
}


def show_exchange(exchange: Exchange, lens: Lens) -> Shown:
    """An entry of a list."""
    applied = exchange.applied
    policy = applied.policy if applied is not None else None
    shown: Shown = {
        "name": exchange.name,
        "vhost": exchange.vhost,
        "type": exchange.type_name,
        "durable": exchange.durable,
        "auto_delete": exchange.auto_delete,
        "internal": exchange.internal,
        "arguments": json_of(exchange.arguments),
        "user_who_performed_action": exchange.actor,
    }
    if policy is not None:
        shown["policy"] = policy.name
    if lens.has_stats and exchange.published:
        stats: Shown = {}
        counts = [("publish_in", exchange.published), ("publish_out", exchange.routed)]
        if not exchange.routed:
            del counts[1]
        presented.put(stats, counts, exchange.samples, lens.slot, lens.msg_rates)
        shown["message_stats"] = stats
    return shown


def show_exchange_whole(exchange: Exchange, lens: Lens) -> Shown:
    """For its own page."""
    shown = show_exchange(exchange, lens)
    if lens.has_stats:
        shown["incoming"] = incoming_of_exchange(exchange, lens)
        shown["outgoing"] = outgoing_of_exchange(exchange, lens)
    return shown
