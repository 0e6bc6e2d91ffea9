"""Against a server that sends exactly what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from broker.server import http_client
from broker.server.http_client import BODY_MAX, HttpClient, HttpError, Response

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nallow"


class Service:
    """Answers requests with the given octets, one after the other; None: hangs up."""

    def __init__(self, *answers: bytes | None):
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = 0
                for line in head.split(b"\r\n"):
                    if line.startswith(b"Content-Length: "):
                        size = int(line.split()[1])
                self.requests.append(head + await reader.readexactly(size))
                answer = self.answers.pop(0)
                if answer is None:
                    break
                writer.write(answer)
                await writer.drain()
                if answer is not OK:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()


def run(service: Service, conversation: Callable[[HttpClient, str], Awaitable[None]]) -> None:
    async def main() -> None:
        server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
        service.port = server.sockets[0].getsockname()[1]
        client = HttpClient()
        try:
            await conversation(client, f"http://127.0.0.1:{service.port}/path")
        finally:
            await client.close()
            server.close()
            await server.wait_closed()
        await asyncio.sleep(0)

    asyncio.run(main())


def test_a_question_and_its_answer() -> None:
    service = Service(OK, OK)

    async def conversation(client: HttpClient, url: str) -> None:
        assert await client.request("GET", f"{url}?a=b", {"X": "y"}) == Response(200, b"allow")
        assert await client.request("POST", url, {}, b"a=b") == Response(200, b"allow")

    run(service, conversation)
    host = b"Host: 127.0.0.1:%d\r\n" % service.port
    assert service.requests == [
        b"GET /path?a=b HTTP/1.1\r\n" + host + b"X: y\r\n\r\n",
        b"POST /path HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\na=b",
    ]
    assert service.connections == 1


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nallow", Response(200, b"allow")),
        (b"HTTP/1.1 403 No\r\ncontent-LENGTH:  4 \r\n\r\ndeny", Response(403, b"deny")),
        (b"HTTP/1.1 204 None\r\n\r\n", Response(204, b"")),
        (b"HTTP/1.1 200\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", Response(200, b"")),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nall\r\n2\r\now\r\n0\r\nTrailer: x\r\n\r\n",
            Response(200, b"allow"),
        ),
    ],
)
def test_bodies_of_all_kinds(octets: bytes, expected: Response) -> None:
    async def conversation(client: HttpClient, url: str) -> None:
        assert await client.request("GET", url, {}) == expected

    run(Service(octets), conversation)


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nallow",
        b"AMQP\x00\x00\x09\x01\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_MAX + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"ff00\r\n%b\r\n" % bytes(0xFF00) * 2,
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(BODY_MAX + 1),
        b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"x" * 200_000,
    ],
    ids=lambda octets: repr(octets[:60]),
)
def test_rubbish_is_an_error(octets: bytes) -> None:
    async def conversation(client: HttpClient, url: str) -> None:
        with pytest.raises((HttpError, asyncio.IncompleteReadError, ConnectionError)):
            await client.request("GET", url, {})
        assert not any(client._idle.values())

    run(Service(octets), conversation)


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    service = Service(OK, None, OK)

    async def conversation(client: HttpClient, url: str) -> None:
        for _ in range(2):
            assert (await client.request("GET", url, {})).body == b"allow"

    run(service, conversation)
    assert service.connections == 2
    assert len(service.requests) == 3


def test_nobody_there() -> None:
    async def main() -> None:
        with pytest.raises(OSError, match=r"[Cc]onnect"):
            await HttpClient().request("GET", "http://127.0.0.1:1/", {})

    asyncio.run(main())


def test_only_so_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "AT_ONCE_MAX", 3)
    monkeypatch.setattr(http_client, "IDLE_MAX", 2)
    service = Service(*[OK] * 20)

    async def conversation(_: HttpClient, url: str) -> None:
        client = HttpClient()
        asking = [client.request("GET", url, {}) for _ in range(20)]
        assert {answer.body for answer in await asyncio.gather(*asking)} == {b"allow"}
        assert len(client._idle["127.0.0.1", service.port, False]) <= 2
        await client.close()

    run(service, conversation)
    assert len(service.requests) == 20


def test_a_body_that_ends_with_its_connection_may_come_in_pieces() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in (b"HTTP/1.0 200 OK\r\n\r\n", b"allow admini", b"strator"):
            writer.write(piece)
            await writer.drain()
            is_read.clear()
            await is_read.wait()
        writer.close()

    is_read = asyncio.Event()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = HttpClient()
        asked = asyncio.create_task(client.request("GET", f"http://127.0.0.1:{port}/", {}))
        while not asked.done():
            is_read.set()
            await asyncio.sleep(0.01)
        assert await asked == Response(200, b"allow administrator")
        await client.close()
        server.close()
        await server.wait_closed()

    asyncio.run(main())
