"""Exchange types by wire name: the built-in ones, and those that installed packages bring."""

from __future__ import annotations

import importlib
import logging
from importlib.metadata import entry_points
from typing import TypeVar

from broker.exchanges.contained import contained
from broker.exchanges.exchange import Exchange

log = logging.getLogger("broker.exchanges")

ENTRY_POINT_GROUP = "leveret.exchange_types"
_BUILT_IN = (
    "direct",
    "fanout",
    "topic",
    "headers",
    "x-consistent-hash",
    "x-local-random",
    "x-modulus-hash",
    "x-random",
    "x-recent-history",
)
_types: dict[str, type[Exchange]] = {}
_looked_outside = False

E = TypeVar("E", bound=type[Exchange])


def exchange_type(exchange_class: E) -> E:
    """Enter a type into the registry, under its `type_name`."""
    _types[exchange_class.type_name] = exchange_class
    return exchange_class


def find_type(name: str) -> type[Exchange] | None:
    """The type of that wire name; None if there is none.

    A built-in type is imported when somebody asks for it. Installed packages are looked at when a
    name is not built in for the first time: reading the metadata of every package takes
    milliseconds that a start does not have.
    """
    found = _types.get(name)
    if found is None and name in _BUILT_IN:
        importlib.import_module(f"broker.exchanges.{name.replace('-', '_')}")
        return _types[name]
    if found is None and not _looked_outside:
        _load_entry_points()
        found = _types.get(name)
    return found


def type_names() -> list[str]:
    """All types, installed ones included."""
    for name in (*_BUILT_IN, ""):
        find_type(name)
    return sorted(_types)


def _load_entry_points() -> None:
    global _looked_outside
    _looked_outside = True
    for entry in entry_points(group=ENTRY_POINT_GROUP):
        try:
            loaded = entry.load()
            if not (isinstance(loaded, type) and issubclass(loaded, Exchange)):
                raise TypeError(f"{entry.value} is not a subclass of Exchange")
        except Exception:
            log.exception("an exchange type could not be loaded, name=%s", entry.name)
            continue
        _types.setdefault(loaded.type_name or entry.name, contained(loaded, entry.name))
