"""Which x-arguments are accepted; the conformance tests compare the texts with RabbitMQ's."""

from __future__ import annotations

import pytest

from broker.amqp.errors import ConnectionException, PreconditionFailed
from broker.amqp.wire import Field, Table
from broker.queues.arguments import (
    CONSUMER_ARGUMENTS,
    CREDIT_MAX,
    EXPIRY_MS_MAX,
    QUEUE_ARGUMENTS,
    SEGMENT_SIZE_MAX,
    check_consumer_arguments,
    check_equivalent,
    check_queue_arguments,
    check_stream_arguments,
    credit_of,
    drains,
    equivalence_names,
    expiry_problem,
    queue_type_of,
)
from tests.support.builders import table

WHAT = "queue 'q' in vhost '/'"
BIG = EXPIRY_MS_MAX + 1


def refusal(arguments: Table) -> str | None:
    try:
        check_queue_arguments(arguments, WHAT)
    except PreconditionFailed as refused:
        return refused.text
    return None


def field(name: str, value: object, tag: str | None = None) -> Table:
    return {name: Field(tag, value)} if tag is not None else table(**{name: value})


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (field("x-message-ttl", 0), None),
        (field("x-message-ttl", EXPIRY_MS_MAX), None),
        (field("x-message-ttl", -1), "{value_negative,-1}"),
        (field("x-message-ttl", BIG), f"{{value_too_large,{BIG}}}"),
        (field("x-message-ttl", "60"), '"expected integer, got longstr"'),
        (field("x-message-ttl", 5, "b"), None),
        (field("x-message-ttl", 5.0), '"expected integer, got double"'),
        (field("x-expires", 0), "{value_zero,0}"),
        (field("x-expires", 1), None),
        (field("x-expires", -1), "{value_negative,-1}"),
        (field("x-max-length", 0), None),
        (field("x-max-length", -1), "{value_negative,-1}"),
        (field("x-max-length-bytes", -1), "{value_negative,-1}"),
        (field("x-max-priority", 255), None),
        (field("x-max-priority", 256), "{max_value_exceeded,256}"),
        (field("x-max-priority", -1), "{value_negative,-1}"),
        (field("x-overflow", "drop-head"), None),
        (field("x-overflow", "reject-publish-dlx"), None),
        (field("x-overflow", "explode"), "invalid_overflow"),
        (field("x-overflow", 1), "{unacceptable_type,signedint}"),
        (field("x-queue-mode", "lazy"), None),
        (field("x-queue-mode", "busy"), "\"unsupported queue mode 'busy'\""),
        (field("x-queue-version", 2), None),
        (field("x-queue-version", 3), "\"unsupported queue version '3'\""),
        (field("x-queue-type", "classic"), None),
        (field("x-queue-type", "tree"), "\"unsupported queue type 'tree'\""),
        (field("x-single-active-consumer", True), None),
        (field("x-single-active-consumer", 1), "{unacceptable_type,signedint}"),
        (field("x-dead-letter-routing-key", "k"), "routing_key_but_no_dlx_defined"),
        (table(x_dead_letter_routing_key="k", x_dead_letter_exchange=""), None),
        (field("x-dead-letter-exchange", 1), "{unacceptable_type,signedint}"),
        (field("x-anything-else", "goes"), None),
    ],
)
def test_what_a_classic_queue_may_be_declared_with(arguments: Table, problem: str | None) -> None:
    (name,) = list(arguments)[:1]
    expected = None if problem is None else f"invalid arg '{name}' for {WHAT}: {problem}"
    assert refusal(arguments) == expected


@pytest.mark.parametrize("name", sorted(QUEUE_ARGUMENTS))
@pytest.mark.parametrize("queue_type", ["classic", "quorum", "stream"])
def test_arguments_of_another_type_are_refused(queue_type: str, name: str) -> None:
    if name == "x-queue-type":
        return
    values: dict[str, object] = {
        "x-overflow": "drop-head",
        "x-dead-letter-strategy": "at-most-once",
        "x-queue-leader-locator": "balanced",
        "x-queue-mode": "lazy",
        "x-max-age": "1D",
        "x-single-active-consumer": True,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "",
        "x-queue-master-locator": "random",
    }
    arguments = table(x_queue_type=queue_type) | field(name, values.get(name, 1))
    if name == "x-dead-letter-routing-key" and queue_type != "stream":
        arguments |= table(x_dead_letter_exchange="")
    expected = None
    if queue_type not in QUEUE_ARGUMENTS[name].types:
        expected = f"invalid arg '{name}' for {WHAT} of queue type rabbit_{queue_type}_queue"
    assert refusal(arguments) == expected


@pytest.mark.parametrize(
    ("age", "is_accepted"),
    [("1D", True), ("7h", True), ("0D", False), ("D", False), ("1w", False), ("-1D", False)],
)
def test_the_age_of_a_stream(age: str, is_accepted: bool) -> None:
    assert (refusal(table(x_queue_type="stream", x_max_age=age)) is None) is is_accepted


