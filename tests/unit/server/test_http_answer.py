"""Answers as they are written to one client, without a socket."""

from __future__ import annotations

import gzip

from broker.management.request import Request, Response
from broker.server.http_answer import SLICE
from tests.support.http import Says, Streaming, Visit, visiting

GET = b"GET /a HTTP/1.1\r\nhost: mq\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n/a"


def test_large_bodies_go_out_in_slices() -> None:
    async def large(request: Request) -> Response:
        return Response(200, [], bytes(SLICE * 3 + 1))

    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        assert visit.stream.write_sizes[1:] == [SLICE, SLICE, SLICE, 1]
        visit.peer.on_transport_paused()
        await visit.says(GET)
        assert visit.stream.write_sizes[6:] == [SLICE]
        visit.peer.on_transport_resumed()
        await visit.hears()
        assert visit.stream.write_sizes[6:] == [SLICE, SLICE, SLICE, 1]

    visiting(talk, Says(large))


def test_gzip_for_those_who_take_it() -> None:
    async def text(request: Request) -> Response:
        return Response(200, [("content-type", "text/plain")], b"a" * 3000)

    async def talk(visit: Visit) -> None:
        assert b"content-length: 3000" in await visit.says(GET)
        takes = GET.replace(b"\r\n\r\n", b"\r\naccept-encoding: gzip\r\n\r\n")
        head, _, body = (await visit.says(takes)).partition(b"\r\n\r\n")
        assert b"content-encoding: gzip\r\ncontent-length: %d" % len(body) in head
        assert gzip.decompress(body) == b"a" * 3000

    visiting(talk, Says(text), compress=True)


def test_gzip_of_a_stream() -> None:
    async def talk(visit: Visit) -> None:
        far, stream = visit.arrives(is_loopback=False)
        far.absorb(GET.replace(b"\r\n\r\n", b"\r\naccept-encoding: gzip\r\n\r\n"))
        for _ in range(100):
            streaming.pieces.put_nowait(b"abc" * 1000)
        streaming.pieces.put_nowait(None)
        while not stream.written.endswith(b"\r\n0\r\n\r\n"):
            await visit.hears()
        head, _, chunks = bytes(stream.written).partition(b"\r\n\r\n")
        assert b"content-encoding: gzip\r\ntransfer-encoding: chunked" in head
        body = b""
        while chunks:
            size, _, rest = chunks.partition(b"\r\n")
            body, chunks = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        assert gzip.decompress(body) == b"abc" * 100_000
        assert streaming.is_closed
        far.on_lost()

    streaming = Streaming([("content-type", "application/json")])
    visiting(talk, streaming, compress=True)


def test_a_stream_goes_out_as_it_comes() -> None:
    async def talk(visit: Visit) -> None:
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        assert await visit.says(GET + GET) == head
        for piece, octets in ((b"abc", b"3\r\nabc\r\n"), (b"", b""), (b"d", b"1\r\nd\r\n")):
            streaming.pieces.put_nowait(piece)
            assert await visit.hears() == octets
        streaming.pieces.put_nowait(None)
        assert await visit.hears() == b"0\r\n\r\n" + head
        assert len(streaming.requests) == 2

    streaming = Streaming()
    visiting(talk, streaming)
    assert streaming.is_closed


def test_a_client_that_does_not_read_holds_the_stream() -> None:
    async def talk(visit: Visit) -> None:
        await visit.says(GET)
        for _ in range(5):
            streaming.pieces.put_nowait(b"x")
        visit.peer.on_transport_paused()
        assert await visit.hears() == b"1\r\nx\r\n"
        assert streaming.pieces.qsize() == 4
        visit.peer.on_transport_resumed()
        assert await visit.hears() == b"1\r\nx\r\n" * 4
        visit.peer.on_transport_paused()
        streaming.pieces.put_nowait(b"x")
        await visit.hears()

    streaming = Streaming()
    visiting(talk, streaming)  # lost while it does not read
    assert streaming.is_closed


def test_head_has_no_stream() -> None:
    async def talk(visit: Visit) -> None:
        answer = await visit.says(b"HEAD /a HTTP/1.1\r\nhost: mq\r\n\r\n")
        assert answer == b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        streaming.handler = None
        assert await visit.says(GET) == OK

    streaming = Streaming()
    visiting(talk, streaming)
