"""A plain queue and its log: what is on disk, what is in memory, what a restart brings back.

Talking to a whole node on a disk in memory, but where page and log are looked at themselves.
"""

from __future__ import annotations

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicDeliver,
    BasicGetOk,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverOk,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.message import Message
from broker.queues.kept_messages import (
    ENVELOPE_OCTETS,
    LAZY_OCTETS,
    MESSAGE_OCTETS,
    KeptMessages,
)
from broker.queues.queue import Queue
from broker.store.format import MESSAGES, REFER, SETTLED
from tests.support.builders import table
from tests.support.kept import KeptPeer, KeptWorld, envelope, written
from tests.support.peer import Peer, World
from tests.support.wire import Content

HUNDRED = [f"{number:03}" for number in range(1, 101)]


@pytest.fixture(autouse=True)
def envelopes_weigh_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that numbers are round: a message takes its body and MESSAGE_OCTETS."""
    monkeypatch.setattr(
        KeptMessages, "_memory_of", lambda _, message: len(message.body) + MESSAGE_OCTETS
    )


@pytest.fixture
def kept() -> KeptPeer:
    """With a durable queue "q"."""
    made = KeptPeer(KeptWorld())
    made.declares()
    return made


@pytest.fixture
def paging() -> KeptPeer:
    """The same with memory for about ten messages a queue."""
    made = KeptPeer(KeptWorld(queue_memory=10 * (MESSAGE_OCTETS + 3)))
    made.declares()
    return made


# what is kept


def test_persistent_messages_are_there_after_a_crash(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.publishes("d")
    kept.commits()
    again = kept.crashes()
    assert again.has() == 3 + 1
    assert again.takes() == list("abcd")


def test_what_is_not_committed_is_not_there(kept: KeptPeer) -> None:
    kept.publishes("a")
    kept.commits()
    kept.publishes("b")
    assert kept.crashes().takes() == ["a"]


def test_transient_messages_are_not_kept_unless_they_must(kept: KeptPeer) -> None:
    kept.publishes(*"abc", persistent=False)
    assert kept.world.queue("q").log is None
    assert not kept.world.log.has_news
    kept.publishes("d")
    kept.publishes("e", persistent=False)
    kept.commits()
    assert kept.world.bodies_on_disk("q") == ["d", "e"], "behind what is kept, for the order"
    assert kept.takes() == list("abcde")
    kept.commits()
    kept.publishes("f", persistent=False)
    assert not kept.world.log.has_news, "nothing else is kept any more"
    assert kept.takes() == ["f"]


@pytest.mark.parametrize("is_clean", [True, False])
def test_transient_messages_are_gone_after_a_restart(kept: KeptPeer, is_clean: bool) -> None:
    for body in "abcdef":
        kept.publishes(body, persistent=body in "bde")
    kept.commits()
    again = kept.stops() if is_clean else kept.crashes()
    assert again.has() == 3
    assert again.takes() == list("bde")


def test_a_queue_that_is_not_durable_keeps_nothing(kept: KeptPeer) -> None:
    kept.peer.declares(1, "t")
    kept.publishes("a", to="t")
    assert kept.world.queue("t").log is None
    assert not kept.world.log.has_news
    assert kept.takes("t") == ["a"]


def test_a_fan_out_is_kept_once(kept: KeptPeer) -> None:
    for name in "rst":
        kept.declares(name)
    for name in "qrst":
        kept.peer.binds(1, name, "amq.fanout")
    body = "x" * 1000
    kept.peer.publishes(1, "", body, body, exchange="amq.fanout", delivery_mode=2)
    kept.peer.publishes(1, "", body, exchange="amq.fanout", delivery_mode=2, message_id="other")
    kept.commits()
    kinds = [item.record.kind for item in written(kept.world.disk)]
    assert kinds.count(MESSAGES) <= 3
    assert sum(len(body) for item in written(kept.world.disk) for body in item.bodies) == 3000
    assert kinds.count(REFER) == 3 * kinds.count(MESSAGES)
    again = kept.crashes()
    for name in "qrst":
        assert again.takes(name) == [body] * 3


def test_the_numbers_go_on_after_a_restart(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.takes()
    kept.commits()
    again = kept.crashes()
    assert again.takes() == []
    again.publishes("d")
    again.commits()
    third = again.crashes()
    assert third.takes() == ["d"]
    assert third.world.queue("q").next_seq == 5


# what becomes of them


def test_what_was_got_without_ack_is_gone(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.peer.gets(1, "q")
    kept.commits()
    assert kept.crashes().takes() == ["b", "c"]


def test_what_was_consumed_without_ack_is_gone(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.peer.consumes(1, "q", no_ack=True)
    kept.peer.receives_bodies(1, *"abc")
    kept.publishes("d")
    kept.commits()
    assert kept.crashes().takes() == []


def test_what_was_delivered_and_not_acked_comes_back(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.peer.consumes(1, "q")
    kept.commits()
    again = kept.crashes()
    again.peer.consumes(1, "q")
    again.peer.receives_bodies(1, *"abc", redelivered=True)


@pytest.mark.parametrize("is_clean", [True, False])
def test_who_has_seen_a_message_is_known(kept: KeptPeer, is_clean: bool) -> None:
    """After a crash it may have been anybody."""
    kept.publishes(*"abc")
    kept.peer.gets(1, "q", no_ack=False)
    kept.commits()
    again = kept.stops() if is_clean else kept.crashes()
    flags = []
    for _ in "abc":
        content = again.peer.gets(1, "q")
        assert content is not None
        assert isinstance(content.method, BasicGetOk)
        flags.append(content.method.redelivered)
    assert flags == [True, not is_clean, not is_clean]


@pytest.mark.parametrize(
    ("commands", "left"),
    [
        ([BasicAck(2)], "acde"),
        ([BasicAck(3, multiple=True)], "de"),
        ([BasicAck(0, multiple=True)], ""),
        ([BasicAck(1), BasicAck(3), BasicAck(5, multiple=True)], ""),
        ([BasicReject(2, requeue=False), BasicReject(4, requeue=False)], "ace"),
        ([BasicNack(2, multiple=True, requeue=False)], "cde"),
        ([BasicNack(2, multiple=True, requeue=True), BasicAck(3)], "abde"),
        ([BasicReject(1, requeue=True)], "abcde"),
        ([BasicRecover(requeue=True)], "abcde"),
    ],
    ids=lambda value: "" if isinstance(value, str) else repr(value),
)
def test_what_is_settled_does_not_come_back(
    kept: KeptPeer, commands: list[BasicAck], left: str
) -> None:
    kept.publishes(*"abcde")
    for _ in "abcde":
        kept.peer.gets(1, "q", no_ack=False)
    kept.commits()
    assert kept.crashes().takes() == list("abcde")
    kept.peer.sends(1, *commands)
    kept.commits()
    assert kept.crashes().takes() == list(left)
    settled = [pair for item in written(kept.world.disk, SETTLED) for pair in item.pairs]
    assert sum(last - first + 1 for first, last in settled) == 5 - len(left)


def test_acks_that_were_not_committed_are_forgotten(kept: KeptPeer) -> None:
    kept.publishes(*"ab")
    kept.commits()
    kept.peer.gets(1, "q")
    assert kept.crashes().takes() == ["a", "b"]


def test_a_channel_that_closes_gives_back(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    for _ in "abc":
        kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicAck(2), ChannelClose())
    kept.peer.receives(1, ChannelCloseOk())
    kept.commits()
    again = kept.crashes()
    assert again.takes() == ["a", "c"]


def test_several_consumers(kept: KeptPeer) -> None:
    """Their shares are every other message."""
    others = [Peer(kept.world) for _ in range(2)]
    for peer in others:
        peer.opens()
        peer.opens_channel(1)
        peer.consumes(1, "q")
    kept.publishes(*"abcdef")
    mine = [peer.takes_all(1) for peer in others]
    assert [len(found) for found in mine] == [3, 3]
    others[0].sends(1, BasicAck(0, multiple=True))
    kept.commits()
    assert kept.crashes().takes() == ["b", "d", "f"]


def test_transactions(kept: KeptPeer) -> None:
    kept.publishes(*"ab")
    kept.commits()
    kept.peer.sends(1, TxSelect())
    kept.peer.receives(1, TxSelectOk())
    kept.publishes("c")
    kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicAck(1))
    kept.commits()
    assert kept.crashes().takes() == ["a", "b"], "not committed"
    kept.peer.sends(1, TxCommit())
    kept.commits()
    kept.peer.receives(1, TxCommitOk())
    assert kept.crashes().takes() == ["b", "c"]
    kept.publishes("d")
    kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicAck(2), TxRollback())
    kept.peer.receives(1, TxRollbackOk())
    kept.commits()
    assert kept.crashes().takes() == ["b", "c"]


def test_purging(kept: KeptPeer) -> None:
    kept.publishes(*"abcd")
    kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, QueuePurge(queue="q"))
    kept.peer.receives(1, QueuePurgeOk(3))
    kept.publishes("e")
    kept.commits()
    assert kept.crashes().takes() == ["a", "e"], "a was not ready"


def test_deleting(kept: KeptPeer) -> None:
    kept.publishes(*"ab")
    kept.peer.gets(1, "q", no_ack=False)
    kept.commits()
    kept.peer.sends(1, QueueDelete(queue="q"))
    kept.peer.receives(1, QueueDeleteOk(1))
    kept.peer.sends(1, BasicAck(1))
    assert kept.world.log.queues == {}
    kept.commits()
    kept.declares()
    assert kept.takes() == []
    kept.publishes("c")
    kept.commits()
    assert kept.crashes().takes() == ["c"]


# paging


def test_what_finds_no_room_in_memory_stays_on_disk(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    assert paging.has() == 100
    assert 8 < paging.in_memory() < 15
    assert paging.world.queue_log("q").paged_count == 100 - paging.in_memory()
    assert paging.takes() == HUNDRED
    assert paging.has() == 0


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("durable", [True, False])
def test_whatever_the_queue_and_the_messages(persistent: bool, durable: bool) -> None:
    kept = KeptPeer(KeptWorld(queue_memory=2000))
    kept.peer.declares(1, "q", durable=durable)
    for body in HUNDRED:
        kept.publishes(body, persistent=persistent)
    assert kept.in_memory() < 20
    kept.commits()
    assert kept.takes() == HUNDRED
    kept.commits()
    assert sum(segment.live for segment in kept.world.log.space.segments.values()) == 0


def test_a_run_of_messages_is_paged_as_well(paging: KeptPeer) -> None:
    paging.publishes(*HUNDRED)
    assert paging.in_memory() in (1, 100), "at once, or but for the first"
    paging.publishes(*HUNDRED)
    assert paging.in_memory() < 101
    assert paging.takes() == 2 * HUNDRED


def test_consumers_get_them_in_order(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.peer.consumes(1, "q")
    tags = paging.peer.receives_bodies(1, *HUNDRED, redelivered=False)
    paging.publishes("new")
    tags += paging.peer.receives_bodies(1, "new")
    paging.peer.sends(1, BasicAck(tags[-1], multiple=True))
    paging.commits()
    assert paging.world.bodies_on_disk("q") == []
    assert paging.crashes().takes() == []


def test_those_that_come_while_some_are_on_disk_wait_behind_them(paging: KeptPeer) -> None:
    seen: list[str] = []
    for first in range(0, 100, 10):
        for body in HUNDRED[first : first + 10]:
            paging.publishes(body)
        for _ in range(5):
            content = paging.peer.gets(1, "q")
            assert content is not None
            seen.append(content.body.decode())
        if first % 20 == 0:
            paging.commits()
    assert seen + paging.takes() == HUNDRED


def test_what_is_returned_goes_before_all_that(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    for _ in range(30):
        paging.peer.gets(1, "q", no_ack=False)
    paging.peer.sends(1, BasicNack(20, multiple=True), BasicAck(25))
    paging.peer.sends(1, BasicRecover(requeue=True))
    paging.peer.receives(1, BasicRecoverOk())
    wanted = [body for body in HUNDRED if body != "025"]
    assert paging.has() == 99
    paging.commits()
    assert paging.takes() == wanted


def test_credit_ends_in_the_middle_of_a_page(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.peer.sends(1, BasicQos(prefetch_count=7))
    paging.peer.receives(1, BasicQosOk())
    paging.peer.consumes(1, "q")
    seen: list[str] = []
    while len(seen) < 100:
        contents = paging.peer.takes_all(1)
        assert 0 < len(contents) <= 7
        for content in contents:
            assert isinstance(content.method, BasicDeliver)  # type: ignore[union-attr]
            seen.append(content.body.decode())  # type: ignore[union-attr]
        tag = content.method.delivery_tag  # type: ignore[union-attr]
        paging.peer.sends(1, BasicAck(tag, multiple=True))
    assert seen == HUNDRED
    paging.commits()
    assert paging.world.bodies_on_disk("q") == []


def test_purging_what_is_on_disk(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.peer.gets(1, "q", no_ack=False)
    paging.peer.sends(1, QueuePurge(queue="q"))
    paging.peer.receives(1, QueuePurgeOk(99))
    assert paging.has() == 0
    paging.publishes(*"abc")
    assert paging.has() == 3
    paging.commits()
    assert paging.world.bodies_on_disk("q") == ["001", "a", "b", "c"]
    assert paging.takes() == ["a", "b", "c"]


def test_deleting_what_is_on_disk(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    paging.peer.sends(1, QueueDelete(queue="q"))
    paging.peer.receives(1, QueueDeleteOk(100))
    paging.commits()
    assert sum(segment.live for segment in paging.world.log.space.segments.values()) == 0


def test_a_lazy_queue_holds_little_whatever_there_is_room_for() -> None:
    kept = KeptPeer(KeptWorld())
    kept.declares(x_queue_mode="lazy")
    bodies = [f"{number}" * 1000 for number in range(10)] * 20
    for body in bodies:
        kept.publishes(body)
    assert kept.in_memory() <= LAZY_OCTETS // 1000 + 1
    assert kept.takes() == bodies


def test_everything_is_on_disk_after_a_restart(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.peer.gets(1, "q")
    paging.commits()
    again = paging.crashes()
    assert (again.has(), again.in_memory()) == (99, 0)
    again.publishes("new")
    again.commits()
    again.peer.consumes(1, "q")
    again.peer.receives_bodies(1, *HUNDRED[1:], redelivered=True)
    again.peer.receives_bodies(1, "new", redelivered=False)


def test_holes_after_a_restart(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    for _ in HUNDRED:
        paging.peer.gets(1, "q", no_ack=False)
    for tag in range(3, 100, 3):
        paging.peer.sends(1, BasicAck(tag))
    paging.commits()
    again = paging.crashes()
    wanted = [body for body in HUNDRED if int(body) % 3]
    assert again.has() == len(wanted)
    assert again.takes() == wanted
    again.commits()
    assert again.crashes().takes() == []


def test_half_consumed_and_restarted_again_and_again() -> None:
    kept = KeptPeer(KeptWorld(queue_memory=2000, segment_octets=3000))
    kept.declares()
    wanted: list[str] = []
    for life in range(8):
        for number in range(40):
            body = f"{life}-{number:02}"
            wanted.append(body)
            kept.publishes(body)
        kept.commits()
        for _ in range(30 + life):
            content = kept.peer.gets(1, "q")
            assert content is not None
            assert content.body.decode() == wanted.pop(0)
        kept.commits()
        while kept.world.log.cleaner.step() and len(kept.world.log.space.segments) > 6:
            pass
        kept.commits()
        kept = kept.crashes() if life % 2 else kept.stops()
        assert kept.has() == len(wanted)
    assert kept.takes() == wanted


# lazy queues


@pytest.fixture
def lazy() -> KeptPeer:
    """With a durable lazy queue "q" that holds 200 KiB, most of it on disk."""
    made = KeptPeer(KeptWorld())
    made.declares(x_queue_mode="lazy")
    for body in LAZY:
        made.publishes(body)
    return made


LAZY = [f"{number:03}" + "x" * 2000 for number in range(100)]


def test_a_lazy_queue_is_a_plain_one(lazy: KeptPeer) -> None:
    queue = lazy.world.queue("q")
    assert type(queue) is Queue
    assert queue.is_lazy
    assert queue.ready_bytes <= LAZY_OCTETS + 2200
    lazy.declares("other", x_queue_mode="default")
    assert not lazy.world.queue("other").is_lazy


def test_consumers_of_a_lazy_queue_get_all_of_it(lazy: KeptPeer) -> None:
    lazy.peer.consumes(1, "q")
    lazy.peer.receives_bodies(1, *LAZY, redelivered=False)


def test_a_lazy_queue_of_transient_messages() -> None:
    """Which nothing else would put on disk."""
    kept = KeptPeer(KeptWorld())
    kept.peer.declares(1, "q", table(x_queue_mode="lazy"))
    for body in LAZY:
        kept.publishes(body, persistent=False)
    assert kept.in_memory() < 40
    kept.commits()
    assert kept.takes() == LAZY
    kept.commits()
    assert kept.world.bodies_on_disk("q") == []
    kept.publishes("small", persistent=False)
    assert not kept.world.log.has_news, "there is room for it"


def test_a_lazy_queue_is_lazy_after_a_restart(lazy: KeptPeer) -> None:
    lazy.commits()
    again = lazy.crashes()
    assert (again.has(), again.in_memory()) == (100, 0)
    for body in LAZY:
        again.publishes(body)
    assert again.in_memory() == 0
    assert again.takes() == 2 * LAZY
    for body in LAZY:
        again.publishes(body)
    assert again.in_memory() < 40


# what has perhaps been delivered


def deliveries(kept: KeptPeer, count: int = 1000) -> list[tuple[str, bool]]:
    """So many messages by basic.get, and whether they are redelivered."""
    found: list[tuple[str, bool]] = []
    while len(found) < count and (content := kept.peer.gets(1, "q")) is not None:
        assert isinstance(content.method, BasicGetOk)
        found.append((content.body.decode(), content.method.redelivered))
    return found


def test_new_messages_do_not_lie_among_those_from_before_a_crash(kept: KeptPeer) -> None:
    """Those have perhaps been delivered, these have not; it is known for all of `ready`."""
    kept.publishes(*"abcde")
    kept.commits()
    again = kept.crashes()
    assert deliveries(again, 1) == [("a", True)]
    queue = again.world.queue("q")
    assert (queue.ready_deliveries, len(queue.ready)) == (1, 4)
    again.publishes("f")
    again.publishes("g", persistent=False)
    assert (len(queue.ready), queue.ready_count) == (4, 6)
    assert deliveries(again) == [
        *((body, True) for body in "bcde"),
        ("f", False),
        ("g", False),
    ]
    again.publishes("h", persistent=False)
    assert (queue.ready_deliveries, len(queue.ready)) == (0, 1)
    assert deliveries(again) == [("h", False)]


def test_when_they_are_gone_new_ones_are_in_memory_again(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    kept.commits()
    again = kept.crashes()
    assert deliveries(again) == [(body, True) for body in "abc"]
    again.publishes("d")
    assert again.in_memory() == 1
    again.publishes("e", "f")
    assert again.in_memory() == 3
    assert deliveries(again) == [(body, False) for body in "def"]


def test_what_comes_back_is_told_from_both(kept: KeptPeer) -> None:
    kept.publishes(*"abcd")
    kept.commits()
    again = kept.crashes()
    again.peer.gets(1, "q", no_ack=False)
    again.peer.gets(1, "q", no_ack=False)
    again.publishes("e")
    again.peer.sends(1, BasicNack(2, multiple=True))
    assert [body for body, _ in deliveries(again)] == list("abcde")
    again.publishes("f")
    again.peer.gets(1, "q", no_ack=False)
    again.peer.sends(1, BasicNack(again.peer.connection.channels[1].last_delivery_tag))
    again.publishes("g")
    assert deliveries(again) == [("f", True), ("g", False)]


@pytest.mark.parametrize("consumers", [1, 3])
def test_consumers_are_told_which_is_which(paging: KeptPeer, consumers: int) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    again = paging.crashes()
    again.publishes("new", "nex")
    peers = [again.peer]
    for _ in range(consumers - 1):
        peers.append(Peer(again.world))
        peers[-1].opens()
        peers[-1].opens_channel(1)
    for peer in peers:
        peer.sends(1, BasicQos(prefetch_count=40))
        peer.receives(1, BasicQosOk())
        peer.consumes(1, "q")
    found: dict[str, bool] = {}
    while contents := [content for peer in peers for content in peer.takes_all(1)]:
        for content in contents:
            assert isinstance(content, Content)
            assert isinstance(content.method, BasicDeliver)
            found[content.body.decode()] = content.method.redelivered
        for peer in peers:
            peer.sends(1, BasicAck(0, multiple=True))
    assert found == {**dict.fromkeys(HUNDRED, True), "new": False, "nex": False}


def test_after_a_clean_stop_it_is_known_message_by_message(kept: KeptPeer) -> None:
    kept.publishes(*"abcdef")
    for _ in range(3):
        kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicAck(2))
    again = kept.stops()
    assert again.has() == 5
    assert deliveries(again, 1) == [("a", True)]
    again.publishes("g")
    assert deliveries(again) == [("c", True), *((body, False) for body in "defg")]


# purging


@pytest.mark.parametrize("persistent", [True, False])
def test_purging_what_lies_in_three_places(paging: KeptPeer, persistent: bool) -> None:
    """Returned, in memory, on disk only; what is unacked stays."""
    for body in HUNDRED:
        paging.publishes(body, persistent=persistent)
    for _ in range(20):
        paging.peer.gets(1, "q", no_ack=False)
    paging.peer.sends(1, BasicNack(5, multiple=True))
    queue = paging.world.queue("q")
    assert len(queue.returned) == 5
    assert queue.ready or queue.ready_count > 5
    paging.peer.sends(1, QueuePurge(queue="q"))
    paging.peer.receives(1, QueuePurgeOk(85))
    assert (queue.ready_count, queue.unacked_count, queue.ready_bytes) == (0, 15, 0)
    paging.publishes(*"abc", persistent=persistent)
    assert paging.in_memory() == 3
    paging.peer.sends(1, BasicNack(8, multiple=True))
    assert paging.takes() == ["006", "007", "008", "a", "b", "c"]
    paging.commits()
    again = paging.crashes()
    assert again.takes() == (HUNDRED[8:20] if persistent else [])


def test_purging_after_a_restart(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    again = paging.crashes()
    assert again.peer.gets(1, "q") is not None
    again.peer.sends(1, QueuePurge(queue="q"))
    again.peer.receives(1, QueuePurgeOk(99))
    again.publishes("new")
    assert deliveries(again) == [("new", False)]
    again.commits()
    assert again.crashes().has() == 0
    assert again.world.queue("q").next_seq == 102


# giving memory back


def test_what_is_in_memory_can_be_given_up(kept: KeptPeer) -> None:
    """Kept messages are on disk anyway; transient ones are written for it."""
    kept.publishes(*HUNDRED)
    queue = kept.world.queue("q")
    before = kept.world.log.written_octets
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    assert kept.in_memory() == 10
    assert kept.has() == 100
    kept.commits()
    assert kept.world.log.written_octets - before < 3000, "it was written once"
    kept.publishes("new")
    assert kept.takes() == [*HUNDRED, "new"]


@pytest.mark.parametrize("durable", [True, False])
def test_giving_up_what_was_not_kept(durable: bool) -> None:
    kept = KeptPeer(KeptWorld())
    kept.peer.declares(1, "q", durable=durable)
    kept.publishes(*HUNDRED, persistent=False)
    queue = kept.world.queue("q")
    assert queue.log is None
    for _ in range(5):
        kept.peer.gets(1, "q", no_ack=False)
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    assert kept.in_memory() in (10, 11)
    assert kept.has() == 95
    kept.publishes("new", persistent=False)
    kept.peer.sends(1, BasicNack(3, multiple=True))
    kept.commits()
    assert kept.takes() == [*HUNDRED[:3], *HUNDRED[5:], "new"]
    kept.commits()
    assert kept.world.bodies_on_disk("q") == []


def test_giving_up_when_some_are_kept_and_some_are_not(kept: KeptPeer) -> None:
    """Those before the first that was kept stay in memory."""
    kept.publishes(*HUNDRED[:50], persistent=False)
    for body in HUNDRED[50:]:
        kept.publishes(body)
    queue = kept.world.queue("q")
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    assert kept.in_memory() == 50
    queue.page_out(0)
    assert kept.in_memory() == 50
    kept.commits()
    again = kept.crashes()
    assert again.takes() == HUNDRED[50:]
    assert kept.takes() == HUNDRED


def test_giving_up_after_all_that_was_kept_is_gone(kept: KeptPeer) -> None:
    kept.publishes(*"abc")
    assert kept.takes() == list("abc")
    kept.commits()
    kept.publishes(*HUNDRED, persistent=False)
    queue = kept.world.queue("q")
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    assert kept.in_memory() == 10
    kept.publishes("new")
    kept.commits()
    assert kept.crashes().takes() == ["new"]
    assert kept.takes() == [*HUNDRED, "new"]


def test_giving_up_again_and_again(kept: KeptPeer) -> None:
    queue = kept.world.queue("q")
    seen: list[str] = []
    for number in range(10):
        for body in HUNDRED[10 * number : 10 * number + 10]:
            kept.publishes(body, persistent=number % 3 == 0)
        queue.page_out(3 * (MESSAGE_OCTETS + 3))
        queue.check_invariants()
        for _ in range(4):
            content = kept.peer.gets(1, "q")
            assert content is not None
            seen.append(content.body.decode())
        kept.commits()
    assert seen + kept.takes() == HUNDRED
    kept.commits()
    assert kept.world.bodies_on_disk("q") == []


def test_giving_up_what_was_read_back_after_a_crash(paging: KeptPeer) -> None:
    for body in HUNDRED:
        paging.publishes(body)
    paging.commits()
    again = paging.crashes()
    assert again.peer.gets(1, "q") is not None
    in_memory = again.in_memory()
    assert in_memory > 0
    queue = again.world.queue("q")
    queue.page_out(2 * (MESSAGE_OCTETS + 3))
    assert again.in_memory() <= max(2, in_memory)
    again.publishes("new")
    again.peer.consumes(1, "q")
    again.peer.receives_bodies(1, *HUNDRED[1:], redelivered=True)
    again.peer.receives_bodies(1, "new", redelivered=False)


def test_a_node_without_a_disk_gives_up_nothing() -> None:
    peer = World().peer()
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.publishes(1, "q", *"abc", delivery_mode=2)
    queue = peer.world.queue("q")
    queue.page_out(0)
    assert len(queue.ready) == 3


def test_giving_up_what_the_disk_has_lost(kept: KeptPeer) -> None:
    """It is in memory, and a block that was found damaged is no longer in the log."""
    for start in range(0, 100, 20):
        for body in HUNDRED[start : start + 20]:
            kept.publishes(body)
        kept.commits()
    log = kept.world.queue_log("q")
    log.lose_block(log.blocks[2])
    queue = kept.world.queue("q")
    assert queue.ready_count == 100
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    found = kept.takes()
    assert kept.world.node.bug_count == 0
    assert found == HUNDRED
    kept.publishes("new")
    assert kept.takes() == ["new"]


def test_giving_up_leaves_what_came_back(kept: KeptPeer) -> None:
    """It is about to be delivered again."""
    kept.publishes(*HUNDRED)
    for _ in range(5):
        kept.peer.gets(1, "q", no_ack=False)
    kept.peer.sends(1, BasicNack(5, multiple=True))
    queue = kept.world.queue("q")
    queue.page_out(10 * (MESSAGE_OCTETS + 3))
    assert len(queue.returned) == 5
    assert kept.in_memory() == 15
    assert kept.takes() == HUNDRED


@pytest.mark.parametrize("keep_octets", [0, 1, 153, 1000, 15_299, 15_300, 1 << 30])
def test_any_part_may_be_given_up(kept: KeptPeer, keep_octets: int) -> None:
    """But for the first message; and nothing where it is little enough."""
    kept.publishes(*HUNDRED)
    queue = kept.world.queue("q")
    assert queue.ready_bytes == 15_300
    queue.page_out(keep_octets)
    assert kept.in_memory() == max(1, min(100, keep_octets // 153))
    queue.check_invariants()
    before = kept.in_memory()
    queue.page_out(keep_octets)
    assert kept.in_memory() == before
    kept.commits()
    assert kept.crashes().takes() == HUNDRED
    assert kept.takes() == HUNDRED


def test_giving_up_nothing() -> None:
    kept = KeptPeer(KeptWorld())
    kept.declares()
    kept.world.queue("q").page_out(0)
    assert kept.world.queue("q").log is None
    kept.publishes("a", persistent=False)
    kept.world.queue("q").page_out(0)
    assert kept.takes() == ["a"]


# what goes wrong


def test_messages_that_are_lost_are_passed_over(paging: KeptPeer) -> None:
    for start in range(0, 100, 20):
        for body in HUNDRED[start : start + 20]:
            paging.publishes(body)
        paging.commits()
    log = paging.world.queue_log("q")
    block = log.blocks[2]
    paging.world.disk.flip(f"log/{block >> 32:010}.seg", (block & 0xFFFF_FFFF) + 50)
    found = paging.takes()
    assert found == HUNDRED[:40] + HUNDRED[60:]
    assert paging.has() == 0
    paging.publishes("new")
    assert paging.takes() == ["new"]
    paging.commits()
    assert paging.crashes().has() == 0


def test_the_last_ones_are_lost(paging: KeptPeer) -> None:
    for start in range(0, 40, 20):
        for body in HUNDRED[start : start + 20]:
            paging.publishes(body)
        paging.commits()
    block = paging.world.queue_log("q").blocks[1]
    paging.world.disk.flip(f"log/{block >> 32:010}.seg", (block & 0xFFFF_FFFF) + 50)
    paging.peer.consumes(1, "q")
    paging.peer.receives_bodies(1, *HUNDRED[:20])
    paging.publishes("new")
    paging.peer.receives_bodies(1, "new")
    paging.peer.sends(1, BasicCancel(consumer_tag="tag"))
    paging.peer.receives(1, BasicCancelOk("tag"))
    assert paging.world.node.bug_count == 0


def test_envelopes_of_their_own_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client puts into its headers may be more than its bodies."""
    monkeypatch.undo()
    queue = Queue("q", "/", [])
    alike, other = envelope(3), envelope(3, "another")
    for shared in (alike, alike, other, alike):
        queue.push(Message(shared, b"abc"))
    extra = len(alike.header) + ENVELOPE_OCTETS
    assert queue.ready_bytes == 4 * (3 + MESSAGE_OCTETS) + 3 * extra
