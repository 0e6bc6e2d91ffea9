from __future__ import annotations

import pytest

from tests.support.api import Api

NOT_FOUND = (404, "Object Not Found", "Not Found")
REFUSED = (401, "not_authorised", "Access refused.")
PATH = "/bindings/v/e/x/q/q"
OF_QUEUE = {
    "source": "",
    "vhost": "v",
    "destination": "q",
    "destination_type": "queue",
    "routing_key": "q",
    "arguments": {},
    "properties_key": "q",
}


@pytest.fixture
def api() -> Api:
    api = Api()
    api.has_vhost("v")
    api.has_user("guest", "administrator", vhosts=("v",))
    for path in ("/queues/v/q", "/queues/v/r"):
        api.asks("PUT", path, {}).is_empty(201)
    for path in ("/exchanges/v/x", "/exchanges/v/y"):
        api.asks("PUT", path, {"type": "topic"}).is_empty(201)
    return api


def shown(api: Api, path: str) -> list[str]:
    """A list: source, destination and key of each."""
    return [
        f"{entry['source']} {entry['destination']} {entry['properties_key']}"
        for entry in api.gets(path)
    ]


# the implicit ones


def test_every_queue_is_bound_to_the_default_exchange(api: Api) -> None:
    assert api.gets("/queues/v/q/bindings") == [OF_QUEUE]
    assert api.gets("/bindings/v/e/amq.default/q/q") == [OF_QUEUE]
    assert api.gets("/bindings/v/e/amq.default/q/q/q") == OF_QUEUE
    assert shown(api, "/exchanges/v/amq.default/bindings/source") == [" q q", " r r"]
    assert shown(api, "/bindings/v") == [" q q", " r r"]


def test_an_implicit_binding_stays(api: Api) -> None:
    path = "/bindings/v/e/amq.default/q/q/q"
    api.asks("DELETE", path).is_refused(*REFUSED)
    assert api.gets(path) == OF_QUEUE


@pytest.mark.parametrize("path", ["q/q/nope", "q/nope/nope", "e/x/x", "x/q/q"])
def test_there_are_no_others_to_the_default_exchange(api: Api, path: str) -> None:
    api.asks("GET", f"/bindings/v/e/amq.default/{path}").is_refused(*NOT_FOUND)


# binding


def test_what_is_bound_is_shown_everywhere(api: Api) -> None:
    answer = api.asks("POST", PATH, {"routing_key": "a/b", "arguments": {"z": 1, "a": "2"}})
    answer.is_empty(201)
    key = answer.headers["location"].removeprefix("q/")
    entry = OF_QUEUE | {
        "source": "x",
        "routing_key": "a/b",
        "arguments": {"a": "2", "z": 1},
        "properties_key": key.replace("%25", "%"),
    }
    assert api.gets(PATH) == [entry]
    assert api.gets(f"{PATH}/{key}") == entry
    assert api.gets("/exchanges/v/x/bindings/source") == [entry]
    assert api.gets("/queues/v/q/bindings") == [OF_QUEUE, entry]
    assert entry in api.gets("/bindings/v")
    assert entry in api.gets("/bindings")
    assert api.gets(f"{PATH}/{key}?columns=arguments.a,source") == {
        "source": "x",
        "arguments": {"a": "2", "z": 1},
    }
    api.asks("DELETE", f"{PATH}/{key}").is_empty()
    assert api.gets(PATH) == []
    api.asks("DELETE", f"{PATH}/{key}").is_refused(*NOT_FOUND)


def test_exchanges_are_bound_to_exchanges(api: Api) -> None:
    api.asks("POST", "/bindings/v/e/x/e/y", {"routing_key": "#"}).is_empty(201)
    assert shown(api, "/exchanges/v/y/bindings/destination") == ["x y %23"]
    assert shown(api, "/exchanges/v/x/bindings/source") == ["x y %23"]
    assert shown(api, "/exchanges/v/x/bindings/destination") == []
    assert api.gets("/bindings/v/e/x/e/y")[0]["destination_type"] == "exchange"
    api.asks("DELETE", "/bindings/v/e/x/e/y/%2523").is_empty()
    assert shown(api, "/bindings/v/e/x/e/y") == []


@pytest.mark.parametrize("body", [None, {}, {"routing_key": None}, {"arguments": []}])
def test_nothing_has_to_be_said_of_a_binding(api: Api, body: object) -> None:
    answer = api.asks("POST", PATH, body)
    answer.is_empty(201)
    assert answer.headers["location"] == "q/~"
    assert shown(api, PATH) == ["x q ~"]


