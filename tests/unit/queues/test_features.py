from __future__ import annotations

import pytest

from broker.amqp.wire import INTEGER_TAGS, Field
from broker.queues.features import DROP_HEAD, Features, consumer_timeout_ms
from tests.support.builders import table


@pytest.mark.parametrize("arguments", [{}, table(anything=1), table(x_queue_type="classic")])
def test_a_plain_queue_will_do(arguments: dict[str, object]) -> None:
    assert Features.of(arguments) is None  # type: ignore[arg-type]


def test_what_arguments_ask_for() -> None:
    features = Features.of(
        table(
            x_message_ttl=1,
            x_expires=2,
            x_max_length=3,
            x_max_length_bytes=4,
            x_overflow="reject-publish",
            x_dead_letter_exchange="",
            x_dead_letter_routing_key="k",
            x_max_priority=5,
            x_single_active_consumer=True,
            x_delivery_limit=6,
            x_queue_type="quorum",
        )
    )
    assert features == Features(
        message_ttl_ms=1,
        expires_ms=2,
        max_length=3,
        max_length_bytes=4,
        overflow="reject-publish",
        dead_letter_exchange="",
        dead_letter_routing_key="k",
        max_priority=5,
        single_active_consumer=True,
        delivery_limit=6,
        counts_deliveries=True,
    )


def test_zero_and_the_default_exchange_are_something() -> None:
    assert Features.of(table(x_message_ttl=0)) == Features(message_ttl_ms=0)
    assert Features.of(table(x_max_length=0)) == Features(max_length=0)
    assert Features.of(table(x_dead_letter_exchange="")) == Features(dead_letter_exchange="")


def test_quorum_queues_count_deliveries() -> None:
    features = Features.of(table(x_queue_type="quorum"))
    assert features == Features(counts_deliveries=True)
    assert features.overflow == DROP_HEAD


@pytest.mark.parametrize("tag", sorted(INTEGER_TAGS))
def test_integers_of_any_width_are_read(tag: str) -> None:
    assert Features.of({"x-max-length": Field(tag, 7)}) == Features(max_length=7)


@pytest.mark.parametrize("limit", ["three", True, None, [3]])
def test_what_is_of_another_type_is_not_read(limit: object) -> None:
    """x-delivery-limit may be anything, as in RabbitMQ."""
    arguments = table(x_queue_type="quorum", x_delivery_limit=limit)
    assert Features.of(arguments) == Features(counts_deliveries=True)


@pytest.mark.parametrize(
    ("argument", "policy", "timeout"),
    [
        (None, None, None),
        (5, None, 5),
        (None, 7, 7),
        (5, 7, 5),
        (7, 5, 5),  # RabbitMQ takes the lower one
        ("5", None, None),
        (True, None, None),  # which is no number
    ],
)
def test_the_time_for_an_acknowledgement(
    argument: object, policy: int | None, timeout: int | None
) -> None:
    """RabbitMQ never checks x-consumer-timeout; what is no integer counts as not there."""
    arguments = {} if argument is None else table(x_consumer_timeout=argument)
    definition = {} if policy is None else {"consumer-timeout": policy}
    assert consumer_timeout_ms(arguments, definition) == timeout
