"""Limits are judged by at once."""

from __future__ import annotations

import asyncio

import pytest

from broker.alarms import Watermarks
from broker.config import Alarms
from broker.control import levels
from broker.control.host import Failure
from broker.logs.levels import number_of
from broker.node import Node
from tests.support.asked import asked_of, bare_node

MIB = 2**20


@pytest.fixture
def trims() -> list[str]:
    return []


@pytest.fixture
def watched(trims: list[str]) -> Node:
    """With a memory of 100 MiB, of which it has 10, and a disk with 1000 MiB."""
    node = bare_node()
    node.watermarks = Watermarks(
        Alarms(),
        disk_free=lambda: 1000 * MIB,
        trim=lambda: trims.append("trim"),
        used=lambda: 10 * MIB,
        total=lambda: 100 * MIB,
    )
    return node


def test_memory(watched: Node) -> None:
    asked = asked_of(watched)
    asyncio.run(levels.set_memory_limit(asked, 0.05, None))
    assert "memory" in watched.alarms
    asyncio.run(levels.set_memory_limit(asked, None, 11 * MIB))
    assert "memory" not in watched.alarms


def test_disk(watched: Node) -> None:
    asked = asked_of(watched)
    asyncio.run(levels.set_disk_limit(asked, 10.5, None))
    assert "disk" in watched.alarms
    asyncio.run(levels.set_disk_limit(asked, None, 5 * MIB))
    assert "disk" not in watched.alarms
    with pytest.raises(Failure):
        asyncio.run(levels.set_disk_limit(asked, 1e308, None))
    assert "disk" not in watched.alarms


def test_nobody_may_watch() -> None:
    asked = asked_of(bare_node())
    asyncio.run(levels.set_memory_limit(asked, 0.0, None))
    asyncio.run(levels.set_disk_limit(asked, 1e308, None))
    asyncio.run(levels.force_gc(asked))
    assert not asked.node.alarms


def test_memory_is_given_back(watched: Node, trims: list[str]) -> None:
    asyncio.run(levels.force_gc(asked_of(watched)))
    assert trims == ["trim"]


def test_the_level_is_the_process_s() -> None:
    seen: list[str] = []
    asyncio.run(levels.set_log_level(asked_of(bare_node(), set_log_level=seen.append), "debug"))
    assert seen == ["debug"]


def test_there_is_no_such_level() -> None:
    asked = asked_of(bare_node(), set_log_level=number_of)
    with pytest.raises(Failure, match=r"^level bogus is not supported\. Try one of debug, "):
        asyncio.run(levels.set_log_level(asked, "bogus"))
