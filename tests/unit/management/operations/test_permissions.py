"""What is asked for of permissions becomes commands."""

from __future__ import annotations

import pytest

from broker.commands import SetPermissions, SetTopicPermissions
from broker.management.operations.permissions import set_permissions, set_topic_permissions
from broker.management.operations.refused import Refused
from tests.support.peer import World

ALL = {"configure": "", "write": "^a", "read": ".*"}
TOPIC = {"exchange": "e", "write": "^{username}", "read": ".*"}
NODE = World().node


def test_permissions() -> None:
    command = set_permissions(NODE, "guest", "/", ALL)
    assert command == SetPermissions("guest", "/", "", "^a", ".*")
    topic = set_topic_permissions(NODE, "guest", "/", TOPIC)
    assert topic == SetTopicPermissions("guest", "/", "e", "^{username}", ".*")


@pytest.mark.parametrize(
    ("user", "vhost", "reason"),
    [
        ("u", "/", "no_such_user u"),
        ("guest", "v", "no_such_vhost v"),
        ("u", "v", "no_such_user u"),
    ],
)
def test_of_whom_or_what_there_is_not(user: str, vhost: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        set_permissions(NODE, user, vhost, ALL)
    with pytest.raises(Refused, match=reason):
        set_topic_permissions(NODE, user, vhost, TOPIC)
    set_permissions(NODE, user, vhost, ALL, is_new_user=True, is_new_vhost=True)
    set_topic_permissions(NODE, user, vhost, TOPIC, is_new_user=True, is_new_vhost=True)


@pytest.mark.parametrize("field", ["configure", "write", "read"])
def test_patterns_that_are_none(field: str) -> None:
    for value in ("(", None, 5):
        with pytest.raises(Refused):
            set_permissions(NODE, "guest", "/", {**ALL, field: value})


@pytest.mark.parametrize(("field", "value"), [("exchange", 5), ("write", "["), ("read", None)])
def test_topic_permissions_that_are_none(field: str, value: object) -> None:
    with pytest.raises(Refused):
        set_topic_permissions(NODE, "guest", "/", {**TOPIC, field: value})
