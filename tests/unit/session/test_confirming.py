"""Confirms: when, in what order, and of what was refused."""

from __future__ import annotations

import pytest

from broker.amqp.frames import METHOD
from broker.amqp.methods import (
    BasicAck,
    BasicNack,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    TxCommit,
    TxCommitOk,
    TxSelect,
    TxSelectOk,
)
from broker.store.commit_log import CommitLog
from tests.support.builders import frame, publish_frames, table
from tests.support.kept import bodies_of, reopened
from tests.support.peer import DelayedLog, Peer, World

# publish


def test_publishes_are_confirmed_in_one_go(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.wants_confirms(1)
    peer.publishes(1, "q", "1", "2", "3")
    peer.receives(1, BasicAck(3, multiple=True))
    peer.publishes(1, "q", "4")
    peer.receives(1, BasicAck(4))
    peer.publishes(1, "nowhere", "5")
    peer.receives(1, BasicAck(5))
    peer.receives_nothing()


def test_a_return_comes_before_its_confirm(peer: Peer) -> None:
    peer.wants_confirms(1)
    peer.publishes(1, "nowhere", "x", mandatory=True)
    assert isinstance(peer.takes_content(1).method, BasicReturn)
    peer.receives(1, BasicAck(1))


def test_confirms_are_counted_from_the_select(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", "1", "2", "3")
    peer.wants_confirms(1)
    peer.publishes(1, "q", "4")
    peer.receives(1, BasicAck(1))
    peer.wants_confirms(1)  # again: nothing new
    peer.publishes(1, "q", "5")
    peer.receives(1, BasicAck(2))


def test_what_was_published_before_a_close_is_confirmed_before_it(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.wants_confirms(1)
    close = frame(METHOD, 1, ChannelClose().encode())
    peer.sends_octets(publish_frames(1, "", "q", b"x") + close)
    peer.receives(1, BasicAck(1), ChannelCloseOk())


def test_a_refused_publish_is_not_confirmed_but_those_before_it_are(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.wants_confirms(1)
    peer.sends_octets(publish_frames(1, "", "q", b"x") + publish_frames(1, "nope", "q", b"y"))
    peer.receives(1, BasicAck(1))
    assert peer.takes(1, ChannelClose).reply_code == 404
    peer.receives_nothing(1)


@pytest.fixture
def kept() -> tuple[Peer, DelayedLog]:
    """A confirming peer of a node with a disk that takes its time; q is durable, t is not."""
    log = DelayedLog()
    peer = World(log=log).peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.declares(1, "t")
    peer.wants_confirms(1)
    return peer, log


def sync(peer: Peer, log: DelayedLog) -> None:
    log.sync()
    peer.world.settle()


def bodies_in(peer: Peer, log: CommitLog, queue: str) -> list[str]:
    """What a log has of a queue."""
    return bodies_of(log, peer.world.queue(queue).queue_id)


def test_a_confirm_waits_until_the_message_is_safe(kept: tuple[Peer, DelayedLog]) -> None:
    peer, log = kept
    peer.publishes(1, "q", "x", delivery_mode=2)
    peer.receives_nothing()
    sync(peer, log)
    peer.receives(1, BasicAck(1))


def test_confirms_come_in_order(kept: tuple[Peer, DelayedLog]) -> None:
    """What is safe at once waits for what was published before it."""
    peer, log = kept
    peer.publishes(1, "t", "1", delivery_mode=2)
    peer.receives(1, BasicAck(1))
    peer.publishes(1, "q", "2", delivery_mode=2)
    peer.publishes(1, "t", "3", delivery_mode=2)
    peer.publishes(1, "q", "4")
    peer.receives_nothing()
    batch = log.begin()
    peer.publishes(1, "q", "5", delivery_mode=2)
    peer.publishes(1, "t", "6")
    peer.receives_nothing()
    log.complete(batch)
    peer.world.settle()
    peer.receives(1, BasicAck(4, multiple=True))
    sync(peer, log)
    peer.receives(1, BasicAck(6, multiple=True))


def test_runs_of_messages_wait_as_well(kept: tuple[Peer, DelayedLog]) -> None:
    peer, log = kept
    peer.publishes(1, "q", *"abc", delivery_mode=2)
    batch = log.begin()
    peer.publishes(1, "q", *"def", delivery_mode=2)
    assert bodies_in(peer, log, "q") == list("abcdef")
    peer.receives_nothing()
    log.complete(batch)
    peer.world.settle()
    peer.receives(1, BasicAck(3, multiple=True))
    sync(peer, log)
    peer.receives(1, BasicAck(6, multiple=True))


def test_who_waits_for_the_log_says_so(kept: tuple[Peer, DelayedLog]) -> None:
    peer, log = kept
    peer.publishes(1, "t", "x", delivery_mode=2)
    peer.opens_channel(2)
    peer.publishes(2, "q", "x", delivery_mode=2)
    assert not log.is_urgent
    peer.publishes(1, "q", "x", delivery_mode=2)
    assert log.is_urgent


def test_what_is_kept(kept: tuple[Peer, DelayedLog]) -> None:
    """Persistent messages, for the durable queues among those they go to, confirmed or not; as
    long as there are such, for their sequence, transient ones as well, until the next start."""
    peer, log = kept
    peer.binds(1, "q", "amq.fanout")
    peer.binds(1, "t", "amq.fanout")
    peer.publishes(1, "", "both", exchange="amq.fanout", delivery_mode=2)
    peer.publishes(1, "", "transient", exchange="amq.fanout", delivery_mode=1)
    peer.publishes(1, "nowhere", "lost", delivery_mode=2)
    peer.opens_channel(2)
    peer.publishes(2, "q", "unconfirmed", delivery_mode=2)
    assert log.kept_count == 2
    assert bodies_in(peer, log, "q") == ["both", "transient", "unconfirmed"]
    assert bodies_in(peer, log, "t") == []
    log.sync()
    assert bodies_in(peer, reopened(log.disk), "q") == ["both", "unconfirmed"]


def test_a_channel_that_closed_meanwhile_hears_nothing(kept: tuple[Peer, DelayedLog]) -> None:
    peer, log = kept
    peer.publishes(1, "q", "x", delivery_mode=2)
    peer.sends(1, ChannelClose())
    peer.receives(1, ChannelCloseOk())
    sync(peer, log)
    peer.receives_nothing()
    assert peer.world.node.unsynced_channels == {}


def test_a_commit_waits_until_its_messages_are_safe() -> None:
    log = DelayedLog()
    peer = World(log=log).peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.sends(1, TxSelect())
    peer.receives(1, TxSelectOk())
    peer.publishes(1, "q", "x", delivery_mode=2)
    peer.sends(1, TxCommit())
    peer.receives_nothing()
    sync(peer, log)
    peer.receives(1, TxCommitOk())


# direct reply-to is in test_basic_methods.py


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_a_run_that_is_refused_in_part(fast_path: str) -> None:
    """Accepted ones are acked, those refused in a row have one nack, as RabbitMQ words it."""
    peer = World({"fast_path": fast_path}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q", table(x_max_length=5, x_overflow="reject-publish"))
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"ab")
    peer.receives(1, BasicAck(2, multiple=True))
    peer.publishes(1, "q", *"cdefgh")
    peer.receives(1, BasicAck(5, multiple=True), BasicNack(8, multiple=True, requeue=True))
    peer.publishes(1, "q", *"ijk")
    peer.receives(1, BasicNack(11, multiple=True, requeue=True))
    peer.publishes(1, "nowhere", "l")
    peer.receives(1, BasicAck(12, multiple=False))
    assert peer.world.queue("q").ready_count == 5


def test_a_refused_run_waits_for_the_accepted_to_be_safe() -> None:
    log = DelayedLog()
    peer = World(log=log).peer()
    peer.opens_channel(1)
    peer.declares(1, "q", table(x_max_length=3, x_overflow="reject-publish"), durable=True)
    peer.wants_confirms(1)
    peer.publishes(1, "q", *"aa", delivery_mode=2)
    peer.publishes(1, "q", *"bbb", delivery_mode=2)
    peer.receives_nothing()
    sync(peer, log)
    peer.receives(1, BasicAck(3, multiple=True), BasicNack(5, multiple=True, requeue=True))


# topic permissions
