"""Exchanges and bindings answer what their table says."""

from __future__ import annotations

from urllib.parse import quote

from broker.management.openapi.exchanges import PATHS
from tests.unit.management.openapi.conftest import Told

X = {"vhost": "%2f", "exchange": "x"}
EXCHANGE = "/exchanges/:vhost/:exchange"
ENDS = {"vhost": "%2f", "source": "x", "dtype": "q", "destination": "q"}
BINDINGS = "/bindings/:vhost/e/:source/:dtype/:destination"


def test_an_exchange_from_first_to_last(told: Told) -> None:
    body = PATHS[EXCHANGE]["PUT"].example
    told.asks("PUT", EXCHANGE, X, body=body, status=201)
    told.asks("PUT", EXCHANGE, X, body=body, status=204)
    assert told.asks("GET", EXCHANGE, X)["type"] == "topic"
    body = PATHS[f"{EXCHANGE}/publish"]["POST"].example
    assert told.asks("POST", f"{EXCHANGE}/publish", X, body=body) == {"routed": False}
    assert any("message_stats" in one for one in told.asks("GET", "/exchanges/:vhost", X))
    told.asks("DELETE", EXCHANGE, X, status=204)


def test_bindings(told: Told) -> None:
    told.api.asks("PUT", "/exchanges/%2f/x", {"type": "topic"})
    told.api.asks("PUT", "/queues/%2f/q", {})
    told.asks("POST", BINDINGS, ENDS, body=PATHS[BINDINGS]["POST"].example, status=201)
    (found,) = told.asks("GET", BINDINGS, ENDS)
    for path in (f"{EXCHANGE}/bindings/source", "/bindings", "/bindings/:vhost"):
        assert found in told.asks("GET", path, X)
    assert told.asks("GET", f"{EXCHANGE}/bindings/destination", X) == []
    one = {**ENDS, "props": quote(found["properties_key"], safe="")}
    assert told.asks("GET", f"{BINDINGS}/:props", one) == found
    told.asks("DELETE", f"{BINDINGS}/:props", one, status=204)
