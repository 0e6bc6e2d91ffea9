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
    SetParameter,
    SetPermissions,
    SetTopicPermissions,
    SetUserLimits,
)
from broker.node import Node
from tests.support.builders import enter


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
    assert enter(node, "v", user) is node.vhosts["v"]
    with pytest.raises(NotAllowed, match="access to vhost 'w' refused for user 'u'"):
        enter(node, "w", user)
    with pytest.raises(NotAllowed, match="vhost x not found"):
        enter(node, "x", user)
    node.execute(ClearPermissions("u", "v"))
    with pytest.raises(NotAllowed):
        enter(node, "v", user)


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


def limited(node: Node, user: int | None = None, vhost: int | None = None) -> None:
    node.execute(SetUserLimits("u", "{}" if user is None else f'{{"max-connections":{user}}}'))
    limits = "{}" if vhost is None else f'{{"max-connections":{vhost}}}'
    node.execute(SetParameter("v", "vhost-limits", "limits", limits))


def test_limits_of_connections(node: Node) -> None:
    """RabbitMQ: the vhost's first; 0 is none allowed, below 0 is no limit."""
    for user, vhost in ((None, None), (-1, -1), (2, 2)):
        limited(node, user, vhost)
        assert node.check_connection_limits("v", "u") is node.vhosts["v"]
    limited(node, 0, 0)
    with pytest.raises(
        NotAllowed,
        match=r"^access to vhost 'v' refused for user 'u': connection limit \(0\) is reached$",
    ):
        node.check_connection_limits("v", "u")
    limited(node, 1)
    node.usage.add_connection("u", "w")
    with pytest.raises(
        NotAllowed,
        match=r"^connection refused for user 'u': user connection limit \(1\) is reached$",
    ):
        node.check_connection_limits("v", "u")
    node.check_connection_limits("v", "somebody a backend knows")
    with pytest.raises(NotAllowed, match="vhost x not found"):
        node.check_connection_limits("x", "u")


def test_limits_of_channels(node: Node) -> None:
    for _ in range(3):
        node.check_channel_limit("u")
        node.usage.add_channel("u")
    with pytest.raises(
        NotAllowed,
        match=r"^number of channels opened for user 'u' has reached the maximum allowed user limit "
        r"of \(3\)$",
    ):
        node.check_channel_limit("u")
    node.check_channel_limit("nobody")


def test_deleting_a_user_says_whether_there_was_one(node: Node) -> None:
    user = node.users["u"]
    assert node.apply(DeleteUser("u")) is user
    assert node.apply(DeleteUser("u")) is None
