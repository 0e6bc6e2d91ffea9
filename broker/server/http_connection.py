"""HTTP/1.1 of one connection without its socket: octets in, requests out; answers in, octets out.

    receive → head (bounded here) → h11 → body (bounded here) → Request
    start, piece, end → h11 → octets

h11 knows the protocol. What it leaves open is decided here: it is given a head only once that is
whole, of a bounded size and number of lines, and of a body what belongs to it; it looks at a
bounded number of chunks at a time; and a request that two programs could read differently is
refused. What is refused ends the connection: nobody knows what the octets behind it are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum, auto
from typing import cast

import h11

from broker.management.request import JSON, Headers, Request, parse_query
from broker.server.http_familiar import Familiar

HEAD_MAX = 16 * 1024  # octets of a request line and its headers
LINE_MAX = 8000  # octets of a request line
HEADERS_MAX = 100
FEED = 4096  # octets of a chunked body that h11 is given at a time
EVENTS_MAX = 100  # pieces of a body looked at in one go: half a millisecond
TRAILER_MAX = 1024  # octets of a line with a chunk's size, or of what follows the last chunk

_BLANK_LINE = re.compile(rb"\n\r?\n")
_SCHEME = re.compile(r"https?://[^/?]*", re.IGNORECASE)
_PHRASES = {
    100: "Continue",
    200: "OK",
    201: "Created",
    202: "Accepted",
    204: "No Content",
    206: "Partial Content",
    301: "Moved Permanently",
    302: "Found",
    303: "See Other",
    304: "Not Modified",
    307: "Temporary Redirect",
    308: "Permanent Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    406: "Not Acceptable",
    408: "Request Timeout",
    409: "Conflict",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    414: "Request-URI Too Long",
    415: "Unsupported Media Type",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
_WITHOUT_BODY = (204, 304)


class Refused(Exception):  # noqa: N818 - the peer's doing
    """What came cannot be answered by anybody: send `refusal(status)` and hang up."""

    def __init__(self, status: int, reason: str):
        super().__init__(reason)
        self.status = status


class Phase(Enum):
    """What is waited for."""

    IDLE = auto()  # a request
    HEAD = auto()  # the rest of its head
    BODY = auto()  # the rest of its body
    ANSWER = auto()  # ours


def refusal(status: int, body: bytes = b"") -> bytes:
    """A whole answer that ends the connection, as cowboy's for what it cannot read. body: JSON."""
    head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\nconnection: close\r\n"
    kind = f"content-type: {JSON}\r\n" if body else ""
    return f"{head}content-length: {len(body)}\r\n{kind}\r\n".encode() + body


