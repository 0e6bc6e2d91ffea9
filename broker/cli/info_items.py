"""Columns of lists: which are asked for, and whether there are such."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from broker.cli.errors import InvalidError


def wanted(arguments: Iterable[str]) -> list[str]:
    """Columns between spaces or commas, each once."""
    names = (name.strip() for argument in arguments for name in argument.split(",") if name)
    return list(dict.fromkeys(names))


def check(arguments: Iterable[str], known: Sequence[str]) -> None:
    """Raises: InvalidError, with all that are unknown."""
    unknown = [name for name in wanted(arguments) if name and name not in known]
    if unknown:
        raise InvalidError(f"Info key(s) {','.join(sorted(unknown))} are not supported")


def topic(known: Iterable[str]) -> tuple[str, str]:
    """What the help says of them."""
    return "<column>", f"must be one of {', '.join(sorted(known))}"


def only(row: Iterable[tuple[Any, Any]], names: Iterable[str]) -> list[tuple[Any, Any]]:
    """Of a row what is asked for, in the order in which it is."""
    values = dict(row)
    return [(name, values[name]) for name in names if name in values]
