"""Who is asking, as in RabbitMQ 3.10.8."""

from __future__ import annotations

import base64

import pytest

from broker.management.api.login import FORM_MAX
from tests.support.admin import Admin
from tests.support.peer import Peer

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def api() -> Admin:
    return Admin()


def test_who_am_i(api: Admin) -> None:
    api.adds_user("u", "management", "own")
    assert api.gets("/whoami", user="u:u") == {"name": "u", "tags": ["management", "own"]}


def test_how_to_log_in(api: Admin) -> None:
    shown = {"enable_uaa": False, "uaa_client_id": "", "uaa_location": ""}
    assert api.gets("/auth", user=None) == shown


def test_logging_in_by_a_form(api: Admin) -> None:
    api.adds_user("a b", "management")
    answer = api.asks("POST", "/login", b"username=a+b&password=a%20b", user=None, headers=FORM)
    assert (answer.status, answer.json) == (200, "ok")
    value = base64.b64encode(b"a b:a b").decode()
    assert answer.headers["set-cookie"] == f"auth={value}; Version=1; SameSite=Strict"


@pytest.mark.parametrize(
    "body",
    [
        b"username=guest&password=x",
        b"username=guest",
        b"",
        b"password=guest",
        b"\xff=\xff",
        b"&".join(b"a%d=1" % number for number in range(101)),
        b"username=guest&password=guest&x=" + b"%41" * FORM_MAX,
    ],
)
def test_forms_that_let_nobody_in(api: Admin, body: bytes) -> None:
    answer = api.asks("POST", "/login", body, user=None, headers=FORM)
    assert (answer.status, answer.reason) == (401, "Login failed")
    assert "set-cookie" not in answer.headers
    assert answer.headers["vary"] == "origin"


def test_what_is_no_form(api: Admin) -> None:
    assert api.asks("POST", "/login", {}, user=None).status == 401
    assert api.asks("POST", "/login", b"username=guest&password=guest", user=None).status == 415
    assert api.asks("GET", "/login", user=None).headers["allow"] == "POST, OPTIONS"


def test_logins_are_counted(api: Admin) -> None:
    path = f"/auth/attempts/{api.node.name}"
    Peer(api.world).opens()
    api.asks("GET", "/whoami", user="guest:x")
    found = api.gets(path)
    assert found == [
        {
            "protocol": "amqp091",
            "auth_attempts": 1,
            "auth_attempts_failed": 0,
            "auth_attempts_succeeded": 1,
        },
        {
            "protocol": "http",
            "auth_attempts": 2,
            "auth_attempts_failed": 1,
            "auth_attempts_succeeded": 1,
        },
    ]
    assert api.gets(f"{path}/source") == []
    for below in ("", "/source"):
        assert api.deletes(f"{path}{below}") == 204
    assert [one["auth_attempts"] for one in api.gets(path)] == [1]
    assert api.asks("GET", "/auth/attempts/nope").status == 404
    assert api.deletes("/auth/attempts/nope/source") == 404


def test_logins_are_told_apart_where_that_is_wanted(api: Admin) -> None:
    path = f"/auth/attempts/{api.node.name}/source"
    api.node.usage.tracks_sources = True
    api.node.usage.add_login("amqp091", is_let_in=False, address="192.0.2.1", username="me")
    assert api.gets(path)[0] == {
        "remote_address": "192.0.2.1",
        "username": "me",
        "protocol": "amqp091",
        "auth_attempts": 1,
        "auth_attempts_failed": 1,
        "auth_attempts_succeeded": 0,
    }
    assert api.deletes(path) == 204
    assert [one["protocol"] for one in api.gets(path)] == ["http"]
