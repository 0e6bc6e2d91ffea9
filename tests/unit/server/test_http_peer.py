"""One client and the application, without a socket: `Visit` is the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from broker.management.request import Request, Response
from broker.server.http import HELD_MAX
from broker.server.http_peer import (
    BACKLOG_MAX,
    BODY_RATE,
    FAILED,
    HALF_CLOSED_S,
    LINGER_S,
)
from tests.support.http import Says, Streaming, Visit, visiting

GET = b"GET /a HTTP/1.1\r\nhost: mq\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n/a"
SLOW = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
FULL = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


def put(length: int) -> bytes:
    return f"PUT /a HTTP/1.1\r\nhost: mq\r\ncontent-length: {length}\r\n\r\n".encode()


class Held(Says):
    """Answers once it is let, and knows whether it was cancelled."""

    def __init__(self) -> None:
        super().__init__(self.hold)
        self.let = asyncio.Event()
        self.cancelled = 0
        self.at_once = 0
        self.most_at_once = 0

    async def hold(self, request: Request) -> Response:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await self.let.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.at_once -= 1
        return Response(200, [("content-type", "text/plain")], request.path.encode())


# --- requests and answers


def test_a_request_is_answered_with_what_every_answer_has() -> None:
    async def talk(visit: Visit) -> None:
        visit.peer.absorb(GET)
        await visit.hears()
        (_, date), _ = visit.server.headers()
        assert visit.stream.written == (
            b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: " + date.encode()
            + b"\r\nserver: Leveret\r\ncontent-length: 2\r\n\r\n/a"
        )  # fmt: skip
        assert visit.stream.write_sizes == [len(visit.stream.written)]  # one write
        (request,) = visit.application.requests
        assert (request.peer, request.is_loopback, request.is_tls) == ("192.0.2.1:1", True, False)

    visiting(talk)


def test_requests_come_one_after_the_other() -> None:
    async def talk(visit: Visit) -> None:
        assert await visit.says(GET + GET, GET) == b""
        assert len(held.requests) == 1
        held.let.set()
        assert await visit.hears() == OK * 3
        assert held.most_at_once == 1

    held = Held()
    visiting(talk, held)


def test_the_last_request_of_a_connection() -> None:
    async def talk(visit: Visit) -> None:
        answer = await visit.says(b"GET /a HTTP/1.0\r\n\r\n" + GET)
        assert answer == OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
        assert visit.stream.is_closed
        visit.peer.absorb(GET)
        assert len(visit.application.requests) == 1

    visiting(talk)


def test_the_body_is_asked_for() -> None:
    async def talk(visit: Visit) -> None:
        head = put(2).replace(b"\r\n\r\n", b"\r\nexpect: 100-continue\r\n\r\n")
        assert await visit.says(head) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert await visit.says(b"ab") == OK

    visiting(talk)


def test_a_body_in_a_thousand_chunks_is_read_in_several_turns() -> None:
    async def talk(visit: Visit) -> None:
        head = b"PUT /a HTTP/1.1\r\nhost: mq\r\ntransfer-encoding: chunked\r\n\r\n"
        visit.peer.absorb(head + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n" + GET)
        assert visit.application.requests == []
        assert await visit.hears() == OK * 2
        assert len(visit.application.requests[0].body) == 1000

    visiting(talk)


# --- what the application does wrong


async def raises(request: Request) -> Response:
    raise RuntimeError("it broke")


async def cancels_itself(request: Request) -> Response:
    raise asyncio.CancelledError


async def cannot_be_sent(request: Request) -> Response:
    return Response(200, [("location", "/\r\nset-cookie: a=b")])


@pytest.mark.parametrize("handler", [raises, cancels_itself, cannot_be_sent])
def test_a_bug_is_counted_and_the_client_learns_nothing_of_it(
    handler: object, caplog: pytest.LogCaptureFixture
) -> None:
    async def talk(visit: Visit) -> None:
        assert await visit.says(GET) == OK
        visit.application.handler = handler  # type: ignore[assignment]
        assert await visit.says(GET + GET) == FAILED
        assert visit.stream.is_closed
        assert visit.world.node.bug_count == 1
        assert "a request failed, method=GET path=/a" in caplog.text
        assert "Traceback" in caplog.text

    visiting(talk)


def test_a_bug_in_the_middle_of_an_answer_does_not_look_like_its_end() -> None:
    async def breaks(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"abc"
            raise RuntimeError("it broke")

        return Response(200, [], pieces())

    async def talk(visit: Visit) -> None:
        assert (await visit.says(GET)).endswith(b"\r\n\r\n3\r\nabc\r\n")
        assert visit.stream.is_aborted
        assert visit.world.node.bug_count == 1

    visiting(talk, Says(breaks))


def test_a_handler_that_breaks_when_it_is_cancelled() -> None:
    async def stubborn(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise RuntimeError("it broke") from None
        raise AssertionError

    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        visit.stream.is_lost = True  # a write would raise
        await visit.leaves()
        assert visit.world.node.bug_count == 1

    visiting(talk, Says(stubborn))


def test_a_handler_that_does_not_take_being_cancelled() -> None:
    async def stubborn(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return Response(204)
        raise AssertionError

    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        visit.stream.is_lost = True
        await visit.leaves()
        assert visit.world.node.bug_count == 0

    visiting(talk, Says(stubborn))


# --- clients that go


def test_who_hangs_up_cancels_what_he_asked_for() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        await visit.leaves()
        assert held.cancelled == 1

    held = Held()
    visiting(talk, held)


def test_who_sends_no_more_is_answered_all_the_same() -> None:
    async def talk(visit: Visit) -> None:
        visit.peer.absorb(GET + GET + b"GET ")
        assert visit.peer.on_eof() is True
        held.let.set()
        assert await visit.hears() == OK * 2
        assert visit.stream.is_closed

    held = Held()
    visiting(talk, held)


def test_who_sends_no_more_may_have_gone() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        assert visit.peer.on_eof() is True
        visit.later(HALF_CLOSED_S - 1)
        assert not visit.stream.is_aborted
        visit.later(2)
        assert visit.stream.is_aborted

    visiting(talk, Held())


@pytest.mark.parametrize("octets", [b"", b"GET ", put(10) + b"abc", b"nonsense\r\n\r\n"])
def test_who_goes_before_he_has_asked_is_not_kept(octets: bytes) -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(octets)
        assert visit.peer.on_eof() is False

    visiting(talk)


# --- clients that do too much


def test_what_is_refused_ends_the_connection_once_that_was_read() -> None:
    async def talk(visit: Visit) -> None:
        answer = await visit.says(put(1001) + b"x" * 100)
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert visit.stream.has_written_eof
        assert await visit.says(b"x" * 1000, GET) == b""
        assert not visit.stream.is_closed
        visit.later(LINGER_S)
        assert visit.stream.is_closed

    visiting(talk)


def test_who_sends_requests_and_does_not_wait_for_answers_is_not_read() -> None:
    async def talk(visit: Visit) -> None:
        count = BACKLOG_MAX // len(GET) + 10
        await visit.says(GET, GET * count)
        assert not visit.stream.is_reading
        held.let.set()
        heard = b""
        while more := await visit.hears():
            heard += more
        assert heard == OK * (count + 1)
        assert visit.stream.is_reading
        assert visit.stream.pauses == 1

    held = Held()
    visiting(talk, held)


def test_there_may_be_so_many_connections() -> None:
    async def talk(visit: Visit) -> None:
        second, _ = visit.arrives()
        third, stream = visit.arrives()
        assert stream.written == FULL
        assert stream.has_written_eof
        third.absorb(GET)
        assert visit.application.requests == []
        second.on_lost()
        third.on_lost()
        fourth, stream = visit.arrives()
        fourth.absorb(GET)
        await visit.hears()
        assert len(visit.application.requests) == 1
        fourth.on_lost()

    visiting(talk)


def test_all_bodies_together_have_a_limit_but_one_alone_has_not() -> None:
    async def talk(visit: Visit) -> None:
        size = HELD_MAX // 2 + 1
        await visit.says(put(size * 2), b"x" * size)
        other, stream = visit.arrives()
        other.absorb(put(size * 2) + b"x" * size)
        assert stream.written == FULL
        assert visit.server.held_octets == size
        assert await visit.says(b"x" * size) == OK
        assert visit.server.held_octets == 0
        other.on_lost()

    visiting(talk, Says(body_max=HELD_MAX * 2))


# --- clients that take too long


def test_an_idle_connection_is_closed() -> None:
    async def talk(visit: Visit) -> None:
        visit.later(59)
        assert await visit.says(GET) == OK
        visit.later(59)
        await visit.says(b"\r\n")  # is no request
        assert not visit.stream.is_closed
        visit.later(2)
        assert visit.stream.is_closed
        assert await visit.hears() == b""

    visiting(talk)


def test_a_head_has_its_time() -> None:
    async def talk(visit: Visit) -> None:
        visit.later(50)
        for octet in b"GET /a HT":
            await visit.says(bytes((octet,)))
            visit.later(1)
        assert await visit.hears() == b""
        visit.later(2)
        assert await visit.hears() == SLOW

    visiting(talk)


def test_a_body_has_a_second_more_for_what_has_come() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(put(100 * BODY_RATE), b"x" * (5 * BODY_RATE))
        visit.later(64)
        assert await visit.says(b"x" * (5 * BODY_RATE)) == b""
        visit.later(5)
        assert await visit.hears() == b""
        visit.later(2)
        assert await visit.hears() == SLOW

    visiting(talk, Says(body_max=100 * BODY_RATE))


def test_who_does_not_read_is_dropped_and_who_reads_slowly_is_not() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        visit.stream.behind = 1000
        visit.peer.on_transport_paused()
        for _ in range(5):
            visit.later(50)
            visit.stream.behind -= 100
            visit.later(11)
        assert not visit.stream.is_aborted
        visit.later(61)
        assert visit.stream.is_aborted

    visiting(talk, Held())


def test_who_does_not_take_the_last_answer_is_dropped() -> None:
    async def talk(visit: Visit) -> None:
        visit.stream.behind = 1000
        await visit.says(b"GET /a HTTP/1.0\r\n\r\n")
        assert visit.stream.is_closed
        visit.later(59)
        assert not visit.stream.is_aborted
        visit.later(2)
        assert visit.stream.is_aborted

    visiting(talk)


def test_an_answer_takes_as_long_as_it_takes() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        visit.later(10_000)
        held.let.set()
        assert await visit.hears() == OK

    held = Held()
    visiting(talk, held)


# --- the end of the node


def test_what_waits_is_closed_and_what_is_answered_is_the_last() -> None:
    async def talk(visit: Visit) -> None:
        _, idle = visit.arrives()
        await visit.says(GET)
        visit.server.shut_down()
        assert idle.is_closed
        assert not visit.stream.is_closed
        held.let.set()
        assert b"\r\nconnection: close\r\n" in await visit.hears()
        assert visit.stream.is_closed
        _, late = visit.arrives()
        assert late.written == FULL
        for peer in list(visit.server.peers):
            peer.on_lost()

    held = Held()
    visiting(talk, held)


def test_what_would_go_on_for_ever_is_cut_off() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        visit.server.shut_down()
        await visit.hears()
        assert streaming.is_closed
        assert visit.stream.is_aborted

    streaming = Streaming()
    visiting(talk, streaming)
