"""What the node is and how it does, in the terms of RabbitMQ's `rabbit:status()` and its like."""

from __future__ import annotations

import os
import platform
import ssl
import sys
from typing import TYPE_CHECKING, Any

from broker import descriptors
from broker.amqp.erlang import Atom, CharList
from broker.control.actions import Asked, action
from broker.control.host import Host, Listens
from broker.control.listing import address_term
from broker.version import __version__, runtime_text

if TYPE_CHECKING:
    from broker.node import Node

Pairs = list[tuple[Atom, Any]]
UNDEFINED = Atom("undefined")
_PYTHON = platform.python_implementation()


def pairs(**values: Any) -> Pairs:
    return [(Atom(name), value) for name, value in values.items()]


@action()
async def status(asked: Asked) -> Pairs:
    """All of it."""
    from broker.management.views.node import (
        PROCESSES_MAX,
        Process,
        processes,
    )

    host, node = asked.host, asked.node
    process = Process()
    process.look(node.clock.now_ms())
    fd_total = descriptors.file_limit()
    levels = node.watermarks.snapshot() if node.watermarks is not None else None
    product = node.config.identity
    return [
        *pairs(pid=os.getpid(), running_applications=_applications(host)),
        *pairs(os=(Atom("unix"), Atom(sys.platform))),
        *pairs(rabbitmq_version=CharList(product.product_version)),
        *pairs(crypto_lib_info=("OpenSSL", ssl.OPENSSL_VERSION_NUMBER, ssl.OPENSSL_VERSION)),
        *pairs(erlang_version=CharList(runtime_text() + "\n")),
        *pairs(release_series_support_status="supported"),
        *pairs(memory=memory_of(node), alarms=alarms_of(node)),
        *pairs(is_under_maintenance=False),
        *pairs(listeners=[listener(host, one) for one in host.listening]),
        *pairs(vm_memory_calculation_strategy=Atom("rss")),
        *pairs(vm_memory_high_watermark=_watermark(node)),
        *pairs(vm_memory_limit=levels.memory_limit if levels is not None else 0),
        *pairs(disk_free_limit=levels.disk_limit if levels is not None else 0),
        *pairs(disk_free=(levels.disk_free or 0) if levels is not None else 0),
        (
            Atom("file_descriptors"),
            pairs(
                total_limit=fd_total,
                total_used=process.fd_used,
                sockets_limit=descriptors.sockets_limit(fd_total),
                sockets_used=node.usage.socket_count,
            ),
        ),
        *pairs(processes=pairs(limit=PROCESSES_MAX, used=processes(node)), run_queue=0),
        *pairs(uptime=host.uptime_s, kernel=(Atom("net_ticktime"), 60)),
        *pairs(active_plugins=[Atom(name) for name in host.active_plugins]),
        *pairs(enabled_plugin_file=CharList(host.enabled_plugins_file)),
        *pairs(config_files=[CharList(path) for path in host.config_files]),
        *pairs(log_files=[CharList(path) for path in host.log_files]),
        *pairs(data_directory=CharList(node.config.kept_in or "none")),
        *pairs(raft_data_directory=CharList(node.config.kept_in or "none")),
        *pairs(totals=_totals(node)),
        *pairs(product_base_name=product.product, product_base_version=product.product_version),
    ]


@action()
async def cluster_status(asked: Asked) -> Pairs:
    host, node = asked.host, asked.node
    name = Atom(node.name)
    product = node.config.identity
    versions = {
        Atom("erlang_version"): platform.python_version(),
        Atom("rabbitmq_name"): product.product,
        Atom("rabbitmq_version"): product.product_version,
    }
    return [
        *pairs(nodes=pairs(disc=[name]), running_nodes=[name], cluster_name=node.cluster_name),
        *pairs(partitions=[], alarms=[(name, alarms_of(node))]),
        *pairs(listeners=[(name, [listener(host, one) for one in host.listening])]),
        *pairs(versions=[(name, versions)]),
        *pairs(maintenance_status=[(name, "not under maintenance")]),
        *pairs(feature_flags=[list(flag) for flag in feature_flags()]),
    ]


@action()
async def memory(asked: Asked) -> Pairs:
    return memory_of(asked.node)


