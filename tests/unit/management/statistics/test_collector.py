from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker.amqp.methods import QueueDeclare
from broker.commands import DeleteVhost
from broker.management.statistics import collector as collector_module
from broker.management.statistics.collector import Collector
from broker.management.statistics.counted import (
    CHANNEL,
    CHURN,
    CONNECTION,
    EXCHANGE,
    OVERVIEW,
    QUEUE,
    VHOST,
)
from broker.management.statistics.samples import SLOT_MS
from tests.support.api import Api
from tests.support.peer import Peer, World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


@pytest.fixture
def collector(api: Api) -> Collector:
    return api.management.collector


def last(samples: Any) -> dict[str, float]:
    """The values that are not 0."""
    found = zip(samples.kind.names, samples.last, strict=True)
    return {name: value for name, value in found if value}


def rates(samples: Any, slot: int) -> dict[str, float]:
    found = ((name, samples.rate(name, slot)) for name in samples.kind.names)
    return {name: rate for name, rate in found if rate}


def works(peer: Peer) -> None:
    """4 messages: one is acked, one unacked, two are ready; another leads nowhere."""
    peer.declares(1, "q")
    peer.publishes(1, "q", *"abcd")
    peer.publishes(1, "nowhere", "e")
    peer.gets(1, "q", no_ack=True)
    peer.gets(1, "q", no_ack=False)


def test_a_look_notes_everything(api: Api, peer: Peer) -> None:
    works(peer)
    slot = api.looks()
    vhost, connection = peer.world.vhost, peer.connection
    objects = [
        (vhost.queues["q"].samples, QUEUE),
        (vhost.exchanges[""].samples, EXCHANGE),
        (connection.channels[1].samples, CHANNEL),
        (connection.samples, CONNECTION),
        (vhost.samples, VHOST),
        (api.management.collector.overview, OVERVIEW),
    ]
    for samples, kind in objects:
        assert samples.kind is kind
        assert (samples.changed, bool(last(samples))) == (slot, True)
    assert last(vhost.exchanges[""].samples) == {"publish_in": 5, "publish_out": 4}
    assert rates(vhost.exchanges[""].samples, slot) == {"publish_in": 1.0, "publish_out": 0.8}
    assert last(connection.samples) == {
        "recv_oct": connection.received_octets,
        "send_oct": connection.sent_octets,
    }
    messages = last(connection.channels[1].samples) | {
        "messages": 3,
        "messages_ready": 2,
        "messages_unacknowledged": 1,
    }
    assert last(vhost.samples) == messages | last(connection.samples)
    assert last(api.management.collector.overview) == messages | {
        "connection_created": 1,
        "channel_created": 1,
        "queue_declared": 1,
        "queue_created": 1,
    }


def test_an_exchange_through_which_nothing_went_has_no_samples(api: Api, peer: Peer) -> None:
    api.looks()
    assert peer.world.vhost.exchanges["amq.topic"].samples is None


def test_rates_are_those_of_the_last_slot(api: Api, peer: Peer) -> None:
    works(peer)
    api.passes_slots(2)
    peer.publishes(1, "q", *["x"] * 10)
    api.passes_slots()
    slot = api.management.collector.slot
    overview: Any = api.management.collector.overview
    for samples in (peer.world.queue("q").samples, peer.world.vhost.samples, overview):
        assert samples.rate("publish", slot) == 2.0
        assert samples.rate("messages_ready", slot) == 2.0
        assert samples.rate("get", slot) == 0.0


def test_a_look_without_a_slot_notes_nothing(api: Api, peer: Peer, collector: Collector) -> None:
    works(peer)
    for _ in collector.look(None):
        pass
    assert collector.of_vhost("/").messages[0] == 5
    assert collector.overview is None
    assert peer.world.queue("q").samples is peer.connection.samples is None


