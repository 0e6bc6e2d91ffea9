"""Field tables as JSON, and JSON as field tables, by RabbitMQ's rules."""

from __future__ import annotations

from base64 import b64encode
from math import isfinite
from typing import Any

from broker.amqp.wire import Field, Table
from broker.management.request import bad_request

INTEGER_MAX = 2**63 - 1
NAME_MAX = 255  # octets


def json_of(table: Table) -> dict[str, Any]:
    """A table as it is shown: types are lost, octets become text, by RabbitMQ's rules.

    A decimal is its value; RabbitMQ shows its two numbers with a point between them.
    """
    return {name: shown(field) for name, field in table.items()} if table else {}


def shown(field: Field) -> Any:
    tag: str = field.tag
    value: Any = field.value
    if tag == "S":
        return _text(value.encode("utf-8", "surrogateescape"))
    if tag == "F":
        return json_of(value)
    if tag == "A":
        return [shown(inner) for inner in value]
    if tag == "x":
        return _text(value)
    if tag == "V":
        return "undefined"
    if tag == "D":
        places, number = value
        return number / 10**places
    if isinstance(value, float) and not isfinite(value):
        return str(value)  # JSON has no number for it
    return value


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return f"Not UTF-8, base64 is: {b64encode(octets).decode()}"


def table_of(value: Any, what: str = "arguments") -> Table:
    """What a request gives as an object, in the order of its names; an empty list is one, too.

    what: for the refusal. RabbitMQ names bindings by arguments in that order. Raises: Refusal.
    """
    if value == []:
        return {}
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be an object" if value is not None else "null_not_allowed")
    return {_name(name, what): field_of(value[name]) for name in sorted(value)}


def _name(name: str, what: str) -> str:
    """Raises: Refusal, for one that is too long for the wire."""
    size = len(octets_of(name))
    if size > NAME_MAX:
        text = f"{what}: a name should be less than 255 bytes, actually was {size}\n"
        raise bad_request(text)
    return name


def octets_of(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def field_of(value: Any) -> Field:
    """RabbitMQ: whole numbers are of 64 bit, others double. Raises: Refusal."""
    if value is None:
        raise bad_request("null_not_allowed")
    if isinstance(value, bool):
        return Field("t", value)
    if isinstance(value, int):
        if not -INTEGER_MAX - 1 <= value <= INTEGER_MAX:
            raise bad_request("number is too large")
        return Field("l", value)
    if isinstance(value, float):
        return Field("d", value)
    if isinstance(value, str):
        return Field("S", value)
    if isinstance(value, list):
        return Field("A", [field_of(inner) for inner in value])
    return Field("F", table_of(value))
