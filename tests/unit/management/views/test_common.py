from __future__ import annotations

import pytest

from broker.management.request import Refusal
from broker.management.statistics.counted import OF_QUEUES
from broker.management.statistics.samples import SLOT_MS
from broker.management.views.common import IDLE_SLOTS, Lens, idle_since, timestamp
from tests.support.api import Api
from tests.support.peer import Peer, World


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def lens(api: Api, **query: object) -> Lens:
    given = {name: str(value) for name, value in query.items()}
    return Lens(api.node, api.management.collector, given)


def counts(**values: int) -> tuple[int, ...]:
    return tuple(values.get(name, 0) for name in OF_QUEUES)


NO_RATE = {"rate": 0.0}


def test_times_are_written_as_rabbitmq_writes_them() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000+00:00"
    assert timestamp(1_700_000_000_123) == "2023-11-14T22:13:20.123+00:00"


def test_statistics_may_not_be_wanted(api: Api) -> None:
    assert lens(api).has_stats
    assert not lens(api, disable_stats="true").has_stats
    assert lens(api, disable_stats="1").has_stats
    assert not lens(Api(World({"management.disable_stats": True}))).has_stats


def test_each_kind_of_chart_has_its_range(api: Api) -> None:
    found = lens(api, msg_rates_age=60, msg_rates_incr=5, lengths_age=10, lengths_incr=10)
    assert found.msg_rates is not None
    assert found.lengths is not None
    assert (len(found.msg_rates.times_ms), len(found.lengths.times_ms)) == (13, 2)
    assert found.data_rates is found.node_stats is None
    with pytest.raises(Refusal):
        lens(api, node_stats_age=60, node_stats_incr=0)


def test_charts_end_with_the_last_look(api: Api) -> None:
    """Up to the next one nothing would have grown: the newest rate would be 0."""
    slot = api.looks()
    api.world.clock.time_ms += SLOT_MS + 10
    wanted = lens(api, msg_rates_age=60, msg_rates_incr=5).msg_rates
    assert wanted is not None
    assert wanted.slots == list(range(slot, slot - 13, -1))
    api.looks()
    wanted = lens(api, msg_rates_age=60, msg_rates_incr=5).msg_rates
    assert wanted is not None
    assert wanted.slots[0] == slot + 1


def test_before_the_first_look_charts_end_now(api: Api) -> None:
    wanted = lens(api, msg_rates_age=60, msg_rates_incr=5).msg_rates
    assert wanted is not None
    assert wanted.slots[0] == api.world.clock.epoch_ms() // SLOT_MS


def test_of_what_was_published_and_of_what_was_taken_all_is_shown_or_nothing(api: Api) -> None:
    show = lens(api).message_stats
    taken = [name for name in OF_QUEUES if name != "publish"]
    assert show(OF_QUEUES, counts(), None) == {}
    assert show(OF_QUEUES, counts(publish=3), None) == {"publish": 3, "publish_details": NO_RATE}
    found = show(OF_QUEUES, counts(get_empty=1), None)
    assert list(found) == [key for name in taken for key in (name, f"{name}_details")]
    assert (found["get_empty"], found["ack"]) == (1, 0)


def test_some_are_always_shown(api: Api) -> None:
    names = ("publish", "ack", "disk_reads")
    show = lens(api).message_stats
    always = frozenset({"disk_reads"})
    assert show(names, (0, 0, 0), None, None, always) == {
        "disk_reads": 0,
        "disk_reads_details": NO_RATE,
    }
    assert set(show(names, (0, 1, 0), None, None, always)) == {
        "ack",
        "ack_details",
        "disk_reads",
        "disk_reads_details",
    }


def test_without_rates_there_are_no_message_stats() -> None:
    api = Api(World({"management.rates_mode": "none"}))
    show = lens(api).message_stats
    assert show(OF_QUEUES, counts(publish=3), None, None, frozenset({"publish"})) == {}


def test_what_has_not_changed_for_a_while_is_idle(api: Api, peer: Peer) -> None:
    peer.declares(1, "q")
    queue = peer.world.queue("q")
    assert not lens(api).is_idle(queue.samples)  # nobody knows yet
    peer.publishes(1, "q", "x")
    slot = api.looks()
    for _ in range(IDLE_SLOTS):
        assert not lens(api).is_idle(queue.samples)
        api.passes_slots()
    assert lens(api).is_idle(queue.samples)
    assert idle_since(queue.samples) == timestamp(slot * SLOT_MS)
