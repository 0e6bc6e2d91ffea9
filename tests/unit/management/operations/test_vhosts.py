"""What is asked for of vhosts becomes commands."""

from __future__ import annotations

import pytest

from broker.commands import AddVhost, SetPermissions, SetTracing
from broker.management.operations.refused import Refused
from broker.management.operations.vhosts import put_vhost
from broker.node import Node
from tests.support.peer import World


@pytest.fixture
def node() -> Node:
    return World().node


def test_a_new_one(node: Node) -> None:
    fields = {"description": "d", "tags": ["t"], "default_queue_type": "quorum", "tracing": True}
    assert put_vhost(node, "v", fields, "guest") == [
        AddVhost("v", "d", ("t",), "quorum"),
        SetPermissions("guest", "v", ".*", ".*", ".*"),
        SetTracing("v", True),
    ]
    assert put_vhost(node, "v", {}, "rmq-internal") == [AddVhost("v")]


def test_one_that_is_there(node: Node) -> None:
    node.execute(AddVhost("v", "d", ("t",), "quorum"))
    assert put_vhost(node, "v", {"default_queue_type": "classic"}, "guest") == [
        AddVhost("v", "", (), "quorum")
    ]
    assert put_vhost(node, "v", {"tracing": False}, "guest")[1:] == []
    assert put_vhost(node, "v", {"tracing": "true"}, "guest")[1:] == [SetTracing("v", True)]
    node.execute(SetTracing("v", True))
    assert put_vhost(node, "v", {"tracing": "true"}, "guest")[1:] == []


@pytest.mark.parametrize(
    ("tags", "found"),
    [(None, ()), ("", ()), ("a, b,,c", ("a", "b", "", "c")), (["a", " b"], ("a", "b")), ([], ())],
)
def test_tags(node: Node, tags: object, found: tuple[str, ...]) -> None:
    assert put_vhost(node, "v", {"tags": tags}, "x") == [AddVhost("v", "", found)]


@pytest.mark.parametrize("value", [None, "", "undefined"])
def test_no_type_of_queue(node: Node, value: object) -> None:
    assert put_vhost(node, "v", {"default_queue_type": value}, "x") == [AddVhost("v")]


@pytest.mark.parametrize(
    "fields", [{"default_queue_type": "x"}, {"description": 5}, {"tags": 5}, {"tracing": 5}]
)
def test_what_is_refused(node: Node, fields: dict[str, object]) -> None:
    with pytest.raises(Refused):
        put_vhost(node, "v", fields, "guest")
