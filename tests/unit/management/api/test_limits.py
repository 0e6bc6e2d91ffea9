"""/vhost-limits and /user-limits, as in RabbitMQ 3.10.8."""

from __future__ import annotations

import pytest

from tests.support.admin import Admin


@pytest.fixture
def api() -> Admin:
    made = Admin()
    made.adds_vhost("v")
    made.adds_user("u")
    return made


def test_limits_of_a_vhost_come_and_go(api: Admin) -> None:
    assert api.gets("/vhost-limits") == api.gets("/vhost-limits/v") == []
    assert api.asks("GET", "/vhost-limits/nope").status == 404
    assert api.puts("/vhost-limits/v/max-queues", {"value": -5}) == 204
    assert api.puts("/vhost-limits/v/max-connections", {"value": 0}) == 204
    shown = {"vhost": "v", "value": {"max-connections": 0, "max-queues": -5}}
    assert api.gets("/vhost-limits") == api.gets("/vhost-limits/v") == [shown]
    assert api.gets("/vhost-limits", headers={"x-vhost": "v"}) == [shown]
    assert api.node.vhosts["v"].limit("max-connections") == 0
    for _ in range(2):  # one that is not set is not missed
        assert api.deletes("/vhost-limits/v/max-connections") == 204
    api.deletes("/vhost-limits/v/max-queues")
    assert api.gets("/vhost-limits/v") == []
    assert api.gets("/vhost-limits") == [{"vhost": "v", "value": []}]


@pytest.mark.parametrize(
    ("path", "body", "reason"),
    [
        ("/vhost-limits/v/max-queues", {}, "[{key_missing,value}]"),
        ("/vhost-limits/v/max-queues", {"value": "5"},
         'Validation failed\n\nmax-queues should be a number, actually was <<"5">>\n'),
        ("/vhost-limits/v/max-queues", {"value": True},
         "Validation failed\n\nmax-queues should be a number, actually was true\n"),
        ("/vhost-limits/v/foo", {"value": 5},
         'Validation failed\n\nUnrecognised terms [{<<"foo">>,5}] in limits\n'),
        ("/user-limits/u/max-channels", {"value": "5"},
         'max-channels should be a number, actually was <<"5">>'),
        ("/user-limits/u/foo", {"value": 5}, 'Unrecognised terms [{<<"foo">>,5}] in user-limits'),
        ("/user-limits/nope/max-channels", {"value": 5}, ["no_such_user", "nope"]),
    ],
)  # fmt: skip
def test_what_is_refused(api: Admin, path: str, body: object, reason: object) -> None:
    assert api.is_refused("PUT", path, body) == reason


def test_limits_of_what_is_not_there(api: Admin) -> None:
    answer = api.asks("PUT", "/vhost-limits/nope/max-queues", {"value": 5})
    assert (answer.status, answer.reason) == (404, "vhost_not_found")
    assert api.deletes("/vhost-limits/nope/max-queues") == 404
    assert api.deletes("/user-limits/nope/max-channels") == 404
    assert api.asks("GET", "/vhost-limits/v/max-queues").headers["allow"] == "PUT, DELETE, OPTIONS"


def test_limits_of_a_user_come_and_go(api: Admin) -> None:
    assert api.gets("/user-limits") == api.gets("/user-limits/u") == []
    assert api.asks("GET", "/user-limits/nope").status == 404
    assert api.puts("/user-limits/u/max-channels", {"value": 5}) == 204
    assert api.puts("/user-limits/u/max-connections", {"value": -1}) == 204
    shown = {"user": "u", "value": {"max-channels": 5, "max-connections": -1}}
    assert api.gets("/user-limits") == api.gets("/user-limits/u") == [shown]
    assert api.deletes("/user-limits/u/max-channels") == 204
    assert api.node.users["u"].limits == {"max-connections": -1}
    api.puts("/user-limits/u/max-channels", {"value": 5})
    assert api.deletes("/user-limits/u/all") == 204
    assert api.gets("/user-limits") == []


def test_who_sees_limits(api: Admin) -> None:
    api.adds_user("own", "management", vhosts=["v"])
    api.puts("/vhost-limits/v/max-queues", {"value": 5})
    api.puts("/vhost-limits/%2F/max-queues", {"value": 5})
    assert [one["vhost"] for one in api.gets("/vhost-limits", user="own:own")] == ["v"]
    assert len(api.gets("/vhost-limits")) == 2
