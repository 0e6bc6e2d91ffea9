"""Values in the bodies of requests, read as RabbitMQ reads them."""

from __future__ import annotations

from typing import Any

from broker.management.request import bad_request

_BOOLEANS = {"true": True, "false": False}


def flag(fields: dict[str, Any], name: str) -> bool:
    """true or false, also as a string; absent or null is false. Raises: Refusal."""
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise bad_request(["not_boolean", value])


def whole(value: Any) -> int:
    """A whole number, also as a string. Raises: Refusal."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise bad_request(["not_integer", value])
    try:
        return round(value) if isinstance(value, float) else int(value)
    except (ValueError, OverflowError):
        raise bad_request(["not_integer", value]) from None


def text(fields: dict[str, Any], name: str, default: str = "") -> str:
    """Raises: Refusal, for anything but a string."""
    value = fields.get(name, default)
    if not isinstance(value, str):
        raise bad_request(["not_a_string", value])
    return value
