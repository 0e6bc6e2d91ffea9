from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from broker.amqp.methods import BasicCancel, BasicQos, BasicQosOk
from broker.commands import SetPolicy
from broker.management.request import encoded
from broker.management.views.common import Lens
from broker.management.views.queue import (
    CHEAP,
    CHEAP_DEFINITION,
    CHEAP_TOTALS,
    show_bare,
    show_bare_entry,
    show_queue,
    show_queue_whole,
    show_totals,
)
from tests.support.api import Api
from tests.support.builders import table
from tests.support.kept import KeptPeer, KeptWorld
from tests.support.peer import Peer, World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def lens(api: Api, **query: str) -> Lens:
    return Lens(api.node, api.management.collector, query)


def shown(api: Api, name: str = "q", **query: str) -> dict[str, Any]:
    found = show_queue(api.world.queue(name), lens(api, **query))
    encoded(found)
    return found


def some(api: Api, *names: str, queue: str = "q") -> list[Any]:
    """Those columns of an entry."""
    found = shown(api, queue)
    return [found[name] for name in names]


# what it is


def test_a_queue_is_what_it_was_declared_as(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_length=5), durable=True, auto_delete=True)
    queue = api.world.queue("q")
    assert show_bare(queue, lens(api)) == {
        "name": "q",
        "vhost": "/",
        "durable": True,
        "auto_delete": True,
        "exclusive": False,
        "arguments": {"x-max-length": 5},
        "node": "rabbit@localhost",
        "type": "classic",
        "state": "live",
    }


