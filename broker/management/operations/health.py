"""Health checks: what is wrong with the node, in RabbitMQ's words; None: nothing.

The answer of a check that failed has status 503 and says why; load balancers look at the status.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from broker.amqp.erlang import Atom, printed
from broker.auth.x509 import Certificate, CertificateError
from broker.management.operations.refused import Refused
from broker.management.service import Management
from broker.node import Node

Failure = dict[str, Any]

DAY_S = 86_400
UNITS_S = {"days": DAY_S, "weeks": 7 * DAY_S, "months": DAY_S * 365 / 12, "years": 365 * DAY_S}
RESOURCES = {"disk": "disk space"}  # as they are shown
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SPELLED = {
    "amqp": "amqp091 amqp0.9.1 amqp0-9-1 amqp0_9_1 amqp10 amqp1.0 amqp1-0 amqp1_0",
    "amqp/ssl": "amqps",
    "mqtt": "mqtt3.1 mqtt3.1.1 mqtt31 mqtt311 mqtt3_1 mqtt3_1_1",
    "mqtt/ssl": "mqtts mqtt+tls mqtt+ssl",
    "stomp": "stomp1.0 stomp1.1 stomp1.2 stomp10 stomp11 stomp12 stomp1_0 stomp1_1 stomp1_2",
    "stomp/ssl": "stomps stomp+tls stomp+ssl",
    "http": "http1 http1.1 http_api management management_ui ui",
    "clustering": "cli distribution",
    "http/web-mqtt": "webmqtt web-mqtt web_mqtt",
    "https/web-mqtt": "webmqtt/tls web-mqtt/tls webmqtt/ssl web-mqtt/ssl webmqtt+tls web-mqtt+tls"
    " webmqtt+ssl web-mqtt+ssl",
    "http/web-stomp": "webstomp web-stomp web_stomp",
    "https/web-stomp": "webstomp/tls web-stomp/tls webstomp/ssl web-stomp/ssl webstomp+tls"
    " web-stomp+tls webstomp+ssl web-stomp+ssl",
}
_PROTOCOLS = {alias: name for name, aliases in _SPELLED.items() for alias in aliases.split()}


def alarms(node: Node, where: str) -> Failure | None:
    """where: "in the cluster" or "on the node": RabbitMQ's text says so."""
    if not node.alarms:
        return None
    return {
        "status": "failed",
        "reason": f"There are alarms in effect {where}",
        "alarms": [
            {"resource": RESOURCES.get(resource, resource), "node": node.name}
            for resource in node.alarms
        ],
    }


def node_health(node: Node) -> Failure | None:
    """The old check of everything."""
    if not node.alarms:
        return None
    found = [(Atom("resource_limit"), Atom(name), Atom(node.name)) for name in node.alarms]
    return {"status": "failed", "reason": f"resource alarm(s) in effect:{printed(found)}"}


def in_service(node: Node) -> Failure | None:
    """Whether the node takes connections. Not in 3.10, as the two below."""
    if not node.is_stopping:
        return None
    reason = "this rabbit node is not currently available to serve"
    return {"status": "failed", "reason": reason}


def below_connection_limit(node: Node) -> Failure | None:
    limit = node.config.limits.connection_max
    if limit is None or len(node.peers) < limit:
        return None
    return {"status": "failed", "reason": "node connection limit is reached"}


def ready(management: Management) -> Failure | None:
    """Whether clients are served now."""
    node = management.node
    if node.is_stopping:
        reason = "the rabbit node is not currently available to serve"
        return {"status": "failed", "reason": reason}
    protocols = {listener["protocol"] for listener in management.listeners()}
    if not protocols & {"amqp", "amqp/ssl"}:
        return {"status": "failed", "reason": "no active listeners for AMQP/AMQPS"}
    failure = below_connection_limit(node)
    return None if failure is None else failure | {"connections": len(node.peers)}


def number_of(text: str, problem: str) -> int:
    """A whole number of the path. Raises: Refused."""
    if not _NUMBER.fullmatch(text):
        raise Refused(problem)
    return int(text)


def port_listener(management: Management, port: int) -> Failure | None:
    ports = [listener["port"] for listener in management.listeners()]
    if port in ports:
        return None
    return {
        "status": "failed",
        "reason": "No active listener",
        "missing": port,
        "ports": ports,
    }


def protocol_of(name: str) -> str:
    """RabbitMQ's name of a listener's protocol, by any of the names it goes by."""
    return _PROTOCOLS.get(name.lower(), name.lower())


def protocol_listener(management: Management, protocol: str) -> Failure | None:
    protocols = list(dict.fromkeys(one["protocol"] for one in management.listeners()))
    if protocol in protocols:
        return None
    return {
        "status": "failed",
        "reason": "No active listener",
        "missing": protocol,
        "protocols": protocols,
    }


# certificates


def seconds_of(within: str, unit: str) -> float:
    """Raises: Refused."""
    count = number_of(within, "Invalid expiration value.")
    if unit.lower() not in UNITS_S:
        raise Refused("Time unit not recognised. Supported units: days, weeks, months, years.")
    return count * UNITS_S[unit.lower()]


def expiring_certificates(
    node: Node, listeners: Iterable[Mapping[str, Any]], within_s: float
) -> Failure | None:
    """Of listeners with TLS. listeners: as the API shows them."""
    config = node.config
    options = {
        "amqp/ssl": config.tls,
        "https": config.management.tls.options(config.tls),
        "https/prometheus": config.prometheus.tls.options(config.tls),
    }
    now_s = node.clock.epoch_ms() / 1000
    expiring = []
    for listener in listeners:
        tls = options.get(listener["protocol"])
        if tls is None:
            continue
        own = expiring_in(tls.certfile, now_s, within_s)
        authorities = expiring_in(tls.cacertfile, now_s, within_s)
        if own or authorities:
            expiring.append(
                {
                    "node": node.name,
                    "protocol": listener["protocol"],
                    "interface": listener["ip_address"],
                    "port": listener["port"],
                    "certfile": tls.certfile,
                    "cacertfile": tls.cacertfile,
                    "certfile_expires_on": own,
                    "cacertfile_expires_on": authorities,
                }
            )
    if not expiring:
        return None
    return {"status": "failed", "reason": "Certificates expiring", "expired": expiring}


def expiring_in(path: str, now_s: float, within_s: float) -> list[str]:
    """When those certificates of a PEM file end that end too early, or what is wrong with them."""
    if not path:
        return []
    try:
        found = _PEM.findall(Path(path).read_bytes())
    except OSError as error:
        return [f"The certificate file cannot be read: {error.strerror}"]
    if not found:
        return ["The certificate file provided does not contain any PEM entry."]
    problems = []
    for text in found:
        try:
            first_s, last_s = Certificate(base64.b64decode(text)).validity_s
        except (binascii.Error, CertificateError):
            problems.append("The certificate file provided contains an entry that is none")
            continue
        if first_s > now_s:
            problems.append("Certificate is not yet valid")
        elif last_s < now_s + within_s:
            problems.append(datetime.fromtimestamp(last_s, UTC).strftime("%Y-%m-%d %H:%M:%S"))
    return problems
