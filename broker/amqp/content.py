"""The content header: class-id, weight, body size, property flags, property list (Spec: 4.2.6.1).

A message keeps the payload of its content header as received. `Properties` reads it for whoever
needs a property, and checks all of it while doing so, so that a malformed header never travels on.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Any

from broker.amqp.errors import MalformedSyntax
from broker.amqp.wire import (
    EMPTY_TABLE,
    Table,
    check_table,
    decode_shortstr,
    decode_table,
    encode_shortstr,
    encode_table,
)

BASIC = 60
_fixed = Struct(">HHQH")  # class-id, weight, body size, first flag word
_u64 = Struct(">Q")
FIXED_SIZE = _fixed.size

# name, flag bit, domain; in the order of the property list
PROPERTIES = (
    ("content_type", 15, "shortstr"),
    ("content_encoding", 14, "shortstr"),
    ("headers", 13, "table"),
    ("delivery_mode", 12, "octet"),
    ("priority", 11, "octet"),
    ("correlation_id", 10, "shortstr"),
    ("reply_to", 9, "shortstr"),
    ("expiration", 8, "shortstr"),
    ("message_id", 7, "shortstr"),
    ("timestamp", 6, "timestamp"),
    ("type", 5, "shortstr"),
    ("user_id", 4, "shortstr"),
    ("app_id", 3, "shortstr"),
    ("cluster_id", 2, "shortstr"),
)
# The lowest flag bit announces another flag word; no class has that many properties, and RabbitMQ
# takes no notice of it: what follows the properties named in the first word is malformed.

HAS_HEADERS, HAS_DELIVERY_MODE, HAS_PRIORITY = 1 << 13, 1 << 12, 1 << 11
HAS_REPLY_TO, HAS_EXPIRATION, HAS_USER_ID = 1 << 9, 1 << 8, 1 << 4


class Properties:
    """The properties of one basic message; what is absent is None (headers: an empty table)."""

    __slots__ = tuple(name for name, _, _ in PROPERTIES)

    content_type: str | None
    content_encoding: str | None
    headers: Table | None
    delivery_mode: int | None
    priority: int | None
    correlation_id: str | None
    reply_to: str | None
    expiration: str | None
    message_id: str | None
    timestamp: int | None
    type: str | None
    user_id: str | None
    app_id: str | None
    cluster_id: str | None

    def __init__(self, **values: Any):
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    @property
    def header_table(self) -> Table:
        return self.headers if self.headers is not None else EMPTY_TABLE

    @classmethod
    def decode(cls, header: bytes) -> Properties:
        """header: content-header payload, from class-id on. Raises: MalformedSyntax."""
        self = cls.__new__(cls)
        try:
            flags = header[12] << 8 | header[13]
            at = FIXED_SIZE
            for name, bit, domain in PROPERTIES:
                value: object = None
                if flags & (1 << bit):
                    if domain == "shortstr":
                        value, at = decode_shortstr(header, at)
                    elif domain == "table":
                        value, at = decode_table(header, at)
                    elif domain == "octet":
                        value, at = header[at], at + 1
                    else:
                        (value,) = _u64.unpack_from(header, at)
                        at += 8
                setattr(self, name, value)
        except (error, IndexError):
            raise MalformedSyntax from None
        if at != len(header):
            raise MalformedSyntax
        return self

    def encode(self, body_size: int) -> bytes:
        """The payload of a content header for a body of that size."""
        flags = 0
        values = []
        for name, bit, domain in PROPERTIES:
            value = getattr(self, name)
            if value is None:
                continue
            flags |= 1 << bit
            if domain == "shortstr":
                values.append(encode_shortstr(value))
            elif domain == "table":
                values.append(encode_table(value))
            elif domain == "octet":
                values.append(bytes((value,)))
            else:
                values.append(_u64.pack(value))
        return _fixed.pack(BASIC, 0, body_size, flags) + b"".join(values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Properties) and all(
            getattr(self, name) == getattr(other, name) for name in self.__slots__
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        present = {n: getattr(self, n) for n in self.__slots__ if getattr(self, n) is not None}
        return f"Properties({', '.join(f'{name}={value!r}' for name, value in present.items())})"


_WIDTHS = {"octet": 1, "timestamp": 8, "table": -1}
_LAYOUTS: dict[int, tuple[int, ...]] = {}  # flags → width of each property; 0: short, -1: table


def check_properties(header: bytes, flags: int) -> int | None:
    """Walk a property list: does it end where it should? 0.1 to 0.8 µs, where
    decoding takes 1.1 to 3.3.

    Returns: the delivery mode; None if there is none. Raises: MalformedSyntax, IndexError.
    """
    layout = _LAYOUTS.get(flags)
    if layout is None:
        layout = tuple(
            _WIDTHS.get(domain, 0) for _, bit, domain in PROPERTIES if flags & (1 << bit)
        )
        _LAYOUTS[flags] = layout
    at = FIXED_SIZE
    delivery_mode = None
    for width in layout:
        if width == 0:
            at += header[at] + 1
        elif width == -1:
            at = check_table(header, at)
        else:
            if width == 1 and delivery_mode is None and flags & HAS_DELIVERY_MODE:
                delivery_mode = header[at]  # the first octet-wide property when it is there
            at += width
    if at != len(header):
        raise MalformedSyntax
    return delivery_mode


def octet_property(header: bytes, wanted_bit: int) -> int:
    """A property of one octet that is present in a checked header, without decoding the others.

    wanted_bit: its flag bit: 12, delivery-mode, or 11, priority. Strings and a table come before.
    """
    flags = header[12]
    at = FIXED_SIZE
    if flags & 0x80:  # content-type
        at += header[at] + 1
    if flags & 0x40:  # content-encoding
        at += header[at] + 1
    if flags & 0x20:  # headers
        at += 4 + int.from_bytes(header[at : at + 4], "big")
    if wanted_bit == 11 and flags & 0x10:
        at += 1
    return header[at]


def with_table(header: bytes, table: bytes) -> bytes:
    """A checked header that has no header table, with one. table: encoded."""
    at = FIXED_SIZE
    for bit in (1 << 7, 1 << 6):  # content-type and content-encoding come before it
        if header[12] & bit:
            at += header[at] + 1
    flags = bytes((header[12] | HAS_HEADERS >> 8, header[13]))
    return b"".join((header[:12], flags, header[FIXED_SIZE:at], table, header[at:]))
