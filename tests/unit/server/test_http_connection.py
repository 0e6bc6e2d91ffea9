"""Octets in and out, exactly. What asyncio has to do with it is in test_http_peer."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.management.request import Request
from broker.server.http_connection import (
    EVENTS_MAX,
    HEAD_MAX,
    HEADERS_MAX,
    LINE_MAX,
    HttpConnection,
    Phase,
    Refused,
    refusal,
)

LIMIT = 100
GET = b"GET /api/whoami HTTP/1.1\r\nHost: mq\r\n\r\n"


def connection() -> HttpConnection:
    return HttpConnection(lambda method, path: LIMIT)


def request_of(octets: bytes) -> Request:
    http = connection()
    http.receive(octets)
    request = http.next_request()
    assert request is not None
    return request


def status_of(octets: bytes) -> int:
    """Of the refusal."""
    http = connection()
    http.receive(octets)
    with pytest.raises(Refused) as caught:
        http.next_request()
    return caught.value.status


def with_head(*lines: str, target: str = "/", method: str = "POST", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {target} HTTP/{version}", "host: mq", *lines, "", ""]).encode()


# --- requests


def test_a_request() -> None:
    request = request_of(
        b"PUT /api/queues/%2F/a%20b?x=1&y=%20&x=2&z HTTP/1.1\r\n"
        b"Host: mq\r\nContent-Length: 7\r\nX-Reason:  so \r\nx-reason: why\r\n\r\n{\"a\":1}"
    )  # fmt: skip
    assert request.method == "PUT"
    assert request.path == "/api/queues/%2F/a%20b"
    assert request.query == {"x": "1", "y": " ", "z": ""}
    assert request.headers == {"host": "mq", "content-length": "7", "x-reason": "why"}
    assert request.body == b'{"a":1}'


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a/?b", "/a/"),
        ("http://mq:15672/a/b?c=d", "/a/b"),
        ("HTTPS://mq", "/"),
        ("http://mq?a=b", "/"),
        ("*", "*"),
        ("/a#b?c", "/a"),
    ],
)
def test_the_path(target: str, path: str) -> None:
    assert request_of(with_head(target=target)).path == path


def test_a_body_in_chunks() -> None:
    head = with_head("transfer-encoding: chunked")
    body = b"3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nx-trailer: 1\r\n\r\n"
    request = request_of(head + body)
    assert request.body == b"abcdefg"
    assert "x-trailer" not in request.headers


def test_there_is_no_next_one_before_the_last_is_answered() -> None:
    http = connection()
    chunked = with_head("transfer-encoding: chunked") + b"1\r\na\r\n0\r\n\r\n"
    http.receive(chunked + GET + GET)
    first = http.next_request()
    assert first is not None
    assert first.body == b"a"
    assert http.phase is Phase.ANSWER
    for path in ("/api/whoami", "/api/whoami"):
        assert http.next_request() is None
        http.start(204, [], 0)
        assert http.end() == (b"", True)
        request = http.next_request()
        assert request is not None
        assert (request.path, request.body) == (path, b"")
    assert http.backlog == 0


@given(st.lists(st.integers(1, 60), max_size=8))
def test_any_split_gives_the_same_requests(sizes: list[int]) -> None:
    octets = b"\r\n" + GET + with_head("transfer-encoding: chunked") + b"2\r\nab\r\n0\r\n\r\n\r\n"
    octets += with_head("content-length: 3") + b"abc" + GET
    http, found = connection(), []
    cuts = [sum(sizes[:n]) for n in range(len(sizes) + 1)]
    for start, end in zip(cuts, [*cuts[1:], len(octets)], strict=True):
        http.receive(octets[start:end])
        while request := http.next_request():
            found.append((request.method, request.path, request.body))
            http.start(200, [], 0)
            assert http.end()[1]
    get = ("GET", "/api/whoami", b"")
    assert found == [get, ("POST", "/", b"ab"), ("POST", "/", b"abc"), get]


def test_what_is_waited_for() -> None:
    http = connection()
    assert http.phase is Phase.IDLE
    http.receive(b"\r\n")
    assert http.next_request() is None
    assert http.phase is Phase.IDLE
    http.receive(b"PUT / HT")
    assert http.next_request() is None
    assert http.phase is Phase.HEAD
    http.receive(b"TP/1.1\r\nhost: mq\r\ncontent-length: 4\r\n\r\nab")
    assert http.next_request() is None
    assert (http.phase, http.body_octets) == (Phase.BODY, 2)
    http.receive(b"cd")
    assert http.next_request() is not None


def test_who_waits_for_100_continue_gets_it_once_the_body_is_welcome() -> None:
    http = connection()
    http.receive(with_head("expect: 100-continue", "content-length: 2"))
    assert http.next_request() is None
    assert http.interim == b"HTTP/1.1 100 Continue\r\n\r\n"
    http = connection()
    http.receive(with_head("expect: 100-continue", "content-length: 2") + b"ab")
    assert http.next_request() is not None
    assert http.interim == b""
    http = connection()
    http.receive(with_head("expect: 100-continue", f"content-length: {LIMIT + 1}"))
    with pytest.raises(Refused):
        http.next_request()
    assert http.interim == b""


def test_a_body_in_many_small_chunks_is_read_bit_by_bit() -> None:
    http = HttpConnection(lambda method, path: 10_000)
    count = EVENTS_MAX * 3
    http.receive(with_head("transfer-encoding: chunked") + b"1\r\na\r\n" * count + b"0\r\n\r\n")
    asked = 0
    while (request := http.next_request()) is None:
        assert http.has_more
        asked += 1
    assert asked >= 3
    assert request.body == b"a" * count


def test_the_limit_of_a_body_is_asked_for_each_request() -> None:
    asked = []

    def limit(method: str, path: str) -> int:
        asked.append((method, path))
        return LIMIT

    http = HttpConnection(limit)
    http.receive(with_head(f"content-length: {LIMIT}", target="/a?b") + b"x" * LIMIT)
    request = http.next_request()
    assert request is not None
    assert len(request.body) == LIMIT
    assert asked == [("POST", "/a")]


# --- refusals


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01", 400),  # TLS
        (b"AMQP\x00\x00\x09\x01", 400),
        (b" GET / HTTP/1.1\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),  # no host
        (with_head("host: other"), 400),
        (with_head("a : b"), 400),
        (with_head("a: b\0"), 400),
        (with_head(target="/grün"), 400),
        (with_head(version="2.0"), 505),
        (with_head(version="0.9"), 505),
        (with_head(method="CONNECT", target="mq:1"), 501),
        (with_head(method="TRACE"), 501),
        (with_head(target="/?" + "&".join("a" * 1001)), 400),  # more fields than anybody needs
        (with_head("content-length: -1"), 400),
        (with_head("content-length: +1"), 400),
        (with_head("content-length: 1, 2"), 400),
        (with_head("content-length: 1", "content-length: 2"), 400),
        (with_head("content-length: 1", "transfer-encoding: chunked"), 400),
        (with_head("transfer-encoding: chunked", version="1.0"), 400),
        (with_head("transfer-encoding: gzip, chunked"), 501),
        (with_head("transfer-encoding: chunked", "transfer-encoding: chunked"), 501),
        (with_head("transfer-encoding: chunked") + b"x\r\n", 400),
        (with_head("transfer-encoding: chunked") + b"1\r\nabc", 400),
        (with_head("transfer-encoding: chunked") + b"1;" + b"x" * 5000, 431),
        (with_head("transfer-encoding: chunked") + b"0\r\n" + b"a: b\r\n" * 1000, 431),
        (with_head(f"content-length: {LIMIT + 1}"), 413),
        (with_head("content-length: " + "9" * 20), 413),
        (with_head("transfer-encoding: chunked") + b"65\r\n" + b"x" * 101, 413),
        (b"GET /" + b"a" * LINE_MAX, 414),
        (with_head(target="/" + "a" * LINE_MAX), 414),
        (with_head("a: " + "b" * HEAD_MAX), 431),
        (b"GET / HTTP/1.1\r\na: " + b"b" * HEAD_MAX, 431),
        (with_head(*["a: b"] * (HEADERS_MAX + 1)), 431),
    ],
    ids=lambda value: repr(value[-25:]) if isinstance(value, bytes) else str(value),
)  # fmt: skip
def test_what_is_refused(octets: bytes, status: int) -> None:
    assert status_of(octets) == status


def test_what_is_just_allowed() -> None:
    longest = "/" + "a" * (LINE_MAX - len("POST / HTTP/1.1\r"))
    assert request_of(with_head(target=longest)).path == longest
    assert len(request_of(with_head(*[f"a{n}: b" for n in range(HEADERS_MAX - 1)])).headers) == 100


def test_a_refusal() -> None:
    assert refusal(400) == (
        b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
    )
    assert refusal(503, b"{}") == (
        b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 2\r\n"
        b"content-type: application/json\r\n\r\n{}"
    )


@given(st.binary(max_size=300), st.integers(0, 300))
def test_whatever_comes_it_is_a_request_a_refusal_or_not_enough(data: bytes, at: int) -> None:
    for octets in (data, GET[:at] + data, with_head("transfer-encoding: chunked") + data):
        http = connection()
        http.receive(octets)
        try:
            while http.next_request() is not None:
                http.start(200, [], 0)
                http.end()
        except Refused as refused:
            refusal(refused.status)  # there is one


# --- answers


def answering(octets: bytes = GET) -> HttpConnection:
    http = connection()
    http.receive(octets)
    assert http.next_request() is not None
    return http


def test_an_answer() -> None:
    http = answering()
    assert http.start(200, [("content-type", "text/plain")], 2) == (
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n"
    )
    assert http.piece(b"a") + http.piece(memoryview(b"b")) == b"ab"
    assert http.end() == (b"", True)


def test_an_answer_of_unknown_length() -> None:
    http = answering()
    assert http.start(200, [], None) == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    assert http.piece(b"abc") == b"3\r\nabc\r\n"
    assert http.piece(b"") == b""
    assert http.end() == (b"0\r\n\r\n", True)


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body(status: int) -> None:
    http = answering()
    assert b"content-length" not in http.start(status, [], 0)
    assert http.piece(b"abc") == b""
    assert http.end() == (b"", True)


@pytest.mark.parametrize("size", [3, None])
def test_the_answer_to_head_has_none(size: int | None) -> None:
    http = answering(b"HEAD / HTTP/1.1\r\nHost: mq\r\n\r\n")
    length = b"transfer-encoding: chunked" if size is None else b"content-length: 3"
    assert http.start(200, [], size) == b"HTTP/1.1 200 OK\r\n" + length + b"\r\n\r\n"
    assert http.piece(b"abc") == b""
    assert http.end() == (b"", True)
    http.receive(GET)
    assert http.next_request() is not None
    assert b"content-length: 3" in http.start(200, [], 3)
    assert http.piece(b"abc") == b"abc"


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: mq\r\nConnection: x, Close\r\n\r\n",
    ],
)
def test_the_last_answer(octets: bytes) -> None:
    http = answering(octets)
    assert http.start(200, [], 1) == (
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n"
    )
    assert http.piece(b"a") == b"a"
    assert http.end() == (b"", False)


def test_http_1_0_knows_no_chunks() -> None:
    http = answering(b"GET / HTTP/1.0\r\n\r\n")
    assert http.start(200, [], None) == b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
    assert http.piece(b"a") == b"a"
    assert http.end() == (b"", False)


def test_the_application_may_end_the_connection() -> None:
    http = answering()
    http.start(200, [("connection", "close")], 0)
    assert http.end() == (b"", False)


def test_a_header_that_would_be_two_is_an_error() -> None:
    http = answering()
    with pytest.raises(h11.LocalProtocolError):
        http.start(200, [("location", "/\r\nset-cookie: a=b")], 0)


def test_an_offer_to_upgrade_is_ignored() -> None:
    http = answering(
        b"GET / HTTP/1.1\r\nHost: mq\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n" + GET
    )
    http.start(200, [], 0)
    assert http.end() == (b"", True)
    assert http.next_request() is not None
