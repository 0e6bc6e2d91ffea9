"""What arguments and policies ask of a queue beyond keeping and handing out, read once.

Where both say something the lower number counts, of everything else the argument. Quorum queues
differ: there a policy's overflow and expires win (RabbitMQ's rabbit_quorum_queue).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from broker.amqp.wire import Table
from broker.queues.arguments import queue_type_of

Definition = Mapping[str, object]  # setting → value, as JSON has it
NOTHING: Definition = {}
DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX = "drop-head", "reject-publish", "reject-publish-dlx"


@dataclass(slots=True, kw_only=True)
class Features:
    """None, False and "" mean: not asked for. Times in ms."""

    message_ttl_ms: int | None = None
    expires_ms: int | None = None
    max_length: int | None = None
    max_length_bytes: int | None = None
    overflow: str = DROP_HEAD
    dead_letter_exchange: str | None = None
    dead_letter_routing_key: str | None = None
    max_priority: int | None = None
    single_active_consumer: bool = False
    delivery_limit: int | None = None
    at_least_once: bool = False  # dead letters: kept until every queue they go to has them
    counts_deliveries: bool = False  # shows x-delivery-count: quorum queues do

    @classmethod
    def of(cls, arguments: Table, definition: Definition = NOTHING) -> Features | None:
        """The features that validated arguments and the effective definition of policies ask for;
        None: a plain queue will do."""
        if not arguments and not definition:
            return None
        is_quorum = queue_type_of(arguments) == "quorum"
        asked = _Asked(arguments, definition)
        overflow = asked.text("overflow", _of_policy if is_quorum else _of_argument) or DROP_HEAD
        if is_quorum and overflow == REJECT_PUBLISH_DLX:  # only a policy can say so
            overflow = DROP_HEAD
        features = cls(
            message_ttl_ms=asked.number("message-ttl"),
            expires_ms=asked.number("expires", _of_policy if is_quorum else min),
            max_length=asked.number("max-length"),
            max_length_bytes=asked.number("max-length-bytes"),
            overflow=overflow,
            dead_letter_exchange=asked.text("dead-letter-exchange"),
            dead_letter_routing_key=asked.text("dead-letter-routing-key"),
            max_priority=_number(arguments, "x-max-priority"),
            single_active_consumer=_flag(arguments, "x-single-active-consumer"),
            delivery_limit=asked.number("delivery-limit"),
            at_least_once=(
                is_quorum
                and overflow == REJECT_PUBLISH  # RabbitMQ: with drop-head it is at most once
                and asked.text("dead-letter-strategy") == "at-least-once"
                and asked.text("dead-letter-exchange") is not None
            ),
            counts_deliveries=is_quorum,
        )
        return features if features != cls() else None


def is_lazy(arguments: Table, definition: Definition) -> bool:
    """Whether its messages go to disk as soon as they can."""
    if not arguments and not definition:
        return False
    return _Asked(arguments, definition).text("queue-mode") == "lazy"


def consumer_timeout_ms(arguments: Table, definition: Definition) -> int | None:
    """How long a delivery may stay unacked; None: as the node has it. RabbitMQ 3.12."""
    return _Asked(arguments, definition).number("consumer-timeout")


V = TypeVar("V")


def _of_argument(_policy: V, argument: V) -> V:
    return argument


def _of_policy(policy: V, _argument: V) -> V:
    return policy


class _Asked:
    """A queue's arguments beside the effective definition of its policies."""

    __slots__ = ("_arguments", "_definition")

    def __init__(self, arguments: Table, definition: Definition):
        self._arguments = arguments
        self._definition = definition

    def number(self, name: str, resolve: Callable[[int, int], int] = min) -> int | None:
        """resolve: which counts, of a policy's value and an argument's."""
        argument = _number(self._arguments, f"x-{name}")
        policy = self._definition.get(name)
        if not isinstance(policy, int):
            return argument
        return policy if argument is None else resolve(policy, argument)

    def text(self, name: str, resolve: Callable[[str, str], str] = _of_argument) -> str | None:
        argument = _text(self._arguments, f"x-{name}")
        policy = self._definition.get(name)
        if not isinstance(policy, str):
            return argument
        return policy if argument is None else resolve(policy, argument)


def _number(arguments: Table, name: str) -> int | None:
    field = arguments.get(name)
    if field is None or field.tag == "t" or not isinstance(field.value, int):
        return None
    return field.value


def _text(arguments: Table, name: str) -> str | None:
    field = arguments.get(name)
    return field.value if field is not None and isinstance(field.value, str) else None


def _flag(arguments: Table, name: str) -> bool:
    field = arguments.get(name)
    return field is not None and field.value is True
