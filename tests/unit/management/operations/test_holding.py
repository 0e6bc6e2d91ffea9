"""Who holds the messages of a queue."""

from __future__ import annotations

import pytest

from broker.amqp.methods import BasicAck, BasicGet, BasicQos, BasicQosOk, TxCommit, TxSelect
from broker.management.lane import Breath
from broker.management.operations import holding
from broker.management.operations.holding import BEGINNING, Place, held_of
from tests.support.api import Api
from tests.support.peer import Peer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1, 2)
    peer.declares(1, "q")
    peer.declares(1, "other")
    peer.publishes(1, "q", *"abcdef")
    peer.publishes(1, "other", "x")
    return peer


def held(api: Api, after: Place = BEGINNING, name: str = "q") -> list[tuple[int, int, str, str]]:
    """Channel, tag, consumer and body of each."""

    async def run() -> list[tuple[int, int, str, str]]:
        breath = Breath(api.management.lane)
        return [
            (
                one.place.channel,
                one.place.tag,
                one.entry[0].tag if one.entry[0] is not None else "",
                one.entry[3].body.decode(),
            )
            async for one in held_of(api.world.queue(name), api.node, after, breath)
        ]

    return api.runs(run())


def test_consumers_and_those_who_fetch(api: Api, peer: Peer) -> None:
    peer.sends(2, BasicGet(queue="q"), BasicGet(queue="other"))
    peer.sends(1, BasicQos(prefetch_count=2))
    peer.receives(1, BasicQosOk())
    peer.consumes(1, "q", "c")
    peer.sends(2, BasicGet(queue="q"))
    found = held(api)
    assert found == [(1, 1, "c", "b"), (1, 2, "c", "c"), (2, 1, "", "a"), (2, 3, "", "d")]
    assert held(api, name="other") == [(2, 2, "", "x")]
    number = peer.connection.connection_id
    for count, one in enumerate(found, 1):
        assert held(api, Place(number, one[0], one[1])) == found[count:]
    assert held(api, Place(number + 1, -1, -1)) == []
    peer.drops()
    assert held(api) == []


def test_a_transaction_holds_what_it_has_acked_until_it_is_committed(api: Api, peer: Peer) -> None:
    peer.sends(2, TxSelect(), *[BasicGet(queue="q")] * 3)
    peer.sends(2, BasicAck(2))
    assert [one[1] for one in held(api)] == [1, 2, 3]
    peer.sends(2, TxCommit())
    assert [one[1] for one in held(api)] == [1, 3]


@pytest.mark.parametrize("most", [1, 2, 500])
def test_tags_far_between(api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(holding, "TAGS_MAX", most)
    peer.publishes(1, "q", *["y"] * 60)
    peer.sends(2, *[BasicGet(queue="q")] * 66)
    kept = [1, 40, 41, 42, 66]
    for tag in range(1, 67):
        if tag not in kept:
            peer.sends(2, BasicAck(tag))
    assert [one[1] for one in held(api)] == kept
    number = peer.connection.connection_id
    assert [one[1] for one in held(api, Place(number, 2, 40))] == [41, 42, 66]


def test_a_place_as_text() -> None:
    assert Place(3, 2, 1).text() == "3.2.1"
