"""The properties and the body of a message as JSON, both ways."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Any

from broker.amqp.content import PROPERTIES, Properties
from broker.amqp.errors import unknown_delivery_mode
from broker.management.request import bad_request
from broker.management.views.tables import json_of, table_of

OCTET_MAX, LONGLONG_MAX = 255, 2**64 - 1
_BLANKS = str.maketrans("", "", " \t\r\n")  # between the characters of base64 they do not matter


def shown_properties(header: bytes) -> dict[str, Any]:
    """header: of the content. What is absent is not shown."""
    properties = Properties.decode(header)
    shown: dict[str, Any] = {}
    for name in SHOWN:
        value = getattr(properties, name)
        if value is not None:
            shown[name] = json_of(value) if name == "headers" else value
    return shown


SHOWN = tuple(name for name, _, _ in PROPERTIES)
_DOMAINS = {name: domain for name, _, domain in PROPERTIES}


def read_properties(given: Any) -> Properties:
    """What a request gives as properties. RabbitMQ: names it does not know do not matter.

    Raises: Refusal.
    """
    if given == []:  # as an empty object is shown
        given = {}
    if not isinstance(given, dict):
        raise bad_request("properties must be an object")
    values: dict[str, Any] = {}
    for name, domain in _DOMAINS.items():
        if name not in given:
            continue
        value = given[name]
        if domain == "table":
            values[name] = table_of(value, name)
        elif domain == "shortstr":
            if (
                not isinstance(value, str)
                or len(value.encode("utf-8", "surrogatepass")) > OCTET_MAX
            ):
                raise bad_request(["not_string", name])
            values[name] = value
        else:
            values[name] = _whole(name, value, OCTET_MAX if domain == "octet" else LONGLONG_MAX)
    return Properties(**values)


def _whole(name: str, value: Any, most: int) -> int:
    """Raises: Refusal."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad_request(["not_int", name])
    if 0 <= value <= most:
        return value
    if name == "delivery_mode":  # RabbitMQ has it published first, as it does others
        raise bad_request(f"406 {unknown_delivery_mode(value).reply_text}")
    raise bad_request(["not_int", name])


def shown_payload(body: bytes, encoding: str) -> tuple[str, str]:
    """A body as text, and how it is encoded: "string" or "base64". encoding: "auto" or "base64"."""
    if encoding == "auto":
        try:
            return body.decode(), "string"
        except UnicodeDecodeError:
            pass
    return b64encode(body).decode(), "base64"


def check_payload(payload: Any) -> None:
    """Raises: Refusal, for anything but a string."""
    if not isinstance(payload, str):
        raise bad_request("payload_not_string")


def read_payload(payload: str, encoding: Any) -> bytes:
    """Raises: Refusal."""
    if encoding == "string":
        return payload.encode("utf-8", "surrogatepass")
    if encoding == "base64":
        try:
            return b64decode(payload.translate(_BLANKS), validate=True)
        except (binascii.Error, ValueError):
            raise bad_request(["not_base64", payload]) from None
    raise bad_request(["unsupported_encoding", encoding])
