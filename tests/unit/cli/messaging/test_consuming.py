"""What sub wants, made of its options."""

from __future__ import annotations

from typing import Any

import pytest

from broker.amqp.wire import Field
from broker.cli.messaging import sub
from broker.cli.messaging.consuming import Wanted, wanted_of
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.options import Given


def wanted(*arguments: str, **options: Any) -> Wanted:
    return wanted_of(Given(options, sub.OPTIONS), list(arguments))


def test_what_is_usual() -> None:
    usual = wanted("q")
    assert (usual.queue, usual.prefetch, usual.count, usual.idle_s) == ("q", 100, None, None)
    assert wanted(exchange="e").routing_keys == ("#",)
    assert wanted("q", idle="1.5").idle_s == 1.5


@pytest.mark.parametrize(
    ("options", "prefetch"),
    [
        ({"count": 7}, 7),
        ({"count": 700}, 100),
        ({"count": 700, "prefetch": 1000}, 700),
        ({"exec": "true", "parallel": 4}, 4),
        ({"exec": "true", "parallel": 4, "count": 2}, 2),
        ({"requeue": True}, 0),
        ({"requeue": True, "count": 70}, 70),
        ({"requeue": True, "count": 70_000}, 0),
    ],
)
def test_never_more_than_is_wanted_is_asked_for(options: dict[str, Any], prefetch: int) -> None:
    assert wanted("q", **options).prefetch == prefetch


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("first", Field("S", "first")),
        ("15", Field("l", 15)),
        ("@1700000000", Field("T", 1_700_000_000)),
        ("2h", Field("S", "2h")),
    ],
)
def test_where_a_stream_begins(text: str, field: Field) -> None:
    assert wanted("q", stream_offset=text).arguments == {"x-stream-offset": field}


@pytest.mark.parametrize("text", ["x", "-1", "@", "1x", "9" * 19])
def test_where_no_stream_begins(text: str) -> None:
    with pytest.raises(Failure, match="--stream-offset is first"):
        wanted("q", stream_offset=text)