def test_an_exclusive_queue_has_an_owner(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", exclusive=True)
    queue = api.world.queue("q")
    found = show_queue_whole(queue, lens(api))
    assert found["exclusive"] is True
    assert found["owner_pid_details"] == {
        "name": "127.0.0.1:50000 -> 127.0.0.1:5672",
        "peer_host": "127.0.0.1",
        "peer_port": 50000,
    }
    assert "owner_pid_details" not in show_queue(queue, lens(api))


def test_policies_are_shown_with_what_comes_of_them(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    api.node.execute(SetPolicy("/", "p", "", '{"max-length": 10, "expires": 60000}'))
    api.node.execute(
        SetPolicy("/", "o", "", '{"max-length": 5}', apply_to="queues", kind="operator_policy")
    )
    assert some(api, "policy", "operator_policy", "effective_policy_definition") == [
        "p",
        "o",
        {"max-length": 5, "expires": 60000},
    ]


# what is in it


def test_messages_are_ready_or_unacked(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *["xx"] * 5)
    peer.gets(1, "q", no_ack=False)
    lengths = ("messages", "messages_ready", "messages_unacknowledged")
    assert some(api, *lengths) == [5, 4, 1]
    octets = ("message_bytes", "message_bytes_ready", "message_bytes_unacknowledged")
    assert some(api, *octets) == [10, 8, 2]
    assert some(api, "messages_ram", "messages_ready_ram", "messages_unacknowledged_ram") == [
        5,
        4,
        1,
    ]
    assert some(api, "messages_paged_out", "messages_persistent") == [0, 0]
    assert some(api, "message_bytes_ram", "message_bytes_paged_out") == [10, 0]


def test_rates_and_idleness(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    assert "message_stats" not in shown(api)
    peer.publishes(1, "q", *["x"] * 10)
    api.looks()
    found = shown(api)
    assert found["message_stats"] == {"publish": 10, "publish_details": {"rate": 2.0}}
    assert found["messages_details"] == found["messages_ready_details"] == {"rate": 2.0}
    assert "idle_since" not in found
    api.passes_slots(3)
    assert shown(api)["idle_since"] == "2023-11-14T22:13:20.000+00:00"


def test_charts_where_they_are_asked_for(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *["x"] * 10)
    api.looks()
    found = shown(api, msg_rates_age="5", msg_rates_incr="5", lengths_age="10", lengths_incr="5")
    assert [one["sample"] for one in found["message_stats"]["publish_details"]["samples"]] == [
        10,
        0,
    ]
    assert [one["sample"] for one in found["messages_details"]["samples"]] == [10, 0, 0]


def test_who_takes_from_it(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    names = ("consumers", "consumer_capacity", "consumer_utilisation", "exclusive_consumer_tag")
    assert some(api, *names) == [0, 0, 0, None]
    peer.sends(1, BasicQos(prefetch_count=1))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "t", exclusive=True)
    assert some(api, *names) == [1, 1.0, 1.0, "t"]
    peer.publishes(1, "q", "a")
    assert some(api, *names) == [1, 1.0, 1.0, "t"]  # nothing waits for him
    peer.publishes(1, "q", "b")
    assert some(api, *names) == [1, 0.0, 0.0, "t"]


def test_the_active_one_of_several(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", table(x_single_active_consumer=True))
    for tag in ("a", "b"):
        peer.consumes(1, "q", tag)
    assert some(api, "single_active_consumer_tag") == ["a"]
    peer.sends(1, BasicCancel("a"))
    assert some(api, "single_active_consumer_tag") == ["b"]


def test_the_timestamp_of_the_message_at_its_head(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    assert some(api, "head_message_timestamp") == [None]
    peer.publishes(1, "q", "a", timestamp=1234)
    peer.publishes(1, "q", "b")
    assert some(api, "head_message_timestamp") == [1234]
    peer.gets(1, "q", no_ack=False)
    assert some(api, "head_message_timestamp") == [None]
    peer.drops()  # and it is back
    assert some(api, "head_message_timestamp") == [1234]


@pytest.mark.parametrize("arguments", [{"x_message_ttl": 60_000}, {"x_max_priority": 3}])
def test_the_head_of_queues_with_features(
    api: Api, peer: Peer, arguments: dict[str, object]
) -> None:
    peer.declares(1, "q", table(**arguments))
    peer.publishes(1, "q", "a", timestamp=7, priority=1)
    peer.publishes(1, "q", "b", timestamp=8, priority=1)
    assert some(api, "head_message_timestamp") == [7]


def test_how_many_there_are_of_each_priority(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", table(x_max_priority=3))
    for priority in (0, 2, 2, 9):
        peer.publishes(1, "q", "x", priority=priority)
    (status,) = some(api, "backing_queue_status")
    assert (status["len"], status["priority_lengths"]) == (4, {"0": 1, "1": 0, "2": 2, "3": 1})
    peer.declares(1, "plain")
    assert "priority_lengths" not in shown(api, "plain")["backing_queue_status"]


def test_a_quorum_queue_has_members_instead(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", table(x_queue_type="quorum"), durable=True)
    peer.publishes(1, "q", "abc")
    found = shown(api)
    node = api.node.name
    assert {
        name: found[name] for name in ("type", "leader", "members", "online", "open_files")
    } == {
        "type": "quorum",
        "leader": node,
        "members": [node],
        "online": [node],
        "open_files": {node: 0},
    }
    assert (found["messages"], found["message_bytes"], found["messages_dlx"]) == (1, 3, 0)
    assert not found.keys() & {
        "backing_queue_status",
        "head_message_timestamp",
        "recoverable_slaves",
    }


def test_what_is_on_disk() -> None:
    peer = KeptPeer(KeptWorld())
    peer.declares()
    peer.publishes(*["x" * 100] * 1000)
    peer.commits()
    api = Api(peer.world)
    assert some(api, "messages", "messages_persistent") == [1000, 1000]
    (octets,) = {*some(api, "message_bytes", "message_bytes_persistent")}
    assert octets == pytest.approx(100_000, rel=0.02)
    queue = peer.world.queue("q")
    queue.page_out(queue.ready_bytes // 2)
    assert queue.log is not None
    paged = queue.log.paged_count
    found = shown(api)
    assert 0 < paged == found["messages_paged_out"]
    assert found["messages_ram"] == found["messages_ready_ram"] == 1000 - paged
    assert found["backing_queue_status"]["delta"][2] == paged


def test_a_queue_that_goes_while_a_list_is_put_together(api: Api, peer: Peer) -> None:
    peer.declares(1, "q", exclusive=True)
    peer.publishes(1, "q", "x")
    queue = api.world.queue("q")
    peer.drops()
    assert queue.is_deleted
    found = show_queue_whole(queue, lens(api))
    assert (found["name"], found["messages"], found["owner_pid_details"]) == ("q", 0, {})


# how much of it


def test_without_statistics_there_is_what_it_is(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "x")
    queue, without = api.world.queue("q"), lens(api, disable_stats="true")
    assert show_queue_whole(queue, without) == show_bare(queue, without)
    assert show_bare_entry(queue, without) == show_bare(queue, without)
    totals = show_totals(queue, without)
    assert totals == show_bare(queue, without) | {
        "state": "running",
        "messages": 1,
        "messages_ready": 1,
        "messages_unacknowledged": 0,
    }


def test_its_own_page_has_its_consumers(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", "t")
    found = show_queue_whole(api.world.queue("q"), lens(api))
    assert [one["consumer_tag"] for one in found["consumer_details"]] == ["t"]
    assert (found["incoming"], found["deliveries"]) == ([], [])


@pytest.mark.parametrize(
    ("cheap", "show"),
    [(CHEAP, show_queue), (CHEAP_DEFINITION, show_bare_entry), (CHEAP_TOTALS, show_totals)],
)
def test_cheap_columns_are_those_of_the_entry(
    api: Api, peer: Peer, cheap: Mapping[str, Any], show: Any
) -> None:
    peer.declares(1, "plain")
    peer.declares(1, "other", table(x_queue_type="quorum", n=[1]), durable=True)
    peer.declares(1, "mine", exclusive=True, auto_delete=True)
    peer.publishes(1, "plain", *"abc")
    peer.gets(1, "plain", no_ack=False)
    peer.consumes(1, "other")
    for queue in api.world.vhost.queues.values():
        entry = show(queue, lens(api))
        for name, find in cheap.items():
            assert (name, find(queue)) == (name, entry[name])
