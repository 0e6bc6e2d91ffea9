"""How answers are shown: `--formatter table|json|json_stream|csv|erlang|pretty_table|string|…`.

A formatter gives lines: of one term, or of a stream of them, which is printed while it comes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from broker.amqp.erlang import Atom, CharList, Pid, flat, printed
from broker.cli.elixir import inspect, to_text

Options = Mapping[str, Any]


class Formatter(NamedTuple):
    """value: of a term; rows: of a stream; both give the lines. switches: options of its own."""

    value: Callable[[Any, Options], Iterable[str]]
    rows: Callable[[Iterable[Any], Options], Iterator[str]]
    is_for_machines: bool = False
    switches: Mapping[str, str] = {}


def is_pairs(term: Any) -> bool:
    """Whether it is a list of pairs; an empty one is, too."""
    return isinstance(term, list) and all(
        isinstance(pair, tuple) and len(pair) == 2 for pair in term
    )


def _flattened(items: Iterable[Any]) -> Iterator[Any]:
    """Some streams have lists of rows in them."""
    for item in items:
        if isinstance(item, list) and item and (isinstance(item[0], dict) or is_pairs(item[0])):
            yield from item
        else:
            yield item


def _keys(term: Any) -> list[str]:
    if isinstance(term, dict):
        return [to_text(key) for key in sorted(term, key=str)]
    return [to_text(key) for key, _ in term] if is_pairs(term) else []


def _values(term: Any) -> list[Any]:
    if isinstance(term, dict):
        return [term[key] for key in sorted(term, key=str)]
    if is_pairs(term):
        return [value for _, value in term]
    return term if isinstance(term, list) else [term]


# one cell of a table


def cell(term: Any) -> str:
    """A value as it stands between two tabs."""
    if isinstance(term, bool):
        return "true" if term else "false"
    if term is None:
        return "nil"
    if isinstance(term, CharList):
        return flat(term)
    if isinstance(term, str):
        return str(term)
    if isinstance(term, (bytes, bytearray)):
        return term.decode("utf-8", "replace")
    if isinstance(term, dict):
        inner = (f"{to_text(key)} => {cell(term[key])}" for key in sorted(term, key=str))
        return "#{" + ", ".join(inner) + "}"
    if isinstance(term, tuple):
        return _tuple_cell(term)
    if isinstance(term, list) and term:
        if _is_table(term):
            return flat(_plain_table(term))
        if isinstance(term[0], (tuple, str, list, bytes, bool)):
            return "[" + ", ".join(map(cell, term)) + "]"
    return flat(term)


def _tuple_cell(term: tuple[Any, ...]) -> str:
    numbers = all(isinstance(part, int) and not isinstance(part, bool) for part in term)
    if numbers and len(term) == 4 and all(0 <= part < 256 for part in term):
        return ".".join(map(str, term))
    if numbers and len(term) == 8 and all(0 <= part < 65536 for part in term):
        import ipaddress

        return str(ipaddress.IPv6Address(b"".join(part.to_bytes(2, "big") for part in term)))
    if len(term) == 2:
        return "{" + printed(term[0]) + ", " + cell(term[1]) + "}"
    return flat(term)


def _is_table(term: list[Any]) -> bool:
    """Whether it is a field table: keys, types and values."""
    first = term[0]
    return isinstance(first, tuple) and len(first) == 3 and isinstance(first[1], Atom)


def _plain_table(table: list[Any]) -> list[Any]:
    return [(CharList(key), _plain_value(kind, value)) for key, kind, value in table]


def _plain_value(kind: str, value: Any) -> Any:
    if kind == "longstr":
        return CharList(to_text(value))
    if kind == "table":
        return _plain_table(value)
    if kind == "array":
        return [_plain_value(inner, one) for inner, one in value]
    return value


# the formatters


def _table_value(term: Any, options: Options) -> Iterator[str]:
    has_header = not options.get("silent") and options.get("table_headers", True)
    keys = _keys(term) if has_header else []
    if keys:
        yield "\t".join(keys)
    yield _table_line(term, options)


def _table_line(term: Any, options: Options) -> str:
    if term == []:
        return ""
    if isinstance(term, dict) or is_pairs(term):
        values = [cell(value) for value in _values(term)]
        if options.get("pad_to_header"):
            values = [value.ljust(len(key)) for key, value in zip(_keys(term), values, strict=True)]
        return "\t".join(values)
    return term if isinstance(term, str) and not isinstance(term, Atom) else inspect(term)


def _table_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    rows = _flattened(items)
    for first in rows:
        yield from _table_value(first, options)
        for row in rows:
            yield _table_line(row, options)


def _string_value(term: Any, _options: Options) -> Iterator[str]:
    yield to_text(term)


def _string_rows(items: Iterable[Any], _options: Options) -> Iterator[str]:
    return (to_text(item) for item in items)


def _lines_value(term: Any, _options: Options) -> Iterator[str]:
    return (to_text(item) for item in term)


def _lines_rows(items: Iterable[Any], _options: Options) -> Iterator[str]:
    return (("" if number == 0 else "\n") + to_text(item) for number, item in enumerate(items))


def _inspect_value(term: Any, _options: Options) -> Iterator[str]:
    yield term if isinstance(term, str) and not isinstance(term, Atom) else inspect(term)


def _inspect_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    yield "["
    for number, item in enumerate(items):
        yield ("," if number else "") + "".join(_inspect_value(item, options))
    yield "]"


def plain(term: Any) -> Any:
    """A term as what JSON has: pairs become an object, text a string, tuples lists."""
    if isinstance(term, CharList):
        return list(term.encode())
    if isinstance(term, Atom):
        return None if term == "nil" else str(term)
    if isinstance(term, Pid):
        return f"#PID{term}"
    if isinstance(term, (bytes, bytearray)):
        return term.decode("utf-8", "replace")
    if isinstance(term, dict):
        return {to_text(key): plain(term[key]) for key in sorted(term, key=str)}
    if isinstance(term, list):
        if term and is_pairs(term) and all(isinstance(key, Atom) for key, _ in term):
            return {str(key): plain(value) for key, value in term}
        return [plain(one) for one in term]
    if isinstance(term, tuple):
        return [plain(one) for one in term]
    return term


def to_json(term: Any) -> str:
    return json.dumps(plain(term), ensure_ascii=False, separators=(",", ":"))


def _json_value(term: Any, _options: Options) -> Iterator[str]:
    if isinstance(term, str) and not isinstance(term, (Atom, CharList, Pid)):
        term = {"message": term}
    yield to_json(term)


def _json_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    yield "["
    for number, item in enumerate(_flattened(items)):
        if item and is_pairs(item):  # whatever its keys are
            item = {to_text(key): value for key, value in item}
            shown = ",".join(f"{to_json(key)}:{to_json(value)}" for key, value in item.items())
            yield f"{',' if number else ''}{{{shown}}}"
        else:
            yield ("," if number else "") + "".join(_json_value(item, options))
    yield "]"


def _json_stream_value(term: Any, _options: Options) -> Iterator[str]:
    yield "" if term == "" else to_json(term)


def _json_stream_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    return ("".join(_json_stream_value(item, options)) + "\n" for item in _flattened(items))


def _csv_line(values: Iterable[Any]) -> str:
    return ",".join('"' + _csv_text(value).replace('"', '""') + '"' for value in values)


def _csv_text(value: Any) -> str:
    return to_text(value) if isinstance(value, (str, bytes, bool)) else cell(value)


def _csv_value(term: Any, _options: Options) -> Iterator[str]:
    """By the book (RFC 4180); RabbitMQ's has quotes everywhere only where it streams."""
    for values in (_keys(term), _values(term)):
        if values:
            yield ",".join(map(_csv_cell, values)) + "\r"
    yield ""


