"""Domains of the wire: short and long strings, field tables and arrays, both ways.

A table is a dict from name to `Field`, which keeps the type tag beside the value: RabbitMQ's texts
name the type, arguments are compared by type class, and what came in as one integer width must not
go out as another. Strings that are not UTF-8 survive by `surrogateescape`.

Tags, as RabbitMQ reads them (Spec: 4.2.5.5 with RabbitMQ's errata): both `l` and `L` are signed 64
bit, `b` is a signed and `B` an unsigned octet, `s`/`u` 16 bit, `I`/`i` 32 bit, `x` a byte array.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct, error
from typing import NamedTuple

from broker.amqp.erlang import Atom
from broker.amqp.errors import MalformedSyntax, MalformedTable

DEPTH_MAX = 200  # nested tables and arrays; a frame could hold 20 000 levels, an attack


class Field(NamedTuple):
    """One value of a table or array. tag: its type octet as a letter."""

    tag: str
    value: object

    @property
    def type_name(self) -> str:
        """RabbitMQ's name of the type, as its texts print it."""
        return TYPE_NAMES[self.tag]


Table = dict[str, Field]
EMPTY_TABLE: Table = {}

TYPE_NAMES = {
    "S": "longstr",
    "I": "signedint",
    "i": "unsignedint",
    "D": "decimal",
    "T": "timestamp",
    "F": "table",
    "A": "array",
    "b": "byte",
    "B": "unsignedbyte",
    "d": "double",
    "f": "float",
    "l": "long",
    "L": "long",
    "s": "short",
    "u": "unsignedshort",
    "t": "bool",
    "x": "binary",
    "V": "void",
}
INTEGER_TAGS = frozenset("bBsuIilL")

_u32 = Struct(">I")
_numbers = {
    "T": Struct(">Q"),
    "b": Struct(">b"),
    "B": Struct(">B"),
    "s": Struct(">h"),
    "u": Struct(">H"),
    "I": Struct(">i"),
    "i": Struct(">I"),
    "l": Struct(">q"),
    "L": Struct(">q"),
    "d": Struct(">d"),
    "f": Struct(">f"),
}
_unpack_u32 = _u32.unpack_from


def decode_shortstr(data: bytes, offset: int) -> tuple[str, int]:
    """Returns: the string, the offset behind it. Raises: MalformedSyntax."""
    end = offset + 1 + data[offset]
    if end > len(data):
        raise MalformedSyntax
    return data[offset + 1 : end].decode("utf-8", "surrogateescape"), end


def encode_shortstr(text: str) -> bytes:
    octets = text.encode("utf-8", "surrogateescape")
    if len(octets) > 255:
        raise ValueError(f"a short string of {len(octets)} octets")
    return bytes((len(octets),)) + octets


def decode_longstr(data: bytes, offset: int) -> tuple[bytes, int]:
    """Returns: the octets, the offset behind them. Raises: MalformedSyntax."""
    (size,) = _unpack_u32(data, offset)
    end = offset + 4 + size
    if end > len(data):
        raise MalformedSyntax
    return data[offset + 4 : end], end


def encode_longstr(octets: bytes) -> bytes:
    return _u32.pack(len(octets)) + octets


def decode_table(data: bytes, offset: int, depth: int = 0) -> tuple[Table, int]:
    """Returns: the table, the offset behind it.

    Of a name that occurs twice the first value counts, as in RabbitMQ's look-ups. Raises:
    MalformedSyntax when it is longer than the data, MalformedTable when its inside is wrong.
    """
    if offset + 4 > len(data):
        raise MalformedSyntax
    (size,) = _unpack_u32(data, offset)
    position, end = offset + 4, offset + 4 + size
    if end > len(data):
        raise MalformedSyntax
    if depth > DEPTH_MAX:
        raise MalformedTable
    if not size:
        return {}, end
    table: Table = {}
    try:
        while position < end:
            name_end = position + 1 + data[position]
            name = data[position + 1 : name_end].decode("utf-8", "surrogateescape")
            field, position = _decode_field(data, name_end, depth)
            if name not in table:
                table[name] = field
    except (error, IndexError, MalformedSyntax):
        raise MalformedTable from None
    if position != end:
        raise MalformedTable
    return table, end


_FIXED_WIDTHS = {ord(tag): number.size for tag, number in _numbers.items()} | {
    ord("t"): 1,
    ord("V"): 0,
    ord("D"): 5,
}
_COUNTED = frozenset(b"SxFA")
_NESTED = frozenset(b"FA")


def check_table(data: bytes, offset: int, depth: int = 0) -> int:
    """What `decode_table` would accept, without making anything of it.

    Returns: the offset behind the table. Raises: MalformedSyntax, IndexError.
    """
    end = offset + 4 + int.from_bytes(data[offset : offset + 4], "big")
    if end > len(data) or depth > DEPTH_MAX:
        raise MalformedSyntax
    at = offset + 4
    while at < end:
        at = _check_field(data, at + 1 + data[at], depth)
    if at != end:
        raise MalformedSyntax
    return end


