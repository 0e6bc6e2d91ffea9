"""python -m benchmarks.load.watchers PORT COUNT EVERY_S PATH: people who look at the page.

That many connections, each of which asks for the path every so many seconds, spread evenly. Prints
the number of answers once a second; ends when its standard input does.
"""

from __future__ import annotations

import base64
import selectors
import socket
import sys
import time

LAST_CHUNK = b"\r\n0\r\n\r\n"
GUEST = base64.b64encode(b"guest:guest").decode()


def request(path: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: localhost", f"authorization: Basic {GUEST}", "", ""]
    return "\r\n".join(lines).encode()


class Watcher:
    """One of them. due: when it asks next."""

    def __init__(self, port: int, due: float):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = due
        self.missing = 0  # octets of the answer under way; 0: none
        self.is_chunked = False  # then they are not known
        self.tail = b""  # of what has been read

    def read(self) -> bool:
        """Returns: whether an answer is complete."""
        data = self.socket.recv(1 << 20)
        if not data:
            raise ConnectionError("the broker closed the connection of a watcher")
        if not self.missing:
            head, _, rest = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise ConnectionError(head.decode())
            lines = head.lower().split(b"\r\n")
            self.is_chunked = b"transfer-encoding: chunked" in lines
            if not self.is_chunked:
                length = next(line for line in lines if line.startswith(b"content-length"))
                self.missing = int(length.partition(b":")[2]) - len(rest)
        elif not self.is_chunked:
            self.missing -= len(data)
        if self.is_chunked:
            self.tail = (self.tail + data)[-len(LAST_CHUNK) :]
            self.missing = int(self.tail != LAST_CHUNK)
        return not self.missing


def watch(port: int, count: int, every_s: float, path: str) -> None:
    """Until standard input ends."""
    asked = request(path)
    start = time.perf_counter()
    waiting = [Watcher(port, start + every_s * number / count) for number in range(count)]
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    answers, reported = 0, start
    while True:
        now = time.perf_counter()
        while waiting and waiting[0].due <= now:
            watcher = waiting.pop(0)
            watcher.socket.send(asked)
            selector.register(watcher.socket, selectors.EVENT_READ, watcher)
        pause_s = waiting[0].due - now if waiting else 0.1
        for key, _ in selector.select(min(0.1, max(0.0, pause_s))):
            watcher = key.data
            if watcher is None:
                return
            if watcher.read():
                answers += 1
                selector.unregister(watcher.socket)
                watcher.due = max(watcher.due + every_s, now)
                waiting.append(watcher)
        if now - reported >= 1:
            reported = now
            print(answers, flush=True)


if __name__ == "__main__":
    watch(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
