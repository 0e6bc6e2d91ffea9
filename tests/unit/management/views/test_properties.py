from __future__ import annotations

import pytest

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.management.request import Refusal
from broker.management.views.properties import (
    check_payload,
    read_payload,
    read_properties,
    shown_payload,
    shown_properties,
)
from tests.support.builders import header, table

UNKNOWN_MODE = "PRECONDITION_FAILED - invalid message: {delivery_mode_unknown,300}"
ALL = {
    "content_type": "text/plain",
    "content_encoding": "gzip",
    "headers": {"a": 1},
    "delivery_mode": 2,
    "priority": 255,
    "correlation_id": "c",
    "reply_to": "r",
    "expiration": "60000",
    "message_id": "m",
    "timestamp": 2**64 - 1,
    "type": "t",
    "user_id": "guest",
    "app_id": "",
    "cluster_id": "c",
}


def test_all_properties_both_ways() -> None:
    assert shown_properties(read_properties(ALL).encode(0)) == ALL


def test_what_is_absent_is_not_shown() -> None:
    assert shown_properties(header()) == {}
    assert shown_properties(header(headers={})) == {"headers": {}}
    assert shown_properties(header(priority=0, cluster_id="c")) == {
        "priority": 0,
        "cluster_id": "c",
    }


def test_what_nobody_knows_is_not_noticed() -> None:
    assert read_properties({"nope": None}) == Properties()


@pytest.mark.parametrize("empty", [{}, []])
def test_nothing_is_given_in_two_ways(empty: object) -> None:
    assert read_properties(empty) == Properties()
    assert read_properties({"headers": empty}) == Properties(headers={})


def test_headers_are_a_table() -> None:
    found = read_properties({"headers": {"a": {"b": [1, True]}}})
    inner = Field("F", {"b": Field("A", [Field("l", 1), Field("t", True)])})
    assert found.headers == {"a": inner}
    assert shown_properties(header(headers=table(x=b"\xff"))) == {
        "headers": {"x": "Not UTF-8, base64 is: /w=="}
    }


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (None, "properties must be an object"),
        ("x", "properties must be an object"),
        ({"priority": "3"}, ["not_int", "priority"]),
        ({"priority": 256}, ["not_int", "priority"]),
        ({"priority": True}, ["not_int", "priority"]),
        ({"delivery_mode": 300}, f"406 {UNKNOWN_MODE}"),
        ({"delivery_mode": 1.0}, ["not_int", "delivery_mode"]),
        ({"timestamp": -3}, ["not_int", "timestamp"]),
        ({"timestamp": 2**64}, ["not_int", "timestamp"]),
        ({"content_type": 5}, ["not_string", "content_type"]),
        ({"app_id": None}, ["not_string", "app_id"]),
        ({"message_id": "x" * 256}, ["not_string", "message_id"]),
        ({"message_id": "é" * 128}, ["not_string", "message_id"]),
        ({"headers": {"a": None}}, "null_not_allowed"),
        ({"headers": 5}, "headers must be an object"),
    ],
)
def test_what_is_no_property_is_refused(given: object, reason: object) -> None:
    with pytest.raises(Refusal) as refused:
        read_properties(given)
    assert (refused.value.status, refused.value.reason) == (400, reason)


@pytest.mark.parametrize(
    ("body", "encoding", "shown"),
    [
        (b"", "auto", ("", "string")),
        ("größe".encode(), "auto", ("größe", "string")),
        (b"\xff\x00", "auto", ("/wA=", "base64")),
        (b"text", "base64", ("dGV4dA==", "base64")),
    ],
)
def test_bodies_are_text_if_they_can_be(body: bytes, encoding: str, shown: tuple[str, str]) -> None:
    assert shown_payload(body, encoding) == shown
    assert read_payload(*shown) == body


@pytest.mark.parametrize(
    ("payload", "encoding", "reason"),
    [
        ("5", "base64", ["not_base64", "5"]),
        ("aGVsbG8", "base64", ["not_base64", "aGVsbG8"]),
        ("!!!!", "base64", ["not_base64", "!!!!"]),
        ("é", "base64", ["not_base64", "é"]),
        ("x", "nope", ["unsupported_encoding", "nope"]),
        ("x", None, ["unsupported_encoding", None]),
    ],
)
def test_what_is_no_body_is_refused(payload: str, encoding: object, reason: object) -> None:
    with pytest.raises(Refusal) as refused:
        read_payload(payload, encoding)
    assert (refused.value.status, refused.value.reason) == (400, reason)


def test_blanks_between_the_characters_of_base64_do_not_matter() -> None:
    assert read_payload(" aGVs\r\n\tbG8=\n", "base64") == b"hello"


@pytest.mark.parametrize("payload", [5, None, ["a"], {}])
def test_a_payload_is_a_string(payload: object) -> None:
    with pytest.raises(Refusal) as refused:
        check_payload(payload)
    assert (refused.value.status, refused.value.reason) == (400, "payload_not_string")
