"""Values in the bodies of requests, read as RabbitMQ reads them."""

from __future__ import annotations

from typing import Any

from broker.amqp.wire import Table
from broker.management.request import bad_request
from broker.management.views.tables import table_of

_BOOLEANS = {"true": True, "false": False}


def flag(fields: dict[str, Any], name: str) -> bool:
    """true or false, also as a string; absent is false. Raises: Refusal."""
    value = fields.get(name, False)
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise bad_request(["not_boolean", value])


def whole(value: Any) -> int:
    """A whole number, also as a string. Raises: Refusal."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise bad_request(["not_integer", value])
    try:
        return int(value)  # of a fraction, what is before the point
    except (ValueError, OverflowError):
        raise bad_request(["not_integer", value]) from None


def table(fields: dict[str, Any], name: str) -> Table:
    """An object, or an empty list; absent is an empty one. Raises: Refusal."""
    return table_of(fields.get(name, {}), name)


def routing_key_of(fields: dict[str, Any]) -> str:
    """Absent or null is an empty one. Raises: Refusal."""
    return "" if fields.get("routing_key") is None else text(fields, "routing_key")


def text(fields: dict[str, Any], name: str, default: str = "") -> str:
    """Raises: Refusal, for anything but a string."""
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise bad_request(["not_a_string", value])
    return value
