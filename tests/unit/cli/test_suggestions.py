"""What somebody may have meant."""

from __future__ import annotations

import pytest

from broker.cli.suggestions import jaro, nearest


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        *(("", "", 1.0), ("a", "", 0.0), ("", "a", 0.0), ("abc", "xyz", 0.0), ("abc", "abc", 1.0)),
        *(("martha", "marhta", 0.944), ("dixon", "dicksonx", 0.767), ("dwayne", "duane", 0.822)),
    ],
)
def test_similarity(one: str, other: str, similarity: float) -> None:
    assert jaro(one, other) == pytest.approx(similarity, abs=0.001)
    assert jaro(other, one) == pytest.approx(similarity, abs=0.001)


def test_the_nearest_is_suggested_if_it_is_near() -> None:
    known = ["list_queues", "list_users", "status"]
    assert nearest("list_user", known) == "list_users"
    assert nearest("Status", known) == "status"
    assert nearest("del_user", ["add_user", "delete_user"]) == "delete_user"
    assert nearest("foo", known) is None
    assert nearest("anything", []) is None
