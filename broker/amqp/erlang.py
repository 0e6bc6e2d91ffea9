"""How Erlang prints a term with `~p`.

Several of RabbitMQ's reply texts contain a printed Erlang term, and clients match on them; this
prints the few shapes that occur there: binaries, strings, atoms, numbers, tuples, lists and maps.
"""

from __future__ import annotations

import re
from decimal import Decimal

_PLAIN_ATOM = re.compile(r"[a-z][a-zA-Z0-9_@]*\Z")


class Atom(str):
    """An Erlang atom, as opposed to a string."""

    __slots__ = ()


class CharList(str):
    """An Erlang string (a list of characters), printed in double quotes."""

    __slots__ = ()


LINE_WIDTH = 79
_ESCAPED = b"\b\t\n\v\f\r\x1b"


def printed(term: object, column: int = 0) -> str:
    """The term as `io_lib:format("~p")` prints it, beginning at a column: long terms are broken."""
    flat = _flat(term)
    if column + len(flat) < LINE_WIDTH or not isinstance(term, (tuple, bytes)):
        return flat
    indent = "\n" + " " * (column + len(flat) - len(flat.lstrip("{<")))
    if isinstance(term, tuple):
        return "{" + f",{indent}".join(map(_flat, term)) + "}"
    if '"' in flat:
        return flat
    lines = [""]
    for octet in flat.removeprefix("<<").removesuffix(">>").split(","):
        if column + 2 + len(lines[-1]) + len(octet) + 3 > LINE_WIDTH:
            lines.append("")
        lines[-1] += f"{octet},"
    return "<<" + indent.join(lines).removesuffix(",") + ">>"


def _flat(term: object) -> str:
    if isinstance(term, bool):
        return "true" if term else "false"
    if term is None:
        return "undefined"
    if isinstance(term, Atom):
        return str(term) if _PLAIN_ATOM.match(term) else f"'{term}'"
    if isinstance(term, CharList):
        return _quoted(term)
    if isinstance(term, str):
        return _flat(term.encode("utf-8", "surrogateescape"))
    if isinstance(term, (bytes, bytearray)):
        if not term:
            return "<<>>"
        # text when all octets are printable in Latin-1; on the wire they are what they were
        if all(32 <= octet < 127 or octet >= 160 or octet in _ESCAPED for octet in term):
            return f"<<{_quoted(term.decode('utf-8', 'surrogateescape'))}>>"
        return "<<" + ",".join(map(str, term)) + ">>"
    if isinstance(term, tuple):
        return "{" + ",".join(map(_flat, term)) + "}"
    if isinstance(term, list):
        return "[" + ",".join(map(_flat, term)) + "]"
    if isinstance(term, dict):
        return "#{" + ",".join(f"{_flat(k)} => {_flat(v)}" for k, v in term.items()) + "}"
    if isinstance(term, float):
        return _float(term)
    return str(term)


def _float(number: float) -> str:
    """The shortest digits that read back as the number, with an exponent where that is shorter."""
    sign, digits, exponent = Decimal(repr(number)).normalize().as_tuple()
    if not isinstance(exponent, int):
        return str(number)
    text = "".join(map(str, digits))
    scientific = f"{text[0]}.{text[1:] or '0'}e{exponent + len(text) - 1}"
    if exponent >= 0:
        fixed = text + "0" * exponent + ".0"
    elif len(text) + exponent > 0:
        fixed = f"{text[:exponent]}.{text[exponent:]}"
    else:
        fixed = "0." + "0" * -(len(text) + exponent) + text
    return ("-" if sign else "") + (scientific if len(scientific) < len(fixed) else fixed)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for raw, name in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\v", "\\v"), ("\b", "\\b")):
        escaped = escaped.replace(raw, name)
    return f'"{escaped}"'.replace("\f", "\\f").replace("\x1b", "\\e")
