"""What somebody looks for in messages: a text, in ids, headers and bodies, whatever its case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from broker.amqp.content import Properties
from broker.amqp.wire import Field, Table
from broker.message import Envelope

ID, HEADERS, BODY = "id", "headers", "body"
PLACES = (ID, HEADERS, BODY)
BODY_MAX = 1024 * 1024  # octets of a body that are searched
PIECE = 16 * 1024  # of them, in one go: of what is no UTF-8 a millisecond


class Search:
    """places: of PLACES. Ids and headers of messages that share a header are looked at once."""

    def __init__(self, text: str, places: frozenset[str]):
        self._text = text.lower()
        self._octets = self._text.encode("utf-8", "surrogateescape")
        self._is_plain = text.isascii()
        self._places = places
        self._header = b""  # the last one
        self._is_in_header = False

    @property
    def body_max(self) -> int:
        """Octets of each body that it wants."""
        return BODY_MAX if BODY in self._places else 0

    def matches(self, envelope: Envelope, body: bytes) -> bool:
        """Raises: MalformedSyntax, of a message that is damaged on the disk."""
        return any(self.looks(envelope, body))

    def looks(self, envelope: Envelope, body: bytes) -> Iterator[bool]:
        """The same, bit by bit: whether it has been found, after each of them."""
        if envelope.header != self._header:
            self._is_in_header = self._matches_header(envelope.header)
            self._header = envelope.header
        yield self._is_in_header
        if BODY in self._places:
            body = body[:BODY_MAX]
            more = 4 * len(self._text)  # octets: what begins in a piece ends there
            for start in range(0, len(body), PIECE):
                yield self._is_in_piece(body[start : start + PIECE + more])

    def _matches_header(self, header: bytes) -> bool:
        if not self._places & {ID, HEADERS}:
            return False
        properties = Properties.decode(header)
        if ID in self._places:
            ids = properties.message_id, properties.correlation_id
            if any(one is not None and self._text in one.lower() for one in ids):
                return True
        return HEADERS in self._places and self._is_in_table(properties.header_table)

    def _is_in_table(self, table: Table) -> bool:
        return any(
            self._text in name.lower() or self._is_in_field(field) for name, field in table.items()
        )

    def _is_in_field(self, field: Field) -> bool:
        value: Any = field.value
        if field.tag == "F":
            return self._is_in_table(value)
        if field.tag == "A":
            return any(self._is_in_field(inner) for inner in value)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        elif isinstance(value, bool):
            value = "true" if value else "false"
        elif field.tag == "D":
            places, number = value
            value = number / 10**places
        return value is not None and self._text in str(value).lower()

    def _is_in_piece(self, piece: bytes) -> bool:
        if self._is_plain:  # lower() of octets changes ASCII only
            return self._octets in piece.lower()
        return self._text in piece.decode("utf-8", "replace").lower()
