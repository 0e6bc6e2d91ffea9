from __future__ import annotations

import logging

import pytest

from broker.amqp.errors import NotAllowed, NotFound
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    DeclareQueue,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
)
from broker.config import Config, override
from broker.node import Node
from broker.queues.queue import Queue
from broker.store.format import VOLATILE_ID
from tests.support.peer import Peer, World


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


def test_a_user_enters_only_vhosts_it_has_permissions_for(world: World) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    node.execute(PutUser("u", b"", "rabbit_password_hashing_sha256"))
    user = node.users["u"]
    with pytest.raises(NotAllowed, match="access to vhost 'v' refused for user 'u'"):
        node.open_vhost("v", user)
    node.execute(SetPermissions("u", "v", "", "", ""))
    assert node.open_vhost("v", user) is node.vhosts["v"]
    with pytest.raises(NotAllowed, match="vhost w not found"):
        node.open_vhost("w", user)
    node.execute(ClearPermissions("u", "v"))
    with pytest.raises(NotAllowed):
        node.open_vhost("v", user)


def test_a_new_password_leaves_the_permissions(world: World) -> None:
    node = world.node
    node.execute(PutUser("guest", b"other", "rabbit_password_hashing_sha256", ("monitoring",)))
    assert "/" in node.users["guest"].permissions
    assert not node.users["guest"].has_password(b"guest")
    assert node.users["guest"].tags == ("monitoring",)
    node.execute(DeleteUser("guest"))
    assert node.users == {}


def test_deleting_a_vhost_takes_its_queues_and_permissions_along(world: World) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    node.execute(SetPermissions("guest", "v", ".*", ".*", ".*"))
    node.execute(DeclareQueue("v", "q"))
    queue = node.vhosts["v"].queues["q"]
    node.execute(DeleteVhost("v"))
    assert queue.is_deleted
    assert "v" not in node.vhosts
    assert "v" not in node.users["guest"].permissions


def test_the_version_grows_with_topology_and_permissions(world: World) -> None:
    node = world.node
    for command in (
        DeclareQueue("/", "q"),
        Bind("/", "amq.fanout", "queue", "q", ""),
        DeleteQueue("/", "q"),
        PutUser("u", b"", "rabbit_password_hashing_sha256"),
        SetPermissions("u", "/", ".*", ".*", ".*"),
        ClearPermissions("u", "/"),
        DeleteUser("u"),
        AddVhost("v"),
        DeleteVhost("v"),
    ):
        before = node.version.number
        node.execute(command)
        if not isinstance(command, AddVhost):  # nobody remembers a route in it yet
            assert node.version.number > before, command


def test_queues_have_ids_that_tell_them_apart(world: World) -> None:
    node = world.node

    def declared(name: str, durable: bool, queue_id: int = 0) -> int:
        node.execute(DeclareQueue("/", name, durable, queue_id=queue_id))
        return world.queue(name).queue_id

    assert [declared("a", True), declared("b", True), declared("a", True)] == [1, 2, 1]
    volatile = [declared("c", False), declared("d", False), declared("c", False)]
    assert volatile == [VOLATILE_ID + 1, VOLATILE_ID + 2, VOLATILE_ID + 1]
    assert declared("loaded", True, 7) == 7  # from the catalogue
    assert [declared("e", True), node.last_queue_id] == [8, 8]
    node.execute(DeleteQueue("/", "e", 7))  # another
    node.execute(DeleteQueue("/", "a", 1))
    assert "e" in world.vhost.queues
    assert declared("a", True) == 9


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


def _breaking(flush, whose):  # type: ignore[no-untyped-def]
    def broken(connection):  # type: ignore[no-untyped-def]
        if connection is whose:
            raise ZeroDivisionError("in flush")
        flush(connection)

    return broken


def test_the_log_syncing_without_anybody_waiting_is_fine(world: World) -> None:
    world.node.on_log_synced()
    world.settle()
