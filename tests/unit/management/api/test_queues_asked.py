from __future__ import annotations

from typing import Any

import pytest

from broker.commands import SetPolicy
from broker.management.api.queues import BASIC
from tests.support.api import Answer, Api
from tests.support.peer import Peer, World

NOT_FOUND = (404, "Object Not Found", "Not Found")
REFUSED = (401, "not_authorised", "Access refused.")
PATH = "/queues/v/q"
QUORUM = {"durable": True, "arguments": {"x-queue-type": "quorum"}}
DEFINITION = {
    "name": "q",
    "vhost": "v",
    "durable": False,
    "auto_delete": False,
    "exclusive": False,
    "arguments": {},
    "type": "classic",
}


@pytest.fixture
def api(world: World) -> Api:
    api = Api(world)
    api.has_vhost("v")
    api.has_user("guest", "administrator", vhosts=("v", "/"))
    return api


def publishes(api: Api, *bodies: str, **properties: object) -> None:
    for body in bodies:
        message = {
            "properties": properties,
            "routing_key": "q",
            "payload": body,
            "payload_encoding": "string",
        }
        found = api.asks("POST", "/exchanges/v/amq.default/publish", message).json
        assert found == {"routed": True}


def gets(api: Api, mode: str = "ack_requeue_false", count: object = 1, **more: object) -> Answer:
    fields = {"ackmode": mode, "count": count, "encoding": "auto"} | more
    return api.asks("POST", f"{PATH}/get", fields)


def payloads(api: Api, mode: str, count: object = 100) -> str:
    return "".join(found["payload"] for found in gets(api, mode, count).json)


# declaring


def test_a_queue_comes_and_goes(api: Api) -> None:
    body = {"auto_delete": "true", "arguments": {"x-max-length": 5}}
    api.asks("PUT", PATH, body).is_empty(201)
    api.asks("PUT", PATH, body).is_empty(204)
    shown = api.gets(PATH)
    expected = DEFINITION | {"auto_delete": True, "arguments": {"x-max-length": 5}}
    assert {name: shown[name] for name in expected} == expected
    assert api.names("/queues/v") == ["q"]
    assert api.names("/queues") == ["q"]
    api.asks("DELETE", PATH).is_empty()
    for method in ("GET", "DELETE"):
        api.asks(method, PATH).is_refused(*NOT_FOUND)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"durable": None}, ["not_boolean", None]),
        ({"auto_delete": "yes"}, ["not_boolean", "yes"]),
        ({"exclusive": 5}, ["not_boolean", 5]),
        ({"arguments": ["a"]}, "arguments must be an object"),
        ({"arguments": {"x": None}}, "null_not_allowed"),
        ({"node": "a@b"}, "Node a@b could not be contacted"),
        ([], "not_json"),
    ],
)
def test_what_is_no_queue_is_refused(api: Api, body: object, reason: object) -> None:
    api.asks("PUT", PATH, body).is_refused(400, "bad_request", reason)
    api.asks("GET", PATH).is_refused(*NOT_FOUND)


def test_names_that_are_too_long(api: Api) -> None:
    reason = "queue should be less than 255 bytes, actually was 256\n"
    api.asks("PUT", f"/queues/v/{'q' * 256}", {}).is_refused(400, "bad_request", reason)
    api.asks("PUT", f"/queues/v/{'q' * 255}", {}).is_empty(201)


def test_whether_it_is_there(api: Api) -> None:
    reason = "no queue 'q' in vhost 'v'"
    api.asks("PUT", PATH, {"passive": True}).is_refused(404, "not_found", reason)
    api.asks("PUT", PATH, {"durable": True}).is_empty(201)
    api.asks("PUT", PATH, {"passive": True}).is_empty(204)


def test_what_is_exclusive_is_nobodys(api: Api) -> None:
    """RabbitMQ: there is no connection that it could belong to."""
    api.asks("PUT", PATH, {"exclusive": True, "durable": True}).is_empty(201)
    shown = api.gets(PATH)
    assert (shown["exclusive"], shown["durable"]) == (False, False)


def test_names_that_are_not_for_everybody(api: Api) -> None:
    api.asks("PUT", "/queues/v/amq.mine", {}).is_refused(*REFUSED)


def test_a_vhost_that_is_not_there(api: Api) -> None:
    api.asks("PUT", "/queues/nope/q", []).is_refused(404, "not_found", "vhost_not_found")
    fields = {"ackmode": "ack_requeue_true", "count": 1, "encoding": "auto"}
    api.asks("POST", "/queues/nope/q/get", fields).is_refused(*REFUSED)
    for method, path in (
        ("GET", ""),
        ("GET", "/q"),
        ("DELETE", "/q"),
        ("DELETE", "/q/contents"),
    ):
        api.asks(method, f"/queues/nope{path}").is_refused(*NOT_FOUND)


