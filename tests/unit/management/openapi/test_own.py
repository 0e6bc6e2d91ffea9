"""What RabbitMQ does not have answers what its table says."""

from __future__ import annotations

import pytest

from broker.management.openapi.own import PATHS
from tests.unit.management.openapi.conftest import Told

Q = {"vhost": "%2f", "queue": "q"}
QUEUE = "/queues/:vhost/:queue"


@pytest.fixture
def told(told: Told) -> Told:
    """A queue with dead letters, and one of them in somebody's hands."""
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-max-length": 0}
    told.api.asks("PUT", "/queues/%2f/origin", {"arguments": letters})
    told.api.asks("PUT", "/queues/%2f/q", {})
    peer = told.api.world.peer()
    peer.opens_channel(1)
    for _ in range(3):
        peer.publishes(1, "origin", "dead")
    peer.gets(1, "q", no_ack=False)
    return told


def test_messages_where_they_lie(told: Told) -> None:
    found = told.asks("GET", f"{QUEUE}/messages", Q, query="?search=dead&in=body&limit=1")
    assert [one["payload"] for one in found["items"]] == ["dead"]
    assert found["next"] is not None
    held = told.asks("GET", f"{QUEUE}/messages", Q, query="?state=unacked")["items"]
    assert [one["consumer"]["delivery_tag"] for one in held] == [1]


def test_they_go_elsewhere(told: Told) -> None:
    told.api.asks("PUT", "/queues/%2f/elsewhere", {})
    body = PATHS[f"{QUEUE}/move"]["POST"].example
    assert told.asks("POST", f"{QUEUE}/move", Q, body={**body, "limit": 1})["moved"] == 1
    body = PATHS[f"{QUEUE}/redrive"]["POST"].example
    assert told.asks("POST", f"{QUEUE}/redrive", Q, body=body)["moved"] >= 1


@pytest.mark.parametrize("action", ["purge", "delete"])
def test_many_queues_at_once(told: Told, action: str) -> None:
    body = {"pattern": "^q$", "action": action, "dry_run": True}
    assert told.asks("POST", "/queues-bulk/:vhost", Q, body=body)["matched"] == ["q"]
    assert told.asks("POST", "/queues-bulk/:vhost", Q, body={**body, "dry_run": False})["done"] == 1
