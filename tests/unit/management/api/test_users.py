"""/users. Statuses and reasons are RabbitMQ 3.10.8's; where it fails (500) a 400 says why."""

from __future__ import annotations

import base64

import pytest

from broker.commands import DeleteUser
from broker.management.lane import Lane
from tests.support.admin import Admin

U = "/users/u"


@pytest.fixture
def api() -> Admin:
    return Admin()


def test_a_user_comes_and_goes(api: Admin) -> None:
    assert api.puts(U, {"password": "secret", "tags": "management, x y,,"}) == 201
    shown = api.gets(U)
    hashed = api.node.users["u"].password_hash
    assert shown == {
        "name": "u",
        "password_hash": base64.b64encode(hashed).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": ["management", "x y"],
        "limits": {},
    }
    assert api.gets("/whoami", user="u:secret")["name"] == "u"
    assert api.puts(U, {"password": "other", "tags": ["monitoring"]}) == 204
    assert api.asks("GET", "/whoami", user="u:secret").status == 401
    assert api.gets("/whoami", user="u:other")["tags"] == ["monitoring"]
    assert [user["name"] for user in api.gets("/users")] == ["guest", "u"]
    assert api.deletes(U) == 204
    assert api.deletes(U) == 404
    assert api.asks("GET", U).status == 404


def test_a_user_without_a_password(api: Admin) -> None:
    assert api.puts(U, {"tags": "management"}) == 201
    assert len(api.gets(U)["password_hash"]) > 10  # of an empty one
    assert api.asks("GET", "/whoami", user="u:").status == 401
    api.puts(U, {"tags": "management", "password": "x"})
    api.puts(U, {"tags": "management"})  # cleared
    assert api.gets(U)["password_hash"] == ""
    assert api.asks("GET", "/whoami", user="u:x").status == 401


def test_a_hash_in_place_of_a_password(api: Admin) -> None:
    api.puts("/users/v", {"tags": "", "password": "secret"})
    exported = api.gets("/users/v")
    api.puts(U, {**exported, "name": "v", "tags": "management"})
    assert api.gets(U)["password_hash"] == exported["password_hash"]
    assert api.gets("/whoami", user="u:secret")["name"] == "u"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "tags_not_present"),
        ({"password": "x"}, "tags_not_present"),
        (b"null", "tags_not_present"),
        (b"[]", "not_json"),
        ({"tags": "", "password": "a", "password_hash": "b"},
         "both_password_and_password_hash_are_provided"),
        ({"tags": "", "password_hash": "!!"}, ["not_base64", "!!"]),
        ({"tags": "", "password_hash": 5}, ["not_base64", 5]),
        ({"administrator": "x"}, ["not_boolean", "x"]),
        ({"tags": "", "password": 5}, "user 'u': password should be a string"),
        ({"tags": 5}, "user 'u': tags should be a list or a string"),
        ({"tags": "", "limits": 5}, "user-limits not a list 5"),
    ],
)  # fmt: skip
def test_what_is_refused(api: Admin, body: object, reason: object) -> None:
    assert api.is_refused("PUT", U, body) == reason
    assert "u" not in api.node.users


def test_several_are_deleted(api: Admin) -> None:
    for name in "abc":
        api.adds_user(name)
    assert api.is_refused("POST", "/users/bulk-delete", {}) == "[{key_missing,users}]"
    reason = api.is_refused("POST", "/users/bulk-delete", {"users": ["a", "nope"]})
    assert reason == ["no_such_user", "nope"]
    assert set(api.node.users) == {"guest", "a", "b", "c"}
    assert api.asks("POST", "/users/bulk-delete", {"users": ["a", "b"]}).status == 204
    assert set(api.node.users) == {"guest", "c"}
    assert api.asks("GET", "/users/bulk-delete").headers["allow"] == "POST, OPTIONS"


def test_who_may_not_enter_any_vhost(api: Admin) -> None:
    api.adds_user("a", vhosts=["/"])
    api.adds_user("b")
    assert [user["name"] for user in api.gets("/users/without-permissions")] == ["b"]


def test_names_are_of_any_kind(api: Admin) -> None:
    for name in ("a%2Fb%20%C3%A9", "%ff", "x" * 300, "bulk-delete%20"):
        assert api.puts(f"/users/{name}", {"tags": "", "password": "x"}) == 201
        assert api.asks("GET", f"/users/{name}").status == 200
    assert {"a/b é", "\udcff"} <= set(api.node.users)
    assert "\ufffd" in {user["name"] for user in api.gets("/users")}


def test_users_that_go_while_they_are_listed(api: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(200):
        api.adds_user(f"u{number:03}")
    going = [f"u{number:03}" for number in range(3)]
    turn = Lane.turn

    async def goes(lane: Lane) -> None:
        if going:
            api.node.execute(DeleteUser(going.pop()))
        await turn(lane)

    monkeypatch.setattr(Lane, "turn", goes)
    monkeypatch.setattr("broker.management.lane.SLICE_S", -1.0)
    assert len(api.gets("/users")) == 201
