"""`x-` arguments: which there are, what each may be, and when two declarations are equivalent.

RabbitMQ validates the arguments that the queue's type knows, ignores names nobody knows, and
refuses those of another type. The texts print Erlang terms; `erlang.py` prints them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from broker.amqp.erlang import Atom, CharList, with_term
from broker.amqp.errors import (
    InternalError,
    argument_of_other_type,
    inequivalent,
    invalid_argument,
    too_large,
)
from broker.amqp.wire import INTEGER_TAGS, Field, Table, as_erlang

EXPIRY_MS_MAX = 315_360_000_000  # ten years
PRIORITY_MAX = 255
QUEUE_TYPES = ("classic", "quorum", "stream")
MASTER_LOCATORS = ("client-local", "min-masters", "random")
CREDIT_MAX = 2**32 - 1
SEGMENT_SIZE_MAX = 3_000_000_000

Check = Callable[[Field, Table], object]  # None: fine; else the problem as an Erlang term


def _unacceptable(field: Field) -> object:
    return Atom("unacceptable_type"), Atom(field.type_name)


def _integer(field: Field, _arguments: Table) -> object:
    if field.tag in INTEGER_TAGS:
        return None
    return CharList(f"expected integer, got {field.type_name}")


def _number(field: Field) -> int:
    assert isinstance(field.value, int)
    return field.value


def _not_negative(field: Field, arguments: Table) -> object:
    problem = _integer(field, arguments)
    if problem is None and _number(field) < 0:
        return Atom("value_negative"), field.value
    return problem


def _positive(field: Field, arguments: Table) -> object:
    problem = _not_negative(field, arguments)
    if problem is None and not field.value:
        return Atom("value_zero"), 0
    return problem


def _expiry(field: Field, arguments: Table) -> object:
    return _integer(field, arguments) or expiry_problem(_number(field))


def expiry_problem(milliseconds: int) -> object:
    """What is wrong with a time to live; None: nothing."""
    if milliseconds < 0:
        return Atom("value_negative"), milliseconds
    if milliseconds > EXPIRY_MS_MAX:
        return Atom("value_too_large"), milliseconds
    return None


def _expires(field: Field, arguments: Table) -> object:
    problem = _integer(field, arguments)
    if problem is None and not field.value:
        return Atom("value_zero"), 0
    return problem or expiry_problem(_number(field))


def _max_priority(field: Field, arguments: Table) -> object:
    problem = _not_negative(field, arguments)
    if problem is None and _number(field) > PRIORITY_MAX:
        return Atom("max_value_exceeded"), field.value
    return problem


def _boolean(field: Field, _arguments: Table) -> object:
    return None if field.tag == "t" else _unacceptable(field)


def _text(field: Field, _arguments: Table) -> object:
    return None if field.tag == "S" else _unacceptable(field)


def _dead_letter_key(field: Field, arguments: Table) -> object:
    if field.tag != "S":
        return _unacceptable(field)
    if "x-dead-letter-exchange" not in arguments:
        return Atom("routing_key_but_no_dlx_defined")
    return None


def _one_of(values: tuple[str, ...], problem: str) -> Check:
    def check(field: Field, _arguments: Table) -> object:
        if field.tag != "S":
            return _unacceptable(field)
        return None if field.value in values else Atom(problem)

    return check


def _queue_mode(field: Field, _arguments: Table) -> object:
    if field.tag != "S":
        return _unacceptable(field)
    if field.value in ("default", "lazy"):
        return None
    return CharList(f"unsupported queue mode '{field.value}'")


def _queue_version(field: Field, arguments: Table) -> object:
    problem = _not_negative(field, arguments)
    if problem is None and field.value not in (1, 2):
        return CharList(f"unsupported queue version '{field.value}'")
    return problem


def _queue_type(field: Field, _arguments: Table) -> object:
    if field.tag != "S":
        return _unacceptable(field)
    if field.value in QUEUE_TYPES:
        return None
    return CharList(f"unsupported queue type '{field.value}'")


def _max_age(field: Field, _arguments: Table) -> object:
    if field.tag != "S":
        return _unacceptable(field)
    match = re.fullmatch(r"([0-9]+)[YMDhms]", str(field.value))
    return None if match and int(match[1]) else Atom("invalid_max_age")


def _anything(_field: Field, _arguments: Table) -> object:
    return None


class Argument(NamedTuple):
    """One argument: its check, and the queue types that know it."""

    check: Check
    types: frozenset[str]


def _of(check: Check, *types: str) -> Argument:
    return Argument(check, frozenset(types))


_STRATEGIES = _one_of(("at-most-once", "at-least-once"), "invalid_dlx_strategy")
_OVERFLOW = _one_of(("drop-head", "reject-publish", "reject-publish-dlx"), "invalid_overflow")
_LOCATOR = _one_of(
    ("client-local", "balanced", "random", "least-leaders"), "invalid_queue_locator_arg"
)

# In the order in which RabbitMQ checks them.
QUEUE_ARGUMENTS: dict[str, Argument] = {
    "x-expires": _of(_expires, "classic", "quorum"),
    "x-message-ttl": _of(_expiry, "classic", "quorum"),
    "x-dead-letter-exchange": _of(_text, "classic", "quorum"),
    "x-dead-letter-routing-key": _of(_dead_letter_key, "classic", "quorum"),
    "x-dead-letter-strategy": _of(_STRATEGIES, "quorum"),
    "x-max-length": _of(_not_negative, "classic", "quorum"),
    "x-max-length-bytes": _of(_not_negative, "classic", "quorum", "stream"),
    "x-max-in-memory-length": _of(_not_negative, "quorum"),
    "x-max-in-memory-bytes": _of(_not_negative, "quorum"),
    "x-max-priority": _of(_max_priority, "classic"),
    "x-overflow": _of(_OVERFLOW, "classic", "quorum"),
    "x-queue-mode": _of(_queue_mode, "classic"),
    "x-queue-version": _of(_queue_version, "classic"),
    "x-single-active-consumer": _of(_boolean, "classic", "quorum"),
    "x-queue-type": _of(_queue_type, "classic", "quorum", "stream"),
    "x-quorum-initial-group-size": _of(_positive, "quorum"),
    "x-max-age": _of(_max_age, "stream"),
    "x-stream-max-segment-size-bytes": _of(_not_negative, "stream"),
    "x-initial-cluster-size": _of(_positive, "stream"),
    "x-queue-leader-locator": _of(_LOCATOR, "quorum", "stream"),
    "x-delivery-limit": _of(_anything, "quorum"),
    "x-queue-master-locator": _of(_anything, "classic"),
}

# Those of a quorum queue in the order in which RabbitMQ compares them.
QUORUM_COMPARED = (
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-overflow",
    "x-single-active-consumer",
    "x-queue-type",
    "x-quorum-initial-group-size",
    "x-delivery-limit",
    "x-message-ttl",
    "x-queue-leader-locator",
)

CONSUMER_ARGUMENTS: dict[str, Argument] = {
    "x-priority": _of(_integer, "classic", "quorum"),
    "x-cancel-on-ha-failover": _of(_boolean, "classic"),
    "x-stream-offset": _of(_anything, "stream"),
    "x-credit": _of(_anything, "classic", "quorum", "stream"),
}


def queue_type_of(arguments: Table) -> str:
    field = arguments.get("x-queue-type")
    return str(field.value) if field is not None else "classic"


def check_queue_arguments(arguments: Table, what: str) -> None:
    """Validate the arguments of a declaration. what: the queue, as texts name it.

    Raises: PreconditionFailed with RabbitMQ's text; InternalError for a master locator nobody
    knows, with which RabbitMQ's queue process fails to start.
    """
    if not arguments:
        return
    type_field = arguments.get("x-queue-type")
    if type_field is not None:
        problem = _queue_type(type_field, arguments)
        if problem is not None:
            raise invalid_argument("x-queue-type", what, problem)
    _check(arguments, QUEUE_ARGUMENTS, queue_type_of(arguments), what)
    locator = arguments.get("x-queue-master-locator")
    if locator is not None and locator.value not in MASTER_LOCATORS:
        raise InternalError(ids=(0, 0))


def check_stream_arguments(arguments: Table) -> None:
    """What is checked of a stream last, after its properties. Raises: PreconditionFailed."""
    size = arguments.get("x-stream-max-segment-size-bytes")
    if size is not None and _number(size) > SEGMENT_SIZE_MAX:
        raise too_large("x-stream-max-segment-size-bytes")


def check_consumer_arguments(arguments: Table, queue_type: str, what: str) -> None:
    """Validate the arguments of basic.consume. Raises: PreconditionFailed."""
    if arguments:
        _check(arguments, CONSUMER_ARGUMENTS, queue_type, what)


def credit_of(arguments: Table) -> int | None:
    """The credit that a consumer begins with; None: x-credit is not there, or nothing that counts.

    RabbitMQ reads a table of a long and a bool, and no other.
    """
    credit, drain = _credit_fields(arguments)
    if credit is None or drain is None or drain.tag != "t" or credit.type_name != "long":
        return None
    return min(max(_number(credit), 0), CREDIT_MAX)


def drains(arguments: Table) -> bool:
    """Whether it begins with a credit that is taken back when its queue is empty."""
    drain = _credit_fields(arguments)[1]
    return drain is not None and drain.value is True and credit_of(arguments) is not None


def _credit_fields(arguments: Table) -> tuple[Field | None, Field | None]:
    credit = arguments.get("x-credit")
    if credit is None or not isinstance(credit.value, dict):
        return None, None
    return credit.value.get("credit"), credit.value.get("drain")


def _check(arguments: Table, known: dict[str, Argument], queue_type: str, what: str) -> None:
    for name, argument in known.items():
        if name in arguments and queue_type in argument.types:
            problem = argument.check(arguments[name], arguments)
            if problem is not None:
                raise invalid_argument(name, what, problem)
    for name in arguments:
        if name in known and queue_type not in known[name].types:
            raise argument_of_other_type(name, what, f"rabbit_{queue_type}_queue")


def check_equivalent(current: Table, received: Table, names: list[str], what: str) -> None:
    """Compare arguments of a redeclaration. Raises: PreconditionFailed for the first that differs.

    Integers of different widths are equivalent when their values are; an absent x-queue-type is
    the same as "classic".
    """
    if not current and not received:
        return
    for name in names:
        ours, theirs = current.get(name), received.get(name)
        if ours == theirs:
            continue
        if ours is not None and theirs is not None:
            if _exactly(ours) != _exactly(theirs):  # of equal values RabbitMQ forgives the type
                raise inequivalent(name, what, _value(theirs), _value(ours))
            continue
        present = ours or theirs
        if name == "x-queue-type" and present is not None and present.value == "classic":
            continue
        raise inequivalent(name, what, _typed(theirs), _typed(ours))


def equivalence_names(arguments: Table) -> list[str]:
    """The arguments that a queue of that type compares, in RabbitMQ's order."""
    queue_type = queue_type_of(arguments)
    if queue_type == "quorum":
        return list(QUORUM_COMPARED)
    return [name for name, known in QUEUE_ARGUMENTS.items() if queue_type in known.types]


def _exactly(field: Field) -> tuple[type, object]:
    """Equal where Erlang's values match: 1 is not 1.0, and true is no number."""
    term = as_erlang(field)
    if isinstance(term, str):
        term = term.encode("utf-8", "surrogateescape")
    return type(term), term


def _value(field: Field) -> str:
    """A value as the 406 texts print it when both sides have one."""
    if field.tag == "V":
        return "none"
    return _shown("'", field) + "'"


def _typed(field: Field | None) -> str:
    """The same when only one side has the argument."""
    if field is None:
        return "none"
    shown = _shown("the value '", field)
    return f"{shown}' of type '{field.type_name}'"


def _shown(text: str, field: Field) -> str:
    """A value behind a text, a term where it is no text itself."""
    term = as_erlang(field)
    if isinstance(term, bytes):
        return text + term.decode("utf-8", "surrogateescape")
    return text + term if isinstance(term, str) else with_term(text, term)
