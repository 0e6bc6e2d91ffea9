"""What is asked of the HTTP API and what it answers, without sockets.

A handler returns a value for JSON, a `Response`, or None for 204; it raises a `Refusal` for
everything else, with the body that RabbitMQ's management plugin gives.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from broker.amqp.erlang import Atom, printed

JSON = "application/json"
VARY_EARLY = "origin"  # of an answer that is given before what the client takes matters
Headers = list[tuple[str, str]]

REPAIRED_MAX = 256 * 1024  # letters of JSON that is looked through for what is nearly right
VALUES_MAX = 20_000  # in a body: two milliseconds
DEPTH_MAX = 100  # levels of a body: what is in it may have to be written down, or shown in errors
DOUBLY_ENCODED = (
    "invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?"
)
MALFORMED = re.compile(r"%(?![0-9A-Fa-f]{2})")
_STRING = re.compile(rb'"(?>[^"\\]+|\\.)*+"?', re.DOTALL)
_HALF_PAIR = re.compile(r"[\ud800-\udfff]")  # half a surrogate pair: no character
# None of what is shown contains itself: not to look for that saves a tenth.
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode
# A string, also one that does not end, or a comma that something is before and nothing behind.
_STRING_OR_COMMA = re.compile(r'"(?:[^"\\]|\\.?)*+"?|(?<=["\]}\w]),(?=\s*[}\]])', re.DOTALL)
_BACKSLASH = re.compile(r'\\(?:(["\\/bfnrt]|u[0-9a-fA-F]{4})|)')
_ESCAPED_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(slots=True)
class Request:
    """One request. path: as sent, percent-encoded, without the query. headers: names in lower case;
    of several with one name the last. peer: "host:port"."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    peer: str = ""
    is_loopback: bool = False
    is_tls: bool = False
    params: dict[str, str] = field(default_factory=dict)  # of the path, decoded: set by the routes

    def json(self) -> dict[str, Any]:
        """The body, which has to be an object. RabbitMQ: nothing, undefined and what JSON has of
        words (null, true, false) is an empty one. Raises: Refusal."""
        if self.body in (b"", b"undefined"):
            return {}
        if len(self.body) > VALUES_MAX and has_many_values(self.body):
            raise bad_request("the body has too many values")
        try:
            found = parsed(self.body)
        except ValueError:
            raise bad_request("not_json") from None
        if isinstance(found, dict):
            return found
        if isinstance(found, str):
            raise bad_request(DOUBLY_ENCODED)
        if found is None or isinstance(found, bool):
            return {}
        raise bad_request("not_json")

    def fields(self, *required: str) -> dict[str, Any]:
        """The body, an object which has to have these keys. Raises: Refusal."""
        found = self.json()
        missing = [(Atom("key_missing"), Atom(name)) for name in required if name not in found]
        if missing:
            raise bad_request(printed(missing))
        return found

    def is_set(self, name: str) -> bool:
        """Whether the query asks for something: name=true."""
        return self.query.get(name) == "true"


def parsed(body: bytes) -> Any:
    """JSON as RabbitMQ reads it: octets that are not UTF-8 become U+FFFD, and so do halves of
    surrogate pairs; NaN and Infinity are no numbers. A string may have any character in it, and a
    backslash that escapes nothing is one: patterns are often written like that. A comma may follow
    the last element.

    Raises: ValueError.
    """
    text = body.decode("utf-8", "replace")
    try:
        found = _loaded(text)
    except ValueError:
        if len(text) > REPAIRED_MAX:
            raise
        repaired = _STRING_OR_COMMA.sub(_repaired, text)
        if repaired == text:
            raise
        found = _loaded(repaired)
    if body.count(b"[") + body.count(b"{") > DEPTH_MAX and _is_deep(found):
        raise ValueError("nested too deeply")
    return _whole(found) if _ESCAPED_HALF.search(body) else found


def _repaired(found: re.Match[str]) -> str:
    if found[0] == ",":
        return ""
    return _BACKSLASH.sub(lambda match: match[0] if match[1] else r"\\", found[0])


