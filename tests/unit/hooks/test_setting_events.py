"""Events of users, policies and parameters that the recorded conversations do not show.

Each of these was asked of a RabbitMQ 3.10.8 with rabbitmqctl.
"""

from __future__ import annotations

from typing import Any

import pytest

from broker.commands import (
    ClearGlobalParameter,
    ClearParameter,
    ClearPermissions,
    ClearPolicy,
    ClearTopicPermissions,
    Command,
    DeclareQueue,
    DeleteUser,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPolicy,
    SetTopicPermissions,
    SetUserLimits,
)
from tests.support.hearing import Heard, HearingWorld

ACTING = "user_who_performed_action"


@pytest.fixture
def world() -> HearingWorld:
    return HearingWorld()


def told(world: HearingWorld, command: Command) -> list[Heard]:
    """What a command makes; the acting user is not repeated."""
    command.actor = "somebody"
    world.node.execute(command)
    found = world.heard()
    assert [facts.pop(ACTING) for _, facts in found] == ["somebody"] * len(found)
    return found


def user(password: bytes = b"hash", tags: tuple[str, ...] = (), limits: str = "") -> PutUser:
    return PutUser("u", password, "sha256", tags, limits)


def test_a_user_is_told_of_by_what_is_new(world: HearingWorld) -> None:
    name = {"name": "u"}
    limits = {"name": "limits", "username": "u", "max-channels": 5}
    assert told(world, user()) == [("user.created", name)]
    assert told(world, user()) == []
    assert told(world, user(b"other")) == [("user.password.changed", name)]
    assert told(world, user(b"")) == [("user.password.cleared", name)]
    tags = {"name": "u", "tags": ["monitoring"]}
    assert told(world, user(b"", ("monitoring",))) == [("user.tags.set", tags)]
    assert told(world, user(b"", ())) == [("user.tags.set", {"name": "u", "tags": []})]
    assert told(world, user(b"", (), '{"max-channels": 5}')) == [("user.limits.set", limits)]
    assert told(world, user(b"", (), '{"max-channels": 5}')) == []
    assert told(world, DeleteUser("u")) == [("user.deleted", name)]
    assert told(world, DeleteUser("u")) == []


def test_limits_of_a_user(world: HearingWorld) -> None:
    told(world, user())
    limits = {"name": "limits", "username": "u", "max-channels": 5, "max-connections": 2}
    wanted = '{"max-connections": 2, "max-channels": 5}'
    assert told(world, SetUserLimits("u", wanted)) == [("user.limits.set", limits)]
    cleared = {"name": "limits", "username": "u"}
    assert told(world, SetUserLimits("u", "{}")) == [("user.limits.cleared", cleared)]


def test_topic_permissions_on_one_exchange_go_under_another_name(world: HearingWorld) -> None:
    told(world, user())
    told(world, SetTopicPermissions("u", "/", "amq.topic", "w", "r"))
    gone = {"user": "u", "vhost": "/"}
    one = ClearTopicPermissions("u", "/", "amq.topic")
    assert told(world, one) == [("permission.deleted", gone)]
    every = ClearTopicPermissions("u", "/")
    assert told(world, every) == [("topic.permission.deleted", gone)]


def test_permissions_that_are_not_there_are_not_told_of(world: HearingWorld) -> None:
    told(world, user())
    assert told(world, ClearPermissions("u", "/")) == []


def test_limits_of_a_vhost(world: HearingWorld) -> None:
    names = {"vhost": "/", "component": "vhost-limits", "name": "limits"}
    limits = SetParameter("/", "vhost-limits", "limits", '{"max-queues": 100}')
    assert told(world, limits) == [
        ("parameter.set", {**names, "value": {"max-queues": 100}}),
        ("vhost.limits.set", {"name": "limits", "max-queues": 100}),
    ]
    clear = ClearParameter("/", "vhost-limits", "limits")
    assert told(world, clear) == [
        ("parameter.cleared", names),
        ("vhost.limits.cleared", {"name": "limits"}),
    ]
    assert told(world, clear) == []


@pytest.mark.parametrize(
    ("value", "shown"),
    [("5", 5), ("[1.5, null, []]", [1.5, "null", []]), ('"text"', "text"), ("{}", [])],
)
def test_parameters_of_any_kind(world: HearingWorld, value: str, shown: Any) -> None:
    names = {"component": "c", "name": "n"}
    assert told(world, SetParameter("/", "c", "n", value)) == [
        ("parameter.set", {"vhost": "/", **names, "value": shown})
    ]
    names = {"component": "global", "name": "n"}
    assert told(world, SetGlobalParameter("n", value)) == [
        ("parameter.set", {**names, "value": shown})
    ]
    assert told(world, ClearGlobalParameter("n")) == [("parameter.set", names)]
    assert told(world, ClearGlobalParameter("n")) == []


def test_only_queues_to_which_another_policy_applies_are_told_of(world: HearingWorld) -> None:
    for name in ("q1", "q2", "other"):
        world.node.execute(DeclareQueue("/", name))
    world.heard()
    first = SetPolicy("/", "p", "^q", '{"max-length": 5}', 2)
    found = told(world, first)
    updated = [facts["name"] for key, facts in found if key == "queue.policy.updated"]
    assert updated == ["q1", "q2"]
    assert found[-1] == (
        "policy.set",
        {
            "name": "p",
            "vhost": "/",
            "pattern": "^q",
            "definition": {"max-length": 5},
            "priority": 2,
            "apply-to": "all",
        },
    )
    assert [key for key, _ in told(world, first)] == ["policy.set"]
    lower = SetPolicy("/", "lower", "", '{"max-length": 7}', 1)
    found = told(world, lower)
    updated = [facts["name"] for key, facts in found if key == "queue.policy.updated"]
    assert sorted(updated) == ["events", "other"]
    assert told(world, ClearPolicy("/", "nope")) == []
