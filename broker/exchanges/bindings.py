"""Destinations with a count: one may be bound several times in ways that route alike."""

from __future__ import annotations

from typing import Any

Destinations = dict[Any, int]  # destination → bindings that lead to it; iterates in order bound


def add(destinations: Destinations, destination: Any) -> None:
    destinations[destination] = destinations.get(destination, 0) + 1


def remove(destinations: Destinations, destination: Any) -> None:
    count = destinations[destination] - 1
    if count:
        destinations[destination] = count
    else:
        del destinations[destination]
