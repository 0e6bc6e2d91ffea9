"""Bodies compressed on their way out: for whom, which ones, and never for long at a time.

The fastest level: what is listed repeats itself so much that better ones save little. A slice of 32
KiB takes 0.1 to 0.3 ms; between two of them everybody else has a turn.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

from broker.management.request import Headers

LEAST = 1024  # octets; below it would save nothing: one packet stays one packet
MOST = 32 * 1024 * 1024  # octets; above it takes too much of the node's only core
MOST_LOOPBACK = 1024 * 1024  # within a machine it takes longer than it saves
SLICE = 32 * 1024
_GZIP = 31  # zlib's window bits for gzip's format
_PLAIN = ("application/json", "application/javascript", "image/svg+xml", "text/")


def is_worth_it(accepted: str, headers: Headers, size: int | None, *, is_loopback: bool) -> bool:
    """Whether a body is to be compressed. accepted: header Accept-Encoding; headers: those of the
    answer; size: None: it is streamed, because it is long."""
    if size is None:
        if is_loopback:
            return False
    elif not LEAST <= size <= (MOST_LOOPBACK if is_loopback else MOST):
        return False
    kind = ""
    for name, value in headers:
        if name == "content-encoding":
            return False
        if name == "content-type":
            kind = value
    return kind.startswith(_PLAIN) and not kind.startswith("text/event-stream") and _takes(accepted)


def _takes(accepted: str) -> bool:
    """Whether gzip is among the codings of an Accept-Encoding, and not refused by q=0."""
    for entry in accepted.lower().split(","):
        coding, _, parameters = entry.partition(";")
        if coding.strip() in ("gzip", "x-gzip", "*"):
            weight = parameters.replace(" ", "").removeprefix("q=")
            return not weight or weight.strip("0.") != ""
    return False


async def compressed_stream(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same in gzip's format; pieces are expected to be small."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    async for piece in body:
        octets = squeeze.compress(piece)
        if octets:
            yield octets
    yield squeeze.flush()


async def compressed(body: bytes) -> bytes:
    """The same in gzip's format."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    view = memoryview(body)
    pieces = [squeeze.compress(view[:SLICE])]
    for at in range(SLICE, len(body), SLICE):
        await asyncio.sleep(0)
        pieces.append(squeeze.compress(view[at : at + SLICE]))
    pieces.append(squeeze.flush())
    return b"".join(pieces)
