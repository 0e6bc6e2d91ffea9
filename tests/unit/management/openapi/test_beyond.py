"""What RabbitMQ does not have answers what its table says."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import BasicGet
from broker.management.openapi.beyond import PATHS
from tests.support.builders import table
from tests.support.peer import Peer
from tests.unit.management.openapi.conftest import Told

Q = {"vhost": "%2f", "queue": "q"}
OF_QUEUE = "/queues/:vhost/:queue"


@pytest.fixture
def peer(told: Told) -> Peer:
    peer = told.api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "a", message_id="m", headers=table(a=1))
    peer.publishes(1, "q", "b", "c")
    return peer


def test_messages(told: Told, peer: Peer) -> None:
    peer.sends(1, BasicGet(queue="q"))
    peer.takes_all(1)
    peer.consumes(1, "q")
    peer.publishes(1, "q", "d")
    unacked = told.asks("GET", f"{OF_QUEUE}/messages", Q, query="?state=unacked&limit=2")
    assert (len(unacked["items"]), unacked["next_offset"]) == (2, 2)
    assert told.asks("GET", f"{OF_QUEUE}/messages", Q)["next"] is None


@pytest.mark.parametrize("what", ["redrive", "move"])
def test_moving(told: Told, peer: Peer, what: str) -> None:
    operation = PATHS[f"{OF_QUEUE}/{what}"]["POST"]
    example: Any = operation.example
    peer.declares(1, example.get("destination", "x"))
    told.asks("POST", f"{OF_QUEUE}/{what}", Q, body=example)
    told.api.node.set_alarm("disk")
    told.asks("POST", f"{OF_QUEUE}/{what}", Q, body=example, status=503)


def test_those_that_stay(told: Told, peer: Peer) -> None:
    found = told.asks("POST", f"{OF_QUEUE}/redrive", Q, body={"all": True})
    assert len(found["failed"]) == 3


def test_many_queues(told: Told, peer: Peer) -> None:
    path = "/queues-bulk/:vhost"
    told.asks("POST", path, Q, body=PATHS[path]["POST"].example)
    peer.declares(1, "own", exclusive=True)
    body = {"pattern": "own", "action": "purge"}
    assert len(told.asks("POST", path, Q, body=body)["failed"]) == 1


def test_from_first_to_last(told: Told) -> None:
    letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "q", "x-max-length": 0}
    told.api.asks("PUT", "/queues/%2f/origin", {"arguments": letters})
    peer = told.api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.declares(1, "another queue")
    peer.publishes(1, "origin", *["dead"] * 3)
    found = told.asks("GET", f"{OF_QUEUE}/messages", Q, query="?search=dead&in=body&limit=1")
    assert found["next"] is not None
    body = {"destination": "another queue", "limit": 1}
    assert told.asks("POST", f"{OF_QUEUE}/move", Q, body=body)["moved"] == 1
    assert told.asks("POST", f"{OF_QUEUE}/redrive", Q, body={"all": True})["moved"] == 2
    body = {"pattern": "^q$", "action": "delete"}
    assert told.asks("POST", "/queues-bulk/:vhost", Q, body=body)["done"] == 1
