"""Definitions change by commands and by nothing else. What survives is in test_changes.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from broker.amqp.errors import NotAllowed, NotFound
from broker.commands import (
    AddVhost,
    Bind,
    ClearPermissions,
    Command,
    DeclareExchange,
    DeclareQueue,
    DeleteExchange,
    DeleteQueue,
    DeleteUser,
    DeleteVhost,
    PutUser,
    SetPermissions,
    Unbind,
)
from broker.definitions import Definitions
from broker.exchanges.exchange import Exchange
from broker.node import Node
from broker.queues.extended import ExtendedQueue
from broker.queues.queue import Queue
from broker.seams import VOLATILE_ID, NullLog
from broker.vhost import VHost
from tests.support.builders import enter, table
from tests.support.durable import DurableWorld
from tests.support.kept import KeptPeer, KeptWorld
from tests.support.peer import World
from tests.support.seams import DelayedLog, FakeClock

HASHING = "rabbit_password_hashing_sha256"


@pytest.fixture
def definitions() -> Definitions:
    """With a vhost "/", of a node without a disk."""
    made = Definitions(NullLog(), FakeClock())
    made.apply(AddVhost("/"))
    return made


# every command


def test_observers_hear_of_what_has_been_done_and_of_nothing_else(
    definitions: Definitions,
) -> None:
    heard: list[tuple[Command, object]] = []
    definitions.observe(lambda command, result: heard.append((command, result)))
    queue = definitions.apply(DeclareQueue("/", "q"))
    with pytest.raises(NotFound):
        definitions.apply(Bind("/", "nope", "queue", "q", ""))
    assert heard == [(DeclareQueue("/", "q"), queue)]
    definitions.apply(DeclareQueue("/", "q"))  # as it was: it has been carried out all the same
    assert [result for _, result in heard] == [queue, queue]


def test_an_observer_that_fails_changes_nothing_for_the_others() -> None:
    node = Node()
    heard: list[Command] = []

    def fail(command: Command, _result: object) -> None:
        raise RuntimeError(command)

    for observer in (fail, lambda command, _: heard.append(command)):
        node.observe(observer)
    assert isinstance(node.apply(AddVhost("v")), VHost)
    assert heard == [AddVhost("v")]
    assert node.bug_count == 1


def test_every_command_is_carried_out_somewhere() -> None:
    assert set(Definitions._appliers) == set(Command.__subclasses__())


def test_what_the_commands_come_to(definitions: Definitions) -> None:
    """Each gives back what it is about."""
    vhost = definitions.apply(AddVhost("v", "some words", ("tag",)))
    assert definitions.apply(AddVhost("v")) is vhost is definitions.vhosts["v"]
    user = definitions.apply(PutUser("u", b"", HASHING))
    assert user is definitions.users["u"]
    queue = definitions.apply(DeclareQueue("v", "q"))
    assert definitions.apply(DeclareQueue("v", "q")) is queue
    assert isinstance(queue, Queue)
    exchange = definitions.apply(DeclareExchange("v", "e", "fanout"))
    assert isinstance(exchange, Exchange)
    definitions.apply(Bind("v", "e", "queue", "q", ""))
    assert [binding.destination for binding in exchange.bindings.values()] == [queue]
    definitions.apply(Unbind("v", "e", "queue", "q", ""))
    assert exchange.bindings == {}
    assert definitions.apply(DeleteQueue("v", "q")) == 0
    definitions.apply(DeleteExchange("v", "e"))
    assert "e" not in definitions.vhosts["v"].exchanges


@pytest.mark.parametrize(
    "command",
    [
        DeleteVhost("nope"),
        DeclareQueue("nope", "q"),
        DeleteQueue("nope", "q"),
        DeclareExchange("nope", "e", "fanout"),
        DeleteExchange("nope", "e"),
        Bind("nope", "", "queue", "q", ""),
        Unbind("nope", "", "queue", "q", ""),
        SetPermissions("u", "nope", "", "", ""),
    ],
    ids=lambda command: type(command).__name__,
)
def test_a_vhost_that_is_not_there(definitions: Definitions, command: Command) -> None:
    definitions.apply(PutUser("u", b"", HASHING))
    before = definitions.version.number
    with pytest.raises(NotAllowed, match="vhost nope not found"):
        definitions.apply(command)
    assert definitions.version.number == before
    assert definitions.last_queue_id == 0


def test_a_refused_change_changes_nothing(definitions: Definitions) -> None:
    definitions.apply(DeclareQueue("/", "q"))
    before = definitions.version.number
    with pytest.raises(NotFound):
        definitions.apply(Bind("/", "nope", "queue", "q", ""))
    assert definitions.version.number == before


# users and vhosts


def test_a_user_enters_only_vhosts_it_has_permissions_for(world: World) -> None:
    node = world.node
    node.execute(AddVhost("v"))
    node.execute(PutUser("u", b"", HASHING))
    user = node.users["u"]
    with pytest.raises(NotAllowed, match="access to vhost 'v' refused for user 'u'"):
        enter(node, "v", user)
    node.execute(SetPermissions("u", "v", "", "", ""))
    assert enter(node, "v", user) is node.vhosts["v"]
    with pytest.raises(NotAllowed, match="vhost w not found"):
        enter(node, "w", user)
    node.execute(ClearPermissions("u", "v"))
    with pytest.raises(NotAllowed):
        enter(node, "v", user)


def test_a_new_password_leaves_the_permissions(world: World) -> None:
    node = world.node
    node.execute(PutUser("guest", b"other", HASHING, ("monitoring",)))
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
        PutUser("u", b"", HASHING),
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


def test_deleting_a_user_that_is_not_there(definitions: Definitions) -> None:
    definitions.apply(DeleteUser("nobody"))
    assert definitions.users == {}


# ids of queues


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


def test_a_queue_that_is_there_keeps_its_id(definitions: Definitions) -> None:
    """Whoever loads or repeats a declaration."""
    queue = definitions.apply(DeclareQueue("/", "q", durable=True))
    assert definitions.apply(DeclareQueue("/", "q", durable=True, queue_id=7)) is queue
    assert isinstance(queue, Queue)
    assert queue.queue_id == 1


def test_ids_of_queues_that_a_restart_forgets_are_of_another_range(
    definitions: Definitions,
) -> None:
    """They may be in the log, and must not be taken for those of others."""
    for name in "abc":
        definitions.apply(DeclareQueue("/", name))
    assert definitions.last_queue_id == 0
    ids = {queue.queue_id for queue in definitions.vhosts["/"].queues.values()}
    assert ids == {VOLATILE_ID + 1, VOLATILE_ID + 2, VOLATILE_ID + 3}
    definitions.apply(DeleteQueue("/", "c"))
    definitions.apply(DeclareQueue("/", "c"))
    assert definitions.vhosts["/"].queues["c"].queue_id == VOLATILE_ID + 4


def test_an_older_queue_from_the_catalogue_does_not_set_the_count_back(
    definitions: Definitions,
) -> None:
    for name, queue_id in (("late", 9), ("early", 3)):
        definitions.apply(DeclareQueue("/", name, durable=True, queue_id=queue_id))
    definitions.apply(DeclareQueue("/", "new", durable=True))
    ids = {name: queue.queue_id for name, queue in definitions.vhosts["/"].queues.items()}
    assert ids == {"late": 9, "early": 3, "new": 10}


def test_ids_go_on_over_restarts(tmp_path: Path) -> None:
    """Even those of queues that are gone: the log may still speak of them."""
    world = DurableWorld(tmp_path)
    for name in "abc":
        world.node.execute(DeclareQueue("/", name, durable=True))
    world.node.execute(DeclareQueue("/", "volatile"))
    world.commit()
    world.node.execute(DeleteQueue("/", "c"))
    world.commit()
    again = world.crashes()
    assert again.node.last_queue_id == 3
    assert [again.queue(name).queue_id for name in "ab"] == [1, 2]
    again.node.execute(DeclareQueue("/", "d", durable=True))
    again.node.execute(DeclareQueue("/", "volatile"))
    assert again.queue("d").queue_id == 4
    assert again.queue("volatile").queue_id == VOLATILE_ID + 1
    again.commit()
    third = again.crashes()
    third.node.execute(DeleteQueue("/", "a"))
    third.node.execute(DeclareQueue("/", "a", durable=True))
    assert third.queue("a").queue_id == 5
    third.catalogue.close()


# where queues keep messages


def test_queues_are_counted_as_they_come_and_go(definitions: Definitions) -> None:
    for name in ("a", "b", "a", "c"):
        definitions.apply(DeclareQueue("/", name))
    for name in ("a", "a", "nope"):
        definitions.apply(DeleteQueue("/", name))
    assert (definitions.queues_created, definitions.queues_deleted) == (3, 1)
    definitions.apply(DeleteVhost("/"))
    assert (definitions.queues_created, definitions.queues_deleted) == (3, 3)


def test_an_exchange_knows_who_declared_it(definitions: Definitions) -> None:
    declare = DeclareExchange("/", "x", "topic")
    declare.actor = "anna"
    definitions.apply(declare)
    again = DeclareExchange("/", "x", "topic")
    again.actor = "bob"
    definitions.apply(again)
    add = AddVhost("v")
    add.actor = "carl"
    definitions.apply(add)
    assert definitions.vhosts["/"].exchanges["x"].actor == "anna"
    assert definitions.vhosts["v"].exchanges["amq.topic"].actor == "carl"


def test_what_was_done_in_a_vhost_counts_after_it_is_deleted(definitions: Definitions) -> None:
    """Its channels are closed later: they add to the same."""
    definitions.apply(AddVhost("v"))
    deleted = [definitions.vhosts["/"], definitions.vhosts["v"]]
    for vhost in deleted:
        vhost.retire((1, 0, 2))
        vhost.retire_octets(100, 10)
        definitions.apply(DeleteVhost(vhost.name))
    definitions.apply(AddVhost("/"))
    definitions.vhosts["/"].retire((5, 5, 5))
    for vhost in deleted:
        vhost.retire((1, 1, 0))
        vhost.retire_octets(1, 1)
    assert (definitions.retired, definitions.retired_octets) == ([4, 2, 4], [202, 22])


def test_queues_of_a_node_without_a_disk_keep_nothing(definitions: Definitions) -> None:
    definitions.apply(DeclareQueue("/", "q", durable=True))
    assert definitions.vhosts["/"].queues["q"].store is None


def test_queues_of_every_vhost_have_the_log() -> None:
    log = DelayedLog()
    definitions = Definitions(log, FakeClock())
    for name in ("/", "v"):
        definitions.apply(AddVhost(name))
        definitions.apply(DeclareQueue(name, "q"))
        assert definitions.vhosts[name].queues["q"].store is log


# extended queues


def test_a_queue_that_asks_for_it_is_extended(definitions: Definitions) -> None:
    definitions.apply(DeclareQueue("/", "limited", arguments=table(x_max_length=1)))
    definitions.apply(DeclareQueue("/", "lazy", arguments=table(x_queue_mode="lazy")))
    queues = definitions.vhosts["/"].queues
    assert type(queues["limited"]) is ExtendedQueue
    assert queues["limited"].extras.clock is definitions.clock
    assert type(queues["lazy"]) is Queue


def test_who_remembers_a_route_hears_of_a_queue_that_is_extended(
    definitions: Definitions,
) -> None:
    queue = definitions.apply(DeclareQueue("/", "q"))
    assert type(queue) is Queue
    before = definitions.version.number
    definitions.extend_queue(queue)
    assert type(queue) is ExtendedQueue
    assert definitions.version.number > before


def test_declaring_a_queue_otherwise_leaves_it_what_it_is(definitions: Definitions) -> None:
    """It is refused, but only when the change has been agreed on: another came first."""
    queue = definitions.apply(DeclareQueue("/", "q"))
    definitions.apply(DeclareQueue("/", "q", arguments=table(x_max_length=1)))
    assert type(queue) is Queue


@pytest.mark.parametrize("is_clean", [True, False])
def test_a_plain_queue_with_messages_that_expire_is_extended_again(is_clean: bool) -> None:
    """After a restart only the messages tell that it was."""
    kept = KeptPeer(KeptWorld())
    kept.declares("q")
    kept.declares("other")
    kept.publishes("x", to="other")
    kept.peer.publishes(1, "q", *"abc", delivery_mode=2, expiration="1000")
    kept.publishes("d")
    kept.commits()
    again = kept.stops() if is_clean else kept.crashes()
    assert type(again.world.queue("q")) is ExtendedQueue
    assert type(again.world.queue("other")) is Queue
    assert again.has() == 4
    again.world.passes(1000)
    assert again.has() == 1
    assert again.takes() == ["d"]


def test_time_goes_by_while_the_node_is_down() -> None:
    kept = KeptPeer(KeptWorld())
    kept.declares()
    for body, expiration in (("a", "1000"), ("b", "5000"), ("c", "9000")):
        kept.peer.publishes(1, "q", body, delivery_mode=2, expiration=expiration)
    kept.commits()
    again = KeptPeer(kept.world.crashes(after_ms=3000))
    assert again.takes() == ["b", "c"]
    again = KeptPeer(kept.world.crashes(after_ms=3000))
    again.world.passes(2000)
    assert again.takes() == ["c"]


def test_a_queue_whose_expiring_messages_are_gone_is_a_plain_one_again() -> None:
    kept = KeptPeer(KeptWorld())
    kept.declares()
    kept.peer.publishes(1, "q", "a", delivery_mode=2, expiration="1000")
    assert kept.takes() == ["a"]
    again = kept.stops()
    assert type(again.world.queue("q")) is Queue
    again.publishes("b")
    assert again.takes() == ["b"]
