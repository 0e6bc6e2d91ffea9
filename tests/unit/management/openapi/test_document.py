"""The OpenAPI document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.management.openapi.document import build, operation_id
from broker.management.routes import ADMIN, ANYBODY, DELETE, GET, PUT, VHOST, Endpoint, Routes


@pytest.fixture
def document() -> dict[str, Any]:
    """Of some routes."""
    table = Routes()

    def nobody(_: object) -> None:
        """Answers nothing."""

    for path, methods, needs in (
        ("/queues/:vhost/:queue", (GET, PUT, DELETE), VHOST),
        ("/connections/:connection", (DELETE,), ADMIN),
        ("/auth", (GET,), ANYBODY),
        ("/user-limits/:user/:name", (PUT,), ADMIN),
    ):
        for method in methods:
            table.add(path, method, Endpoint(nobody, needs, None))
    return build(table, "/broker")


def test_it_has_the_routes_that_there_are(document: dict[str, Any]) -> None:
    assert {path: list(methods) for path, methods in document["paths"].items()} == {
        "/queues/{vhost}/{queue}": ["get", "put", "delete"],
        "/connections/{connection}": ["delete"],
        "/user-limits/{user}/{name}": ["put"],
        "/auth": ["get"],
    }
    assert document["servers"] == [{"url": "/broker/api"}]


def test_a_route_with_a_body(document: dict[str, Any]) -> None:
    put = document["paths"]["/queues/{vhost}/{queue}"]["put"]
    assert put["operationId"] == "put_queues_vhost_queue"
    assert [(one["name"], one["in"], one["required"]) for one in put["parameters"]] == [
        ("vhost", "path", True),
        ("queue", "path", True),
    ]
    assert "permissions in the vhost" in put["description"]
    assert list(put["responses"]) == ["201", "204", "400", "401", "404", "406", "413", "415", "429"]
    body = put["requestBody"]["content"]["application/json"]
    assert body["schema"] == {"$ref": "#/components/schemas/QueueDeclaration"}
    assert body["example"]["durable"] is True


def test_query_and_headers(document: dict[str, Any]) -> None:
    queue = document["paths"]["/queues/{vhost}/{queue}"]
    assert [one["name"] for one in queue["delete"]["parameters"] if one["in"] == "query"] == [
        "if-empty",
        "if-unused",
    ]
    closing = document["paths"]["/connections/{connection}"]["delete"]["parameters"]
    assert ("X-Reason", "header") in [(one["name"], one["in"]) for one in closing]


def test_a_part_of_a_path_may_be_a_choice(document: dict[str, Any]) -> None:
    names = document["paths"]["/user-limits/{user}/{name}"]["put"]["parameters"]
    assert names[1]["schema"] == {"enum": ["max-connections", "max-channels"]}


def test_who_may_ask_without_a_login(document: dict[str, Any]) -> None:
    auth = document["paths"]["/auth"]["get"]
    assert auth["security"] == []
    assert "401" not in auth["responses"]
    assert document["security"] == [{"basic": []}]


def test_all_that_is_referred_to_is_there(document: dict[str, Any]) -> None:
    text = json.dumps(document)
    for kind in ("schemas", "responses"):
        for name in text.split(f'"#/components/{kind}/')[1:]:
            assert name.partition('"')[0] in document["components"][kind]


def test_an_operation_has_a_name_of_letters() -> None:
    assert operation_id("GET", ("openapi.json",)) == "get_openapi_json"
    assert operation_id("PUT", ("a-b", ":c")) == "put_a_b_c"
