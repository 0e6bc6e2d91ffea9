"""Where `pub` takes its messages from: the standard input in pieces, files, arguments.

The input is read as it comes, never waited for: a line of `tail -f` is published when it is there,
and the broker's heartbeats are answered between two of them.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from typing import IO, Any, Protocol

from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import descriptor, octets

READ_BYTES = 65536
EX_NOINPUT = 66


class Input(Protocol):
    """descriptor: to poll before `read`; None: there is always something to read."""

    descriptor: int | None
    is_over: bool

    def read(self) -> list[bytes]:
        """The pieces that are whole by now."""


class Splitter:
    """Octets in, pieces between separators out. separator: empty: all is one piece."""

    def __init__(self, separator: bytes):
        self._separator = separator
        self._rest: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        if not self._separator or self._separator not in data:
            self._rest.append(data)
            return []
        first, *others = data.split(self._separator)
        pieces = [b"".join((*self._rest, first)), *others]
        last = pieces.pop()
        self._rest = [last] if last else []
        return pieces

    def end(self) -> list[bytes]:
        """What has no separator behind it. Without separators that is all, even if it is empty."""
        rest, self._rest = b"".join(self._rest), []
        return [rest] if rest or not self._separator else []


class StreamInput:
    """The standard input, split."""

    def __init__(self, stream: IO[Any], separator: bytes):
        self.descriptor = descriptor(stream)
        self.is_over = False
        self._stream = octets(stream)
        self._splitter = Splitter(separator)

    def read(self) -> list[bytes]:
        try:
            if self.descriptor is None:
                data = self._stream.read(READ_BYTES)
            else:
                data = os.read(self.descriptor, READ_BYTES)
        except BlockingIOError:  # somebody made it so; it is polled again
            return []
        except OSError as error:
            raise Failure(f"the input cannot be read: {error.strerror}", EX_NOINPUT) from None
        if data:
            return self._splitter.feed(data)
        self.is_over = True
        return self._splitter.end()


class ListInput:
    """Messages that are there already, made one by one."""

    descriptor: int | None = None

    def __init__(self, messages: Iterable[bytes]):
        self.is_over = False
        self._messages: Iterator[bytes] = iter(messages)

    def read(self) -> list[bytes]:
        with contextlib.suppress(StopIteration):
            return [next(self._messages)]
        self.is_over = True
        return []


def files(paths: Iterable[str]) -> Iterator[bytes]:
    """Each file whole. Raises: Failure."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                body = file.read()
        except OSError as error:
            raise Failure(f"{path}: {error.strerror}", EX_NOINPUT) from None
        yield body
