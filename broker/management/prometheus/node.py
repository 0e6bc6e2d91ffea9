"""Metrics of the node itself, by group, and those that say which node it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from broker import descriptors
from broker.identity import ID
from broker.management.prometheus.exposition import Table, Value, labels
from broker.management.views.node import (
    PROCESSES_MAX,
    io_of,
    read_count,
)
from broker.version import __version__

if TYPE_CHECKING:
    from broker.management.service import Management

PROTOCOLS = ("http", "amqp091")
NET_TICK_S = 60  # as the HTTP API shows it


def single(**values: Value) -> Table:
    """A sample without labels for each family."""
    return Table([""], {name: [value] for name, value in values.items()})


def connection_churn_metrics(management: Management) -> Table:
    opened, closed, channels, channels_closed, *queues = management.collector.churn()
    return single(
        connections_opened_total=opened,
        connections_closed_total=closed,
        channels_opened_total=channels,
        channels_closed_total=channels_closed,
        queues_declared_total=queues[0],
        queues_created_total=queues[1],
        queues_deleted_total=queues[2],
    )


def node_coarse_metrics(management: Management) -> Table:
    numbers = management.node_numbers()
    watermarks = management.node.watermarks
    levels = watermarks.snapshot() if watermarks is not None else None
    return single(
        process_open_fds=numbers["fd_used"],
        process_open_tcp_sockets=numbers["sockets_used"],
        process_resident_memory_bytes=levels.memory_used if levels is not None else None,
        disk_space_available_bytes=levels.disk_free if levels is not None else None,
        erlang_processes_used=numbers["proc_used"],
        erlang_gc_runs_total=numbers["gc_num"],
        erlang_scheduler_context_switches_total=numbers["context_switches"],
    )


def node_metrics(management: Management) -> Table:
    watermarks = management.node.watermarks
    levels = watermarks.snapshot() if watermarks is not None else None
    files = descriptors.file_limit()
    return single(
        process_max_fds=files,
        process_max_tcp_sockets=descriptors.sockets_limit(files),
        resident_memory_limit_bytes=levels.memory_limit if levels is not None else None,
        disk_space_available_limit_bytes=levels.disk_limit if levels is not None else None,
        erlang_processes_limit=PROCESSES_MAX,
        erlang_scheduler_run_queue=0,
        erlang_net_ticktime_seconds=NET_TICK_S,
        erlang_uptime_seconds=management.uptime_ms() / 1000,
    )


def node_persister_metrics(management: Management) -> Table:
    """Files are read and written at places, and stay open: there is nothing to seek or reopen."""
    io = io_of(management.node)
    return single(
        io_read_ops_total=io.read_count,
        io_read_bytes_total=io.read_octets,
        io_write_ops_total=io.write_count,
        io_write_bytes_total=io.write_octets,
        io_sync_ops_total=io.sync_count,
        io_seek_ops_total=0,
        io_reopen_ops_total=0,
        msg_store_read_total=read_count(management.node),
        msg_store_write_total=management.node.log.kept_count,
        io_read_time_seconds_total=io.read_ns / 1e9,
        io_write_time_seconds_total=io.write_ns / 1e9,
        io_sync_time_seconds_total=io.sync_ns / 1e9,
        io_seek_time_seconds_total=0.0,
    )


def auth_attempt_metrics(management: Management) -> Table:
    logins = management.node.usage.logins
    counts = [logins.get(protocol, (0, 0)) for protocol in PROTOCOLS]
    return Table(
        [labels(protocol=protocol) for protocol in PROTOCOLS],
        {
            "auth_attempts_total": [failed + granted for failed, granted in counts],
            "auth_attempts_succeeded_total": [granted for _, granted in counts],
            "auth_attempts_failed_total": [failed for failed, _ in counts],
        },
    )


def auth_attempt_detailed_metrics(management: Management) -> Table:
    """Nobody is told apart, unless it is asked for."""
    sources = management.node.usage.sources
    return Table(
        [
            labels(remote_address=address, username=username, protocol=protocol)
            for address, username, protocol in sources
        ],
        {
            "auth_attempts_detailed_total": [sum(counts) for counts in sources.values()],
            "auth_attempts_detailed_succeeded_total": [counts[1] for counts in sources.values()],
            "auth_attempts_detailed_failed_total": [counts[0] for counts in sources.values()],
        },
    )


GROUPS = {
    "connection_churn_metrics": connection_churn_metrics,
    "node_coarse_metrics": node_coarse_metrics,
    "node_metrics": node_metrics,
    "node_persister_metrics": node_persister_metrics,
    "auth_attempt_metrics": auth_attempt_metrics,
    "auth_attempt_detailed_metrics": auth_attempt_detailed_metrics,
}


def alarms(management: Management) -> Table:
    """RabbitMQ: each is 1 while it is on."""
    raised = management.node.alarms
    return single(
        alarms_file_descriptor_limit=int(management.node.usage.is_out_of_descriptors),
        alarms_free_disk_space_watermark=int("disk" in raised),
        alarms_memory_used_watermark=int("memory" in raised),
    )


def build_info(management: Management) -> Table:
    identity = management.node.config.identity
    values = {
        "rabbitmq_version": identity.product_version,
        "prometheus_plugin_version": __version__,
        "prometheus_client_version": __version__,
        "erlang_version": management.platform,
    }
    if identity.product != "RabbitMQ":  # else RabbitMQ has no such labels
        values |= {"product_version": identity.product_version, "product_name": identity.product}
    return Table([labels(**values)], {"build_info": [1]})


def identity_info(management: Management) -> Table:
    node = management.node
    labelled = labels(
        rabbitmq_node=node.name,
        rabbitmq_cluster=node.cluster_name,
        rabbitmq_cluster_permanent_id=str(node.global_parameters.get(ID, "")),
    )
    return Table([labelled], {"identity_info": [1]})
