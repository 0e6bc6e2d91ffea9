"""PUT and DELETE of /vhosts, as in RabbitMQ 3.10.8."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.admin import Admin

V = "/vhosts/v"


@pytest.fixture
def api() -> Admin:
    return Admin()


def shown(api: Admin) -> dict[str, Any]:
    found = api.gets(f"{V}?disable_stats=true")
    keys = ("description", "tags", "default_queue_type", "tracing")
    return {key: found[key] for key in keys}


def test_a_vhost_comes_and_goes(api: Admin) -> None:
    assert api.asks("PUT", V).status == 201
    assert api.asks("PUT", V).status == 204
    assert shown(api) == {
        "description": "",
        "tags": [],
        "default_queue_type": "undefined",
        "tracing": False,
    }
    assert api.gets("/permissions/v/guest")["configure"] == ".*"  # of who made it
    api.deletes("/permissions/v/guest")
    api.puts(V)
    assert api.asks("GET", "/permissions/v/guest").status == 404
    assert api.deletes(V) == 204
    assert api.deletes(V) == 404


def test_what_is_said_of_it(api: Admin) -> None:
    api.puts(
        V, {"description": "d", "tags": "b, a", "tracing": True, "default_queue_type": "quorum"}
    )
    assert shown(api) == {
        "description": "d",
        "tags": ["b", "a"],
        "default_queue_type": "quorum",
        "tracing": True,
    }
    api.puts(V, {"tags": ["x"], "default_queue_type": "classic"})  # that stays, the rest does not
    assert shown(api) == {
        "description": "",
        "tags": ["x"],
        "default_queue_type": "quorum",
        "tracing": True,
    }
    api.puts(V, {"tracing": "false", "tags": None, "description": None})
    assert shown(api)["tracing"] is False


def test_a_type_by_the_name_that_3_10_knows(api: Admin) -> None:
    api.puts(V, {"defaultqueuetype": "quorum"})
    assert shown(api)["default_queue_type"] == "quorum"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"tracing": "x"}, ["not_boolean", "x"]),
        ({"tracing": None}, ["not_boolean", None]),
        ({"default_queue_type": "x"}, "invalid_queue_type"),
        ({"default_queue_type": ["quorum"]}, "invalid_queue_type"),
        ({"description": 5}, "virtual host 'v': description should be a string"),
        (b"[1]", "not_json"),
    ],
)
def test_what_is_refused(api: Admin, body: object, reason: object) -> None:
    assert api.is_refused("PUT", V, body) == reason
    assert "v" not in api.node.vhosts


def test_whoever_is_no_user_of_the_node_gets_no_permissions(api: Admin) -> None:
    api.adds_user("admin", "administrator")
    api.asks("PUT", V, user="admin:admin")
    assert set(api.node.users["admin"].permissions) == {"v"}
    assert set(api.node.users["guest"].permissions) == {"/"}


def test_starting_one(api: Admin) -> None:
    node = api.node.name
    assert api.asks("POST", f"/vhosts/%2F/start/{node}").status == 204
    reason = api.is_refused("POST", "/vhosts/%2F/start/other")
    assert reason == "Request to node other failed with nodedown"
    reason = api.is_refused("POST", f"/vhosts/v/start/{node}")
    assert reason == f'Request to node {node} failed with {{no_such_vhost,<<"v">>}}'


def test_a_vhost_needs_a_name(api: Admin) -> None:
    assert api.asks("PUT", "/vhosts/", {}).status == 405
