"""Paths that answers lead to, as RabbitMQ writes them."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote_plus


def quoted(name: str) -> str:
    """A name as RabbitMQ encodes it: blanks become plus signs."""
    return quote_plus(name.encode("utf-8", "surrogateescape"), safe="")


def relative(source: str, target: Sequence[str]) -> str:
    """The way from one path to another, given as its encoded parts: the shortest, so that it is
    right behind any proxy. Empty parts do not count."""
    here = [part for part in source.split("/") if part]
    there = [part for part in target if part]
    while len(here) > 1 and there and here[0] == there[0]:
        del here[0], there[0]
    if here and here[:1] == there[:1]:
        return "/".join(there)
    return "/".join([".."] * max(0, len(here) - 1) + there)