def test_who_may_not_enter_the_vhost(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    api.has_user("anna", "administrator", vhosts=())
    assert api.gets(PATH, user="anna")["name"] == "q"
    fields = {"ackmode": "nope", "count": "x", "encoding": 1}  # is not looked at
    api.asks("POST", f"{PATH}/get", fields, user="anna").is_refused(*REFUSED)
    for method, path in (("PUT", ""), ("DELETE", ""), ("DELETE", "/contents")):
        api.asks(method, PATH + path, user="anna").is_refused(*REFUSED)


def test_deleting_under_conditions(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    publishes(api, "x")
    answer = api.asks("DELETE", f"{PATH}?if-empty=true")
    answer.is_refused(400, "bad_request", "queue 'q' in vhost 'v' not empty")
    api.asks("DELETE", f"{PATH}/contents").is_empty()
    api.asks("DELETE", f"{PATH}?if-empty=true&if-unused=true").is_empty()


# actions


def test_copies_are_in_step(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    for action in ("sync", "cancel_sync"):
        answer = api.asks("POST", f"{PATH}/actions", {"action": action})
        answer.is_empty(204)
        assert answer.headers["vary"] == "accept-encoding, origin"
    answer = api.asks("POST", f"{PATH}/actions", {"action": "nope"})
    answer.is_refused(400, "bad_request", ["unknown", "nope"])
    api.asks("POST", "/queues/v/nope/actions", {"action": "sync"}).is_refused(*NOT_FOUND)


def test_actions_are_for_administrators(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    api.has_user("anna", "monitoring", "policymaker", vhosts=("v",))
    answer = api.asks("POST", f"{PATH}/actions", {"action": "sync"}, user="anna")
    answer.is_refused(401, "not_authorised", "Not administrator user")


# getting


def test_what_is_got(api: Api) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    publishes(api, "größe")
    publishes(api, "b", headers={"z": 1}, priority=0)
    entry = {
        "payload_bytes": 7,
        "redelivered": False,
        "exchange": "",
        "routing_key": "q",
        "message_count": 1,
        "properties": [],
        "payload": "größe",
        "payload_encoding": "string",
    }
    answer = gets(api, count=5)
    assert answer.json == [
        entry,
        entry
        | {
            "payload": "b",
            "payload_bytes": 1,
            "message_count": 0,
            "properties": {"priority": 0, "headers": {"z": 1}},
        },
    ]
    assert gets(api).json == []


@pytest.mark.parametrize(
    ("mode", "left"),
    [
        ("ack_requeue_true", "abc"),
        ("ack_requeue_false", "c"),
        ("reject_requeue_true", "abc"),
        ("reject_requeue_false", "c"),
    ],
)
def test_what_becomes_of_it(api: Api, mode: str, left: str) -> None:
    dying = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    api.asks("PUT", PATH, {"arguments": dying}).is_empty(201)
    api.asks("PUT", "/queues/v/dead", {}).is_empty(201)
    publishes(api, *"abc")
    assert payloads(api, mode, 2) == "ab"
    again = gets(api, "ack_requeue_true", 3).json
    assert "".join(found["payload"] for found in again) == left
    assert [found["redelivered"] for found in again] == [found != "c" for found in left]
    dead = api.node.vhosts["v"].queues["dead"].ready_count
    assert dead == (2 if mode == "reject_requeue_false" else 0)


def test_what_is_rejected_goes_to_the_end_of_a_quorum_queue(api: Api) -> None:
    """As over AMQP; what a channel that is gone had taken comes first."""
    api.asks("PUT", PATH, QUORUM).is_empty(201)
    publishes(api, *"abcd")
    assert payloads(api, "reject_requeue_true", 1) == "a"
    assert payloads(api, "ack_requeue_true", 1) == "b"
    assert payloads(api, "ack_requeue_false") == "bcda"


@pytest.mark.parametrize(
    ("count", "found"),
    [(0, ""), ("0", ""), (2, "ab"), ("2", "ab"), (2.9, "ab"), (100, "abc"), (-1, "abc")],
)
def test_how_many_are_got(api: Api, count: object, found: str) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    publishes(api, *"abc")
    assert payloads(api, "ack_requeue_true", count) == found


@pytest.mark.parametrize(
    ("truncate", "shown"),
    [
        (0, ("", "string")),
        (2, ("gr", "string")),
        (2.9, ("gr", "string")),
        ("2", ("gr", "string")),
        (3, ("Z3LD", "base64")),
        (7, ("größe", "string")),
        (100, ("größe", "string")),
    ],
)
def test_a_long_body_is_cut(api: Api, truncate: object, shown: tuple[str, str]) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    publishes(api, "größe")
    (found,) = gets(api, truncate=truncate).json
    assert (found["payload"], found["payload_encoding"]) == shown
    assert found["payload_bytes"] == 7


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"ackmode": "nope"}, ["unknown", "nope"]),
        ({"ackmode": ["ack_requeue_true"]}, ["unknown", ["ack_requeue_true"]]),
        ({"count": "x"}, ["not_integer", "x"]),
        ({"count": None}, ["not_integer", None]),
        ({"encoding": "string"}, "Unsupported encoding. Please use auto or base64."),
        ({"truncate": None}, ["not_integer", None]),
        ({"truncate": -1}, ["not_a_size", -1]),
    ],
)
def test_what_nobody_can_get(api: Api, more: dict[str, Any], reason: object) -> None:
    api.asks("PUT", PATH, {}).is_empty(201)
    publishes(api, "a")
    fields = {"ackmode": "ack_requeue_false", "count": 1, "encoding": "auto"} | more
    api.asks("POST", f"{PATH}/get", fields).is_refused(400, "bad_request", reason)
    assert api.node.vhosts["v"].queues["q"].ready_count == 1


