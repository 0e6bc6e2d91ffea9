"""What is asked for of users becomes commands."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from broker.auth.passwords import hash_password, verify_password
from broker.commands import DeleteUser, PutUser, SetPermissions, SetUserLimits
from broker.management.operations.refused import Refused
from broker.management.operations.users import (
    clear_user_limit,
    delete_users,
    put_user,
    set_user_limit,
)
from broker.node import Node
from broker.policies.validation import ValidationError
from tests.support.peer import World

MD5, SHA256, SHA512 = (f"rabbit_password_hashing_{name}" for name in ("md5", "sha256", "sha512"))


@pytest.fixture
def node() -> Node:
    return World({"password_hashing_module": SHA512}).node


def put(node: Node, name: str = "u", version: object = None, **fields: Any) -> PutUser:
    """The only command that it comes to."""
    (command,) = put_user(node, name, {"tags": "", **fields}, version)
    assert isinstance(command, PutUser)
    return command


def test_a_password_is_hashed_as_the_settings_say(node: Node) -> None:
    command = put(node, password="é", tags="a,b")
    assert (command.name, command.tags, command.hashing_algorithm) == ("u", ("a", "b"), SHA512)
    assert verify_password("é".encode(), command.password_hash, SHA512)
    assert command.password_hash != put(node, password="é").password_hash  # salted


@pytest.mark.parametrize(
    ("fields", "version", "algorithm"),
    [
        ({"hashing_algorithm": "nobody_knows_it"}, "3.5.7", "nobody_knows_it"),
        ({}, "3.6.0", SHA256),
        ({}, "3.5.7", MD5),
        ({}, "3.0.4", MD5),
        ({}, "3.6.1", SHA512),
        ({}, "3.10.8", SHA512),
        ({}, None, SHA512),
        ({}, 5, SHA512),
    ],
)
def test_a_hash_and_its_algorithm(
    node: Node, fields: dict[str, str], version: object, algorithm: str
) -> None:
    octets = hash_password(b"x")
    text = base64.b64encode(octets).decode()
    command = put(node, version=version, password_hash=f" {text[:9]}\n{text[9:]}", **fields)
    assert command.password_hash == octets
    assert command.hashing_algorithm == algorithm


def test_no_password(node: Node) -> None:
    """An empty one is nobody's. RabbitMQ hashes it for users that are new."""
    assert put(node, "guest").password_hash == put(node, password_hash="").password_hash == b""
    for command in (put(node), put(node, password="")):
        assert verify_password(b"", command.password_hash, SHA512)


def test_administrators_as_they_once_were(node: Node) -> None:
    for value, tags in ((True, ("administrator",)), ("false", ())):
        (command,) = put_user(node, "u", {"administrator": value})
        assert isinstance(command, PutUser)
        assert command.tags == tags


def test_limits_are_added_to_those_that_are_there(node: Node) -> None:
    assert put(node).limits == ""
    first = put(node, limits={"max-channels": 5})
    node.execute(first)
    second = put(node, limits={"max-connections": 6})
    assert json.loads(second.limits) == {"max-channels": 5, "max-connections": 6}
    assert json.loads(put(node, limits={}).limits) == {"max-channels": 5}
    with pytest.raises(ValidationError):
        put(node, limits={"max-foo": 5})


def test_permissions_of_a_new_user(node: Node) -> None:
    patterns = {"configure": "a", "write": "b", "read": "c"}
    fields = {"tags": "", "permissions": {"/": patterns}}
    _, second = put_user(node, "u", fields)
    assert second == SetPermissions("u", "/", "a", "b", "c")
    assert len(put_user(node, "guest", fields)) == 1
    for wrong in (5, {"/": 5}, {"/": {}}, {"nope": patterns}):
        with pytest.raises(Refused):
            put_user(node, "u", {"tags": "", "permissions": wrong})


def test_deleting_several(node: Node) -> None:
    assert delete_users(node, ["guest", "guest"]) == [DeleteUser("guest")]
    assert delete_users(node, []) == []
    for wrong in (["guest", "u"], [5], [["guest"]], "guest", {"guest": 1}):
        with pytest.raises(Refused):
            delete_users(node, wrong)


def test_limits_one_by_one(node: Node) -> None:
    command = set_user_limit(node, "guest", "max-channels", 5)
    assert command == SetUserLimits("guest", '{"max-channels":5}')
    node.execute(command)
    node.execute(set_user_limit(node, "guest", "max-connections", -1))
    assert node.users["guest"].limits == {"max-channels": 5, "max-connections": -1}
    assert clear_user_limit(node, "guest", "max-channels") == SetUserLimits(
        "guest", '{"max-connections":-1}'
    )
    assert clear_user_limit(node, "guest", "all") == SetUserLimits("guest", "{}")
    for wrong in (set_user_limit, clear_user_limit):
        values = ("max-channels", 5) if wrong is set_user_limit else ("max-channels",)
        with pytest.raises(Refused, match="no_such_user u"):
            wrong(node, "u", *values)  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        set_user_limit(node, "u", "max-channels", "5")
