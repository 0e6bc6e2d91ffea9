"""Virtual hosts: what is asked for becomes commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from broker.commands import AddVhost, Command, SetPermissions, SetTracing
from broker.management.operations.refused import Refused, flag_of, tags_of, text_of
from broker.node import Node
from broker.queues.arguments import QUEUE_TYPES

ALL = ".*"


def put_vhost(node: Node, name: str, fields: Mapping[str, Any], actor: str) -> list[Command]:
    """A new vhost, with all permissions for who makes it, or other metadata for one that is there.

    fields: description, tags, tracing, default_queue_type; RabbitMQ leaves the type of one that is
    there as it is. Raises: Refused.
    """
    what = f"virtual host '{name}'"
    description = fields.get("description")
    tags = fields.get("tags")
    existing = node.vhosts.get(name)
    queue_type = _queue_type(fields)
    vhost = AddVhost(
        name,
        "" if description is None else text_of(what, "description", description),
        _tags(what, tags),
        queue_type if existing is None else existing.default_queue_type,
    )
    commands: list[Command] = [vhost]
    if existing is None and actor in node.users:
        commands.append(SetPermissions(actor, name, ALL, ALL, ALL))
    if "tracing" in fields:
        is_on = flag_of(fields["tracing"])
        if is_on is not (existing is not None and existing.is_traced):
            commands.append(SetTracing(name, is_on))
    return commands


def _tags(what: str, value: object) -> tuple[str, ...]:
    """RabbitMQ: of a string also what is empty between two commas. Raises: Refused."""
    if value is None or value == "":
        return ()
    if isinstance(value, str):
        return tuple(map(str.strip, value.split(",")))
    return tags_of(what, value)


def _queue_type(fields: Mapping[str, Any]) -> str:
    """ "": none is given. 3.10 takes it by a misspelled name only. Raises: Refused."""
    found = fields.get("default_queue_type", fields.get("defaultqueuetype"))
    if found in (None, "", "undefined"):
        return ""
    if found not in QUEUE_TYPES:
        raise Refused("invalid_queue_type")
    return str(found)
