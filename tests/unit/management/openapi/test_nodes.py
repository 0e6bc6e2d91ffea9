"""The overview, nodes and the cluster answer what their table says."""

from __future__ import annotations

from tests.unit.management.openapi.conftest import Told


def test_the_overview(told: Told) -> None:
    told.asks("GET", "/overview")
    told.asks("GET", "/overview", query="?disable_stats=true")
    found = told.asks("GET", "/overview", query="?lengths_age=60&lengths_incr=5")
    assert "samples" in found["queue_totals"]["messages_details"]


def test_a_node(told: Told) -> None:
    (node,) = told.asks("GET", "/nodes")
    names = {"node": node["name"], "filter": "none"}
    found = told.asks("GET", "/nodes/:node", names, query="?memory=true&binary=true")
    assert {"memory", "binary"} <= set(found)
    for path in ("memory", "memory/relative", "memory/ets", "memory/ets/relative"):
        told.asks("GET", f"/nodes/:node/{path}", names)
    for path in ("memory/ets/:filter", "memory/ets/:filter/relative"):
        told.asks("GET", f"/nodes/:node/{path}", names)
    told.asks("DELETE", "/reset/:node", names, status=204)


def test_the_cluster(told: Told) -> None:
    told.asks("PUT", "/cluster-name", body={"name": "hares"}, status=204)
    assert told.asks("GET", "/cluster-name") == {"name": "hares"}
    flags = told.asks("GET", "/feature-flags")
    name = next(flag["name"] for flag in flags if flag["state"] == "enabled")
    assert "extensions" not in told.asks("GET", "/extensions")
    told.asks("POST", "/rebalance/queues", body={}, status=204)
    told.asks("DELETE", "/reset", status=204)
    assert name
