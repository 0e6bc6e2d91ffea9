"""Vhosts and limits answer what their table says."""

from __future__ import annotations

import pytest

from broker.management.openapi.vhosts import PATHS
from tests.unit.management.openapi.conftest import Told

V = {"vhost": "v"}


def test_a_vhost_from_first_to_last(told: Told) -> None:
    body = PATHS["/vhosts/:vhost"]["PUT"].example
    told.asks("PUT", "/vhosts/:vhost", V, body=body, status=201)
    told.asks("PUT", "/vhosts/:vhost", V, body={"default_queue_type": "quorum"}, status=204)
    assert told.asks("GET", "/vhosts/:vhost", V)["name"] == "v"
    told.api.asks("PUT", "/queues/v/q", {})
    told.api.passes_slots()
    found = told.asks("GET", "/vhosts")
    assert [vhost.get("messages") for vhost in found] == [None, 0]
    names = {**V, "node": told.api.node.name}
    told.asks("POST", "/vhosts/:vhost/start/:node", names, body={}, status=204)
    told.asks("DELETE", "/vhosts/:vhost", V, status=204)


@pytest.mark.parametrize("limit", ["max-connections", "max-queues"])
def test_limits_of_a_vhost(told: Told, limit: str) -> None:
    names = {"vhost": "%2f", "name": limit}
    told.asks("PUT", "/vhost-limits/:vhost/:name", names, body={"value": 5}, status=204)
    assert told.asks("GET", "/vhost-limits") == [{"vhost": "/", "value": {limit: 5}}]
    told.asks("DELETE", "/vhost-limits/:vhost/:name", names, status=204)
    assert told.asks("GET", "/vhost-limits/:vhost", names) == []


@pytest.mark.parametrize("limit", ["max-connections", "max-channels"])
def test_limits_of_a_user(told: Told, limit: str) -> None:
    names = {"user": "guest", "name": limit}
    told.asks("PUT", "/user-limits/:user/:name", names, body={"value": 5}, status=204)
    assert told.asks("GET", "/user-limits") == [{"user": "guest", "value": {limit: 5}}]
    assert told.asks("GET", "/user-limits/:user", names)
    told.asks("DELETE", "/user-limits/:user/:name", names, status=204)