def test_the_slot_is_that_of_the_last_look_that_was_finished(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks in the middle of a look would be shown that nothing happens."""
    monkeypatch.setattr(collector_module, "SLICE", 1)
    works(peer)
    slot = api.looks()
    peer.publishes(1, "q", *"abcde")
    look = collector.look(slot + 1)
    for _ in look:
        assert collector.slot == slot
        assert peer.world.queue("q").samples.rate("publish", slot) == 0.8
    assert collector.slot == slot + 1
    assert peer.world.queue("q").samples.rate("publish", slot + 1) == 1.0


def test_a_vhost_that_is_deleted_meanwhile_leaves_only_what_was_done(
    api: Api, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector_module, "SLICE", 1)
    api.has_vhost("v")
    api.has_user("anna", vhosts=("v",))
    peer = api.world.peer(user="anna", password="anna", vhost="v")
    peer.opens_channel(1)
    works(peer)
    api.looks()
    assert (collector.of_node().lengths, collector.of_node().queues) == ([3, 2, 1], 1)
    look = collector.look(None)
    for _ in range(12):  # over the connection, the exchanges of "/" and the queue
        next(look)
    api.node.execute(DeleteVhost("v"))
    for _ in look:
        pass
    totals = collector.of_node()
    assert (totals.lengths, totals.queues, totals.consumers) == ([0, 0, 0], 0, 0)
    assert (totals.messages[0], totals.connections, totals.channels) == (5, 1, 1)
    assert collector.of_vhost("v").messages[0] == 0


def test_deleting_a_vhost_deletes_its_queues(api: Api, collector: Collector) -> None:
    api.has_vhost("v")
    api.has_user("anna", vhosts=("v",))
    peer = api.world.peer(user="anna", password="anna", vhost="v")
    peer.opens_channel(1)
    for name in "abc":
        peer.sends(1, QueueDeclare(queue=name))
    api.node.execute(DeleteVhost("v"))
    churn = dict(zip(CHURN, collector.churn(), strict=True))
    assert (churn["queue_created"], churn["queue_deleted"]) == (3, 3)


def test_queues_that_were_there_at_the_start_were_not_created(world: World) -> None:
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "before")
    collector = Collector(world.node)
    peer.declares(1, "after")
    churn = dict(zip(CHURN, collector.churn(), strict=True))
    assert (churn["queue_declared"], churn["queue_created"]) == (2, 1)


def test_after_a_reset_it_goes_on_from_what_is_there(api: Api, peer: Peer) -> None:
    """What was counted before must not look like traffic."""
    works(peer)
    before = api.looks()
    collector, queue = api.management.collector, peer.world.queue("q")
    collector.reset()
    api.passes_slots()
    slot = collector.slot
    objects: list[Any] = [
        queue,
        peer.world.vhost,
        peer.world.vhost.exchanges[""],
        peer.connection,
        peer.connection.channels[1],
    ]
    assert collector.overview is not None
    for samples in [collector.overview, *(one.samples for one in objects)]:
        gauges = samples.kind.names[samples.kind.counter_count :]
        assert set(rates(samples, slot)) <= set(gauges)
    assert queue.samples.history("messages", [slot, before]) == [3, 0]
    peer.publishes(1, "q", *"abcde")
    api.passes_slots()
    assert collector.overview.rate("publish", slot + 1) == 1.0
    assert collector.overview.history("publish", [slot + 1, slot]) == [10, 5]


def test_a_reset_before_the_first_look_finds_nothing_to_forget(
    collector: Collector, peer: Peer
) -> None:
    collector.reset()
    assert collector.overview is None


# when


class Moments:
    """Stands in for a loop's timers: what is to be called, and after how many seconds."""

    def __init__(self, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch):
        self.calls: list[tuple[float, Callable[[], object]]] = []
        self.cancelled = 0
        monkeypatch.setattr(loop, "call_later", self.call_later)

    def call_later(self, delay: float, callback: Callable[[], object]) -> Moments:
        self.calls.append((delay, callback))
        return self

    def cancel(self) -> None:
        self.cancelled += 1


async def some_rounds() -> None:
    """As many as a look at a small node takes, and more."""
    for _ in range(100):
        await asyncio.sleep(0)


def test_it_looks_at_the_beginning_of_each_slot(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    works(peer)

    async def slots() -> None:
        moments = Moments(asyncio.get_running_loop(), monkeypatch)
        clock = api.world.clock
        first = clock.epoch_ms() // SLOT_MS
        clock.time_ms += 1_500
        collector.start()
        assert collector.slot == first
        for slot in (first + 1, first + 2):
            delay, begins = moments.calls.pop()
            assert delay * 1000 == pytest.approx(SLOT_MS - clock.time_ms % SLOT_MS + 1)
            clock.time_ms += round(delay * 1000)
            begins()
            await some_rounds()
            assert collector.slot == slot
        collector.stop()
        assert (len(moments.calls), moments.cancelled) == (1, 1)

    asyncio.run(slots())
    assert collector.overview is not None
    assert collector.overview.last[0] == 5


def test_a_look_that_fails_is_not_the_last(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(slot: int) -> None:
        raise ValueError(slot)

    async def slots() -> None:
        moments = Moments(asyncio.get_running_loop(), monkeypatch)
        collector.start()
        for _ in range(2):
            _, begins = moments.calls.pop()
            begins()
            await some_rounds()

    collector.when_noted = fails
    asyncio.run(slots())
    assert api.node.bug_count == 2


def test_stopping_in_the_middle_of_a_look_ends_it(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector_module, "SLICE", 1)
    works(peer)

    async def half_a_look() -> None:
        moments = Moments(asyncio.get_running_loop(), monkeypatch)
        collector.start()
        moments.calls.pop()[1]()
        await asyncio.sleep(0)
        collector.stop()
        await some_rounds()
        assert moments.calls == []

    asyncio.run(half_a_look())
    assert collector.overview is None


def test_with_collection_switched_off_nothing_starts(world: World) -> None:
    collector = Collector(world.node, is_on=False)
    collector.start()  # there is not even a loop
    collector.stop()
    assert collector.slot == 0


def test_sums_for_somebody_who_asks_are_a_second_old_at_most(
    api: Api, peer: Peer, collector: Collector
) -> None:
    def published() -> int:
        return api.runs(collector.totals()).messages[0]

    works(peer)
    assert published() == 5
    peer.publishes(1, "q", "x")
    assert published() == 5
    api.world.clock.time_ms += 1_000
    assert published() == 6


def test_those_who_ask_at_once_share_a_look(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector_module, "SLICE", 1)
    works(peer)
    looks: list[int | None] = []
    look = collector.look

    def counted_look(slot: int | None) -> Iterator[None]:
        looks.append(slot)
        return look(slot)

    monkeypatch.setattr(collector, "look", counted_look)

    async def both() -> None:
        found = await asyncio.gather(collector.totals(), collector.totals())
        assert found[0] is found[1]
        assert found[0].messages[0] == 5

    asyncio.run(both())
    assert looks == [None]


def test_who_asks_and_goes_leaves_the_others_their_sums(
    api: Api, peer: Peer, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collector_module, "SLICE", 1)
    works(peer)

    async def goes(first: bool) -> None:
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(collector.totals()) for _ in range(2)]
        await asyncio.sleep(0)
        tasks[0 if first else 1].cancel()
        assert (await tasks[1 if first else 0]).messages[0] == 5

    asyncio.run(goes(first=True))
    api.world.clock.time_ms += 1_000
    asyncio.run(goes(first=False))
