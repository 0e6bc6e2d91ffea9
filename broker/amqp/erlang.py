"""How Erlang prints a term with `~p`.

Several of RabbitMQ's reply texts contain a printed Erlang term, and clients match on them; this
prints the few shapes that occur there: binaries, strings, atoms, numbers, tuples, lists and maps
(on one line). What does not fit on its line is broken as `io_lib_pretty` breaks it: elements that
are lists or tuples stand on lines of their own, under one another; those of a tagged tuple behind
the tag while that leaves room for them, else four columns in, else one.
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


class Pid(str):
    """An Erlang process, which our connections, channels and queues have names like."""

    __slots__ = ()


# Words that RabbitMQ's runtime knows as atoms: a few of thousands, those that somebody may take
# for the type of an exchange. RabbitMQ's text about a word that it does not know is another.
_WORDS = """
    AMQPLAIN PLAIN RABBIT-CR-DEMO Direct header plain amqp all any auto bar binary binding
    broadcast bytes cast channel classic client cluster connection consumer content default
    delay delete dest direct disk dlx durable error event exchange false fanout field filter foo
    hash headers host http internal invalid json lazy local log mail map master match message
    mode multicast name new node none nope normal null ok open other path plugin priority
    private public queue quorum random raw ready remote request route rpc service session
    sharding stream string sub system temp test text timer topic tracing transient true type
    undefined unknown update user vhost void what work worker write
"""
_ATOMS = frozenset(_WORDS.split())


def is_atom(word: str) -> bool:
    """Whether RabbitMQ's runtime would know the word as an atom; for odd words a guess."""
    return word == "" or word in _ATOMS


LINE_LENGTH = 80
FLOAT_EXACT = 2**53  # from here on not every integer has a float
SHOWN_MAX = 600  # characters of a term: a reply text shows 255 octets
BINARY_MIN = 8  # characters of a binary that a line takes, however narrow
_ESCAPED = b"\b\t\n\v\f\r\x1b"


def printed(term: object, column: int = 0, line_length: int = LINE_LENGTH) -> str:
    """The term as `io_lib:format("~p")` prints it, beginning at a column: long terms are broken.

    line_length: other than 80 for `~255p` and the like.
    """
    flat = _flat(term)
    if len(flat) < line_length - column - 1 or not _is_nested(term, flat):
        return flat
    for tag_indent in (-1, 4):
        printer = _Printer(line_length, len(flat), tag_indent)
        if printer.fits(term, column + 1):
            break
    else:
        printer = _Printer(line_length, len(flat), 1)
    return printer.broken(term, column + 1, "\n" + " " * column, 0)


def with_term(text: str, term: object, line_length: int = LINE_LENGTH) -> str:
    """A text and the term behind it: its column is what stands on the text's last line, in octets,
    which RabbitMQ's texts are made of."""
    octets = text.encode("utf-8", "surrogateescape")
    shown = _shortened(term, [SHOWN_MAX])
    return text + printed(shown, len(octets) - octets.rfind(b"\n") - 1, line_length)


def _shortened(term: object, left: list[int]) -> object:
    """The term without what lies so far behind that no reply text shows it: a peer's argument may
    have 128 KB and 200 levels, which took two seconds to lay out. left: characters to come.

    What begins where a text still shows it is longer than a line after as before, so the lines are
    broken at the same places.
    """
    if isinstance(term, (list, tuple)):
        left[0] -= 2
        kept: list[object] = []
        for element in term:
            if left[0] < 0:
                kept.append(Atom("..."))  # so that what stands before it is not the last
                break
            kept.append(_shortened(element, left))
        return tuple(kept) if isinstance(term, tuple) else kept
    if isinstance(term, str) and not isinstance(term, Atom):
        kind, octets = type(term), term.encode("utf-8", "surrogateescape")
        if len(octets) > SHOWN_MAX:
            term = kind(_cut(octets).decode("utf-8", "surrogateescape"))
    elif isinstance(term, (bytes, bytearray)) and len(term) > SHOWN_MAX:
        term = _cut(term)
    left[0] -= len(term) + 2 if isinstance(term, (str, bytes, bytearray)) else 2
    return term


def _cut(octets: bytes | bytearray) -> bytes:
    """Text stays text, and what is none stays that."""
    return bytes(octets[:SHOWN_MAX]) + (b"" if _is_text(octets) else b"\0")


def _is_nested(term: object, flat: str) -> bool:
    """Can it be broken? Text cannot."""
    if isinstance(term, bytes):
        return len(term) > 0 and '"' not in flat
    return flat[0] in "[{" and len(flat) > 2


def _elements_of(term: object) -> list[object]:
    """Of a list or a tuple; also of a string that is a list of numbers, being no text."""
    if isinstance(term, str):
        return list(term.encode("utf-8", "surrogateescape"))
    assert isinstance(term, (tuple, list))
    return list(term)


def _is_tagged(term: object) -> bool:
    return isinstance(term, tuple) and len(term) > 1 and isinstance(term[0], (Atom, bool))


