"""The properties and the body of a message as JSON, both ways."""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from typing import Any

from broker.amqp.content import PROPERTIES, Properties
from broker.management.request import bad_request
from broker.management.views.tables import json_of, table_of

OCTET_MAX = 255


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
        if name not in given or name == "cluster_id":
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
            most = OCTET_MAX if domain == "octet" else 2**64 - 1
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
                raise bad_request(["not_int", name])
            values[name] = value
    return Properties(**values)


def shown_payload(body: bytes, encoding: str) -> tuple[str, str]:
    """A body as text, and how it is encoded: "string" or "base64". encoding: "auto" or "base64"."""
    if encoding == "auto":
        try:
            return body.decode(), "string"
        except UnicodeDecodeError:
            pass
    return b64encode(body).decode(), "base64"


def read_payload(payload: Any, encoding: Any) -> bytes:
    """Raises: Refusal."""
    if not isinstance(payload, str):
        raise bad_request("payload_not_string")
    if encoding == "string":
        return payload.encode("utf-8", "surrogatepass")
    if encoding == "base64":
        try:
            return b64decode(payload, validate=True)
        except (binascii.Error, ValueError):
            raise bad_request(["not_base64", payload]) from None
    raise bad_request(["unsupported_encoding", encoding])
