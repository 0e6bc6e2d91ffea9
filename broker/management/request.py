"""What is asked of the HTTP API and what it answers, without sockets.

A handler returns a value for JSON, a `Response`, or None for 204; it raises a `Refusal` for
everything else, with the body that RabbitMQ's management plugin gives.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json"
Headers = list[tuple[str, str]]


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

    def json(self) -> Any:
        """The body; RabbitMQ: nothing, null and undefined are an empty object. Raises: Refusal."""
        if self.body.strip() in (b"", b"null", b"undefined"):
            return {}
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise bad_request("not_json") from None

    def fields(self, *required: str) -> dict[str, Any]:
        """The body, which has to be an object with these keys. Raises: Refusal."""
        found = self.json()
        if not isinstance(found, dict):
            raise bad_request("not_json")
        missing = [name for name in required if name not in found]
        if missing:
            raise bad_request({"key_missing": missing[0]} if len(missing) == 1 else missing)
        return found

    def is_set(self, name: str) -> bool:
        """Whether the query asks for something: name=true."""
        return self.query.get(name) == "true"


def parse_query(text: str) -> dict[str, str]:
    """The part of a target behind the question mark; of several with one name the last."""
    return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=1000))


@dataclass(slots=True)
class Response:
    """body: an iterator is streamed."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""


def encoded(value: object) -> bytes:
    """A value as JSON. Octets of names that are not UTF-8 become U+FFFD."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode("utf-8", "replace")


def json_response(value: object, status: int = 200) -> Response:
    return Response(status, [("content-type", JSON), ("cache-control", "no-cache")], encoded(value))


class Refusal(Exception):  # noqa: N818 - the peer's doing
    """An answer that is no success. error: RabbitMQ's word; reason: its text, or any JSON value.

    error "": without a body.
    """

    def __init__(
        self, status: int, error: str = "", reason: object = "", headers: Headers | None = None
    ):
        super().__init__(reason)
        self.status = status
        self.error = error
        self.reason = reason
        self.headers = headers or []

    def response(self) -> Response:
        if not self.error:
            return Response(self.status, list(self.headers))
        body = encoded({"error": self.error, "reason": self.reason})
        return Response(self.status, [("content-type", JSON), *self.headers], body)


def bad_request(reason: object) -> Refusal:
    return Refusal(400, "bad_request", reason)


def not_found() -> Refusal:
    return Refusal(404, "Object Not Found", "Not Found")


def not_authorised(reason: str) -> Refusal:
    """Somebody who is logged in may not. RabbitMQ answers 401, not 403."""
    return Refusal(401, "not_authorised", reason)


def method_not_allowed(allowed: str) -> Refusal:
    return Refusal(405, headers=[("allow", allowed)])
