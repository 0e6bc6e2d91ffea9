"""Octets of a broker as commands: a second reader, kept simple and apart from broker/session."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import unpack_from

from broker.amqp.content import Properties
from broker.amqp.methods import METHODS, Method


@dataclass
class Content:
    """A method with its message: basic.deliver, basic.get-ok or basic.return."""

    method: Method
    header: bytes  # content-header payload
    body: bytes
    frame_sizes: list[int] = field(default_factory=list)  # payload sizes of the body frames

    @property
    def properties(self) -> Properties:
        return Properties.decode(self.header)


@dataclass(frozen=True)
class Heartbeat:
    """A heartbeat frame."""


class ProtocolHeader(bytes):
    """What the broker answers to a protocol header that it does not speak."""


Received = Method | Content | Heartbeat | ProtocolHeader


class Reader:
    """Turns what a transport was given into (channel, command) pairs, and asserts every octet."""

    def __init__(self) -> None:
        self._at = 0
        self._open: dict[int, Content] = {}

    def read(self, written: bytes | bytearray) -> list[tuple[int, Received]]:
        """written: everything from the beginning; what was read before is skipped."""
        found: list[tuple[int, Received]] = []
        while self._at < len(written):
            if written[self._at : self._at + 4] == b"AMQP":
                header = ProtocolHeader(written[self._at : self._at + 8])
                self._at += 8
                found.append((0, header))
                continue
            frame_type, channel, size = unpack_from(">BHI", written, self._at)
            end = self._at + 7 + size
            assert end < len(written), "the broker wrote half a frame"
            assert written[end] == 0xCE, "a frame of the broker does not end where it should"
            payload = bytes(written[self._at + 7 : end])
            self._at = end + 1
            command = self._read_frame(frame_type, channel, payload)
            if command is not None:
                found.append((channel, command))
        return found

    def _read_frame(self, frame_type: int, channel: int, payload: bytes) -> Received | None:
        content = self._open.get(channel)
        if frame_type == 8:
            assert (channel, payload) == (0, b"")
            return Heartbeat()
        if frame_type == 1:
            assert content is None, "a method inside a content"
            command = METHODS[payload[:4]].decode(payload)
            if not command.carries_content:
                return command
            self._open[channel] = Content(command, b"", b"")
            return None
        assert content is not None, "a content frame without a method"
        if frame_type == 2:
            assert not content.header
            assert payload[:4] == b"\x00\x3c\x00\x00"
            content.header = payload
        else:
            assert frame_type == 3
            assert content.header
            content.body += payload
            content.frame_sizes.append(len(payload))
        missing = int.from_bytes(content.header[4:12], "big") - len(content.body)
        assert missing >= 0, "more body than announced"
        if missing:
            return None
        del self._open[channel]
        return content
