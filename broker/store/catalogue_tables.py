"""The catalogue's tables, and how a row becomes the command that makes the thing again.

A table per kind of `broker.changes`, with its keys and values as columns. All texts are octets as
on the wire; whatever is not, somebody has written by hand, and it cannot be read.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple, get_args

from broker.amqp.wire import Table, decode_table
from broker.changes import Kind
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
)

_ADDED_IN_2 = """
CREATE TABLE topic_permissions (
    username BLOB NOT NULL, vhost BLOB NOT NULL, exchange BLOB NOT NULL, write BLOB NOT NULL,
    read BLOB NOT NULL,
    PRIMARY KEY (username, vhost, exchange));

CREATE TABLE policies (
    vhost BLOB NOT NULL, kind BLOB NOT NULL, name BLOB NOT NULL, pattern BLOB NOT NULL,
    definition BLOB NOT NULL, priority NUMERIC NOT NULL, apply_to BLOB NOT NULL,
    PRIMARY KEY (vhost, kind, name));

CREATE TABLE parameters (
    vhost BLOB NOT NULL, component BLOB NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (vhost, component, name));

CREATE TABLE global_parameters (
    name BLOB NOT NULL, value BLOB NOT NULL,
    PRIMARY KEY (name));
"""

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL);

CREATE TABLE vhosts (
    name BLOB NOT NULL, description BLOB NOT NULL, tags BLOB NOT NULL,
    default_queue_type BLOB NOT NULL DEFAULT (x''),
    PRIMARY KEY (name));

CREATE TABLE users (
    name BLOB NOT NULL, password_hash BLOB NOT NULL, hashing_algorithm BLOB NOT NULL,
    tags BLOB NOT NULL, limits BLOB NOT NULL DEFAULT (x''),
    PRIMARY KEY (name));

CREATE TABLE permissions (
    username BLOB NOT NULL, vhost BLOB NOT NULL, configure BLOB NOT NULL, write BLOB NOT NULL,
    read BLOB NOT NULL,
    PRIMARY KEY (username, vhost));
{ADDED}
CREATE TABLE exchanges (
    vhost BLOB NOT NULL, name BLOB NOT NULL, type BLOB NOT NULL, auto_delete INTEGER NOT NULL,
    internal INTEGER NOT NULL, arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, name));

CREATE TABLE queues (
    vhost BLOB NOT NULL, name BLOB NOT NULL, queue_id INTEGER NOT NULL,
    auto_delete INTEGER NOT NULL, arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, name));

CREATE TABLE bindings (
    vhost BLOB NOT NULL, source BLOB NOT NULL, destination_kind BLOB NOT NULL,
    destination BLOB NOT NULL, routing_key BLOB NOT NULL, canonical_arguments BLOB NOT NULL,
    arguments BLOB NOT NULL,
    PRIMARY KEY (vhost, source, destination_kind, destination, routing_key, canonical_arguments));

CREATE INDEX bindings_by_destination ON bindings (vhost, destination_kind, destination)
""".replace("{ADDED}", _ADDED_IN_2)

# Format → what makes the next one of it.
UPGRADES: dict[int, str] = {
    1: f"""
ALTER TABLE vhosts ADD COLUMN default_queue_type BLOB NOT NULL DEFAULT (x'');
ALTER TABLE users ADD COLUMN limits BLOB NOT NULL DEFAULT (x'');
{_ADDED_IN_2}"""
}
FORMAT = 2


class Kept(NamedTuple):
    """How one kind of thing is kept. command: what makes it again, from key and values. clean:
    statements that take the key and remove what is left of another that had it."""

    table: str
    key: tuple[str, ...]
    values: tuple[str, ...]
    command: Callable[..., Command]
    clean: tuple[str, ...] = ()

    @property
    def put(self) -> str:
        columns = (*self.key, *self.values)
        updates = ", ".join(f"{column} = excluded.{column}" for column in self.values)
        return (
            f"INSERT INTO {self.table} ({', '.join(columns)})"
            f" VALUES ({', '.join('?' * len(columns))})"
            f" ON CONFLICT ({', '.join(self.key)}) DO UPDATE SET {updates}"
        )

    @property
    def drop(self) -> str:
        wanted = " AND ".join(f"{column} = ?" for column in self.key)
        return f"DELETE FROM {self.table} WHERE {wanted}"

    @property
    def select(self) -> str:
        return f"SELECT {', '.join((*self.key, *self.values))} FROM {self.table} ORDER BY rowid"


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes):  # written by hand
        raise TypeError(f"{value!r} is not a BLOB")
    return value


def _text(octets: bytes) -> str:
    return _octets(octets).decode("utf-8", "surrogateescape")


def _table(octets: bytes) -> Table:
    table, end = decode_table(octets, 0)
    if end != len(octets):
        raise ValueError("octets behind a table")
    return table


def _tags(octets: bytes) -> tuple[str, ...]:
    return tuple(str(tag) for tag in json.loads(octets))