def _check_field(data: bytes, at: int, depth: int) -> int:
    tag = data[at]
    width = _FIXED_WIDTHS.get(tag)
    if width is not None:
        return at + 1 + width
    if tag not in _COUNTED:
        raise MalformedSyntax
    if tag not in _NESTED:
        return at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    if tag == 0x46:
        return check_table(data, at + 1, depth + 1)
    end = at + 5 + int.from_bytes(data[at + 1 : at + 5], "big")
    if end > len(data) or depth >= DEPTH_MAX:
        raise MalformedSyntax
    at += 5
    while at < end:
        at = _check_field(data, at, depth + 1)
    if at != end:
        raise MalformedSyntax
    return end


def _decode_field(data: bytes, offset: int, depth: int) -> tuple[Field, int]:
    tag = chr(data[offset])
    offset += 1
    if tag == "S":
        octets, offset = decode_longstr(data, offset)
        return Field("S", octets.decode("utf-8", "surrogateescape")), offset
    number = _numbers.get(tag)
    if number is not None:
        return Field(tag, number.unpack_from(data, offset)[0]), offset + number.size
    if tag == "t":
        return Field("t", data[offset] != 0), offset + 1
    if tag == "F":
        table, offset = decode_table(data, offset, depth + 1)
        return Field("F", table), offset
    if tag == "A":
        items, offset = _decode_array(data, offset, depth + 1)
        return Field("A", items), offset
    if tag == "x":
        octets, offset = decode_longstr(data, offset)
        return Field("x", octets), offset
    if tag == "V":
        return Field("V", None), offset
    if tag == "D":
        return Field("D", (data[offset], _unpack_u32(data, offset + 1)[0])), offset + 5
    raise MalformedSyntax


def _decode_array(data: bytes, offset: int, depth: int) -> tuple[list[Field], int]:
    (size,) = _unpack_u32(data, offset)
    position, end = offset + 4, offset + 4 + size
    if end > len(data) or depth > DEPTH_MAX:
        raise MalformedSyntax
    items = []
    while position < end:
        field, position = _decode_field(data, position, depth)
        items.append(field)
    if position != end:
        raise MalformedSyntax
    return items, end


def encode_table(table: Table) -> bytes:
    """The table with its length in front."""
    body = b"".join(encode_shortstr(name) + encode_field(field) for name, field in table.items())
    return _u32.pack(len(body)) + body


def encode_field(field: Field) -> bytes:
    """The type octet and the value."""
    tag, value = field
    octets: bytes = _ENCODERS[tag](value)
    return tag.encode() + octets


def _encode_decimal(value: tuple[int, int]) -> bytes:
    return bytes((value[0],)) + _u32.pack(value[1])


def _encode_array(items: list[Field]) -> bytes:
    return encode_longstr(b"".join(map(encode_field, items)))


def _encode_text(value: str) -> bytes:
    return encode_longstr(value.encode("utf-8", "surrogateescape"))


_SHAPED: dict[str, Callable[..., bytes]] = {
    "S": _encode_text,
    "x": encode_longstr,
    "F": encode_table,
    "A": _encode_array,
    "D": _encode_decimal,
    "t": lambda value: b"\x01" if value else b"\x00",
    "V": lambda _value: b"",
}
_ENCODERS = _SHAPED | {tag: number.pack for tag, number in _numbers.items()}


def field_of(value: object) -> Field:
    """A plain Python value as a field: for tables the broker itself builds."""
    if isinstance(value, Field):
        return value
    if isinstance(value, bool):
        return Field("t", value)
    if isinstance(value, int):
        return Field("I" if -(2**31) <= value < 2**31 else "l", value)
    if isinstance(value, float):
        return Field("d", value)
    if isinstance(value, str):
        return Field("S", value)
    if isinstance(value, bytes):
        return Field("x", value)
    if isinstance(value, dict):
        return Field("F", table_of(value))
    if isinstance(value, (list, tuple)):
        return Field("A", [field_of(item) for item in value])
    if value is None:
        return Field("V", None)
    raise TypeError(f"no field type for {type(value).__name__}")


def table_of(values: dict[str, object]) -> Table:
    """Plain Python values as a table."""
    return {name: field_of(value) for name, value in values.items()}


def plain(field: Field) -> object:
    """A field as a plain Python value: dicts, lists, numbers, strings. For display and logs."""
    tag, value = field
    if tag == "F":
        assert isinstance(value, dict)
        return {name: plain(inner) for name, inner in value.items()}
    if tag == "A":
        assert isinstance(value, list)
        return [plain(inner) for inner in value]
    return value


def as_erlang(field: Field) -> object:
    """A field's value the way RabbitMQ holds it, for `erlang.printed`."""
    tag, value = field
    if tag == "F":
        assert isinstance(value, dict)
        return [(name, Atom(f.type_name), as_erlang(f)) for name, f in value.items()]
    if tag == "A":
        assert isinstance(value, list)
        return [(Atom(item.type_name), as_erlang(item)) for item in value]
    return value


def canonical(table: Table) -> bytes:
    """Octets equal for tables that are equal: bindings are told apart by them."""
    return encode_table(dict(sorted(table.items()))) if table else b""
