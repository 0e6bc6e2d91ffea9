"""Paths lead to handlers."""

from __future__ import annotations

import pytest

from broker.management import routes
from broker.management.routes import (
    GET,
    PUT,
    ROUTES,
    WELL_FORMED,
    Endpoint,
    Route,
    Routes,
    route,
    without_dots,
)
from tests.support.admin import Admin


def handler(_context: object) -> None:
    """Of no matter."""


def table(*paths: str) -> Routes:
    made = Routes()
    for path in paths:
        made.add(path, GET, Endpoint(handler))
    return made


def where(found: tuple[Route, dict[str, str]] | None) -> tuple[str, dict[str, str]] | None:
    return None if found is None else (found[0].path, found[1])


def test_paths_and_their_parameters() -> None:
    made = table("/users", "/users/:user", "/users/:user/permissions", "/vhosts/:vhost/x/:node")
    assert where(made.find("/users")) == ("/users", {})
    assert where(made.find("/users/")) == ("/users", {})
    assert where(made.find("/users/a%2Fb+c")) == ("/users/:user", {"user": "a/b+c"})
    assert where(made.find("/%75sers/a")) == ("/users/:user", {"user": "a"})
    assert where(made.find("/users//permissions")) == ("/users/:user/permissions", {"user": ""})
    assert where(made.find("/vhosts/%2f/x/n")) == (
        "/vhosts/:vhost/x/:node",
        {"vhost": "/", "node": "n"},
    )
    for path in ("/", "/nope", "/users/a/b", "/Users", "//users", "/users/a/permissions/b"):
        assert made.find(path) is None


def test_what_is_literal_goes_first() -> None:
    made = table("/users/:user", "/users/bulk-delete", "/health/:a/:b", "/health/:a/z")
    assert where(made.find("/users/bulk-delete")) == ("/users/bulk-delete", {})
    assert where(made.find("/health/x/z")) == ("/health/:a/z", {"a": "x"})


def test_names_that_are_not_utf_8_are_what_they_are_over_amqp() -> None:
    found = table("/users/:user").find("/users/a%ff")
    assert where(found) == ("/users/:user", {"user": "a\udcff"})


@pytest.mark.parametrize(
    "part", ["%", "%z", "%zz", "%1", "a%%20", "<b>", '"', "ä", "a b", "[", "^"]
)
def test_what_no_path_consists_of(part: str) -> None:
    assert WELL_FORMED.fullmatch("/users/a%2Fb/%ff%00-._~!$&'()*+,;=:@")
    assert WELL_FORMED.fullmatch(f"/users/{part}") is None


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/queues/v/a.b/..c", "/queues/v/a.b/..c"),
        ("/queues/v/.", "/queues/v"),
        ("/queues/v/./get", "/queues/v/get"),
        ("/queues/v/../x/", "/queues/x/"),
        ("/queues/%2e%2E/.%2e/%2E./../x", "/x"),
        ("/queues/%2E", "/queues"),
        ("/..", "/"),
        ("/queues/%2e%2e%2e", "/queues/%2e%2e%2e"),
    ],
)
def test_dots_lead_upwards(path: str, left: str) -> None:
    assert without_dots(path) == left


def test_the_default_exchange_has_a_name_in_paths() -> None:
    made = table("/exchanges/:vhost/:exchange", "/queues/:queue")
    found = made.find("/exchanges/%2F/amq.default")
    assert where(found) == ("/exchanges/:vhost/:exchange", {"vhost": "/", "exchange": ""})
    assert where(made.find("/queues/amq.default")) == ("/queues/:queue", {"queue": "amq.default"})


def test_what_is_allowed() -> None:
    made = table("/a")
    made.add("/a", PUT, Endpoint(handler))
    made.add("/b", routes.DELETE, Endpoint(handler))
    assert [found.allowed for found in made.all()] == ["HEAD, GET, PUT, OPTIONS", "DELETE, OPTIONS"]


def test_nothing_is_there_twice() -> None:
    with pytest.raises(AssertionError, match="GET /a is there twice"):
        table("/a", "/a")


def test_entering_a_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Routes()
    monkeypatch.setattr(routes, "ROUTES", made)
    assert route("/x", GET, PUT, needs=routes.ADMIN, accepts=("text/plain",))(handler) is handler
    (found,) = made.all()
    assert found.endpoints[PUT] == Endpoint(handler, routes.ADMIN, accepts=("text/plain",))


def test_every_route_says_who_may_ask_and_what_it_is() -> None:
    Admin()  # the routes are entered
    needs = {
        routes.ANYBODY,
        routes.USER,
        routes.VHOST,
        routes.VISIBLE,
        routes.MONITOR,
        routes.POLICYMAKER,
        routes.GLOBAL_POLICYMAKER,
        routes.ADMIN,
    }
    assert len(ROUTES.all()) > 50
    for found in ROUTES.all():
        for endpoint in found.endpoints.values():
            assert endpoint.needs in needs, found.path
