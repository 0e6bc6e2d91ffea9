"""Values of header tables in JSON and on the command line, without losing their types.

Strings, booleans, numbers, tables and arrays are themselves in JSON. What JSON cannot tell apart,
or cannot hold, is an object that names the type as RabbitMQ does:

    {"@type": "timestamp", "value": 1700000000}
    {"@type": "binary", "base64": "AAE="}

A table that has an "@type" of its own is {"@type": "table", "value": {…}}. Whatever a broker can
send comes back from JSON as it was, types included; tests hold that.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from typing import Any

from broker.amqp.wire import DEPTH_MAX, TYPE_NAMES, Field, Table, encode_field, field_of

TYPE = "@type"
_NAMES = TYPE_NAMES | {"L": "L"}  # two letters mean long; the usual one has the name
_TAGS = {name: tag for tag, name in _NAMES.items()}


class ValueProblem(ValueError):  # noqa: N818 - of a user, told in one line
    """A value that no field can be made of; the text says why."""


def json_of(field: Field) -> object:
    """A field as what `json.dumps` takes."""
    tag, value = field
    if tag == "F":
        assert isinstance(value, dict)
        inner = json_of_table(value)
        return {TYPE: "table", "value": inner} if TYPE in inner else inner
    if tag == "A":
        assert isinstance(value, list)
        return [json_of(item) for item in value]
    if tag in ("S", "x"):
        if tag == "S" and _is_text(value):
            return value
        octets = value if isinstance(value, bytes) else _encoded(str(value))
        return {TYPE: _NAMES[tag], "base64": b64encode(octets).decode()}
    if tag == "D":
        assert isinstance(value, tuple)
        return {TYPE: "decimal", "value": list(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {TYPE: _NAMES[tag], "value": str(value)}
    if tag in "tVd" or (tag in "Il" and field_of(value).tag == tag):
        return value
    return {TYPE: _NAMES[tag], "value": value}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_text(value: object) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def json_of_table(table: Table) -> dict[str, object]:
    return {name: json_of(field) for name, field in table.items()}


def field_of_json(value: object, depth: int = 0) -> Field:
    """What `json_of` made, or somebody wrote. Raises: ValueProblem."""
    if isinstance(value, dict):
        if TYPE in value:
            return _typed(value, depth)
        return Field("F", table_of_json(value, depth + 1))
    if isinstance(value, list):
        return _array(value, depth + 1)
    return _checked(field_of(value))


def _array(items: list[object], depth: int) -> Field:
    if depth > DEPTH_MAX:
        raise ValueProblem(f"arrays and tables are nested more than {DEPTH_MAX} deep")
    return Field("A", [field_of_json(item, depth) for item in items])


def table_of_json(value: object, depth: int = 0) -> Table:
    """depth: of tables and arrays around it. Raises: ValueProblem."""
    if depth > DEPTH_MAX:
        raise ValueProblem(f"arrays and tables are nested more than {DEPTH_MAX} deep")
    if not isinstance(value, dict):
        raise ValueProblem("headers are an object")
    for name in value:
        if len(name.encode("utf-8", "surrogateescape")) > 255:
            raise ValueProblem(f"the name of a header has at most 255 octets: '{name[:20]}…'")
    return {name: field_of_json(item, depth) for name, item in value.items()}


def _typed(value: dict[str, Any], depth: int) -> Field:
    tag = _TAGS.get(str(value[TYPE]))
    if tag is None:
        raise ValueProblem(f"'{value[TYPE]}' is no type of a header")
    if "base64" in value:
        return _checked(_of_octets(tag, str(value["base64"])))
    if "value" not in value and tag != "V":
        raise ValueProblem(f"a header of type {value[TYPE]} has no value")
    inner = value.get("value")
    if tag == "F":
        return Field("F", table_of_json(inner, depth + 1))
    if tag == "A" and isinstance(inner, list):
        return _array(inner, depth + 1)
    if tag == "D" and isinstance(inner, list) and len(inner) == 2:
        inner = tuple(inner)
    if tag == "x" and isinstance(inner, str):
        inner = inner.encode("utf-8", "surrogateescape")
    if tag in "df" and isinstance(inner, (str, int)) and not isinstance(inner, bool):
        try:
            inner = float(inner)
        except (ValueError, OverflowError):
            raise ValueProblem(f"'{inner}' is no number") from None
    return _checked(Field(tag, None if tag == "V" else inner))


def _of_octets(tag: str, text: str) -> Field:
    try:
        octets = b64decode(text, validate=True)
    except ValueError:
        raise ValueProblem("a header's base64 is none") from None
    return Field(tag, octets.decode("utf-8", "surrogateescape") if tag == "S" else octets)


def _checked(field: Field) -> Field:
    """Raises: ValueProblem if it has no encoding: a number too large, a text for a number."""
    if field.tag in "bBsuIilLT" and isinstance(field.value, bool):
        raise ValueProblem(f"a boolean is no {_NAMES[field.tag]}")
    if field.tag == "t" and not isinstance(field.value, bool):
        raise ValueProblem(f"{field.value!r:.40} is no bool")
    try:
        encode_field(field)
    except Exception:  # struct.error, TypeError, …: whatever the encoder says of a wrong value
        raise ValueProblem(f"{field.value!r:.40} is no {_NAMES[field.tag]}") from None
    return field


_WORDS = {
    "string": "S",
    "int": "",
    "long": "l",
    "float": "d",
    "double": "d",
    "timestamp": "T",
    "binary": "x",
    "byte": "b",
    "short": "s",
}


def header_of_text(text: str) -> tuple[str, Field]:
    """--header name=value, or name:type=value. Raises: ValueProblem.

    type: string, int, long, short, byte, float, double, bool, timestamp (seconds), binary
    (base64), json, null; what stands behind another colon belongs to the name.
    """
    key, equals, value = text.partition("=")
    name, colon, kind = key.rpartition(":")
    is_typed = colon and (kind in _WORDS or kind in ("bool", "json", "null"))
    if not is_typed:
        name, kind = key, "string"
    if not name or (not equals and kind != "null"):
        raise ValueProblem(f"a header is name=value or name:type=value, not '{text}'")
    if len(name.encode("utf-8", "surrogateescape")) > 255:
        raise ValueProblem("the name of a header has at most 255 octets")
    return name, _of_text(kind, value)


def _of_text(kind: str, value: str) -> Field:
    if kind == "null":
        return Field("V", None)
    if kind == "bool":
        if value not in ("true", "false"):
            raise ValueProblem(f"a bool is true or false, not '{value}'")
        return Field("t", value == "true")
    if kind == "json":
        try:
            return field_of_json(json.loads(value))
        except (ValueError, RecursionError):
            raise ValueProblem(f"'{value:.40}' is no JSON, or holds what no header can") from None
    if kind == "binary":
        return _of_octets("x", value)
    if kind == "string":
        return Field("S", value)
    try:
        number = float(value) if kind in ("float", "double") else int(value)
    except ValueError:
        raise ValueProblem(f"'{value}' is no {kind}") from None
    tag = _WORDS[kind] or field_or_long(number)
    return _checked(Field(tag, number))


def field_or_long(number: float) -> str:
    """The tag of a whole number: 32 bit if it fits."""
    return "I" if -(2**31) <= number < 2**31 else "l"
