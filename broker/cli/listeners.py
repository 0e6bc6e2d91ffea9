"""Listeners and alarms as RabbitMQ's tools show them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from broker.amqp.erlang import Atom

LABELS = {
    "amqp": "AMQP 0-9-1 and AMQP 1.0",
    "amqp/ssl": "AMQP 0-9-1 and AMQP 1.0 over TLS",
    "http": "HTTP API",
    "https": "HTTP API over TLS (HTTPS)",
    "http/prometheus": "Prometheus exporter API over HTTP",
    "https/prometheus": "Prometheus exporter API over TLS (HTTPS)",
    "clustering": "inter-node and CLI tool communication",
}
_RESOURCES = {
    "memory": "Memory alarm",
    "disk": "Free disk space alarm",
    "file_descriptors": "File descriptor limit alarm",
}


def as_map(listener: Any) -> dict[str, Any]:
    """listener: the record as the node gives it."""
    _, node, protocol, _, address, port, _ = listener
    return {
        "node": node,
        "protocol": protocol,
        "interface": _shown_address(address),
        "port": port,
        "purpose": LABELS.get(str(protocol), str(protocol)),
    }


def lines(maps: Iterable[dict[str, Any]], node: str | None = None) -> list[str]:
    """node: of a cluster's, named in front."""
    before = f"Node: {node}, interface" if node is not None else "Interface"
    return [
        f"{before}: {one['interface']}, port: {one['port']}, protocol: {one['protocol']},"
        f" purpose: {one['purpose']}"
        for one in maps
    ]


def _shown_address(address: Any) -> str:
    if not isinstance(address, tuple):
        return str(address)
    if len(address) == 4:
        return ".".join(map(str, address))
    packed = b"".join(part.to_bytes(2, "big") for part in address)
    return f"[{ipaddress.IPv6Address(packed)}]"


def alarm_map(alarm: Any, node: str) -> dict[str, Any]:
    """alarm: (resource_limit, resource, node), perhaps in a pair."""
    if isinstance(alarm, Atom):  # file_descriptor_limit
        return {"type": Atom("resource_limit"), "resource": Atom("file_descriptors"), "node": node}
    found = alarm[0] if isinstance(alarm[0], tuple) else alarm
    return {"type": Atom("resource_limit"), "resource": found[1], "node": found[2]}


def alarm_lines(alarms: Iterable[Any], node: str) -> list[str]:
    """node: that was asked, whose descriptors may have run out."""
    maps = (alarm_map(alarm, node) for alarm in alarms)
    return [f"{_RESOURCES[str(one['resource'])]} on node {one['node']}" for one in maps]
