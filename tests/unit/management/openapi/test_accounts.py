"""Users and permissions answer what their table says."""

from __future__ import annotations

from broker.management.openapi.accounts import PATHS
from tests.unit.management.openapi.conftest import Told

NAMES = {"user": "u", "vhost": "%2f", "exchange": "amq.topic"}


def test_a_user_from_first_to_last(told: Told) -> None:
    body = PATHS["/users/:user"]["PUT"].example
    told.asks("PUT", "/users/:user", NAMES, body=body, status=201)
    told.asks("PUT", "/users/:user", NAMES, body=body, status=204)
    assert told.asks("GET", "/users/:user", NAMES)["tags"] == ["monitoring", "management"]
    assert len(told.asks("GET", "/users")) == 2
    assert len(told.asks("GET", "/users/without-permissions")) == 1
    told.asks("POST", "/users/bulk-delete", body={"users": ["u"]}, status=204)
    told.api.asks("PUT", "/users/u", body)
    told.asks("DELETE", "/users/:user", NAMES, status=204)


def test_permissions(told: Told) -> None:
    told.api.asks("PUT", "/users/u", {"tags": ""})
    for path, kinds in (
        ("/permissions/:vhost/:user", "permissions"),
        ("/topic-permissions/:vhost/:user", "topic-permissions"),
        ("/topic-permissions/:vhost/:user/:exchange", "topic-permissions"),
    ):
        told.asks("PUT", path, NAMES, body=PATHS[path]["PUT"].example, status=201)
        assert told.asks("GET", path, NAMES)
        for of in ("", "/users/:user", "/vhosts/:vhost"):
            assert told.asks("GET", f"{of}/{kinds}", NAMES)
        told.asks("DELETE", path, NAMES, status=204)


def test_who_is_asking(told: Told) -> None:
    assert told.asks("GET", "/whoami")["name"] == "guest"
    assert told.asks("GET", "/auth")["enable_uaa"] is False
    names = {"node": told.api.node.name}
    for path in ("/auth/attempts/:node", "/auth/attempts/:node/source"):
        told.asks("GET", path, names)
        told.asks("DELETE", path, names, status=204)
