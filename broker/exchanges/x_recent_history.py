"""`x-recent-history`: to every destination bound, and the last messages to every one bound anew.

It keeps the last `x-recent-history-length` messages (20), unless they say in their headers not to
(`x-recent-history-no-store`), whether or not anybody is bound. They are in memory only and gone
after a restart, as with RabbitMQ.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from broker.amqp.content import HAS_HEADERS
from broker.amqp.erlang import with_term
from broker.amqp.errors import PreconditionFailed
from broker.amqp.wire import Field, Table, as_erlang
from broker.exchanges.bindings import Destinations, add, remove
from broker.exchanges.exchange import Binding, Exchange, Replayed
from broker.exchanges.registry import exchange_type
from broker.message import Message

LENGTH = "x-recent-history-length"
NO_STORE = "x-recent-history-no-store"
DEFAULT_LENGTH = 20
_INTEGERS = "bsIlL"  # RabbitMQ takes the signed ones only
_FLAGS = 12  # in a content header
_HEADERS_BIT = HAS_HEADERS >> 8


@exchange_type
class RecentHistoryExchange(Exchange):
    __slots__ = ("_destinations", "_history")
    type_name = "x-recent-history"
    description = "Recent History Exchange."
    reads_message = True
    is_stable = False  # each message is to be kept

    def __init__(self, *args: Any, **kwargs: Any):
        self._destinations: Destinations = {}
        self._history: deque[Replayed] = deque()
        super().__init__(*args, **kwargs)

    @classmethod
    def validate(cls, arguments: Table) -> None:
        length = arguments.get(LENGTH)
        if length is not None and not _length(length):
            shown = with_term("Invalid argument ", as_erlang(length))
            raise PreconditionFailed(f"{shown}, '{LENGTH}' must be a positive integer")

    def configure(self, definition: Mapping[str, object]) -> None:
        super().configure(definition)
        wanted = self.asked(LENGTH, definition)
        length = wanted if isinstance(wanted, int) and wanted > 0 else DEFAULT_LENGTH
        self._history = deque(self._history, length)

    def bind(self, binding: Binding) -> None:
        add(self._destinations, binding.destination)

    def unbind(self, binding: Binding) -> None:
        remove(self._destinations, binding.destination)

    def replay(self) -> Iterable[Replayed]:
        return list(self._history)

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return self._destinations

    def route_all(self, routing_keys: Sequence[str], message: Message) -> Iterable[Any]:
        if not _is_not_to_be_kept(message):
            self._history.append(Replayed(tuple(routing_keys), message))
        return self._destinations


def _length(field: Field | None) -> int:
    """0: it is none."""
    if field is None or field.tag not in _INTEGERS or not isinstance(field.value, int):
        return 0
    return max(0, field.value)


def _is_not_to_be_kept(message: Message) -> bool:
    header = message.envelope.header
    if not header[_FLAGS] & _HEADERS_BIT or NO_STORE.encode() not in header:
        return False  # most messages: nothing is decoded
    return message.envelope.properties.header_table.get(NO_STORE) == Field("t", True)
