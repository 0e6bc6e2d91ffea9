"""Method → header → body: puts the frames of one channel together.

Three states, told apart by what is awaited. RabbitMQ's texts for a frame out of place differ by
state; they are here, the close is the connection's.
"""

from __future__ import annotations

from enum import Enum

from broker.amqp.errors import UnexpectedFrame
from broker.amqp.frames import BODY, HEADER, METHOD
from broker.amqp.methods import METHODS

PARTS_MAX = 256  # pieces of a body kept one by one


class Awaits(Enum):
    METHOD = "method"
    HEADER = "content header"
    BODY = "content body"


class Assembler:
    """The frames of one channel that do not make a whole message yet."""

    __slots__ = ("awaits", "body_left", "gathered", "header", "is_discarding", "parts", "payload")

    def __init__(self) -> None:
        self.awaits = Awaits.METHOD
        self.payload = b""  # of the method that carries content
        self.header = b""
        self.parts: list[bytes] = []
        self.gathered = bytearray()  # what came before `parts`
        self.body_left = 0
        self.is_discarding = False  # the body is too large: count it, do not keep it

    def expects_method(self, frame_type: int) -> None:
        """Raises: UnexpectedFrame unless a method may come now and this is one."""
        if self.awaits is Awaits.METHOD:
            if frame_type != METHOD:
                raise UnexpectedFrame(
                    "expected method frame, got non method frame instead", ids=(0, 0)
                )
        elif self.awaits is Awaits.HEADER:
            raise UnexpectedFrame(
                f"expected content header for class {self._class_id()}, "
                "got non content header frame instead",
                ids=self._ids(),
            )
        else:
            raise UnexpectedFrame(
                "expected content body, got non content body frame instead", ids=self._ids()
            )

    def begin(self, payload: bytes) -> None:
        """A method that carries content has come."""
        self.payload = payload
        self.awaits = Awaits.HEADER

    def add(self, frame_type: int, payload: bytes) -> tuple[bytes, bytes, bytes] | None:
        """The next frame of a content. Returns: method payload, header and body once complete.

        Raises: UnexpectedFrame.
        """
        if self.awaits is Awaits.HEADER:
            if frame_type != HEADER:
                self.expects_method(frame_type)
            return self._add_header(payload)
        if frame_type != BODY:
            self.expects_method(frame_type)
        self.body_left -= len(payload)
        if self.body_left < 0:
            self.parts.clear()  # RabbitMQ goes on collecting what can never be complete
            return None
        if payload and not self.is_discarding:
            self.parts.append(payload)
            if len(self.parts) == PARTS_MAX:
                self._gather()
        return None if self.body_left else self._finish()

    def _gather(self) -> None:
        """Many pieces into one: an object each would cost tiny frames many times their size."""
        self.gathered += b"".join(self.parts)
        self.parts.clear()

    def _add_header(self, payload: bytes) -> tuple[bytes, bytes, bytes] | None:
        if payload[2:4] != b"\0\0":
            self.expects_method(HEADER)
        class_id = int.from_bytes(payload[:2], "big")
        if class_id != self._class_id():
            raise UnexpectedFrame(
                f"expected content header for class {self._class_id()}, "
                f"got one for class {class_id} instead",
                ids=self._ids(),
            )
        self.header = payload
        self.body_left = int.from_bytes(payload[4:12], "big")
        if self.body_left:
            self.awaits = Awaits.BODY
            return None
        return self._finish()

    def _finish(self) -> tuple[bytes, bytes, bytes]:
        parts = self.parts
        if self.gathered:
            self._gather()
            body = bytes(self.gathered)
        else:
            body = parts[0] if len(parts) == 1 else b"".join(parts)
        complete = self.payload, self.header, body
        self.awaits = Awaits.METHOD
        self.payload = self.header = b""
        self.parts = []
        self.gathered = bytearray()
        return complete

    def _class_id(self) -> int:
        return int.from_bytes(self.payload[:2], "big")

    def _ids(self) -> tuple[int, int]:
        return METHODS[self.payload[:4]].ids
