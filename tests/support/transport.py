"""A transport that writes down what it is given, and raises where uvloop's would.

A write after `close` or `abort` is dropped, as asyncio and uvloop do. A write after the transport
is lost is a RuntimeError, as uvloop does.
"""

from __future__ import annotations


class FakeTransport:
    """Seam `Transport`."""

    def __init__(self) -> None:
        self.written = bytearray()  # everything, from the beginning
        self.write_sizes: list[int] = []  # one entry per write or writelines
        self.is_reading = True
        self.pauses = 0  # calls of pause_reading
        self.is_closed = False
        self.is_aborted = False
        self.is_lost = False

    def write(self, data: bytes) -> None:
        assert type(data) is bytes
        if self.is_lost:
            raise RuntimeError("unable to perform operation; the handler is closed")
        if not (self.is_closed or self.is_aborted):
            self.written += data
            self.write_sizes.append(len(data))

    def writelines(self, list_of_data: list[bytes]) -> None:
        assert all(type(data) is bytes for data in list_of_data)
        self.write(b"".join(list_of_data))

    def pause_reading(self) -> None:
        self.is_reading = False
        self.pauses += 1

    def resume_reading(self) -> None:
        self.is_reading = True

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True
