"""Exchanges and bindings are listed while they come and go."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

from broker.cli.commands.lists import BINDING, EXCHANGE
from broker.commands import Bind, DeclareExchange, DeclareQueue, SetPolicy, Unbind
from broker.control import topology
from broker.control.topology import OF_BINDING, OF_EXCHANGE
from broker.node import Node
from tests.support.asked import asked_of, bare_node


def rows(node: Node, action: Any, *columns: str, vhost: str = "/") -> list[dict[str, Any]]:
    async def collect() -> list[dict[str, Any]]:
        return [dict(row) async for row in action(asked_of(node), vhost, list(columns))]

    return asyncio.run(collect())


def test_the_tools_ask_for_what_there_is() -> None:
    assert (set(OF_BINDING), set(OF_EXCHANGE)) == (set(BINDING), set(EXCHANGE))


def test_exchanges() -> None:
    node = bare_node()
    node.execute(SetPolicy("/", "own", "^x", '{"alternate-exchange": "y"}'))
    node.execute(DeclareExchange("/", "x", "topic", internal=True))
    found = rows(node, topology.list_exchanges, *OF_EXCHANGE)
    assert [row["name"] for row in found][:2] == ["", "amq.direct"]
    expected: tuple[object, ...] = ("x", "topic", False, False, True, [], "own")
    assert tuple(found[-1].values()) == expected
    assert rows(node, topology.list_exchanges, "name", vhost="nope") == []
    assert rows(node, topology.list_exchanges) == []


def test_bindings_are_in_the_order_of_their_ends() -> None:
    node = bare_node()
    for name in ("b", "a"):
        node.execute(DeclareQueue("/", name))
        for key in ("2", "1"):
            node.execute(Bind("/", "amq.topic", "queue", name, key))
    node.execute(Bind("/", "amq.direct", "exchange", "amq.fanout", "key"))
    columns = ("source_name", "destination_name", "routing_key")
    assert [tuple(row.values()) for row in rows(node, topology.list_bindings, *columns)] == [
        ("", "a", "a"),
        ("", "b", "b"),
        ("amq.direct", "amq.fanout", "key"),
        *(("amq.topic", name, key) for name in "ab" for key in "12"),
    ]


def test_a_binding_that_goes_meanwhile_is_left_out() -> None:
    node = bare_node()
    node.execute(DeclareQueue("/", "a"))
    for key in "123":
        node.execute(Bind("/", "amq.topic", "queue", "a", key))

    async def collect() -> list[str]:
        found = []
        listed = topology.list_bindings(asked_of(node), "/", ["routing_key"])
        async with aclosing(listed) as all_rows:
            async for row in all_rows:
                found.append(dict(row)["routing_key"])
                if found[-1] == "1":
                    node.execute(Unbind("/", "amq.topic", "queue", "a", "2"))
        return found

    assert asyncio.run(collect()) == ["a", "1", "3"]
