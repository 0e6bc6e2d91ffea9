"""From a request to its answer: what RabbitMQ 3.10.8 answers, unless it says otherwise."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from broker.amqp.errors import AMQPException, PreconditionFailed
from broker.commands import AddVhost, DeclareExchange, DeleteVhost, PutUser
from broker.management import routes
from broker.management.application import Context
from broker.management.operations.refused import Refused
from broker.management.request import Refusal, Request, Response
from broker.management.routes import ANYBODY, GET, POST, PUT, Endpoint, Routes
from broker.policies.validation import ValidationError
from tests.support.admin import Admin
from tests.support.peer import World
from tests.support.seams import DelayedReplicator

VARY = "accept, accept-encoding, origin"


@pytest.fixture
def api() -> Admin:
    return Admin()


@pytest.fixture
def made(api: Admin, monkeypatch: pytest.MonkeyPatch) -> Routes:
    """A table of routes of the test's own."""
    table = Routes()
    monkeypatch.setattr("broker.management.application.ROUTES", table)
    return table


def raw(api: Admin, method: str, path: str, **how: Any) -> Any:
    """path: with all that is in front."""
    return api.answers(Request(method, path, **how))


# where a request leads


def test_an_answer_in_json(api: Admin) -> None:
    answer = api.asks("GET", "/whoami")
    assert answer.json == {"name": "guest", "tags": ["administrator"]}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["vary"] == VARY
    assert api.asks("HEAD", "/whoami").status == 200


def test_a_path_that_leads_nowhere(api: Admin) -> None:
    for user in ("guest:guest", None):
        assert api.asks("GET", "/nope", user=user).status == 404
    answer = api.asks("GET", "/users/nobody")
    assert answer.json == {"error": "Object Not Found", "reason": "Not Found"}


def test_methods(api: Admin) -> None:
    answer = api.asks("POST", "/whoami", {}, user=None)
    assert (answer.status, answer.body) == (405, b"")
    assert answer.headers["allow"] == "HEAD, GET, OPTIONS"
    assert answer.headers["vary"] == "origin"
    assert api.asks("PATCH", "/whoami").status == 405
    assert api.asks("FOO", "/whoami").status == 501
    assert api.asks("PUT", "/nope", {}).headers["allow"] == "HEAD, GET, OPTIONS"
    assert api.asks("FOO", "/nope").status == 501


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/whoami", "HEAD, GET, OPTIONS"),
        ("/users/x", "HEAD, GET, PUT, DELETE, OPTIONS"),
        ("/nope", "HEAD, GET, OPTIONS"),
    ],
)
def test_options_need_no_login(api: Admin, path: str, allowed: str) -> None:
    answer = api.asks("OPTIONS", path, user=None, headers={"authorization": "Basic !!"})
    assert (answer.status, answer.headers["allow"], answer.body) == (200, allowed, b"")


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/api", "/api/index.html"),
        ("/api/", "/api/index.html"),
        ("/stats", "/api/index.html"),
        ("/doc/stats.html", "/api/index.html"),
        ("/cli", "/cli/index.html"),
        ("/cli/", "/cli/index.html"),
        ("/mgmt/", "/"),
    ],
)
def test_what_has_moved(api: Admin, path: str, location: str) -> None:
    answer = raw(api, "GET", path)
    assert (answer.status, answer.headers["location"]) == (301, location)
    assert "vary" not in answer.headers


def test_where_rabbitmqadmin_is_to_be_had(api: Admin) -> None:
    assert b"rabbitmq-server" in raw(api, "GET", "/cli/index.html").body
    assert raw(api, "GET", "/cli/rabbitmqadmin").status == 404


def test_a_path_that_makes_no_sense(api: Admin) -> None:
    for path in ("/users/%zz", "/nope/%", "/users/<b>"):
        answer = api.asks("GET", path)
        assert (answer.status, answer.body) == (400, b"")
        assert "vary" not in answer.headers


def test_a_path_with_dots(api: Admin) -> None:
    assert api.asks("DELETE", "/policies/%2F/..").headers["allow"] == "HEAD, GET, OPTIONS"
    assert api.gets("/users/./%2e%2e/whoami")["name"] == "guest"
    assert raw(api, "GET", "/api/../mgmt").headers["location"] == "/"


def test_everything_may_be_behind_a_prefix() -> None:
    api = Admin({"management.path_prefix": "/rabbit"})
    assert raw(api, "GET", "/api/auth").status == 404
    assert raw(api, "GET", "/rabbit/api/auth").status == 200
    assert raw(api, "GET", "/").headers["location"] == "/rabbit/"
    assert raw(api, "GET", "/rabbit").headers["location"] == "/rabbit/"
    assert raw(api, "GET", "/rabbit/").status == 200
    assert raw(api, "GET", "/rabbit/api").headers["location"] == "/rabbit/api/index.html"
    assert raw(api, "GET", "/rabbitx/api/auth").status == 404


