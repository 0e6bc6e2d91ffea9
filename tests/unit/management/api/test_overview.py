from __future__ import annotations

from typing import Any

import pytest

from broker.commands import AddVhost
from broker.management.remembered import Remembered
from tests.support.api import Api
from tests.support.peer import Peer, World

NODE = "rabbit@localhost"
OBJECTS = ("channels", "connections", "consumers", "exchanges", "queues")


@pytest.fixture
def api(world: World) -> Api:
    return Api(world, lambda: [("amqp", "::", 5672), ("http", "::", 15672)])


@pytest.fixture
def annas(api: Api) -> Peer:
    """A connection of anna's, who is no monitor, in a vhost of her own, with two messages there."""
    api.has_vhost("v")
    api.has_user("anna", "management", vhosts=("v",))
    peer = api.world.peer(user="anna", password="anna", vhost="v")
    peer.opens_channel(1)
    peer.declares(1, "hers")
    peer.publishes(1, "hers", *"ab")
    return peer


def overview(api: Api, query: str = "", user: str = "guest") -> dict[str, Any]:
    """Not one that is remembered."""
    api.world.clock.time_ms += 1_000
    api.management.remembered = Remembered()
    found: dict[str, Any] = api.gets(f"/overview{query}", user=user)
    return found


def counts(stats: dict[str, Any]) -> dict[str, int]:
    """Those that are not 0, without their details."""
    return {name: count for name, count in stats.items() if isinstance(count, int) and count}


def test_what_it_is(api: Api) -> None:
    found = overview(api)
    version = api.node.config.identity.product_version
    assert (found["rabbitmq_version"], found["management_version"]) == (version, version)
    assert (found["node"], found["cluster_name"]) == (NODE, NODE)
    assert [one["port"] for one in found["listeners"]] == [5672, 15672]
    assert [one["port"] for one in found["contexts"]] == ["15672"]
    assert found["sample_retention_policies"]["detailed"] == [600]


