from __future__ import annotations

import pytest

from broker.auth.permissions import CONFIGURE, READ, WRITE, Permissions, TopicPermissions
from broker.patterns import PatternError


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        (".*", "anything", True),
        ("", "anything", False),
        ("^$", "anything", False),
        ("^mine-", "mine-q", True),
        ("^mine-", "not-mine-q", False),
        ("mine", "not-mine-q", True),  # not anchored
        ("", "", True),
        ("^mine$", "mine\n", True),  # so does PCRE
    ],
)
def test_patterns_are_searched_for(pattern: str, name: str, expected: bool) -> None:
    for kind in (CONFIGURE, WRITE, READ):
        patterns = dict.fromkeys((CONFIGURE, WRITE, READ), "^$") | {kind: pattern}
        permissions = Permissions(**patterns)
        assert permissions.allows(kind, name) is expected
        assert not permissions.allows(READ if kind == WRITE else WRITE, "something")


def test_a_pattern_that_is_none_is_an_error() -> None:
    with pytest.raises(PatternError):
        Permissions("(", ".*", ".*")


def test_topic_permissions_know_whose_they_are() -> None:
    topic = TopicPermissions(r"^{username}\.", r"^{vhost}\.")
    for username in ("anna", "bob"):
        assert topic.allows(WRITE, f"{username}.x", username=username, vhost="v")
        assert not topic.allows(WRITE, "eve.x", username=username, vhost="v")
        assert topic.allows(READ, "v.x", username=username, vhost="v")
        assert not topic.allows(READ, "w.x", username=username, vhost="v")


def test_topic_permissions_must_be_patterns() -> None:
    with pytest.raises(PatternError):
        TopicPermissions("(", ".*")


def test_a_name_that_spoils_a_topic_pattern_is_refused() -> None:
    topic = TopicPermissions("^{username}", ".*")
    assert not topic.allows(WRITE, "(", username="(", vhost="v")
    assert topic.allows(WRITE, "a", username="a", vhost="v")
