"""The command line as RabbitMQ's tools read it, which is how Elixir's OptionParser does.

Options stand anywhere, before or after the command and between its arguments. A long one is
`--name value` or `--name=value`; a switch is `--name`, `--no-name` or `--name=false`; a letter is
`-p value`, several letters are so many switches, and digits behind them the value of the last
(`-t30`). Behind `--` nothing is an option. What is not known, or has no value or a wrong one, is
`invalid`, and what would be its value is an argument.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

SWITCH, TEXT, INTEGER = "switch", "text", "integer"
TEXTS = "texts"  # an option that may be given several times

_LETTERS = re.compile(r"-([A-Za-z?]+)(\d*)\Z")
_NEGATIVE = re.compile(r"-\d+(\.\d+)?\Z")
_INTEGER = re.compile(r"[+-]?\d+\Z")


class Parsed(NamedTuple):
    """invalid: option as it stands, and its value, if it has a wrong one."""

    arguments: list[str]
    options: dict[str, Any]
    invalid: list[tuple[str, str | None]]


class _Reader:
    """One command line. kinds: of the long options, by name; letters: what they stand for."""

    def __init__(self, kinds: Mapping[str, str], letters: Mapping[str, str]):
        self._kinds = kinds
        self._letters = letters
        self.parsed = Parsed([], {}, [])
        self._rest: list[str] = []

    def read(self, words: list[str]) -> None:
        self._rest = list(reversed(words))
        while self._rest:
            word = self._rest.pop()
            if word == "--":
                self.parsed.arguments.extend(reversed(self._rest))
                return
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-" and not self._is_number(word):
                self._short(word)
            else:
                self.parsed.arguments.append(word)

    def _is_number(self, word: str) -> bool:
        """A negative one, and no option."""
        return _NEGATIVE.match(word) is not None and word[1:] not in self._letters

    def _long(self, word: str) -> None:
        shown, equals, value = word.partition("=")
        name = shown[2:].replace("-", "_")
        given = value if equals else None
        if "_" in shown:  # options have dashes
            self._refuse(shown)
            return
        if (
            name.startswith("no_")
            and self._kinds.get(name[3:]) == SWITCH
            and name not in self._kinds
        ):
            if given is None:
                self.parsed.options[name[3:]] = False
            else:
                self._refuse(shown, given)
            return
        self._take(shown, name, given)

    def _short(self, word: str) -> None:
        letters, equals, value = word.partition("=")
        given = value if equals else None
        if letters[1:] in self._letters:
            self._take(letters, self._letters[letters[1:]], given)
            return
        several = _LETTERS.match(letters)
        if several is None or equals or len(letters) == 2:
            if given is None:
                self._next_value()  # whatever it is, that is its value
            self._refuse(letters)
            return
        *first, last = list(several[1])
        if several[2]:
            self._rest.append(several[2])
        self._rest.append(f"-{last}")
        self._rest.extend(f"-{letter}" for letter in reversed(first))

    def _take(self, shown: str, name: str, given: str | None) -> None:
        kind = self._kinds.get(name)
        if kind is None:
            self._refuse(shown)
        elif kind == SWITCH:
            if given in (None, "true", "false"):
                self.parsed.options[name] = given != "false"
            else:
                self._refuse(shown, given)
        else:
            value = given if given is not None else self._next_value()
            if value is None or (kind == INTEGER and not _INTEGER.match(value)):
                self._refuse(shown, value)
            elif kind == TEXTS:
                self.parsed.options.setdefault(name, []).append(value)
            else:
                self.parsed.options[name] = int(value) if kind == INTEGER else value

    def _next_value(self) -> str | None:
        """The next word, unless it is an option itself."""
        if not self._rest:
            return None
        word = self._rest[-1]
        is_option = word.startswith("-") and word != "-" and not word.startswith("- ")
        if is_option and not _NEGATIVE.match(word):
            return None
        return self._rest.pop()

    def _refuse(self, shown: str, value: str | None = None) -> None:
        self.parsed.invalid.append((shown, value))


def parse(words: list[str], kinds: Mapping[str, str], letters: Mapping[str, str]) -> Parsed:
    """See the module."""
    reader = _Reader(kinds, letters)
    reader.read(words)
    return reader.parsed
