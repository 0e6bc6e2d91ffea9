"""Heads that come and go again and again, octet for octet: h11 has looked at each of them once.

A page asks for the same things every few seconds, a thousand pages ask for them two hundred times
a second, and all are told the same. [hot path] `HttpConnection` without a `Familiar` says what all
this means; with one it does the same (tests/unit/server/test_http_familiar.py) in 5 µs for 65. Only
the simplest is remembered: a GET without a body, on a connection that goes on, and a whole answer
to one.
"""

from __future__ import annotations

from broker.management.request import Headers, Request

HEAD_MAX = 2048  # octets of a head that is remembered
COUNT_MAX = 256  # heads of either kind

# Of a request: with them h11 has something to do. Of an answer: how it ends.
_TELLING = frozenset({"connection", "content-length", "expect", "transfer-encoding", "upgrade"})
_ENDING = frozenset({"connection", "transfer-encoding", "upgrade"})

_Answer = tuple[int, tuple[tuple[str, str], ...]]  # status and headers


class Familiar:
    """One for all connections of a listener."""

    __slots__ = ("_answers", "_requests")

    def __init__(self) -> None:
        self._requests: dict[bytes, Request] = {}
        self._answers: dict[_Answer, bytes] = {}

    def request(self, head: bytes) -> Request | None:
        """What h11 has read in such a head; None: it has to look."""
        known = self._requests.get(head)
        if known is None:
            return None
        return Request(known.method, known.path, known.query, known.headers)

    def learn_request(self, head: bytes, request: Request) -> None:
        """head: of HTTP/1.1."""
        if (
            len(head) > HEAD_MAX
            or request.method != "GET"
            or not _TELLING.isdisjoint(request.headers)
        ):
            return
        if len(self._requests) >= COUNT_MAX:
            self._requests.clear()
        self._requests[head] = Request(request.method, request.path, request.query, request.headers)

    def answer(self, status: int, headers: Headers) -> bytes | None:
        """The head of such an answer to a familiar request; None: h11 has to write it."""
        return self._answers.get((status, tuple(headers)))

    def learn_answer(self, status: int, headers: Headers, head: bytes) -> None:
        """headers: with the size of a body that follows."""
        if len(head) > HEAD_MAX or not _ENDING.isdisjoint(name for name, _ in headers):
            return
        if len(self._answers) >= COUNT_MAX:
            self._answers.clear()
        self._answers[status, tuple(headers)] = head
