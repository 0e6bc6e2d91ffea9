"""Erlang terms as JSON: what a node tells its command line tools.

RabbitMQ's tools get terms from a node, and what they print depends on what is an atom, a string or
a tuple. So ours get them, too: numbers, booleans, lists and text (an Erlang binary) are JSON's own,
everything else is an object with one key that says what it is.

    atom     {"a": "running"}          tuple  {"t": [...]}
    string   {"s": "text"}             map    {"m": [[key, value], ...]}
    octets   {"b": "base64"}           pid    {"p": "<rabbit@host.1.2.3>"}
    undefined  null
"""

from __future__ import annotations

import base64
from typing import Any

from broker.amqp.erlang import Atom, CharList, Pid


def as_json(term: Any) -> Any:
    """A term as what `json.dumps` takes."""
    if term is None or isinstance(term, (bool, int, float)):
        return term
    if isinstance(term, Atom):
        return {"a": str(term)}
    if isinstance(term, CharList):
        return {"s": str(term)}
    if isinstance(term, Pid):
        return {"p": str(term)}
    if isinstance(term, str):
        return term if term.isprintable() or _is_whole(term) else _octets(_encoded(term))
    if isinstance(term, (bytes, bytearray)):
        return _octets(bytes(term))
    if isinstance(term, tuple):
        return {"t": [as_json(element) for element in term]}
    if isinstance(term, list):
        return [as_json(element) for element in term]
    if isinstance(term, dict):
        return {"m": [[as_json(key), as_json(value)] for key, value in term.items()]}
    raise TypeError(f"no term: {type(term).__name__}")


def from_json(value: Any) -> Any:
    """The term that JSON stands for. Raises: ValueError."""
    if isinstance(value, list):
        return _elements(value)
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError("no term")
    ((kind, inner),) = value.items()
    try:
        return _KINDS[kind](inner)
    except (KeyError, TypeError):
        raise ValueError("no term") from None


def _elements(values: list[Any]) -> list[Any]:
    """What stands for itself is most of a list, and costs a fifth this way."""
    return [value if type(value) in _PLAIN else from_json(value) for value in values]


def _octets(octets: bytes) -> dict[str, str]:
    return {"b": base64.b64encode(octets).decode("ascii")}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _is_whole(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


_PLAIN = frozenset({str, int, float, bool, type(None)})
_KINDS: dict[str, Any] = {
    "a": Atom,
    "s": CharList,
    "p": Pid,
    "b": base64.b64decode,
    "t": lambda inner: tuple(_elements(inner)),
    "m": lambda inner: {from_json(key): from_json(element) for key, element in inner},
}
