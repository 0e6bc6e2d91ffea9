"""Answers that many ask for: put together once for all who ask at about the same time.

A thousand pages that look at the overview every five seconds are two hundred requests a second, and
what they show changes no more often than somebody looks. An answer is remembered for as long as a
hundredth of the time is spent on it, at most a second: on a small node that is no time at all.
"""

from __future__ import annotations

from collections.abc import Hashable
from time import perf_counter

from broker.management.request import Response

KEPT_S = 1.0  # at most
SHARE = 100  # times what it took
REMEMBERED_MAX = 64  # answers


class Remembered:
    """Answers by what they depend on."""

    def __init__(self) -> None:
        self._answers: dict[Hashable, tuple[float, Response]] = {}

    def find(self, key: Hashable) -> Response | None:
        """One that is still good."""
        found = self._answers.get(key)
        if found is None or found[0] <= perf_counter():
            return None
        kept = found[1]
        return Response(kept.status, list(kept.headers), kept.body)

    def keep(self, key: Hashable, response: Response, took_s: float) -> None:
        """took_s: of work, to put it together."""
        if len(self._answers) >= REMEMBERED_MAX:
            self._answers.clear()
        until = perf_counter() + min(KEPT_S, SHARE * took_s)
        copy = Response(response.status, list(response.headers), response.body)
        self._answers[key] = (until, copy)
