from __future__ import annotations

import pytest

from broker.store import errors
from broker.store.errors import StoreError

FAULTS = [
    entry
    for entry in vars(errors).values()
    if isinstance(entry, type) and issubclass(entry, StoreError)
]


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_family_and_carry_a_line_of_text(fault: type[StoreError]) -> None:
    assert str(fault("no room")) == "no room"
    assert not issubclass(fault, OSError)
    assert fault.__doc__


def test_the_kinds_of_faults_are_told_apart() -> None:
    kinds = [fault for fault in FAULTS if fault is not StoreError]
    assert len(kinds) >= 3
    assert not [(a, b) for a in kinds for b in kinds if a is not b and issubclass(a, b)]
