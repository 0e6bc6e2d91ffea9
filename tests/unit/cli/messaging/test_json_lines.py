"""Messages in lines of JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.content import Properties
from broker.cli.messaging import json_lines
from broker.cli.messaging.values import ValueProblem
from tests.property import strategies
from tests.property.conftest import examples

names = st.binary(max_size=40).map(lambda octets: octets.decode("utf-8", "surrogateescape"))


@examples(60)
@given(names, names, strategies.properties, st.binary(max_size=60))
def test_a_message_comes_back_as_it_was(
    exchange: str, routing_key: str, properties: Properties, body: bytes
) -> None:
    line = json_lines.written(exchange, routing_key, properties, body, {"redelivered": True})
    assert b"\n" not in line
    read = json_lines.read(line)
    assert (read.exchange, read.routing_key, read.body) == (exchange, routing_key, body)
    assert read.properties.encode(len(body)) == properties.encode(len(body))


def test_how_a_line_looks() -> None:
    line = json_lines.written("e", "ä", Properties(type="t"), b"text", {"redelivered": False})
    assert line.decode() == (
        '{"exchange":"e","routing_key":"ä","redelivered":false,"properties":{"type":"t"},'
        '"body":"text"}'
    )
    line = json_lines.written("", "", Properties(), b"\xff")
    assert json.loads(line) == {
        "exchange": "",
        "routing_key": "",
        "properties": {},
        "body_encoding": "base64",
        "body": "/w==",
    }


@pytest.mark.parametrize(
    ("line", "body"),
    [('{"body": {"a": [1]}}', b'{"a":[1]}'), ('{"body": 5}', b"5"), ('{"body": ""}', b"")],
)
def test_a_line_written_by_hand(line: str, body: bytes) -> None:
    read = json_lines.read(line.encode())
    assert read == json_lines.Line(None, None, Properties(), body)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("{", "is no JSON"),
        ("[" * 100000, "nested too deeply"),
        ("5", "is no object"),
        ("{}", "has no body"),
        ('{"body": "", "properties": 1}', "has properties that are no object"),
        ('{"body": "", "routing_key": 1}', "has a routing_key that is no text"),
        ('{"body": "", "exchange": "%s"}' % ("x" * 256), "of more than 255 octets"),
        ('{"body": "?", "body_encoding": "base64"}', "base64 is none"),
        ('{"body": 1, "body_encoding": "base64"}', "is no text"),
        ('{"body": "", "body_encoding": "rot13"}', "rot13"),
        ('{"body": "", "headers": []}', "headers are an object"),
        ('{"body": "", "headers": {"a": %s}}' % ("[" * 300 + "]" * 300), "200 deep"),
        ('{"body": "\\ud800"}', "half of a character"),
        ('{"body": "", "headers": {"\\ud800": 1}}', "half of a character"),
    ],
)
def test_what_is_no_message(line: str, text: str) -> None:
    with pytest.raises(ValueProblem, match=text):
        json_lines.read(line.encode())
