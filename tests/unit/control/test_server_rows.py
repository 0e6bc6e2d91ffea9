"""How rows are sent: many at a time, bounded by what they take; and to nobody who has gone."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from broker.commands import DeclareQueue
from broker.control.server import ROWS_MAX, ROWS_OCTETS, ControlServer, _send_rows
from broker.cookie import Cookie
from tests.support.asked import asked_of, bare_node


class Writer:
    """Takes frames, so many; then there is nobody on the other side."""

    def __init__(self, frames_max: int = 1000):
        self.frames: list[list[Any]] = []
        self.octets: list[int] = []
        self._left = frames_max

    def write(self, frame: bytes) -> None:
        assert int.from_bytes(frame[:4], "big") == len(frame) - 4
        self.octets.append(len(frame))
        self.frames.append(json.loads(frame[4:])["rows"])

    async def drain(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ConnectionResetError


async def _rows(*rows: Any) -> AsyncGenerator[Any]:
    for row in rows:
        yield row


def sent(*rows: Any) -> Writer:
    writer: Any = Writer()

    async def send() -> None:
        async with asyncio.timeout(None) as limit:
            await _send_rows(_rows(*rows), writer, limit)

    asyncio.run(send())
    assert isinstance(writer, Writer)
    return writer


def test_small_rows_go_together() -> None:
    assert [len(rows) for rows in sent(*range(2 * ROWS_MAX + 1)).frames] == [ROWS_MAX, ROWS_MAX, 1]
    assert sent().frames == []


def test_large_rows_do_not() -> None:
    row = [("name", "x" * ROWS_OCTETS)]
    writer = sent(row, row, row)
    assert [len(rows) for rows in writer.frames] == [1, 1, 1]
    assert max(writer.octets) < ROWS_OCTETS + 100


def test_what_has_come_can_be_sent_at_once() -> None:
    assert sent(1, None, None, 2, 3).frames == [[1], [2, 3]]


def test_who_has_gone_is_no_bug(caplog: pytest.LogCaptureFixture) -> None:
    node = bare_node()
    for number in range(3 * ROWS_MAX):
        node.execute(DeclareQueue("/", f"queue {number}"))
    host = asked_of(node).host
    writer: Any = Writer(frames_max=1)
    asked = {"do": "queues.list_queues", "with": {"vhost": "/", "columns": ["name"]}}

    async def ask() -> None:
        server = ControlServer(host, Cookie("secret", None))
        await server._answer(asked, writer)

    with caplog.at_level(logging.INFO):
        asyncio.run(ask())
    assert len(writer.frames) == 2
    assert caplog.records == []


class Limit:
    """Keeps when it was to end."""

    def __init__(self, when: float | None):
        self.moments = [when]

    def when(self) -> float | None:
        return self.moments[-1]

    def reschedule(self, when: float | None) -> None:
        self.moments.append(when)


@pytest.mark.parametrize("when", [None, 1e9])
def test_time_in_which_nobody_reads_does_not_count(when: float | None) -> None:
    limit: Any = Limit(when)
    ends: list[float | None] = []

    class Slow(Writer):
        async def drain(self) -> None:
            ends.append(limit.when())
            await asyncio.sleep(0.001)

    writer: Any = Slow()
    asyncio.run(_send_rows(_rows(1, None, 2, None), writer, limit))
    assert ends == [None, None]
    moments = [moment for moment in limit.moments if moment is not None]
    assert moments == sorted(set(moments))
    assert len(moments) == (3 if when else 0)
