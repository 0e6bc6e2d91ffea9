"""Definitions become commands. What RabbitMQ does with each was asked of 3.10.8."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.errors import NotFound, PreconditionFailed
from broker.amqp.wire import Field
from broker.commands import (
    AddVhost,
    Bind,
    Command,
    DeclareExchange,
    DeclareQueue,
    PutUser,
    SetGlobalParameter,
    SetParameter,
    SetPermissions,
    SetPolicy,
    SetTopicPermissions,
    SetTracing,
)
from broker.management.operations.importing import NAME_MAX, NAMED_MAX, Import, amqp_error
from broker.management.operations.refused import Refused
from broker.management.request import Refusal
from broker.node import Node
from tests.support.peer import World

QUEUE = {"name": "q", "vhost": "v", "durable": True, "auto_delete": False}
EXCHANGE = {**QUEUE, "name": "e", "type": "topic"}
BINDING = {"source": "e", "vhost": "v", "destination": "q", "destination_type": "queue"}
PATTERNS = {"configure": "a", "write": "b", "read": "c"}


@pytest.fixture
def node() -> Node:
    made = World().node
    made.execute(AddVhost("v"))
    return made


def commands(
    node: Node, document: dict[str, Any], *, vhost: str | None = None, actor: str = "guest"
) -> list[Command]:
    steps = Import(node, document, actor=actor, vhost=vhost).steps()
    return [step.command for step in steps if step.command is not None]


def refusal(node: Node, document: dict[str, Any], vhost: str | None = None) -> object:
    with pytest.raises(Refused) as refused:
        commands(node, document, vhost=vhost)
    return refused.value.reason


def test_the_order_is_that_in_which_it_can_be_done(node: Node) -> None:
    document = {
        "bindings": [{**BINDING, "vhost": "w", "routing_key": "k", "arguments": {"a": 1}}],
        "queues": [{**QUEUE, "vhost": "w", "arguments": {"x-max-length": 5}}],
        "parameters": [
            {"vhost": "w", "component": "vhost-limits", "name": "limits", "value": {}},
        ],
        "policies": [{"vhost": "w", "name": "p", "pattern": "x", "definition": {"expires": 5}}],
        "global_parameters": [{"name": "g", "value": 5}],
        "exchanges": [{**EXCHANGE, "vhost": "w"}],
        "topic_permissions": [{"user": "u", "vhost": "w", "exchange": "e", **PATTERNS}],
        "permissions": [{"user": "u", "vhost": "w", **PATTERNS}],
        "vhosts": [{"name": "w", "tracing": True}],
        "users": [{"name": "u", "tags": "x", "password_hash": ""}],
        "rabbit_version": "3.10.8",
    }
    assert commands(node, document) == [
        PutUser("u", b"", node.config.auth.hashing_module, ("x",)),
        AddVhost("w"),
        SetPermissions("guest", "w", ".*", ".*", ".*"),
        SetTracing("w", True),
        SetPermissions("u", "w", "a", "b", "c"),
        SetTopicPermissions("u", "w", "e", "b", "c"),
        DeclareExchange("w", "e", "topic", durable=True),
        SetGlobalParameter("g", "5"),
        SetPolicy("w", "p", "x", '{"expires":5}'),
        SetParameter("w", "vhost-limits", "limits", "{}"),
        DeclareQueue("w", "q", durable=True, arguments={"x-max-length": Field("l", 5)}),
        Bind("w", "e", "queue", "q", "k", {"a": Field("l", 1)}),
    ]


def test_there_is_a_step_for_everything(node: Node) -> None:
    """So that whoever takes them may rest in between."""
    document = {"queues": [{**QUEUE, "name": "amq.q"}, QUEUE], "bindings": [BINDING]}
    steps = list(Import(node, document, actor="guest").steps())
    assert [step.category for step in steps] == ["queues", "queues", "bindings"]
    assert [step.command is None for step in steps] == [True, False, True]


def test_what_is_no_object_is_passed_over(node: Node) -> None:
    assert commands(node, {"users": [5, "x", None], "unknown": [{}], "queues": []}) == []
    assert refusal(node, {"users": 5}) == "definitions: users should be a list"


# vhosts


def test_metadata_of_vhosts(node: Node) -> None:
    metadata = {"description": "D", "tags": ["t"], "default_queue_type": "quorum"}
    document = {"vhosts": [{"name": "w", "metadata": metadata, "limits": []}]}
    assert commands(node, document, actor="nobody") == [AddVhost("w", "D", ("t",), "quorum")]
    later = {"name": "w", "description": "d", "tags": "a,b", "default_queue_type": "classic"}
    document = {"vhosts": [{**later, "metadata": {**metadata, "x": 1}, "tracing": None}]}
    assert commands(node, document, actor="x") == [AddVhost("w", "d", ("a", "b"), "classic")]
    assert refusal(node, {"vhosts": [{}]}) == "virtual host: name should be a string"


def test_a_vhost_that_is_there_keeps_its_type(node: Node) -> None:
    node.execute(AddVhost("v", "", (), "quorum"))
    document = {"vhosts": [{"name": "v", "default_queue_type": "classic"}]}
    assert commands(node, document) == [AddVhost("v", "", (), "quorum")]


# users and permissions


def test_hashes_of_old_releases(node: Node) -> None:
    user = {"name": "u", "tags": "", "password_hash": "AAAA"}
    for key in ("rabbit_version", "rabbitmq_version"):
        (command,) = commands(node, {key: "3.5.7", "users": [user]})
        assert isinstance(command, PutUser)
        assert command.hashing_algorithm == "rabbit_password_hashing_md5"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"users": [{}]}, "user: name should be a string"),
        ({"users": [{"name": "u"}]}, "tags_not_present"),
        ({"users": [{"name": "u", "tags": "", "limits": {"x": 1}}]},
         'Unrecognised terms [{<<"x">>,1}] in user-limits'),
        ({"permissions": [{"user": "guest", "vhost": "nope", **PATTERNS}]},
         ["no_such_vhost", "nope"]),
        ({"permissions": [{"user": "u", "vhost": "v", **PATTERNS}]}, ["no_such_user", "u"]),
        ({"permissions": [{"vhost": "v", **PATTERNS}]}, "permissions: user should be a string"),
        ({"permissions": [{"user": "guest", **PATTERNS}]}, "definition: vhost should be a string"),
        ({"topic_permissions": [{"user": "u", "vhost": "v", "exchange": "", **PATTERNS}]},
         ["no_such_user", "u"]),
    ],
)  # fmt: skip
def test_users_and_permissions_that_cannot_be(
    node: Node, document: dict[str, Any], reason: object
) -> None:
    assert refusal(node, document) == reason


# policies and parameters


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"policies": [{"vhost": "v", "pattern": "x"}]},
         "policy in virtual host 'v' has undefined name"),
        ({"policies": [{"vhost": "nope", "name": "p"}]}, ["no_such_vhost", "nope"]),
        ({"policies": [{"vhost": "v", "name": "p", "pattern": "x",
                        "definition": {"max-length": "<"}}]},
         'Validation failed\n\n&lt;&lt;"&lt;"&gt;&gt; is not a valid maximum length\n (v/p)'),
        ({"parameters": [{"vhost": "v", "component": "foo", "name": "x", "value": 1}]},
         "Validation failed\n\ncomponent foo not found\n (v/foo/x)"),
        ({"parameters": [{"vhost": "v", "component": "policy", "name": "x", "value": {}}]},
         "policies may not be set using this method (v/policy/x)"),
        ({"parameters": [{"vhost": "v", "name": "x"}]}, "parameter: component should be a string"),
        ({"global_parameters": [{"value": 1}]}, "global parameter: name should be a string"),
    ],
)  # fmt: skip
def test_policies_and_parameters_that_cannot_be(
    node: Node, document: dict[str, Any], reason: object
) -> None:
    assert refusal(node, document) == reason


# exchanges and queues


def test_what_is_there_stays_as_it_is(node: Node) -> None:
    node.execute(DeclareQueue("v", "q"))
    node.execute(DeclareExchange("v", "e", "fanout"))
    document = {
        "queues": [{**QUEUE, "arguments": {"x-max-length": "nonsense"}}],
        "exchanges": [{**EXCHANGE, "type": "nonsense"}],
    }
    assert commands(node, document) == []


def test_reserved_names_are_skipped(node: Node, caplog: pytest.LogCaptureFixture) -> None:
    names = ("amq.x", "")
    document = {
        "exchanges": [{**EXCHANGE, "name": name} for name in names],
        "queues": [{**QUEUE, "name": "amq.x"}],
    }
    assert commands(node, document) == []
    assert caplog.text.count("its name is reserved") == 3
    many = {"queues": [{**QUEUE, "name": f"amq.gen-{number}"} for number in range(100)]}
    plan = Import(node, many, actor="guest")
    assert [step.command for step in plan.steps()] == [None] * 100
    assert plan.skipped == 100
    assert caplog.text.count("its name is reserved") == 3 + NAMED_MAX


def test_flags_and_arguments(node: Node) -> None:
    exchange = {**EXCHANGE, "internal": True, "auto_delete": True, "arguments": []}
    queue = {**QUEUE, "durable": False, "arguments": None}
    found = commands(node, {"exchanges": [exchange], "queues": [queue]})
    assert found == [
        DeclareExchange("v", "e", "topic", durable=True, auto_delete=True, internal=True),
        DeclareQueue("v", "q"),
    ]


@pytest.mark.parametrize(
    ("category", "fields", "name", "text"),
    [
        ("queues", {**QUEUE, "arguments": {"x-max-length": "a"}}, "precondition_failed",
         "invalid arg 'x-max-length' for queue 'q' in vhost 'v': "
         '"expected integer, got longstr"'),
        ("queues", {**QUEUE, "auto_delete": True, "arguments": {"x-queue-type": "quorum"}},
         "precondition_failed", "invalid property 'auto-delete' for queue 'q' in vhost 'v'"),
        ("exchanges", {**EXCHANGE, "type": "nonsense"}, "command_invalid",
         "unknown exchange type 'nonsense'"),
        ("exchanges", {**QUEUE, "name": "e"}, "command_invalid",
         "invalid exchange type 'undefined'"),
        ("exchanges", {**EXCHANGE, "arguments": {"alternate-exchange": 5}}, "precondition_failed",
         "invalid type 'long' for arg 'alternate-exchange' in exchange 'e' in vhost 'v'"),
    ],
)  # fmt: skip
def test_what_no_client_could_declare(
    node: Node, category: str, fields: dict[str, Any], name: str, text: str
) -> None:
    assert refusal(node, {category: [fields]}) == ["amqp_error", name, text, "none"]
    assert refusal(node, {category: [fields]}, "v") == f"{name}: {text}"


@pytest.mark.parametrize(
    ("category", "fields", "reason"),
    [
        ("queues", {**QUEUE, "durable": None},
         "queue 'q' in vhost 'v': durable should be true or false"),
        ("exchanges", {**EXCHANGE, "internal": 1},
         "exchange 'e' in vhost 'v': internal should be true or false"),
        ("queues", {**QUEUE, "name": None}, "queue: name should be a string"),
        ("queues", {**QUEUE, "name": "é" * 128}, f"queue: name should be no longer than {NAME_MAX} "
         "octets"),
        ("bindings", {**BINDING, "destination_type": "x"},
         "binding: destination_type should be 'queue' or 'exchange'"),
        ("bindings", {**BINDING, "destination_type": []},
         "binding: destination_type should be 'queue' or 'exchange'"),
        ("bindings", {**BINDING, "routing_key": 5}, "binding: routing_key should be a string"),
        ("bindings", {**BINDING, "vhost": "nope"}, ["no_such_vhost", "nope"]),
    ],
)  # fmt: skip
def test_what_is_no_definition(
    node: Node, category: str, fields: dict[str, Any], reason: object
) -> None:
    assert refusal(node, {category: [fields]}) == reason


def test_arguments_that_are_none(node: Node) -> None:
    for wrong in (5, "x", [1]):
        with pytest.raises(Refusal):
            commands(node, {"queues": [{**QUEUE, "arguments": wrong}]})


# bindings


def test_bindings_of_what_will_be_there(node: Node) -> None:
    document = {
        "vhosts": [{"name": "w"}],
        "exchanges": [EXCHANGE],
        "queues": [QUEUE, {**QUEUE, "vhost": "w"}],
        "bindings": [
            BINDING,
            {**BINDING, "source": "amq.topic"},
            {**BINDING, "vhost": "w", "source": "amq.topic"},
            {**BINDING, "destination_type": "exchange", "destination": "amq.fanout"},
        ],
    }
    bindings = [found for found in commands(node, document) if isinstance(found, Bind)]
    assert [(one.vhost, one.source, one.destination) for one in bindings] == [
        ("v", "e", "q"),
        ("v", "amq.topic", "q"),
        ("w", "amq.topic", "q"),
        ("v", "e", "amq.fanout"),
    ]


@pytest.mark.parametrize(
    "binding",
    [
        {**BINDING, "source": "nope"},
        {**BINDING, "destination": "nope"},
        {**BINDING, "source": ""},
        {**BINDING, "destination_type": "exchange", "destination": ""},
        {**BINDING, "destination_type": "exchange", "destination": "q"},
    ],
)
def test_bindings_of_what_is_not_there_are_skipped(node: Node, binding: dict[str, Any]) -> None:
    document = {"exchanges": [EXCHANGE], "queues": [QUEUE], "bindings": [binding]}
    assert not [found for found in commands(node, document) if isinstance(found, Bind)]


# limits


def test_queues_have_to_have_room(node: Node) -> None:
    node.execute(SetParameter("v", "vhost-limits", "limits", '{"max-queues":2}'))
    node.execute(DeclareQueue("v", "there"))
    queues = [{**QUEUE, "name": name} for name in ("there", "a", "b")]
    text = (
        'Adding 2 queue(s) to virtual host "v" would exceed the limit of 2 queue(s).\n\n'
        "This virtual host currently has 1 queue(s) defined.\n\nImport aborted!"
    )
    assert refusal(node, {"queues": queues}) == ["vhost_limit_exceeded", text]
    assert refusal(node, {"queues": queues}, "v") == text
    assert len(commands(node, {"queues": queues[:2]})) == 1


# into one vhost


def test_into_one_vhost(node: Node) -> None:
    document = {
        "users": [{"name": "u"}],
        "vhosts": [{"name": "w"}],
        "global_parameters": [{}],
        "queues": [{**QUEUE, "vhost": "elsewhere"}],
        "policies": [{"name": "p", "pattern": "x", "definition": {"expires": 5}}],
    }
    assert commands(node, document, vhost="v") == [
        SetPolicy("v", "p", "x", '{"expires":5}'),
        DeclareQueue("v", "q", durable=True),
    ]


def test_errors_of_the_protocol() -> None:
    assert amqp_error(NotFound("x"), is_whole=False).reason == "not_found: x"
    found = amqp_error(PreconditionFailed("x"), is_whole=True)
    assert found.reason == ["amqp_error", "precondition_failed", "x", "none"]


def test_an_operator_policy_as_the_tools_of_3_10_write_it(node: Node) -> None:
    value = {"pattern": "", "priority": 0, "apply-to": "queues"}
    parameter = {"vhost": "v", "component": "operator_policy", "name": "roof"}

    def made(definition: object) -> list[Command]:
        entry = {**parameter, "value": {**value, "definition": definition}}
        return commands(node, {"parameters": [entry]})

    assert made([["max-length", 5]]) == made({"max-length": 5})
    for wrong in ([], [["max-length"]], [["max-length", 5, 6]], [[["a"], 5]], [5]):
        with pytest.raises(Refused):
            made(wrong)