def _vhost(name: bytes, description: bytes, tags: bytes, default_queue_type: bytes) -> Command:
    return AddVhost(_text(name), _text(description), _tags(tags), _text(default_queue_type))


def _user(
    name: bytes, password_hash: bytes, algorithm: bytes, tags: bytes, limits: bytes
) -> Command:
    return PutUser(
        _text(name), _octets(password_hash), _text(algorithm), _tags(tags), _text(limits)
    )


def _texts(command: Callable[..., Command]) -> Callable[..., Command]:
    """What makes a command all of whose fields are texts."""
    return lambda *columns: command(*map(_text, columns))


def _policy(
    vhost: bytes,
    kind: bytes,
    name: bytes,
    pattern: bytes,
    definition: bytes,
    priority: int | bytes,
    apply_to: bytes,
) -> Command:
    return SetPolicy(
        _text(vhost),
        _text(name),
        _text(pattern),
        _text(definition),
        float(json.loads(priority)) if isinstance(priority, bytes) else int(priority),
        _text(apply_to),
        _text(kind),
    )


def _exchange(
    vhost: bytes, name: bytes, type_name: bytes, auto_delete: int, internal: int, arguments: bytes
) -> Command:
    return DeclareExchange(
        _text(vhost),
        _text(name),
        _text(type_name),
        durable=True,
        auto_delete=bool(auto_delete),
        internal=bool(internal),
        arguments=_table(arguments),
    )


def _queue(vhost: bytes, name: bytes, queue_id: int, auto_delete: int, arguments: bytes) -> Command:
    return DeclareQueue(
        _text(vhost),
        _text(name),
        durable=True,
        auto_delete=bool(auto_delete),
        arguments=_table(arguments),
        queue_id=int(queue_id),
    )


def _binding(*columns: bytes) -> Command:
    *names, _canonical_arguments, arguments = columns
    vhost, source, kind, destination, routing_key = map(_text, names)
    return Bind(vhost, source, kind, destination, routing_key, _table(arguments))


_BINDINGS_TO = (
    "DELETE FROM bindings"
    " WHERE vhost = ? AND destination_kind = CAST('{}' AS BLOB) AND destination = ?"
)

_IN_VHOSTS = (
    "permissions",
    "topic_permissions",
    "policies",
    "parameters",
    "exchanges",
    "queues",
    "bindings",
)

# In the order in which they can be made again.
KEPT: dict[Kind, Kept] = {
    "vhost": Kept(
        "vhosts",
        ("name",),
        ("description", "tags", "default_queue_type"),
        _vhost,
        tuple(
            f"DELETE FROM {table}"
            " WHERE vhost = ? AND NOT EXISTS (SELECT 1 FROM vhosts WHERE name = vhost)"
            for table in _IN_VHOSTS
        ),
    ),
    "user": Kept(
        "users",
        ("name",),
        ("password_hash", "hashing_algorithm", "tags", "limits"),
        _user,
        tuple(
            f"DELETE FROM {table}"
            " WHERE username = ? AND NOT EXISTS (SELECT 1 FROM users WHERE name = username)"
            for table in ("permissions", "topic_permissions")
        ),
    ),
    "permissions": Kept(
        "permissions",
        ("username", "vhost"),
        ("configure", "write", "read"),
        _texts(SetPermissions),
    ),
    "topic_permissions": Kept(
        "topic_permissions",
        ("username", "vhost", "exchange"),
        ("write", "read"),
        _texts(SetTopicPermissions),
    ),
    "policy": Kept(
        "policies",
        ("vhost", "kind", "name"),
        ("pattern", "definition", "priority", "apply_to"),
        _policy,
    ),
    "parameter": Kept(
        "parameters", ("vhost", "component", "name"), ("value",), _texts(SetParameter)
    ),
    "global_parameter": Kept(
        "global_parameters", ("name",), ("value",), _texts(SetGlobalParameter)
    ),
    "exchange": Kept(
        "exchanges",
        ("vhost", "name"),
        ("type", "auto_delete", "internal", "arguments"),
        _exchange,
        ("DELETE FROM bindings WHERE vhost = ? AND source = ?", _BINDINGS_TO.format("exchange")),
    ),
    "queue": Kept(
        "queues",
        ("vhost", "name"),
        ("queue_id", "auto_delete", "arguments"),
        _queue,
        (_BINDINGS_TO.format("queue"),),
    ),
    "binding": Kept(
        "bindings",
        (
            "vhost",
            "source",
            "destination_kind",
            "destination",
            "routing_key",
            "canonical_arguments",
        ),
        ("arguments",),
        _binding,
    ),
}
assert set(KEPT) == set(get_args(Kind))

PUT: dict[Kind, str] = {kind: kept.put for kind, kept in KEPT.items()}
DROP: dict[Kind, str] = {kind: kept.drop for kind, kept in KEPT.items()}
