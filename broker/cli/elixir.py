"""Terms as Elixir's `inspect` shows them, which is what the formatter "string" prints."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom, CharList, Pid, flat

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@")
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\", "\x1b": "\\e"}


def is_keyword(term: Any) -> bool:
    """Whether it is a list of pairs, each an atom and something."""
    return (
        isinstance(term, list)
        and bool(term)
        and all(
            isinstance(pair, tuple) and len(pair) == 2 and isinstance(pair[0], Atom)
            for pair in term
        )
    )


def inspect(term: Any) -> str:
    """One line, however long."""
    if term is None:
        return "nil"
    if isinstance(term, bool):
        return "true" if term else "false"
    if isinstance(term, Atom):
        if term in ("true", "false", "nil"):
            return str(term)
        return f":{_atom(term)}"
    if isinstance(term, CharList):
        return f"'{term}'"
    if isinstance(term, Pid):
        return f"#PID{term}"
    if isinstance(term, str):
        return '"' + "".join(_ESCAPES.get(letter, letter) for letter in term) + '"'
    if isinstance(term, (bytes, bytearray)):
        return "<<" + ", ".join(map(str, term)) + ">>"
    if isinstance(term, tuple):
        return "{" + ", ".join(map(inspect, term)) + "}"
    if isinstance(term, list):
        if is_keyword(term):
            return "[" + ", ".join(f"{_atom(key)}: {inspect(value)}" for key, value in term) + "]"
        return "[" + ", ".join(map(inspect, term)) + "]"
    if isinstance(term, dict):
        return "%{" + ", ".join(_association(key, term[key]) for key in sorted(term, key=str)) + "}"
    return flat(term)


def _association(key: Any, value: Any) -> str:
    if isinstance(key, Atom):
        return f"{_atom(key)}: {inspect(value)}"
    return f"{inspect(key)} => {inspect(value)}"


def _atom(name: str) -> str:
    is_plain = bool(name) and set(name) <= _PLAIN and not (name[0].isdigit() or name[0] == "@")
    return name if is_plain else f'"{name}"'


def to_text(term: Any) -> str:
    """As `to_string` makes it; what that cannot do is inspected."""
    if term is None:
        return ""
    if isinstance(term, bool):
        return "true" if term else "false"
    if isinstance(term, str):  # atoms and strings too
        return str(term)
    if isinstance(term, (bytes, bytearray)):
        return term.decode("utf-8", "surrogateescape")
    if isinstance(term, list) and term and all(isinstance(one, str) for one in term):
        return "".join(term)
    if term == []:
        return ""
    return inspect(term)
