"""Where the log is, what is in it, and what comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from broker.control.actions import Asked, action
from broker.control.host import UNAVAILABLE, Failure
from broker.log_output import NO_FILE

POLL_S = 0.2
LINES_MAX = 100_000  # that are shown at once


@action(needs_app=False)
async def location(asked: Asked) -> str:
    """The main file. Raises: Failure: the log goes to no file."""
    files = asked.host.log_output.files()
    if not files:
        raise Failure(NO_FILE)
    return str(files[0])


@action(needs_app=False)
async def locations(asked: Asked) -> list[str]:
    """All that it goes to."""
    return asked.host.log_output.locations()


@action(needs_app=False)
async def tail(asked: Asked, count: int) -> list[str]:
    """The last lines of the main file. Raises: Failure."""
    output = asked.host.log_output
    try:
        return await asyncio.to_thread(output.tail, min(count, LINES_MAX))
    except (OSError, LookupError) as error:
        raise Failure(_reason(error)) from None


@action(needs_app=False)
async def follow(asked: Asked, duration_s: float | None) -> AsyncIterator[str | None]:
    """Lines of the main file as they are written. duration_s: None: without an end.

    Raises: Failure.
    """
    try:
        follower = asked.host.log_output.follow()
    except (OSError, LookupError) as error:
        raise Failure(_reason(error)) from None
    clock = asyncio.get_running_loop().time
    end = None if duration_s is None else clock() + duration_s
    try:
        while end is None or clock() < end:
            lines = follower.read()
            for line in lines:
                yield line
            if lines:
                yield None
            await asyncio.sleep(0 if lines else POLL_S)
    finally:
        follower.close()


@action(needs_app=False)
async def rotate(asked: Asked) -> None:
    """Put all files aside and begin new ones. Raises: Failure."""
    problems = asked.host.log_output.rotate()
    if problems:
        raise Failure("\n".join(problems), UNAVAILABLE)


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
