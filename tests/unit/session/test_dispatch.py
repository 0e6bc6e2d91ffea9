from __future__ import annotations

import pytest

from broker.amqp.methods import METHODS, BasicPublish, ChannelClose, ChannelCloseOk, ChannelOpen
from broker.session import connection  # noqa: F401 - importing enters the handlers
from broker.session.dispatch import HANDLERS, handles

# Those the connection itself takes part in, and those that only a broker sends.
ELSEWHERE = {ChannelOpen, ChannelClose, ChannelCloseOk, BasicPublish}


def test_every_method_a_peer_may_send_has_a_handler() -> None:
    sent_by_peers = {
        c
        for c in METHODS.values()
        if not c.name.endswith("-ok") or c.name in ("connection.start-ok", "connection.tune-ok")
    }
    only_brokers = {
        "connection.start",
        "connection.secure",
        "connection.tune",
        "connection.blocked",
        "connection.unblocked",
        "basic.return",
        "basic.deliver",
        "basic.get-empty",
        "basic.credit-drained",
    }
    expected = {c for c in sent_by_peers if c.name not in only_brokers} - ELSEWHERE
    assert set(HANDLERS) == expected


def test_a_method_has_one_handler() -> None:
    taken = next(iter(HANDLERS))
    with pytest.raises(AssertionError):
        handles(taken)(lambda *_: None)