def test_pages(api: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def page(request: Request) -> Response:
        asked.append(request.path)
        return Response(200, [("content-security-policy", "own")], b"<p>")

    monkeypatch.setattr(api.management, "page", page)
    answer = raw(api, "GET", "/some/page.html")
    assert (answer.body, answer.headers["content-security-policy"]) == (b"<p>", "own")
    assert raw(api, "POST", "/some/page.html").status == 405
    assert raw(api, "GET", "/api/nothing.html").body == b"<p>"
    assert asked == ["/some/page.html", "/api/nothing.html"]


def test_a_page_that_is_not_there(api: Admin) -> None:
    answer = raw(api, "GET", "/nothing")
    assert (answer.status, answer.json["reason"]) == (404, "Not Found")


def test_how_large_a_body_may_be() -> None:
    api = Admin({"management.http.max_body_size": 1000})
    limit = api.application.body_limit
    assert limit("PUT", "/api/users/x") == limit("GET", "/x") == limit("PUT", "/api/%") == 1000


def test_a_route_may_take_larger_bodies(api: Admin, made: Routes) -> None:
    made.add("/large", PUT, Endpoint(lambda _context: None, body_max=20_000_000))
    made.add("/small", PUT, Endpoint(lambda _context: None, body_max=5))
    limit = api.application.body_limit
    assert limit("PUT", "/api/large") == 20_000_000
    assert limit("GET", "/api/large") == limit("PUT", "/api/small") == 10_000_000


# what a client takes and sends


def test_what_an_answer_depends_on(api: Admin) -> None:
    """RabbitMQ has a second format for most of them."""
    assert api.asks("GET", "/policies").headers["vary"] == VARY
    assert api.asks("GET", "/operator-policies").headers["vary"] == "accept-encoding, origin"
    assert api.asks("GET", "/operator-policies", user=None).headers["vary"] == "origin"
    assert api.asks("GET", "/operator-policies/x").headers["vary"] == "accept-encoding, origin"


def test_what_the_client_takes(api: Admin) -> None:
    for method, path in (("GET", "/whoami"), ("PUT", "/users/x")):
        answer = api.asks(method, path, {}, headers={"accept": "text/html"})
        assert (answer.status, answer.body) == (406, b"")
    assert api.asks("GET", "/whoami", user=None, headers={"accept": "text/html"}).status == 401


def test_what_the_client_sends(api: Admin) -> None:
    plain = {"content-type": "text/plain"}
    body = {"value": 5}
    assert api.asks("PUT", "/vhost-limits/%2F/max-queues", body, headers=plain).status == 415
    assert api.asks("PUT", "/global-parameters/x", body, headers=plain).status == 201


def test_pages_of_other_origins() -> None:
    api = Admin({"management.cors.allow_origins.1": "https://x"})
    origin = {"origin": "https://x"}
    assert api.asks("GET", "/auth", headers=origin).headers["access-control-allow-origin"]
    answer = api.asks("OPTIONS", "/users", headers=origin)
    assert answer.headers["access-control-allow-methods"] == "HEAD, GET, OPTIONS"
    refused = api.asks("GET", "/users", user=None, headers=origin)
    assert refused.headers["access-control-allow-origin"] == "https://x"
    other = api.asks("GET", "/auth", headers={"origin": "https://y"})
    assert "access-control-allow-origin" not in other.headers


def test_headers_for_safety() -> None:
    api = Admin(
        {"management.hsts.policy": "max-age=1", "management.csp.policy": "default-src 'self'"}
    )
    for answer in (api.asks("GET", "/auth"), api.asks("GET", "/users", user=None)):
        assert answer.headers["strict-transport-security"] == "max-age=1"
        assert answer.headers["content-security-policy"] == "default-src 'self'"


# what handlers give and raise


async def streamed() -> AsyncIterator[bytes]:
    yield b"a"
    yield b"b"


@pytest.mark.parametrize(
    ("value", "status", "body"),
    [
        (None, 204, b""),
        ({"a": 1, "b": {"c": 2}}, 200, b'{"a":1,"b":{"c":2}}'),
        ([], 200, b"[]"),
        (Response(201, [], b"x"), 201, b"x"),
    ],
)
def test_what_a_handler_gives(
    api: Admin, made: Routes, value: object, status: int, body: bytes
) -> None:
    made.add("/x", GET, Endpoint(lambda _context: value, ANYBODY))

    async def later(_context: Context) -> object:
        return value

    made.add("/y", GET, Endpoint(later, ANYBODY))
    for path in ("/x", "/y"):
        answer = api.asks("GET", path, user=None)
        assert (answer.status, answer.body) == (status, body)


def test_a_body_in_pieces(api: Admin, made: Routes) -> None:
    made.add("/x", GET, Endpoint(lambda _context: Response(200, [], streamed()), ANYBODY))
    assert api.asks("GET", "/x", user=None).body == b"ab"


def test_columns_of_one_object(api: Admin) -> None:
    assert api.gets("/whoami?columns=name") == {"name": "guest"}
    assert api.gets("/whoami?columns=none") == api.gets("/whoami?columns=") == []


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (Refusal(404, "not_found", "x"), 404, "x"),
        (Refused("no_such_user", "x"), 400, ["no_such_user", "x"]),
        (Refused("text"), 400, "text"),
        (ValidationError("wrong"), 400, "wrong"),
        (PreconditionFailed("invalid"), 400, "invalid"),
    ],
)
def test_what_a_handler_raises(
    api: Admin, made: Routes, error: Exception, status: int, reason: object
) -> None:
    def handler(_context: Context) -> object:
        raise error

    made.add("/x", POST, Endpoint(handler))
    answer = api.asks("POST", "/x", {})
    assert (answer.status, answer.reason) == (status, reason)
    assert api.node.bug_count == 0


