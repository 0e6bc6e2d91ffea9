"""What is asked for of policies, parameters and limits becomes commands."""

from __future__ import annotations

import pytest

from broker.commands import (
    AddVhost,
    ClearParameter,
    ClearPolicy,
    SetGlobalParameter,
    SetParameter,
    SetPolicy,
)
from broker.management.operations.parameters import (
    clear_parameter,
    clear_vhost_limit,
    set_global_parameter,
    set_parameter,
    set_policy,
    set_vhost_limit,
    vhost_limits,
)
from broker.management.operations.refused import Refused
from broker.node import Node
from broker.policies.validation import ValidationError
from tests.support.peer import World

OPERATOR = {"pattern": "x", "definition": {"max-length": 6}, "priority": 1, "apply-to": "queues"}


@pytest.fixture
def node() -> Node:
    made = World().node
    made.execute(AddVhost("v"))
    return made


def test_policies() -> None:
    fields = {"pattern": "^a", "definition": {"max-length": 5}}
    command = set_policy("v", "p", fields)
    assert command == SetPolicy("v", "p", "^a", '{"max-length":5}')
    fields |= {"priority": 1.5, "apply-to": "exchanges"}
    command = set_policy("v", "p", fields)
    assert (command.priority, command.apply_to, command.kind) == (1.5, "exchanges", "policy")
    with pytest.raises(ValidationError):
        set_policy("v", "p", {"pattern": "("})


def test_operator_policies_are_parameters() -> None:
    command = set_parameter("v", "operator_policy", "p", OPERATOR)
    expected = SetPolicy("v", "p", "x", '{"max-length":6}', 1, "queues", "operator_policy")
    assert command == expected
    assert set_policy("v", "p", OPERATOR, "operator_policy") == expected
    assert clear_parameter("v", "operator_policy", "p") == ClearPolicy("v", "p", "operator_policy")
    with pytest.raises(ValidationError):
        set_parameter(
            "v", "operator_policy", "p", OPERATOR | {"definition": {"queue-mode": "lazy"}}
        )


def test_parameters() -> None:
    command = set_parameter("v", "vhost-limits", "limits", {"max-queues": 5})
    assert command == SetParameter("v", "vhost-limits", "limits", '{"max-queues":5}')
    assert set_parameter("v", "vhost-limits", "limits", []) == SetParameter(
        "v", "vhost-limits", "limits", "{}"
    )
    assert clear_parameter("v", "x", "y") == ClearParameter("v", "x", "y")


def test_parameters_that_are_refused() -> None:
    with pytest.raises(Refused, match="has no parameter 'x'"):
        set_parameter("v", "vhost-limits", "x", {})
    with pytest.raises(ValidationError, match="component x not found"):
        set_parameter("v", "x", "y", {})
    with pytest.raises(ValidationError, match="policies may not be set"):
        set_parameter("v", "policy", "p", OPERATOR)
    with pytest.raises(Refused, match="policies may not be cleared"):
        clear_parameter("v", "policy", "p")


def test_global_parameters() -> None:
    command = set_global_parameter("g", {"b": [None], "a": "x"})
    assert command == SetGlobalParameter("g", '{"a":"x","b":[null]}')
    with pytest.raises(Refused):
        set_global_parameter(None, 1)


def test_limits_of_vhosts(node: Node) -> None:
    assert vhost_limits(node, "v") == {}
    for name, value in (("max-queues", 5), ("max-connections", -1), ("max-queues", 6)):
        node.execute(set_vhost_limit(node, "v", name, value))
    assert vhost_limits(node, "v") == {"max-queues": 6, "max-connections": -1}
    node.execute(clear_vhost_limit(node, "v", "max-queues"))
    assert vhost_limits(node, "v") == {"max-connections": -1}
    with pytest.raises(ValidationError, match="Unrecognised terms"):
        set_vhost_limit(node, "v", "max-foo", 5)
