"""Turns, alarms of memory, what a node does for its queues. Definitions: test_definitions.py."""

from __future__ import annotations

import logging
from collections.abc import Callable

import pytest

from broker.amqp.errors import NotAllowed, NotFound
from broker.amqp.frames import PROTOCOL_HEADER
from broker.amqp.methods import ConnectionClose, ConnectionCloseOk, ConnectionStart
from broker.auth.passwords import DEFAULT_ALGORITHM, hash_password
from broker.commands import (
    AddVhost,
    Bind,
    DeclareQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
)
from broker.config import Config, override
from broker.node import QUEUE_MEMORY_MIN, Node
from broker.queues.kept_messages import MESSAGE_OCTETS, KeptMessages
from broker.queues.queue import Queue
from broker.session.connection import Connection
from broker.store.commit_log import BEHIND_OCTETS
from tests.support.kept import KeptPeer, KeptWorld
from tests.support.peer import Peer, World


@pytest.fixture(autouse=True)
def envelopes_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that numbers are round: a message takes its body and MESSAGE_OCTETS."""
    monkeypatch.setattr(
        KeptMessages, "_memory_of", lambda _, message: len(message.body) + MESSAGE_OCTETS
    )


def test_a_new_node_has_its_defaults() -> None:
    config = override(Config(), "default_user", "alice")
    node = Node(override(config, "default_vhost", "home"), name="rabbit@here")
    node.make_defaults()
    assert list(node.vhosts) == ["home"]
    user = node.users["alice"]
    assert user.has_password(b"guest")
    assert user.tags == ("administrator",)
    assert user.permissions["home"].allows("write", "anything")
    assert (node.name, node.cluster_name) == ("rabbit@here", "rabbit@here")


def test_a_node_may_be_named_and_may_start_without_a_user() -> None:
    config = override(Config(), "node_name", "rabbit@there")
    config = override(override(config, "cluster_name", "c"), "default_user", "")
    node = Node(config, name="rabbit@here")
    node.make_defaults()
    assert (node.name, node.cluster_name, node.users) == ("rabbit@there", "c", {})


def test_a_change_that_cannot_be_made_is_told_to_whoever_waits(world: World) -> None:
    results: list[object] = []
    world.node.execute(Bind("/", "nope", "queue", "q", ""), results.append)
    assert isinstance(results[0], NotFound)
    world.node.execute(DeclareQueue("/", "q"), results.append)
    assert isinstance(results[1], Queue)
    with pytest.raises(NotFound):  # without somebody who waits it is a bug
        world.node.execute(Bind("/", "nope", "queue", "q", ""))
    with pytest.raises(NotAllowed, match="vhost nope not found"):
        world.node.execute(DeclareQueue("nope", "q"))


def test_every_connection_has_a_number_of_its_own(world: World) -> None:
    numbers = [world.node.next_connection_id() for _ in range(3)]
    assert len(set(numbers)) == 3
    assert 0 not in numbers  # which means: not exclusive


def test_a_turn_is_asked_for_once(world: World) -> None:
    world.turn()
    world.clock.requests = 0
    world.node.request_turn()
    world.node.request_turn()
    assert world.clock.requests == 1
    world.turn()
    world.node.request_turn()
    assert world.clock.requests == 2


def test_a_turn_pumps_what_changed_and_flushes_who_has_output(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.consumes(1, "q")
    writes = len(peer.transport.write_sizes)
    peer.publishes(1, "q", "a", "b", "c", settle=False)
    assert len(peer.transport.write_sizes) == writes
    peer.world.settle()
    assert len(peer.transport.write_sizes) == writes + 1
    peer.receives_bodies(1, "a", "b", "c")


def test_a_turn_with_nothing_to_do_asks_for_no_other(world: World) -> None:
    world.turn()
    assert not world.clock.is_due


def test_a_bug_in_one_queue_or_peer_does_not_cost_the_others_their_turn(
    peer: Peer, other: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    peer.declares(1, "bad")
    peer.declares(1, "good")
    peer.consumes(1, "bad", "b")
    peer.consumes(1, "good", "g")
    bad, pump = peer.world.queue("bad"), Queue.pump

    def broken(queue: Queue) -> None:
        if queue is bad:
            raise ZeroDivisionError("in pump")
        pump(queue)

    monkeypatch.setattr(Queue, "pump", broken)
    monkeypatch.setattr(
        type(peer.connection), "flush", _breaking(type(peer.connection).flush, peer.connection)
    )
    with caplog.at_level(logging.ERROR):
        other.publishes(1, "bad", "x", settle=False)
        other.publishes(1, "good", "y", settle=False)
        other.declares(1, "third")
    assert peer.world.node.bug_count == 2
    assert peer.transport.is_aborted
    assert "ZeroDivisionError" in caplog.text


class Asking:
    """A channel that wants to know when the queues have been pumped."""

    number = 1

    def __init__(self, *, is_broken: bool = False):
        self.is_broken = is_broken
        self.calls = 0

    def on_pumped(self) -> None:
        self.calls += 1
        if self.is_broken:
            raise ZeroDivisionError("on_pumped")


def test_who_asks_is_told_once_that_the_queues_have_been_pumped(world: World) -> None:
    node, broken, asking = world.node, Asking(is_broken=True), Asking()
    node.when_pumped |= {broken: None, asking: None}
    world.turn()
    world.turn()
    assert (broken.calls, asking.calls) == (1, 1)
    assert node.bug_count == 1  # which did not cost the other its turn


def _breaking(
    flush: Callable[[Connection], None], whose: Connection
) -> Callable[[Connection], None]:
    def broken(connection: Connection) -> None:
        if connection is whose:
            raise ZeroDivisionError("in flush")
        flush(connection)

    return broken


def test_the_log_syncing_without_anybody_waiting_is_fine(world: World) -> None:
    world.node.on_log_synced()
    world.settle()


# what queues may hold in memory

KIB = 1024
BODY = "x" * (KIB - MESSAGE_OCTETS)  # so that a message takes a KiB


def sharing(node_kib: int, queue_kib: int = 10_000) -> KeptPeer:
    """A peer of a node with such budgets for all queues and for each."""
    settings: dict[str, object] = {
        "store.node_memory": node_kib * KIB,
        "store.queue_memory": queue_kib * KIB,
    }
    return KeptPeer(KeptWorld(queue_memory=queue_kib * KIB, settings=settings))


def fill(kept: KeptPeer, *names: str, kib: int, **arguments: object) -> None:
    """Queues that hold so much in memory each. arguments: they are declared with."""
    for name in names:
        kept.declares(name, **arguments)
        kept.publishes(*[BODY] * kib, to=name, persistent=False)
        assert kept.in_memory(name) == kib


def test_below_the_budget_everything_stays_in_memory() -> None:
    kept = sharing(300)
    fill(kept, "q", "r", kib=150)
    kept.world.passes(500)
    assert [kept.in_memory(name) for name in "qr"] == [150, 150]
    assert kept.world.log.queue_memory == 10_000 * KIB


def test_above_the_budget_large_queues_have_half_of_it_together() -> None:
    """So that it takes a while until it is used up again."""
    kept = sharing(800)
    fill(kept, "q", "r", kib=500)
    fill(kept, "small", kib=60)
    kept.world.passes(500)
    assert [kept.in_memory(name) for name in "qr"] == [200, 200]
    assert [kept.has(name) for name in "qr"] == [500, 500]
    assert kept.in_memory("small") == 60
    assert kept.world.log.queue_memory == 200 * KIB
    fill(kept, "new", kib=201)
    kept.publishes(BODY, to="new", persistent=False)
    assert (kept.in_memory("new"), kept.has("new")) == (201, 202)
    kept.commits()
    assert kept.takes("q") == [BODY] * 500


def test_a_share_has_a_lower_bound() -> None:
    """Paging single messages would cost more than they do."""
    kept = sharing(100)
    fill(kept, "q", "r", "s", kib=80)
    kept.world.passes(500)
    share = QUEUE_MEMORY_MIN // KIB
    assert [kept.in_memory(name) for name in "qrs"] == [share] * 3
    assert kept.world.log.queue_memory == QUEUE_MEMORY_MIN


def test_many_small_queues_count_for_nothing() -> None:
    kept = sharing(100)
    fill(kept, *"abcdefghij", kib=QUEUE_MEMORY_MIN // KIB)
    kept.world.passes(500)
    assert kept.has("a") == kept.in_memory("a")
    assert kept.world.log.queue_memory == 10_000 * KIB


def test_a_share_is_never_more_than_a_queue_may_have() -> None:
    kept = sharing(300, queue_kib=100)
    for name in "qrs":
        fill(kept, name, kib=102)
    kept.world.passes(500)
    assert kept.world.log.queue_memory == QUEUE_MEMORY_MIN
    for _ in range(3):
        kept.world.passes(500)
    assert kept.world.log.queue_memory == 100 * KIB


def test_shares_grow_again_when_there_is_room() -> None:
    kept = sharing(1000)
    fill(kept, "q", "r", kib=600)
    kept.world.passes(500)
    assert kept.world.log.queue_memory == 250 * KIB
    grown = []
    for _ in range(8):
        kept.world.passes(500)
        grown.append(kept.world.log.queue_memory // KIB)
    assert grown == [500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]


def test_priority_queues_stay_in_memory() -> None:
    kept = sharing(200)
    fill(kept, "q", kib=300, x_max_priority=3)
    kept.world.passes(500)
    assert kept.in_memory() == 300
    kept.world.node.check_invariants()


def test_a_node_without_a_disk_shares_nothing(peer: Peer) -> None:
    peer.world.node.config = override(Config(), "store.node_memory", "1")
    peer.declares(1, "q")
    peer.publishes(1, "q", *[BODY] * 100)
    peer.world.passes(500)
    assert len(peer.world.queue("q").ready) == 100


def test_what_was_given_up_is_committed_without_anybody_saying_anything() -> None:
    """It takes its memory until it is on the disk, and publishers may wait for that memory."""
    kept = sharing(200)
    fill(kept, "q", kib=300)
    kept.commits()
    kept.world.clock.requests = 0
    kept.world.node.tick(kept.world.now_ms)
    assert kept.world.log.has_news
    assert kept.world.clock.requests


# publishers that outrun the disk


def test_peers_that_were_held_are_read_when_the_disk_has_caught_up() -> None:
    """Not with the first commit, if there is more behind it."""
    kept = KeptPeer(KeptWorld())
    world, peer = kept.world, kept.peer
    kept.declares()
    body = "x" * 1_000_000
    kept.publishes(*[body] * (BEHIND_OCTETS // len(body) + 1))
    assert list(world.node.held_peers.values()) == [peer.connection]
    batch = world.log.begin()
    other = world.peer()
    other.opens_channel(1)
    other.publishes(1, "q", *[body] * (BEHIND_OCTETS // len(body) + 1), delivery_mode=2)
    assert len(world.node.held_peers) == 2
    world.completes(batch)
    assert len(world.node.held_peers) == 2
    assert not peer.transport.is_reading
    world.commits()
    assert world.node.held_peers == {}
    assert peer.transport.is_reading
    assert other.transport.is_reading


# users and vhosts that go


def test_who_has_lost_his_user_or_vhost_is_told_in_the_next_turn(world: World) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    node.execute(PutUser("u", hash_password(b"pw"), DEFAULT_ALGORITHM))
    for vhost in ("/", "v"):
        node.execute(SetPermissions("u", vhost, ".*", ".*", ".*"))
    node.execute(SetPermissions("guest", "v", ".*", ".*", ".*"))
    his, there, other = (
        world.peer(user="u", password="pw"),
        world.peer(vhost="v"),
        world.peer(),
    )
    securing = Peer(world)
    securing.sends_octets(PROTOCOL_HEADER)
    securing.takes(0, ConnectionStart)
    node.execute(DeleteUser("u"))
    node.execute(DeleteVhost("v"))
    his.receives_nothing()
    world.settle()
    his.is_closed_with(0, 320, "CONNECTION_FORCED - user 'u' is deleted", (0, 0))
    there.is_closed_with(0, 320, "CONNECTION_FORCED - vhost 'v' is deleted", (0, 0))
    other.receives_nothing()
    securing.receives_nothing()
    his.sends(0, ConnectionCloseOk())
    assert his.transport.is_closed


def test_what_the_vhost_of_a_connection_held_goes_with_it(world: World) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    node.execute(SetPermissions("guest", "v", ".*", ".*", ".*"))
    peer = world.peer(vhost="v")
    peer.opens_channel(1)
    peer.declares(1, "mine", exclusive=True)
    peer.declares(1, "q")
    peer.consumes(1, "q")
    peer.publishes(1, "q", "x")
    peer.receives_bodies(1, "x")
    node.execute(DeleteVhost("v"))
    node.execute(AddVhost("v"))  # at once: another one
    world.settle()
    peer.takes(0, ConnectionClose)
    assert node.vhosts["v"].queues == {}
    peer.drops()
    assert node.bug_count == 0


@pytest.mark.parametrize("method", ["tick", "on_deleted", "on_alarms_changed", "shut_down"])
def test_a_bug_with_one_peer_does_not_cost_the_others(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    odd, other = world.peer(), world.peer()
    genuine = getattr(Connection, method)
    told: list[Connection] = []

    def fail(connection: Connection, *values: object) -> None:
        if connection is odd.connection:
            raise RuntimeError("a bug")
        told.append(connection)
        genuine(connection, *values)

    monkeypatch.setattr(Connection, method, fail)
    if method == "tick":
        world.node.tick(500)
    elif method == "on_deleted":
        world.node.execute(DeleteUser("guest"))
        world.settle()
    elif method == "on_alarms_changed":
        world.node.set_alarm("memory")
    else:
        world.node.shut_down_peers("the end")
    assert told == [other.connection]
    assert odd.is_hung_up
    assert world.node.bug_count == 1
