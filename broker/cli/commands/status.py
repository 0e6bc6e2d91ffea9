"""What a node is and how it does: status, cluster_status, memory."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom
from broker.cli import units
from broker.cli.command import (
    CLUSTER,
    CTL,
    DIAGNOSTICS,
    MONITORING,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.help import bright
from broker.cli.listeners import alarm_lines, alarm_map, as_map, lines

BOTH = (CTL, DIAGNOSTICS)
UNIT = ("--unit <bytes | mb | gb>", "What amounts of memory are shown in (gb)")
FORMATTER = ("--formatter <json | erlang>", "JSON, or Erlang terms as the node gives them")
SYSTEMS = {"linux": "Linux", "darwin": "macOS", "freebsd": "FreeBSD"}


def _section(title: str) -> str:
    return f"\n{bright(title)}\n"


@command(
    "status",
    usage="status [--unit <unit>]",
    description="Shows what the node is, has, and does",
    section=MONITORING,
    tools=BOTH,
    topics=[UNIT, FORMATTER],
    has_timeout=True,
    timeout_ms=60_000,
    switches={"unit": TEXT},
    defaults={"unit": "gb"},
    validate=units.check,
    banner="Status of node {node} ...",
)
def status(call: Call) -> Output:
    found = call.ask("status.status")
    formatter = call.options.get("formatter")
    if formatter == "erlang":
        return found
    facts = _facts(dict(found))
    if formatter == "json":
        return {**facts, "alarms": [alarm_map(one, call.node) for one in facts["alarms"]]}
    return "\n".join(_status_lines(call.node, facts, call.options["unit"]))


def _facts(found: dict[str, Any]) -> dict[str, Any]:
    """As RabbitMQ's tool has them in JSON."""
    same = (
        *("pid", "release_series_support_status", "uptime", "is_under_maintenance", "run_queue"),
        *("vm_memory_calculation_strategy", "disk_free_limit", "disk_free", "alarms", "totals"),
    )
    return {
        **{name: found[name] for name in same},
        "os": SYSTEMS.get(str(found["os"][1]), str(found["os"][1]).capitalize()),
        "product_name": "",
        "product_version": "",
        "rabbitmq_version": str(found["rabbitmq_version"]),
        "erlang_version": str(found["erlang_version"]).rstrip(),
        "crypto_lib_version": found["crypto_lib_info"][2],
        "processes": dict(found["processes"]),
        "net_ticktime": found["kernel"][1],
        "vm_memory_high_watermark_setting": _watermark(found["vm_memory_high_watermark"]),
        "vm_memory_high_watermark_limit": found["vm_memory_limit"],
        "file_descriptors": dict(found["file_descriptors"]),
        "listeners": [as_map(one) for one in found["listeners"]],
        "memory": dict(found["memory"]),
        "data_directory": str(found["data_directory"]),
        "raft_data_directory": str(found["raft_data_directory"]),
        "config_files": [str(path) for path in found["config_files"]],
        "log_files": [str(path) for path in found["log_files"]],
        "active_plugins": [str(name) for name in found["active_plugins"]],
        "enabled_plugin_file": str(found["enabled_plugin_file"]),
    }


def _watermark(setting: Any) -> dict[str, Any]:
    return {"absolute": setting[1]} if isinstance(setting, tuple) else {"relative": setting}


def _status_lines(node: str, facts: dict[str, Any], unit: str) -> list[str]:
    return [
        *_runtime_lines(node, facts),
        *_file_lines(node, facts),
        *_memory_lines(facts, unit),
        _section("File Descriptors"),
        "Total: {total_used}, limit: {total_limit}".format(**_named(facts["file_descriptors"])),
        "Sockets: {sockets_used}, limit: {sockets_limit}".format(
            **_named(facts["file_descriptors"])
        ),
        _section("Free Disk Space"),
        f"Low free disk space watermark: {units.shown(facts['disk_free_limit'], unit)} {unit}",
        f"Free disk space: {units.shown(facts['disk_free'], unit)} {unit}",
        *_total_lines(dict(facts["totals"])),
        _section("Listeners"),
        *(lines(facts["listeners"]) or ["(none)"]),
    ]