def _loaded(text: str) -> Any:
    try:
        return json.loads(text, strict=False, parse_constant=_no_number, parse_float=_float)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def has_many_values(body: bytes) -> bool:
    """Whether it would take long to read some JSON, and a hundred times its size in memory: small
    values in great number. What stands in strings does not count, however long they are."""
    if sum(map(body.count, (b",", b"[", b"{"))) <= VALUES_MAX:
        return False
    if body.count(b'"') - body.count(b'\\"') > 2 * VALUES_MAX:  # each string has two quotes
        return True
    return sum(map(_STRING.sub(b"", body).count, (b",", b"[", b"{"))) > VALUES_MAX


def _is_deep(value: Any) -> bool:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(DEPTH_MAX + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, (dict, list))
        ]
        if not level:
            return False
    return True


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond all")
    return number


def _whole(value: Any) -> Any:
    """The value without half pairs."""
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return [_whole(inner) for inner in value]
    if isinstance(value, dict):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    return value


class Query(dict[str, str]):
    """What a query names; of several with one name the first. pairs: all of them, in order."""

    def __init__(self, pairs: list[tuple[str, str]]):
        super().__init__(reversed(pairs))
        self.pairs = pairs


def parse_query(text: str) -> Query:
    """The part of a target behind the question mark.

    Raises: ValueError: a percent sign that encodes nothing, or too many of them.
    """
    if MALFORMED.search(text):
        raise ValueError("a percent sign that encodes nothing")
    return Query(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))


def values_of(query: dict[str, str], name: str) -> list[str]:
    """All that a query has under a name."""
    if isinstance(query, Query):
        return [value for key, value in query.pairs if key == name]
    return [query[name]] if name in query else []


@dataclass(slots=True)
class Response:
    """body: an iterator is streamed."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


def encoded(value: object) -> bytes:
    """A value as JSON. Octets of names that are not UTF-8 become U+FFFD."""
    text = _encode(value)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _HALF_PAIR.sub("\ufffd", text).encode()


def json_response(value: object, status: int = 200) -> Response:
    return Response(status, [("content-type", JSON), ("cache-control", "no-cache")], encoded(value))


def put_response(was_there: bool) -> Response:
    """Of a PUT: 201 for what is new, 204 for what has changed."""
    return Response(204 if was_there else 201)


class Refusal(Exception):  # noqa: N818 - the peer's doing
    """An answer that is no success. error: RabbitMQ's word; reason: its text, or any JSON value.

    error "": without a body. vary: what such an answer depends on; None: where it is given says so.
    """

    def __init__(
        self,
        status: int,
        error: str = "",
        reason: object = "",
        headers: Headers | None = None,
        vary: str | None = None,
    ):
        super().__init__(reason)
        self.status = status
        self.error = error
        self.reason = reason
        self.headers = headers or []
        self.vary = vary

    def response(self) -> Response:
        if not self.error:
            return Response(self.status, list(self.headers))
        body = encoded({"error": self.error, "reason": self.reason})
        return Response(self.status, [("content-type", JSON), *self.headers], body)


def malformed() -> Refusal:
    """What cannot be read is refused without a word."""
    return Refusal(400, vary="")


def bad_request(reason: object) -> Refusal:
    return Refusal(400, "bad_request", reason)


def not_found() -> Refusal:
    """There is nothing by that path."""
    return Refusal(404, "Object Not Found", "Not Found")


def missing(reason: str) -> Refusal:
    """Something that the request is about is not there."""
    return Refusal(404, "not_found", reason)


def not_authorised(reason: str, vary: str | None = None) -> Refusal:
    """Somebody who is logged in may not. RabbitMQ answers 401, not 403."""
    return Refusal(401, "not_authorised", reason, vary=vary)


def method_not_allowed(allowed: str) -> Refusal:
    return Refusal(405, headers=[("allow", allowed)])


def escaped(text: str) -> str:
    """RabbitMQ escapes what is HTML in some of its reasons."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