def test_bugs(api: Admin, made: Routes, caplog: pytest.LogCaptureFixture) -> None:
    def handler(_context: Context) -> object:
        raise KeyError("x")

    made.add("/x", GET, Endpoint(handler))
    with caplog.at_level(logging.ERROR):
        answer = api.asks("GET", "/x?password=secret")
    assert answer.status == 500
    assert answer.json == {"error": "internal_server_error", "reason": "Internal Server Error"}
    assert api.node.bug_count == 1
    assert "bug: a request failed, method=GET path=/api/x" in caplog.text
    assert "secret" not in caplog.text


# changes


def context_of(api: Admin, made: Routes, run: Any) -> Any:
    """What `run` gives or raises inside of a request of guest's."""
    outcome: list[Any] = []

    async def handler(context: Context) -> None:
        try:
            outcome.append(await run(context))
        except (AMQPException, Refusal) as error:
            outcome.append(error)

    made.add("/x", PUT, Endpoint(handler))
    api.puts("/x")
    return outcome[0]


def test_a_change(api: Admin, made: Routes) -> None:
    commands = [AddVhost("v")]
    found = context_of(api, made, lambda context: context.execute(commands[0]))
    assert found is api.node.vhosts["v"]
    assert commands[0].actor == "guest"


def test_a_change_that_is_refused(api: Admin, made: Routes) -> None:
    command = DeclareExchange("nope", "e", "fanout")
    error = context_of(api, made, lambda context: context.execute(command))
    assert error.text == "vhost nope not found"


def test_several_changes(api: Admin, made: Routes) -> None:
    commands = [AddVhost("v"), DeleteVhost("nope"), DeleteVhost("v")]
    first, second, third = context_of(
        api, made, lambda context: context.execute_all(iter(commands))
    )
    assert first.name == "v"
    assert second.text == "vhost nope not found"
    assert third is None
    assert "v" not in api.node.vhosts


def test_an_answer_waits_until_the_change_is_durable(made: Routes) -> None:
    replicator = DelayedReplicator()
    api = Admin(world=World(replicator=replicator))
    replicator.is_immediate = False
    seen = []

    async def handler(context: Context) -> None:
        context.node.request_turn = _decide  # type: ignore[method-assign]
        await context.execute(PutUser("u", b"", "x"))
        seen.append("u" in api.node.users)

    def _decide() -> None:
        seen.append("u" in api.node.users)
        replicator.decide()

    made.add("/x", PUT, Endpoint(handler))
    assert api.puts("/x") == 204
    assert seen == [False, True]


# what a context knows


def test_the_vhost_that_is_asked_about(api: Admin) -> None:
    def context(headers: dict[str, str], **params: str) -> Context:
        return api.context(Request("GET", "/", headers=headers, params=params))

    assert context({}).wanted_vhost is None
    assert context({"x-vhost": ""}).wanted_vhost is None
    assert context({"x-vhost": "a"}).wanted_vhost == "a"
    assert context({"x-vhost": "a"}, vhost="b").wanted_vhost == "b"
    assert context({}, vhost="/").vhost is api.node.vhosts["/"]
    with pytest.raises(Refusal):
        assert context({}, vhost="b").vhost


def test_how_objects_are_shown(api: Admin) -> None:
    context = api.context(Request("GET", "/", {"disable_stats": "true", "columns": "a"}))
    assert not context.lens().has_stats
    assert context.cut({"a": 1, "b": 2}) == {"a": 1}


def test_every_route_has_a_handler_that_says_what_it_does(api: Admin) -> None:
    own = ("users", "permissions", "parameters", "policies", "limits", "definitions", "health")
    for route in routes.ROUTES.all():
        for endpoint in route.endpoints.values():
            module = endpoint.handler.__module__.rpartition(".")[2]
            assert module not in own or endpoint.handler.__doc__, route.path
