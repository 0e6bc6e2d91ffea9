"""What describes the API is in the description."""

from __future__ import annotations

from broker.management.openapi.itself import PATHS
from broker.management.routes import ANYBODY, GET, ROUTES
from tests.unit.management.openapi.conftest import Told


def test_it_needs_no_login(told: Told) -> None:
    assert told.api.management is not None  # the routes are there
    for path in PATHS:
        found = ROUTES.find(path)
        assert found is not None
        assert found[0].endpoints[GET].needs == ANYBODY


def test_the_document_is_one(told: Told) -> None:
    assert told.asks("GET", "/openapi.json")["openapi"] == "3.1.0"
