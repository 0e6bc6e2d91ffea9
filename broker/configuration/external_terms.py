"""Erlang's external term format, as far as encrypted values need it.

    131 | tag, then: 97 octet, 98 32-bit integer, 100 and 115, 118, 119 atoms, 104 tuple, 106 [],
    107 string (a list of octets), 108 list, 109 binary

Integers of any size, floats and whatever else there is are not in settings.
"""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom, CharList

VERSION = 131
DEPTH_MAX = 50
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
    if isinstance(term, int) and not isinstance(term, bool):
        if 0 <= term < 256:
            return bytes([97, term])
        if -(2**31) <= term < 2**31:
            return b"b" + term.to_bytes(4, "big", signed=True)
    if isinstance(term, tuple) and len(term) < 256:
        return bytes([104, len(term)]) + b"".join(map(_written, term))
    if isinstance(term, list):
        inner = b"".join(map(_written, term))
        return b"l" + len(term).to_bytes(4, "big") + inner + b"j" if term else b"j"
    raise ValueError("a term that cannot be encrypted")


def read_external(octets: bytes) -> Any:
    """Raises: ValueError: this is not one whole term."""
    if octets[:1] != bytes([VERSION]):
        raise ValueError("no term")
    reader = _Reader(octets, 1)
    term = reader.term(0)
    if reader.at != len(octets):
        raise ValueError("more than a term")
    return term


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
