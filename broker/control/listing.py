"""What lists have in common: their order, which takes time where they are long, and kinds of terms.

Of what is listed only references and names are held, and each row is put together when its turn
comes: it shows what is true then, and what has gone meanwhile is left out.
"""

from __future__ import annotations

import heapq
import ipaddress
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, TypeVar

from broker.amqp.erlang import Atom, Pid
from broker.amqp.wire import Field, Table
from broker.control.actions import Asked, Row, Slices

T = TypeVar("T")
CHUNK = 500  # sorted in one go
NONE = Atom("")  # what RabbitMQ shows where there is nothing
UNDEFINED = Atom("undefined")
QUEUE_SERIAL = 65_536  # in pids of queues, where those of channels have their numbers
LEVELS_MAX = 50  # of nested tables: a client's may have 200, too many for what shows them
VOID = Atom("void")
MS = 1000

Columns = Mapping[str, Callable[[Any], Any]]


async def in_order(items: Iterable[T], key: Callable[[T], Any], slices: Slices) -> AsyncIterator[T]:
    """Sorted in slices; the caller takes one after every item."""
    found = list(items)
    chunks = []
    for start in range(0, len(found), CHUNK):
        chunks.append(sorted(found[start : start + CHUNK], key=key))
        await slices.take()
    for item in chunks[0] if len(chunks) == 1 else heapq.merge(*chunks, key=key):
        yield item


def row_of(thing: object, wanted: list[str], columns: Columns) -> Row:
    """In the order in which columns are wanted. A tool of another version may know others."""
    return [(name, columns[name](thing)) for name in wanted if name in columns]


class Pids:
    """Names like those of Erlang's processes for what has one in RabbitMQ: the same as in events,
    where there are any, and the same as long as the node runs, whatever its clock is set to."""

    __slots__ = ("_began_s", "_events", "_node")

    def __init__(self, asked: Asked):
        node = asked.node
        self._node = node.name
        self._events = node.events
        self._began_s = asked.host.began_ms // MS

    def of(self, number: int, serial: int = 0) -> Pid:
        if self._events is not None:
            return Pid(self._events.pid(number, serial))
        return Pid(f"<{self._node}.{self._began_s}.{number}.{serial}>")

    def of_connection(self, connection_id: int) -> Pid:
        return self.of(connection_id)

    def of_channel(self, connection_id: int, number: int) -> Pid:
        return self.of(connection_id, number)

    def of_queue(self, queue_id: int) -> Pid:
        return self.of(queue_id, QUEUE_SERIAL)


# terms


def or_none(value: Any) -> Any:
    """As RabbitMQ shows what may be missing."""
    return NONE if value is None else value


def atom_or_none(value: object) -> Atom:
    return NONE if value is None else Atom(value)


def table_term(table: Table, levels: int = LEVELS_MAX) -> list[Any]:
    """A field table: keys, types and values. levels: from which on what is nested is left out."""
    return [
        (name, Atom(field.type_name), value_term(field, levels)) for name, field in table.items()
    ]


def value_term(field: Field, levels: int = LEVELS_MAX) -> Any:
    value: Any = field.value
    if field.tag == "F":
        return table_term(value, levels - 1) if levels else [("...", VOID, UNDEFINED)]
    if field.tag == "A":
        if not levels:
            return [(VOID, Atom("..."))]
        return [(Atom(inner.type_name), value_term(inner, levels - 1)) for inner in value]
    return UNDEFINED if field.tag == "V" else value


def address_term(text: str) -> Any:
    """The numbers of an IP address; the text, where it is none."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    octets = address.packed
    if address.version == 4:
        return tuple(octets)
    return tuple(int.from_bytes(octets[at : at + 2], "big") for at in range(0, 16, 2))
