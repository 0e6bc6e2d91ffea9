"""/api/overview, /api/nodes, the GET of /api/vhosts: the broker as a whole."""

from __future__ import annotations

import platform
from time import perf_counter
from typing import TYPE_CHECKING, Any

from broker.management.api.visible import connections, lens_of_list
from broker.management.listing import Column, Listed, columns_of, cut, reply_list
from broker.management.request import Response, json_response, not_found
from broker.management.routes import ADMIN, GET, MONITOR, route
from broker.management.statistics import presented
from broker.management.statistics.counted import CHURN, DISK, LENGTHS, OCTETS, OF_CHANNELS
from broker.management.statistics.samples import Samples
from broker.management.statistics.totals import Totals
from broker.management.views.common import Lens
from broker.management.views.node import (
    BINARY,
    exchange_types,
    memory_breakdown,
    show_node,
)

if TYPE_CHECKING:
    from broker.management.application import Context
    from broker.vhost import VHost

Shown = dict[str, Any]
RETENTION = {"global": [600, 3600, 28800, 86400], "basic": [600, 3600], "detailed": [600]}


@route("/overview", GET)
async def overview(context: Context) -> Response:
    remembered, visitor = context.management.remembered, context.visitor
    who = None if visitor.is_monitor else visitor.name
    key = ("overview", who, *sorted(context.request.query.items()))
    response = remembered.find(key)
    if response is None:
        totals = await context.management.collector.totals()
        began = perf_counter()
        response = json_response(await _overview(context, totals))
        remembered.keep(key, response, perf_counter() - began)
    return response


async def _overview(context: Context, totals: Totals) -> object:
    management, node, lens = context.management, context.node, context.lens()
    version = node.config.identity.product_version
    shown: Shown = {
        "management_version": version,
        "rates_mode": node.config.management.rates_mode,
        "sample_retention_policies": RETENTION,
        "exchange_types": exchange_types(node.refused_types),
        "product_version": version,
        "product_name": node.config.identity.product,
        "rabbitmq_version": version,
        "cluster_name": node.cluster_name,
        "erlang_version": platform.python_version(),
        "erlang_full_version": management.platform,
        "release_series_support_status": "supported",
        "disable_stats": not lens.has_stats,
        "enable_queue_totals": context.request.is_set("enable_queue_totals"),
    }
    if lens.has_stats:
        shown |= await _statistics(context, lens, totals)
    else:
        shown["object_totals"] = _objects(totals, ("connections", "exchanges", "queues"))
    if context.visitor.is_monitor:
        shown["node"] = node.name
        if lens.has_stats:
            shown["listeners"] = management.listeners()
            shown["contexts"] = management.contexts()
    return cut(shown, _columns(context))


SUMS = ("message_stats", "churn_rates", "queue_totals", "object_totals")


def _columns(context: Context) -> list[Column] | None:
    """RabbitMQ: what is below these cannot be had alone."""
    columns = columns_of(context.request.query)
    if columns is None:
        return None
    return [column[:1] if column[:1] and column[0] in SUMS else column for column in columns]


async def _statistics(context: Context, lens: Lens, totals: Totals) -> Shown:
    """Of the whole node for monitors, of what he sees for others. totals: of the node."""
    collector = context.management.collector
    is_monitor = context.visitor.is_monitor
    if is_monitor:
        samples = collector.overview
        counts = (*totals.messages, *collector.disk())
        stats = lens.message_stats(
            (*OF_CHANNELS, *DISK), counts, samples, lens.msg_rates, frozenset(DISK)
        )
        lengths: Shown = {}
        presented.put(
            lengths, zip(LENGTHS, totals.lengths, strict=True), samples, lens.slot, lens.lengths
        )
    else:
        totals, stats, lengths = await _of_visible(context, lens)
        samples = None
    churn: Shown = {}
    presented.put(
        churn,
        zip(CHURN, collector.churn(), strict=True),
        collector.overview,
        lens.slot,
    )
    return {
        "message_stats": stats,
        "churn_rates": churn,
        "queue_totals": lengths,
        "object_totals": _objects(totals, OBJECTS if is_monitor else OBJECTS_OF_VISITOR),
        "statistics_db_event_queue": 0,
    }


OBJECTS = ("channels", "connections", "consumers", "exchanges", "queues")
OBJECTS_OF_VISITOR = ("channels", "connections", "exchanges", "queues")


def _objects(totals: Totals, names: tuple[str, ...]) -> Shown:
    return {name: getattr(totals, name) for name in names}


async def _of_visible(context: Context, lens: Lens) -> tuple[Totals, Shown, Shown]:
    """Sums over the vhosts that a visitor may enter."""
    collector = context.management.collector
    totals = Totals()
    parts = []
    for name in await context.visitor.vhosts():
        vhost = context.node.vhosts.get(name)
        if vhost is not None:
            totals.add(collector.of_vhost(name))
            parts.append(vhost.samples)
    samples = [one for one in parts if one is not None]
    stats: Shown = {}
    lengths: Shown = {}
    if any(totals.counts) and lens.has_rates:
        _put_summed(stats, OF_CHANNELS, totals.messages, samples, lens, lens.msg_rates)
        # They are counted for the node as a whole, which is none of his business.
        presented.put(stats, [(name, 0) for name in DISK], None, lens.slot, lens.msg_rates)
    _put_summed(lengths, LENGTHS, tuple(totals.lengths), samples, lens, lens.lengths)
    own = [one for one in connections(context) if one.user.name == context.visitor.name]
    totals.connections = len(own)
    totals.channels = sum(len(one.channels) for one in own)
    return totals, stats, lengths


