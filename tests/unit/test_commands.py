"""Every command is applied by the node, is a plain value, and may be applied twice."""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from unittest import mock

import pytest

from broker import commands
from broker.commands import (
    AddVhost,
    Bind,
    ClearGlobalParameter,
    ClearParameter,
    ClearPermissions,
    ClearPolicy,
    ClearTopicPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetTracing,
    SetUserLimits,
    Unbind,
)
from broker.node import Node
from tests.support.builders import table
from tests.support.peer import World

EXAMPLES: list[Command] = [
    AddVhost("v"),
    PutUser("u", b"saltdigest", "rabbit_password_hashing_sha256", ("management",)),
    SetPermissions("u", "v", ".*", ".*", ".*"),
    SetTopicPermissions("u", "v", "amq.topic", "^w", "^r"),
    SetUserLimits("u", '{"max-channels":3}'),
    SetTracing("v", True),
    SetPolicy("v", "p", "^q", '{"max-length":3}', 1, "queues"),
    SetParameter("v", "vhost-limits", "limits", '{"max-queues":10}'),
    SetGlobalParameter("g", '"value"'),
    DeclareExchange("v", "e", "topic", durable=True, arguments=table(alternate_exchange="a")),
    DeclareQueue("v", "q", durable=True, arguments=table(x_max_length=5)),
    Bind("v", "e", "queue", "q", "a.*", table(n=1)),
    Bind("v", "e", "exchange", "amq.fanout", "#"),
    Unbind("v", "e", "exchange", "amq.fanout", "#"),
    Unbind("v", "e", "queue", "q", "a.*", table(n=1)),
    DeleteQueue("v", "q"),
    DeleteExchange("v", "e"),
    ClearGlobalParameter("g"),
    ClearParameter("v", "vhost-limits", "limits"),
    ClearPolicy("v", "p"),
    ClearTopicPermissions("u", "v", "amq.topic"),
    ClearPermissions("u", "v"),
    DeleteUser("u"),
    DeleteVhost("v"),
]


def test_every_command_has_an_example_and_is_applied_by_the_node() -> None:
    declared = {
        entry
        for entry in vars(commands).values()
        if isinstance(entry, type) and issubclass(entry, Command) and entry is not Command
    }
    assert {type(command) for command in EXAMPLES} == declared
    assert set(Node._appliers) == declared


@pytest.mark.parametrize("command", EXAMPLES, ids=lambda command: type(command).__name__)
def test_a_command_is_a_plain_value(command: Command) -> None:
    assert is_dataclass(command)
    assert copy.deepcopy(command) == command
    for entry in fields(command):
        assert isinstance(getattr(command, entry.name), (str, bytes, int, tuple, dict))


def test_a_command_can_be_logged() -> None:
    assert "saltdigest" not in repr(EXAMPLES[1])


def _definitions(node: Node) -> object:
    return {
        "users": {name: (u.tags, sorted(u.permissions)) for name, u in node.users.items()},
        "vhosts": {
            vhost.name: (
                sorted(vhost.queues),
                sorted(vhost.exchanges),
                sorted(
                    (name, key.routing_key, key.arguments, key.destination.name)
                    for name, exchange in vhost.exchanges.items()
                    for key in exchange.bindings
                ),
            )
            for vhost in node.vhosts.values()
        },
    }


def test_applying_a_command_twice_is_applying_it_once() -> None:
    """What a log replays, or a second node proposes at the same time."""
    node, twice = World().node, World().node
    for command in EXAMPLES[:-1]:
        node.apply(command)
        twice.apply(command)
        if not isinstance(command, DeleteUser):
            twice.apply(copy.deepcopy(command))
        assert _definitions(node) == _definitions(twice)
    node.apply(EXAMPLES[-1])
    assert "v" not in node.vhosts


def test_who_asked_is_no_part_of_a_change() -> None:
    """A change is the same whoever asked for it; without a word it was the broker itself."""
    command = DeleteQueue("/", "q", actor="somebody")
    assert command == DeleteQueue("/", "q")
    assert "somebody" not in repr(command)
    assert DeleteQueue("/", "q").actor == commands.INTERNAL_USER == "rmq-internal"
    assert copy.deepcopy(command).actor == "somebody"


def test_other_changes_are_not_equal() -> None:
    assert DeleteVhost("a") != DeleteVhost("b")
    assert DeleteVhost("a") != DeleteUser("a")
    assert DeleteVhost("a") != "a"
    assert DeleteVhost("a") == mock.ANY
    with pytest.raises(TypeError, match="unhashable"):
        hash(DeleteVhost("a"))
