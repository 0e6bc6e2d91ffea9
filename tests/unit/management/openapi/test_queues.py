"""Queues answer what their table says."""

from __future__ import annotations

import pytest

from broker.management.openapi.queues import PATHS
from tests.unit.management.openapi.conftest import Told

Q = {"vhost": "%2f", "queue": "q"}
QUEUE = "/queues/:vhost/:queue"


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_a_queue_from_first_to_last(told: Told, kind: str) -> None:
    body = {"durable": True, "arguments": {"x-queue-type": kind}}
    told.asks("PUT", QUEUE, Q, body=body, status=201)
    told.asks("PUT", QUEUE, Q, body=body, status=204)
    assert told.asks("GET", QUEUE, Q)["type"] == kind
    assert len(told.asks("GET", "/queues")) == 1
    assert told.asks("GET", "/queues/:vhost", Q, query="?page=1&page_size=1")["total_count"] == 1
    assert told.asks("GET", "/queues", query="?disable_stats=true")[0]["name"] == "q"
    told.asks("DELETE", f"{QUEUE}/contents", Q, status=204)
    told.asks("DELETE", QUEUE, Q, query="?if-unused=false", status=204)


def test_the_example_of_get_gets(told: Told) -> None:
    told.api.asks("PUT", "/queues/%2f/q", {})
    message = {"routing_key": "q", "payload": "x", "payload_encoding": "string"}
    path = "/exchanges/%2f/amq.default/publish"
    told.api.asks("POST", path, {**message, "properties": {}})
    told.api.asks("POST", path, {**message, "properties": {"app_id": "a", "headers": {"n": 1}}})
    found = told.asks("POST", f"{QUEUE}/get", Q, body=PATHS[f"{QUEUE}/get"]["POST"].example)
    assert [message["payload"] for message in found] == ["x", "x"]


def test_an_action_does_nothing(told: Told) -> None:
    told.api.asks("PUT", "/queues/%2f/q", {})
    told.asks("POST", f"{QUEUE}/actions", Q, body={"action": "sync"}, status=204)
