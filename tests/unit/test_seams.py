"""The null versions, and that what we test with keeps to the seams' promises."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck
from broker.commands import AddVhost, Command
from broker.seams import (
    Clock,
    Consumer,
    LocalReplicator,
    MessageLog,
    NullClock,
    NullLog,
    QueueLog,
    Replicator,
    Transport,
)
from tests.support.consumer import FakeConsumer
from tests.support.peer import World
from tests.support.seams import DelayedLog, DelayedReplicator, FakeClock
from tests.support.transport import FakeTransport


def test_a_node_without_a_disk_has_everything_safe_at_once() -> None:
    log: MessageLog = NullLog()
    peer = World(log=log).peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.wants_confirms(1)
    peer.publishes(1, "q", "x", delivery_mode=2)
    peer.receives(1, BasicAck(1))
    assert peer.world.queue("q").log is None
    assert log.number <= log.synced
    assert log.find_queue(1) is None
    assert not log.has_news
    assert not log.is_behind
    log.on_turn(0)
    with pytest.raises(NotImplementedError):
        log.open_queue(1, 1, is_durable=True)


def test_a_single_node_agrees_with_itself_at_once() -> None:
    applied: list[Command] = []
    results: list[object] = []

    def apply(command: Command) -> object:
        applied.append(command)
        if len(applied) == 2:
            raise ValueError("no")
        return "done"

    replicator: Replicator = LocalReplicator(apply)
    replicator.propose(AddVhost("a"), results.append)
    replicator.propose(AddVhost("b"), results.append)
    assert applied == [AddVhost("a"), AddVhost("b")]
    assert results[0] == "done"
    assert isinstance(results[1], ValueError)
    replicator.barrier(lambda: results.append("all is durable"))
    assert results[2] == "all is durable"


def test_nobody_calls_a_node_with_the_null_clock() -> None:
    clock: Clock = NullClock()
    clock.request_turn()
    assert (clock.now_ms(), clock.epoch_ms()) == (0, 0)


def test_the_seams_are_protocols_of_at_most_eight_methods() -> None:
    for seam in (Clock, Consumer, MessageLog, QueueLog, Replicator, Transport):
        methods = [name for name, entry in vars(seam).items() if callable(entry) and name[0] != "_"]
        assert 1 <= len(methods) <= 8, seam


def test_our_stand_ins_fit() -> None:
    """For mypy as much as for the reader."""
    consumer: Consumer = FakeConsumer()
    transport: Transport = FakeTransport()
    log: MessageLog = DelayedLog()
    replicator: Replicator = DelayedReplicator()
    clock: Clock = FakeClock()
    assert all((consumer, transport, log, replicator, clock))
