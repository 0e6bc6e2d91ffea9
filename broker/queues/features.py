"""What the arguments of a queue ask for beyond keeping and handing out, read once."""

from __future__ import annotations

from dataclasses import dataclass

from broker.amqp.wire import Table
from broker.queues.arguments import queue_type_of

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
    counts_deliveries: bool = False  # shows x-delivery-count: quorum queues do

    @classmethod
    def of(cls, arguments: Table) -> Features | None:
        """The features that validated arguments ask for; None: a plain queue will do."""
        if not arguments:
            return None
        features = cls(
            message_ttl_ms=_number(arguments, "x-message-ttl"),
            expires_ms=_number(arguments, "x-expires"),
            max_length=_number(arguments, "x-max-length"),
            max_length_bytes=_number(arguments, "x-max-length-bytes"),
            overflow=_text(arguments, "x-overflow") or DROP_HEAD,
            dead_letter_exchange=_text(arguments, "x-dead-letter-exchange"),
            dead_letter_routing_key=_text(arguments, "x-dead-letter-routing-key"),
            max_priority=_number(arguments, "x-max-priority"),
            single_active_consumer=_flag(arguments, "x-single-active-consumer"),
            delivery_limit=_number(arguments, "x-delivery-limit"),
            counts_deliveries=queue_type_of(arguments) == "quorum",
        )
        return features if features != cls() else None


def _number(arguments: Table, name: str) -> int | None:
    field = arguments.get(name)
    return field.value if field is not None and isinstance(field.value, int) else None


def _text(arguments: Table, name: str) -> str | None:
    field = arguments.get(name)
    return field.value if field is not None and isinstance(field.value, str) else None


def _flag(arguments: Table, name: str) -> bool:
    field = arguments.get(name)
    return field is not None and field.value is True