def _put_summed(
    shown: Shown,
    names: tuple[str, ...],
    values: tuple[int, ...],
    samples: list[Samples],
    lens: Lens,
    wanted: presented.Range | None,
) -> None:
    for name, value in zip(names, values, strict=True):
        shown[name] = value
        if wanted is None:
            rate = sum(one.rate(name, lens.slot) for one in samples)
            shown[f"{name}_details"] = {"rate": round(rate, 1)}
        else:
            slots = wanted.slots
            histories = [one.history(name, slots) for one in samples]
            sums = [sum(column) for column in zip(*histories, strict=True)]
            shown[f"{name}_details"] = presented.charted(sums or [0.0] * len(slots), wanted)


@route("/nodes", GET, needs=MONITOR)
async def list_nodes(context: Context) -> Response:
    lens = context.lens()
    found = [show_node(context.management, lens)]
    return await reply_list(context, found, Listed(dict, sorts=("name",)), is_paginated=False)


def _check_node(context: Context) -> None:
    """Raises: Refusal (404): there is but one."""
    if context.params["node"] != context.node.name:
        raise not_found()


@route("/nodes/:node", GET, needs=MONITOR)
def get_node(context: Context) -> object:
    _check_node(context)
    shown = show_node(context.management, context.lens())
    if context.request.is_set("memory"):
        shown["memory"] = memory_breakdown(context.node)
    if context.request.is_set("binary"):
        shown["binary"] = dict.fromkeys(BINARY, 0)
    return context.cut(shown)


@route("/nodes/:node/memory", GET, needs=MONITOR)
def get_memory(context: Context) -> object:
    _check_node(context)
    return context.cut({"memory": memory_breakdown(context.node)})


@route("/nodes/:node/memory/relative", GET, needs=MONITOR)
def get_memory_relative(context: Context) -> object:
    """In percent, rounded up."""
    _check_node(context)
    octets = memory_breakdown(context.node)
    total = max(1, octets.pop("total")["erlang"])
    del octets["strategy"]
    shares = {name: -(-100 * part // total) for name, part in octets.items()}
    return context.cut({"memory": {"total": 100, **shares}})


@route("/nodes/:node/memory/ets", GET, needs=MONITOR)
@route("/nodes/:node/memory/ets/relative", GET, needs=MONITOR)
@route("/nodes/:node/memory/ets/:filter", GET, needs=MONITOR)
@route("/nodes/:node/memory/ets/:filter/relative", GET, needs=MONITOR)
def get_memory_of_tables(context: Context) -> object:
    """Erlang's tables in memory: there are none."""
    _check_node(context)
    return {"ets_tables_memory": "no_tables"}


# vhosts


@route("/vhosts", GET)
async def list_vhosts(context: Context) -> Response:
    await context.management.collector.totals()
    lens, node = lens_of_list(context), context.node
    names = await context.visitor.visible_vhosts()
    found = [node.vhosts[name] for name in names if name in node.vhosts]
    listed = Listed(
        lambda vhost: show_vhost(context, vhost, lens),
        {"name": lambda vhost: vhost.name},
        sorts=("name",),
    )
    return await reply_list(context, found, listed)


@route("/vhosts/:vhost", GET, needs=ADMIN)
async def get_vhost(context: Context) -> object:
    await context.management.collector.totals()
    return context.cut(show_vhost(context, context.vhost, context.lens()))


def show_vhost(context: Context, vhost: VHost, lens: Lens) -> Shown:
    shown: Shown = {
        "name": vhost.name,
        "description": vhost.description,
        "tags": list(vhost.tags),
        "default_queue_type": vhost.default_queue_type or "undefined",
        "metadata": {"description": vhost.description, "tags": list(vhost.tags)},
        "tracing": vhost.is_traced,
        "cluster_state": {context.node.name: "running"},
    }
    if vhost.default_queue_type:
        shown["metadata"]["default_queue_type"] = vhost.default_queue_type
    if not lens.has_stats:
        return shown
    totals = context.management.collector.of_vhost(vhost.name)
    samples = vhost.samples
    if totals.queues:  # RabbitMQ: not before there is something to sum up
        lengths = zip(LENGTHS, totals.lengths, strict=True)
        presented.put(shown, lengths, samples, lens.slot, lens.lengths)
    if any(totals.octets):
        octets = zip(OCTETS, totals.octets, strict=True)
        presented.put(shown, octets, samples, lens.slot, lens.data_rates)
    stats = lens.message_stats(OF_CHANNELS, totals.messages, samples, lens.msg_rates)
    if stats:
        shown["message_stats"] = stats
    return shown
