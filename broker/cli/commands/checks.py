"""Alarms, listeners, and the health checks: exit code 0 when all is well, else 69."""

from __future__ import annotations

import socket
from typing import Any

from broker.amqp.erlang import Atom
from broker.cli.command import (
    CTL,
    DEPRECATED,
    DIAGNOSTICS,
    INTEGER,
    MONITORING,
    TEXT,
    Call,
    Output,
    Rows,
    command,
)
from broker.cli.errors import (
    EX_SOFTWARE,
    CheckError,
    FailedError,
    InvalidError,
    bad_argument,
)
from broker.cli.listeners import alarm_lines, as_map, lines

ONLY = (DIAGNOSTICS,)
UNITS = ("days", "weeks", "months", "years")
CONNECT_S = 30.0  # for all listeners together


def _is_json(call: Call) -> bool:
    return call.options.get("formatter") == "json"


def _alarms(call: Call) -> list[str]:
    """A line for each."""
    return alarm_lines(call.ask("status.alarms"), call.node)


def _passed(call: Call, text: str, **more: Any) -> Output:
    """RabbitMQ says nothing when it is silent."""
    if _is_json(call):
        return {"result": "ok", **more}
    return None if call.options.get("silent") else text


# alarms


@command(
    "alarms",
    usage="alarms",
    description="Lists alarms, of the node and of its cluster",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Asking node {node} to report any known resource alarms ...",
)
def alarms(call: Call) -> Output:
    found = _alarms(call)
    if _is_json(call):
        if not found:
            return {"result": "ok", "node": call.node, "alarms": []}
        message = f"Node {call.node} reported alarms"
        return {"result": "ok", "local": found, "global": [], "message": message}
    return "\n".join(found) or f"Node {call.node} reported no alarms, local or clusterwide"


@command(
    "check_alarms",
    usage="check_alarms",
    description="Health check: there are no alarms, of the node or of its cluster",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Asking node {node} to report any local resource alarms ...",
)
def check_alarms(call: Call) -> Output:
    found = _alarms(call)
    if not found:
        return _passed(call, f"Node {call.node} reported no alarms, local or clusterwide")
    message = f"Node {call.node} reported alarms"
    document = {"result": "error", "local": found, "global": [], "message": message}
    raise CheckError(None if call.options.get("silent") else "\n".join(found), document)


@command(
    "check_local_alarms",
    usage="check_local_alarms",
    description="Health check: there are no alarms of the node",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Asking node {node} to report any local resource alarms ...",
)
def check_local_alarms(call: Call) -> Output:
    found = _alarms(call)
    if not found:
        return _passed(call, f"Node {call.node} reported no local alarms")
    message = f"Node {call.node} reported local alarms"
    document = {"result": "error", "local": found, "message": message}
    if call.options.get("silent") or _is_json(call):
        raise CheckError(None, document)
    raise FailedError("\n".join(found), document=document)


# listeners


def _listeners(call: Call) -> list[dict[str, Any]]:
    return [as_map(one) for one in call.ask("status.listeners")]


@command(
    "listeners",
    usage="listeners",
    description="Lists what the node listens on",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Asking node {node} to report its protocol listeners ...",
)
def listeners(call: Call) -> Output:
    found = _listeners(call)
    if _is_json(call):
        return {"result": "ok", "node": call.node, "listeners": found}
    if call.options.get("formatter") in ("erlang", "csv"):
        return Rows([[(Atom(key), value) for key, value in one.items()] for one in found])
    return "\n".join(lines(found)) or f"Node {call.node} reported no enabled listeners."


def _check_positive(call: Call) -> None:
    text = call.arguments[0]
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise bad_argument("Argument must be a positive integer")


@command(
    "check_port_listener",
    usage="check_port_listener <port>",
    description="Health check: the node listens on a port",
    section=MONITORING,
    tools=ONLY,
    topics=[("<port>", "The port")],
    has_timeout=True,
    arity=(1, 1),
    validate=_check_positive,
    banner="Asking node {node} if there's an active listener on port {0} ...",
)
def check_port_listener(call: Call) -> Output:
    port, found = call.arguments[0], _listeners(call)
    ports = [one["port"] for one in found]
    if int(port) in ports:
        text = f"A listener for port {port} is running on node {call.node}."
        return {"result": "ok", "node": call.node, "port": port} if _is_json(call) else text
    shown = ", ".join(map(str, sorted(ports)))
    raise CheckError(
        f"No listener for port {port} is active on node {call.node}."
        f" Found listeners that use the following ports: {shown}",
        {"result": "error", "missing": port, "ports": ports, "listeners": found},
    )


