"""What a queue counts of basic.get; the rest is counted where it happens."""

from __future__ import annotations

import pytest

from broker.queues.tally import Tally


def test_it_begins_with_nothing() -> None:
    tally = Tally()
    numbers = [name for name in Tally.__slots__ if name not in ("ages", "samples")]
    assert {getattr(tally, name) for name in numbers} == {0}
    assert (tally.ages, tally.samples) == (None, None)


@pytest.mark.parametrize(
    ("found", "no_ack", "name"),
    [
        (True, True, "got_no_ack"),
        (True, False, "got"),
        (False, True, "get_empty"),
        (False, False, "get_empty"),
    ],
)
def test_gets(found: bool, no_ack: bool, name: str) -> None:
    tally = Tally()
    tally.count_get(found=found, no_ack=no_ack)
    assert {n for n in ("got", "got_no_ack", "get_empty") if getattr(tally, n)} == {name}
