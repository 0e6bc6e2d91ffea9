from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from broker.commands import SetPermissions, SetPolicy
from broker.management.api.queues import BASIC, REPLY_OCTETS
from broker.management.lane import Lane
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer, World

Q = "/queues/%2f/q"
GET = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
NOT_FOUND = (404, "Object Not Found", "Not Found")
REFUSED = (401, "not_authorised", "Access refused.")


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def gets(api: Api, path: str = f"{Q}/get", **fields: object) -> list[dict[str, Any]]:
    answer = api.asks("POST", path, GET | fields)
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer.json
    return found


# declaring, deleting


def test_a_queue_is_declared_and_deleted(api: Api) -> None:
    body = {"durable": True, "arguments": {"x-max-length": 10}}
    api.asks("PUT", Q, body).is_empty(201)
    api.asks("PUT", Q, body).is_empty(204)
    queue = api.world.queue("q")
    assert (queue.durable, queue.auto_delete, queue.owner) == (True, False, 0)
    assert api.gets(f"{Q}?columns=arguments") == {"arguments": {"x-max-length": 10}}
    api.asks("DELETE", Q).is_empty(204)
    assert api.world.vhost.queues == {}


def test_flags_may_be_words_and_the_body_empty(api: Api) -> None:
    api.asks("PUT", Q, {"durable": "false", "auto_delete": "true"}).is_empty(201)
    assert api.world.queue("q").auto_delete
    api.asks("PUT", "/queues/%2f/plain").is_empty(201)
    assert not api.world.queue("plain").durable


def test_exclusive_means_nothing_where_there_is_no_connection(api: Api) -> None:
    api.asks("PUT", Q, {"exclusive": True}).is_empty(201)
    assert api.gets(Q)["exclusive"] is False
    api.asks("PUT", "/queues/%2f/r", {"exclusive": True, "durable": True}).is_empty(201)
    assert api.gets("/queues/%2f/r")["durable"] is False


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"durable": "yes"}, ["not_boolean", "yes"]),
        ({"auto_delete": None}, ["not_boolean", None]),
        ({"exclusive": 5}, ["not_boolean", 5]),
        ({"arguments": None}, "null_not_allowed"),
        ({"node": "a@b"}, "Node a@b could not be contacted"),
        ({"arguments": {"a": None}}, "null_not_allowed"),
        ({"arguments": "x"}, "arguments must be an object"),
        (
            {"arguments": {"x-max-length": -1}},
            "invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}",
        ),
    ],
)
def test_what_is_no_queue_is_refused(api: Api, body: object, reason: object) -> None:
    api.asks("PUT", Q, body).is_refused(400, "bad_request", reason)
    assert api.world.vhost.queues == {}


def test_a_queue_is_not_declared_otherwise(api: Api) -> None:
    api.asks("PUT", Q, {"durable": True})
    text = (
        "inequivalent arg 'durable' for queue 'q' in vhost '/': "
        "received 'false' but current is 'true'"
    )
    api.asks("PUT", Q, {}).is_refused(400, "bad_request", text)


def test_what_is_refused_is_said_at_length(api: Api) -> None:
    """Over AMQP a text has 255 octets at most."""
    path, vhost = f"/queues/{'v' * 200}/{'q' * 200}", "v" * 200
    api.has_vhost(vhost)
    api.has_user("guest", "administrator", vhosts=(vhost,))
    api.asks("PUT", path, {"durable": True}).is_empty(201)
    text = (
        f"inequivalent arg 'durable' for queue '{'q' * 200}' in vhost '{vhost}': "
        "received 'false' but current is 'true'"
    )
    api.asks("PUT", path, {}).is_refused(400, "bad_request", text)


def test_names_may_be_anything_that_fits(api: Api) -> None:
    for path, name in (
        ("a%2Fb", "a/b"),
        ("%F0%9F%90%87", "🐇"),
        ("%25", "%"),
        ("x" * 255, "x" * 255),
    ):
        api.asks("PUT", f"/queues/%2f/{path}").is_empty(201)
        assert api.gets(f"/queues/%2f/{path}")["name"] == name
        assert name in api.world.vhost.queues
    text = "queue should be less than 255 bytes, actually was 300\n"
    api.asks("PUT", f"/queues/%2f/{'x' * 300}").is_refused(400, "bad_request", text)


