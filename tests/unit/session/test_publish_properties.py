"""What the broker reads of a message's properties."""

from __future__ import annotations

import pytest

from broker.amqp.errors import AMQPException
from broker.session.publish_properties import expiration_problem, routing_headers
from tests.support.builders import table


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("0", None),
        ("60000", None),
        ("+5", None),
        ("", "no_integer"),
        ("x", "no_integer"),
        ("-", "no_integer"),
        (" 5", "no_integer"),
        ("5 ", ("leftover_string", " ")),
        ("5.5", ("leftover_string", ".5")),
        ("-5", ("value_negative", -5)),
        ("999999999999999", ("value_too_large", 999999999999999)),
    ],
)
def test_what_is_wrong_with_an_expiration(text: str, problem: object) -> None:
    assert expiration_problem(text) == problem


def test_the_keys_in_cc_and_bcc() -> None:
    assert list(routing_headers(table(CC=["a", "b"], BCC=["c"], other=["d"]))) == ["a", "b", "c"]
    assert list(routing_headers(table(CC=["a", 5, "b"]))) == ["a", "b"]
    assert list(routing_headers({})) == []
    with pytest.raises(AMQPException, match="BCC"):
        list(routing_headers(table(BCC="c")))
