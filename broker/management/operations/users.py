"""Users: what is asked for becomes commands."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from broker.auth.passwords import hash_password
from broker.commands import Command, DeleteUser, PutUser, SetUserLimits
from broker.management.operations.permissions import set_permissions
from broker.management.operations.refused import (
    Refused,
    flag_of,
    invalid,
    no_such_user,
    tags_of,
    text_of,
)
from broker.node import Node
from broker.policies.validation import as_json, check_user_limits

_SPACE = re.compile(r"\s+")
_MD5, _SHA256 = "rabbit_password_hashing_md5", "rabbit_password_hashing_sha256"


def put_user(
    node: Node, name: str, fields: Mapping[str, Any], exported_by: object = None
) -> list[Command]:
    """A new user, or other values for one that is there. Without a password or its hash it is one
    that cannot log in by it: an empty one is nobody's.

    fields: password, or password_hash (base64) and hashing_algorithm; tags, or administrator;
    limits; permissions by vhost, for a new one. exported_by: RabbitMQ's version, for a hash without
    an algorithm. Raises: Refused, ValidationError.
    """
    what = f"user '{name}'"
    if "tags" in fields:
        tags = tags_of(what, fields["tags"])
    elif "administrator" in fields:
        tags = ("administrator",) if flag_of(fields["administrator"]) else ()
    else:
        raise Refused("tags_not_present")
    limits = _limits(node, name, fields.get("limits"))
    if "password" in fields and "password_hash" in fields:
        raise Refused("both_password_and_password_hash_are_provided")
    algorithm = node.config.auth.hashing_module
    password_hash = b""
    if "password" in fields or not ("password_hash" in fields or name in node.users):
        password = text_of(what, "password", fields.get("password", ""))
        password_hash = hash_password(password.encode("utf-8", "surrogateescape"), algorithm)
    elif "password_hash" in fields:
        password_hash = _octets(fields["password_hash"])
        algorithm = _algorithm(what, fields, exported_by, algorithm)
    commands: list[Command] = [PutUser(name, password_hash, algorithm, tags, limits)]
    if "permissions" in fields and name not in node.users:
        permissions = fields["permissions"]
        if not isinstance(permissions, dict):
            raise invalid(what, "permissions", "an object")
        for vhost, patterns in permissions.items():
            if not isinstance(patterns, dict):
                raise invalid(what, "permissions", "an object of objects")
            commands.append(set_permissions(node, name, vhost, patterns, is_new_user=True))
    return commands


def delete_users(node: Node, names: object) -> list[Command]:
    """All of them, or none: RabbitMQ deletes those before the first that is not there.

    Raises: Refused.
    """
    if not isinstance(names, list):
        raise invalid("request", "users", "a list")
    for name in names:
        if not isinstance(name, str) or name not in node.users:
            raise no_such_user(name)
    return [DeleteUser(name) for name in dict.fromkeys(names)]


def set_user_limit(node: Node, name: str, limit: str, value: object) -> Command:
    """Raises: Refused, ValidationError."""
    check_user_limits({limit: value})
    user = node.users.get(name)
    if user is None:
        raise no_such_user(name)
    return SetUserLimits(name, as_json({**user.limits, limit: value}))


def clear_user_limit(node: Node, name: str, limit: str) -> Command:
    """limit: "all": every one. Raises: Refused."""
    user = node.users.get(name)
    if user is None:
        raise no_such_user(name)
    left = {key: value for key, value in user.limits.items() if key != limit and limit != "all"}
    return SetUserLimits(name, as_json(left))


def _limits(node: Node, name: str, wanted: object) -> str:
    """What a user is to have, those it has included; "": as they were."""
    if wanted is None:
        return ""
    check_user_limits(wanted)
    assert isinstance(wanted, dict)
    user = node.users.get(name)
    return as_json({**(user.limits if user is not None else {}), **wanted})


def _octets(text: object) -> bytes:
    """Raises: Refused. What is refused is no hash."""
    if not isinstance(text, str):
        raise Refused("not_base64", text)
    try:
        return base64.b64decode(_SPACE.sub("", text), validate=True)
    except (binascii.Error, ValueError):
        raise Refused("not_base64", text) from None


def _algorithm(what: str, fields: Mapping[str, Any], exported_by: object, default: str) -> str:
    """Of a hash. One that nobody knows is kept, and fits no password."""
    if "hashing_algorithm" in fields:
        return text_of(what, "hashing_algorithm", fields["hashing_algorithm"])
    if exported_by == "3.6.0":
        return _SHA256
    if isinstance(exported_by, str) and re.match(r"3\.[0-5]\.", exported_by):
        return _MD5
    return default