def test_deleting_may_depend(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.declares(1, "full")
    peer.publishes(1, "full", "x")
    text = "queue 'q' in vhost '/' in use"
    api.asks("DELETE", f"{Q}?if-unused=true").is_refused(400, "bad_request", text)
    text = "queue 'full' in vhost '/' not empty"
    api.asks("DELETE", "/queues/%2f/full?if-empty=true").is_refused(400, "bad_request", text)
    for path in (Q, "/queues/%2f/full"):
        api.asks("DELETE", path).is_empty()


def test_purging(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    api.asks("DELETE", f"{Q}/contents").is_empty()
    assert api.world.queue("q").ready_count == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", Q),
        ("DELETE", Q),
        ("DELETE", f"{Q}/contents"),
        ("GET", "/queues/nope"),
        ("GET", "/queues/nope/q"),
        ("DELETE", "/queues/nope/q"),
        ("DELETE", "/queues/nope/q/contents"),
    ],
)
def test_what_is_not_there(api: Api, method: str, path: str) -> None:
    api.asks(method, path).is_refused(*NOT_FOUND)


def test_it_may_be_asked_whether_there_is_one(api: Api) -> None:
    text = "no queue 'q' in vhost '/'"
    api.asks("PUT", Q, {"passive": True}).is_refused(404, "not_found", text)
    api.asks("PUT", Q, {"durable": True}).is_empty(201)
    api.asks("PUT", Q, {"passive": True}).is_empty(204)


def test_nothing_is_declared_or_got_in_a_vhost_that_is_not_there(api: Api) -> None:
    api.asks("PUT", "/queues/nope/q", []).is_refused(404, "not_found", "vhost_not_found")
    api.asks("POST", "/queues/nope/q/get", GET).is_refused(*REFUSED)


