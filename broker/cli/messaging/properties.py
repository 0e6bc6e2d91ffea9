"""Properties of a message from the command line and from JSON, and into JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.amqp.content import PROPERTIES, Properties
from broker.cli.messaging.exits import usage
from broker.cli.messaging.options import Given, Option
from broker.cli.messaging.values import (
    ValueProblem,
    header_of_text,
    json_of_table,
    table_of_json,
)

DOMAINS = {name: domain for name, _, domain in PROPERTIES if name != "headers"}
_LARGEST = {"octet": 255, "timestamp": 2**64 - 1}

OPTIONS: tuple[Option, ...] = (
    Option("property", "text", "name=value, as in content_type=text/plain", repeats=True),
    Option("header", "text", "name=value, or name:type=value", repeats=True),
    Option("persistent", "switch", "delivery mode 2: survives a restart in a durable queue"),
    Option("expiration", "text", "milliseconds until the message expires"),
    Option("priority", "integer", "0 to 255"),
)


def of_options(given: Given) -> Properties:
    """Raises: Failure."""
    properties = Properties()
    try:
        for text in given.texts("property"):
            name, equals, value = text.partition("=")
            if not equals:
                raise ValueProblem(f"a property is name=value, not '{text}'")
            put(properties, name.replace("-", "_"), value)
        headers = dict(header_of_text(text) for text in given.texts("header"))
        if headers:
            properties.headers = headers
        if given.switch("persistent"):
            properties.delivery_mode = 2
        for name in ("expiration", "priority"):
            if given.has(name):
                put(properties, name, given.text(name))
    except ValueProblem as error:
        raise usage(str(error)) from None
    return properties


def put(properties: Properties, name: str, value: object) -> None:
    """Set one property, from a text or a number. Raises: ValueProblem."""
    domain = DOMAINS.get(name)
    if domain is None:
        raise ValueProblem(f"there is no property '{name}'; there are {', '.join(DOMAINS)}")
    if domain == "shortstr":
        if not isinstance(value, str):
            raise ValueProblem(f"the property {name} is a text, not {value!r:.40}")
        if len(value.encode("utf-8", "surrogateescape")) > 255:
            raise ValueProblem(f"the property {name} has at most 255 octets")
        if name == "expiration" and not (value.isascii() and value.isdigit()):
            raise ValueProblem(f"an expiration is a number of milliseconds, not '{value}'")
        setattr(properties, name, value)
        return
    try:
        number = value if isinstance(value, int) else int(str(value))
    except ValueError:
        number = -1
    if isinstance(value, bool) or not 0 <= number <= _LARGEST[domain]:
        raise ValueProblem(f"the property {name} is 0 to {_LARGEST[domain]}, not {value!r:.40}")
    setattr(properties, name, number)


def json_of(properties: Properties) -> tuple[dict[str, object], dict[str, object] | None]:
    """Returns: the properties that are there, and the headers, None if there is no table."""
    present = {
        name: getattr(properties, name) for name in DOMAINS if getattr(properties, name) is not None
    }
    headers = properties.headers
    return present, None if headers is None else json_of_table(headers)


def of_json(values: Mapping[str, Any], headers: object) -> Properties:
    """headers: None if there is no table. Raises: ValueProblem."""
    properties = Properties()
    for name, value in values.items():
        if value is None:
            continue
        if name == "headers" and headers is None:
            headers = value
        elif name == "expiration" and isinstance(value, str):
            _text(properties, name, value)  # as it was, whatever a publisher wrote there
        else:
            put(properties, name, value)
    if headers is not None:
        properties.headers = table_of_json(headers)
    return properties


def _text(properties: Properties, name: str, value: str) -> None:
    if len(value.encode("utf-8", "surrogateescape")) > 255:
        raise ValueProblem(f"the property {name} has at most 255 octets")
    setattr(properties, name, value)


def over(properties: Properties, chosen: Properties) -> Properties:
    """The properties with those of `chosen` that are there in their place; headers are merged."""
    merged = Properties()
    for name in DOMAINS:
        own = getattr(chosen, name)
        setattr(merged, name, getattr(properties, name) if own is None else own)
    if properties.headers is not None or chosen.headers is not None:
        merged.headers = properties.header_table | chosen.header_table
    return merged
