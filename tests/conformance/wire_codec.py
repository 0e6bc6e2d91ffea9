"""AMQP 0-9-1 bytes, written once more for the tests: shares nothing with broker/.

A frame is `type u8, channel u16, size u32, payload, 0xCE`. Methods are dicts of field name to
value, named as in the specification (`"Queue.Declare"`). Values inside tables keep their wire type
in both directions: decoded, a value is the string `"<tag> <value>"`, or `{"F": {...}}`,
`{"A": [...]}`, so a transcript shows a broker that turns a short into a long.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT = 1, 2, 3, 8
FRAME_END = 0xCE
FRAME_END_BYTE = b"\xce"
PROTOCOL_HEADER = b"AMQP\x00\x00\x09\x01"

# One line per method: name, class id, method id, then field:domain. Underscored are reserved.
METHOD_TABLE = """
Connection.Start 10 10 version_major:octet version_minor:octet server_properties:table \
mechanisms:longstr locales:longstr
Connection.StartOk 10 11 client_properties:table mechanism:shortstr response:longstr locale:shortstr
Connection.Secure 10 20 challenge:longstr
Connection.SecureOk 10 21 response:longstr
Connection.Tune 10 30 channel_max:short frame_max:long heartbeat:short
Connection.TuneOk 10 31 channel_max:short frame_max:long heartbeat:short
Connection.Open 10 40 virtual_host:shortstr _capabilities:shortstr _insist:bit
Connection.OpenOk 10 41 _known_hosts:shortstr
Connection.Close 10 50 reply_code:short reply_text:shortstr class_id:short method_id:short
Connection.CloseOk 10 51
Connection.Blocked 10 60 reason:shortstr
Connection.Unblocked 10 61
Connection.UpdateSecret 10 70 new_secret:longstr reason:shortstr
Connection.UpdateSecretOk 10 71
Channel.Open 20 10 _out_of_band:shortstr
Channel.OpenOk 20 11 _channel_id:longstr
Channel.Flow 20 20 active:bit
Channel.FlowOk 20 21 active:bit
Channel.Close 20 40 reply_code:short reply_text:shortstr class_id:short method_id:short
Channel.CloseOk 20 41
Access.Request 30 10 realm:shortstr exclusive:bit passive:bit active:bit write:bit read:bit
Access.RequestOk 30 11 ticket:short
Exchange.Declare 40 10 _ticket:short exchange:shortstr type:shortstr passive:bit durable:bit \
auto_delete:bit internal:bit nowait:bit arguments:table
Exchange.DeclareOk 40 11
Exchange.Delete 40 20 _ticket:short exchange:shortstr if_unused:bit nowait:bit
Exchange.DeleteOk 40 21
Exchange.Bind 40 30 _ticket:short destination:shortstr source:shortstr routing_key:shortstr \
nowait:bit arguments:table
Exchange.BindOk 40 31
Exchange.Unbind 40 40 _ticket:short destination:shortstr source:shortstr routing_key:shortstr \
nowait:bit arguments:table
Exchange.UnbindOk 40 51
Queue.Declare 50 10 _ticket:short queue:shortstr passive:bit durable:bit exclusive:bit \
auto_delete:bit nowait:bit arguments:table
Queue.DeclareOk 50 11 queue:shortstr message_count:long consumer_count:long
Queue.Bind 50 20 _ticket:short queue:shortstr exchange:shortstr routing_key:shortstr nowait:bit \
arguments:table
Queue.BindOk 50 21
Queue.Purge 50 30 _ticket:short queue:shortstr nowait:bit
Queue.PurgeOk 50 31 message_count:long
Queue.Delete 50 40 _ticket:short queue:shortstr if_unused:bit if_empty:bit nowait:bit
Queue.DeleteOk 50 41 message_count:long
Queue.Unbind 50 50 _ticket:short queue:shortstr exchange:shortstr routing_key:shortstr \
arguments:table
Queue.UnbindOk 50 51
Basic.Qos 60 10 prefetch_size:long prefetch_count:short global_:bit
Basic.QosOk 60 11
Basic.Consume 60 20 _ticket:short queue:shortstr consumer_tag:shortstr no_local:bit no_ack:bit \
exclusive:bit nowait:bit arguments:table
Basic.ConsumeOk 60 21 consumer_tag:shortstr
Basic.Cancel 60 30 consumer_tag:shortstr nowait:bit
Basic.CancelOk 60 31 consumer_tag:shortstr
Basic.Publish 60 40 _ticket:short exchange:shortstr routing_key:shortstr mandatory:bit immediate:bit
Basic.Return 60 50 reply_code:short reply_text:shortstr exchange:shortstr routing_key:shortstr
Basic.Deliver 60 60 consumer_tag:shortstr delivery_tag:longlong redelivered:bit exchange:shortstr \
routing_key:shortstr
Basic.Get 60 70 _ticket:short queue:shortstr no_ack:bit
Basic.GetOk 60 71 delivery_tag:longlong redelivered:bit exchange:shortstr routing_key:shortstr \
message_count:long
Basic.GetEmpty 60 72 _cluster_id:shortstr
Basic.Ack 60 80 delivery_tag:longlong multiple:bit
Basic.Reject 60 90 delivery_tag:longlong requeue:bit
Basic.RecoverAsync 60 100 requeue:bit
Basic.Recover 60 110 requeue:bit
Basic.RecoverOk 60 111
Basic.Nack 60 120 delivery_tag:longlong multiple:bit requeue:bit
Basic.Credit 60 200 consumer_tag:shortstr credit:long drain:bit
Basic.CreditOk 60 201 available:long
Basic.CreditDrained 60 202 consumer_tag:shortstr credit_drained:long
Tx.Select 90 10
Tx.SelectOk 90 11
Tx.Commit 90 20
Tx.CommitOk 90 21
Tx.Rollback 90 30
Tx.RollbackOk 90 31
Confirm.Select 85 10 nowait:bit
Confirm.SelectOk 85 11
"""

# basic's properties, highest bit of the flag word first. Spec: 4.2.6.1 and basic's field list.
PROPERTIES = [
    ("content_type", "shortstr"),
    ("content_encoding", "shortstr"),
    ("headers", "table"),
    ("delivery_mode", "octet"),
    ("priority", "octet"),
    ("correlation_id", "shortstr"),
    ("reply_to", "shortstr"),
    ("expiration", "shortstr"),
    ("message_id", "shortstr"),
    ("timestamp", "longlong"),
    ("type", "shortstr"),
    ("user_id", "shortstr"),
    ("app_id", "shortstr"),
    ("cluster_id", "shortstr"),
]

INTEGERS = {"octet": ">B", "short": ">H", "long": ">I", "longlong": ">Q"}
# Table value tags with a fixed struct. RabbitMQ's reading of the tags, not the specification's:
# s is a signed 16 bit, l a signed 64 bit, u and i the unsigned ones, B an unsigned octet.
FIXED_VALUES = {
    "b": ">b",
    "B": ">B",
    "s": ">h",
    "u": ">H",
    "I": ">i",
    "i": ">I",
    "l": ">q",
    "L": ">q",
    "f": ">f",
    "d": ">d",
    "T": ">Q",
}


@dataclass(frozen=True)
class Tagged:
    """A table value with its wire tag spelled out: `Tagged("s", 5)`."""

    tag: str
    value: Any


@dataclass(frozen=True)
class MethodShape:
    name: str
    class_id: int
    method_id: int
    fields: tuple[tuple[str, str], ...]


def _read_method_table() -> dict[str, MethodShape]:
    shapes = {}
    for line in METHOD_TABLE.strip().splitlines():
        name, class_id, method_id, *fields = line.split()
        pairs = tuple((field.split(":")[0], field.split(":")[1]) for field in fields)
        shapes[name] = MethodShape(name, int(class_id), int(method_id), pairs)
    return shapes


METHODS = _read_method_table()
METHODS_BY_ID = {(shape.class_id, shape.method_id): shape for shape in METHODS.values()}
WITH_CONTENT = {"Basic.Publish", "Basic.Return", "Basic.Deliver", "Basic.GetOk"}


def as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def as_text(value: bytes) -> str:
    return value.decode("utf-8", "backslashreplace")


def encode_shortstr(value: str | bytes) -> bytes:
    data = as_bytes(value)
    return bytes([len(data)]) + data


def encode_longstr(value: str | bytes) -> bytes:
    data = as_bytes(value)
    return struct.pack(">I", len(data)) + data


def encode_value(value: Any) -> bytes:
    """One table value, tag first. Plain Python values take the tag a client library would use."""
    match value:
        case Tagged("S" | "x" as tag, data):
            return tag.encode() + encode_longstr(data)
        case Tagged("t", fact):
            return b"t" + bytes([fact])
        case Tagged("D", (scale, number)):
            return b"D" + struct.pack(">BI", scale, number)
        case Tagged("V", _) | None:
            return b"V"
        case Tagged("F", table):
            return b"F" + encode_table(table)
        case Tagged("A", items):
            return b"A" + encode_longstr(b"".join(map(encode_value, items)))
        case Tagged("raw", data):
            return bytes(data)
        case Tagged(tag, number):
            return tag.encode() + struct.pack(FIXED_VALUES[tag], number)
        case bool():
            return encode_value(Tagged("t", value))
        case int():
            return encode_value(Tagged("I" if -(2**31) <= value < 2**31 else "l", value))
        case str():
            return encode_value(Tagged("S", value))
        case bytes():
            return encode_value(Tagged("x", value))
        case dict():
            return encode_value(Tagged("F", value))
        case list():
            return encode_value(Tagged("A", value))
    raise TypeError(f"no table encoding for {value!r}")


def encode_table(table: dict[str, Any] | list[tuple[str, Any]] | bytes) -> bytes:
    """A whole table with its length. A list of pairs may repeat a key; bytes are kept as given."""
    if isinstance(table, bytes):
        return table
    pairs = table.items() if isinstance(table, dict) else table
    entries = (encode_shortstr(key) + encode_value(value) for key, value in pairs)
    return encode_longstr(b"".join(entries))


def decode_value(data: bytes, offset: int) -> tuple[Any, int]:
    tag = chr(data[offset])
    offset += 1
    if tag in FIXED_VALUES:
        (number,) = struct.unpack_from(FIXED_VALUES[tag], data, offset)
        return f"{tag} {number!r}", offset + struct.calcsize(FIXED_VALUES[tag])
    if tag == "t":
        return f"t {bool(data[offset])}", offset + 1
    if tag == "V":
        return "V", offset
    if tag == "D":
        scale, number = struct.unpack_from(">BI", data, offset)
        return f"D {number}/10^{scale}", offset + 5
    (size,) = struct.unpack_from(">I", data, offset)
    offset, end = offset + 4, offset + 4 + size
    if tag in "Sx":
        return f"{tag} {as_text(data[offset:end])}", end
    if tag == "F":
        return {"F": decode_pairs(data[offset:end])}, end
    if tag == "A":
        items = []
        while offset < end:
            item, offset = decode_value(data, offset)
            items.append(item)
        return {"A": items}, end
    raise ValueError(f"unknown table tag {tag!r}")


def decode_pairs(data: bytes) -> dict[str, Any]:
    """Key to value; a repeated key gets `#2`, `#3`. The order of keys is not kept."""
    pairs: dict[str, Any] = {}
    offset = 0
    while offset < len(data):
        size = data[offset]
        key = as_text(data[offset + 1 : offset + 1 + size])
        value, offset = decode_value(data, offset + 1 + size)
        name, repeat = key, 1
        while name in pairs:
            repeat += 1
            name = f"{key}#{repeat}"
        pairs[name] = value
    return pairs


def encode_fields(fields: tuple[tuple[str, str], ...], values: dict[str, Any]) -> bytes:
    """Method arguments in order; neighbouring bits share octets, lowest bit first."""
    unknown = set(values) - {name for name, _ in fields}
    if unknown:
        raise TypeError(f"no such fields: {sorted(unknown)}")
    pieces: list[bytes] = []
    bits: list[bool] = []

    def flush() -> None:
        for first in range(0, len(bits), 8):
            group = bits[first : first + 8]
            pieces.append(bytes([sum(bit << place for place, bit in enumerate(group))]))
        bits.clear()

    for name, domain in fields:
        value = values.get(name)
        if domain == "bit":
            bits.append(bool(value))
            continue
        flush()
        if domain in INTEGERS:
            pieces.append(struct.pack(INTEGERS[domain], value or 0))
        elif domain == "shortstr":
            pieces.append(encode_shortstr(value or ""))
        elif domain == "longstr":
            pieces.append(encode_longstr(value or ""))
        else:
            pieces.append(encode_table(value or {}))
    flush()
    return b"".join(pieces)


def decode_fields(fields: tuple[tuple[str, str], ...], data: bytes) -> dict[str, Any]:
    """The reverse of encode_fields. Bytes left over are reported as the field `trailing`."""
    values: dict[str, Any] = {}
    offset = 0
    bit = 0
    for name, domain in fields:
        if domain == "bit":
            values[name] = bool(data[offset] >> bit & 1)
            bit += 1
            if bit == 8:
                offset, bit = offset + 1, 0
            continue
        if bit:
            offset, bit = offset + 1, 0
        if domain in INTEGERS:
            (values[name],) = struct.unpack_from(INTEGERS[domain], data, offset)
            offset += struct.calcsize(INTEGERS[domain])
        elif domain == "shortstr":
            end = offset + 1 + data[offset]
            values[name] = as_text(data[offset + 1 : end])
            offset = end
        else:
            (size,) = struct.unpack_from(">I", data, offset)
            end = offset + 4 + size
            raw = data[offset + 4 : end]
            values[name] = as_text(raw) if domain == "longstr" else decode_pairs(raw)
            offset = end
    if bit:
        offset += 1
    if offset != len(data):
        values["trailing"] = data[offset:].hex()
    return {name: value for name, value in values.items() if name[0] != "_"}


def encode_method(name: str, values: dict[str, Any]) -> bytes:
    """Returns: method frame payload, from class-id on."""
    shape = METHODS[name]
    return struct.pack(">HH", shape.class_id, shape.method_id) + encode_fields(shape.fields, values)


def decode_method(payload: bytes) -> tuple[str, dict[str, Any]]:
    ids = struct.unpack_from(">HH", payload)
    shape = METHODS_BY_ID.get(ids)
    if shape is None:
        return f"Unknown.{ids[0]}.{ids[1]}", {"payload": payload[4:].hex()}
    return shape.name, decode_fields(shape.fields, payload[4:])


def encode_properties(properties: dict[str, Any]) -> bytes:
    """Flag word and the values that are set. Spec: 4.2.6.1."""
    flags = 0
    values = b""
    for place, (name, domain) in enumerate(PROPERTIES):
        if name in properties:
            flags |= 1 << (15 - place)
            values += encode_fields(((name, domain),), {name: properties[name]})
    unknown = set(properties) - {name for name, _ in PROPERTIES}
    if unknown:
        raise TypeError(f"no such properties: {sorted(unknown)}")
    return struct.pack(">H", flags) + values


def encode_header(body_size: int, properties: dict[str, Any] | bytes, class_id: int = 60) -> bytes:
    """Content header payload. properties as bytes: flag word and values, taken as they are."""
    raw = properties if isinstance(properties, bytes) else encode_properties(properties)
    return struct.pack(">HHQ", class_id, 0, body_size) + raw


def decode_header(payload: bytes) -> tuple[int, dict[str, Any]]:
    """Returns: body size and the properties that are set."""
    _class_id, _weight, body_size, flags = struct.unpack_from(">HHQH", payload)
    fields = tuple(field for place, field in enumerate(PROPERTIES) if flags & (1 << (15 - place)))
    return body_size, decode_fields(fields, payload[14:])


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + FRAME_END_BYTE


def method_frame(channel: int, name: str, **values: Any) -> bytes:
    return frame(FRAME_METHOD, channel, encode_method(name, values))


def content_frames(
    channel: int, body: bytes, properties: dict[str, Any] | bytes, frame_max: int
) -> bytes:
    """Header frame and as many body frames as frame_max asks for; none for an empty body."""
    step = frame_max - 8 if frame_max else max(len(body), 1)
    parts = [body[first : first + step] for first in range(0, len(body), step)]
    return frame(FRAME_HEADER, channel, encode_header(len(body), properties)) + b"".join(
        frame(FRAME_BODY, channel, part) for part in parts
    )
