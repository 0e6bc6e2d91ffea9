from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import AsyncIterator

import pytest

from broker.management.request import Headers
from broker.server.http_gzip import (
    LEAST,
    MOST,
    MOST_LOOPBACK,
    SLICE,
    compressed,
    compressed_stream,
    is_worth_it,
)

JSON: Headers = [("content-type", "application/json")]


@pytest.mark.parametrize(
    ("accepted", "headers", "size", "is_loopback", "expected"),
    [
        ("gzip", JSON, LEAST, False, True),
        ("gzip", JSON, LEAST - 1, False, False),
        ("gzip", JSON, MOST, False, True),
        ("gzip", JSON, MOST + 1, False, False),
        ("gzip", JSON, MOST_LOOPBACK, True, True),
        ("gzip", JSON, MOST_LOOPBACK + 1, True, False),
        ("gzip", JSON, None, False, True),
        ("gzip", JSON, None, True, False),
        ("", JSON, LEAST, False, False),
        ("", JSON, None, False, False),
        ("deflate, br", JSON, LEAST, False, False),
        ("deflate, GZip;q=0.5", JSON, LEAST, False, True),
        ("gzip; q=0", JSON, LEAST, False, False),
        ("gzip;q=0.000", JSON, LEAST, False, False),
        ("*", JSON, LEAST, False, True),
        ("gzip", [("content-type", "text/plain; version=0.0.4")], LEAST, False, True),
        ("gzip", [("content-type", "text/event-stream")], LEAST, False, False),
        ("gzip", [("content-type", "image/png")], LEAST, False, False),
        ("gzip", [], LEAST, False, False),
        ("gzip", [*JSON, ("content-encoding", "gzip")], LEAST, False, False),
    ],
)
def test_what_is_compressed_and_for_whom(
    accepted: str, headers: Headers, size: int | None, is_loopback: bool, expected: bool
) -> None:
    assert is_worth_it(accepted, headers, size, is_loopback=is_loopback) is expected


@pytest.mark.parametrize("size", [0, 1, SLICE, SLICE + 1, 3 * SLICE])
def test_what_comes_out_is_gzip(size: int) -> None:
    body = os.urandom(size)
    assert gzip.decompress(asyncio.run(compressed(body))) == body


def test_so_it_is_in_pieces() -> None:
    pieces = [os.urandom(size) for size in (1, SLICE, 10, 0, 3 * SLICE)]

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async def main() -> list[bytes]:
        return [piece async for piece in compressed_stream(body())]

    sent = asyncio.run(main())
    assert len(sent) > 2
    assert all(sent)  # nothing is the end of a chunked body
    assert gzip.decompress(b"".join(sent)) == b"".join(pieces)


def test_others_have_a_turn_in_between() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> None:
        running = asyncio.get_running_loop().create_task(other())
        await compressed(bytes(10 * SLICE))
        running.cancel()

    asyncio.run(main())
    assert turns >= 9
