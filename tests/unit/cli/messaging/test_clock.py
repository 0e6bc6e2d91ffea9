"""The clock."""

from __future__ import annotations

from broker.cli.messaging.clock import now_ns, now_s


def test_it_goes_forward() -> None:
    first, first_s = now_ns(), now_s()
    assert now_ns() >= first
    assert now_s() >= first_s
    assert abs(now_ns() / 1e9 - now_s()) < 60
