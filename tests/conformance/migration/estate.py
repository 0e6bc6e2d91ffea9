"""What is on the broker that is to be left, and how to see that all of it has moved."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pika
from pika.adapters.blocking_connection import BlockingChannel

VHOST = "orders"
STREAM = "app.history"
PASSWORDS = {"app": "päss word", "auditor": "older", "guest": "guest", "mover": "carries-all"}
ODD = "letters / ä"  # a name that shells and addresses have to be careful with
MOVER_TAGS = "administrator,impersonator"
TIMEOUT_S = 20

_QUEUES: dict[str, dict[str, Any]] = {
    "app.jobs": {"x-max-priority": 10},
    "app.log": {"x-queue-type": "quorum", "x-delivery-limit": 3},
    "app.retry": {"x-message-ttl": 3_600_000, "x-dead-letter-exchange": "events"},
    "app.recent": {"x-queue-mode": "lazy", "x-max-length": 1000, "x-overflow": "reject-publish"},
    "app.once": {"x-single-active-consumer": True},
    STREAM: {"x-queue-type": "stream"},
}
_BINDINGS: dict[str, dict[str, Any]] = {
    "e/events/e/copies": {"routing_key": "eu.#"},
    "e/copies/q/app.log": {},
    "e/by-kind/q/app.jobs": {"arguments": {"x-match": "all", "kind": "invoice", "pages": 3}},
    "e/direct/q/app.retry": {"routing_key": "again"},
    "e/events/q/app.history": {"routing_key": "#"},
}
_EXCHANGES: dict[str, dict[str, Any]] = {
    "events": {"type": "topic"},
    "copies": {"type": "fanout", "internal": True},
    "by-kind": {"type": "headers"},
    "unrouted": {"type": "fanout", "auto_delete": True},
    "direct": {"type": "direct", "arguments": {"alternate-exchange": "unrouted"}},
}
_POLICIES: dict[str, dict[str, Any]] = {
    "policies/orders/mirrors": {
        "pattern": "^app\\.jobs$",
        "definition": {"ha-mode": "all", "ha-sync-mode": "automatic"},
        "apply-to": "queues",
        "priority": 5,
    },
    "policies/orders/limits": {
        "pattern": "^app\\.",
        "definition": {"max-length": 100_000, "dead-letter-exchange": "unrouted"},
        "apply-to": "all",
    },
    "operator-policies/orders/roof": {
        "pattern": ".*",
        "definition": {"max-length": 200_000},
        "apply-to": "queues",
    },
}


def _older_hash(password: str) -> str:
    """As a user has it whose password was set before a change of the algorithm."""
    salt = b"hare"
    return base64.b64encode(salt + hashlib.sha512(salt + password.encode()).digest()).decode()


def _entries() -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths of the HTTP API, and what is put there."""
    yield "vhosts/orders", {"description": "Orders of hares", "tags": "sales,live"}
    yield "vhost-limits/orders/max-queues", {"value": 100}
    yield "vhost-limits/orders/max-connections", {"value": 50}
    yield "users/app", {"password": PASSWORDS["app"], "tags": ""}
    yield (
        "users/auditor",
        {
            "password_hash": _older_hash(PASSWORDS["auditor"]),
            "hashing_algorithm": "rabbit_password_hashing_sha512",
            "tags": "monitoring",
        },
    )
    yield "user-limits/app/max-connections", {"value": 20}
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    yield "permissions/orders/guest", everything
    yield "permissions/orders/auditor", {"configure": "", "write": "", "read": ".*"}
    some = {"configure": "^app\\.", "write": ".*", "read": "^app\\."}
    yield "permissions/orders/app", some
    yield "topic-permissions/orders/app", {"exchange": "events", "write": "^eu\\.", "read": ".*"}
    yield f"queues/%2f/{quote(ODD, safe='')}", {"durable": True}
    for name, fields in _EXCHANGES.items():
        yield f"exchanges/orders/{name}", {"durable": True, **fields}
    for name, arguments in _QUEUES.items():
        yield f"queues/orders/{name}", {"durable": True, "arguments": arguments}
    yield from _POLICIES.items()
    yield "cluster-name", {"name": "the old warren"}
    yield "global-parameters/team", {"value": {"name": "hares", "size": 3}}


class Api:
    """The HTTP API of one broker, as guest."""

    def __init__(self, port: int):
        self._base = f"http://127.0.0.1:{port}/api/"

    def ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, method=method)
        request.add_header("Authorization", "Basic Z3Vlc3Q6Z3Vlc3Q=")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            octets = answer.read()
        return json.loads(octets) if octets else None


def build(port: int) -> None:
    """Define everything, on a broker that has nothing. port: of its HTTP API."""
    api = Api(port)
    for path, body in _entries():
        api.ask("PUT", path, body)
    for path, body in _BINDINGS.items():
        api.ask("POST", f"bindings/orders/{path}", body)


