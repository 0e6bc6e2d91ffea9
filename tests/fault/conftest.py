"""Fixtures of the fault tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fault.victim import Victim

SMALL_MB = 60  # it starts with 30


class Victims:
    """One broker for a module: whatever was done to it before must not show.

    One that did not stand is replaced, so that the tests that follow have their own say.
    """

    def __init__(self) -> None:
        self._current: Victim | None = None

    def current(self) -> Victim:
        """One that is small: in a heap with room nobody would see what is kept."""
        if self._current is not None and self._current.rss_mb > SMALL_MB:
            self.discard()
        if self._current is None:
            self._current = Victim().__enter__()
        return self._current

    def discard(self) -> None:
        victim, self._current = self._current, None
        if victim is not None:
            victim.__exit__(None, None, None)


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    victims = Victims()
    yield victims
    victims.discard()


@pytest.fixture
def victim(victims: Victims, request: pytest.FixtureRequest) -> Iterator[Victim]:
    """The module's broker; afterwards it stands. What was measured is in the junit report."""
    victim = victims.current()
    victim.forget_peak()
    victim.canary.worst_ms = 0.0
    base_mb = victim.rss_mb
    yield victim
    peak_mb = victim.peak_mb
    try:
        victim.stands()
    except BaseException:
        victims.discard()
        raise
    request.node.user_properties += [
        ("base_mb", round(base_mb)),
        ("peak_mb", round(peak_mb)),
        ("canary_worst_ms", victim.canary.worst_ms),
    ]
