"""Messages go from one queue to others. tests/property/test_moving.py does it at random."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from broker.management.lane import Breath
from broker.management.operations import moving
from broker.management.operations.moving import (
    Goal,
    Mover,
    Stays,
    check_alarms,
    cursor_of,
    read_cursor,
    readdressed,
    to_queue,
)
from broker.management.operations.walking import Waiting
from broker.management.request import Refusal
from broker.message import Envelope
from broker.session.access import Pending, Suspended
from tests.support.api import Api
from tests.support.builders import header, table
from tests.support.kept import KeptWorld
from tests.support.peer import Peer


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def peer(api: Api) -> Peer:
    return with_queues(api)


def with_queues(api: Api, **arguments: object) -> Peer:
    peer = api.world.peer()
    peer.opens_channel(1)
    peer.declares(1, "q", table(**arguments), durable=True)
    peer.declares(1, "to", durable=True)
    peer.publishes(1, "q", *"abcdefgh", delivery_mode=2)
    return peer


def mover(api: Api, plan: Any = None, **how: Any) -> Mover:
    plan = plan or to_queue(api.world.queue("to"))
    return Mover(api.world.queue("q"), api.node, plan, Breath(api.management.lane), **how)


def bodies(peer: Peer, name: str) -> str:
    found = ""
    while (content := peer.gets(1, name)) is not None:
        found += content.body.decode()
    return found


@pytest.mark.parametrize("most", [1, 3, 8, 100])
@pytest.mark.parametrize("arguments", [{}, {"x_max_priority": 3}, {"x_message_ttl": 10**6}])
def test_all_in_order_so_many_at_a_time(api: Api, most: int, arguments: dict[str, object]) -> None:
    peer = with_queues(api, **arguments)
    one = mover(api)
    api.runs(one.move_all(most, stops=True))
    moved = min(most, 8)
    assert (one.moved, one.left, one.failed) == (moved, 8 - moved, [])
    assert bodies(peer, "to") == "abcdefgh"[:moved]
    assert bodies(peer, "q") == "abcdefgh"[moved:]


def test_it_ends_when_time_is_up_but_not_before_it_has_begun(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "MOVE_S", -1)
    monkeypatch.setattr(moving, "CHUNK", 2)
    one = mover(api)
    api.runs(one.move_all(100, stops=True))
    assert (one.moved, one.left) == (2, 6)
    some = mover(api)
    assert api.runs(some.move_some([3, 4])) == 1


def test_what_comes_meanwhile_is_left_alone(api: Api, peer: Peer) -> None:
    one = mover(api)
    peer.publishes(1, "q", *"xyz")
    api.runs(one.move_all(5, stops=True))
    assert (one.moved, one.left) == (5, 3)
    behind, until_seq = read_cursor(cursor_of(one))
    other = mover(api, behind=behind, until_seq=until_seq)
    api.runs(other.move_all(100, stops=True))
    assert (other.moved, other.left, cursor_of(other)) == (3, 0, None)
    assert bodies(peer, "q") == "xyz"


def test_cursors_that_are_none() -> None:
    assert read_cursor(None) == (None, None)
    for made_up in ("x", "1", "1.2.3", 5, [], "1.x"):
        with pytest.raises(Refusal):
            read_cursor(made_up)


def test_it_stops_at_one_that_stays(api: Api, peer: Peer) -> None:
    straight = to_queue(api.world.queue("to"))

    def plan(one: Waiting) -> Goal:
        if one.body == b"c":
            raise Stays("no")
        return straight(one)

    one = mover(api, plan)
    api.runs(one.move_all(100, stops=True))
    assert one.failed == [{"sequence": 3, "reason": "no"}]
    assert (one.moved, one.left) == (2, 6)
    other = mover(api, plan)
    api.runs(other.move_all(100, stops=False))
    assert (other.moved, other.left, len(other.failed)) == (5, 0, 1)
    assert bodies(peer, "to") == "abdefgh"
    assert bodies(peer, "q") == "c"


def test_an_answer_is_waited_for_before_anything_is_done(api: Api, peer: Peer) -> None:
    straight = to_queue(api.world.queue("to"))
    pending = Pending()
    asked: list[bytes] = []

    def plan(one: Waiting) -> Goal:
        asked.append(one.body)
        if asked.count(one.body) == 1 and one.body in b"ce":
            asyncio.get_running_loop().call_soon(pending.on_answer)
            raise Suspended(pending)
        return straight(one)

    one = mover(api, plan)
    api.runs(one.move_all(100, stops=True))
    assert one.moved == 8
    assert bodies(peer, "to") == "abcdefgh"
    assert b"".join(asked) == b"abccdeefgh"
    asked.clear()
    peer.publishes(1, "q", "e")
    some = mover(api, plan)
    assert api.runs(some.move_some([9])) == 1
    assert bodies(peer, "to") == "e"


def test_who_consumes_meanwhile_gets_each_message_once(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "CHUNK", 2)
    for _ in range(3):
        peer.gets(1, "q", no_ack=False)
    got: list[bytes] = []

    async def consume(one: Mover) -> None:
        task = asyncio.get_running_loop().create_task(one.move_all(100, stops=True))
        while not task.done():
            await asyncio.sleep(0)
            found = peer.gets(1, "q")
            if found is not None:
                got.append(found.body)
        await task

    one = mover(api)
    api.runs(consume(one))
    assert one.moved + len(got) == 5
    assert sorted(b"".join(got).decode() + bodies(peer, "to")) == list("defgh")


def test_messages_far_from_the_head_are_come_near_in_steps(
    api: Api, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "SPILL", 2)
    some = mover(api)
    assert api.runs(some.move_some([7, 2, 7, 99])) == 4
    assert some.moved == 2
    assert [one["sequence"] for one in some.failed] == [7, 99]
    assert bodies(peer, "to") == "gb"
    assert bodies(peer, "q") == "acdefh"


def test_nothing_of_a_queue_that_is_gone(api: Api, peer: Peer) -> None:
    one = mover(api)
    some = mover(api)
    api.world.vhost.delete_queue("q")
    api.runs(one.move_all(100, stops=True))
    api.runs(some.move_some([1]))
    assert (one.moved, one.left, some.moved, len(some.failed)) == (0, 0, 0, 1)


def test_a_target_that_is_gone(api: Api, peer: Peer) -> None:
    one = mover(api)
    api.world.vhost.delete_queue("to")
    api.runs(one.move_all(100, stops=True))
    assert one.failed == [{"sequence": 1, "reason": "queue 'to' was deleted"}]
    assert bodies(peer, "q") == "abcdefgh"


def test_a_copy_expires_like_any_message_that_comes(api: Api, peer: Peer) -> None:
    peer.publishes(1, "q", "x", expiration="1000", headers=table(a=1))
    one = mover(api)
    api.runs(one.move_all(100, stops=True))
    assert one.moved == 9
    shown = api.gets("/queues/%2f/to/messages")["items"]
    assert shown[-1]["properties"] == {"expiration": "1000", "headers": {"a": 1}}
    assert (shown[-1]["exchange"], shown[-1]["routing_key"]) == ("", "to")
    for _ in range(8):
        peer.gets(1, "to")
    api.world.passes(1500)
    assert api.world.queue("to").ready_count == 0


def test_addresses() -> None:
    octets = header(3, message_id="m")
    copy = readdressed(Envelope("a", "b", octets), "x", "y", octets)
    assert (copy.exchange, copy.routing_key, copy.header, copy.ttl_ms) == ("x", "y", octets, None)
    with pytest.raises(Stays):
        readdressed(copy, "", "k" * 256, octets)


def test_publishers_that_are_blocked_move_nothing(api: Api) -> None:
    check_alarms(api.node)
    api.node.set_alarm("disk")
    with pytest.raises(Refusal) as refused:
        check_alarms(api.node)
    assert refused.value.status == 503


def test_the_answer_waits_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    world = KeptWorld()
    api = Api(world)
    with_queues(api)
    world.commits()
    one = mover(api)

    async def run() -> bool:
        loop = asyncio.get_running_loop()
        await one.move_all(100, stops=True)
        waiting = loop.create_task(one.committed())
        for _ in range(20):
            await asyncio.sleep(0.001)
        was_done = waiting.done()
        world.commits()
        await waiting
        return was_done

    assert api.runs(run()) is False
    assert world.log.is_urgent is False
    assert world.bodies_on_disk("to") == list("abcdefgh")
    assert world.bodies_on_disk("q") == []
    api.runs(one.committed())  # there is nothing to wait for
    monkeypatch.setattr(moving, "COMMIT_S", 0.0)
    with_more = mover(api, to_queue(world.queue("q")))
    world.queue("q").push(world.queue("to").ready[0])
    with pytest.raises(Refusal) as refused:
        api.runs(with_more.committed())
    assert refused.value.status == 503


@pytest.mark.parametrize("commits", [True, False])
def test_a_crash_in_the_midst_finds_each_message_once(commits: bool) -> None:
    world = KeptWorld(queue_memory=400)
    api = Api(world)
    with_queues(api)
    world.commits()
    one = mover(api)
    api.runs(one.move_all(5, stops=True))
    if commits:
        world.commits()
    world = world.crashes()
    moved = 5 if commits else 0
    api = Api(world)
    found = [
        "".join(item["payload"] for item in api.gets(f"/queues/%2f/{name}/messages")["items"])
        for name in ("to", "q")
    ]
    assert found == ["abcdefgh"[:moved], "abcdefgh"[moved:]]
