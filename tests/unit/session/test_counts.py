"""What a channel, a queue and an exchange count, whichever way messages took."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicNack,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    TxCommit,
    TxCommitOk,
    TxSelect,
    TxSelectOk,
)
from broker.hooks import DROP, InterceptedMessage, Interceptor
from broker.hooks.interceptor import Verdict
from broker.session.channel import COUNTED
from tests.support.peer import Peer


def counts(peer: Peer, channel: int = 1) -> dict[str, int]:
    """Those that are not 0."""
    found = zip(COUNTED, peer.connection.channels[channel].counts, strict=True)
    return {name: count for name, count in found if count}


def test_publishes_alike_and_not(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"aaaaa")
    peer.publishes(1, "q", "longer")
    assert counts(peer) == {"publish": 6}
    queue, exchange = peer.world.queue("q"), peer.world.vhost.exchanges[""]
    assert (queue.published, exchange.published, exchange.routed) == (6, 6, 6)


def test_what_leads_nowhere_is_dropped_or_returned(peer: Peer) -> None:
    peer.publishes(1, "nowhere", *"aaa")
    assert counts(peer) == {"publish": 3, "drop_unroutable": 3}
    peer.publishes(1, "nowhere", "a", "b", mandatory=True)
    assert counts(peer) == {"publish": 5, "drop_unroutable": 3, "return_unroutable": 2}


def test_confirms_do_not_count_nacks(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"abc")
    assert counts(peer) == {"publish": 3, "confirm": 3}


@pytest.mark.parametrize("no_ack", [True, False])
def test_deliveries(peer: Peer, no_ack: bool) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q", no_ack=no_ack)
    peer.publishes(1, "q", *"abcd")
    way = "deliver_no_ack" if no_ack else "deliver"
    assert counts(peer) == {"publish": 4, way: 4}
    queue = peer.world.queue("q")
    assert (queue.delivered, queue.delivered_no_ack) == (4, 4 if no_ack else 0)


def test_gets(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abc")
    peer.gets(1, "q", no_ack=True)
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    assert counts(peer) == {"publish": 3, "get": 2, "get_no_ack": 1, "get_empty": 1}
    queue = peer.world.queue("q")
    assert (queue.got, queue.got_no_ack, queue.get_empty, queue.delivered) == (2, 1, 1, 3)


def test_acks_are_neither_rejects_nor_requeues(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcdef")
    for _ in range(6):
        peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(2, multiple=True), BasicReject(3, requeue=False), BasicNack(4))
    assert counts(peer) == {"publish": 6, "get": 6, "ack": 2}
    peer.gets(1, "q", no_ack=False)
    assert counts(peer) == {"publish": 6, "get": 7, "ack": 2, "redeliver": 1}
    peer.sends(1, BasicAck(0, multiple=True))
    assert counts(peer)["ack"] == 5
    assert peer.world.queue("q").acked == 5


def test_acks_of_a_transaction_count_when_it_is_committed(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    for _ in range(2):
        peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(2, multiple=True))
    peer.publishes(1, "q", "c")
    assert counts(peer) == {"publish": 2, "get": 2}
    peer.sends(1, TxCommit())
    peer.receives(1, TxCommitOk())
    assert counts(peer) == {"publish": 3, "get": 2, "ack": 2}


def test_a_closed_channel_still_counts_in_its_vhost(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *"ab")
    peer.gets(1, "q", no_ack=False)
    peer.gets(1, "q", no_ack=False)
    peer.sends(1, BasicAck(1))
    peer.sends(1, ChannelClose(200, "bye"))
    peer.receives(1, ChannelCloseOk())
    retired = dict(zip(COUNTED, peer.world.vhost.retired, strict=True))
    assert {name: count for name, count in retired.items() if count} == {
        "publish": 2,
        "get": 2,
        "ack": 1,
    }


def test_a_connection_counts_its_octets(peer: Peer) -> None:
    connection = peer.connection
    received, sent = connection.received_octets, connection.sent_octets
    peer.declares(1, "q")
    assert connection.received_octets > received
    assert connection.sent_octets > sent
    received, sent = connection.received_octets, connection.sent_octets
    peer.drops()
    assert peer.world.vhost.retired_octets == [received, sent]


def test_churn(peer: Peer) -> None:
    usage, node = peer.world.node.usage, peer.world.node
    assert (usage.connections_opened, usage.channels_opened) == (1, 1)
    peer.declares(1, "q")
    peer.declares(1, "q")
    assert (usage.queues_declared, node.queues_created, node.queues_deleted) == (2, 1, 0)
    peer.drops()
    assert (usage.connections_closed, usage.channels_closed) == (1, 1)


class Dropping(Interceptor):
    """Lets nothing in."""

    def on_publish(self, message: InterceptedMessage) -> Verdict:
        return DROP


@pytest.mark.parametrize("confirms", [True, False])
def test_what_an_interceptor_drops_was_published(peer: Peer, confirms: bool) -> None:
    peer.world.node.taps.use([Dropping()])
    if confirms:
        peer.wants_confirms(1)
    peer.publishes(1, "q", *"abc")
    assert counts(peer) == {"publish": 3} | ({"confirm": 3} if confirms else {})
