"""Permissions by the command line; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import pytest

from tests.support.control import ControlledNode

NONE = [""]  # as RabbitMQ's tools show that there are none


@pytest.fixture(autouse=True)
def blue(node: ControlledNode) -> None:
    node.tool("add_user", "blue", "secret")
    node.tool("add_vhost", "v1")


def test_they_are_set_listed_and_cleared(node: ControlledNode) -> None:
    said = node.tool("set_permissions", "-p", "v1", "blue", "^a", "", ".*")
    assert said == (0, 'Setting permissions for user "blue" in vhost "v1" ...\n', "")
    assert node.tool("list_permissions", "-p", "v1").out.splitlines()[1:] == [
        "user\tconfigure\twrite\tread",
        "blue\t^a\t\t.*",
    ]
    assert node.lines("list_user_permissions", "blue") == ["v1\t^a\t\t.*"]
    assert node.tool("clear_permissions", "-p", "v1", "blue").code == 0
    assert node.lines("list_user_permissions", "blue") == NONE


def test_of_topics(node: ControlledNode) -> None:
    argv = ("set_topic_permissions", "-p", "v1", "blue", "amq.topic", "^a", "^{username}")
    assert node.tool(*argv).code == 0
    assert node.lines("list_topic_permissions", "-p", "v1") == ["blue\tamq.topic\t^a\t^{username}"]
    assert node.lines("list_user_topic_permissions", "blue") == ["v1\tamq.topic\t^a\t^{username}"]
    assert node.tool("clear_topic_permissions", "-p", "v1", "blue", "logs").code == 0
    assert len(node.lines("list_user_topic_permissions", "blue")) == 1
    assert node.tool("clear_topic_permissions", "-p", "v1", "blue").code == 0
    assert node.lines("list_user_topic_permissions", "blue") == NONE


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (("set_permissions", "blue", "a", "b"), 64, "not enough arguments"),
        (("set_permissions", "nobody", "a", "b", "c"), 67, "User nobody does not exist"),
        (("set_permissions", "-p", "no", "blue", "a", "b", "c"), 69, "Virtual host no does not ex"),
        (("set_permissions", "blue", "*", "b", "c"), 69, "{:invalid_regexp, '*', {'nothing to re"),
        (("set_topic_permissions", "blue", "x", "*", "c"), 69, '{:invalid_regexp, "*", {'),
        (("list_permissions", "-p", "no"), 65, "Virtual host 'no' does not exist"),
        (("list_user_permissions", "nobody"), 69, '{:no_such_user, "nobody"}'),
    ],
)
def test_what_cannot_be(node: ControlledNode, argv: tuple[str, ...], code: int, text: str) -> None:
    said = node.tool(*argv)
    assert said.code == code
    assert text in said.err
