"""Failures and their exit codes."""

from __future__ import annotations

import pytest

from broker.cli.messaging.exits import closed_by_broker, usage


@pytest.mark.parametrize(
    ("reply_code", "text", "code"),
    [
        (403, "ACCESS_REFUSED - no", 77),
        (404, "NOT_FOUND - no queue", 65),
        (320, "CONNECTION_FORCED", 69),
        (530, "NOT_ALLOWED - access to vhost 'v' refused", 77),
        (530, "NOT_ALLOWED - vhost v not found", 65),
        (541, "INTERNAL_ERROR", 70),
    ],
)
def test_what_the_broker_says_has_a_code(reply_code: int, text: str, code: int) -> None:
    failure = closed_by_broker("channel", reply_code, text)
    assert str(failure) == f"the broker closed the channel: {reply_code} {text}"
    assert (failure.code, failure.is_lost) == (code, reply_code == 320)


def test_wrong_usage() -> None:
    assert usage("no").code == 64