@action()
async def alarms(asked: Asked) -> list[Any]:
    """Those of the node, as `rabbit_alarm:get_alarms()` has them."""
    found: list[Any] = [(one, []) for one in alarms_of(asked.node)]
    if asked.node.usage.is_out_of_descriptors:
        found.append(Atom("file_descriptor_limit"))
    return found


@action()
async def listeners(asked: Asked) -> list[Any]:
    return [listener(asked.host, one) for one in asked.host.listening]


@action()
async def protocol(asked: Asked, name: str) -> str:
    """RabbitMQ's own name of one that goes by many."""
    from broker.management.operations.health import protocol_of

    return protocol_of(name)


# parts of it


def memory_of(node: Node) -> Pairs:
    from broker.management.views.node import MEMORY, memory_breakdown

    shown = memory_breakdown(node)
    found = [(Atom(name), shown[name]) for name in MEMORY]
    total = [(Atom(name), value) for name, value in shown["total"].items()]
    return [*found, (Atom("strategy"), Atom("rss")), (Atom("total"), total)]


def alarms_of(node: Node) -> list[Any]:
    name = Atom(node.name)
    return [(Atom("resource_limit"), Atom(one), name) for one in sorted(node.alarms)]


def listener(host: Host, one: Listens) -> tuple[Any, ...]:
    """As a record of RabbitMQ's."""
    options = host.config.listeners.options
    shown: Pairs = []
    if one.protocol.startswith("amqp"):
        shown = pairs(backlog=options.backlog, nodelay=options.nodelay)
    name = CharList(host.name.partition("@")[2])
    return (
        *(Atom("listener"), Atom(host.name), Atom(one.protocol), name),
        *(address_of(one.host), one.port, shown),
    )


def address_of(text: str) -> Any:
    """Numbers of an IP address; the path of a Unix socket."""
    found = address_term(text.partition("%")[0])
    return CharList(text) if isinstance(found, str) else found


def _applications(host: Host) -> list[Any]:
    version = CharList(host.config.identity.product_version)
    plugins = [(Atom(name), CharList(""), version) for name in host.active_plugins]
    return [
        *plugins,
        (Atom("rabbit"), CharList("RabbitMQ"), version),
        (Atom("leveret"), CharList("Leveret, a message broker"), CharList(__version__)),
        (Atom("python"), CharList(_PYTHON), CharList(platform.python_version())),
    ]


def _watermark(node: Node) -> Any:
    settings = node.config.alarms
    if settings.memory_absolute is not None:
        return (Atom("absolute"), settings.memory_absolute)
    return settings.memory_relative


def _totals(node: Node) -> Pairs:
    return pairs(
        virtual_host_count=len(node.vhosts),
        connection_count=len(node.peers),
        queue_count=sum(len(vhost.queues) for vhost in node.vhosts.values()),
    )


# name, what it is about
_FLAGS = (
    ("classic_mirrored_queue_version", "Support setting version for classic mirrored queues"),
    ("drop_unroutable_metric", "Count unroutable publishes to be dropped in stats"),
    ("empty_basic_get_metric", "Count AMQP `basic.get` on empty queues in stats"),
    (
        "implicit_default_bindings",
        "Default bindings are now implicit, instead of being stored in the database",
    ),
    ("maintenance_mode_status", "Maintenance mode status"),
    ("quorum_queue", "Support queues of type `quorum`"),
    ("stream_queue", "Support queues of type `stream`"),
    ("user_limits", "Configure connection and channel limits for a user"),
    ("virtual_host_metadata", "Virtual host metadata (description, tags, etc)"),
)
_FLAG_PAGES = {"quorum_queue": "quorum-queues", "stream_queue": "stream"}
_FLAGS_OF_AGENT = ("drop_unroutable_metric", "empty_basic_get_metric")


def feature_flags() -> list[Pairs]:
    """RabbitMQ's, all on: what they stand for is there from the beginning."""
    return [
        pairs(
            name=Atom(name),
            desc=about,
            doc_url=_page(name),
            provided_by=Atom("rabbitmq_management_agent" if name in _FLAGS_OF_AGENT else "rabbit"),
            stability=Atom("stable"),
            state=Atom("enabled"),
        )
        for name, about in _FLAGS
    ]


def _page(flag: str) -> str:
    page = _FLAG_PAGES.get(flag)
    return f"https://www.rabbitmq.com/{page}.html" if page else ""