def _named(values: dict[Any, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in values.items()}


def _runtime_lines(node: str, facts: dict[str, Any]) -> list[str]:
    processes = facts["processes"]
    return [
        f"{bright('Runtime')}\n",
        f"OS PID: {facts['pid']}",
        f"OS: {facts['os']}",
        f"Uptime (seconds): {facts['uptime']}",
        f"Is under maintenance?: {'true' if facts['is_under_maintenance'] else 'false'}",
        f"RabbitMQ version: {facts['rabbitmq_version']}",
        f"RabbitMQ release series support status: {facts['release_series_support_status']}",
        f"Node name: {node}",
        f"Erlang configuration: {facts['erlang_version']}",
        f"Crypto library: {facts['crypto_lib_version']}",
        f"Erlang processes: {processes['used']} used, {processes['limit']} limit",
        f"Scheduler run queue: {facts['run_queue']}",
        f"Cluster heartbeat timeout (net_ticktime): {facts['net_ticktime']}",
    ]


def _file_lines(node: str, facts: dict[str, Any]) -> list[str]:
    return [
        _section("Plugins"),
        f"Enabled plugin file: {facts['enabled_plugin_file']}",
        "Enabled plugins:\n",
        *(f" * {name}" for name in facts["active_plugins"]),
        _section("Data directory"),
        f"Node data directory: {facts['data_directory']}",
        f"Raft data directory: {facts['raft_data_directory']}",
        _section("Config files"),
        *(f" * {path}" for path in facts["config_files"]),
        _section("Log file(s)"),
        *(f" * {path}" for path in facts["log_files"]),
        _section("Alarms"),
        *(alarm_lines(facts["alarms"], node) or ["(none)"]),
    ]


def _memory_lines(facts: dict[str, Any], unit: str) -> list[str]:
    memory = facts["memory"]
    strategy = facts["vm_memory_calculation_strategy"]
    setting = facts["vm_memory_high_watermark_setting"]
    if "relative" in setting:
        shown = f"{setting['relative']} of available memory"
    else:
        shown = f"{units.shown(setting['absolute'], unit)} {unit}"
    limit = units.shown(facts["vm_memory_high_watermark_limit"], unit)
    return [
        _section("Memory"),
        f"Total memory used: {units.shown(dict(memory['total'])[strategy], unit)} {unit}",
        f"Calculation strategy: {strategy}",
        f"Memory high watermark setting: {shown}, computed to: {limit} {unit}\n",
        *(
            f"{name}: {units.shown(part['bytes'], unit)} {unit} ({part['percentage']} %)"
            for name, part in units.relative(list(memory.items()))
        ),
    ]


def _total_lines(totals: dict[str, int]) -> list[str]:
    return [
        _section("Totals"),
        f"Connection count: {totals['connection_count']}",
        f"Queue count: {totals['queue_count']}",
        f"Virtual host count: {totals['virtual_host_count']}",
    ]


@command(
    "cluster_status",
    usage="cluster_status",
    description="Shows the nodes of the cluster and how they do",
    section=CLUSTER,
    tools=BOTH,
    topics=[FORMATTER],
    has_timeout=True,
    timeout_ms=60_000,
    banner="Cluster status of node {node} ...",
)
def cluster_status(call: Call) -> Output:
    found = call.ask("status.cluster_status")
    formatter = call.options.get("formatter")
    if formatter == "erlang":
        return found
    facts = _cluster_facts(dict(found))
    if formatter == "json":
        return {**facts, "alarms": [alarm_map(one, call.node) for one in facts["alarms"]]}
    return "\n".join(_cluster_lines(call.node, facts))


def _cluster_facts(found: dict[str, Any]) -> dict[str, Any]:
    nodes = dict(found["nodes"])
    alarms = [alarm for _, of_node in found["alarms"] for alarm in of_node]
    return {
        "cluster_name": found["cluster_name"],
        "disk_nodes": nodes.get("disc", []),
        "ram_nodes": nodes.get("ram", []),
        "running_nodes": [str(name) for name in found["running_nodes"]],
        "alarms": [one for at, one in enumerate(alarms) if one not in alarms[:at]],
        "maintenance_status": dict(found["maintenance_status"]),
        "partitions": dict(found["partitions"]),
        "listeners": {
            name: [as_map(one) for one in listeners] for name, listeners in found["listeners"]
        },
        "versions": dict(found["versions"]),
        "feature_flags": [dict(flag) for flag in found["feature_flags"]],
    }


def _cluster_lines(node: str, facts: dict[str, Any]) -> list[str]:
    ram = sorted(map(str, facts["ram_nodes"]))
    listeners = [
        line for name, maps in facts["listeners"].items() for line in lines(maps, str(name))
    ]
    return [
        f"{bright('Basics')}\n",
        f"Cluster name: {facts['cluster_name']}",
        _section("Disk Nodes"),
        *sorted(map(str, facts["disk_nodes"])),
        *([_section("RAM Nodes"), *ram] if ram else []),
        _section("Running Nodes"),
        *sorted(facts["running_nodes"]),
        _section("Versions"),
        *(
            f"{name}: {one['rabbitmq_name']} {one['rabbitmq_version']} on Erlang"
            f" {one['erlang_version']}"
            for name, one in facts["versions"].items()
        ),
        _section("Maintenance status"),
        *(f"Node: {name}, status: {one}" for name, one in facts["maintenance_status"].items()),
        _section("Alarms"),
        *(alarm_lines(facts["alarms"], node) or ["(none)"]),
        _section("Network Partitions"),
        *(_partition_lines(facts["partitions"]) or ["(none)"]),
        _section("Listeners"),
        *(listeners or ["(none)"]),
        _section("Feature flags"),
        *(f"Flag: {one['name']}, state: {one['state']}" for one in facts["feature_flags"]),
    ]


def _partition_lines(partitions: dict[Any, Any]) -> list[str]:
    return [
        f"Node {name} cannot communicate with {', '.join(map(str, others))}"
        for name, others in partitions.items()
    ]


@command(
    "memory_breakdown",
    usage="memory_breakdown [--unit <unit>]",
    description="Shows what takes the node's memory",
    section=MONITORING,
    tools=(DIAGNOSTICS,),
    topics=[UNIT, ("--formatter <json | csv | erlang>", "Another form")],
    has_timeout=True,
    switches={"unit": TEXT},
    defaults={"unit": "gb"},
    validate=units.check,
    banner="Reporting memory breakdown on node {node}...",
)
def memory_breakdown(call: Call) -> Output:
    parts = units.relative(call.ask("status.memory"))
    formatter = call.options.get("formatter")
    if formatter == "csv":
        cells = [(f"{name}.{key}", value) for name, part in parts for key, value in part.items()]
        cells.sort(reverse=True)
        return Rows([[name for name, _ in cells], [value for _, value in cells]])
    if formatter is not None and formatter != "table":
        return [(name, {Atom(key): value for key, value in part.items()}) for name, part in parts]
    unit = str(call.options["unit"]).lower()
    return "".join(
        f"{name}: {units.shown(part['bytes'], unit)} {unit} ({part['percentage']}%)\n"
        for name, part in parts
    )