@command(
    "check_protocol_listener",
    usage="check_protocol_listener <protocol>",
    description="Health check: the node listens for a protocol",
    section=MONITORING,
    tools=ONLY,
    topics=[("<protocol>", "amqp, amqps, http, https, http/prometheus, …")],
    has_timeout=True,
    arity=(1, 1),
    banner="Asking node {node} if there's an active listener for protocol {0} ...",
)
def check_protocol_listener(call: Call) -> Output:
    protocol = call.ask("status.protocol", name=call.arguments[0])
    found = _listeners(call)
    protocols = [str(one["protocol"]) for one in found]
    if protocol in protocols:
        if _is_json(call):
            return {"result": "ok", "node": call.node, "protocol": protocol}
        return f"A listener for protocol {protocol} is running on node {call.node}."
    raise FailedError(
        f"No listener for protocol {protocol} is active on node {call.node}."
        f" Found listeners for the following protocols: {', '.join(sorted(protocols))}",
        document={
            "result": "error",
            "missing": protocol,
            "protocols": protocols,
            "listeners": found,
        },
    )


@command(
    "check_port_connectivity",
    usage="check_port_connectivity",
    description="Health check: all that the node listens on can be connected to",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    timeout_ms=30_000,
    banner="Testing TCP connections to all active listeners on node {node} ...",
)
def check_port_connectivity(call: Call) -> Output:
    found = _listeners(call)
    seconds = (call.timeout_ms or 30_000) / 1000 / (len(found) + 1)
    failures = [one for one in found if not _is_reachable(one, seconds)]
    if failures:
        raise FailedError(
            "\n".join(
                [
                    f"Connection to ports of the following listeners on node {call.node} failed: ",
                    *lines(failures),
                ]
            ),
            document={"result": "error", "node": call.node, "failures": failures},
        )
    if _is_json(call):
        return {"result": "ok", "node": call.node, "listeners": found}
    ports = ", ".join(map(str, sorted(one["port"] for one in found)))
    return f"Successfully connected to ports {ports} on node {call.node}."


def _is_reachable(listener: dict[str, Any], seconds: float) -> bool:
    address = str(listener["interface"]).strip("[]")
    try:
        if not listener["port"]:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(seconds)
                connection.connect(address)
            return True
        host = {"::": "localhost", "0.0.0.0": "127.0.0.1"}.get(address, address)
        socket.create_connection((host, listener["port"]), seconds).close()
    except OSError:
        return False
    return True


# the rest


@command(
    "check_virtual_hosts",
    usage="check_virtual_hosts",
    description="Health check: all virtual hosts run",
    section=MONITORING,
    tools=ONLY,
    has_timeout=True,
    banner="Checking if all vhosts are running on node {node} ...",
)
def check_virtual_hosts(call: Call) -> Output:
    call.ask("nodes.ping")
    if call.options.get("formatter") == "erlang":
        return None
    return _passed(call, f"Node {call.node} reported all vhosts as running")


def _check_unit(call: Call) -> None:
    unit = str(call.options["unit"])
    if unit.lower() not in UNITS:
        shown = ", ".join(UNITS)
        raise InvalidError(f"\"unit '{unit}' is not supported. Please use one of: {shown}\"")


@command(
    "check_certificate_expiration",
    usage="check_certificate_expiration [--within <period>] [--unit <unit>]",
    description="Health check: no certificate expires soon",
    section=MONITORING,
    tools=ONLY,
    topics=[
        ("--within <period>", "How soon (4)"),
        ("--unit <unit>", "days, weeks, months or years (weeks)"),
    ],
    switches={"unit": TEXT, "within": INTEGER},
    defaults={"unit": "weeks", "within": 4},
    validate=_check_unit,
    banner="Checking certificate expiration on node {node} ...",
)
def check_certificate_expiration(call: Call) -> Output:
    within, unit = call.options["within"], str(call.options["unit"])
    found = call.ask("certificates.expiring", within=str(within), unit=unit)
    if found:
        from broker.cli.formatters import to_json

        document = {"result": "error", "expired": found}
        raise CheckError("\n".join(map(to_json, found)), document)
    if _is_json(call):
        return {"result": "ok"}
    label = unit[:-1] if within == 1 else unit
    return f"No certificates are expiring within {within} {label}."


def _health_banner(call: Call) -> str:
    return (
        "This command is DEPRECATED and will be removed in a future version.\n"
        "It performs intrusive, opinionated health checks and requires a fully booted node.\n"
        "Use one of the options covered in https://www.rabbitmq.com/monitoring.html#health-checks"
        " instead.\n"
        f"Timeout: {(call.timeout_ms or 0) // 1000} seconds ...\n"
        f"Checking health of node {call.node} ..."
    )


@command(
    "node_health_check",
    usage="node_health_check",
    description="Health check: the node runs and has no alarms; the others say more",
    section=DEPRECATED,
    tools=(CTL, DIAGNOSTICS),
    has_timeout=True,
    timeout_ms=70_000,
    banner=_health_banner,
)
def node_health_check(call: Call) -> Output:
    found = _alarms(call)
    if found:
        text = f"Error: health check failed. Message: resource alarm(s) in effect: {found}"
        raise FailedError(text, EX_SOFTWARE)
    return "Health check passed"
