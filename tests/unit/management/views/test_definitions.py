"""What is exported, category by category. Whole documents are in api/test_definitions.py."""

from __future__ import annotations

import pytest

from broker.commands import AddVhost, Bind, DeclareExchange, DeclareQueue
from broker.management.views import definitions
from broker.node import Node
from tests.support.builders import table
from tests.support.peer import World


@pytest.fixture
def node() -> Node:
    made = World().node
    made.execute(AddVhost("v", "", (), "quorum"))
    made.execute(DeclareQueue("v", "q", durable=True, arguments=table(x_max_length=5)))
    made.execute(DeclareQueue("v", "exclusive", owner=7))
    made.execute(DeclareExchange("v", "e", "topic", auto_delete=True))
    for source, kind, name in (
        ("e", "queue", "q"),
        ("e", "queue", "exclusive"),
        ("amq.topic", "exchange", "e"),
    ):
        made.execute(Bind("v", source, kind, name, "key"))
    return made


def names(node: Node, category: str) -> list[str]:
    return [shown["name"] for shown in definitions.of_node(node)[category]()]


def test_what_ends_with_a_connection_is_left_out(node: Node) -> None:
    assert names(node, "queues") == ["q"]
    found = [
        (shown["source"], shown["destination_type"], shown["destination"])
        for shown in definitions.of_node(node)["bindings"]()
    ]
    assert found == [("amq.topic", "exchange", "e"), ("e", "queue", "q")]


def test_what_every_vhost_has_is_left_out(node: Node) -> None:
    assert names(node, "exchanges") == ["e"]
    assert names(node, "vhosts") == ["/", "v"]
    assert names(node, "users") == ["guest"]


def test_metadata_where_there_is_any(node: Node) -> None:
    node.execute(AddVhost("w"))
    shown = {one["name"]: one.get("metadata") for one in definitions.of_node(node)["vhosts"]()}
    assert shown["v"] == {"default_queue_type": "quorum"}
    assert shown["w"] is None


def test_a_vhost_is_not_named_in_its_own_document(node: Node) -> None:
    found = definitions.of_vhost(node.vhosts["v"])
    assert list(found["queues"]()) == [
        {"name": "q", "durable": True, "auto_delete": False, "arguments": {"x-max-length": 5}}
    ]
    assert list(found["exchanges"]()) == [
        {
            "name": "e",
            "type": "topic",
            "durable": False,
            "auto_delete": True,
            "internal": False,
            "arguments": {},
        }
    ]
    assert all("vhost" not in shown for shown in found["bindings"]())


def test_somebody_may_change_it_meanwhile(node: Node) -> None:
    exported = definitions.of_node(node)["queues"]()
    node.execute(DeclareQueue("v", "q2"))
    assert next(exported)["name"] == "q"
    node.execute(DeclareQueue("v", "q3"))
    assert [shown["name"] for shown in exported] == ["q2"]
