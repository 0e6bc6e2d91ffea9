"""/permissions and /topic-permissions, as in RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from tests.support.admin import Admin

ALL = {"configure": ".*", "write": ".*", "read": ".*"}
P, T = "/permissions/v/u", "/topic-permissions/v/u"


@pytest.fixture
def api() -> Admin:
    made = Admin()
    made.adds_vhost("v")
    made.adds_user("u")
    return made


def test_permissions_come_and_go(api: Admin) -> None:
    assert api.asks("GET", P).status == 404
    assert api.puts(P, {"configure": "^a", "write": "", "read": ".*"}) == 201
    shown = {"user": "u", "vhost": "v", "configure": "^a", "write": "", "read": ".*"}
    assert api.gets(P) == shown
    assert api.puts(P, ALL) == 204
    assert api.gets(P) == shown | ALL
    assert api.gets("/users/u/permissions") == [shown | ALL]
    assert api.gets("/vhosts/v/permissions") == [shown | ALL]
    assert [(one["vhost"], one["user"]) for one in api.gets("/permissions")] == [
        ("/", "guest"),
        ("v", "u"),
    ]
    assert api.deletes(P) == 204
    assert api.deletes(P) == 404


@pytest.mark.parametrize("kind", ["permissions", "topic-permissions"])
def test_of_whom_or_what_there_is_not(api: Admin, kind: str) -> None:
    for path in (f"/{kind}/nope/u", f"/{kind}/v/nope"):
        assert api.is_refused("PUT", path, b"{") == "vhost_or_user_not_found"
        assert api.asks("GET", path).status == 404
        assert api.deletes(path) == 404
    assert api.asks("GET", f"/users/nope/{kind}").status == 404
    assert api.asks("GET", f"/vhosts/nope/{kind}").status == 404


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "[{key_missing,configure},{key_missing,write},{key_missing,read}]"),
        ({"write": ""}, "[{key_missing,configure},{key_missing,read}]"),
        ({**ALL, "write": "("}, ["invalid_regexp", "(", ["missing )", 1]]),
        ({**ALL, "read": "*a"}, ["invalid_regexp", "*a", ["nothing to repeat", 0]]),
        ({**ALL, "read": None},
         "permissions of user 'u' in virtual host 'v': read should be a string"),
    ],
)  # fmt: skip
def test_what_is_refused(api: Admin, body: object, reason: object) -> None:
    assert api.is_refused("PUT", P, body) == reason


def test_topic_permissions_come_and_go(api: Admin) -> None:
    def exchanges() -> list[str]:
        return [one["exchange"] for one in api.gets(T)]

    assert api.asks("GET", T).status == 404
    assert api.puts(T, {"exchange": "e", "write": "^{username}", "read": ".*"}) == 201
    assert api.puts(T, {"exchange": "f", "write": "", "read": ""}) == 204
    first = {"user": "u", "vhost": "v", "exchange": "e", "write": "^{username}", "read": ".*"}
    second = {"user": "u", "vhost": "v", "exchange": "f", "write": "", "read": ""}
    assert api.gets(T) == api.gets(f"{T}/nope") == [first, second]
    for path in ("/topic-permissions", "/users/u/topic-permissions", "/vhosts/v/topic-permissions"):
        assert api.gets(path) == [first, second]
    assert api.gets("/vhosts/%2F/topic-permissions") == []
    assert api.deletes(f"{T}/e") == api.deletes(f"{T}/nope") == 204
    assert exchanges() == ["f"]
    api.puts(f"{T}/x", {"exchange": "", "write": "", "read": ""})  # the path does not matter
    assert exchanges() == ["f", ""]
    assert api.deletes(f"{T}/amq.default") == 204
    assert exchanges() == ["f"]
    assert api.deletes(T) == 204
    assert api.deletes(T) == 404


def test_topic_permissions_that_are_refused(api: Admin) -> None:
    missing = "[{key_missing,exchange},{key_missing,write},{key_missing,read}]"
    assert api.is_refused("PUT", T, {}) == missing
    body = {"exchange": "e", "write": "[", "read": ""}
    problem = ["missing terminating ] for character class", 1]
    assert api.is_refused("PUT", T, body) == ["invalid_regexp", "[", problem]
    reason = api.is_refused("PUT", T, {"exchange": 5, "write": "", "read": ""})
    assert reason.endswith("exchange should be a string")
