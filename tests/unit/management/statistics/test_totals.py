"""Sums over a vhost, and over all of them."""

from __future__ import annotations

from broker.management.statistics.totals import Totals
from broker.session.channel import COUNTED


def counts(**some: int) -> tuple[int, ...]:
    return tuple(some.get(name, 0) for name in COUNTED)


def test_a_channel_is_added_and_taken_out_again() -> None:
    totals = Totals()
    totals.add_channel(counts(publish=3, get=1), 1)
    totals.add_channel(counts(publish=2), 1)
    assert (totals.channels, totals.counts) == (2, list(counts(publish=5, get=1)))
    totals.add_channel(counts(publish=3, get=1), -1)
    assert (totals.channels, totals.counts) == (1, list(counts(publish=2)))


def test_a_connection_is_added_and_taken_out_again() -> None:
    totals = Totals()
    totals.add_connection((10, 20), 1)
    totals.add_connection((1, 2), 1)
    totals.add_connection((10, 20), -1)
    assert (totals.connections, totals.octets) == (1, [1, 2])


def test_those_of_a_node() -> None:
    all_of_them = Totals()
    for number in (1, 2):
        totals = Totals()
        totals.add_channel(counts(deliver=number, get=number), 1)
        totals.add_retired(counts(deliver=10), (100, 0))
        totals.lengths[:] = [number, number, 0]
        totals.queues = number
        all_of_them.add(totals)
    assert (all_of_them.queues, all_of_them.lengths, all_of_them.octets) == (3, [3, 3, 0], [200, 0])
    assert all_of_them.messages[-1] == 26, "deliver_get"


def test_what_is_about_to_be_closed_has_no_contents() -> None:
    totals = Totals()
    totals.queues = totals.exchanges = totals.consumers = 5
    totals.lengths[:] = [1, 1, 0]
    totals.add_channel(counts(publish=1), 1)
    totals.forget_contents()
    assert (totals.queues, totals.exchanges, totals.consumers) == (0, 0, 0)
    assert totals.lengths == [0, 0, 0]
    assert totals.counts == list(counts(publish=1))