def test_getting_from_no_queue(api: Api) -> None:
    gets(api).is_refused(404, "not_found", "NOT_FOUND - no queue 'q' in vhost 'v'")
    assert gets(api, count=0).json == []


def test_getting_from_somebody_elses_queue(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", exclusive=True)
    fields = {"ackmode": "ack_requeue_true", "count": 1, "encoding": "auto"}
    answer = api.asks("POST", "/queues/%2F/q/get", fields)
    assert answer.status == 400
    assert answer.json["reason"].startswith("405 RESOURCE_LOCKED - cannot obtain exclusive access")


# lists and what is shown


def test_whose_it_is_is_shown_on_its_own_page(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", exclusive=True)
    (listed,) = api.gets("/queues/%2F")
    assert listed["exclusive"] is True
    assert "owner_pid_details" not in listed
    assert "name" in api.gets("/queues/%2F/q")["owner_pid_details"]


def test_without_statistics(api: Api) -> None:
    """RabbitMQ shows what is in its database; of policies only the users', and only in lists."""
    api.asks("PUT", PATH, {}).is_empty(201)
    api.asks("PUT", "/queues/v/r", QUORUM).is_empty(201)
    bare = DEFINITION | {"state": "live", "node": api.node.name}
    quorum = DEFINITION | {
        **QUORUM,
        "name": "r",
        "type": "quorum",
        "state": "live",
        "leader": api.node.name,
        "members": [api.node.name],
        "online": [api.node.name],
    }
    totals = {
        "state": "running",
        "messages": 1,
        "messages_ready": 1,
        "messages_unacknowledged": 0,
    }
    publishes(api, "x")
    assert api.gets(f"{PATH}?disable_stats=true") == bare
    assert api.gets("/queues/v/r?disable_stats=true") == quorum
    assert api.gets("/queues/v?disable_stats=true") == [bare, quorum]
    assert api.gets("/queues/v?disable_stats=true&enable_queue_totals=true") == [
        bare | totals,
        quorum | totals | {"messages": 0, "messages_ready": 0, "exclusive": None},
    ]
    api.node.execute(SetPolicy("v", "p", "^q", '{"max-length": 5}'))
    assert api.gets(f"{PATH}?disable_stats=true") == bare
    assert api.gets("/queues/v?disable_stats=true")[0] == bare | {"policy": "p"}


def test_charts_that_nobody_can_draw(api: Api) -> None:
    query, reason = "lengths_age=-1&lengths_incr=5", "Invalid range parameters: age -1, incr 5"
    api.asks("PUT", PATH, {}).is_empty(201)
    api.asks("GET", f"{PATH}?{query}").is_refused(400, "bad_request", reason)
    api.asks("GET", f"/queues/v?{query}&columns=name,type").is_refused(
        400, "invalid_range_parameters", reason
    )
    assert api.gets(f"/queues/v?{query}&columns=name") == [{"name": "q"}]
    assert len(api.gets(f"/queues/v?{query}&columns={','.join(BASIC)}")) == 1
    assert len(api.gets(f"/queues/v?{query}&disable_stats=true")) == 1
    assert api.gets(f"{PATH}?{query}&disable_stats=true")["name"] == "q"


def first(answer: Any) -> Any:
    """Of a list or a page its entry, else what is shown itself."""
    entries = answer.get("items", [answer]) if isinstance(answer, dict) else answer
    return entries[0] if entries else entries


@pytest.mark.parametrize("path", [f"{PATH}?", "/queues/v?", "/queues/v?page=1&"])
def test_columns(api: Api, path: str) -> None:
    api.asks("PUT", PATH, {"arguments": {"x-max-length": 5, "x-a": 1}}).is_empty(201)
    columns = "arguments.x-a,messages_details.rate,garbage_collection.x"
    assert first(api.gets(f"{path}columns={columns}")) == {
        "arguments": {"x-a": 1, "x-max-length": 5},
        "messages_details": {"rate": 0.0},
        "garbage_collection": [],
    }
    for columns in ("nope", ""):
        assert first(api.gets(f"{path}columns={columns}")) == []
