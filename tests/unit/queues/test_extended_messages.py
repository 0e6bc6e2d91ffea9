"""Extended queues and their log: deadlines, counts, priorities and limits over a restart."""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicDeliver,
    BasicNack,
    BasicReject,
    QueuePurge,
    QueuePurgeOk,
)
from broker.queues.extended import ExtendedQueue
from broker.queues.kept_messages import MESSAGE_OCTETS, KeptMessages
from broker.queues.priority_lanes import PriorityLanes
from broker.queues.queue import PUMP_MAX, Queue
from tests.support.kept import NO_LIMIT, KeptPeer, KeptWorld
from tests.support.wire import Content

TEN = 10 * (MESSAGE_OCTETS + 3)  # octets that about ten messages take
HUNDRED = [f"{number:03}" for number in range(1, 101)]


@pytest.fixture(autouse=True)
def envelopes_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that numbers are round: a message takes its body and MESSAGE_OCTETS."""
    monkeypatch.setattr(
        KeptMessages, "_memory_of", lambda _, message: len(message.body) + MESSAGE_OCTETS
    )


@pytest.fixture
def kept() -> KeptPeer:
    return KeptPeer(KeptWorld())


@pytest.fixture
def paging() -> KeptPeer:
    return KeptPeer(KeptWorld(queue_memory=TEN))


def restarts(kept: KeptPeer, *, is_clean: bool) -> KeptPeer:
    return kept.stops() if is_clean else kept.crashes()


def graves(kept: KeptPeer) -> None:
    """A durable queue "dead" behind the exchange "amq.fanout"."""
    kept.declares("dead")
    kept.peer.binds(1, "dead", "amq.fanout")


def counts(kept: KeptPeer, *, no_ack: bool = True) -> list[tuple[str, int | None]]:
    """Bodies and x-delivery-count of everything in a quorum queue."""
    found = []
    while (content := kept.peer.gets(1, "q", no_ack=no_ack)) is not None:
        field = content.properties.header_table.get("x-delivery-count")
        count = field.value if field is not None else None
        assert count is None or isinstance(count, int)
        found.append((content.body.decode(), count))
    return found


# time to live


def test_a_deadline_outlives_the_process(kept: KeptPeer) -> None:
    kept.declares(x_message_ttl=1000)
    kept.publishes("a")
    kept.world.passes(500)
    kept.publishes("b")
    kept.commits()
    again = kept.crashes(after_ms=300)
    assert again.has() == 2
    again.world.passes(500)
    assert again.has() == 1
    again.world.passes(500)
    assert again.has() == 0


def test_time_goes_on_while_nobody_looks(kept: KeptPeer) -> None:
    kept.declares(x_message_ttl=1000)
    kept.publishes("a")
    kept.commits()
    again = kept.crashes(after_ms=1000)
    assert again.takes() == []


@pytest.mark.parametrize("is_clean", [True, False])
def test_an_expiration_in_a_queue_without_any(kept: KeptPeer, is_clean: bool) -> None:
    kept.declares()
    kept.publishes("a", expiration="1000")
    kept.publishes("b")
    kept.commits()
    again = restarts(kept, is_clean=is_clean)
    assert type(again.world.queue("q")) is ExtendedQueue
    again.world.passes(1000)
    assert again.takes() == ["b"]


def test_a_queue_in_which_nothing_expires_stays_plain(kept: KeptPeer) -> None:
    kept.declares()
    kept.publishes("a", "b")
    kept.commits()
    again = kept.crashes()
    assert type(again.world.queue("q")) is Queue


def test_what_expires_on_disk_is_found_when_it_comes_to_the_head(paging: KeptPeer) -> None:
    paging.declares(x_message_ttl=1000)
    for body in HUNDRED[:50]:
        paging.publishes(body)
    paging.world.passes(500)
    for body in HUNDRED[50:]:
        paging.publishes(body)
    assert paging.in_memory() < 20
    paging.world.passes(500)
    assert paging.has() == 50
    assert paging.takes() == HUNDRED[50:]
    paging.commits()
    assert paging.world.bodies_on_disk("q") == []


def test_what_expired_is_dead_lettered_after_the_restart(kept: KeptPeer) -> None:
    graves(kept)
    kept.declares(x_message_ttl=1000, x_dead_letter_exchange="amq.fanout")
    kept.publishes("a", "b")
    kept.commits()
    again = kept.crashes(after_ms=5000)
    again.world.passes(500)
    assert again.has("dead") == 2
    again.commits()
    third = again.crashes()
    assert third.takes("dead") == ["a", "b"]
    assert third.has() == 0


def test_a_message_in_two_queues_has_two_deadlines(kept: KeptPeer) -> None:
    kept.declares("short", x_message_ttl=500)
    kept.declares("long", x_message_ttl=5000)
    kept.declares("plain")
    for name in ("short", "long", "plain"):
        kept.peer.binds(1, name, "amq.fanout")
    kept.publishes("a", to="", exchange="amq.fanout")
    kept.commits()
    again = kept.crashes(after_ms=1000)
    assert [again.takes(name) for name in ("short", "long", "plain")] == [[], ["a"], ["a"]]


def test_giving_up_memory_keeps_the_deadlines(kept: KeptPeer) -> None:
    """Also of messages that had not been written down before."""
    kept.declares(x_message_ttl=1000)
    kept.publishes(*HUNDRED[:50], persistent=False)
    kept.world.passes(500)
    kept.publishes(*HUNDRED[50:], persistent=False)
    queue = kept.world.queue("q")
    queue.page_out(TEN)
    assert kept.in_memory() < 15
    queue.check_invariants()
    kept.world.passes(500)
    assert kept.takes() == HUNDRED[50:]


# dead letters


def test_a_dead_letter_is_in_its_queue_until_it_is_in_the_next(kept: KeptPeer) -> None:
    """A crash may repeat it, but never lose it."""
    graves(kept)
    kept.declares(x_dead_letter_exchange="amq.fanout")
    kept.publishes("a")
    kept.commits()
    kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicReject(1, requeue=False), settle=False)
    batch = kept.world.log.begin()  # before the turn that sends it on
    kept.world.completes(batch)
    again = kept.crashes()
    assert (again.has("q"), again.has("dead")) == (1, 0)
    kept.world.settle()
    kept.commits()
    again = kept.crashes()
    assert (again.has("q"), again.has("dead")) == (0, 1)


@pytest.mark.parametrize("point", range(30))
def test_at_no_point_is_it_nowhere(point: int) -> None:
    kept = KeptPeer(KeptWorld())
    graves(kept)
    kept.declares(x_dead_letter_exchange="amq.fanout", x_max_length=1)
    kept.publishes("a")
    kept.commits()
    before = kept.world.disk.operations
    kept.publishes("b")
    kept.commits()
    kept.publishes("c")
    kept.commits()
    at = min(before + point, kept.world.disk.operations)
    again = KeptPeer(kept.world.crashes(kept.world.disk.after_kill(at)))
    found = {*again.takes(), *again.takes("dead")}
    assert found in ({"a"}, {"a", "b"}, {"a", "b", "c"})


def test_without_an_exchange_they_are_just_gone(kept: KeptPeer) -> None:
    kept.declares(x_max_length=2)
    kept.publishes(*"abcd")
    kept.commits()
    assert kept.world.bodies_on_disk("q") == ["c", "d"]
    assert kept.crashes().takes() == ["c", "d"]


def test_an_exchange_that_is_not_there(kept: KeptPeer) -> None:
    kept.declares(x_max_length=2, x_dead_letter_exchange="nowhere")
    kept.publishes(*"abcd")
    kept.world.turn()
    kept.commits()
    kept.commits()
    assert kept.world.bodies_on_disk("q") == ["c", "d"]


# limits


@pytest.mark.parametrize("arguments", [{"x_max_length": 30}, {"x_max_length_bytes": 90}])
def test_limits_count_what_is_on_disk(paging: KeptPeer, arguments: dict[str, object]) -> None:
    paging.declares(**arguments)
    for body in HUNDRED:
        paging.publishes(body)
        paging.world.queue("q").check_invariants()
    assert paging.has() == 30
    assert paging.in_memory() < 20
    paging.commits()
    assert paging.world.bodies_on_disk("q") == HUNDRED[70:]
    again = paging.crashes()
    assert again.has() == 30
    for body in ("one", "two", "thr"):
        again.publishes(body)
        assert again.has() == 30
    again.commits()
    third = again.stops()
    assert third.takes() == [*HUNDRED[73:], "one", "two", "thr"]
    assert third.world.node.bug_count == 0


@pytest.mark.parametrize("arguments", [{"x_max_length": 3}, {"x_max_length_bytes": 3}])
def test_a_full_queue_refuses_after_a_restart_as_well(
    kept: KeptPeer, arguments: dict[str, object]
) -> None:
    kept.declares(x_overflow="reject-publish", **arguments)
    kept.publishes(*"abcd")
    kept.commits()
    again = kept.crashes()
    again.publishes("e")
    assert again.takes() == ["a", "b", "c"]
    again.publishes("f")
    assert again.takes() == ["f"]


@pytest.mark.parametrize("arguments", [{"x_max_length": 1000}, {"x_max_length_bytes": 1000}])
def test_what_is_in_the_queue_is_counted_right_over_restarts(arguments: dict[str, object]) -> None:
    kept = KeptPeer(KeptWorld(queue_memory=TEN))
    kept.declares(**arguments)
    for life in range(4):
        for body in HUNDRED[:30]:
            kept.publishes(body)
        for _ in range(20):
            kept.peer.gets(1, "q", no_ack=bool(life % 2))
        kept.world.queue("q").check_invariants()
        kept.commits()
        kept = restarts(kept, is_clean=life > 1)
        kept.world.queue("q").check_invariants()
    while kept.peer.gets(1, "q") is not None:
        kept.world.queue("q").check_invariants()
    queue = kept.world.queue("q")
    assert isinstance(queue, ExtendedQueue)
    assert queue.extras.ready_bytes == 0


def test_purging_begins_anew(paging: KeptPeer) -> None:
    paging.declares(x_max_length_bytes=300)
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    again = paging.crashes()
    again.peer.sends(1, QueuePurge(queue="q"))
    again.peer.receives(1, QueuePurgeOk(100))
    for body in HUNDRED:
        again.publishes(body)
    assert again.takes() == HUNDRED
    again.world.queue("q").check_invariants()


# priorities


def prioritized(kept: KeptPeer, **entries: int) -> None:
    for body, priority in entries.items():
        kept.publishes(body, priority=priority)


@pytest.mark.parametrize("is_clean", [True, False])
def test_priorities_are_restored(kept: KeptPeer, is_clean: bool) -> None:
    kept.declares(x_max_priority=5)
    prioritized(kept, a=1, b=5, c=0, d=5, e=3, f=9, g=1)
    kept.commits()
    again = restarts(kept, is_clean=is_clean)
    assert isinstance(again.world.queue("q").ready, PriorityLanes)
    prioritized(again, h=4, i=5)
    assert again.takes() == list("bdfiheagc")


@pytest.mark.parametrize("is_clean", [True, False])
def test_what_was_delivered_keeps_its_place_among_its_like(kept: KeptPeer, is_clean: bool) -> None:
    kept.declares(x_max_priority=5)
    prioritized(kept, a=1, b=5, c=0, d=5)
    for _ in "bd":
        kept.peer.gets(1, "q", no_ack=False)
    prioritized(kept, e=5, f=1)
    kept.commits()
    again = restarts(kept, is_clean=is_clean)
    again.world.queue("q").check_invariants()
    found = []
    while (content := again.peer.gets(1, "q")) is not None:
        found.append((content.body.decode(), content.method.redelivered))  # type: ignore[attr-defined]
        again.world.queue("q").check_invariants()
    assert [body for body, _ in found] == list("bdeafc")
    assert [flag for _, flag in found][:2] == [True, True]
    assert [flag for _, flag in found][2:] == [not is_clean] * 4


def test_settling_by_rank(kept: KeptPeer) -> None:
    """Acks, rejects and purges name ranks, which are no sequence numbers."""
    kept.declares(x_max_priority=255)
    prioritized(kept, a=1, b=255, c=0, d=7, e=3)
    for _ in range(4):
        kept.peer.gets(1, "q", no_ack=False)  # b, d, e, a
    kept.peer.sends(1, BasicAck(1), BasicReject(2, requeue=False), BasicNack(4, requeue=True))
    kept.commits()
    again = kept.crashes()
    assert again.takes() == ["e", "a", "c"]
    again.commits()
    assert again.crashes().takes() == []


def test_auto_ack_and_purge_by_rank(kept: KeptPeer) -> None:
    kept.declares(x_max_priority=5)
    prioritized(kept, a=1, b=5, c=0, d=5)
    kept.peer.gets(1, "q")
    kept.commits()
    assert kept.crashes().takes() == ["d", "a", "c"]
    kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, QueuePurge(queue="q"))
    kept.peer.receives(1, QueuePurgeOk(2))
    kept.commits()
    assert kept.crashes().takes() == ["d"]


def test_a_priority_queue_stays_in_memory(paging: KeptPeer) -> None:
    paging.declares(x_max_priority=5)
    for number, body in enumerate(HUNDRED):
        paging.publishes(body, priority=number % 6)
    assert paging.in_memory() == 100
    paging.world.queue("q").page_out(0)
    assert paging.in_memory() == 100
    paging.commits()
    again = paging.crashes()
    assert again.in_memory() == 100
    wanted = sorted(HUNDRED, key=lambda body: (-((int(body) - 1) % 6), body))
    assert again.takes() == wanted


def test_a_priority_queue_of_transient_messages(kept: KeptPeer) -> None:
    kept.declares(x_max_priority=5)
    for body, priority in zip("abc", (0, 5, 1), strict=True):
        kept.publishes(body, priority=priority, persistent=False)
    kept.publishes("d", priority=3)
    kept.publishes("e", priority=4, persistent=False)
    kept.commits()
    assert kept.crashes().takes() == ["d"]
    assert kept.takes() == list("bedca")
    kept.commits()
    assert kept.world.bodies_on_disk("q") == []


# quorum queues


@pytest.fixture
def quorum(kept: KeptPeer) -> KeptPeer:
    kept.declares(x_queue_type="quorum")
    return kept


def test_a_quorum_queue_keeps_transient_messages_too(quorum: KeptPeer) -> None:
    quorum.publishes("a", persistent=False)
    quorum.publishes("b")
    quorum.commits()
    again = quorum.crashes()
    assert again.takes() == ["a", "b"]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ({}, [("a", 2), ("b", 2), ("c", 1)]),
        ({"x_delivery_limit": 9}, [("a", 4), ("b", 1), ("c", 0)]),
    ],
    ids=["to the end", "to their places"],
)
@pytest.mark.parametrize("is_clean", [True, False])
def test_deliveries_are_counted_over_restarts(
    kept: KeptPeer, is_clean: bool, limit: dict[str, int], expected: list[tuple[str, int]]
) -> None:
    quorum = kept
    quorum.declares(x_queue_type="quorum", **limit)
    quorum.publishes(*"abc")
    for _ in range(3):
        quorum.peer.gets(1, "q", no_ack=False)
        tag = quorum.peer.connection.channels[1].last_delivery_tag
        quorum.peer.sends(1, BasicNack(tag, requeue=True))
    quorum.peer.gets(1, "q", no_ack=False)
    quorum.peer.gets(1, "q", no_ack=False)
    quorum.commits()
    again = restarts(quorum, is_clean=is_clean)
    assert counts(again) == expected


def test_after_a_crash_a_quorum_queue_counts_what_it_knows_and_flags_the_rest(
    quorum: KeptPeer,
) -> None:
    quorum.publishes(*"ab")
    quorum.peer.gets(1, "q", no_ack=False)
    quorum.commits()
    again = quorum.crashes()
    again.peer.consumes(1, "q")
    flags = []
    for content in again.peer.takes_all(1):
        assert isinstance(content, Content)
        assert isinstance(content.method, BasicDeliver)
        flags.append((content.body, content.method.redelivered))
    assert flags == [(b"a", True), (b"b", True)]  # b may have been on its way


@pytest.mark.parametrize("is_clean", [True, False])
def test_the_delivery_limit_counts_over_restarts(kept: KeptPeer, is_clean: bool) -> None:
    graves(kept)
    kept.declares(x_queue_type="quorum", x_delivery_limit=2, x_dead_letter_exchange="amq.fanout")
    kept.publishes("poison", "good")
    for life in range(3):
        kept.peer.gets(1, "q", no_ack=False)
        kept.commits()
        kept = restarts(kept, is_clean=is_clean)
        assert kept.has() == 2, life
    kept.peer.gets(1, "q", no_ack=False)
    tag = kept.peer.connection.channels[1].last_delivery_tag
    kept.peer.sends(1, BasicNack(tag, requeue=True))
    assert kept.has() == 1
    assert kept.takes("dead") == ["poison"]
    assert kept.takes() == ["good"]


def test_counts_of_what_is_on_disk(paging: KeptPeer) -> None:
    paging.declares(x_queue_type="quorum")
    for body in HUNDRED:
        paging.publishes(body)
    for _ in range(50):
        paging.peer.gets(1, "q", no_ack=False)
    paging.commits()
    again = paging.crashes()
    found = counts(again)
    assert [body for body, _ in found] == HUNDRED
    assert [count or 0 for _, count in found] == [1] * 50 + [0] * 50


# others


def test_a_single_active_consumer_gets_what_is_on_disk(paging: KeptPeer) -> None:
    paging.declares(x_single_active_consumer=True)
    for body in HUNDRED:
        paging.publishes(body)
    paging.peer.consumes(1, "q", "one")
    paging.peer.receives_bodies(1, *HUNDRED)


def test_a_consumer_of_an_extended_queue_gets_runs_from_disk(paging: KeptPeer) -> None:
    paging.declares(x_message_ttl=1_000_000)
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    again = paging.crashes()
    again.publishes("new")
    again.peer.consumes(1, "q")
    tags = again.peer.receives_bodies(1, *HUNDRED, redelivered=True)
    tags += again.peer.receives_bodies(1, "new", redelivered=False)
    again.peer.sends(1, BasicAck(tags[-1], multiple=True))
    again.commits()
    assert again.world.bodies_on_disk("q") == []
    again.world.queue("q").check_invariants()


def test_a_queue_that_has_expired_leaves_nothing(kept: KeptPeer) -> None:
    kept.declares(x_expires=1000)
    kept.publishes("a")
    kept.commits()
    kept.world.passes(1500)
    assert "q" not in kept.world.vhost.queues
    kept.commits()
    assert sum(segment.live for segment in kept.world.log.space.segments.values()) == 0


@pytest.mark.parametrize("restarts_first", [True, False])
def test_what_has_to_go_may_be_on_disk_only(restarts_first: bool) -> None:
    """A limit in octets, and one large message for which many have to go."""
    world = KeptWorld(queue_memory=NO_LIMIT if restarts_first else 3000)
    kept = KeptPeer(world)
    kept.declares("q", x_max_length_bytes=40_000)
    for number in range(40):
        kept.publishes(f"{number:04}" * 250)
        kept.commits()
    if restarts_first:
        kept = kept.stops()
    kept.publishes("x" * 30_000)
    bodies = kept.takes()
    assert [len(body) for body in bodies] == [1000] * 10 + [30_000]
    assert bodies[0] == "0030" * 250
    assert kept.world.node.bug_count == 0


def test_a_backlog_that_expires_does_not_come_into_memory() -> None:
    """It goes by and by, and the node has its turns between."""
    kept = KeptPeer(KeptWorld(queue_memory=TEN))
    kept.declares("dead")
    kept.declares(
        "q", x_message_ttl=1000, x_dead_letter_exchange="", x_dead_letter_routing_key="dead"
    )
    for _ in range(3 * PUMP_MAX // 100):
        kept.publishes(*["abc"] * 100)
        kept.commits()
    world, queue = kept.world, kept.world.queue("q")
    world.clock.time_ms += 1000
    most = 0
    for _ in range(100):
        for sleeper in world.clock.take_due():
            world.node.wake(sleeper)
        most = max(most, len(queue.extras.dead))
        world.node.turn(world.clock.time_ms)
        kept.commits()
    assert 0 < most <= PUMP_MAX
    assert queue.ready_count == 0
    assert world.queue("dead").ready_count == 3 * PUMP_MAX // 100 * 100


@pytest.mark.parametrize("get_again", [False, True])
def test_a_get_finds_what_lives_behind_a_dead_backlog(get_again: bool) -> None:
    """However many there are to be sent on before it."""
    kept = KeptPeer(KeptWorld(queue_memory=TEN))
    kept.declares("dead")
    kept.declares("q", x_dead_letter_exchange="", x_dead_letter_routing_key="dead")
    for _ in range(3 * PUMP_MAX // 100):
        kept.publishes(*["abc"] * 100, expiration="1000")
    kept.commits()
    if get_again:
        kept.publishes("alive")
    kept.world.clock.time_ms += 1000
    content = kept.peer.gets(1, "q")
    assert (content is not None) is get_again
    assert content is None or content.body == b"alive"
    assert kept.has("q") == 0
    kept.world.passes(500)
    assert kept.has("dead") == 3 * PUMP_MAX // 100 * 100


# giving memory back


def test_octets_are_counted_once_however_often_they_are_read_back(kept: KeptPeer) -> None:
    kept.declares(x_message_ttl=1_000_000)
    for body in HUNDRED:
        kept.publishes(body)
    kept.commits()
    again = kept.crashes()
    again.peer.gets(1, "q")
    queue = again.world.queue("q")
    for _ in range(3):
        queue.page_out(TEN)
        again.peer.gets(1, "q")
    while again.peer.gets(1, "q") is not None:
        queue.check_invariants()
    assert queue.extras.ready_bytes == 0


@pytest.mark.parametrize("persistent", [True, False])
def test_extending_a_queue_that_has_given_up_memory(kept: KeptPeer, persistent: bool) -> None:
    """What is on disk only is counted as it is read back."""
    kept.declares()
    kept.publishes(*HUNDRED, persistent=persistent)
    kept.world.queue("q").page_out(TEN)
    kept.publishes("end", persistent=persistent, expiration="1000000")
    queue = kept.world.queue("q")
    assert type(queue) is ExtendedQueue
    assert kept.in_memory() == 10
    assert kept.takes() == [*HUNDRED, "end"]
    assert queue.extras.ready_bytes == 0
    queue.check_invariants()


def test_limits_stand_while_memory_is_given_up_again_and_again(kept: KeptPeer) -> None:
    kept.declares(x_max_length_bytes=90)
    queue = kept.world.queue("q")
    wanted: list[str] = []
    for number, body in enumerate(HUNDRED):
        kept.publishes(body, persistent=number % 3 == 0)
        wanted = [*wanted, body][-30:]
        if number % 7 == 0:
            queue.page_out(TEN)
            queue.check_invariants()
        if number % 4 == 0:
            content = kept.peer.gets(1, "q")
            assert content is not None
            assert content.body.decode() == wanted.pop(0)
        assert kept.has() == len(wanted)
    assert kept.takes() == wanted
    queue.check_invariants()


def test_what_expires_is_dead_lettered_from_disk(kept: KeptPeer) -> None:
    graves(kept)
    kept.declares(x_message_ttl=1000, x_dead_letter_exchange="amq.fanout")
    kept.publishes(*HUNDRED, persistent=False)
    kept.world.queue("q").page_out(TEN)
    kept.world.passes(1500)
    assert (kept.has("q"), kept.has("dead")) == (0, 100)
    assert kept.takes("dead") == HUNDRED


def test_purging_what_is_on_disk_and_expires(kept: KeptPeer) -> None:
    kept.declares(x_message_ttl=1000)
    kept.publishes(*HUNDRED)
    queue = kept.world.queue("q")
    queue.page_out(TEN)
    kept.peer.sends(1, QueuePurge(queue="q"))
    kept.peer.receives(1, QueuePurgeOk(100))
    queue.check_invariants()
    kept.publishes("new")
    kept.world.passes(500)
    assert kept.takes() == ["new"]
    queue.check_invariants()


def test_a_plain_queue_extended_after_a_crash(kept: KeptPeer) -> None:
    """With messages in memory that have perhaps been delivered, and more of them on disk."""
    kept.declares()
    for start in range(0, 100, 50):
        kept.publishes(*HUNDRED[start : start + 50])
        kept.commits()
    again = kept.crashes()
    again.peer.gets(1, "q", no_ack=False)
    again.peer.sends(1, BasicNack(1, requeue=True))
    again.publishes("end", expiration="1000000")
    queue = again.world.queue("q")
    assert type(queue) is ExtendedQueue
    flags = []
    while (content := again.peer.gets(1, "q")) is not None:
        flags.append((content.body.decode(), content.method.redelivered))  # type: ignore[attr-defined]
    assert flags == [*((body, True) for body in HUNDRED), ("end", False)]
    queue.check_invariants()
    assert queue.extras.ready_bytes == 0
