"""Record what a RabbitMQ serves to Prometheus, and what a dashboard asks of it.

    python -m tests.conformance.metrics record --port 5690 --api-port 15690 --prometheus-port 15699
    python -m tests.conformance.metrics dashboard RabbitMQ-Overview.json

`record` makes queues of each type, a consumer and messages in a vhost of its own, and takes it away
again. Of what is served only the shape is kept: names, types, help texts, names of labels; of what
is Erlang's (erlang_*) the names alone. Of a dashboard only the names are kept that its queries use.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import time
import urllib.request
from pathlib import Path
from typing import Any

import pika

from tests.support.scraping import shape_of

HERE = Path(__file__).parent
VHOST = "metrics-recording"
GROUPS = (
    "connection_churn_metrics",
    "node_coarse_metrics",
    "node_metrics",
    "node_persister_metrics",
    "ra_metrics",
    "auth_attempt_metrics",
    "auth_attempt_detailed_metrics",
    "queue_coarse_metrics",
    "queue_consumer_count",
    "queue_metrics",
    "channel_metrics",
    "channel_exchange_metrics",
    "channel_process_metrics",
    "channel_queue_metrics",
    "connection_coarse_metrics",
    "connection_metrics",
    "channel_queue_exchange_metrics",
    "vhost_status",
    "exchange_bindings",
    "exchange_names",
)
ENDPOINTS = {
    "aggregated": "/metrics",
    "per-object": "/metrics/per-object",
    "detailed": "/metrics/detailed?" + "&".join(f"family={group}" for group in GROUPS),
    "consumer-count": "/metrics/detailed?family=queue_consumer_count",
}
# Of the targets of a scrape: Prometheus adds them, not the broker.
OF_TARGETS = {"instance", "namespace", "job"}


def record(port: int, api_port: int, prometheus_port: int) -> None:
    def api(verb: str, path: str, body: Any = None) -> None:
        login = base64.b64encode(b"guest:guest").decode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{api_port}/api{path}",
            None if body is None else json.dumps(body).encode(),
            {"authorization": f"Basic {login}", "content-type": "application/json"},
            method=verb,
        )
        urllib.request.urlopen(request).close()

    api("PUT", f"/vhosts/{VHOST}", {})
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    api("PUT", f"/permissions/{VHOST}/guest", everything)
    found: dict[str, Any] = {}
    try:
        connection = pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port, VHOST))
        prepare(connection)
        for name, path in ENDPOINTS.items():
            with urllib.request.urlopen(f"http://127.0.0.1:{prometheus_port}{path}") as answer:
                found[name] = without_erlang(shape_of(answer.read().decode()))
        connection.close()
    finally:
        api("DELETE", f"/vhosts/{VHOST}")
    write(HERE / "recording.json", found)


def prepare(connection: Any) -> None:
    """Queues of each type with messages, who publishes, who consumes and who gets."""
    publishing, consuming = connection.channel(), connection.channel()
    publishing.exchange_declare("all", "fanout")
    for kind in ("classic", "quorum", "stream"):
        publishing.queue_declare(kind, durable=True, arguments={"x-queue-type": kind})
        publishing.queue_bind(kind, "all")
    publishing.confirm_delivery()
    for _ in range(5):
        publishing.basic_publish("all", "", b"hello", pika.BasicProperties(delivery_mode=2))
    publishing.basic_get("classic", auto_ack=True)
    consuming.basic_qos(prefetch_count=2)
    for kind in ("classic", "quorum"):
        consuming.basic_consume(kind, lambda *_: None)
    until = time.monotonic() + 7  # statistics are gathered every five seconds
    while time.monotonic() < until:
        connection.process_data_events(0.5)


def without_erlang(shape: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {} if name.startswith("erlang_") else family for name, family in sorted(shape.items())
    }


def dashboard(path: Path) -> None:
    """The names of metrics and labels in the queries of a dashboard."""
    used: dict[str, set[str]] = {}
    for query in queries(json.loads(path.read_text())):
        names = re.findall(r"\b(?:rabbitmq|erlang|process|telemetry)_\w+(?!\w|\s*=)", query)
        metrics = [name for name in names if not re.search(rf"\b{name}\s*=~?\"", query)]
        for name in metrics:
            used.setdefault(name, set())
        for name, matchers in re.findall(r"(\w+)\{([^}]*)\}", query):
            used.setdefault(name, set()).update(re.findall(r"(\w+)\s*[=!]", matchers))
        for labels in re.findall(r"group_left\s*\(([^)]*)\)", query):
            used.setdefault("rabbitmq_identity_info", set()).update(re.findall(r"\w+", labels))
    labels_only = {label for labels in used.values() for label in labels}
    found = {
        name: sorted(labels - OF_TARGETS)
        for name, labels in sorted(used.items())
        if name not in labels_only
    }
    write(HERE / "dashboard.json", {path.stem: found})


def queries(node: Any) -> list[str]:
    """All that a dashboard asks, wherever it stands."""
    if isinstance(node, list):
        return [query for entry in node for query in queries(entry)]
    if not isinstance(node, dict):
        return []
    found = [query for entry in node.values() for query in queries(entry)]
    found += [node[key] for key in ("expr", "query") if isinstance(node.get(key), str)]
    return found


def write(path: Path, value: dict[str, Any]) -> None:
    """A line for each metric."""
    parts = []
    for name, entry in value.items():
        lines = [f'  "{key}": {json.dumps(inner)}' for key, inner in entry.items()]
        parts.append(f' "{name}": {{\n' + ",\n".join(lines) + "\n }")
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    recording.add_argument("--port", type=int, default=5690)
    recording.add_argument("--api-port", type=int, default=15690)
    recording.add_argument("--prometheus-port", type=int, default=15699)
    commands.add_parser("dashboard").add_argument("path", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "record":
        record(arguments.port, arguments.api_port, arguments.prometheus_port)
    else:
        dashboard(arguments.path)


if __name__ == "__main__":
    main()
