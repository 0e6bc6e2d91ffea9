from __future__ import annotations

from typing import Any

import pytest

from broker.management.api.exchanges import BASIC
from tests.support.api import Api

NOT_FOUND = (404, "Object Not Found", "Not Found")
REFUSED = (401, "not_authorised", "Access refused.")
PATH = "/exchanges/v/x"


@pytest.fixture
def api() -> Api:
    api = Api()
    api.has_vhost("v")
    api.has_user("guest", "administrator", vhosts=("v",))
    return api


def message(**more: object) -> dict[str, Any]:
    fields = {
        "properties": {},
        "routing_key": "q",
        "payload": "hello",
        "payload_encoding": "string",
    }
    return fields | more


# declaring


def test_an_exchange_comes_and_goes(api: Api) -> None:
    body = {"type": "topic", "durable": "true", "auto_delete": True, "arguments": {"z": 1, "a": []}}
    api.asks("PUT", PATH, body).is_empty(201)
    api.asks("PUT", PATH, body).is_empty(204)
    assert api.gets(PATH) == {
        "name": "x",
        "vhost": "v",
        "type": "topic",
        "durable": True,
        "auto_delete": True,
        "internal": False,
        "arguments": {"a": [], "z": 1},
        "user_who_performed_action": "guest",
        "incoming": [],
        "outgoing": [],
    }
    assert "x" in api.names("/exchanges/v")
    assert "x" in api.names("/exchanges")
    api.asks("DELETE", PATH).is_empty()
    api.asks("GET", PATH).is_refused(*NOT_FOUND)
    api.asks("DELETE", PATH).is_refused(*NOT_FOUND)


def test_nothing_has_to_be_said_of_an_exchange(api: Api) -> None:
    api.asks("PUT", PATH).is_empty(201)
    shown = api.gets(PATH)
    assert (shown["type"], shown["durable"], shown["arguments"]) == ("direct", False, {})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"durable": None}, ["not_boolean", None]),
        ({"internal": "yes"}, ["not_boolean", "yes"]),
        ({"type": None}, ["not_a_string", None]),
        ({"type": 5}, ["not_a_string", 5]),
        ({"arguments": None}, "null_not_allowed"),
        ({"arguments": "x"}, "arguments must be an object"),
        ({"node": "elsewhere"}, "Node elsewhere@vm could not be contacted"),
        ({"node": "a@b"}, "Node a@b could not be contacted"),
        ({"node": ""}, "Node '@vm' could not be contacted"),
        ({"node": 5}, ["not_a_string", 5]),
        ([], "not_json"),
        (
            "text",
            "invalid payload: the request body JSON-decoded to a string. "
            "Is the input doubly-JSON-encoded?",
        ),
    ],
)
def test_what_is_no_exchange_is_refused(api: Api, body: object, reason: object) -> None:
    api.node.name = "rabbit@vm"
    api.asks("PUT", PATH, body).is_refused(400, "bad_request", reason)
    api.asks("GET", PATH).is_refused(*NOT_FOUND)


@pytest.mark.parametrize("node", ["rabbit", "rabbit@vm"])
def test_it_may_be_said_that_it_is_to_be_here(api: Api, node: str) -> None:
    api.node.name = "rabbit@vm"
    api.asks("PUT", PATH, {"node": node}).is_empty(201)


def test_names_that_are_too_long(api: Api) -> None:
    reason = "exchange should be less than 255 bytes, actually was 256\n"
    api.asks("PUT", f"/exchanges/v/{'x' * 256}", {}).is_refused(400, "bad_request", reason)
    api.asks("PUT", f"/exchanges/v/{'x' * 255}", {}).is_empty(201)


def test_whether_it_is_there(api: Api) -> None:
    reason = "no exchange 'x' in vhost 'v'"
    api.asks("PUT", PATH, {"passive": True}).is_refused(404, "not_found", reason)
    api.asks("PUT", PATH, {"type": "fanout"}).is_empty(201)
    api.asks("PUT", PATH, {"passive": True, "type": "topic"}).is_empty(204)


