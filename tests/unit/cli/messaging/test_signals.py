"""Signals ask; they do not interrupt, but the second one does."""

from __future__ import annotations

import os
import select
import signal

import pytest

from broker.cli.messaging.signals import Stopping


def is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_asks_and_wakes(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Stopping() as stopping:
        assert not stopping.is_asked
        os.kill(os.getpid(), number)
        assert stopping.is_asked
        assert is_readable(stopping.wake_fd)
        stopping.clear()
        assert not is_readable(stopping.wake_fd)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


def test_the_end_of_a_child_wakes_and_asks_for_nothing() -> None:
    with Stopping() as stopping:
        os.kill(os.getpid(), signal.SIGCHLD)
        assert is_readable(stopping.wake_fd)
        assert not stopping.is_asked


def test_it_can_be_asked_without_a_signal() -> None:
    with Stopping() as stopping:
        stopping.ask()
        assert stopping.is_asked
        assert is_readable(stopping.wake_fd)