def _csv_cell(value: Any) -> str:
    text = _csv_text(value)
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if re.search(r'[",\r\n]', text) else text


def _csv_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    rows = _flattened(items)
    for first in rows:
        keys = _keys(first)
        if keys:
            yield _csv_line(keys)
        yield _csv_line(_values(first))
        for row in rows:
            yield _csv_line(_values(row))


def _erlang_value(term: Any, _options: Options) -> Iterator[str]:
    yield printed(term)


def _erlang_rows(items: Iterable[Any], _options: Options) -> Iterator[str]:
    yield printed(list(items))


def _pretty_value(term: Any, _options: Options) -> Iterator[str]:
    from broker.cli.pretty_table import drawn

    text = term if isinstance(term, str) and not isinstance(term, Atom) else printed(term)
    yield drawn(["Output"], [[text]])


def _pretty_rows(items: Iterable[Any], _options: Options) -> Iterator[str]:
    from broker.cli.pretty_table import drawn, shown

    rows = _flattened(items)
    for first in rows:
        lines = [[shown(value) for value in _values(row)] for row in chain([first], rows)]
        yield drawn(_keys(first), lines)


def _plugins_value(term: Any, options: Options) -> Iterator[str]:
    from broker.cli import plugin_lines

    return plugin_lines.value(term, options)


def _plugins_rows(items: Iterable[Any], options: Options) -> Iterator[str]:
    from broker.cli import plugin_lines

    return plugin_lines.rows(items, options)


_SWITCH = "switch"
FORMATTERS = {
    "table": Formatter(
        _table_value,
        _table_rows,
        switches={"table_headers": _SWITCH, "pad_to_header": _SWITCH},
    ),
    "string": Formatter(_string_value, _string_rows),
    "string_per_line": Formatter(_lines_value, _lines_rows),
    "inspect": Formatter(_inspect_value, _inspect_rows),
    "json": Formatter(_json_value, _json_rows, is_for_machines=True),
    "json_stream": Formatter(_json_stream_value, _json_stream_rows, is_for_machines=True),
    "csv": Formatter(_csv_value, _csv_rows, is_for_machines=True),
    "erlang": Formatter(_erlang_value, _erlang_rows),
    "pretty_table": Formatter(_pretty_value, _pretty_rows),
    "plugins": Formatter(_plugins_value, _plugins_rows),
}
