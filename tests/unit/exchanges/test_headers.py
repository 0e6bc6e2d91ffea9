"""Arguments and headers by hand; `tests/property/test_headers_exchange.py` tries random ones."""

from __future__ import annotations

import pytest

from broker.amqp.errors import PreconditionFailed
from broker.amqp.wire import Field, Table
from broker.exchanges.exchange import Binding
from broker.exchanges.headers import HeadersExchange
from tests.support.builders import table


def routes(arguments: Table, headers: Table) -> bool:
    exchange = HeadersExchange("h", "/")
    exchange.validate_binding(Binding("q", "", arguments))
    exchange.bind(Binding("q", "", arguments))
    return list(exchange.route("", headers)) == ["q"]


@pytest.mark.parametrize(
    ("arguments", "headers", "expected"),
    [
        (table(a=1, b=2), table(a=1, b=2, c=3), True),
        (table(a=1, b=2), table(a=1), False),
        (table(a=1, b=2, x_match="any"), table(b=2), True),
        (table(a=1, b=2, x_match="any"), table(b=3), False),
        (table(), table(a=1), True),  # all of nothing
        (table(x_match="any"), table(a=1), False),  # any of nothing
        (table(a=None), table(a="whatever"), True),  # void asks for presence
        (table(a=None), table(b=1), False),
        (table(x_a=1), table(), True),  # x- is left out
        (table(x_a=1, x_match="all-with-x"), table(), False),
        (table(x_a=1, x_match="all-with-x"), table(x_a=1), True),
        (table(x_a=1, x_match="any-with-x"), table(x_a=1), True),
        (table(x_a=1, x_match="any"), table(x_a=1), False),
        (table(a="1"), table(a=1), False),
        (table(a=True), table(a=1), False),  # true is no number
        (table(a=1), {"a": Field("d", 1.0)}, True),  # 1 == 1.0
        (table(a="x"), {"a": Field("x", b"x")}, True),
    ],
)
def test_when_headers_match(arguments: Table, headers: Table, expected: bool) -> None:
    assert routes(arguments, headers) is expected


@pytest.mark.parametrize(
    ("match", "text"),
    [
        (Field("S", "none"), 'Invalid x-match field value <<"none">>; expected all, any, '),
        (Field("I", 1), "Invalid x-match field type signedint (value 1); expected longstr"),
    ],
)
def test_an_x_match_nobody_knows_is_refused(match: Field, text: str) -> None:
    exchange = HeadersExchange("h", "/")
    with pytest.raises(PreconditionFailed) as caught:
        exchange.validate_binding(Binding("q", "", {"x-match": match}))
    assert caught.value.text.startswith(text)


def test_unbinding() -> None:
    exchange = HeadersExchange("h", "/")
    one, other = Binding("q1", "", table(a=1)), Binding("q2", "", table(a=1))
    exchange.bind(one)
    exchange.bind(other)
    exchange.unbind(one)
    assert list(exchange.route("", table(a=1))) == ["q2"]