def test_what_is_another_one_is_refused(api: Api) -> None:
    api.asks("PUT", PATH, {"type": "fanout"}).is_empty(201)
    reason = (
        "inequivalent arg 'type' for exchange 'x' in vhost 'v': "
        "received 'topic' but current is 'fanout'"
    )
    api.asks("PUT", PATH, {"type": "topic"}).is_refused(400, "bad_request", reason)


@pytest.mark.parametrize("name", ["amq.mine", "amq.default"])
def test_names_that_are_not_for_everybody(api: Api, name: str) -> None:
    api.asks("PUT", f"/exchanges/v/{name}", {}).is_refused(*REFUSED)


@pytest.mark.parametrize("name", ["amq.direct", "amq.default"])
def test_those_of_the_broker_stay(api: Api, name: str) -> None:
    api.asks("DELETE", f"/exchanges/v/{name}").is_refused(*REFUSED)


def test_what_is_in_use_stays_if_it_is_asked_for(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    api.asks("PUT", "/queues/v/q", {}).is_empty(201)
    api.asks("POST", "/bindings/v/e/x/q/q", {}).is_empty(201)
    answer = api.asks("DELETE", f"{PATH}?if-unused=true")
    answer.is_refused(400, "bad_request", "exchange 'x' in vhost 'v' in use")
    api.asks("DELETE", f"{PATH}?if-unused=false").is_empty()


def test_a_vhost_that_is_not_there(api: Api) -> None:
    missing = (404, "not_found", "vhost_not_found")
    api.asks("PUT", "/exchanges/nope/x", {}).is_refused(*missing)
    api.asks("DELETE", "/exchanges/nope/x").is_refused(*NOT_FOUND)
    api.asks("GET", "/exchanges/nope/x").is_refused(*NOT_FOUND)
    api.asks("GET", "/exchanges/nope").is_refused(*NOT_FOUND)
    api.asks("POST", "/exchanges/nope/x/publish", message()).is_refused(*REFUSED)


# lists


def test_a_vhost_may_be_asked_for_by_a_header(api: Api) -> None:
    everywhere = api.names("/exchanges")
    here = [entry["vhost"] for entry in api.asks("GET", "/exchanges", x_vhost="v").json]
    assert set(here) == {"v"}
    assert 2 * len(here) == len(everywhere)
    assert api.asks("GET", "/exchanges", x_vhost="nope").json == []
    assert len(api.asks("GET", "/exchanges", x_vhost="").json) == len(everywhere)


def test_charts_that_nobody_can_draw(api: Api) -> None:
    """It is noticed where statistics are looked at: RabbitMQ does so but for some columns."""
    query = "msg_rates_age=60&msg_rates_incr=0"
    reason = "Invalid range parameters: age 60, incr 0"
    api.asks("GET", f"/exchanges/v/amq.topic?{query}").is_refused(400, "bad_request", reason)
    for more in ("", "&columns=policy", "&columns=name&sort=name", "&columns=name&page=1&sort=x"):
        answer = api.asks("GET", f"/exchanges/v?{query}{more}")
        answer.is_refused(400, "invalid_range_parameters", reason)
    for more in ("&disable_stats=true", "&columns=name", f"&columns={','.join(BASIC)}&sort="):
        assert len(api.gets(f"/exchanges/v?{query}{more}")) == 7


# publishing


def test_what_is_published_is_routed_or_not(api: Api) -> None:
    api.asks("PUT", "/queues/v/q", {}).is_empty(201)
    path = "/exchanges/v/amq.default/publish"
    assert api.asks("POST", path, message()).json == {"routed": True}
    assert api.asks("POST", path, message(routing_key="nope")).json == {"routed": False}
    assert api.asks("POST", path, message(routing_key=None)).json == {"routed": False}
    encoded = message(payload="AP8=", payload_encoding="base64", properties={"priority": 3})
    assert api.asks("POST", path, encoded).json == {"routed": True}
    queue = api.node.vhosts["v"].queues["q"]
    assert [bytes(found.body) for found in queue.ready] == [b"hello", b"\x00\xff"]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"payload": 5}, "payload_not_string"),
        ({"payload": "x", "payload_encoding": "nope"}, ["unsupported_encoding", "nope"]),
        ({"payload": "x", "payload_encoding": "base64"}, ["not_base64", "x"]),
        ({"properties": {"priority": "1"}}, ["not_int", "priority"]),
        ({"properties": {"app_id": 1}}, ["not_string", "app_id"]),
        ({"properties": 5}, "properties must be an object"),
        ({"routing_key": 5}, ["not_a_string", 5]),
        (
            {"routing_key": "k" * 256},
            "routing_key should be less than 255 bytes, actually was 256\n",
        ),
        (
            {"properties": {"expiration": "x"}},
            "406 PRECONDITION_FAILED - invalid expiration 'x': no_integer",
        ),
        (
            {"properties": {"delivery_mode": 3}},
            "406 PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,3}",
        ),
    ],
)
def test_what_is_no_message_is_refused(api: Api, more: dict[str, object], reason: object) -> None:
    answer = api.asks("POST", "/exchanges/v/amq.topic/publish", message(**more))
    answer.is_refused(400, "bad_request", reason)