def test_the_location_is_relative_to_the_path_as_it_was_sent(api: Api) -> None:
    api.has_vhost("a b")
    api.has_user("guest", "administrator", vhosts=("a b", "v"))
    api.asks("PUT", "/queues/a%20b/q", {}).is_empty(201)
    answer = api.asks("POST", "/bindings/a%20b/e/amq.topic/q/q", {"routing_key": "ü"})
    assert answer.headers["location"] == "../../../../a+b/e/amq.topic/q/q/%25C3%25BC"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"routing_key": 5}, ["not_a_string", 5]),
        ({"routing_key": ["a"]}, ["not_a_string", ["a"]]),
        ({"arguments": None}, "null_not_allowed"),
        ({"arguments": ["a"]}, "arguments must be an object"),
        ({"arguments": {"a": None}}, "null_not_allowed"),
        (
            {"routing_key": "k" * 256},
            "routing_key should be less than 255 bytes, actually was 256\n",
        ),
        ([], "not_json"),
    ],
)
def test_what_is_no_binding_is_refused(api: Api, body: object, reason: object) -> None:
    api.asks("POST", PATH, body).is_refused(400, "bad_request", reason)
    assert api.gets(PATH) == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/bindings/v/e/x/q/nope", "no queue 'nope' in vhost 'v'"),
        ("/bindings/v/e/nope/q/q", "no exchange 'nope' in vhost 'v'"),
        ("/bindings/v/e/x/e/nope", "no exchange 'nope' in vhost 'v'"),
        ("/bindings/v/e/x/q/amq.default", "no queue '' in vhost 'v'"),
        ("/bindings/v/e/nope/q/amq.default", "no exchange 'nope' in vhost 'v'"),
        ("/bindings/nope/e/x/q/q", "vhost_not_found"),
    ],
)
def test_what_is_to_be_bound_has_to_be_there(api: Api, path: str, reason: str) -> None:
    api.asks("POST", path, {}).is_refused(404, "not_found", reason)


@pytest.mark.parametrize(
    "path", ["amq.default/q/q", "x/e/amq.default", "amq.default/q/amq.default"]
)
def test_nothing_is_bound_to_the_default_exchange(api: Api, path: str) -> None:
    api.asks("POST", f"/bindings/v/e/{path}", {}).is_refused(*REFUSED)


def test_who_may_not_enter_the_vhost_binds_nothing(api: Api) -> None:
    api.asks("POST", PATH, {}).is_empty(201)
    api.has_user("anna", "administrator", vhosts=())
    api.asks("POST", PATH, {}, user="anna").is_refused(*REFUSED)
    api.asks("DELETE", f"{PATH}/~", user="anna").is_refused(*REFUSED)


# what is not there has no bindings


@pytest.mark.parametrize(
    "path",
    [
        "/bindings/v/e/x/q/nope",
        "/bindings/v/e/nope/q/q",
        "/bindings/v/e/x/e/nope",
        "/bindings/v/e/amq.default/e/x",
        "/bindings/nope/e/x/q/q",
        "/exchanges/v/nope/bindings/source",
        "/exchanges/nope/x/bindings/source",
        "/exchanges/v/nope/bindings/destination",
        "/exchanges/nope/x/bindings/destination",
        "/queues/nope/q/bindings",
    ],
)
def test_what_is_not_there_has_none(api: Api, path: str) -> None:
    assert api.gets(path) == []


def test_a_queue_that_is_not_there_would_have_one(api: Api) -> None:
    """RabbitMQ: the implicit one is made of the name."""
    assert shown(api, "/queues/v/nope/bindings") == [" nope nope"]
    assert shown(api, "/bindings/v/e/amq.default/q/nope") == [" nope nope"]


@pytest.mark.parametrize("path", ["/bindings/nope", "/bindings/v/e/x/x/q", "/bindings/v/e/x/q/q/k"])
def test_what_is_not_found(api: Api, path: str) -> None:
    api.asks("GET", path).is_refused(*NOT_FOUND)


@pytest.mark.parametrize("key", ["a b", "a/b", "%", "ä.€", "~", "a~b", "+", "null", "x" * 255])
def test_bindings_with_any_key_are_found_by_theirs(api: Api, key: str) -> None:
    answer = api.asks("POST", PATH, {"routing_key": key})
    path = f"/bindings/v/e/x/q/{answer.headers['location']}"
    assert api.gets(path)["routing_key"] == key
    api.asks("DELETE", path).is_empty()
    assert api.gets(PATH) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_kind_of_destination_that_is_none(api: Api, method: str) -> None:
    api.asks(method, "/bindings/v/e/x/z/q").is_refused(*NOT_FOUND)
    for once_bound in ("GET", "DELETE"):
        api.asks(once_bound, "/bindings/v/e/x/z/q/~").is_refused(*NOT_FOUND)


def test_lists_of_bindings_are_sorted_by_their_ends(api: Api) -> None:
    for queue in ("r", "q"):
        for key in ("2", "1"):
            api.asks("POST", f"/bindings/v/e/x/q/{queue}", {"routing_key": key}).is_empty(201)
    wanted = [" q q", " r r", "x q 1", "x q 2", "x r 1", "x r 2"]
    assert shown(api, "/bindings/v") == shown(api, "/bindings") == wanted
