"""One message in one line of JSON: what `sub --json` writes and `pub --json` reads.

    {"exchange": "", "routing_key": "orders", "redelivered": false, "properties": {…},
     "headers": {…}, "body": "text"}

A body that is no UTF-8 is written in base64 beside "body_encoding": "base64". Keys that only tell
of the delivery (redelivered, delivery_tag, consumer_tag, queue) are passed over when read.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any, NamedTuple

from broker.amqp.content import Properties
from broker.cli.messaging.properties import json_of, of_json
from broker.cli.messaging.values import ValueProblem

BASE64 = "base64"


class Line(NamedTuple):
    """A message as a line tells it. What is None is not in the line."""

    exchange: str | None
    routing_key: str | None
    properties: Properties
    body: bytes


def written(
    exchange: str,
    routing_key: str,
    properties: Properties,
    body: bytes,
    delivery: dict[str, object] | None = None,
) -> bytes:
    """The line without its end. delivery: what else to tell."""
    present, headers = json_of(properties)
    entry: dict[str, object] = {"exchange": exchange, "routing_key": routing_key}
    entry |= delivery or {}
    entry["properties"] = present
    if headers is not None:
        entry["headers"] = headers
    try:
        entry["body"] = body.decode()
    except UnicodeDecodeError:
        entry |= {"body_encoding": BASE64, "body": b64encode(body).decode()}
    try:
        return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a routing key that is no UTF-8: as escapes, which come back
        return json.dumps(entry, separators=(",", ":")).encode()


def read(line: bytes) -> Line:
    """Raises: ValueProblem."""
    try:
        return _line_of(json.loads(line))
    except ValueProblem:
        raise
    except UnicodeEncodeError:
        raise ValueProblem("has half of a character (a lone surrogate)") from None
    except (ValueError, RecursionError):
        raise ValueProblem("is no JSON, or nested too deeply") from None


def _line_of(entry: object) -> Line:
    if not isinstance(entry, dict):
        raise ValueProblem("is no object")
    if "body" not in entry:
        raise ValueProblem("has no body")
    properties = entry.get("properties") or {}
    if not isinstance(properties, dict):
        raise ValueProblem("has properties that are no object")
    return Line(
        _name(entry, "exchange"),
        _name(entry, "routing_key"),
        of_json(properties, entry.get("headers")),
        _body(entry),
    )


def _name(entry: dict[str, Any], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueProblem(f"has a {key} that is no text")
    if value is not None and len(value.encode("utf-8", "surrogateescape")) > 255:
        raise ValueProblem(f"has a {key} of more than 255 octets")
    return value


def _body(entry: dict[str, Any]) -> bytes:
    body, encoding = entry["body"], entry.get("body_encoding")
    if encoding not in (None, BASE64, "string"):
        raise ValueProblem(f"has a body_encoding '{encoding}'")
    if not isinstance(body, str):
        if encoding == BASE64:
            raise ValueProblem("has a body in base64 that is no text")
        return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
    if encoding != BASE64:
        return body.encode("utf-8", "surrogateescape")
    try:
        return b64decode(body, validate=True)
    except ValueError:
        raise ValueProblem("has a body whose base64 is none") from None
