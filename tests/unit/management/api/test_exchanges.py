from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from tests.support.api import Answer, Api
from tests.support.builders import table
from tests.support.peer import Peer, World

X = "/exchanges/%2f/x"
MESSAGE: dict[str, Any] = {
    "routing_key": "q",
    "payload": "hej",
    "payload_encoding": "string",
    "properties": {},
}
NOT_FOUND = (404, "Object Not Found", "Not Found")
REFUSED = (401, "not_authorised", "Access refused.")


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def publishes(api: Api, exchange: str = "amq.default", **fields: object) -> Answer:
    return api.asks("POST", f"/exchanges/%2f/{exchange}/publish", MESSAGE | fields)


# exchanges


def test_an_exchange_is_declared_and_deleted(api: Api) -> None:
    body = {"type": "topic", "durable": True, "arguments": {"alternate-exchange": "amq.fanout"}}
    api.asks("PUT", X, body).is_empty(201)
    api.asks("PUT", X, body).is_empty(204)
    exchange = api.world.vhost.exchanges["x"]
    assert (exchange.type_name, exchange.durable, exchange.alternate) == (
        "topic",
        True,
        "amq.fanout",
    )
    assert api.gets(f"{X}?columns=type,user_who_performed_action") == {
        "type": "topic",
        "user_who_performed_action": "guest",
    }
    api.asks("DELETE", X).is_empty()
    api.asks("GET", X).is_refused(*NOT_FOUND)
    api.asks("DELETE", X).is_refused(*NOT_FOUND)


def test_without_a_type_it_is_direct(api: Api) -> None:
    api.asks("PUT", X).is_empty(201)
    assert api.world.vhost.exchanges["x"].type_name == "direct"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"type": "nope"}, "invalid exchange type 'nope'"),
        ({"type": None}, ["not_a_string", None]),
        ({"internal": "x"}, ["not_boolean", "x"]),
        ({"arguments": {"a": None}}, "null_not_allowed"),
        ({"type": "x" * 256}, "type should be less than 255 bytes, actually was 256\n"),
    ],
)
def test_what_is_no_exchange_is_refused(api: Api, body: object, reason: object) -> None:
    before = set(api.world.vhost.exchanges)
    api.asks("PUT", X, body).is_refused(400, "bad_request", reason)
    assert set(api.world.vhost.exchanges) == before


def test_what_is_the_brokers_own_is_left_alone(api: Api) -> None:
    for path in ("amq.topic", "amq.default"):
        api.asks("DELETE", f"/exchanges/%2f/{path}").is_refused(*REFUSED)
    api.asks("PUT", "/exchanges/%2f/amq.mine").is_refused(*REFUSED)
    api.asks("PUT", "/exchanges/%2f/amq.default", {"type": "direct"}).is_refused(*REFUSED)


def test_deleting_may_depend(api: Api, peer: Peer) -> None:
    api.asks("PUT", X)
    peer.declares(1, "q")
    peer.binds(1, "q", "x")
    text = "exchange 'x' in vhost '/' in use"
    api.asks("DELETE", f"{X}?if-unused=true").is_refused(400, "bad_request", text)
    api.asks("DELETE", X).is_empty()


def test_the_default_exchange_has_a_name_in_paths(api: Api) -> None:
    assert api.gets("/exchanges/%2f/amq.default")["name"] == ""
    assert api.names("/exchanges/%2f")[0] == ""


def test_lists_of_all_and_of_a_vhost(api: Api) -> None:
    api.has_vhost("v")
    assert len(api.gets("/exchanges")) == 14  # an administrator sees all
    api.has_user("anna", "management", vhosts=("v",))
    assert len(api.gets("/exchanges", user="anna")) == 7
    assert {one["vhost"] for one in api.gets("/exchanges/v")} == {"v"}
    assert api.gets("/exchanges/v?sort=type&sort_reverse=true&columns=type")[0] == {"type": "topic"}


# publishing


def test_publishing_says_whether_it_was_routed(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    assert publishes(api).json == {"routed": True}
    assert publishes(api, routing_key="nowhere").json == {"routed": False}
    properties = {"headers": {"n": 1}, "delivery_mode": 2, "message_id": "m"}
    publishes(api, payload="/wA=", payload_encoding="base64", properties=properties)
    first, second = peer.gets(1, "q"), peer.gets(1, "q")
    assert first is not None
    assert second is not None
    assert (first.body, second.body) == (b"hej", b"\xff\x00")
    assert (second.properties.delivery_mode, second.properties.message_id) == (2, "m")
    assert second.properties.header_table["n"].value == 1


def test_a_queue_that_is_full_refuses(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=1, x_overflow="reject-publish"))
    assert publishes(api).json == {"routed": True}
    text = "rejected Unable to publish message. Check queue limits."
    publishes(api).is_refused(400, "bad_request", text)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"payload": 5}, "payload_not_string"),
        ({"payload": "?", "payload_encoding": "base64"}, ["not_base64", "?"]),
        ({"payload_encoding": "nope"}, ["unsupported_encoding", "nope"]),
        ({"properties": {"priority": "3"}}, ["not_int", "priority"]),
        (
            {"properties": {"user_id": "bob"}},
            "406 PRECONDITION_FAILED - user_id property set to 'bob' "
            "but authenticated user was 'guest'",
        ),
        ({"routing_key": None}, ["not_a_string", None]),
    ],
)
def test_what_cannot_be_published(api: Api, fields: dict[str, Any], reason: object) -> None:
    publishes(api, **fields).is_refused(400, "bad_request", reason)
    assert api.world.vhost.exchanges[""].published == 0


