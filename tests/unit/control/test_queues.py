"""Queues are listed while they come and go, and changed, by what the tools ask for."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from broker.commands import DeclareQueue, DeleteQueue
from broker.control import queues
from broker.control.host import Failure
from broker.node import Node
from tests.support.asked import asked_of, bare_node


def names(node: Node, **given: Any) -> list[str]:
    async def collect() -> list[str]:
        rows = queues.list_queues(asked_of(node), "/", ["name"], **given)
        return [dict(row)["name"] async for row in rows]

    return asyncio.run(collect())


def test_order_and_columns() -> None:
    node = bare_node()
    for name in ("c", "a", "b"):
        node.execute(DeclareQueue("/", name))
    assert names(node) == ["a", "b", "c"]


def test_what_goes_meanwhile_is_left_out_and_what_comes_as_well() -> None:
    node = bare_node()
    for name in ("c", "a", "b"):
        node.execute(DeclareQueue("/", name))

    async def collect() -> list[str]:
        found = []
        async with aclosing(queues.list_queues(asked_of(node), "/", ["name"])) as rows:
            async for row in rows:
                found.append(dict(row)["name"])
                if len(found) == 1:
                    node.execute(DeleteQueue("/", "b"))
                    node.execute(DeclareQueue("/", "bb"))
        return found

    assert asyncio.run(collect()) == ["a", "c"]


def test_only_who_takes_longer_is_unresponsive() -> None:
    node = bare_node()
    node.execute(DeclareQueue("/", "blue"))

    async def collect(timeout_ms: int) -> list[str]:
        rows = queues.list_unresponsive(asked_of(node), "/", ["name"], timeout_ms)
        return [dict(row)["name"] async for row in rows]

    assert asyncio.run(collect(15_000)) == []
    assert asyncio.run(collect(0)) == ["blue"]


@pytest.mark.parametrize("name", ["purge_queue", "sync_queue", "cancel_sync_queue"])
def test_queues_that_are_not_there(name: str) -> None:
    node = bare_node()
    act = getattr(queues, name)
    for vhost in ("/", "nope"):
        with pytest.raises(Failure) as caught:
            asyncio.run(act(asked_of(node), vhost, "nope"))
        assert caught.value.reason == "not_found"
