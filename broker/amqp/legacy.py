"""AMQP 0-8, as RabbitMQ 3.x still speaks it to clients that ask for it.

Four methods differ on the wire and a few did not exist; everything else, content included, is the
same. So a connection in 0-8 translates the payloads of method frames at its edge.
"""

from __future__ import annotations

PROTOCOL_HEADERS = (b"AMQP\x01\x01\x08\x00", b"AMQP\x01\x01\x09\x01")
VERSION = (8, 0)

_CLOSE, _CLOSE_0_8 = b"\x00\x0a\x00\x32", b"\x00\x0a\x00\x3c"
_CLOSE_OK, _CLOSE_OK_0_8 = b"\x00\x0a\x00\x33", b"\x00\x0a\x00\x3d"
_CHANNEL_OPEN_OK = b"\x00\x14\x00\x0b"
_CONSUME = b"\x00\x3c\x00\x14"
_UNKNOWN = frozenset(
    {
        _CLOSE,  # there connection.redirect, which only a broker sends
        _CLOSE_OK,
        b"\x00\x0a\x00\x46",  # connection.update-secret
        b"\x00\x28\x00\x1e",  # exchange.bind
        b"\x00\x28\x00\x28",  # exchange.unbind
        b"\x00\x3c\x00\x78",  # basic.nack
        b"\x00\x55\x00\x0a",  # confirm.select
    }
)
_EMPTY_TABLE = b"\x00\x00\x00\x00"


def from_0_8(payload: bytes) -> bytes | None:
    """A method payload of 0-8 in the terms of 0-9-1; None: 0-8 has no such method."""
    ids = payload[:4]
    if ids in _UNKNOWN:
        return None
    if ids == _CLOSE_0_8:
        return _CLOSE + payload[4:]
    if ids == _CLOSE_OK_0_8:
        return _CLOSE_OK + payload[4:]
    if ids == _CONSUME:
        return payload + _EMPTY_TABLE
    return payload


def to_0_8(payload: bytes) -> bytes:
    """A method payload of 0-9-1 in the terms of 0-8."""
    ids = payload[:4]
    if ids == _CLOSE:
        return _CLOSE_0_8 + payload[4:]
    if ids == _CLOSE_OK:
        return _CLOSE_OK_0_8 + payload[4:]
    if ids == _CHANNEL_OPEN_OK:
        return ids
    return payload
