"""When all is as a clean stop left it. What is found, and when, is in test_recovery.py."""

from __future__ import annotations

import pytest

from broker.store.findings import Gap, Report


def test_a_clean_stop_leaves_nothing_to_do() -> None:
    assert Report(was_stopped=True, checkpoint_block=7, last_block=7).is_clean
    assert not Report().is_clean


@pytest.mark.parametrize(
    "found", [{"blocks": 1}, {"cut": {1: 5}}, {"gaps": [Gap(1, 2)]}, {"problems": ["a problem"]}]
)
def test_anything_else_is_not_clean(found: dict[str, object]) -> None:
    assert not Report(was_stopped=True, **found).is_clean  # type: ignore[arg-type]
