"""How deliveries are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import BasicDeliver
from broker.amqp.wire import Field
from broker.cli.messaging import formats
from broker.cli.messaging.connection import Content
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given

HEADERS = {"n": Field("I", 5), "t": Field("T", 7)}
CONTENT = Content(
    BasicDeliver("c", 9, True, "e", "k"),
    Properties(type="é", timestamp=3, headers=HEADERS).encode(4),
    b"\xffody",
)


def rendered(**options: Any) -> bytes:
    return formats.rendering(Given(options, formats.OPTIONS))(CONTENT)


def test_the_body_and_what_ends_it() -> None:
    assert rendered() == b"\xffody\n"
    assert rendered(null=True) == b"\xffody\0"


def test_json_has_all() -> None:
    assert json.loads(rendered(json=True)) == {
        "exchange": "e",
        "routing_key": "k",
        "redelivered": True,
        "delivery_tag": 9,
        "consumer_tag": "c",
        "properties": {"type": "é", "timestamp": 3},
        "headers": {"n": 5, "t": {"@type": "timestamp", "value": 7}},
        "body_encoding": "base64",
        "body": "/29keQ==",
    }


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("{routing_key} {body}", b"k \xffody"),
        ("{{{size}}}\\t{headers.n}|{headers.none}", b"{4}\t5|"),
        ("{type}{app_id} {redelivered} {delivery_tag}", "é true 9".encode()),
        ("\\\\n{exchange}\\n", b"\\ne\n"),
        ("{headers}", b'{"n":5,"t":{"@type":"timestamp","value":7}}'),
        ("", b""),
    ],
)
def test_patterns(pattern: str, text: bytes) -> None:
    assert rendered(format=pattern) == text + b"\n"


@pytest.mark.parametrize("pattern", ["{", "}", "{nope}", "{body.__class__}", "{}", "{body"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(Failure, match="--format"):
        rendered(format=pattern)


def test_a_header_that_is_none_is_the_brokers_fault() -> None:
    with pytest.raises(Failure, match="malformed"):
        formats.as_json(Content(BasicDeliver(), CONTENT.header[:-1], b""))
    with pytest.raises(Failure, match="exclude"):
        rendered(json=True, null=True)
