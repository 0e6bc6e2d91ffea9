"""All clients of a listener. What one of them does is in test_http_peer, sockets are in
tests/integration."""

from __future__ import annotations

import asyncio

import pytest

from broker.server.http import HELD_MAX, SERVER, TICK_S, HttpProtocol, HttpServer, http_date
from tests.support.gateway import AsyncioTransport
from tests.support.http import Says, Visit, visiting

GET = b"GET /a HTTP/1.1\r\nhost: mq\r\n\r\n"


@pytest.mark.parametrize(
    ("epoch_s", "text"),
    [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
        (784111777, "Sun, 06 Nov 1994 08:49:37 GMT"),  # RFC 9110, 5.6.7
        (1795288011, "Sat, 21 Nov 2026 19:06:51 GMT"),
        (4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"),
    ],
)
def test_dates(epoch_s: int, text: str) -> None:
    assert http_date(epoch_s) == text


def test_what_every_answer_has() -> None:
    async def talk(visit: Visit) -> None:
        clock = visit.world.node.clock
        first = visit.server.headers()
        assert first == [("date", http_date(clock.epoch_ms() // 1000)), ("server", SERVER)]
        visit.server.shut_down()
        assert visit.server.headers() == [*first, ("connection", "close")]

    visiting(talk)


def test_bodies_are_counted_over_all_clients() -> None:
    async def talk(visit: Visit) -> None:
        server = visit.server
        assert server.hold(10, 10)
        assert server.hold(HELD_MAX - 10, HELD_MAX - 10)
        assert not server.hold(1, 11)
        assert server.hold(-1, 10)
        assert server.hold(-HELD_MAX, 0)
        assert server.hold(HELD_MAX + 1, HELD_MAX + 1)  # there is no other one
        assert server.hold(-HELD_MAX - 1, 0)

    visiting(talk)


@pytest.mark.parametrize(("timeout_ms", "tick_s"), [(100, 0.025), (60_000, TICK_S)])
def test_the_clock_ticks_while_somebody_is_there(timeout_ms: int, tick_s: float) -> None:
    async def talk(visit: Visit) -> None:
        server = visit.server
        assert server._tick_s == tick_s
        ticker = server._ticker
        assert ticker is not None
        other, _ = visit.arrives()
        other.on_lost()
        assert server._ticker is ticker
        visit.peer.on_lost()
        assert server._ticker is None
        assert ticker.cancelled()

    visiting(talk, idle_timeout=timeout_ms)


def test_whose_time_is_over_is_looked_at_by_itself() -> None:
    async def talk(visit: Visit) -> None:
        visit.server.now = asyncio.get_running_loop().time
        visit.peer.on_transport_resumed()  # sets its time anew
        while not visit.stream.is_closed:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.002)

    visiting(talk, idle_timeout=8)


class Transport(AsyncioTransport):
    def can_write_eof(self) -> bool:
        return False


def test_between_a_transport_and_a_client() -> None:
    async def main() -> None:
        visit = Visit()
        protocol, transport = HttpProtocol(visit.server), Transport(("::1", 7), ("::1", 15672))
        protocol.connection_made(transport)  # type: ignore[arg-type]
        protocol.data_received(GET)
        await visit.hears()
        (request,) = visit.application.requests
        assert (request.peer, request.is_loopback) == ("::1:7", True)
        assert transport.written.startswith(b"HTTP/1.1 200 OK\r\n")
        protocol.pause_writing()
        protocol.resume_writing()
        assert not protocol.eof_received()
        protocol.connection_lost(None)
        assert list(visit.server.peers) == [visit.peer]
        await visit.leaves()

    asyncio.run(main())


def test_the_end_waits_for_answers_and_cancels_what_takes_longer() -> None:
    cancelled = []

    async def hangs(request: object) -> object:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(request)
            raise

    async def main() -> None:
        visit = Visit(Says(hangs))  # type: ignore[arg-type]
        visit.server.now = asyncio.get_running_loop().time
        await visit.says(GET)
        visit.server.shut_down()
        await visit.server.close(0.01)
        assert visit.stream.is_aborted
        assert len(cancelled) == 1
        assert visit.server.task_count == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_server_that_nobody_came_to_ends_at_once() -> None:
    async def main() -> None:
        visit = Visit()
        await visit.leaves()
        server = HttpServer(
            visit.world.node, Says(), visit.server.options, asyncio.get_running_loop()
        )
        server.shut_down()
        await server.close(1000)

    asyncio.run(main())