class _Printer:
    """Breaks one term. total: characters of all of it. tag_indent: columns that the elements of a
    tagged tuple stand in from it; -1: behind the tag."""

    def __init__(self, line_length: int, total: int, tag_indent: int):
        self.line_length = line_length
        self.total = total
        self.tag_indent = tag_indent

    def fits(self, term: object, column: int, behind: int = 0) -> bool:
        """Whether no tag leaves its elements too little room. behind: brackets that close after."""
        flat = _flat(term)
        if len(flat) < self.line_length - column - behind or flat[0] not in "[{":
            return True
        column, elements = column + 1, _elements_of(term)
        if _is_tagged(term):
            tag = len(_flat(elements.pop(0))) + 2
            is_indented = 0 < self.tag_indent < tag
            column += (self.tag_indent if is_indented else tag) - 1
            half = self.line_length // 2
            if self.total + column >= self.line_length + is_indented and (
                column >= half + is_indented
            ):
                return False
        last = len(elements) - 1
        return all(
            self.fits(element, column, behind + 1 if place == last else 0)
            for place, element in enumerate(elements)
        )

    def broken(self, term: object, column: int, indent: str, behind: int) -> str:
        """indent: a line end and the spaces to where the term begins."""
        flat = _flat(term)
        if len(flat) < self.line_length - column - behind or not _is_nested(term, flat):
            return flat
        if isinstance(term, bytes):
            return self._binary(flat, column + 2, indent + "  ", behind)
        opening, closing = flat[0], flat[-1]
        first, *others = elements = _elements_of(term)
        if not _is_tagged(term):
            lines = self._elements(elements, column + 1, indent + " ", behind)
            return opening + lines + closing
        tag = f"{opening}{_flat(first)},"
        if 0 < self.tag_indent < len(tag):
            place, indent = column + self.tag_indent, indent + " " * self.tag_indent
            at = column + len(tag)
            return tag[:-1] + self._tail(others, place, at, indent, behind) + closing
        indent += " " * len(tag)
        return tag + self._elements(others, column + len(tag), indent, behind) + closing

    def _elements(self, elements: list[object], column: int, indent: str, behind: int) -> str:
        if not elements:
            return ""
        text, at = self._element(elements[0], column, indent, 0 if elements[1:] else behind + 1)
        return text + self._tail(elements[1:], column, at, indent, behind)

    def _element(self, element: object, column: int, indent: str, behind: int) -> tuple[str, int]:
        """Returns: the text, the column behind it; behind a nested one the line is over."""
        flat = _flat(element)
        if len(flat) < self.line_length - column - behind and not _is_nested(element, flat):
            return flat, column + len(flat)
        return self.broken(element, column, indent, behind), column + self.line_length

    def _tail(self, elements: list[object], column: int, at: int, indent: str, behind: int) -> str:
        """What follows the first: on the same line what is plain and fits. at: where that is."""
        text = ""
        for place, element in enumerate(elements):
            closing = behind + 1 if place == len(elements) - 1 else 0
            flat = _flat(element)
            room = self.line_length - at - (closing or 1)
            if len(flat) + 1 < room and not _is_nested(element, flat):
                text += f",{flat}"
                at += len(flat) + 1
            else:
                part, at = self._element(element, column, indent, closing)
                text += f",{indent}{part}"
        return text

    def _binary(self, flat: str, column: int, indent: str, behind: int) -> str:
        room = max(BINARY_MIN, self.line_length - column - behind)
        *octets, final = flat.removeprefix("<<").removesuffix(">>").split(",")
        lines = [""]
        for octet in (*(f"{octet}," for octet in octets), final):
            if len(lines[-1]) + len(octet) > room:
                lines.append("")
            lines[-1] += octet
        return "<<" + indent.join(lines) + ">>"


def flat(term: object) -> str:
    """The same on one line, however long it is."""
    return _flat(term)


def _flat(term: object) -> str:
    if isinstance(term, bool):
        return "true" if term else "false"
    if term is None:
        return "undefined"
    if isinstance(term, Atom):
        return str(term) if _PLAIN_ATOM.match(term) else f"'{term}'"
    if isinstance(term, Pid):
        return str(term)
    if isinstance(term, CharList):
        octets = term.encode("utf-8", "surrogateescape")
        return _quoted(term) if _is_text(octets) else _flat(list(octets))
    if isinstance(term, str):
        return _flat(term.encode("utf-8", "surrogateescape"))
    if isinstance(term, (bytes, bytearray)):
        if not term:
            return "<<>>"
        # text when all octets are printable in Latin-1; on the wire they are what they were
        if _is_text(term):
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


def _is_text(octets: bytes | bytearray) -> bool:
    return all(32 <= octet < 127 or octet >= 160 or octet in _ESCAPED for octet in octets)


def _float(number: float) -> str:
    """The shortest digits that read back as the number, with an exponent where that is shorter,
    or where the number is so large that fixed digits would claim too much."""
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
    is_scientific = len(scientific) < len(fixed) or abs(number) >= FLOAT_EXACT
    return ("-" if sign else "") + (scientific if is_scientific else fixed)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    for raw, name in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"), ("\v", "\\v"), ("\b", "\\b")):
        escaped = escaped.replace(raw, name)
    return f'"{escaped}"'.replace("\f", "\\f").replace("\x1b", "\\e")
