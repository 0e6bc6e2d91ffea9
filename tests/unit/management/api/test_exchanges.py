from __future__ import annotations

from typing import Any

import pytest

from broker.management.api.exchanges import BASIC
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
UNKNOWN_MODE = "PRECONDITION_FAILED - invalid message: {delivery_mode_unknown"
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
        ({"durable": None}, ["not_boolean", None]),
        ({"passive": 5}, ["not_boolean", 5]),
        ({"arguments": None}, "null_not_allowed"),
        ({"node": "elsewhere"}, "Node elsewhere@localhost could not be contacted"),
        ({"node": "a@b"}, "Node a@b could not be contacted"),
        ({"node": ""}, "Node '@localhost' could not be contacted"),
        ({"node": 5}, ["not_a_string", 5]),
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


@pytest.mark.parametrize("node", ["rabbit", "rabbit@localhost"])
def test_it_may_be_said_that_it_is_to_be_here(api: Api, node: str) -> None:
    assert api.node.name == "rabbit@localhost"
    api.asks("PUT", X, {"node": node}).is_empty(201)


def test_names_have_255_octets_at_most(api: Api) -> None:
    text = "exchange should be less than 255 bytes, actually was 256\n"
    api.asks("PUT", f"/exchanges/%2f/{'x' * 256}").is_refused(400, "bad_request", text)
    api.asks("PUT", f"/exchanges/%2f/{'x' * 255}").is_empty(201)


def test_it_may_be_asked_whether_there_is_one(api: Api) -> None:
    text = "no exchange 'x' in vhost '/'"
    api.asks("PUT", X, {"passive": True}).is_refused(404, "not_found", text)
    api.asks("PUT", X, {"type": "fanout"}).is_empty(201)
    api.asks("PUT", X, {"passive": True, "type": "topic"}).is_empty(204)


def test_a_vhost_that_is_not_there(api: Api) -> None:
    """RabbitMQ: nothing is declared there, nothing is found there, and nobody may publish there."""
    path = "/exchanges/nope/x"
    api.asks("PUT", path, []).is_refused(404, "not_found", "vhost_not_found")
    api.asks("DELETE", path).is_refused(*NOT_FOUND)
    api.asks("GET", path).is_refused(*NOT_FOUND)
    api.asks("GET", "/exchanges/nope").is_refused(*NOT_FOUND)
    api.asks("POST", f"{path}/publish", MESSAGE).is_refused(*REFUSED)


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


def test_a_vhost_may_be_asked_for_by_a_header(api: Api) -> None:
    api.has_vhost("v")
    found = api.asks("GET", "/exchanges", x_vhost="v").json
    assert [entry["vhost"] for entry in found] == ["v"] * 7
    assert api.asks("GET", "/exchanges", x_vhost="nope").json == []
    assert len(api.asks("GET", "/exchanges", x_vhost="").json) == 14


def test_charts_that_nobody_can_draw(api: Api) -> None:
    """It is noticed where statistics are looked at: RabbitMQ does so but for some columns."""
    query = "msg_rates_age=60&msg_rates_incr=0"
    text = "Invalid range parameters: age 60, incr 0"
    api.asks("GET", f"/exchanges/%2f/amq.topic?{query}").is_refused(400, "bad_request", text)
    for more in ("", "&columns=policy", "&columns=name&sort=name", "&columns=name&page=1&sort=x"):
        answer = api.asks("GET", f"/exchanges/%2f?{query}{more}")
        answer.is_refused(400, "invalid_range_parameters", text)
    for more in ("&disable_stats=true", "&columns=name", f"&columns={','.join(BASIC)}&sort="):
        assert len(api.gets(f"/exchanges/%2f?{query}{more}")) == 7


def test_statistics_of_one_are_always_shown(api: Api, peer: Peer) -> None:
    assert publishes(api, "amq.topic").json == {"routed": False}
    stats = api.gets("/exchanges/%2f/amq.topic?disable_stats=true")["message_stats"]
    assert {name for name in stats if "details" not in name} == {"publish_in"}
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "#")
    assert publishes(api, "amq.topic").json == {"routed": True}
    stats = api.gets("/exchanges/%2f/amq.topic")["message_stats"]
    assert (stats["publish_in"], stats["publish_out"]) == (2, 1)
    for entry in api.gets("/exchanges?disable_stats=true"):
        assert "message_stats" not in entry


# publishing


def test_publishing_says_whether_it_was_routed(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    assert publishes(api).json == {"routed": True}
    assert publishes(api, routing_key="nowhere").json == {"routed": False}
    assert publishes(api, routing_key=None).json == {"routed": False}
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
        ({"routing_key": 5}, ["not_a_string", 5]),
        ({"properties": {"delivery_mode": 3}}, f"406 {UNKNOWN_MODE},3}}"),
        ({"properties": {"delivery_mode": 300}}, f"406 {UNKNOWN_MODE},300}}"),
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


def test_publishing_where_there_is_nothing_or_one_may_not(api: Api) -> None:
    text = "404 NOT_FOUND - no exchange 'nope' in vhost '/'"
    publishes(api, "nope").is_refused(400, "bad_request", text)
    api.has_user("anna", "administrator", vhosts=())
    wrong = MESSAGE | {"properties": 5}  # is not looked at
    path = "/exchanges/%2f/nope/publish"
    api.asks("POST", path, wrong, user="anna").is_refused(*REFUSED)
    answer = api.asks("POST", path, wrong | {"payload": 5}, user="anna")
    answer.is_refused(400, "bad_request", "payload_not_string")
