"""Properties from options and JSON."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.content import Properties
from broker.amqp.wire import Field
from broker.cli.messaging import properties
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given
from broker.cli.messaging.values import ValueProblem


def of(**options: Any) -> Properties:
    return properties.of_options(Given(options, properties.OPTIONS))


def test_all_that_can_be_said_on_the_command_line() -> None:
    made = of(
        property=["content-type=text/plain", "timestamp=5", "app_id=me"],
        header=["a=b", "n:int=1"],
        persistent=True,
        expiration="100",
        priority=3,
    )
    assert made == Properties(
        content_type="text/plain",
        timestamp=5,
        app_id="me",
        headers={"a": Field("S", "b"), "n": Field("I", 1)},
        delivery_mode=2,
        expiration="100",
        priority=3,
    )
    assert of() == Properties()


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"property": ["nope=1"]}, "there is no property 'nope'"),
        ({"property": ["headers=1"]}, "there is no property 'headers'"),
        ({"property": ["x"]}, "name=value"),
        ({"property": ["priority=256"]}, "0 to 255"),
        ({"property": ["timestamp=now"]}, "timestamp"),
        ({"property": ["app_id=" + "x" * 256]}, "255 octets"),
        ({"expiration": "soon"}, "milliseconds"),
        ({"header": ["x"]}, "a header is"),
    ],
)
def test_what_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(Failure, match=text) as caught:
        of(**options)
    assert caught.value.code == 64


def test_json_and_back() -> None:
    made = Properties(priority=1, expiration="whatever", headers={"a": Field("T", 1)}, type="t")
    present, headers = properties.json_of(made)
    assert properties.of_json(present, headers) == made
    assert properties.of_json({"headers": {"a": "b"}, "type": None}, None) == Properties(
        headers={"a": Field("S", "b")}
    )
    assert properties.json_of(Properties(headers={})) == ({}, {})


@pytest.mark.parametrize("values", [{"type": 5}, {"priority": "x"}, {"priority": True}, {"x": 1}])
def test_json_that_is_no_property(values: dict[str, Any]) -> None:
    with pytest.raises(ValueProblem):
        properties.of_json(values, None)


def test_what_is_chosen_counts_more_and_headers_are_merged() -> None:
    line = Properties(type="a", app_id="b", headers={"x": Field("I", 1), "y": Field("I", 2)})
    chosen = Properties(type="c", headers={"y": Field("I", 3)})
    assert properties.over(line, chosen) == Properties(
        type="c", app_id="b", headers={"x": Field("I", 1), "y": Field("I", 3)}
    )
    assert properties.over(Properties(), Properties()).headers is None