def test_a_master_locator_nobody_knows_ends_the_connection() -> None:
    with pytest.raises(ConnectionException):
        check_queue_arguments(table(x_queue_master_locator="moon"), WHAT)


def test_what_a_consumer_may_ask_for() -> None:
    check_consumer_arguments(table(x_priority=-5, anything="goes"), "classic", WHAT)
    with pytest.raises(PreconditionFailed, match="expected integer, got longstr"):
        check_consumer_arguments(table(x_priority="high"), "classic", WHAT)
    with pytest.raises(PreconditionFailed, match="of queue type rabbit_classic_queue"):
        check_consumer_arguments(table(x_stream_offset="first"), "classic", WHAT)
    assert set(CONSUMER_ARGUMENTS) == {
        "x-priority",
        "x-cancel-on-ha-failover",
        "x-stream-offset",
        "x-credit",
    }


def test_a_master_locator_is_looked_at_last() -> None:
    """What other types have is complained of before."""
    arguments = table(x_queue_master_locator="moon", x_queue_leader_locator="moon")
    assert refusal(arguments) == (
        f"invalid arg 'x-queue-leader-locator' for {WHAT} of queue type rabbit_classic_queue"
    )


@pytest.mark.parametrize(
    ("size", "is_accepted"), [(None, True), (SEGMENT_SIZE_MAX, True), (SEGMENT_SIZE_MAX + 1, False)]
)
def test_the_segments_of_a_stream(size: int | None, is_accepted: bool) -> None:
    arguments = table(x_stream_max_segment_size_bytes=size) if size is not None else {}
    if is_accepted:
        check_stream_arguments(arguments)
    else:
        with pytest.raises(PreconditionFailed, match="Exceeded max value for x-stream-max-segm"):
            check_stream_arguments(arguments)


def link_credit(**fields: object) -> Table:
    return table(x_credit=fields)


@pytest.mark.parametrize(
    ("arguments", "credit", "is_draining"),
    [
        ({}, None, False),
        (link_credit(credit=Field("l", 5), drain=False), 5, False),
        (link_credit(credit=Field("L", 5), drain=True), 5, True),
        (link_credit(credit=Field("l", -1), drain=False), 0, False),
        (link_credit(credit=Field("l", 2**40), drain=True), CREDIT_MAX, True),
        (link_credit(credit=Field("I", 5), drain=True), None, False),
        (link_credit(credit=Field("l", 5), drain=1), None, False),
        (link_credit(credit=Field("l", 5)), None, False),
        (link_credit(drain=True), None, False),
        (table(x_credit=5), None, False),
    ],
)
def test_the_credit_a_consumer_begins_with(
    arguments: Table, credit: int | None, is_draining: bool
) -> None:
    assert credit_of(arguments) == credit
    assert drains(arguments) is is_draining


def inequivalence(current: Table, received: Table, name: str) -> str | None:
    try:
        check_equivalent(current, received, [name], WHAT)
    except PreconditionFailed as refused:
        return refused.text
    return None


@pytest.mark.parametrize(
    ("current", "received", "difference"),
    [
        (table(a=1), {"a": Field("l", 1)}, None),  # the width does not matter
        (table(a="x"), {"a": Field("x", b"x")}, None),
        (table(), table(), None),
        (table(b=1), table(b=2), None),  # not compared
        (table(a=1), table(a=2), "received '2' but current is '1'"),
        (table(a=1), table(a="1"), "received '1' but current is '1'"),
        (table(a=True), table(a=False), "received 'false' but current is 'true'"),
        (table(a=1), table(), "received none but current is the value '1' of type 'signedint'"),
        (table(), table(a="x"), "received the value 'x' of type 'longstr' but current is none"),
        (table(a=1), {"a": Field("d", 1.0)}, "received '1.0' but current is '1'"),
        (table(a=1), table(a=True), "received 'true' but current is '1'"),
    ],
)
def test_when_arguments_are_equivalent(
    current: Table, received: Table, difference: str | None
) -> None:
    expected = difference and f"inequivalent arg 'a' for {WHAT}: {difference}"
    assert inequivalence(current, received, "a") == expected


def test_an_absent_queue_type_is_classic() -> None:
    classic, quorum = table(x_queue_type="classic"), table(x_queue_type="quorum")
    assert inequivalence({}, classic, "x-queue-type") is None
    assert inequivalence(classic, {}, "x-queue-type") is None
    assert inequivalence(classic, quorum, "x-queue-type") is not None
    assert queue_type_of({}) == "classic"
    assert queue_type_of(quorum) == "quorum"


def test_a_queue_compares_what_its_type_knows() -> None:
    assert "x-max-priority" in equivalence_names({})
    assert "x-max-priority" not in equivalence_names(table(x_queue_type="quorum"))
    assert "x-delivery-limit" in equivalence_names(table(x_queue_type="quorum"))


def test_times_to_live() -> None:
    assert expiry_problem(0) is None
    assert expiry_problem(EXPIRY_MS_MAX) is None
    assert expiry_problem(-1) == ("value_negative", -1)
    assert expiry_problem(BIG) == ("value_too_large", BIG)
