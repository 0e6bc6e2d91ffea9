"""Every GET of the HTTP API answers what the OpenAPI document says it does.

The broker has been prepared so that there is one of each thing, with traffic; a route with a
parameter in its path that is not in `NAMES` fails, and so does a key that is not described.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote

import pika
import pytest

from tests.support.process import BrokerProcess
from tests.support.schemas import Schemas

LOGIN = b64encode(b"guest:guest").decode()
STREAMED = {"/livelog"}  # goes on as long as somebody listens: tested elsewhere
CHARTS = "&".join(
    f"{prefix}_{what}" for prefix in ("msg_rates", "lengths", "data_rates", "node_stats")
    for what in ("age=60", "incr=5")
)  # fmt: skip
TEXTS = (
    *("content_type", "content_encoding", "correlation_id", "reply_to"),
    *("message_id", "type", "app_id", "cluster_id"),
)
# Shapes of what is sent, and keys of what is not here: an alarm, a certificate that ends soon, …
SENT = {"QueueDeclaration", "UserDefinition"}
NOT_HERE = {
    *((shape, "idle_since") for shape in ("Queue", "WholeQueue", "Channel", "WholeChannel")),
    *(("Unhealthy", key) for key in ("alarms", "expired", "connections")),
}


class Broker:
    """One that has one of each. names: what stands for the parts of paths."""

    def __init__(self, process: BrokerProcess):
        self.port = process.ports["management"]
        self.amqp_port = process.port
        assert self.port is not None
        self.document = self.get("/openapi.json")
        self.schemas = Schemas(self.document["components"]["schemas"])
        self.names: dict[str, str] = {}
        self._connections: list[pika.BlockingConnection] = []

    def open(self, method: str, path: str, body: object = None) -> HTTPResponse:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Basic {LOGIN}", "Content-Type": "application/json"},
            method=method,
        )
        answer: HTTPResponse = urllib.request.urlopen(request, timeout=20)
        return answer

    def get(self, path: str) -> Any:
        with self.open("GET", path) as answer:
            return json.load(answer)

    def put(self, path: str, body: object) -> None:
        self.open("PUT", path, body).close()

    def post(self, path: str, body: object) -> None:
        self.open("POST", path, body).close()

    def connect(self) -> pika.BlockingConnection:
        parameters = pika.ConnectionParameters("127.0.0.1", self.amqp_port, heartbeat=0)
        parameters.client_properties = {"connection_name": "a client"}
        connection = pika.BlockingConnection(parameters)
        self._connections.append(connection)
        return connection

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    def prepare(self) -> None:
        self._define()
        self._use()
        node = self.get("/overview")["node"]
        connection = next(one["name"] for one in self.get("/connections"))
        props = next(one["properties_key"] for one in self.get("/bindings/%2f/e/orders/q/classic"))
        self.names = {
            "vhost": "/",
            "queue": "classic",
            "exchange": "orders",
            "destination": "classic",
            "source": "orders",
            "dtype": "q",
            "props": props,
            "connection": connection,
            "channel": f"{connection} (1)",
            "username": "guest",
            "user": "limited",
            "node": node,
            "filter": "none",
            "component": "policy",
            "name": "ttl",
            "within": "2",
            "unit": "weeks",
            "port": str(self.amqp_port),
            "protocol": "amqp091",
        }
        time.sleep(2.5)  # two looks of the statistics

    def _define(self) -> None:
        self.put("/exchanges/%2f/orders", {"type": "topic", "durable": True})
        for name, arguments in (
            ("classic", {}),
            ("quorum", {"x-queue-type": "quorum"}),
            ("single", {"x-single-active-consumer": True}),
        ):
            self.put(f"/queues/%2f/{name}", {"durable": True, "arguments": arguments})
            self.post(f"/bindings/%2f/e/orders/q/{name}", {"routing_key": name, "arguments": {}})
        definition = {"pattern": ".", "definition": {"message-ttl": 600_000}, "apply-to": "all"}
        self.put("/policies/%2f/ttl", definition)
        self.put("/operator-policies/%2f/ttl", {**definition, "apply-to": "queues"})
        self.put("/global-parameters/ttl", {"value": {"a": 1}})
        self.put("/users/limited", {"password": "limited", "tags": "monitoring"})
        self.put("/users/nobody", {"password": "nobody", "tags": ""})
        self.put("/permissions/%2f/limited", {"configure": "", "write": "", "read": ""})
        topics = {"exchange": "orders", "write": ".*", "read": ".*"}
        self.put("/topic-permissions/%2f/limited", topics)
        self.put("/user-limits/limited/max-channels", {"value": 7})
        self.put("/vhosts/typed", {"default_queue_type": "quorum", "tags": "a,b"})
        self.put("/vhost-limits/%2f/max-connections", {"value": 100})

    def _use(self) -> None:
        channel = self.connect().channel()
        channel.confirm_delivery()
        for name in ("classic", "quorum", "single"):
            for _ in range(3):
                properties = pika.BasicProperties(
                    delivery_mode=2,
                    priority=3,
                    timestamp=1_700_000_000,
                    headers={"n": 1},
                    expiration="600000",
                    user_id="guest",
                    **dict.fromkeys(TEXTS, "text"),
                )
                channel.basic_publish("orders", name, b"hello", properties)
        channel.queue_declare("own", exclusive=True)
        channel.basic_get("classic")
        channel.basic_consume("single", lambda *_: None)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("classic", lambda *_: None)
        transactional = self.connect().channel()
        transactional.tx_select()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    flags = ("--set", "management.rates_mode=detailed", "--set", "collect_statistics_interval=1000")
    with BrokerProcess(*flags) as process:
        broker = Broker(process)
        broker.prepare()
        try:
            yield broker
        finally:
            broker.close()


def _paths(broker: Broker) -> list[tuple[str, dict[str, Any]]]:
    """Of all GETs that give JSON: the path with its names, and the schema of the answer."""
    found = []
    for path, operations in broker.document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if path in STREAMED or "application/json" not in content:
            continue
        filled = re.sub(r"\{(\w+)\}", lambda m: quote(broker.names[m[1]], safe=""), path)
        found.append((filled, content["application/json"]["schema"]))
    return found


def test_every_answer_is_as_described(broker: Broker) -> None:
    paths = _paths(broker)
    assert len(paths) > 70
    problems = []
    for path, schema in paths:
        for query in ("", f"?{CHARTS}", "?disable_stats=true", "?memory=true&binary=true"):
            found = broker.get(f"{path}{query}")
            try:
                broker.schemas.check(schema, found)
            except AssertionError as error:
                problems.append(f"GET {path}{query}: {error}")
    assert problems == [], "\n".join(problems)


def test_lists_come_in_pages_where_it_is_said(broker: Broker) -> None:
    for path, schema in _paths(broker):
        is_paged = len(schema.get("anyOf", ())) == 2 and "items" in schema["anyOf"][0]
        if not is_paged:
            continue
        found = broker.get(f"{path}?page=1&page_size=1&name=.&use_regex=true")
        assert found["page"] == 1, path
        broker.schemas.check(schema["anyOf"][1], found)


@pytest.mark.parametrize("name", ["classic", "quorum", "single", "own"])
def test_queues_of_all_kinds_on_their_own(broker: Broker, name: str) -> None:
    broker.schemas.check_named("WholeQueue", broker.get(f"/queues/%2f/{name}"))


def test_messages_that_are_got(broker: Broker) -> None:
    operation = broker.document["paths"]["/queues/{vhost}/{queue}/get"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    with broker.open("POST", "/queues/%2f/quorum/get", example) as answer:
        found = json.load(answer)
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert found
    broker.schemas.check(schema, found)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/queues/%2f/nowhere", 404),
        ("GET", "/queues?page=0", 400),
        ("PUT", "/exchanges/%2f/orders", 400),
    ],
)
def test_a_refusal_is_as_described(broker: Broker, method: str, path: str, status: int) -> None:
    body = {"type": "nonsense"} if method == "PUT" else None
    with pytest.raises(urllib.error.HTTPError) as caught:
        broker.open(method, path, body)
    with caught.value as answer:
        assert answer.code == status
        broker.schemas.check_named("Reason", json.load(answer))


def test_messages_where_they_lie_and_elsewhere(broker: Broker) -> None:
    paths = broker.document["paths"]
    schema = paths["/queues/{vhost}/{queue}/messages"]["get"]["responses"]["200"]["content"]
    for state in ("ready", "unacked"):
        found = broker.get(f"/queues/%2f/classic/messages?state={state}")
        assert found["items"]
        broker.schemas.check(schema["application/json"]["schema"], found)
    with broker.open("POST", "/queues/%2f/quorum/move", {"destination": "single"}) as answer:
        broker.schemas.check_named("Moved", json.load(answer))
    body = {"pattern": "classic", "action": "purge", "dry_run": True}
    with broker.open("POST", "/queues-bulk/%2f", body) as answer:
        broker.schemas.check_named("ManyQueues", json.load(answer))


def test_what_is_wrong_is_as_described(broker: Broker) -> None:
    for path in ("/health/checks/port-listener/1", "/health/checks/protocol-listener/stomp"):
        with pytest.raises(urllib.error.HTTPError) as caught:
            broker.get(path)
        with caught.value as answer:
            assert answer.code == 503
            broker.schemas.check_named("Unhealthy", json.load(answer))


def test_nothing_is_described_that_is_never_there(broker: Broker) -> None:
    """After the others: they have seen all there is to see."""
    unseen = {(shape, key) for shape, key in broker.schemas.unseen() if shape not in SENT}
    assert unseen == NOT_HERE, sorted(unseen ^ NOT_HERE)
