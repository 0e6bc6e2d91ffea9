"""Policies and parameters as they are shown. Keys are RabbitMQ 3.10.8's."""

from __future__ import annotations

import pytest

from broker.commands import SetParameter, SetPolicy
from broker.management.views import parameters
from broker.policies.policy import OPERATOR_POLICY
from broker.vhost import VHost
from tests.support.peer import World

DEFINITION = {"pattern": "^x", "apply-to": "queues", "definition": {"expires": 5}, "priority": 2}


@pytest.fixture
def vhost() -> VHost:
    world = World()
    for kind in ("policy", OPERATOR_POLICY):
        command = SetPolicy("/", "p", "^x", '{"expires":5}', 2, "queues", kind)
        world.node.execute(command)
    world.node.execute(SetParameter("/", "vhost-limits", "limits", "{}"))
    world.node.execute(SetParameter("/", "other", "o", '{"a":{}}'))
    return world.vhost


def test_policies(vhost: VHost) -> None:
    for kind in ("policy", OPERATOR_POLICY):
        (shown,) = parameters.policies(vhost, kind)
        assert shown == {"vhost": "/", "name": "p", **DEFINITION}


def test_all_parameters(vhost: VHost) -> None:
    found = [(one["component"], one["name"]) for one in parameters.parameters(vhost)]
    assert found == [("vhost-limits", "limits"), ("other", "o"), (OPERATOR_POLICY, "p")]


@pytest.mark.parametrize("component", ["policy", OPERATOR_POLICY, "other", "nope"])
def test_parameters_of_a_component(vhost: VHost, component: str) -> None:
    found = list(parameters.parameters(vhost, component))
    assert {one["component"] for one in found} == ({component} - {"nope"})


def test_one_parameter(vhost: VHost) -> None:
    shown = parameters.parameter(vhost, OPERATOR_POLICY, "p")
    expected = {"vhost": "/", "component": OPERATOR_POLICY, "name": "p", "value": DEFINITION}
    assert shown == expected
    other = parameters.parameter(vhost, "other", "o")
    assert other is not None
    assert other["value"] == {"a": {}}
    for component, name in (("policy", "q"), ("other", "p"), ("nope", "o")):
        assert parameters.parameter(vhost, component, name) is None


def test_an_empty_object_is_an_empty_list(vhost: VHost) -> None:
    shown = parameters.parameter(vhost, "vhost-limits", "limits")
    assert shown is not None
    assert shown["value"] == []
    assert parameters.global_parameter("g", {}) == {"name": "g", "value": []}
    assert parameters.global_parameter("g", {"a": 1})["value"] == {"a": 1}
