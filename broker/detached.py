"""`leveret -detached`: the server goes on without the terminal that started it.

The process that was called waits until the server serves clients, or has failed: so a script knows,
and an error is shown where somebody reads it.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable

WARNING = "Warning: PID file not written; -detached was passed."  # RabbitMQ's
FAILED = 1  # exit code when the server ends without a word
_CODE = struct.Struct("b")


def detach() -> Callable[[int], None]:
    """Go on in a process of its own: session, standard input and parent are left behind.

    Returns there, and there only: what tells the first process its exit code, with which it ends.
    Only the first word counts; after 0 nothing is written to the terminal any more.
    """
    reading, writing = os.pipe()
    if os.fork():
        os.close(writing)
        _leave(reading)
    os.close(reading)
    os.setsid()
    if os.fork():
        os._exit(0)  # so that no terminal can become the server's again
    _put_null(0)
    is_told = False

    def tell(code: int) -> None:
        nonlocal is_told
        if is_told:
            return
        is_told = True
        with contextlib.suppress(OSError):  # nobody waits any more
            os.write(writing, _CODE.pack(code))
        os.close(writing)
        if code == 0:
            _put_null(1, 2)

    return tell


def _leave(reading: int) -> None:
    """Wait for the server's word, and end with it."""
    while True:
        try:
            word = os.read(reading, _CODE.size)
            break
        except InterruptedError:
            continue
    os._exit(_CODE.unpack(word)[0] if word else FAILED)


def _put_null(*descriptors: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    if null not in descriptors:
        os.close(null)
