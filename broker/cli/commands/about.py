"""What a node is and was started with: versions, variables, arguments, settings, cookie."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

from broker import cookie
from broker.amqp.erlang import Atom
from broker.cli import info_items
from broker.cli.command import (
    CONFIGURATION,
    CTL,
    DIAGNOSTICS,
    MONITORING,
    NOTHING,
    REACHABLE,
    SWITCH,
    Call,
    Output,
    Rows,
    command,
    listed,
)
from broker.cli.errors import InvalidError
from broker.cli.help import bright

ONLY = (DIAGNOSTICS,)
BOTH = (CTL, DIAGNOSTICS)
RED = "\x1b[31m"
OFFLINE = ("--offline", "Of this tool instead; the node need not run")
SCHEMA_COLUMNS = (
    *("name", "snmp", "load_order", "active_replicas", "all_nodes", "attributes", "checkpoints"),
    *("disc_copies", "disc_only_copies", "external_copies", "frag_properties", "master_nodes"),
    *("ram_copies", "storage_properties", "subscribers", "user_properties", "cstruct"),
    *("local_content", "where_to_commit", "where_to_read", "access_mode", "cookie"),
    *("load_by_force", "load_node", "record_name", "size", "storage_type", "type"),
    *("where_to_write", "index", "arity", "majority", "memory", "commit_work", "where_to_wlock"),
    *("load_reason", "record_validation", "version", "wild_pattern", "index_info"),
)


def _is_json(call: Call) -> bool:
    return call.options.get("formatter") == "json"


def valued(call: Call, value: Any) -> Output:
    """RabbitMQ's form of a single value as JSON."""
    return {"result": "ok", "value": value} if _is_json(call) else value


@command(
    "server_version",
    usage="server_version",
    description="Shows the version of the node",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    needs=REACHABLE,
    banner="Asking node {node} for its RabbitMQ version...",
)
def server_version(call: Call) -> Output:
    return valued(call, call.ask("process.server_version"))


def _runtime_banner(call: Call) -> str:
    if call.options["offline"]:
        return "CLI Erlang/OTP version ..."
    return f"Asking node {call.node} for its Erlang/OTP version..."


@command(
    "erlang_version",
    usage="erlang_version",
    description="Shows what the node runs on, which is Python",
    section=MONITORING,
    tools=ONLY,
    topics=[("--details", "More of it"), OFFLINE],
    has_timeout=True,
    switches={"details": SWITCH, "offline": SWITCH},
    defaults={"details": False, "offline": False},
    needs=NOTHING,
    banner=_runtime_banner,
)
def erlang_version(call: Call) -> Output:
    has_details = bool(call.options["details"])
    if not call.options["offline"]:
        return valued(call, call.ask("process.runtime_version", has_details=has_details))
    import platform

    version = f"{platform.python_implementation()} {platform.python_version()}"
    details = f" [{platform.machine()}, {os.cpu_count()} cores]" if has_details else ""
    return valued(call, f"{version}{details}")


@command(
    "erlang_cookie_hash",
    usage="erlang_cookie_hash",
    description="Shows a hash of the node's cookie, which tells two of them apart",
    section=CONFIGURATION,
    tools=ONLY,
    has_timeout=True,
    needs=REACHABLE,
    banner="Asking node {node} its Erlang cookie hash...",
)
def erlang_cookie_hash(call: Call) -> Output:
    return valued(call, call.ask("process.cookie_hash"))


@command(
    "erlang_cookie_sources",
    usage="erlang_cookie_sources",
    description="Shows where these tools take their cookie from",
    section=CONFIGURATION,
    tools=ONLY,
    has_timeout=True,
    needs=NOTHING,
    banner="Listing Erlang cookie sources used by CLI tools...",
)
def erlang_cookie_sources(call: Call) -> Output:
    facts = _cookie_facts(call)
    if _is_json(call):
        return facts
    shown = {name: _shown(value) for name, value in facts.items()}
    return "\n".join(
        [
            f"{bright('Cookie File')}\n",
            "Effective user: {effective_user}".format(
                effective_user=facts["effective_user"] or "(none)"
            ),
            f"Effective home directory: {facts['home_dir'] or '(none)'}",
            "Cookie file path: {cookie_file_path}".format(**shown),
            "Cookie file exists? {cookie_file_exists}".format(**shown),
            "Cookie file type: {cookie_file_type}".format(**shown),
            "Cookie file access: {cookie_file_access}".format(**shown),
            "Cookie file size: {cookie_file_size}".format(**shown),
            f"\n{bright('Cookie CLI Switch')}\n",
            "--erlang-cookie value set? {switch_cookie_set}".format(**shown),
            "--erlang-cookie value length: {switch_cookie_value_length}".format(**shown),
            f"\n{bright('Env variable ')} {bright(RED + '(Deprecated)')}\n",
            f"{cookie.VARIABLE} value set? {shown['os_env_cookie_set']}",
            f"{cookie.VARIABLE} value length: {shown['os_env_cookie_value_length']}",
        ]
    )


