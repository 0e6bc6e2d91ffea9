"""The few AMQP frames the load generator needs, encoded once and then repeated.

This is on purpose not the broker's own codec: a benchmark that shares code with what it measures
would share its mistakes. Nothing here runs per message.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"
FRAME_METHOD, FRAME_HEADER, FRAME_BODY = 1, 2, 3
FRAME_END = 0xCE
FRAME_OVERHEAD = 8
FRAME_MAX = 131072

Octets = bytes | bytearray | memoryview
Ids = tuple[int, int]
CONNECTION_START: Ids = (10, 10)
CONNECTION_START_OK: Ids = (10, 11)
CONNECTION_TUNE: Ids = (10, 30)
CONNECTION_TUNE_OK: Ids = (10, 31)
CONNECTION_OPEN: Ids = (10, 40)
CONNECTION_OPEN_OK: Ids = (10, 41)
CONNECTION_CLOSE: Ids = (10, 50)
CONNECTION_CLOSE_OK: Ids = (10, 51)
CHANNEL_OPEN: Ids = (20, 10)
CHANNEL_OPEN_OK: Ids = (20, 11)
CHANNEL_CLOSE: Ids = (20, 40)
EXCHANGE_DECLARE: Ids = (40, 10)
EXCHANGE_DECLARE_OK: Ids = (40, 11)
EXCHANGE_DELETE: Ids = (40, 20)
EXCHANGE_DELETE_OK: Ids = (40, 21)
QUEUE_DECLARE: Ids = (50, 10)
QUEUE_DECLARE_OK: Ids = (50, 11)
QUEUE_BIND: Ids = (50, 20)
QUEUE_BIND_OK: Ids = (50, 21)
QUEUE_PURGE: Ids = (50, 30)
QUEUE_PURGE_OK: Ids = (50, 31)
QUEUE_DELETE: Ids = (50, 40)
QUEUE_DELETE_OK: Ids = (50, 41)
BASIC_QOS: Ids = (60, 10)
BASIC_QOS_OK: Ids = (60, 11)
BASIC_CONSUME: Ids = (60, 20)
BASIC_CONSUME_OK: Ids = (60, 21)
BASIC_PUBLISH: Ids = (60, 40)
BASIC_DELIVER: Ids = (60, 60)
BASIC_GET: Ids = (60, 70)
BASIC_GET_OK: Ids = (60, 71)
BASIC_ACK: Ids = (60, 80)
BASIC_REJECT: Ids = (60, 90)
BASIC_NACK: Ids = (60, 120)
CONFIRM_SELECT: Ids = (85, 10)
CONFIRM_SELECT_OK: Ids = (85, 11)

NO_PROPERTIES = b"\x00\x00"
PERSISTENT = b"\x10\x00\x02"  # flags: delivery-mode only

ACK_SIZE = FRAME_OVERHEAD + 4 + 8 + 1
unpack_tag = struct.Struct(">Q").unpack_from
_pack_ack = struct.Struct(">BHIHHQBB").pack


class Content(NamedTuple):
    """One message as it was published or delivered, to compare the two."""

    exchange: bytes
    routing_key: bytes
    header: bytes
    body: bytes


def short_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack(">B", len(raw)) + raw


def long_string(text: str | bytes) -> bytes:
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack(">I", len(raw)) + raw


def table(entries: dict[str, Any]) -> bytes:
    """A field table of strings, booleans, 32-bit numbers and tables."""
    pairs = []
    for key, value in entries.items():
        if isinstance(value, bool):
            field = b"t" + struct.pack(">B", value)
        elif isinstance(value, int):
            field = b"I" + struct.pack(">i", value)
        elif isinstance(value, dict):
            field = b"F" + table(value)
        else:
            field = b"S" + long_string(value)
        pairs.append(short_string(key) + field)
    return long_string(b"".join(pairs))


def frame(frame_type: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", frame_type, channel, len(payload)) + payload + b"\xce"


def method(channel: int, ids: Ids, *arguments: bytes) -> bytes:
    return frame(FRAME_METHOD, channel, struct.pack(">HH", *ids) + b"".join(arguments))


def publish(
    exchange: str | bytes,
    routing_key: str | bytes,
    body: bytes,
    properties: bytes = NO_PROPERTIES,
) -> bytes:
    """basic.publish, content header and one body frame, on channel 1.

    properties: property flags and the property list, encoded.
    """
    assert len(body) + FRAME_OVERHEAD <= FRAME_MAX
    return (
        method(
            1, BASIC_PUBLISH, b"\x00\x00", short_string(exchange), short_string(routing_key), b"\0"
        )
        + frame(FRAME_HEADER, 1, struct.pack(">HHQ", 60, 0, len(body)) + properties)
        + (frame(FRAME_BODY, 1, body) if body else b"")
    )


def ack(tag: int, multiple: bool = True) -> bytes:
    """basic.ack on channel 1."""
    return _pack_ack(FRAME_METHOD, 1, 13, 60, 80, tag, multiple, FRAME_END)


def nack(tag: int) -> bytes:
    """basic.nack on channel 1: everything up to the tag, not to be requeued."""
    return _pack_ack(FRAME_METHOD, 1, 13, *BASIC_NACK, tag, 1, FRAME_END)


def reject(tag: int) -> bytes:
    """basic.reject on channel 1, not to be requeued."""
    return _pack_ack(FRAME_METHOD, 1, 13, *BASIC_REJECT, tag, 0, FRAME_END)


def split_frames(data: Octets) -> list[tuple[int, bytes]]:
    """Whole frames as (type, payload). Slow and plain: for the warm-up check only."""
    frames, position, raw = [], 0, bytes(data)
    while position < len(raw):
        frame_type, _, size = struct.unpack_from(">BHI", raw, position)
        assert raw[position + 7 + size] == FRAME_END, "no frame-end octet"
        frames.append((frame_type, raw[position + 7 : position + 7 + size]))
        position += size + FRAME_OVERHEAD
    return frames


def _short_string_at(payload: bytes, position: int) -> tuple[bytes, int]:
    stop = position + 1 + payload[position]
    return payload[position + 1 : stop], stop


def read_contents(data: Octets) -> list[Content]:
    """The messages in a stream of basic.publish or basic.deliver and their content."""
    contents: list[Content] = []
    exchange = routing_key = header = b""
    body, missing = b"", 0
    for frame_type, payload in split_frames(data):
        if frame_type == FRAME_METHOD:
            ids = struct.unpack_from(">HH", payload)
            if ids == BASIC_PUBLISH:
                position = 6
            elif ids == BASIC_DELIVER:
                position = _short_string_at(payload, 4)[1] + 9
            elif ids == BASIC_GET_OK:
                position = 13
            else:
                raise AssertionError(f"unexpected {describe(payload)}")
            exchange, position = _short_string_at(payload, position)
            routing_key, position = _short_string_at(payload, position)
        elif frame_type == FRAME_HEADER:
            header, body = payload, b""
            missing = struct.unpack_from(">Q", payload, 4)[0]
        else:
            body += payload
            missing -= len(payload)
        if frame_type != FRAME_METHOD and missing == 0:
            contents.append(Content(exchange, routing_key, header, body))
    return contents


def describe(payload: bytes) -> str:
    """A method in words; for a close also its reply code and text."""
    ids = struct.unpack_from(">HH", payload)
    if ids in (CONNECTION_CLOSE, CHANNEL_CLOSE):
        code = struct.unpack_from(">H", payload, 4)[0]
        return f"close {code}: {_short_string_at(payload, 6)[0].decode(errors='replace')}"
    return f"method {ids[0]}.{ids[1]}"
