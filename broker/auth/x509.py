"""What a certificate says of its owner, in RabbitMQ's words.

A small DER reader for the parts that are shown, and that the EXTERNAL mechanism makes a user's name
of. Nothing here verifies: OpenSSL has done that before a certificate comes here.

    Certificate ::= { TBSCertificate { [0] version, serial, algorithm, issuer,
                                       validity, subject, key, [1] [2] [3] extensions }, … }
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property

from broker.amqp.erlang import printed

_TYPES = {  # attribute types with a name of their own
    "2.5.4.4": "SN",
    "2.5.4.42": "GIVENNAME",
    "2.5.4.43": "INITIALS",
    "2.5.4.44": "GENERATIONQUALIFIER",
    "2.5.4.3": "CN",
    "2.5.4.7": "L",
    "2.5.4.8": "ST",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.12": "TITLE",
    "2.5.4.6": "C",
    "2.5.4.5": "SERIALNUMBER",
    "2.5.4.65": "PSEUDONYM",
    "0.9.2342.19200300.100.1.25": "DC",
    "1.2.840.113549.1.9.1": "EMAILADDRESS",
    "0.9.2342.19200300.100.1.1": "UID",
}
_COMMON_NAME = "2.5.4.3"
_IA5_TYPES = ("0.9.2342.19200300.100.1.25", "1.2.840.113549.1.9.1")
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")  # 2.5.29.17

_OBJECT_ID, _UTC_TIME, _IA5 = 0x06, 0x17, 0x16
_OBJECT_ID_MAX = 256  # octets; a number without a limit costs its square
_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}
SAN_TAGS = {"other_name": 0xA0, "email": 0x81, "dns": 0x82, "uri": 0x86, "ip": 0x87}


class CertificateError(ValueError):
    """These octets are no certificate."""


def elements(data: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int]]:
    """The elements that lie one after another: tag, and from where to where the content goes.

    Raises: CertificateError.
    """
    end = len(data) if end is None else end
    while at < end:
        tag, first = data[at : at + 2] if at + 2 <= end else (0, 0x84)
        at += 2
        if first & 0x80:
            size = first & 0x7F
            if not 1 <= size <= 4 or at + size > end:
                raise CertificateError("a length that is none")
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        else:
            length = first
        if at + length > end:
            raise CertificateError("an element that is cut off")
        yield tag, at, at + length
        at += length


def _first(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    found = next(elements(data, at, end), None)
    if found is None:
        raise CertificateError("an element that is empty")
    return found


def object_id(data: bytes) -> str:
    """An OBJECT IDENTIFIER's content, dotted."""
    if len(data) > _OBJECT_ID_MAX:
        raise CertificateError("an object identifier that is too long")
    arcs, arc = [], 0
    for octet in data:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    if not arcs:
        raise CertificateError("an object identifier that is none")
    head = min(arcs[0] // 40, 2)
    return ".".join(map(str, [head, arcs[0] - 40 * head, *arcs[1:]]))


class Certificate:
    """One, from its DER. Raises: CertificateError, here or by any attribute."""

    def __init__(self, der: bytes):
        self._der = der
        try:
            ((_, at, end),) = elements(der)
            _, at, end = next(elements(der, at, end))
            parts = list(elements(der, at, end))
            if parts[0][0] == 0xA0:  # the version, which v1 leaves out
                del parts[0]
            self._issuer, self._validity, self._subject = parts[2:5]
            self._extensions = next((part for part in parts[6:] if part[0] == 0xA3), None)
        except (ValueError, IndexError, StopIteration) as error:
            raise CertificateError(f"not a certificate: {error}") from None

    @cached_property
    def subject(self) -> str:
        """The owner as RabbitMQ writes it: "CN=client,O=Acme", as in RFC 4514, the last first."""
        return self._name(self._subject)

    @cached_property
    def issuer(self) -> str:
        """Who signed it, likewise."""
        return self._name(self._issuer)

    @cached_property
    def validity(self) -> str:
        """From when to when: "2026-01-01T00:00:00Z - 2036-01-01T00:00:00Z"."""
        times = elements(self._der, *self._validity[1:])
        return " - ".join(_time(tag, self._der[at:end]) for tag, at, end in times)

    @property
    def validity_s(self) -> tuple[int, int]:
        """The same in seconds since the epoch."""
        times = list(elements(self._der, *self._validity[1:]))
        if len(times) != 2:
            raise CertificateError("a validity that is none")
        (first, *begin), (last, *end) = times
        return (
            _seconds(first, self._der[slice(*begin)]),
            _seconds(last, self._der[slice(*end)]),
        )

    @cached_property
    def common_names(self) -> list[str]:
        """All CNs of the subject, unescaped."""
        return [
            value.decode("utf-8", "surrogateescape")
            for group in self._groups(self._subject)
            for kind, value in group
            if kind == _COMMON_NAME
        ]

    def alternative_names(self, kind: str) -> list[str]:
        """Subject alternative names: dns, email, uri, ip or other_name. An ip is its octets."""
        wanted = SAN_TAGS[kind]
        found = [part for part in self._alternative_names() if part[0] == wanted]
        if kind == "other_name":
            return [self._other_name(at, end) for _, at, end in found]
        return [self._der[at:end].decode("utf-8", "surrogateescape") for _, at, end in found]

    def _alternative_names(self) -> list[tuple[int, int, int]]:
        if self._extensions is None:
            return []
        der = self._der
        _, at, end = _first(der, *self._extensions[1:])
        for _, start, stop in elements(der, at, end):
            parts = list(elements(der, start, stop))
            if len(parts) >= 2 and der[parts[0][1] : parts[0][2]] == _ALTERNATIVE_NAMES:
                _, at, end = _first(der, *parts[-1][1:])
                return list(elements(der, at, end))
        return []

    def _other_name(self, at: int, end: int) -> str:
        """Its value, unwrapped: other_name ::= { type, [0] { value } }."""
        parts = list(elements(self._der, at, end))
        if len(parts) != 2:
            raise CertificateError("an otherName that is none")
        tag, start, stop = _first(self._der, *parts[1][1:])
        text = _text("", tag, self._der[start:stop], self._der[parts[1][1] : stop])
        return text.decode("utf-8", "surrogateescape")

    def _groups(self, name: tuple[int, int, int]) -> Iterator[list[tuple[str, bytes]]]:
        """The relative distinguished names: each one attribute, or several."""
        der = self._der
        for _, at, end in elements(der, *name[1:]):
            group = []
            for _, start, stop in elements(der, at, end):
                parts = list(elements(der, start, stop))
                if len(parts) != 2 or parts[0][0] != _OBJECT_ID:
                    raise CertificateError("an attribute that is none")
                kind = object_id(der[parts[0][1] : parts[0][2]])
                tag, first, last = parts[1]
                group.append((kind, _text(kind, tag, der[first:last], der[parts[0][2] : last])))
            yield group

    def _name(self, name: tuple[int, int, int]) -> str:
        groups = [
            "+".join(f"{_TYPES.get(kind, kind)}={_escaped(value)}" for kind, value in group)
            for group in self._groups(name)
        ]
        return ",".join(reversed(groups))


def _text(kind: str, tag: int, content: bytes, whole: bytes) -> bytes:
    """An attribute's value in UTF-8; what is no text as Erlang prints it. whole: with its tag."""
    if tag == _IA5 and kind in _IA5_TYPES:
        return content
    encoding = _ENCODINGS.get(tag)
    if encoding is None:
        return printed(whole).encode("utf-8", "surrogateescape")
    if encoding in ("utf-8", "ascii"):
        return content
    try:
        return content.decode(encoding).encode()
    except UnicodeDecodeError:
        raise CertificateError("a text that is none") from None


def _escaped(value: bytes) -> str:
    """RFC 4514, and everything that is not printable ASCII as octets."""
    pieces = []
    for position, octet in enumerate(value):
        letter = chr(octet)
        is_edge = (letter == " " and position in (0, len(value) - 1)) or (
            letter == "#" and position == 0
        )
        if is_edge or letter in '"+,;<>\\':
            pieces.append("\\" + letter)
        elif not 32 <= octet < 126:
            pieces.append(f"\\{octet:02X}")
        else:
            pieces.append(letter)
    return "".join(pieces)


def _time(tag: int, content: bytes) -> str:
    text = content.decode("ascii", "backslashreplace")
    if tag != _UTC_TIME or len(text) != 13:
        return f'{{generalTime,"{text}"}}'
    date = [text[at : at + 2] for at in range(0, 12, 2)]
    return "20{}-{}-{}T{}:{}:{}Z".format(*date)


def _seconds(tag: int, content: bytes) -> int:
    """A time as RFC 5280 has them: to the second, in UTC."""
    text = content.decode("ascii", "replace")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    try:
        moment = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise CertificateError("a time that is none") from None
    return int(moment.timestamp())
