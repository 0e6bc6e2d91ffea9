"""What the log tells of users, permissions, virtual hosts, policies; the words are RabbitMQ's."""

from __future__ import annotations

import logging

import pytest

from broker.account_lines import AccountLines
from broker.commands import (
    AddVhost,
    ClearPermissions,
    ClearTopicPermissions,
    Command,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetTracing,
)
from broker.node import Node

ALGORITHM = "rabbit_password_hashing_sha256"


@pytest.fixture
def node() -> Node:
    node = Node()
    node.make_defaults()
    node.apply(AddVhost("av"))
    node.apply(PutUser("au", b"hash", ALGORITHM, ("x",)))
    AccountLines(node)
    return node


@pytest.mark.parametrize(
    ("command", "lines"),
    [
        (PutUser("new", b"h", ALGORITHM), ["Created user 'new'"]),
        (
            PutUser("new", b"h", ALGORITHM, ("administrator", "x"), actor="guest"),
            [
                "Created user 'new', by=guest",
                "Successfully set user tags for user 'new' to [administrator,x], by=guest",
            ],
        ),
        (
            PutUser("au", b"other", ALGORITHM, ("x",)),
            ["Successfully changed password for user 'au'"],
        ),
        (PutUser("au", b"", ALGORITHM, ("x",)), ["Clearing password for 'au'"]),
        (PutUser("au", b"hash", ALGORITHM), ["Successfully set user tags for user 'au' to []"]),
        (PutUser("au", b"hash", ALGORITHM, ("x",)), []),
        (DeleteUser("au", actor="guest"), ["Deleted user 'au', by=guest"]),
        (DeleteUser("nobody"), []),
        (
            AddVhost("v", "d", ("a", "b")),
            ["Adding vhost 'v' (description: 'd', tags: [a,b])"],
        ),
        (DeleteVhost("av"), ["Deleting vhost 'av'"]),
        (
            SetPermissions("au", "av", "^a", ".*", ""),
            ["Successfully set permissions for 'au' in virtual host 'av' to '^a', '.*', ''"],
        ),
        (
            ClearPermissions("au", "av"),
            ["Successfully cleared permissions for 'au' in virtual host 'av'"],
        ),
        (
            SetTopicPermissions("au", "av", "amq.topic", "w", "r"),
            [
                "Successfully set topic permissions on exchange 'amq.topic' for 'au'"
                " in virtual host 'av' to 'w', 'r'"
            ],
        ),
        (
            ClearTopicPermissions("au", "av", "amq.topic"),
            [
                "Successfully cleared topic permissions on exchange 'amq.topic' for 'au'"
                " in virtual host 'av'"
            ],
        ),
        (
            ClearTopicPermissions("au", "av"),
            ["Successfully cleared topic permissions for 'au' in virtual host 'av'"],
        ),
        (
            SetPolicy("av", "pol", "^x", '{"max-length": 1}', apply_to="queues"),
            [
                "Successfully set policy 'pol' matching queues names in virtual host 'av'"
                " using pattern '^x'"
            ],
        ),
        (
            SetPolicy("av", "pol", "^x", '{"max-length": 1}', kind="operator_policy"),
            [
                "Successfully set operator policy 'pol' matching all names in virtual host 'av'"
                " using pattern '^x'"
            ],
        ),
        (SetTracing("av", is_on=True), ["Enabling tracing for vhost 'av'"]),
        (SetTracing("av", is_on=False), ["Disabling tracing for vhost 'av'"]),
        (PutUser("a\nb", b"", ALGORITHM), ["Created user 'a\\nb'"]),
    ],
)
def test_changes_are_told(
    node: Node, command: Command, lines: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker")
    node.apply(command)
    assert caplog.messages == lines


def test_a_name_that_is_given_again_is_another_user(
    node: Node, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "broker")
    for _ in range(2):
        node.apply(PutUser("one", b"h", ALGORITHM))
        node.apply(DeleteUser("one"))
    assert caplog.messages == ["Created user 'one'", "Deleted user 'one'"] * 2