class HttpConnection:
    """`receive`, then `next_request` until it has none; then `start`, `piece` …, `end`.

    body_limit: octets that the body of a request may have, by method and path. familiar: what other
    connections have sent and been sent; what is in there goes past h11, in and out.
    """

    __slots__ = (
        "_body",
        "_body_limit",
        "_body_max",
        "_data",
        "_familiar",
        "_h11",
        "_has_body",
        "_is_chunked",
        "_is_plain",
        "_known",
        "_left",
        "_owed",
        "_request",
        "_searched",
        "has_more",
        "interim",
        "phase",
    )

    def __init__(self, body_limit: Callable[[str, str], int], familiar: Familiar | None = None):
        self.phase = Phase.IDLE
        self.has_more = False  # ask again for the next request, without new octets
        self.interim = b""  # to be sent now, and then emptied: 100 Continue
        self._body_limit = body_limit
        self._data = bytearray()  # received and not yet looked at
        self._searched = 0  # octets of it in which no head ends
        self._request = Request("", "")
        self._body = bytearray()
        self._body_max = 0
        self._left = 0  # octets of a body with a known length that h11 has not been given
        self._is_chunked = False
        self._has_body = True  # the answer; not that to HEAD
        self._familiar = familiar
        self._known = b""  # the head of a familiar request that h11 has not seen
        self._is_plain = False  # h11 has not seen the answer either
        self._owed = 0  # octets of such an answer's body that are missing
        self._new_h11()

    def _new_h11(self) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=TRAILER_MAX)

    @property
    def backlog(self) -> int:
        """Octets received and not yet looked at."""
        return len(self._data)

    @property
    def body_octets(self) -> int:
        """What is held of a body that is not complete."""
        return len(self._body)

    # the way in

    def receive(self, data: bytes) -> None:
        self._data += data

    def next_request(self) -> Request | None:
        """The next one, if it is complete and the last one has been answered. Raises: Refused."""
        self.has_more = False
        if self.phase is Phase.ANSWER:
            return None
        try:
            if self.phase is not Phase.BODY and not self._read_head():
                return None
            return self._read_body()
        except h11.RemoteProtocolError as error:
            raise Refused(error.error_status_hint, str(error)) from None

    def _read_head(self) -> bool:
        """Whether one was complete."""
        data = self._data
        if data.startswith((b"\r", b"\n")):  # empty lines between requests are allowed
            data = self._data = data.lstrip(b"\r\n")
            self._searched = 0
        if not data:
            self.phase = Phase.IDLE
            return False
        self.phase = Phase.HEAD
        found = _BLANK_LINE.search(data, self._searched)
        end = len(data) if found is None else found.end()
        if data[0] <= 0x20 or data.find(b"\0", self._searched, end) >= 0:  # TLS, AMQP, anything
            raise Refused(400, "this is not HTTP")
        line_end = data.find(b"\n", 0, end)
        if (end if line_end < 0 else line_end) > LINE_MAX:
            raise Refused(414, "the request line is too long")
        if end > HEAD_MAX:
            raise Refused(431, "the headers are too long")
        if found is None:
            self._searched = max(0, end - 2)
            return False
        if data.count(b"\n", 0, end) > HEADERS_MAX + 2:
            raise Refused(431, "there are too many headers")
        self._searched = 0
        head = bytes(data[:end])
        if self._familiar is not None and (known := self._familiar.request(head)) is not None:
            del data[:end]
            self._request, self._known = known, head
            self._is_chunked, self._has_body = False, True
            return True
        self._feed(end)
        event = self._h11.next_event()
        assert isinstance(event, h11.Request)
        self._begin(event)
        if self._familiar is not None and event.http_version == b"1.1":
            self._familiar.learn_request(head, self._request)
        return True

    def _begin(self, head: h11.Request) -> None:
        """Make the request, for its body to come. Raises: Refused."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in head.headers}
        method, target = head.method.decode("ascii"), head.target.decode("ascii")
        if head.http_version not in (b"1.1", b"1.0"):
            raise Refused(505, f"HTTP version {head.http_version.decode('ascii')}")
        if method in ("CONNECT", "TRACE"):
            raise Refused(501, f"{method} is not implemented")
        length = headers.get("content-length")
        self._is_chunked = "transfer-encoding" in headers
        if self._is_chunked and (length is not None or head.http_version == b"1.0"):
            raise Refused(400, "the length of the body is ambiguous")
        path, mark, query = _SCHEME.sub("", target, 1).partition("#")[0].partition("?")
        try:
            decoded = parse_query(query) if mark else {}
        except ValueError as error:
            raise Refused(400, str(error)) from None
        self._request = Request(method, path or "/", decoded, headers)
        self._body_max = self._body_limit(method, path)
        self._left = int(length or 0)
        if self._left > self._body_max:
            raise Refused(413, "the body is too long")
        self._has_body = method != "HEAD"
        self.phase = Phase.BODY
        if self._h11.they_are_waiting_for_100_continue and not self._data:
            going_on = h11.InformationalResponse(status_code=100, headers=[], reason=_PHRASES[100])
            self.interim = self._h11.send(going_on)

    def _read_body(self) -> Request | None:
        if self._known:
            return self._complete()
        for _ in range(EVENTS_MAX):
            event = self._h11.next_event()
            if event is h11.NEED_DATA:
                if not self._data:
                    return None
                self._feed(FEED if self._is_chunked else self._left)
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > self._body_max:
                    raise Refused(413, "the body is too long")
            else:
                assert isinstance(event, h11.EndOfMessage)
                return self._complete()
        self.has_more = True
        return None

    def _feed(self, octets: int) -> None:
        """Give h11 so much of what was received, or all there is."""
        piece = bytes(self._data[:octets])
        del self._data[:octets]
        self._left -= len(piece)
        self._h11.receive_data(piece)

    def _complete(self) -> Request:
        self._request.body, self._body = bytes(self._body), bytearray()
        if self._is_chunked:  # it was given what lies behind the body, too
            self._data[:0] = self._h11.trailing_data[0]
        self.phase = Phase.ANSWER
        return self._request

    # the way out

    def start(self, status: int, headers: Headers, size: int | None) -> bytes:
        """The head of the answer. size: octets of its body; None: nobody knows yet.

        Raises: h11.LocalProtocolError, for headers that cannot be sent.
        """
        self._has_body = self._has_body and status not in _WITHOUT_BODY
        if size is not None and status not in _WITHOUT_BODY:
            headers = [*headers, ("content-length", str(size))]
        is_simple = bool(self._known) and size is not None and status not in _WITHOUT_BODY
        if is_simple and self._familiar is not None:
            known = self._familiar.answer(status, headers)
            if known is not None:
                self._is_plain, self._owed = True, size or 0
                return known
        self._catch_up()
        head = self._h11.send(
            h11.Response(status_code=status, headers=headers, reason=_PHRASES.get(status, ""))
        )
        # what h11 adds has capitals; everything else is in lower case, as cowboy's
        head = head.replace(b"\r\nConnection: ", b"\r\nconnection: ")
        head = head.replace(b"\r\nTransfer-Encoding: ", b"\r\ntransfer-encoding: ")
        if is_simple and self._familiar is not None:
            self._familiar.learn_answer(status, headers, head)
        return head

    def _catch_up(self) -> None:
        """Show h11 the request after all."""
        if self._known:
            self._h11.receive_data(self._known)
            self._known = b""
            for kind in (h11.Request, h11.EndOfMessage):
                event = self._h11.next_event()
                assert isinstance(event, kind), event

    def piece(self, data: bytes | memoryview) -> bytes:
        """A part of the body."""
        if self._is_plain:
            self._owed -= len(data)
            if self._owed < 0:
                raise h11.LocalProtocolError("too much of a body")
            return bytes(data)
        if not self._has_body:
            return b""
        return self._h11.send(h11.Data(data=cast(bytes, data)))  # any buffer will do

    def end(self) -> tuple[bytes, bool]:
        """What ends the answer, and whether another request may follow it."""
        if self._is_plain:
            if self._owed:
                raise h11.LocalProtocolError("too little of a body")
            self._is_plain, self._known = False, b""
            self.phase = Phase.IDLE
            return b"", True
        octets = self._h11.send(h11.EndOfMessage())
        if self._h11.our_state is not h11.DONE or self._h11.their_state is not h11.DONE:
            return octets, False
        if self._is_chunked:
            self._new_h11()
        else:
            self._h11.start_next_cycle()
        self.phase = Phase.IDLE
        return octets, True
