"""`headers`: to destinations whose arguments match the message's headers.

`x-match` is all, any, all-with-x or any-with-x. Arguments that begin with "x-" are left out of the
comparison unless it is one of the latter two; `x-match` itself always is. A void argument asks for
presence only. Values are compared without their types, as RabbitMQ does.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from broker.amqp.erlang import with_term
from broker.amqp.errors import PreconditionFailed
from broker.amqp.wire import Field, Table, as_erlang
from broker.exchanges.exchange import Binding, BindingKey, Exchange
from broker.exchanges.registry import exchange_type

_MODES = ("all", "any", "all-with-x", "any-with-x")
_EXPECTED = "expected all, any, all-with-x, or any-with-x"


@exchange_type
class HeadersExchange(Exchange):
    __slots__ = ("_patterns",)
    type_name = "headers"
    description = "AMQP headers exchange, as per the AMQP specification"
    reads_message = True

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._patterns: dict[BindingKey, tuple[bool, list[tuple[str, Field]], Any]] = {}

    def validate_binding(self, binding: Binding) -> None:
        match = binding.arguments.get("x-match")
        if match is None:
            return
        if match.tag != "S":
            begins = f"Invalid x-match field type {match.type_name} (value "
            raise PreconditionFailed(f"{with_term(begins, as_erlang(match))}); expected longstr")
        if match.value not in _MODES:
            shown = with_term("Invalid x-match field value ", match.value)
            raise PreconditionFailed(f"{shown}; {_EXPECTED}")

    def bind(self, binding: Binding) -> None:
        match = binding.arguments.get("x-match")
        mode = str(match.value) if match is not None else "all"
        with_x = mode.endswith("-with-x")
        wanted = [
            (name, field)
            for name, field in binding.arguments.items()
            if name != "x-match" and (with_x or not name.startswith("x-"))
        ]
        self._patterns[binding.key] = (mode.startswith("all"), wanted, binding.destination)

    def unbind(self, binding: Binding) -> None:
        del self._patterns[binding.key]

    def route(self, routing_key: str, headers: Table) -> Iterable[Any]:
        return [
            destination
            for wants_all, wanted, destination in self._patterns.values()
            if (all if wants_all else any)(
                _matches(field, headers.get(name)) for name, field in wanted
            )
        ]


def _matches(wanted: Field, present: Field | None) -> bool:
    if present is None:
        return False
    return wanted.tag == "V" or _comparable(wanted) == _comparable(present)


def _comparable(field: Field) -> object:
    """A value that is equal where Erlang's `==` says so: 1 equals 1.0, true equals no number."""
    tag, value = field
    if tag == "t":
        return "true" if value else "false", "atom"
    if tag in "FA":
        return repr(value)
    if tag == "x":
        assert isinstance(value, bytes)
        return value.decode("utf-8", "surrogateescape")
    return value
