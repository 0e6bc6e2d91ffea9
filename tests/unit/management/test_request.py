"""Requests are read, and refusals told, as RabbitMQ does it. Texts are those of 3.10.8."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broker.management.request import (
    DEPTH_MAX,
    DOUBLY_ENCODED,
    REPAIRED_MAX,
    VALUES_MAX,
    Refusal,
    Request,
    bad_request,
    encoded,
    escaped,
    json_response,
    method_not_allowed,
    missing,
    not_authorised,
    not_found,
    parse_query,
    parsed,
    put_response,
    values_of,
)


def with_body(body: bytes) -> Request:
    return Request("PUT", "/api/x", body=body)


def reason_of(refused: pytest.ExceptionInfo[Refusal]) -> object:
    return refused.value.reason


@pytest.mark.parametrize("body", [b"", b"null", b"undefined", b"true", b"false"])
def test_what_counts_as_an_empty_object(body: bytes) -> None:
    assert with_body(body).json() == {}


@pytest.mark.parametrize("body", [b" ", b"{", b"[1]", b"5", b'{"a":1} x', b"\xff", b'{"a":NaN}'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        with_body(body).json()
    assert refused.value.status == 400
    assert reason_of(refused) == "not_json"


def test_json_in_json() -> None:
    with pytest.raises(Refusal) as refused:
        with_body(b'"{}"').json()
    assert reason_of(refused) == DOUBLY_ENCODED


def test_fields_that_are_missing_are_all_named() -> None:
    assert with_body(b'{"a":null}').fields("a") == {"a": None}
    with pytest.raises(Refusal) as refused:
        with_body(b'{"read":""}').fields("configure", "read", "write")
    assert reason_of(refused) == "[{key_missing,configure},{key_missing,write}]"


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'"\xff"', "\ufffd"),
        (b'"\\ud800x"', "\ufffdx"),
        (b'{"\\udc00": ["\\uD83D\\ude00", 1]}', {"\ufffd": ["\U0001f600", 1]}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"1.5", 1.5),
    ],
)
def test_json_as_rabbitmq_reads_it(body: bytes, value: object) -> None:
    assert parsed(body) == value


@pytest.mark.parametrize("body", [b"1e999", b"-1e999", b"Infinity", b"9" * 5000])
def test_numbers_that_are_none(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"JSON|beyond|limit"):
        parsed(body)


def nested(levels: int) -> bytes:
    return b'{"a":[' * (levels // 2) + b"]}" * (levels // 2)


def test_bodies_are_as_deep_as_can_be_shown_again() -> None:
    json.dumps(parsed(nested(DEPTH_MAX)))
    for levels in (DEPTH_MAX + 2, 100_000):
        with pytest.raises(ValueError, match="deep"):
            parsed(nested(levels))
    many: Any = parsed(b"[" + b"[],[]," * 1000 + b"0]")  # many are not deep
    assert len(many) == 2001


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb'{"a": "^\d+\.x$"}', r"^\d+\.x$"),
        (rb'{"a": "\\d\u0041\u4x\n"}', "\\dA\\u4x\n"),
        (b'{"a": "\t\n\x00"}', "\t\n\0"),
    ],
)
def test_strings_may_have_any_characters_in_them(body: bytes, text: str) -> None:
    """As RabbitMQ has it: a backslash that escapes nothing is one."""
    assert parsed(body) == {"a": text}


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": [1, "x", ], }', {"a": [1, "x"]}),
        (b"[true,\n]", [True]),
        (b'{"a": {"b": ",]"},}', {"a": {"b": ",]"}}),
        (b'{"a": "\\d,}",}', {"a": "\\d,}"}),
    ],
)
def test_a_comma_may_follow_the_last_element(body: bytes, value: object) -> None:
    assert parsed(body) == value


@pytest.mark.parametrize("body", [b"[,]", b"{,}", b"[1,,]", b"[1 ,]", b'{"a":1,,}', b"1,", b'"a,]'])
def test_but_nothing_else(body: bytes) -> None:
    with pytest.raises(ValueError, match="char"):
        parsed(body)


@pytest.mark.parametrize("body", [rb'{"a": "\"}', rb'{"a": \n}', rb"\{}"])
def test_a_backslash_elsewhere_is_none(body: bytes) -> None:
    with pytest.raises(ValueError, match="char"):
        parsed(body)


def test_the_query() -> None:
    query = parse_query("a=1&a=2&b=&c=%2F+x&d")
    assert query == {"a": "1", "b": "", "c": "/ x", "d": ""}
    assert values_of(query, "a") == ["1", "2"]
    assert values_of(query, "e") == values_of({}, "a") == []
    assert values_of({"a": "1"}, "a") == ["1"]
    with pytest.raises(ValueError, match="percent"):
        parse_query("a=%zz")
    request = Request("GET", "/", {"yes": "true", "no": "1"})
    assert request.is_set("yes")
    assert not request.is_set("no")
    assert not request.is_set("none")


def test_names_that_are_not_utf_8_can_be_shown() -> None:
    assert encoded({"name": "a\udcff"}) == '{"name":"a\ufffd"}'.encode()
    assert encoded(["é", None]) == '["é",null]'.encode()


def test_json_is_not_kept_by_anybody() -> None:
    response = json_response({"a": 1}, 503)
    assert response.status == 503
    assert response.body == b'{"a":1}'
    assert ("cache-control", "no-cache") in response.headers


@pytest.mark.parametrize(
    ("refusal", "status", "body"),
    [
        (bad_request(["a", 5]), 400, '{"error":"bad_request","reason":["a",5]}'),
        (not_found(), 404, '{"error":"Object Not Found","reason":"Not Found"}'),
        (missing("vhost_not_found"), 404, '{"error":"not_found","reason":"vhost_not_found"}'),
        (not_authorised("no"), 401, '{"error":"not_authorised","reason":"no"}'),
        (method_not_allowed("GET"), 405, ""),
        (Refusal(415), 415, ""),
    ],
)  # fmt: skip
def test_refusals(refusal: Refusal, status: int, body: str) -> None:
    response = refusal.response()
    assert response.status == status
    assert response.body == body.encode()
    assert (("content-type", "application/json") in response.headers) == bool(body)


def test_a_refusal_has_its_headers() -> None:
    assert method_not_allowed("GET").response().headers == [("allow", "GET")]


def test_what_is_new_and_what_has_changed() -> None:
    assert (put_response(False).status, put_response(True).status) == (201, 204)


def test_some_texts_are_escaped() -> None:
    assert escaped('<<"&">>') == '&lt;&lt;"&amp;"&gt;&gt;'


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * VALUES_MAX + b"1]",
        b"{" + b'"":0,' * (VALUES_MAX + 1) + b'"":0}',
        b"[" + b'"\\\\",' * (VALUES_MAX + 1) + b"1]",
        b"[" + b'"\\"",' * (VALUES_MAX + 1) + b"1]",
    ],
)
def test_bodies_with_very_many_values_are_not_read(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        Request("PUT", "/", body=body).json()
    assert refused.value.reason == "the body has too many values"


@pytest.mark.parametrize(
    "text", ["," * 100_000, '"' * 100_000, "\\" * 100_000, '[{"a\\"b,' * 30_000, "\\," * 50_000]
)
def test_what_is_in_a_string_is_no_value(text: str) -> None:
    body = json.dumps({"payload": text, "more": [1, {"a": text}]}).encode()
    assert Request("PUT", "/", body=body).json()["payload"] == text


def test_only_what_somebody_might_have_written_is_repaired() -> None:
    body = b'{"a":"' + b"\\q" * 1000 + b'"}'
    assert Request("PUT", "/", body=body).json() == {"a": "\\q" * 1000}
    with pytest.raises(Refusal) as refused:
        Request("PUT", "/", body=body + b" " * REPAIRED_MAX).json()
    assert refused.value.reason == "not_json"
