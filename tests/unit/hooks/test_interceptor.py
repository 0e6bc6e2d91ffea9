"""The message that interceptors see, and what they may make of it."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.hooks import DROP, InterceptedMessage, Interceptor
from tests.support.builders import header, table


def message(body: bytes = b"body", **properties: Any) -> InterceptedMessage:
    return InterceptedMessage(
        exchange="x",
        routing_key="key",
        header=header(len(body), **properties),
        body=body,
        vhost="/",
        user="guest",
        now_ms=5,
    )


def test_what_is_not_given_stays() -> None:
    came = message(priority=3, headers=table(a=1))
    left = came.changed(routing_key="other")
    assert (left.routing_key, left.body, left.exchange, left.user) == (
        "other",
        b"body",
        "x",
        "guest",
    )
    assert left.properties == came.properties
    assert came.routing_key == "key"


def test_headers_are_added_replaced_and_taken_away() -> None:
    came = message(headers=table(a=1, b=2))
    left = came.changed(headers={"a": "one", "b": None, "c": Field("l", 3), "d": None})
    assert left.headers == {"a": "one", "c": 3}
    assert left.properties.headers == {"a": Field("S", "one"), "c": Field("l", 3)}
    assert came.headers == {"a": 1, "b": 2}


def test_headers_where_there_were_none() -> None:
    assert message().headers == {}
    assert message().changed(headers={"a": True}).headers == {"a": True}


def test_properties_are_set_and_taken_away() -> None:
    left = message(priority=3, app_id="a").changed(priority=None, message_id="m")
    assert left.properties == Properties(app_id="a", message_id="m")


def test_another_body_changes_the_size_in_the_header() -> None:
    left = message().changed(body=b"a longer one")
    assert left.body == b"a longer one"
    assert left.header == header(12)


@pytest.mark.parametrize(
    "changes",
    [{"body": "text"}, {"colour": "red"}, {"headers": {"a": object()}}],
    ids=["body", "property", "header"],
)
def test_what_cannot_be_is_refused_where_it_is_written(changes: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        message().changed(**changes)


def test_a_property_that_does_not_fit_is_refused_where_it_is_written() -> None:
    with pytest.raises(ValueError, match="short string of 300"):
        message().changed(message_id="m" * 300)


def test_the_base_lets_everything_pass() -> None:
    assert Interceptor().on_publish(message()) is None
    assert Interceptor().on_deliver(message()) is None
    assert repr(DROP) == "DROP"
