from __future__ import annotations

from broker.management.statistics.counted import OF_CHANNELS
from broker.management.statistics.totals import Totals
from broker.session.channel import COUNTED


def counts(**values: int) -> tuple[int, ...]:
    return tuple(values.get(name, 0) for name in COUNTED)


def shown(totals: Totals) -> dict[str, int]:
    """Those that are not 0."""
    found = zip(OF_CHANNELS, totals.messages, strict=True)
    return {name: count for name, count in found if count}


def test_channels_and_connections_are_added_and_taken_out_again() -> None:
    totals = Totals()
    totals.add_connection((100, 10), 1)
    totals.add_connection((5, 5), 1)
    totals.add_channel(counts(publish=5, get=2, deliver=1), 1)
    totals.add_channel(counts(publish=1), 1)
    assert shown(totals) == {"publish": 6, "get": 2, "deliver": 1, "deliver_get": 3}
    assert (totals.channels, totals.connections, totals.octets) == (2, 2, [105, 15])
    totals.add_channel(counts(publish=5, get=2, deliver=1), -1)
    totals.add_connection((5, 5), -1)
    assert shown(totals) == {"publish": 1}
    assert (totals.channels, totals.connections, totals.octets) == (1, 1, [100, 10])


def test_what_is_no_more_has_still_counted() -> None:
    totals = Totals()
    totals.add_retired((), (3, 4))
    totals.add_retired(counts(ack=7), (0, 1))
    assert (shown(totals), totals.octets, totals.channels) == ({"ack": 7}, [3, 5], 0)


def some() -> Totals:
    totals = Totals()
    totals.add_channel(counts(publish=1), 1)
    totals.add_connection((1, 2), 1)
    totals.lengths = [3, 2, 1]
    totals.queues, totals.exchanges, totals.consumers = 4, 5, 6
    return totals


def test_totals_add_up() -> None:
    totals = some()
    totals.add(some())
    assert (shown(totals), totals.octets, totals.lengths) == ({"publish": 2}, [2, 4], [6, 4, 2])
    assert (totals.queues, totals.exchanges, totals.consumers) == (8, 10, 12)
    assert (totals.connections, totals.channels) == (2, 2)


def test_a_vhost_that_is_deleted_leaves_what_was_done_in_it() -> None:
    totals = some()
    totals.forget_contents()
    assert (totals.lengths, totals.queues, totals.exchanges, totals.consumers) == ([0] * 3, 0, 0, 0)
    assert (shown(totals), totals.octets, totals.connections) == ({"publish": 1}, [1, 2], 1)
