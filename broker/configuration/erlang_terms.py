"""Reads Erlang terms as a rabbitmq.config or an advanced.config has them.

    [ {rabbit, [ {tcp_listeners, [5672]},            % a comment
                 {loopback_users, [<<"guest">>]} ]} ].

Atoms are `Atom`, strings `CharList`, binaries bytes, tuples a `Tuple` that knows its line. There
are no variables, operators, funs or records: none can be in such a file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from broker.amqp.erlang import Atom, CharList

DEPTH_MAX = 100  # brackets within one another
_TOKEN = re.compile(
    r"(?P<space>\s+|%[^\n]*)"
    r"|(?P<float>[+-]?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<based>[+-]?[0-9]{1,2}\#[0-9a-zA-Z]+)"
    r"|(?P<integer>[+-]?[0-9][0-9_]*)"
    r"|(?P<char>\$(?:\\.|[^\\]))"
    r"|(?P<atom>[a-z][a-zA-Z0-9_@]*)"
    r"|(?P<quoted>'(?:[^'\\]|\\.)*')"
    r"|(?P<string>\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<mark><<|>>|\#\{|=>|[][{},./:])",
    re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x\{[0-9a-fA-F]+\}|x[0-9a-fA-F]{2}|[0-7]{1,3}|\^.|.)", re.DOTALL)
_LETTERS = {"b": "\b", "d": "\x7f", "e": "\x1b", "f": "\f", "n": "\n", "r": "\r", "s": " "}
_LETTERS |= {"t": "\t", "v": "\v"}


class Tuple(tuple[Any, ...]):
    """A tuple, and the line that it begins in."""

    line = 0


class TermError(ValueError):
    """What is wrong, and in which line."""

    def __init__(self, line: int, problem: str):
        super().__init__(problem)
        self.line = line


def _unescaped(text: str) -> str:
    """Raises: ValueError."""

    def letter(found: re.Match[str]) -> str:
        code = found[1]
        if code in ("x", "^"):
            raise ValueError
        if code[0] == "x":
            return chr(min(int(code[1:].strip("{}"), 16), 0x10FFFF))
        if code[0] in "01234567":
            return chr(int(code, 8))
        if code[0] == "^":
            return chr(ord(code[1]) & 31)
        return _LETTERS.get(code, code)

    return _ESCAPE.sub(letter, text)


class _Token:
    __slots__ = ("kind", "line", "text")

    def __init__(self, kind: str, text: str, line: int):
        self.kind, self.text, self.line = kind, text, line


def _tokens(text: str) -> Iterator[_Token]:
    at, line = 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise TermError(line, f"'{text[at]}' cannot stand here")
        kind = found.lastgroup or ""
        if kind != "space":
            yield _Token(kind, found[0], line)
        line += found[0].count("\n")
        at = found.end()
    yield _Token("end", "", line)


class _Reader:
    def __init__(self, text: str):
        self._tokens = _tokens(text)
        self._now = next(self._tokens)

    def _take(self) -> _Token:
        taken = self._now
        if taken.kind != "end":
            self._now = next(self._tokens)
        return taken

    def _is_next(self, *marks: str) -> bool:
        return self._now.kind == "mark" and self._now.text in marks

    def _expect(self, mark: str) -> None:
        if not self._is_next(mark):
            shown = f"'{self._now.text}'" if self._now.text else "the end of the file"
            raise TermError(self._now.line, f"expected '{mark}' before {shown}")
        self._take()

    def terms(self) -> Iterator[Any]:
        while self._now.kind != "end":
            term = self._term(0)
            self._expect(".")
            yield term

    def _term(self, depth: int) -> Any:
        if depth > DEPTH_MAX:
            raise TermError(self._now.line, "too many brackets within one another")
        token = self._take()
        if token.kind == "mark":
            return self._composite(token, depth)
        if token.kind in ("atom", "quoted"):
            return Atom(token.text if token.kind == "atom" else self._unquoted(token))
        if token.kind == "string":
            return CharList(self._string(token))
        if token.kind == "end":
            raise TermError(token.line, "the file ends within a term")
        return self._number(token)

    def _composite(self, token: _Token, depth: int) -> Any:
        if token.text == "{":
            found = Tuple(self._sequence("}", depth))
            found.line = token.line
            return found
        if token.text == "[":
            return self._sequence("]", depth)
        if token.text == "<<":
            return self._binary()
        if token.text == "#{":
            return self._map(depth)
        raise TermError(token.line, f"'{token.text}' cannot stand here")

    def _sequence(self, end: str, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self._is_next(end):
            if found:
                self._expect(",")
            found.append(self._term(depth + 1))
        self._take()
        return found

    def _map(self, depth: int) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        while not self._is_next("}"):
            if found:
                self._expect(",")
            line = self._now.line
            key = self._term(depth + 1)
            self._expect("=>")
            try:
                found[key] = self._term(depth + 1)
            except TypeError:
                raise TermError(line, "a key of a map that is no plain term") from None
        self._take()
        return found

    def _binary(self) -> bytes:
        parts: list[bytes] = []
        while not self._is_next(">>"):
            if parts:
                self._expect(",")
            token = self._take()
            if token.kind == "string":
                text = self._string(token)
                is_utf8 = self._is_next("/")
                if is_utf8:
                    self._take()
                    self._take()
                wide = is_utf8 or any(ord(letter) > 255 for letter in text)
                parts.append(text.encode("utf-8" if wide else "latin-1", "surrogatepass"))
            elif token.kind in ("integer", "char", "based"):
                parts.append(bytes([int(self._number(token)) & 255]))
            else:
                raise TermError(token.line, "a binary that is neither text nor octets")
        self._take()
        return b"".join(parts)

    def _string(self, token: _Token) -> str:
        """Strings that stand beside one another are one."""
        parts = [self._unquoted(token)]
        while self._now.kind == "string":
            parts.append(self._unquoted(self._take()))
        return "".join(parts)

    def _unquoted(self, token: _Token) -> str:
        try:
            return _unescaped(token.text[1:-1])
        except ValueError:
            raise TermError(token.line, "a backslash before what is no escape") from None

    def _number(self, token: _Token) -> int | float:
        try:
            if token.kind == "float":
                return float(token.text)
            if token.kind == "char":
                return ord(_unescaped(token.text[1:]))
            if token.kind == "based":
                base, _, digits = token.text.partition("#")
                return int(digits, int(base))
            return int(token.text)
        except ValueError:
            raise TermError(token.line, f"'{token.text[:40]}' is no number") from None


def read_terms(text: str) -> list[Any]:
    """The terms of a file, each of which ends with a dot. Raises: TermError."""
    return list(_Reader(text).terms())
