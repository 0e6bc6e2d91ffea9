from __future__ import annotations

import pytest

from broker.exchanges.bindings import Destinations, add, remove


def test_a_destination_stays_until_its_last_binding_is_gone() -> None:
    destinations: Destinations = {}
    for destination in ("a", "b", "a"):
        add(destinations, destination)
    assert destinations == {"a": 2, "b": 1}
    assert list(destinations) == ["a", "b"]
    remove(destinations, "a")
    assert "a" in destinations
    remove(destinations, "a")
    assert destinations == {"b": 1}


def test_removing_what_is_not_there_is_a_bug() -> None:
    with pytest.raises(KeyError):
        remove({}, "a")
