"""Erlang's external term format, as far as encrypted values and definitions need it.

    131 | tag, then: 70 float, 97 octet, 98 32-bit integer, 100 and 115, 118, 119 atoms, 104 tuple,
    106 [], 107 string (a list of octets), 108 list, 109 binary, 110 integer, 116 map
    131 | 80 | size | the same from the tag on, deflated

Pids, funs and whatever else there is are in neither.
"""

from __future__ import annotations

import zlib
from struct import pack, unpack
from typing import Any

from broker.amqp.erlang import Atom, CharList

VERSION = 131
DEPTH_MAX = 50
DEFLATED = 80
BIG_MAX = 255  # octets of an integer
STRING_MAX = 65535  # longer ones are written as lists
_ATOMS = {100: (2, "latin-1"), 115: (1, "latin-1"), 118: (2, "utf-8"), 119: (1, "utf-8")}


def write_external(term: Any) -> bytes:
    """Raises: ValueError: there is no such term here."""
    return bytes([VERSION]) + _written(term)


def _written(term: Any) -> bytes:
    if isinstance(term, Atom):
        text = term.encode("latin-1")
        return b"d" + len(text).to_bytes(2, "big") + text
    if isinstance(term, bytes):
        return b"m" + len(term).to_bytes(4, "big") + term
    if isinstance(term, str):
        codes = [ord(letter) for letter in term]
        if not codes:
            return b"j"
        if max(codes) < 256 and len(codes) <= STRING_MAX:
            return b"k" + len(codes).to_bytes(2, "big") + bytes(codes)
        return _written(codes)
    if isinstance(term, bool):
        return _written(Atom("true" if term else "false"))
    if isinstance(term, int):
        return _integer(term)
    if isinstance(term, float):
        return b"F" + pack(">d", term)
    if isinstance(term, dict):
        pairs = (_written(part) for pair in term.items() for part in pair)
        return b"t" + len(term).to_bytes(4, "big") + b"".join(pairs)
    if isinstance(term, tuple) and len(term) < 256:
        return bytes([104, len(term)]) + b"".join(map(_written, term))
    if isinstance(term, list):
        inner = b"".join(map(_written, term))
        return b"l" + len(term).to_bytes(4, "big") + inner + b"j" if term else b"j"
    raise ValueError("a term that cannot be encrypted")


def _integer(number: int) -> bytes:
    if 0 <= number < 256:
        return bytes([97, number])
    if -(2**31) <= number < 2**31:
        return b"b" + number.to_bytes(4, "big", signed=True)
    size = (number.bit_length() + 7) // 8
    if size > BIG_MAX:
        raise ValueError("a number that is too large")
    return bytes([110, size, number < 0]) + abs(number).to_bytes(size, "little")


def read_external(octets: bytes, *, size_max: int = 0) -> Any:
    """size_max: of what may be deflated. Raises: ValueError: this is not one whole term."""
    if octets[:1] != bytes([VERSION]):
        raise ValueError("no term")
    if octets[1:2] == bytes([DEFLATED]):
        octets = octets[:1] + _inflated(octets, size_max)
    reader = _Reader(octets, 1)
    term = reader.term(0)
    if reader.at != len(octets):
        raise ValueError("more than a term")
    return term


def deflated(octets: bytes) -> bytes:
    """A term, once it is written, made smaller."""
    head = bytes([VERSION, DEFLATED]) + (len(octets) - 1).to_bytes(4, "big")
    return head + zlib.compress(octets[1:], 9)


def _inflated(octets: bytes, size_max: int) -> bytes:
    """Raises: ValueError."""
    size = int.from_bytes(octets[2:6], "big")
    if size > size_max:
        raise ValueError("too large")
    try:
        found = zlib.decompressobj().decompress(octets[6:], size + 1)
    except zlib.error:
        raise ValueError("damaged") from None
    if len(found) != size:
        raise ValueError("damaged")
    return found


class _Reader:
    def __init__(self, octets: bytes, at: int):
        self._octets = octets
        self.at = at

    def _take(self, count: int) -> bytes:
        taken = self._octets[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError("cut off")
        self.at += count
        return taken

    def _number(self, count: int) -> int:
        return int.from_bytes(self._take(count), "big")

    def term(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise ValueError("too deep")
        tag = self._number(1)
        if tag in _ATOMS:
            size, encoding = _ATOMS[tag]
            return Atom(self._take(self._number(size)).decode(encoding))
        if tag == 97:
            return self._number(1)
        if tag == 98:
            return int.from_bytes(self._take(4), "big", signed=True)
        if tag == 104:
            return tuple(self.term(depth + 1) for _ in range(self._number(1)))
        if tag == 106:
            return []
        if tag == 107:
            return CharList(self._take(self._number(2)).decode("latin-1"))
        if tag == 108:
            return self._list(depth)
        if tag == 109:
            return self._take(self._number(4))
        return self._rarer(tag, depth)

    def _rarer(self, tag: int, depth: int) -> Any:
        if tag == 70:
            return unpack(">d", self._take(8))[0]
        if tag == 110:
            size, is_negative = self._number(1), self._number(1)
            number = int.from_bytes(self._take(size), "little")
            return -number if is_negative else number
        if tag == 116:
            try:
                return {self.term(depth + 1): self.term(depth + 1) for _ in range(self._number(4))}
            except TypeError:
                raise ValueError("a key that is no plain term") from None
        raise ValueError("another kind of term")

    def _list(self, depth: int) -> Any:
        found = [self.term(depth + 1) for _ in range(self._number(4))]
        if self.term(depth + 1) != []:
            raise ValueError("an improper list")
        if found and all(isinstance(code, int) for code in found):
            try:  # a long string, or one beyond latin-1
                return CharList("".join(map(chr, found)))
            except (ValueError, OverflowError):
                return found
        return found
