"""What has changed in the definitions that must survive a restart.

`VHost` and `Node.apply` put down here what they do to durable things, with everything that goes
along: bindings with their queue, auto-delete exchanges with their last binding, permissions with
their user. Whoever keeps the definitions takes it after each command. The changes are complete:
carried out one after another on an empty table per kind, they give what a restart has to bring
back. As long as nobody keeps them (`is_recording`), putting one down costs a call. What does not
survive is told of too (`skip`): whoever wants to hear of all of it is `watch`.

    kind          key                                    values
    vhost         name                                   description, tags, default queue type
    user          name                                   password hash, algorithm, tags, limits
    permissions   user, vhost                            configure, write, read
    topic_        user, vhost, exchange                  write, read
      permissions
    parameter     vhost, component, name                 value
    policy        vhost, kind of policy, name            pattern, definition, priority, apply-to
    global_       name                                   value
      parameter
    exchange      vhost, name                            type, auto-delete, internal, arguments
    queue         vhost, name                            id, auto-delete, arguments
    binding       vhost, source, kind of destination,    arguments
                  destination, routing key, canonical
                  arguments

Texts become octets here and tables wire format, not where they are written: so what cannot be kept
is refused before it is done, as long as whoever changes something puts it down first.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Literal, NamedTuple

from broker.amqp.wire import Table, encode_table

Kind = Literal[
    "vhost",
    "user",
    "permissions",
    "topic_permissions",
    "policy",
    "parameter",
    "global_parameter",
    "exchange",
    "queue",
    "binding",
]
Seen = Kind | Literal["queue_policy"]  # also what is never kept: another policy applies to a queue
Value = str | bytes | int | float | tuple[str, ...] | Table


class Change(NamedTuple):
    """One thing is there now with these values, or it is gone (None)."""

    kind: Kind
    key: tuple[bytes | int, ...]
    values: tuple[bytes | int, ...] | None


class Changes:
    """Collects them in the order in which they happen."""

    __slots__ = ("_made", "_recorded", "is_recording", "watch")

    def __init__(self, *, is_recording: bool = False):
        self.is_recording = is_recording
        # called with kind, key and whether it is there from now on: before that is carried out
        self.watch: Callable[[Seen, tuple[Value, ...], bool], None] | None = None
        self._recorded: list[Change] = []
        self._made = False

    def put(self, kind: Kind, key: tuple[Value, ...], values: tuple[Value, ...]) -> None:
        """There is a new one, or an old one has other values. Raises: ValueError, struct.error,
        TypeError when it cannot be written down."""
        if self.is_recording:
            self._recorded.append(Change(kind, _octets_of(key), _octets_of(values)))
        if self.watch is not None:
            self.watch(kind, key, True)

    def drop(self, kind: Kind, key: tuple[Value, ...]) -> None:
        """It is gone."""
        if self.is_recording:
            self._recorded.append(Change(kind, _octets_of(key), None))
        if self.watch is not None:
            self.watch(kind, key, False)

    def skip(
        self, kind: Seen | None = None, key: tuple[Value, ...] = (), *, is_there: bool = False
    ) -> None:
        """Something has changed that ends with the process. kind: None: nothing to be told of."""
        self._made = True
        if self.watch is not None and kind is not None:
            self.watch(kind, key, is_there)

    def take(self) -> tuple[list[Change], bool]:
        """What was put down since the last time. Returns: that; whether anything was changed."""
        recorded, self._recorded = self._recorded, []
        made, self._made = self._made, False
        return recorded, made or bool(recorded)


def _octets_of(values: tuple[Value, ...]) -> tuple[bytes | int, ...]:
    return tuple(value if isinstance(value, (bytes, int)) else _octets(value) for value in values)


def _octets(value: str | float | tuple[str, ...] | Table) -> bytes:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    if isinstance(value, (tuple, float)):  # tags: JSON takes any text, and can be read by people
        return json.dumps(value).encode()
    return encode_table(value)
