"""Health checks answer what their table says, well or not."""

from __future__ import annotations

from broker.management.openapi.health import PATHS
from tests.unit.management.openapi.conftest import Told

NAMES = {"vhost": "%2f", "within": "1", "unit": "weeks"}
LISTENING = ("port", "protocol", "ready-to-serve-clients")


def test_all_is_well(told: Told) -> None:
    names = {**NAMES, "node": told.api.node.name}
    for path in PATHS:
        if not any(word in path for word in LISTENING):
            assert told.asks("GET", path, names)["status"] == "ok", path


def test_nobody_listens(told: Told) -> None:
    for path in PATHS:
        if any(word in path for word in LISTENING):
            names = {"port": "5672", "protocol": "amqp"}
            assert told.asks("GET", path, names, status=503)["status"] == "failed", path


def test_an_alarm(told: Told) -> None:
    told.api.node.set_alarm("memory", "test")
    found = told.asks("GET", "/health/checks/alarms", status=503)
    assert found["alarms"][0]["resource"] == "memory"