def _shown(value: object) -> str:
    if value is None:
        return "(n/a)"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cookie_facts(call: Call) -> dict[str, Any]:
    """By RabbitMQ's names."""
    given = call.options.get("erlang_cookie")
    variable = call.environment.get(cookie.VARIABLE)
    home = cookie.home_directory(call.environment)
    path = (home or Path()) / cookie.NAME
    try:
        status = path.stat()
    except OSError:
        status = None
    access = {(True, True): "read_write", (True, False): "read", (False, True): "write"}
    may = (os.access(path, os.R_OK), os.access(path, os.W_OK))
    return {
        "os_env_cookie_set": variable is not None,
        "os_env_cookie_value_length": len(variable or ""),
        "switch_cookie_set": given is not None,
        "switch_cookie_value_length": len(str(given or "")),
        "effective_user": call.environment.get("USER"),
        "home_dir": str(home) if home is not None else None,
        "cookie_file_path": str(path),
        "cookie_file_exists": status is not None,
        "cookie_file_type": _kind(status),
        "cookie_file_access": access.get(may, "none") if status is not None else None,
        "cookie_file_size": status.st_size if status is not None else None,
    }


def _kind(status: os.stat_result | None) -> str | None:
    if status is None:
        return None
    if stat.S_ISREG(status.st_mode):
        return "regular"
    return "directory" if stat.S_ISDIR(status.st_mode) else "other"


def _refuse_json(call: Call) -> None:
    if _is_json(call):
        raise InvalidError("the requested formatter is not supported by this command")


@command(
    "command_line_arguments",
    usage="command_line_arguments",
    description="Shows the command line of the node",
    section=CONFIGURATION,
    tools=ONLY,
    validate=_refuse_json,
    needs=REACHABLE,
    banner="Command line arguments of node {node} ...",
    formatter="erlang",
)
def command_line_arguments(call: Call) -> Output:
    return call.ask("process.arguments")


@command(
    "os_env",
    usage="os_env",
    description="Shows the environment variables of the node that are about a broker",
    section=CONFIGURATION,
    tools=ONLY,
    has_timeout=True,
    banner="Listing RabbitMQ-specific environment variables defined on node {node}...",
)
def os_env(call: Call) -> Output:
    found = call.ask("process.variables")
    formatter = call.options.get("formatter")
    if formatter == "json":
        return {"result": "ok", "node": call.node, "variables": dict(found) or []}
    if formatter == "csv":
        return Rows([[(Atom("variable"), name), (Atom("value"), value)] for name, value in found])
    if formatter == "erlang":
        return found
    lines = [f"{name}={value}" for name, value in found]
    return "\n".join(lines) or f"Node {call.node} reported no relevant environment variables."


@command(
    "environment",
    usage="environment",
    description="Shows the settings that are in effect, by RabbitMQ's keys",
    section=CONFIGURATION,
    tools=BOTH,
    needs=REACHABLE,
    banner="Application environment of node {node} ...",
    formatter="erlang",
)
def environment(call: Call) -> Output:
    return call.ask("environment.environment")


@command(
    "discover_peers",
    usage="discover_peers",
    description="Shows which other nodes are found to form a cluster with",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Discovering peers nodes ...",
)
def discover_peers(call: Call) -> Output:
    call.ask("nodes.ping")
    return "No peers discovered"


@command(
    "schema_info",
    usage="schema_info [--no-table-headers] [<column> ...]",
    description="Lists the tables of definitions",
    section=MONITORING,
    tools=BOTH,
    topics=[info_items.topic(SCHEMA_COLUMNS)],
    has_timeout=True,
    arity=(0, None),
    default_arguments=("name", "cookie", "active_replicas", "user_properties"),
    defaults={"table_headers": True},
    validate=lambda call: info_items.check(call.arguments, SCHEMA_COLUMNS),
    banner="Asking node {node} to report its schema...",
    formatter="table",
)
def schema_info(call: Call) -> Output:
    columns = info_items.wanted(call.arguments)
    undefined = Atom("undefined")
    rows = [dict(row) for row in call.ask("schema.tables")]
    return listed([(Atom(name), row.get(name, undefined)) for name in columns] for row in rows)
