"""A small HTTP service that answers questions of `auth_backends.1 = http`, in a thread."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

Fields = dict[str, str]


class Asked(NamedTuple):
    method: str
    path: str
    query: str
    content_type: str | None

    @property
    def fields(self) -> Fields:
        return dict(parse_qsl(self.query, keep_blank_values=True))


class AuthService:
    """answer: (path, fields) → status and text. Raw octets instead: the whole response, after
    which the connection is closed."""

    def __init__(self, answer: Callable[[str, Fields], tuple[int, str] | bytes]):
        self.asked: list[Asked] = []
        self.connections = 0
        self._open: set[socket.socket] = set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                service.connections += 1
                service._open.add(self.connection)

            def finish(self) -> None:
                service._open.discard(self.connection)
                with contextlib.suppress(OSError):  # it may have been hung up on
                    super().finish()

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                self._respond(parts.path, parts.query)

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                self._respond(self.path, self.rfile.read(size).decode())

            def _respond(self, path: str, query: str) -> None:
                asked = Asked(self.command, path, query, self.headers.get("Content-Type"))
                service.asked.append(asked)
                answer = answer_of(path, asked.fields)
                if isinstance(answer, bytes):
                    self.wfile.write(answer)
                    self.close_connection = True
                    return
                status, text = answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                return None

        answer_of = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False  # they are waited for
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def settings(self, **more: object) -> dict[str, object]:
        """For a `Broker` that asks it."""
        paths = {
            f"auth_http.{kind}_path": f"http://127.0.0.1:{self.port}/{kind}"
            for kind in ("user", "vhost", "resource", "topic")
        }
        return {"auth_backends.1": "http", **paths, **more}

    def __enter__(self) -> AuthService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()