def test_what_there_is(api: Api, peer: Peer, annas: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    assert overview(api)["object_totals"] == {
        "channels": 2,
        "connections": 2,
        "consumers": 1,
        "exchanges": 14,
        "queues": 2,
    }


def test_what_was_done_and_what_is_left(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    peer.gets(1, "q", no_ack=False)
    api.looks()
    found = overview(api)
    assert counts(found["message_stats"]) == {"publish": 3, "get": 1, "deliver_get": 1}
    assert found["message_stats"]["publish_details"] == {"rate": 0.6}
    assert counts(found["queue_totals"]) == {
        "messages": 3,
        "messages_ready": 2,
        "messages_unacknowledged": 1,
    }
    assert counts(found["churn_rates"]) == {
        "connection_created": 1,
        "channel_created": 1,
        "queue_declared": 1,
        "queue_created": 1,
    }


def test_a_channel_that_is_closed_has_still_counted(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    peer.drops()
    assert counts(overview(api)["message_stats"]) == {"publish": 3}


def test_charts_where_they_are_asked_for(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    api.looks()
    found = overview(api, "?msg_rates_age=10&msg_rates_incr=5&lengths_age=5&lengths_incr=5")
    details = found["message_stats"]["publish_details"]
    assert [one["sample"] for one in details["samples"]] == [3, 0, 0]
    assert (details["rate"], details["avg"]) == (0.6, 1.0)
    lengths = found["queue_totals"]["messages_details"]["samples"]
    assert [one["sample"] for one in lengths] == [3, 0]


def test_who_is_no_monitor_sees_his_own(api: Api, peer: Peer, annas: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcde")
    api.looks()
    found = overview(api, user="anna")
    assert counts(found["message_stats"]) == {"publish": 2}
    assert found["message_stats"]["disk_writes"] == 0
    assert found["message_stats"]["publish_details"] == {"rate": 0.4}
    assert counts(found["queue_totals"]) == {"messages": 2, "messages_ready": 2}
    assert found["object_totals"] == {"channels": 1, "connections": 1, "exchanges": 7, "queues": 1}
    assert not found.keys() & {"listeners", "contexts", "node"}
    charted = overview(api, "?msg_rates_age=5&msg_rates_incr=5", user="anna")
    samples = charted["message_stats"]["publish_details"]["samples"]
    assert [one["sample"] for one in samples] == [2, 0]


def test_who_may_enter_no_vhost_sees_nothing(api: Api, annas: Peer) -> None:
    api.has_user("nobody", "management", vhosts=())
    found = overview(api, "?lengths_age=5&lengths_incr=5", user="nobody")
    assert found["message_stats"] in ({}, [])
    assert counts(found["queue_totals"]) == {}
    assert found["object_totals"] == {"channels": 0, "connections": 0, "exchanges": 0, "queues": 0}


def test_without_statistics(api: Api, peer: Peer) -> None:
    found = overview(api, "?disable_stats=true")
    assert found["disable_stats"] is True
    assert not found.keys() & {"message_stats", "queue_totals", "churn_rates"}
    assert found["object_totals"]["connections"] == 1


def test_without_rates_there_are_no_message_stats() -> None:
    api = Api(World({"management.rates_mode": "none"}))
    api.has_user("anna", "management")
    peer = api.world.peer(user="anna", password="anna")
    peer.opens_channel(1)
    peer.publishes(1, "nowhere", "x")
    for user in ("guest", "anna"):
        found = overview(api, user=user)
        assert found["message_stats"] in ({}, [])
        assert found["rates_mode"] == "none"


def test_columns(api: Api) -> None:
    """Sums cannot be had one by one, as in RabbitMQ."""
    found = overview(api, "?columns=node,object_totals.queues,contexts.ssl_opts,")
    assert found.keys() == {"node", "object_totals", "contexts"}
    assert found["contexts"] == [{"ssl_opts": []}]
    assert found["object_totals"].keys() == {*OBJECTS}


def test_an_overview_is_remembered_by_who_asks_for_what(api: Api, annas: Peer) -> None:
    assert "node" in api.gets("/overview")
    assert "node" not in api.gets("/overview", user="anna")
    assert "node" in api.gets("/overview?columns=node")


# nodes


def test_the_node_is_one_of_a_list(api: Api) -> None:
    (found,) = api.gets("/nodes")
    assert found["name"] == NODE
    assert api.gets(f"/nodes/{NODE}")["os_pid"] == found["os_pid"]
    assert api.gets(f"/nodes/{NODE}?columns=name") == {"name": NODE}


def test_memory_is_shown_where_it_is_asked_for(api: Api) -> None:
    found = api.gets(f"/nodes/{NODE}?memory=true&binary=true")
    assert found["memory"]["strategy"] == "rss"
    assert "binary" in found
    memory = api.gets(f"/nodes/{NODE}/memory")["memory"]
    assert memory["total"].keys() == {"erlang", "rss", "allocated"}
    shares = api.gets(f"/nodes/{NODE}/memory/relative")["memory"]
    assert shares.pop("total") == 100
    assert shares.keys() == memory.keys() - {"total", "strategy"}
    assert all(0 <= share <= 100 for share in shares.values())


def test_there_are_no_tables_of_erlangs(api: Api) -> None:
    for path in ("", "/relative", "/management", "/management/relative"):
        assert api.asks("GET", f"/nodes/{NODE}/memory/ets{path}").status == 200


def test_another_node_is_not_there(api: Api) -> None:
    for path in ("", "/memory", "/memory/relative", "/memory/ets"):
        answer = api.asks("GET", f"/nodes/rabbit@elsewhere{path}")
        answer.is_refused(404, "Object Not Found", "Not Found")


def test_nodes_are_for_monitors(api: Api, annas: Peer) -> None:
    assert api.asks("GET", "/nodes", user="anna").status == 401


# vhosts


def test_vhosts_have_sums_of_what_was_done_in_them(api: Api, peer: Peer, annas: Peer) -> None:
    api.looks()
    first, second = api.gets("/vhosts")
    assert (first["name"], second["name"]) == ("/", "v")
    assert "message_stats" not in first
    assert counts(second["message_stats"]) == {"publish": 2}
    assert (second["messages"], second["messages_details"]) == (2, {"rate": 0.4})
    assert second["recv_oct"] == annas.connection.received_octets
    assert api.gets("/vhosts/v")["messages"] == 2
    assert "messages" not in api.gets("/vhosts/v?disable_stats=true")


def test_a_vhost_is_what_it_was_added_as(api: Api) -> None:
    api.node.execute(AddVhost("v", "of tests", ("a", "b"), "quorum"))
    found = api.gets("/vhosts/v")
    assert (found["description"], found["tags"], found["default_queue_type"]) == (
        "of tests",
        ["a", "b"],
        "quorum",
    )
    assert found["metadata"] == {
        "description": "of tests",
        "tags": ["a", "b"],
        "default_queue_type": "quorum",
    }
    assert (found["tracing"], found["cluster_state"]) == (False, {NODE: "running"})
    assert api.gets("/vhosts/%2f")["default_queue_type"] == "undefined"
    api.asks("GET", "/vhosts/nope").is_refused(404, "Object Not Found", "Not Found")


def test_who_sees_which_vhosts(api: Api, annas: Peer) -> None:
    api.has_user("monitor", "monitoring", vhosts=())
    assert api.names("/vhosts", user="anna") == ["v"]
    assert api.names("/vhosts", user="monitor") == ["/", "v"]
