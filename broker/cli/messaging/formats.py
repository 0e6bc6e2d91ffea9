"""How a delivery is written: its body and a separator, JSON, or a pattern of the user's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import NamedTuple

from broker.amqp.content import Properties
from broker.amqp.errors import AMQPException
from broker.amqp.methods import BasicDeliver
from broker.cli.messaging import json_lines
from broker.cli.messaging.connection import Content
from broker.cli.messaging.exits import EX_PROTOCOL, Failure, usage
from broker.cli.messaging.options import Given, Option
from broker.cli.messaging.properties import DOMAINS, json_of
from broker.cli.messaging.values import json_of as json_of_field

OPTIONS: tuple[Option, ...] = (
    Option("null", "switch", "a zero octet ends each message, not a line", "0"),
    Option("json", "switch", "each message in a line of JSON with all that is known of it"),
    Option("format", "text", "a pattern: '{routing_key} {body}', {headers.NAME}, {timestamp}, …"),
)
_FIELD = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|\\[nt0\\]|[{}]")
_ESCAPES = {"\\n": b"\n", "\\t": b"\t", "\\0": b"\0", "\\\\": b"\\", "{{": b"{", "}}": b"}"}
_OF_DELIVERY = ("exchange", "routing_key", "redelivered", "delivery_tag", "consumer_tag")


class Delivery(NamedTuple):
    """A message as it came."""

    method: BasicDeliver
    properties: Properties
    body: bytes

    @classmethod
    def of(cls, content: Content) -> Delivery:
        """Raises: Failure when its header is no content header."""
        assert isinstance(content.method, BasicDeliver)
        try:
            return cls(content.method, Properties.decode(content.header), content.body)
        except AMQPException:
            raise Failure("the broker sent a malformed content header", EX_PROTOCOL) from None


Rendering = Callable[[Content], bytes]


def rendering(given: Given) -> Rendering:
    """Raises: Failure if the pattern names what is not there."""
    given.at_most_one("null", "json", "format")
    if given.switch("json"):
        return as_json
    if given.has("format"):
        return pattern(given.text("format"))
    end = b"\0" if given.switch("null") else b"\n"
    return lambda content: content.body + end


def as_json(content: Content) -> bytes:
    method, properties, body = Delivery.of(content)
    told: dict[str, object] = {
        "redelivered": method.redelivered,
        "delivery_tag": method.delivery_tag,
        "consumer_tag": method.consumer_tag,
    }
    line = json_lines.written(method.exchange, method.routing_key, properties, body, told)
    return line + b"\n"


def pattern(text: str) -> Rendering:
    """{name} is a field, {{ a brace, \\n \\t \\0 what they are elsewhere; a line end is added."""
    parts: list[bytes | str] = []
    at = 0
    for match in _FIELD.finditer(text):
        parts.append(text[at : match.start()].encode("utf-8", "surrogateescape"))
        at = match.end()
        if match[0] in _ESCAPES:
            parts.append(_ESCAPES[match[0]])
            continue
        name = match[1]
        if name is None:
            raise usage(f"--format: a single {match[0]}; write {match[0] * 2} for one")
        if name not in ("body", "size", "headers", *_OF_DELIVERY, *DOMAINS) and (
            not name.startswith("headers.")
        ):
            raise usage(f"--format: there is no field '{name}'")
        parts.append(name)
    parts.append(text[at:].encode("utf-8", "surrogateescape"))

    def render(content: Content) -> bytes:
        delivery = Delivery.of(content)
        pieces = [part if isinstance(part, bytes) else field(delivery, part) for part in parts]
        return b"".join(pieces) + b"\n"

    return render


def field(delivery: Delivery, name: str) -> bytes:
    """One field as octets; empty if the message has none."""
    if name == "body":
        return delivery.body
    value: object
    if name == "size":
        value = len(delivery.body)
    elif name == "headers":
        value = json_of(delivery.properties)[1] or {}
    elif name.startswith("headers."):
        found = delivery.properties.header_table.get(name.removeprefix("headers."))
        value = None if found is None else json_of_field(found)
    elif name in _OF_DELIVERY:
        value = getattr(delivery.method, name)
    else:
        value = getattr(delivery.properties, name)
    return shown(value).encode("utf-8", "surrogateescape")


def shown(value: object) -> str:
    """A text as it is, nothing as nothing, all else as JSON has it."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
