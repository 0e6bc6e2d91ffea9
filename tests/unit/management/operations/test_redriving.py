"""Where dead letters go back to, and as what. Reference: what RabbitMQ writes into x-death."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import (
    BasicGet,
    BasicReject,
    ExchangeDeclare,
    QueueBind,
    QueueDelete,
)
from broker.amqp.wire import Field
from broker.commands import SetPermissions
from broker.management.operations.moving import Stays
from broker.management.operations.redriving import Death, latest_death, revive
from tests.support.api import Api
from tests.support.builders import table
from tests.support.peer import Content, Peer

DEAD = {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": "dead"}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    """Queue work, bound to exchange x by the key k, dead-letters to queue dead."""
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "dead")
    peer.declares(1, "work", table(**DEAD))
    peer.sends(1, ExchangeDeclare(exchange="x", type="fanout"))
    peer.sends(1, QueueBind(queue="work", exchange="x", routing_key="k"))
    peer.takes_all(1)
    return peer


def rejects(peer: Peer, name: str = "work") -> Content:
    found = peer.gets(1, name, no_ack=False)
    assert found is not None
    peer.sends(1, BasicReject(found.method.delivery_tag, requeue=False))  # type: ignore[attr-defined]
    return found


def redrives(api: Api, name: str = "dead", **body: Any) -> Any:
    answer = api.asks("POST", f"/queues/%2f/{name}/redrive", body or {"all": True})
    assert answer.status == 200, answer.body
    return answer.json


def may(api: Api, *, read: str, write: str) -> None:
    api.node.execute(SetPermissions("u", "/", "", write, read))


def fetches(peer: Peer, name: str = "work") -> Content:
    found = peer.gets(1, name)
    assert found is not None
    return found


def test_it_comes_back_as_it_was_published(api: Api, peer: Peer) -> None:
    properties: dict[str, Any] = {
        "headers": table(a=1, CC=["other"]),
        "message_id": "m",
        "delivery_mode": 2,
        "expiration": "60000",
        "user_id": "guest",
        "priority": 3,
    }
    peer.publishes(1, "k", "one", exchange="x", **properties)
    published = rejects(peer)
    dead = api.gets("/queues/%2f/dead/messages")["items"][0]
    assert dead["properties"]["headers"]["x-first-death-queue"] == "work"
    assert "expiration" not in dead["properties"]
    assert redrives(api) == {"moved": 1, "left": 0, "failed": [], "next": None}
    back = fetches(peer)
    assert back.header == published.header
    assert back.body == b"one"
    assert (back.method.exchange, back.method.routing_key) == ("x", "k")  # type: ignore[attr-defined]
    assert peer.gets(1, "dead") is None


def test_only_the_queue_where_it_died_gets_it(api: Api, peer: Peer) -> None:
    peer.declares(1, "witness")
    peer.sends(1, QueueBind(queue="witness", exchange="x"))
    peer.takes_all(1)
    peer.publishes(1, "k", "one", exchange="x")
    peer.gets(1, "witness")
    rejects(peer)
    assert redrives(api)["moved"] == 1
    assert peer.gets(1, "witness") is None
    assert fetches(peer).body == b"one"


def test_where_the_queue_is_gone_the_exchange_says_where_to(api: Api, peer: Peer) -> None:
    peer.publishes(1, "k", "one", exchange="x")
    rejects(peer)
    peer.sends(1, QueueDelete(queue="work"))
    peer.takes_all(1)
    reason = "queue 'work' is gone, and exchange 'x' routes it nowhere"
    failed = [{"sequence": 1, "reason": reason}]
    assert redrives(api) == {"moved": 0, "left": 0, "failed": failed, "next": None}
    peer.declares(1, "new")
    peer.sends(1, QueueBind(queue="new", exchange="x"))
    peer.takes_all(1)
    assert redrives(api)["moved"] == 1
    assert fetches(peer, "new").method.routing_key == "k"  # type: ignore[attr-defined]


def test_those_that_cannot_go_stay_in_their_places(api: Api, peer: Peer) -> None:
    peer.publishes(1, "dead", "no dead letter")
    peer.publishes(1, "k", "one", exchange="x")
    rejects(peer)
    peer.publishes(1, "dead", "another")
    found = redrives(api)
    assert found["moved"] == 1
    assert [one["sequence"] for one in found["failed"]] == [1, 3]
    assert found["failed"][0]["reason"] == "it is no dead letter: it has no x-death header"
    left = api.gets("/queues/%2f/dead/messages")["items"]
    assert [(one["payload"], one["redelivered"]) for one in left] == [
        ("no dead letter", False),
        ("another", False),
    ]


def test_by_numbers(api: Api, peer: Peer) -> None:
    peer.publishes(1, "k", *"abcd", exchange="x")
    for _ in range(4):
        rejects(peer)
    found = redrives(api, sequences=[4, 2, 99, 2])
    assert (found["moved"], found["left"]) == (2, 0)
    assert found["failed"] == [{"sequence": 99, "reason": "it is not in the queue, or not ready"}]
    assert [fetches(peer).body for _ in range(2)] == [b"d", b"b"]
    left = api.gets("/queues/%2f/dead/messages")["items"]
    assert [one["payload"] for one in left] == ["a", "c"]


def test_what_somebody_holds_stays_with_him(api: Api, peer: Peer) -> None:
    peer.publishes(1, "k", *"ab", exchange="x")
    rejects(peer)
    rejects(peer)
    peer.sends(1, BasicGet(queue="dead"))
    assert redrives(api)["moved"] == 1
    assert api.world.queue("dead").unacked_count == 1


def test_it_is_not_sent_in_circles(api: Api, peer: Peer) -> None:
    peer.declares(1, "self", table(x_dead_letter_exchange="", x_dead_letter_routing_key="self"))
    peer.publishes(1, "self", "one")
    rejects(peer, "self")
    assert redrives(api, "self")["failed"][0]["reason"] == "it would come back to this queue"


def test_a_full_queue_keeps_it_where_it_is(api: Api, peer: Peer) -> None:
    limit = table(x_max_length=1, x_overflow="reject-publish", **DEAD)
    peer.declares(1, "small", limit)
    peer.publishes(1, "small", "one")
    rejects(peer, "small")
    peer.publishes(1, "small", "two")
    assert redrives(api)["failed"] == [{"sequence": 1, "reason": "queue 'small' is full"}]
    assert fetches(peer, "small").body == b"two"
    assert redrives(api)["moved"] == 1


def test_somebody_has_to_be_allowed_to_publish_there(api: Api, peer: Peer) -> None:
    peer.publishes(1, "k", "one", exchange="x")
    rejects(peer)
    api.has_user("u", "management")
    may(api, read="dead", write="y")
    answer = api.asks("POST", "/queues/%2f/dead/redrive", {"all": True}, user="u")
    assert "access to exchange 'x' in vhost '/' refused" in answer.json["failed"][0]["reason"]
    may(api, read="work", write="x")
    assert api.asks("POST", "/queues/%2f/dead/redrive", {"all": True}, user="u").status == 401
    may(api, read="dead", write="x")
    answer = api.asks("POST", "/queues/%2f/dead/redrive", {"all": True}, user="u")
    assert answer.json["moved"] == 1


def test_a_made_up_death_leads_nobody_where_he_may_not_publish(api: Api, peer: Peer) -> None:
    peer.declares(1, "mine")
    peer.declares(1, "victim")
    peer.sends(1, QueueBind(queue="mine", exchange="x", routing_key="k"))
    peer.takes_all(1)
    made_up = {"queue": "victim", "exchange": "x", "routing-keys": ["k"]}
    peer.publishes(1, "mine", "one", headers=table(**{"x-death": [made_up]}))
    api.has_user("u", "management")
    may(api, read="mine", write="^x$")
    path = "/queues/%2f/mine/redrive"
    answer = api.asks("POST", path, {"all": True}, user="u")
    assert answer.json["moved"] == 0
    assert "access to queue 'victim' in vhost '/' refused" in answer.json["failed"][0]["reason"]
    assert peer.gets(1, "victim") is None
    may(api, read="mine", write="^(x|victim)$")  # he could bind it
    assert api.asks("POST", path, {"all": True}, user="u").json["moved"] == 1
    assert fetches(peer, "victim").body == b"one"


def test_a_letter_that_died_twice_goes_back_one_step_at_a_time(api: Api, peer: Peer) -> None:
    second = table(x_dead_letter_exchange="", x_dead_letter_routing_key="archive")
    peer.declares(1, "archive")
    peer.declares(1, "second", second)
    to_second = table(x_dead_letter_exchange="", x_dead_letter_routing_key="second")
    peer.declares(1, "first", to_second)
    peer.publishes(1, "first", "one", headers=table(a=1))
    published = rejects(peer, "first")
    between = api.gets("/queues/%2f/second/messages")["items"][0]["properties"]
    rejects(peer, "second")
    assert redrives(api, "archive")["moved"] == 1
    again = api.gets("/queues/%2f/second/messages")["items"][0]["properties"]
    assert again == between
    assert redrives(api, "second")["moved"] == 1
    assert fetches(peer, "first").header == published.header


def test_who_counts_deaths_begins_anew(api: Api, peer: Peer) -> None:
    """work → retry → work, several times, then dead."""
    back = table(x_dead_letter_exchange="", x_dead_letter_routing_key="loop", x_message_ttl=0)
    peer.declares(1, "retry", back)
    onwards = table(x_dead_letter_exchange="", x_dead_letter_routing_key="retry")
    peer.declares(1, "loop", onwards)
    peer.publishes(1, "loop", "one", message_id="m")
    for _ in range(3):
        published = rejects(peer, "loop")
    assert len(published.properties.header_table["x-death"].value) == 2  # type: ignore[arg-type]
    death = latest_death(published.properties.header_table)
    assert death.queue == "retry"
    properties = Properties.decode(published.header)
    revive(properties, death._replace(queue="loop"))
    assert properties.headers is None


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({}, "no x-death"),
        ({"x-death": "text"}, "no x-death"),
        ({"x-death": ["text", 1]}, "no x-death"),
        ({"x-death": [{}]}, "does not say"),
        ({"x-death": [{"queue": 1, "exchange": "", "routing-keys": ["k"]}]}, "does not say"),
        ({"x-death": [{"queue": "q", "exchange": "", "routing-keys": []}]}, "does not say"),
        ({"x-death": [{"queue": "q", "exchange": "", "routing-keys": "k"}]}, "does not say"),
        ({"x-death": [{"queue": "q", "exchange": None, "routing-keys": ["k"]}]}, "does not say"),
        (
            {
                "x-death": [
                    {
                        "queue": "q",
                        "exchange": "",
                        "routing-keys": ["k"],
                        "original-expiration": "soon",
                    }
                ]
            },
            "no number",
        ),
    ],
)
def test_what_publishers_make_up_stays(headers: dict[str, Any], reason: str) -> None:
    with pytest.raises(Stays, match=reason):
        latest_death(table(**headers))


def test_addresses_that_cannot_be_written_stay(api: Api, peer: Peer) -> None:
    long = "k" * 300
    peer.declares(1, "q")
    made_up = table(x_death=[{"queue": "q", "exchange": "", "routing-keys": [long]}])
    peer.publishes(1, "dead", "one", headers=made_up)
    assert redrives(api)["failed"] == [{"sequence": 1, "reason": "its address cannot be written"}]


def test_copies_are_restored_where_a_routing_key_replaced_them() -> None:
    properties = Properties(headers=table(b=1))
    revive(properties, Death("q", "x", ["k", "one", "two"], "5"))
    assert properties.expiration == "5"
    cc = Field("A", [Field("S", "one"), Field("S", "two")])
    assert properties.headers == table(b=1) | {"CC": cc}