def add_mover(port: int) -> None:
    """The user whom the page adds."""
    api = Api(port)
    api.ask("PUT", "users/mover", {"password": PASSWORDS["mover"], "tags": MOVER_TAGS})
    for vhost in ("%2f", VHOST):
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        api.ask("PUT", f"permissions/{vhost}/mover", everything)


def without_mover(definitions: dict[str, Any]) -> dict[str, Any]:
    return definitions | {
        "users": [user for user in definitions["users"] if user["name"] != "mover"],
        "permissions": [each for each in definitions["permissions"] if each["user"] != "mover"],
    }


def without_streams(definitions: dict[str, Any]) -> dict[str, Any]:
    """Nor their bindings."""
    return definitions | {
        "queues": [queue for queue in definitions["queues"] if queue["name"] != STREAM],
        "bindings": [each for each in definitions["bindings"] if each["destination"] != STREAM],
    }


def comparable(definitions: dict[str, Any]) -> dict[str, list[str]]:
    """Those that have to move, in an order of their own; who has exported them is left out."""
    return {
        category: sorted(json.dumps(each, sort_keys=True) for each in found)
        for category, found in definitions.items()
        if isinstance(found, list)
    }


def as_by_the_tool(definitions: dict[str, Any]) -> dict[str, Any]:
    """An export of the HTTP API as the tool writes it: queues have types, and exchanges that are
    not internal do not say so."""
    queues = [
        {**queue, "type": queue["arguments"].get("x-queue-type", "classic")}
        for queue in definitions["queues"]
    ]
    exchanges = [
        {key: value for key, value in exchange.items() if (key, value) != ("internal", False)}
        for exchange in definitions["exchanges"]
    ]
    return {**definitions, "queues": queues, "exchanges": exchanges}


def general(entries: list[str]) -> list[str]:
    """Without those that are a cluster's own."""
    return [entry for entry in entries if "internal_cluster_id" not in entry]


@contextmanager
def logged_in(port: int, user: str, vhost: str = VHOST) -> Iterator[BlockingChannel]:
    credentials = pika.PlainCredentials(user, PASSWORDS[user])
    parameters = pika.ConnectionParameters("127.0.0.1", port, vhost, credentials)
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        if connection.is_open:
            connection.close()


_HEADERS: dict[str, Any] = {
    "tries": 3,
    "price": Decimal("1.50"),
    "since": datetime(2024, 2, 29, 12, 0),
    "large": 2**40,
    "urgent": True,
    "nothing": None,
    "nested": {"list": [1, "two", {"three": 3}], "raw": b"\x00\xff"},
    "x-death": [{"queue": "app.retry", "reason": "expired", "count": 2}],
}


def messages() -> dict[tuple[str, str], list[tuple[pika.BasicProperties, bytes]]]:
    """vhost and queue → what is in it."""
    jobs = [
        (
            pika.BasicProperties(
                priority=priority,
                delivery_mode=2,
                headers=_HEADERS | {"number": priority},
                content_type="text/plain",
                content_encoding="utf-8",
                correlation_id=f"c{priority}",
                message_id=f"m{priority}",
                reply_to="answers",
                timestamp=1_700_000_000,
                type="job",
                app_id="shop",
                user_id="app",
                expiration="86400000",
            ),
            f"job {priority}\nwith a second line: ä".encode(),
        )
        for priority in (1, 9, 5)
    ]
    log = [(pika.BasicProperties(delivery_mode=2), bytes([number, 0, 255])) for number in range(40)]
    letters = [(pika.BasicProperties(delivery_mode=2), b"a" * size) for size in range(9)]
    return {(VHOST, "app.jobs"): jobs, (VHOST, "app.log"): log, ("/", ODD): letters}


def publish(port: int) -> None:
    """Fill the queues; those of the vhost as its user."""
    for (vhost, queue), found in messages().items():
        with logged_in(port, "app" if vhost == VHOST else "guest", vhost) as channel:
            channel.confirm_delivery()
            for properties, body in found:
                channel.basic_publish("", queue, body, properties, mandatory=True)


def seen(port: int) -> dict[tuple[str, str], list[tuple[dict[str, Any], bytes]]]:
    """What is in the queues, where it stays: properties and bodies. What goes back to a quorum
    queue may change places, so that one is sorted."""
    found: dict[tuple[str, str], list[tuple[dict[str, Any], bytes]]] = {}
    for vhost, queue in messages():
        with logged_in(port, "guest", vhost) as channel:
            taken = found[vhost, queue] = []
            while (message := channel.basic_get(queue))[0] is not None:
                taken.append((_fields(message[1]), message[2]))
            if queue == "app.log":
                taken.sort(key=lambda message: message[1])
    return found


def _fields(properties: pika.BasicProperties) -> dict[str, Any]:
    """How often a quorum queue has handed out a message is no part of it."""
    fields = {name: value for name, value in vars(properties).items() if value is not None}
    headers = {
        name: value
        for name, value in fields.pop("headers", {}).items()
        if name != "x-delivery-count"
    }
    return fields | ({"headers": headers} if headers else {})