def test_a_routing_key_has_255_octets_at_most(api: Api) -> None:
    assert publishes(api, "amq.topic", routing_key="x" * 255).status == 200
    assert publishes(api, "amq.topic", routing_key="x" * 256).status == 400


def test_an_internal_exchange_is_published_to_by_nobody(api: Api) -> None:
    api.asks("PUT", X, {"internal": True})
    text = "403 ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/'"
    publishes(api, "x").is_refused(400, "bad_request", text)


# bindings


BINDINGS = "/bindings/%2f/e/amq.topic/q/q"


def binds(api: Api, path: str = BINDINGS, **fields: object) -> str:
    """Returns: where the binding is."""
    answer = api.asks("POST", path, fields)
    answer.is_empty(201)
    return answer.headers["location"]


def test_a_binding_is_made_shown_and_removed(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    place = binds(api, routing_key="a.#", arguments={"n": 1})
    assert place.startswith("q/a.%2523~")
    (found,) = api.gets(BINDINGS)
    assert (found["routing_key"], found["arguments"]) == ("a.#", {"n": 1})
    path = f"{BINDINGS}/{quote(found['properties_key'], safe='')}"
    assert f"/bindings/%2f/e/amq.topic/q/{place}" == path
    assert api.gets(path) == found
    api.asks("DELETE", path).is_empty()
    assert api.gets(BINDINGS) == []
    api.asks("DELETE", path).is_refused(*NOT_FOUND)
    api.asks("GET", path).is_refused(*NOT_FOUND)


def test_a_binding_without_key_and_arguments_is_a_tilde(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    assert binds(api) == "q/~"
    assert api.gets(f"{BINDINGS}/~")["properties_key"] == "~"
    api.asks("DELETE", f"{BINDINGS}/~").is_empty()


@pytest.mark.parametrize("key", ["a b", "a/b", "%", "ä.€", "~", "a~b", "+", "x" * 255])
def test_bindings_with_any_key_are_found_by_theirs(api: Api, peer: Peer, key: str) -> None:
    peer.declares(1, "q")
    place = binds(api, routing_key=key)
    path = f"/bindings/%2f/e/amq.topic/q/{place}"
    assert api.gets(path)["routing_key"] == key
    api.asks("DELETE", path).is_empty()


def test_exchanges_are_bound_as_well(api: Api) -> None:
    path = "/bindings/%2f/e/amq.topic/e/amq.fanout"
    place = binds(api, path, routing_key="k")
    (found,) = api.gets(path)
    assert (found["source"], found["destination"], found["destination_type"]) == (
        "amq.topic",
        "amq.fanout",
        "exchange",
    )
    for end in ("amq.topic/bindings/source", "amq.fanout/bindings/destination"):
        assert api.gets(f"/exchanges/%2f/{end}") == [found]
    api.asks("DELETE", f"/bindings/%2f/e/amq.topic/e/{place}").is_empty()
    assert api.gets(path) == []


def test_the_implicit_bindings_are_shown_and_cannot_be_changed(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    path = "/bindings/%2f/e/amq.default/q/q"
    (found,) = api.gets(path)
    assert (found["source"], found["properties_key"]) == ("", "q")
    assert (
        api.gets("/bindings") == api.gets("/exchanges/%2f/amq.default/bindings/source") == [found]
    )
    assert api.gets(f"{path}/q") == found
    api.asks("DELETE", f"{path}/q").is_refused(*NOT_FOUND)
    api.asks("POST", path, {"routing_key": "other"}).is_refused(*REFUSED)
    assert api.gets("/bindings/%2f/e/amq.default/e/amq.topic") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/bindings/%2f/e/amq.topic/q/nope", "no queue 'nope' in vhost '/'"),
        ("/bindings/%2f/e/nope/q/q", "no exchange 'nope' in vhost '/'"),
        ("/bindings/%2f/e/amq.topic/e/nope", "no exchange 'nope' in vhost '/'"),
    ],
)
def test_ends_that_are_not_there(api: Api, peer: Peer, path: str, reason: str) -> None:
    peer.declares(1, "q")
    api.asks("POST", path, {}).is_refused(404, "not_found", reason)
    api.asks("GET", path).is_refused(*NOT_FOUND)
    api.asks("DELETE", f"{path}/~").is_refused(*NOT_FOUND)


def test_a_kind_of_destination_that_is_none(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/~"), ("DELETE", "/~")):
        answer = api.asks(method, f"/bindings/%2f/e/amq.topic/z/q{path}")
        answer.is_refused(*NOT_FOUND)


def test_what_is_no_binding_is_refused(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    answer = api.asks("POST", BINDINGS, {"arguments": {"a": None}})
    answer.is_refused(400, "bad_request", "null_not_allowed")
    assert api.asks("POST", BINDINGS, {"routing_key": "x" * 256}).status == 400
    assert api.gets(BINDINGS) == []


def test_lists_of_bindings_are_sorted_by_their_ends(api: Api, peer: Peer) -> None:
    for queue in ("b", "a"):
        peer.declares(1, queue)
        for key in ("2", "1"):
            peer.binds(1, queue, "amq.topic", key)
    found = [
        (one["source"], one["destination"], one["routing_key"]) for one in api.gets("/bindings")
    ]
    assert found == sorted(found)
    assert len(found) == 6