def test_who_may_not_enter_the_vhost_changes_nothing(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    api.has_user("anna", "administrator", vhosts=())
    assert api.gets(Q, user="anna")["name"] == "q"
    wrong = {"ackmode": "nope", "count": "x", "encoding": 1}  # is not looked at
    api.asks("POST", f"{Q}/get", wrong, user="anna").is_refused(*REFUSED)
    for method, path in (("PUT", Q), ("DELETE", Q), ("DELETE", f"{Q}/contents")):
        api.asks(method, path, user="anna").is_refused(*REFUSED)


def test_who_may_not_is_refused(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    api.has_user("anna", "management")
    api.node.execute(SetPermissions("anna", "/", "^$", "^$", "^$"))
    for method, path in (("PUT", "/queues/%2f/mine"), ("DELETE", Q), ("DELETE", f"{Q}/contents")):
        answer = api.asks(method, path, user="anna")
        answer.is_refused(*REFUSED)
    text = "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'anna'"
    api.asks("POST", f"{Q}/get", GET, user="anna").is_refused(401, "not_authorised", text)


def test_actions_on_mirrors_are_taken_as_done(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    for action in ("sync", "cancel_sync"):
        api.asks("POST", f"{Q}/actions", {"action": action}).is_empty()
    answer = api.asks("POST", f"{Q}/actions", {"action": "nope"})
    answer.is_refused(400, "bad_request", ["unknown", "nope"])
    api.asks("POST", "/queues/%2f/nope/actions", {"action": "sync"}).is_refused(*NOT_FOUND)
    answer = api.asks("POST", "/queues/%2f/nope/actions", {})
    answer.is_refused(400, "bad_request", "[{key_missing,action}]")


def test_actions_are_for_administrators(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    api.has_user("anna", "monitoring", "policymaker")
    answer = api.asks("POST", f"{Q}/actions", {"action": "sync"}, user="anna")
    answer.is_refused(401, "not_authorised", "Not administrator user")


# lists


def test_lists_of_all_and_of_a_vhost(api: Api, peer: Peer) -> None:
    api.has_vhost("v")
    api.node.execute(SetPermissions("guest", "v", ".*", ".*", ".*"))
    for path in ("/queues/v/b", "/queues/%2f/a", "/queues/%2f/c"):
        api.asks("PUT", path)
    assert api.names("/queues") == ["a", "c", "b"]
    assert api.names("/queues/v") == ["b"]
    page = api.gets("/queues?page=1&page_size=1&name=c&sort=messages&columns=name")
    assert (page["items"], page["total_count"], page["filtered_count"]) == ([{"name": "c"}], 3, 1)


def test_what_is_shown_without_statistics(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    (bare,) = api.gets("/queues?disable_stats=true")
    assert not bare.keys() & {"messages", "consumers", "message_stats"}
    (with_totals,) = api.gets("/queues?disable_stats=true&enable_queue_totals=true")
    assert with_totals["messages"] == 1
    assert "consumers" not in with_totals
    # nor by columns that would be cheap to get at
    columns = "columns=name,messages,consumers"
    assert api.gets(f"/queues?disable_stats=true&{columns}") == [{"name": "q"}]
    assert api.gets(f"/queues?disable_stats=true&enable_queue_totals=true&{columns}") == [
        {"name": "q", "messages": 1}
    ]


def test_policies_are_shown_in_lists_without_statistics(api: Api, peer: Peer) -> None:
    """RabbitMQ: not on the page of a queue, and not those of operators."""
    peer.declares(1, "q")
    api.node.execute(SetPolicy("/", "p", "", '{"max-length": 10}'))
    api.node.execute(SetPolicy("/", "o", "", '{"max-length": 5}', kind="operator_policy"))
    whole = api.gets(f"{Q}?disable_stats=true")
    (listed,) = api.gets("/queues?disable_stats=true")
    assert listed == whole | {"policy": "p"}
    assert "operator_policy" not in whole
    assert whole["state"] == "live"


def test_without_statistics_a_quorum_queue_has_members(api: Api) -> None:
    api.asks("PUT", Q, {"durable": True, "arguments": {"x-queue-type": "quorum"}}).is_empty(201)
    node = api.node.name
    shown = api.gets(f"{Q}?disable_stats=true")
    assert (shown["leader"], shown["members"], shown["online"]) == (node, [node], [node])
    assert "node" not in shown
    (totals,) = api.gets("/queues?disable_stats=true&enable_queue_totals=true")
    counts = {"messages": 0, "messages_ready": 0, "messages_unacknowledged": 0}
    assert totals == shown | counts | {"state": "running", "exclusive": None}


def test_charts_that_nobody_can_draw(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    query, text = "lengths_age=-1&lengths_incr=5", "Invalid range parameters: age -1, incr 5"
    api.asks("GET", f"{Q}?{query}").is_refused(400, "bad_request", text)
    answer = api.asks("GET", f"/queues?{query}&columns=name,type")
    answer.is_refused(400, "invalid_range_parameters", text)
    assert api.gets(f"/queues?{query}&columns=name") == [{"name": "q"}]
    assert len(api.gets(f"/queues?{query}&columns={','.join(BASIC)}")) == 1
    assert len(api.gets(f"/queues?{query}&disable_stats=true")) == 1
    assert api.gets(f"{Q}?{query}&disable_stats=true")["name"] == "q"


def first(answer: Any) -> Any:
    """Of a list or a page its entry, else what is shown itself."""
    entries = answer.get("items", [answer]) if isinstance(answer, dict) else answer
    return entries[0] if entries else entries


@pytest.mark.parametrize("path", [f"{Q}?", "/queues?", "/queues?page=1&"])
def test_columns(api: Api, path: str) -> None:
    api.asks("PUT", Q, {"arguments": {"x-max-length": 5, "x-a": 1}}).is_empty(201)
    columns = "arguments.x-a,messages_details.rate,garbage_collection.x"
    assert first(api.gets(f"{path}columns={columns}")) == {
        "arguments": {"x-a": 1, "x-max-length": 5},
        "messages_details": {"rate": 0.0},
        "garbage_collection": [],
    }
    for columns in ("nope", ""):
        assert first(api.gets(f"{path}columns={columns}")) == []


def test_a_policy_is_shown_on_the_page_of_a_queue(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    api.node.execute(SetPolicy("/", "p", "", '{"max-length": 10}'))
    assert api.gets(Q)["effective_policy_definition"] == {"max-length": 10}


# getting


def test_a_message_is_shown_whole(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.topic", "a.b")
    peer.publishes(1, "a.b", "hej", exchange="amq.topic", priority=3, headers=table(n=1))
    assert gets(api) == [
        {
            "payload_bytes": 3,
            "redelivered": False,
            "exchange": "amq.topic",
            "routing_key": "a.b",
            "message_count": 0,
            "properties": {"priority": 3, "headers": {"n": 1}},
            "payload": "hej",
            "payload_encoding": "string",
        }
    ]


@pytest.mark.parametrize(
    ("mode", "redelivered", "left"),
    [
        ("ack_requeue_true", True, 3),
        ("reject_requeue_true", True, 3),
        ("ack_requeue_false", False, 1),
        ("reject_requeue_false", False, 1),
    ],
)
def test_what_becomes_of_what_was_got(
    api: Api, peer: Peer, mode: str, redelivered: bool, left: int
) -> None:
    peer.declares(1, "q")
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    assert [one["payload"] for one in gets(api, count=2, ackmode=mode)] == ["a", "b"]
    queue = api.world.queue("q")
    assert (queue.ready_count, queue.unacked_count) == (left, 0)
    assert gets(api)[0]["redelivered"] == redelivered


def test_what_is_rejected_is_dead_lettered(api: Api, peer: Peer) -> None:
    peer.declares(1, "dead")
    peer.declares(1, "q", table(x_dead_letter_exchange="", x_dead_letter_routing_key="dead"))
    peer.publishes(1, "q", *"ab")
    gets(api, count=1, ackmode="reject_requeue_false")
    api.world.settle()
    assert (api.world.queue("q").ready_count, api.world.queue("dead").ready_count) == (1, 1)


@pytest.mark.parametrize(
    ("count", "found"), [(0, 0), (2, 2), (5, 3), (-1, 3), ("2", 2), (2.9, 2), ("0", 0)]
)
def test_how_many_are_got(api: Api, peer: Peer, count: object, found: int) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    assert len(gets(api, count=count)) == found


def test_there_is_an_end_to_what_fits_into_an_answer(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.management.api.queues.GET_MAX_OCTETS", 25)
    monkeypatch.setattr("broker.management.api.queues.REPLY_OCTETS", -14)  # and a header of 14
    peer.declares(1, "q")
    peer.publishes(1, "q", *["x" * 10] * 9)
    assert len(gets(api, count=9)) == 3


def test_bodies_are_text_or_base64_and_may_be_cut(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "größe", b"\xff")
    size = len("größe".encode())

    def shown(**how: object) -> list[tuple[str, str, int]]:
        answer = api.asks("POST", f"{Q}/get", GET | {"count": 2} | how)
        return [
            (one["payload"], one["payload_encoding"], one["payload_bytes"]) for one in answer.json
        ]

    assert shown() == [("größe", "string", size), ("/w==", "base64", 1)]
    encoded = b64encode("größe".encode()).decode()
    assert shown(encoding="base64") == [(encoded, "base64", size), ("/w==", "base64", 1)]
    assert shown(truncate=2) == [("gr", "string", size), ("/w==", "base64", 1)]
    assert shown(truncate=2.9) == [("gr", "string", size), ("/w==", "base64", 1)]
    half = b64encode("grö".encode()[:3]).decode()
    assert shown(truncate="3")[0] == (half, "base64", size)
    assert shown(truncate=0)[0] == ("", "string", size)


def test_what_has_no_properties_has_an_empty_list_of_them(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    assert gets(api)[0]["properties"] == []


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"count": "x"}, ["not_integer", "x"]),
        ({"count": None}, ["not_integer", None]),
        ({"ackmode": "nope"}, ["unknown", "nope"]),
        ({"encoding": "nope"}, "Unsupported encoding. Please use auto or base64."),
        ({"truncate": "x"}, ["not_integer", "x"]),
        ({"truncate": None}, ["not_integer", None]),
        ({"ackmode": ["ack_requeue_true"]}, ["unknown", ["ack_requeue_true"]]),
        ({"truncate": -1}, ["not_a_size", -1]),
    ],
)
def test_what_cannot_be_asked_for(api: Api, peer: Peer, fields: Any, reason: object) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    api.asks("POST", f"{Q}/get", GET | fields).is_refused(400, "bad_request", reason)
    assert api.world.queue("q").redelivered == 0


def test_what_is_rejected_goes_to_the_end_of_a_quorum_queue(api: Api, peer: Peer) -> None:
    """As over AMQP; what a channel that is gone had taken comes first."""
    peer.declares(1, "q", table(x_queue_type="quorum"), durable=True)
    peer.publishes(1, "q", *"abcd")

    def taken(mode: str, count: int = 1) -> str:
        return "".join(one["payload"] for one in gets(api, count=count, ackmode=mode))

    assert taken("reject_requeue_true") == "a"
    assert taken("ack_requeue_true") == "b"
    assert taken("ack_requeue_false", 9) == "bcda"


def test_many_messages_are_shown_in_slices(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirty thousand of them held the node for a quarter of a second."""
    turns: list[None] = []
    turn = Lane.turn

    async def counted(lane: Lane) -> None:
        turns.append(None)
        await turn(lane)

    monkeypatch.setattr(Lane, "turn", counted)
    monkeypatch.setattr("broker.management.lane.SLICE_S", -1.0)
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    found = api.asks("POST", f"{Q}/get?columns=payload", GET | {"count": 9})
    assert found.json == [{"payload": "a"}, {"payload": "b"}, {"payload": "c"}]
    assert len(turns) == 3


def test_small_messages_are_not_without_bound_either(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.management.api.queues.GET_MAX_OCTETS", 2 * REPLY_OCTETS)
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    assert [one["payload"] for one in gets(api, count=3)] == ["a", "b"]


def test_getting_from_no_queue(api: Api) -> None:
    text = "NOT_FOUND - no queue 'q' in vhost '/'"
    api.asks("POST", f"{Q}/get", GET).is_refused(404, "not_found", text)
    assert gets(api, count=0) == []


def test_getting_from_an_exclusive_queue_is_refused(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", exclusive=True)
    answer = api.asks("POST", f"{Q}/get", GET)
    assert answer.status == 400
    assert answer.json["reason"].startswith("405 RESOURCE_LOCKED - ")