def test_what_has_to_be_said(api: Api) -> None:
    answer = api.asks("POST", "/exchanges/v/amq.topic/publish", {"payload": "x"})
    reason = (
        "[{key_missing,routing_key},\n {key_missing,properties},\n {key_missing,payload_encoding}]"
    )
    answer.is_refused(400, "bad_request", reason)


def test_publishing_where_one_may_not(api: Api) -> None:
    api.asks("PUT", PATH, {"internal": True}).is_empty(201)
    for name, reason in (
        ("nope", "404 NOT_FOUND - no exchange 'nope' in vhost 'v'"),
        ("x", "403 ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost 'v'"),
    ):
        answer = api.asks("POST", f"/exchanges/v/{name}/publish", message())
        answer.is_refused(400, "bad_request", reason)
    api.has_user("anna", "administrator", vhosts=())
    wrong = message(properties=5)  # is not looked at
    api.asks("POST", f"{PATH}/publish", wrong, user="anna").is_refused(*REFUSED)


def test_a_queue_that_is_full(api: Api) -> None:
    full = {"arguments": {"x-max-length": 0, "x-overflow": "reject-publish"}}
    api.asks("PUT", "/queues/v/q", full).is_empty(201)
    answer = api.asks("POST", "/exchanges/v/amq.default/publish", message())
    reason = "rejected Unable to publish message. Check queue limits."
    answer.is_refused(400, "bad_request", reason)


# statistics


def test_what_has_gone_through_is_counted(api: Api) -> None:
    api.asks("PUT", "/queues/v/q", {}).is_empty(201)
    api.asks("POST", "/exchanges/v/amq.topic/publish", message())
    stats = api.gets("/exchanges/v/amq.topic?disable_stats=true")["message_stats"]
    assert {name for name in stats if "details" not in name} == {"publish_in"}
    api.asks("POST", "/bindings/v/e/amq.topic/q/q", {"routing_key": "#"}).is_empty(201)
    api.asks("POST", "/exchanges/v/amq.topic/publish", message())
    stats = api.gets("/exchanges/v/amq.topic")["message_stats"]
    assert (stats["publish_in"], stats["publish_out"]) == (2, 1)
    (listed,) = (one for one in api.gets("/exchanges/v") if one["name"] == "amq.topic")
    assert listed["message_stats"]["publish_in"] == 2
    for entry in api.gets("/exchanges/v?disable_stats=true"):
        assert "message_stats" not in entry
