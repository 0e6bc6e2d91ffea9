"""Lines of the log, from whatever thread, to whoever watches."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any

import pytest

from broker.management import live_log
from broker.management.live_log import BEHIND_MAX, KEEP_ALIVE, LAST_MAX, LEVELS, LOGGER, LiveLog

log = logging.getLogger("broker.connection")


def in_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(*values: Any, **named: Any) -> None:
        asyncio.run(test(*values, **named))

    return run


@pytest.fixture(autouse=True)
def _at_info() -> Iterator[None]:
    logger = logging.getLogger(LOGGER)
    before, handlers = logger.level, logger.handlers[:]
    logger.setLevel(logging.INFO)
    yield
    logger.setLevel(before)
    assert logger.handlers == handlers, "a handler was left behind"


async def events(stream: AsyncGenerator[bytes, None], count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < count:
        pieces = (await anext(stream)).split(b"\n\n")
        found += [json.loads(piece[6:]) for piece in pieces if piece.startswith(b"data: ")]
    assert len(found) == count
    return found


def messages(found: list[dict[str, Any]]) -> list[str]:
    return [one["message"] for one in found]


@in_a_loop
async def test_the_last_lines_then_what_comes() -> None:
    watched = LiveLog()
    watched.open()
    for number in range(LAST_MAX + 5):
        log.info("line, number=%s", number)
    stream = watched.watch(logging.INFO)
    assert await anext(stream) == KEEP_ALIVE
    first = await events(stream, LAST_MAX)
    assert messages(first) == [f"line, number={number}" for number in range(5, LAST_MAX + 5)]
    asyncio.get_running_loop().call_soon(log.warning, "late")
    (late,) = await events(stream, 1)
    assert late == {
        "time": late["time"],
        "level": "warning",
        "category": "connection",
        "message": "late",
    }
    assert late["time"].startswith("20")
    assert "+00:00" in late["time"]
    await stream.aclose()
    assert watched.watcher_count == 0
    watched.close()


@in_a_loop
async def test_each_watcher_has_the_levels_he_wants() -> None:
    watched = LiveLog()
    watched.open()
    streams = [watched.watch(LEVELS[level]) for level in ("info", "error")]
    for stream in streams:
        await anext(stream)
    assert watched.watcher_count == 2
    log.info("small")
    log.error("large")
    log.debug("not in the log at all")
    watched.close()
    found = [b"".join([piece async for piece in stream]) for stream in streams]
    assert (b"small" in found[0], b"large" in found[0]) == (True, True)
    assert (b"small" in found[1], b"large" in found[1]) == (False, True)
    assert b"not in the log" not in found[0]
    assert watched.watcher_count == 0


@in_a_loop
async def test_lines_of_other_threads_wake_whoever_watches() -> None:
    watched = LiveLog()
    watched.open()
    stream = watched.watch(logging.INFO)
    await anext(stream)
    thread = threading.Thread(target=log.info, args=("from afar",))
    waiting = asyncio.ensure_future(events(stream, 1))
    await asyncio.sleep(0)
    thread.start()
    assert messages(await waiting) == ["from afar"]
    thread.join()
    await stream.aclose()
    watched.close()


@in_a_loop
async def test_who_is_too_slow_loses_lines_and_hears_of_it() -> None:
    watched = LiveLog()
    watched.open()
    stream = watched.watch(logging.INFO)
    await anext(stream)
    for number in range(BEHIND_MAX + 7):
        log.info("line, number=%s", number)
    found = await events(stream, 1)
    assert found[0]["lost"] == 7
    assert found[0]["level"] == "warning"
    rest = await events(stream, BEHIND_MAX)
    assert rest[0]["message"] == "line, number=7"
    await stream.aclose()
    watched.close()


@in_a_loop
async def test_something_is_said_when_there_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_log, "KEEP_ALIVE_S", 0.001)
    watched = LiveLog()
    watched.open()
    stream = watched.watch(logging.INFO)
    assert [await anext(stream) for _ in range(3)] == [KEEP_ALIVE] * 3
    await stream.aclose()
    watched.close()


@in_a_loop
async def test_streams_end_when_the_node_stops() -> None:
    watched = LiveLog()
    watched.open()
    stream = watched.watch(logging.INFO)
    await anext(stream)
    log.info("last words")
    waiting = asyncio.ensure_future(_all(stream))
    await asyncio.sleep(0)
    watched.close()
    assert b"last words" in b"".join(await waiting)
    log.info("nobody hears this")


async def _all(stream: AsyncGenerator[bytes, None]) -> list[bytes]:
    return [piece async for piece in stream]


@in_a_loop
async def test_what_a_line_looks_like() -> None:
    watched = LiveLog()
    watched.open()
    try:
        raise ValueError("wrong")
    except ValueError:
        log.exception("bug: queue=%s", "two\nlines")
    watched.handle(log.makeRecord(log.name, 20, "", 0, "too few %s %s", ("arguments",), None))
    log.info("x" * 20_000)
    logging.getLogger(LOGGER).info("of the broker itself")
    stream = watched.watch(logging.INFO)
    await anext(stream)
    failed, long, own = await events(stream, 3)
    assert failed["message"].startswith("bug: queue=two\\nlines\nTraceback")
    assert "ValueError: wrong" in failed["message"]
    assert len(long["message"]) < 17_000
    assert own["category"] == "broker"
    await stream.aclose()
    watched.close()


@in_a_loop
async def test_one_watcher_is_served_in_a_turn_of_the_loop() -> None:
    """Two hundred of them held the node for 35 ms with every line."""
    watched = LiveLog()
    watched.open()
    streams = [watched.watch(logging.INFO) for _ in range(50)]
    for stream in streams:
        assert await anext(stream) == KEEP_ALIVE
    waiting = [asyncio.ensure_future(anext(stream)) for stream in streams]
    for _ in range(200):
        await asyncio.sleep(0)
    log.info("line")
    served = [0]
    while served[-1] < len(streams):
        await asyncio.sleep(0)
        served.append(sum(task.done() for task in waiting))
    assert max(after - before for before, after in itertools.pairwise(served)) == 1
    watched.close()
    for stream in streams:
        await stream.aclose()
