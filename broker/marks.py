"""Marks that tools read and the interpreter does not pay for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

F = TypeVar("F", bound=Callable[..., object])


def hot(*, bench: str) -> Callable[[F], F]:
    """Mark a function that runs per message. bench: the scenario in `benchmarks/` that measures it.

    Returns the function itself, so a call costs nothing more; `tests/tidy` checks the name.
    """

    def mark(function: F) -> F:
        function.__hot__ = bench  # type: ignore[attr-defined]
        return function

    return mark
