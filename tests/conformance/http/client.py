"""One kept-open HTTP/1.1 connection that says what it is told to, and hands on what comes."""

from __future__ import annotations

import contextlib
import http.client
import socket
from base64 import b64encode
from dataclasses import dataclass

TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """status: 0 when the connection was hung up without one. headers: lower-case names."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """host, port: of the management listener. source: the address to come from, another loopback
    one where logins fail by the hundred and must not be held against the rest."""

    def __init__(self, port: int, host: str = "127.0.0.1", source: str = "127.0.0.1"):
        self._address = (host, port)
        self._source = (source, 0)
        self._socket: socket.socket | None = None

    def ask(
        self,
        method: str,
        target: str,
        *,
        credentials: str = "",
        body: bytes | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        """target: path and query, encoded. credentials: "name:password", none when empty."""
        fields = {"Host": "localhost", "Accept-Encoding": "identity", **dict(headers)}
        if credentials:
            fields.setdefault("Authorization", f"Basic {b64encode(credentials.encode()).decode()}")
        if body is not None:
            fields.setdefault("Content-Type", "application/json")
        if body is not None or method in ("PUT", "POST"):
            fields["Content-Length"] = str(len(body or b""))
        lines = [f"{method} {target} HTTP/1.1", *(f"{key}: {fields[key]}" for key in fields)]
        # In one piece: a server that answers before it has read a body may wait for its rest.
        request = "\r\n".join([*lines, "", ""]).encode() + (body or b"")
        for _ in range(2):  # the first may meet a connection that was closed meanwhile
            was_open = self._socket is not None
            try:
                return self._exchange(method, request)
            except (http.client.HTTPException, OSError) as error:
                self.close()
                if not was_open or isinstance(error, TimeoutError):
                    break
        return Answer(0, {}, b"")

    def _exchange(self, method: str, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, TIMEOUT_S, self._source)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        response = http.client.HTTPResponse(self._socket, method=method)
        with contextlib.closing(response):
            response.begin()
            data = response.read()
            found = {name.lower(): value for name, value in response.getheaders()}
            if response.status >= 500 or response.will_close:
                self.close()
            return Answer(response.status, found, data)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
