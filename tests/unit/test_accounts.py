"""Users and what they may do, through `apply`; what is written down is in test_changes.py."""

from __future__ import annotations

import pytest

from broker.amqp.errors import NotAllowed
from broker.auth.permissions import READ, WRITE
from broker.commands import (
    AddVhost,
    ClearPermissions,
    ClearTopicPermissions,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    SetTopicPermissions,
    SetUserLimits,
)
from broker.node import Node


@pytest.fixture
def node() -> Node:
    node = Node()
    for command in (
        AddVhost("v"),
        AddVhost("w"),
        PutUser("u", b"hash", "h", ("management",)),
        SetPermissions("u", "v", ".*", ".*", ".*"),
        SetTopicPermissions("u", "v", "amq.topic", "^w", "^r"),
        SetTopicPermissions("u", "v", "other", "^w", "^r"),
        SetUserLimits("u", '{"max-channels":3}'),
    ):
        node.execute(command)
    return node


def test_a_new_password_changes_nothing_else(node: Node) -> None:
    node.execute(PutUser("u", b"other", "h", ()))
    user = node.users["u"]
    assert (user.password_hash, user.tags, user.limits) == (b"other", (), {"max-channels": 3})
    assert set(user.permissions) == {"v"}
    assert len(user.topic_permissions) == 2
    node.execute(PutUser("u", b"other", "h", (), "{}"))
    assert node.users["u"].limits == {}


def test_topic_permissions(node: Node) -> None:
    topic = node.users["u"].topic_permissions["v", "amq.topic"]
    assert topic.allows(WRITE, "w.x", username="u", vhost="v")
    assert not topic.allows(READ, "w.x", username="u", vhost="v")
    node.execute(ClearTopicPermissions("u", "v", "amq.topic"))
    assert set(node.users["u"].topic_permissions) == {("v", "other")}
    node.execute(SetTopicPermissions("u", "w", "amq.topic", "", ""))
    node.execute(ClearTopicPermissions("u", "v"))
    assert set(node.users["u"].topic_permissions) == {("w", "amq.topic")}


def test_permissions_go_with_the_vhost_and_with_the_user(node: Node) -> None:
    user = node.users["u"]
    node.execute(DeleteVhost("v"))
    assert (user.permissions, user.topic_permissions) == ({}, {})
    node.execute(DeleteUser("u"))
    node.execute(DeleteUser("u"))
    assert node.users == {}


def test_a_vhost_is_open_to_whom_has_permissions_there(node: Node) -> None:
    user = node.users["u"]
    assert node.open_vhost("v", user) is node.vhosts["v"]
    with pytest.raises(NotAllowed, match="access to vhost 'w' refused for user 'u'"):
        node.open_vhost("w", user)
    with pytest.raises(NotAllowed, match="vhost x not found"):
        node.open_vhost("x", user)
    node.execute(ClearPermissions("u", "v"))
    with pytest.raises(NotAllowed):
        node.open_vhost("v", user)


def test_every_change_is_told_to_who_remembers_routes(node: Node) -> None:
    for command in (
        SetPermissions("u", "v", "", "", ""),
        ClearPermissions("u", "v"),
        SetTopicPermissions("u", "v", "amq.topic", "", ""),
        ClearTopicPermissions("u", "v"),
        PutUser("u", b"", "h"),
        DeleteUser("u"),
    ):
        before = node.version.number
        node.execute(command)
        assert node.version.number > before, command
