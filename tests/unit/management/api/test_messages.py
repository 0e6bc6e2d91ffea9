"""/queues/:vhost/:queue/messages, redrive and move: what is asked, answered and refused."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.methods import BasicGet
from broker.commands import SetPermissions
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Peer

Q = "/queues/%2f/q"


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.declares(1, "to")
    return peer


def test_a_page_of_messages(api: Api, peer: Peer) -> None:
    peer.publishes(1, "q", "text", message_id="m", headers=table(a=[1, {"b": True}]))
    peer.publishes(1, "q", b"\xff")
    found = api.gets(f"{Q}/messages?truncate=2")
    assert found == {
        "items": [
            {
                "position": 0,
                "sequence": 1,
                "payload": "te",
                "payload_encoding": "string",
                "payload_bytes": 4,
                "exchange": "",
                "routing_key": "q",
                "properties": {"headers": {"a": [1, {"b": True}]}, "message_id": "m"},
                "redelivered": False,
                "state": "ready",
                "age": None,
                "consumer": None,
            },
            found["items"][1],
        ],
        "total": 2,
        "scanned": 2,
        "unreadable": 0,
        "changed": False,
        "next_offset": None,
        "next": None,
    }
    assert found["items"][1]["payload"] == "/w=="


def test_an_empty_queue(api: Api, peer: Peer) -> None:
    found = api.gets(f"{Q}/messages")
    assert (found["items"], found["total"], found["next_offset"]) == ([], 0, None)


def test_who_holds_what_is_not_acked(api: Api, peer: Peer) -> None:
    peer.publishes(1, "q", "a", "b")
    peer.sends(1, BasicGet(queue="q"))
    peer.opens_channel(2)
    peer.consumes(2, "q", "c")
    items = api.gets(f"{Q}/messages?state=unacked")["items"]
    assert [one["payload"] for one in items] == ["a", "b"]
    assert [one["state"] for one in items] == ["unacked", "unacked"]
    holders = [one["consumer"] for one in items]
    assert [one["consumer_tag"] for one in holders] == [None, "c"]
    assert [one["channel_details"]["number"] for one in holders] == [1, 2]
    assert holders[0]["channel_details"]["connection_name"] == peer.connection.name
    assert api.gets(f"{Q}/messages")["items"] == []


def test_it_is_searched(api: Api, peer: Peer) -> None:
    peer.publishes(1, "q", "one", message_id="x")
    peer.publishes(1, "q", "two", headers=table(X=1))
    peer.publishes(1, "q", "x")

    def finds(query: str) -> list[int]:
        return [one["position"] for one in api.gets(f"{Q}/messages?{query}")["items"]]

    assert finds("search=X") == [0, 1, 2]
    assert finds("search=X&in=id") == [0]
    assert finds("search=x&in=headers") == [1]
    assert finds("search=x&in=body,id") == [0, 2]
    assert finds("search=x&in=") == finds("search=x")
    assert finds("search=&limit=1") == [0]


@pytest.mark.parametrize(
    "query",
    [
        "offset=-1",
        "offset=x",
        "offset=1.5",
        "offset=1_0",
        "offset=٣",
        f"offset={'9' * 19}",
        "limit=0",
        "limit=501",
        "limit=-5",
        "truncate=262145",
        "state=gone",
        "in=place",
        "in=id,",
        "after=x",
        "after=1e5",
        "state=unacked&after=9",
    ],
)
def test_values_that_are_none(api: Api, peer: Peer, query: str) -> None:
    answer = api.asks("GET", f"{Q}/messages?{query}")
    assert (answer.status, answer.json["error"]) == (400, "bad_request")


@pytest.mark.parametrize("query", [f"offset={'9' * 18}", "offset=", "limit=500&truncate=262144"])
def test_values_that_are_large(api: Api, peer: Peer, query: str) -> None:
    peer.publishes(1, "q", "a")
    assert api.gets(f"{Q}/messages?{query}")["total"] == 1


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "messages", None),
        ("POST", "redrive", {"all": True}),
        ("POST", "move", {"destination": "to"}),
    ],
)
def test_who_may(api: Api, peer: Peer, method: str, path: str, body: object) -> None:
    path = f"{Q}/{path}"
    api.has_user("nobody")
    assert api.asks(method, path, body, user="nobody").status == 401
    api.has_user("stranger", "monitoring", vhosts=())
    assert api.asks(method, path, body, user="stranger").status == 401
    api.has_user("u", "management")
    assert api.asks(method, path, body, user="u").status == 200
    api.node.execute(SetPermissions("u", "/", ".*", ".*", "to"))
    answer = api.asks(method, path, body, user="u")
    assert answer.status == 401
    assert "access to queue 'q' in vhost '/' refused" in answer.json["reason"]
    assert api.asks(method, "/queues/%2f/nope/messages").status in (404, 405)
    assert api.asks("DELETE", path).status == 405


def test_move(api: Api, peer: Peer) -> None:
    peer.publishes(1, "q", "a", "b", "c", headers=table(a=1))
    answer = api.asks("POST", f"{Q}/move", {"destination": "to", "limit": 2})
    assert answer.json == {"moved": 2, "left": 0, "failed": [], "next": None}
    answer = api.asks("POST", f"{Q}/move", {"destination": "to"})
    assert answer.json == {"moved": 1, "left": 0, "failed": [], "next": None}
    shown = api.gets("/queues/%2f/to/messages")["items"]
    assert [one["payload"] for one in shown] == ["a", "b", "c"]
    assert shown[0]["properties"] == {"headers": {"a": 1}}


def test_move_goes_on_where_it_was(api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.management.api.messages.MOVE_MAX", 2)
    peer.publishes(1, "q", *"abcde")
    moved, after = 0, None
    for left in (3, 1, 0):
        found = api.asks("POST", f"{Q}/move", {"destination": "to", "after": after}).json
        moved += found["moved"]
        assert found["left"] == left
        after = found["next"]
    assert (moved, after) == (5, None)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("move", {}, 400),
        ("move", {"destination": 5}, 400),
        ("move", {"destination": "nope"}, 404),
        ("move", {"destination": "q"}, 400),
        ("move", {"destination": "to", "limit": 0}, 400),
        ("move", {"destination": "to", "limit": "x"}, 400),
        ("move", {"destination": "to", "after": "x"}, 400),
        ("redrive", {}, 400),
        ("redrive", {"all": False}, 400),
        ("redrive", {"all": "true"}, 400),
        ("redrive", {"all": True, "after": [1]}, 400),
        ("redrive", {"sequences": 5}, 400),
        ("redrive", {"sequences": ["1"]}, 400),
        ("redrive", {"sequences": [True]}, 400),
        ("redrive", {"sequences": [-1]}, 400),
        ("redrive", {"sequences": list(range(1001))}, 400),
    ],
)
def test_bodies_that_are_refused(
    api: Api, peer: Peer, path: str, body: dict[str, Any], status: int
) -> None:
    peer.publishes(1, "q", "a")
    assert api.asks("POST", f"{Q}/{path}", body).status == status
    assert api.world.queue("q").ready_count == 1


def test_redrive_of_nothing(api: Api, peer: Peer) -> None:
    nothing = {"moved": 0, "left": 0, "failed": [], "next": None}
    assert api.asks("POST", f"{Q}/redrive", {"all": True}).json == nothing
    assert api.asks("POST", f"{Q}/redrive", {"sequences": []}).json == nothing
    found = api.asks("POST", f"{Q}/redrive", {"sequences": [2**70]}).json
    assert found["failed"] == [
        {"sequence": 2**70, "reason": "it is not in the queue, or not ready"}
    ]


def test_a_queue_that_is_somebodys_own(api: Api, peer: Peer) -> None:
    peer.declares(1, "own", exclusive=True)
    peer.publishes(1, "own", "a")
    assert api.gets("/queues/%2f/own/messages")["total"] == 1
    answer = api.asks("POST", "/queues/%2f/own/move", {"destination": "to"})
    assert answer.status == 400
    assert "cannot obtain exclusive access" in answer.json["reason"]


def test_who_looks_into_a_queue_that_is_somebodys_own(api: Api, peer: Peer) -> None:
    peer.declares(1, "own", exclusive=True)
    api.has_user("u", "monitoring", "policymaker")
    answer = api.asks("GET", "/queues/%2f/own/messages", user="u")
    assert answer.status == 400
    assert "cannot obtain exclusive access" in answer.json["reason"]
    owner = api.node.peers[api.world.queue("own").owner]
    owner.user = api.node.users["u"]  # type: ignore[attr-defined]
    assert api.asks("GET", "/queues/%2f/own/messages", user="u").status == 200


def test_publishers_that_are_blocked(api: Api, peer: Peer) -> None:
    api.node.set_alarm("disk")
    for path, body in (("redrive", {"all": True}), ("move", {"destination": "to"})):
        answer = api.asks("POST", f"{Q}/{path}", body)
        assert answer.status == 503
        assert answer.json["reason"] == "publishers are blocked: disk alarm"
    assert api.gets(f"{Q}/messages")["total"] == 0
