"""With a `Familiar` a connection says and reads what it does without one: octet for octet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.management.request import Headers
from broker.server.http_connection import HttpConnection, Refused
from broker.server.http_familiar import COUNT_MAX, HEAD_MAX, Familiar

PLAIN = b"GET /api/overview?columns=node HTTP/1.1\r\nhost: mq\r\n\r\n"
ANSWER: Headers = [("content-type", "application/json"), ("date", "now")]


def head(*lines: str, method: str = "GET", version: str = "1.1") -> bytes:
    parts = [f"{method} /api/overview HTTP/{version}", "host: mq", *lines, "", ""]
    return "\r\n".join(parts).encode()


HEADS = [
    PLAIN,
    PLAIN,
    head(),
    head("accept: */*"),
    head("accept: */*").replace(b"\r\n", b"\n"),
    head("connection: close"),
    head("connection: keep-alive"),
    head("connection: upgrade", "upgrade: websocket"),
    head("upgrade: h2c"),
    head("content-length: 0"),
    head("content-length: 2") + b"{}",
    head("expect: 100-continue", "content-length: 2") + b"{}",
    head("transfer-encoding: chunked") + b"2\r\n{}\r\n0\r\n\r\n",
    head(method="HEAD"),
    head(method="POST"),
    head(version="1.0"),
    head("connection: keep-alive", version="1.0"),
    head("x: " + "y" * HEAD_MAX),
    head("a : b"),
    b"\r\n" + PLAIN,
]
ANSWERS: list[tuple[int, Headers]] = [
    (200, ANSWER),
    (200, [*ANSWER, ("connection", "close")]),
    (404, ANSWER),
    (204, []),
    (304, []),
]

Exchange = tuple[
    bytes, int, Headers, int | None, int
]  # what is asked; the answer; its size, and how wrong that is
exchanges = st.tuples(
    st.sampled_from(HEADS),
    st.sampled_from(ANSWERS),
    st.sampled_from([0, 2, None]),
    st.sampled_from([0, 0, 0, 0, 1, -1]),
).map(lambda drawn: (drawn[0], *drawn[1], drawn[2], drawn[3]))


def talk(exchanges: Iterable[Exchange], familiar: Familiar | None, cut: int) -> list[object]:
    """Everything that can be seen of a connection on which this happens. cut: octets received at
    a time; 0: all of a request."""
    http, seen = HttpConnection(lambda method, path: 100, familiar), list[object]()
    for octets, status, headers, size, more in exchanges:
        step = cut or len(octets)
        try:
            for at in range(0, len(octets), step):
                http.receive(octets[at : at + step])
                request = http.next_request()
                asked = None if request is None else replace(request)
                seen += [asked, http.interim, http.phase, http.backlog, http.body_octets]
                http.interim = b""
            if request is None:
                return seen
            # what a handler may do to its request is not seen by the next one
            request.path, request.params, request.peer = "/changed", {"changed": "yes"}, "x"
            seen.append(http.start(status, list(headers), size))
            pieces = 3 if size is None else size + more
            seen += [http.piece(memoryview(b"a")) for _ in range(pieces)]
            tail, is_reusable = http.end()
        except (Refused, h11.LocalProtocolError) as error:
            return [*seen, type(error), getattr(error, "status", 0)]
        seen += [tail, is_reusable, http.phase]
        if not is_reusable:
            break
    return seen


@given(st.lists(st.lists(exchanges, max_size=6), min_size=1, max_size=5), st.sampled_from([0, 7]))
def test_familiar_or_not(connections: list[list[Exchange]], cut: int) -> None:
    familiar = Familiar()
    for one in connections:
        assert talk(one, familiar, cut) == talk(one, None, cut)


@pytest.mark.parametrize("octets", HEADS)
@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("size", [0, 2, None])
def test_each_after_each(octets: bytes, answer: tuple[int, Headers], size: int | None) -> None:
    familiar = Familiar()
    plain: Exchange = (PLAIN, 200, ANSWER, 2, 0)
    one: Exchange = (octets, *answer, size, 0)
    answered_plainly: Exchange = (octets, 200, ANSWER, 2, 0)
    for exchanges in [[plain, plain], [one], [one, one], [answered_plainly], [one, plain, one]]:
        for _ in range(2):
            assert talk(exchanges, familiar, 0) == talk(exchanges, None, 0)


@pytest.mark.parametrize("size", [0, 2])
def test_what_is_familiar_goes_past_h11(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    familiar = Familiar()
    exchange: Exchange = (PLAIN, 200, ANSWER, size, 0)
    for _ in range(2):  # the request is learned, then the answer to it
        expected = talk([exchange], familiar, 0)
    monkeypatch.setattr(h11.Connection, "receive_data", None)
    monkeypatch.setattr(h11.Connection, "send", None)
    assert talk([exchange] * 3, familiar, 0) == expected * 3


@pytest.mark.parametrize("more", [1, -1])
def test_a_body_is_neither_longer_nor_shorter_than_was_said(more: int) -> None:
    familiar = Familiar()
    for _ in range(2):
        talk([(PLAIN, 200, ANSWER, 2, 0)], familiar, 0)
    assert talk([(PLAIN, 200, ANSWER, 2, more)], familiar, 0)[-2] is h11.LocalProtocolError


def test_it_does_not_grow() -> None:
    familiar = Familiar()
    for number in range(3 * COUNT_MAX):
        octets = PLAIN.replace(b"node", b"%d" % number)
        for _ in range(2):
            talk([(octets, 200, [*ANSWER, ("x", str(number))], 2, 0)], familiar, 0)
    assert len(familiar._requests) <= COUNT_MAX
    assert len(familiar._answers) <= COUNT_MAX
