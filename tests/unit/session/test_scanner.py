"""How frames are found, how messages alike are recognised, who is not read for a while."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import pytest

from broker.amqp.frames import BODY, HEADER, METHOD
from broker.amqp.methods import (
    BasicAck,
    BasicConsume,
    BasicConsumeOk,
    BasicGet,
    BasicPublish,
    BasicQos,
    BasicQosOk,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionUnblocked,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from broker.commands import SetPermissions
from broker.session import scanner
from broker.session.channel import Channel
from broker.session.scanner import (
    ABSORB_MAX,
    FRAMES_MAX,
    MEMO_OCTETS_MAX,
    MEMOS_MAX,
    REPLIES_MAX,
)
from broker.session.states import State
from broker.store import commit_log
from tests.support.builders import frame, header, publish_frames, table
from tests.support.peer import DelayedLog, DelayedReplicator, Peer, World
from tests.support.wire import Content

# frames


def test_frames_may_come_octet_by_octet(peer: Peer) -> None:
    peer.declares(1, "q")
    for octet in publish_frames(1, "", "q", b"hello"):
        peer.sends_octets(bytes((octet,)))
    assert peer.world.queue("q").ready_count == 1


def test_several_commands_may_come_at_once(peer: Peer) -> None:
    peer.sends(1, QueueDeclare(queue="q"), BasicConsume(queue="q", consumer_tag="c"), BasicQos())
    peer.receives(1, QueueDeclareOk("q", 0, 0), BasicConsumeOk("c"), BasicQosOk())
    peer.receives_nothing()


@pytest.mark.parametrize("cut", [1, 7, 100, 5000, 8192, 20_000, 60_006, 60_007])
def test_a_large_frame_may_come_in_pieces(peer: Peer, cut: int) -> None:
    peer.declares(1, "q")
    body = bytes(range(256)) * 235
    octets = publish_frames(1, "", "q", body)
    start = len(octets) - len(body) - 8
    peer.sends_octets(octets[: start + cut])
    peer.sends_octets(octets[start + cut :] + publish_frames(1, "", "q", b"next"))
    got = [peer.gets(1, "q"), peer.gets(1, "q")]
    assert [content and content.body for content in got] == [body, b"next"]


def test_a_frame_that_does_not_end_where_it_should(peer: Peer) -> None:
    octets = frame(METHOD, 1, BasicQos().encode())
    peer.sends_octets(octets[:-1] + b"\x00")
    closed = peer.takes(0, ConnectionClose)
    assert closed.reply_code == 501
    assert closed.reply_text.startswith("FRAME_ERROR - type 1, ")
    assert closed.reply_text.endswith("{invalid_frame_end_marker,0}")
    assert (closed.class_id, closed.method_id) == (0, 0)


def test_the_same_in_a_large_frame_that_comes_in_pieces(peer: Peer) -> None:
    octets = frame(BODY, 1, b"x" * 50_000)
    peer.sends_octets(publish_frames(1, "", "q", b"x" * 50_000)[: -len(octets)] + octets[:20_000])
    peer.sends_octets(octets[20_000:-1] + b"\x00")
    assert peer.takes(0, ConnectionClose).reply_code == 501


@pytest.mark.parametrize("fast_path", ["on", "off"])
@pytest.mark.parametrize("excess", [0, 8, 9, 5000])
def test_a_frame_may_exceed_frame_max_by_the_octets_that_clients_get_wrong(
    fast_path: str, excess: int
) -> None:
    """frame_max is of the whole frame; RabbitMQ compares it with the payload."""
    peer = World({"fast_path": fast_path}).peer(frame_max=4096)
    peer.opens_channel(1)
    peer.declares(1, "q")
    body = b"x" * (4096 - 8 + excess)
    octets = frame(METHOD, 1, BasicPublish(routing_key="q").encode())
    octets += frame(HEADER, 1, header(len(body))) + frame(BODY, 1, body)
    peer.sends_octets(octets)
    if excess <= 8:
        assert peer.world.queue("q").ready_count == 1
        return
    closed = peer.takes(0, ConnectionClose)
    assert closed.reply_text.endswith(f"{{frame_too_large,{len(body)},4088}}")


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_that_goes_for_header_frames_too(fast_path: str) -> None:
    peer = World({"fast_path": fast_path}).peer(frame_max=4096)
    peer.opens_channel(1)
    peer.declares(1, "q")
    peer.publishes(1, "q", "x", headers=table(text="y" * 4000))
    assert peer.world.queue("q").ready_count == 1
    peer.publishes(1, "q", "x", headers=table(text="y" * 4090))
    assert peer.takes(0, ConnectionClose).reply_code == 501
    assert peer.world.queue("q").ready_count == 1


def test_a_frame_that_is_too_large_is_refused_before_it_has_come(peer: Peer) -> None:
    peer.sends_octets(b"\x01\x00\x01\x7f\xff\xff\xff" + b"\x00" * 10)
    assert peer.takes(0, ConnectionClose).reply_code == 501


def test_contents_of_several_channels_may_interleave(peer: Peer) -> None:
    peer.opens_channel(2)
    peer.declares(1, "q")
    publish = BasicPublish(routing_key="q").encode()
    one, two = (
        [
            frame(METHOD, number, publish),
            frame(HEADER, number, header(4)),
            frame(BODY, number, body),
            frame(BODY, number, body),
        ]
        for number, body in ((1, b"aa"), (2, b"bb"))
    )
    peer.sends_octets(one[0] + two[0] + two[1] + one[1] + one[2] + two[2] + two[3] + one[3])
    got = [peer.gets(1, "q"), peer.gets(1, "q")]
    assert [content and content.body for content in got] == [b"bbbb", b"aaaa"]


# messages alike


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_messages_alike_are_as_many_as_were_published(fast_path: str) -> None:
    peer = World({"fast_path": fast_path}).peer()
    peer.opens_channel(1)
    peer.declares(1, "q")
    bodies = [f"{number:04}" for number in range(50)]
    peer.publishes(1, "q", *bodies)
    peer.publishes(1, "q", *bodies, content_type="other")
    peer.publishes(1, "q", *bodies)
    got = [peer.gets(1, "q") for _ in range(150)]
    assert [content and content.body.decode() for content in got] == bodies * 3
    assert peer.world.vhost.exchanges[""].published == 150


# messages that take turns


@pytest.fixture
def publishes(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of messages that were not recognised at a glance, but published one by one."""
    bodies: list[bytes] = []
    publish = Channel.publish

    def counting(channel: Channel, payload: bytes, header: bytes, body: bytes) -> None:
        bodies.append(body)
        publish(channel, payload, header, body)

    monkeypatch.setattr(Channel, "publish", counting)
    return bodies


def in_turn(rounds: Iterable[object], *messages: tuple[int, str]) -> bytes:
    """Rounds of messages, each given by channel and queue; their bodies are the round's number."""
    return b"".join(
        publish_frames(channel, "", queue, f"{number}".encode())
        for number in rounds
        for channel, queue in messages
    )


def bodies_in(peer: Peer, queue: str) -> list[str]:
    """Everything in a queue, in order; it stays there."""
    return [message.body.decode() for message in peer.world.queue(queue).ready]


def digits(first: int, end: int) -> list[str]:
    return [f"{number}" for number in range(first, end)]


@pytest.fixture
def turning(peer: Peer, publishes: list[bytes]) -> Peer:
    """A peer whose messages to q, r and s, and to s by channel 2, are known by now."""
    peer.opens_channel(2)
    for queue in "qrs":
        peer.declares(1, queue)
    peer.sends_octets(in_turn(range(3), *TURNS))
    publishes.clear()
    return peer


TURNS = ((1, "q"), (1, "r"), (2, "s"), (1, "s"))


def test_messages_that_take_turns_are_recognised(turning: Peer, publishes: list[bytes]) -> None:
    turning.sends_octets(in_turn(range(3, 10), *TURNS))
    assert publishes == []
    assert bodies_in(turning, "q") == bodies_in(turning, "r") == digits(0, 10)
    assert bodies_in(turning, "s") == list(chain(*zip(digits(0, 10), digits(0, 10), strict=True)))
    assert turning.world.vhost.exchanges[""].published == 40
    assert len(turning.connection.memos) == 4


def test_runs_among_them_are_runs(turning: Peer, publishes: list[bytes]) -> None:
    order = [(1, "q")] * 3 + [(1, "r")] + [(2, "s")] * 2 + [(1, "q")]
    turning.sends_octets(in_turn([3, 4], *order))
    assert publishes == []
    assert bodies_in(turning, "q") == [*"012", *"3333", *"4444"]


def test_they_may_differ_in_anything(peer: Peer, publishes: list[bytes]) -> None:
    peer.declares(1, "q")
    peer.binds(1, "q", "amq.fanout")
    kinds = [
        publish_frames(1, "", "q", b"1"),
        publish_frames(1, "", "q", b"22"),
        publish_frames(1, "", "q", b"3", mandatory=True),
        publish_frames(1, "", "q", b"4", delivery_mode=2),
        publish_frames(1, "", "q", b"5", headers=table(a=1)),
        publish_frames(1, "", "q", b"6", headers=table(a=2)),
        publish_frames(1, "amq.fanout", "q", b"7"),
        publish_frames(1, "amq.fanout", "r", b"8"),
        publish_frames(1, "", "nowhere", b"9"),
    ]
    peer.sends_octets(b"".join(kind + kind for kind in kinds))
    assert len(publishes) == 2 * len(kinds)
    publishes.clear()
    peer.sends_octets(b"".join(kinds[::-1]) * 2)
    assert publishes == []
    arrived = ["1", "22", *"345678"]
    assert peer.world.queue("q").purge() == 4 * len(arrived)
    peer.sends_octets(b"".join(kinds))
    got = [peer.gets(1, "q") for _ in arrived]
    assert [content and content.body.decode() for content in got] == arrived
    assert [c and c.properties.delivery_mode for c in got] == [None] * 3 + [2] + [None] * 4
    exchanges = [c and c.method.exchange for c in got]  # type: ignore[attr-defined]
    assert exchanges == [""] * 6 + ["amq.fanout"] * 2
    peer.sends_octets(publish_frames(1, "", "nowhere", b"x", mandatory=True))
    assert isinstance(peer.takes_content(1).method, BasicReturn)


def test_without_the_fast_path_nothing_is_remembered(publishes: list[bytes]) -> None:
    peer = World({"fast_path": "off"}).peer()
    peer.opens_channel(1)
    for queue in "qr":
        peer.declares(1, queue)
    peer.sends_octets(in_turn(range(5), (1, "q"), (1, "r")))
    assert len(publishes) == 10
    assert (peer.connection.memo, peer.connection.memos) == (None, {})


def test_they_may_be_cut_anywhere(turning: Peer, publishes: list[bytes]) -> None:
    octets = in_turn([3], (1, "q"), (2, "s"))
    for cut in range(1, len(octets)):
        turning.sends_octets(octets[:cut], settle=cut % 2 == 1)
        turning.sends_octets(octets[cut:])
    count = len(octets) - 1
    assert bodies_in(turning, "q") == [*"012", *"3" * count]
    assert bodies_in(turning, "s") == [*"001122", *"3" * count]


def test_a_body_that_looks_like_a_message_is_a_body(turning: Peer) -> None:
    """Also where it begins a read of its own."""
    inner = in_turn([7], (1, "r"))
    outer = publish_frames(1, "", "q", inner)
    turning.sends_octets((outer + in_turn([3], (2, "s"))) * 3)
    at = outer.index(inner)
    turning.sends_octets(outer[:at])
    turning.sends_octets(outer[at:] + in_turn([4], (1, "r")))
    assert bodies_in(turning, "r") == [*"012", "4"]
    assert [message.body for message in turning.world.queue("q").ready][3:] == [inner] * 4


def test_the_contents_of_another_channel_may_lie_between(turning: Peer) -> None:
    """While one is not complete, all go the general way."""
    publish = frame(METHOD, 2, BasicPublish(routing_key="s").encode())
    parts = [publish, frame(HEADER, 2, header(2)), frame(BODY, 2, b"x"), frame(BODY, 2, b"y")]
    octets = b"".join(
        part + in_turn([number], (1, "q"), (1, "r")) for number, part in enumerate(parts, 3)
    )
    turning.sends_octets(octets + in_turn([7], *TURNS))
    assert bodies_in(turning, "q") == bodies_in(turning, "r") == digits(0, 8)
    assert bodies_in(turning, "s") == [*"001122", "xy", "7", "7"]


def test_their_acks_come_in_order(peer: Peer) -> None:
    peer.opens_channel(2)
    for queue in "qr":
        peer.declares(1, queue)
    peer.wants_confirms(2)
    peer.sends_octets(in_turn(range(5), (1, "q"), (2, "r"), (2, "q")))
    peer.receives(2, BasicAck(10, multiple=True))
    peer.receives_nothing()


# how many are remembered


def test_there_is_a_bound(
    peer: Peer, publishes: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanner, "MEMOS_MAX", 8)
    names = [f"q{number:02}" for number in range(20)]
    for name in names:
        peer.declares(1, name)
    seen = set()
    for number in range(6):
        for name in names:
            peer.sends_octets(in_turn([number], (1, name)))
            seen.add(len(peer.connection.memos))
    assert max(seen) == 8
    for name in names:
        assert bodies_in(peer, name) == digits(0, 6)
    publishes.clear()
    few = [(1, name) for name in names[:5]]
    peer.sends_octets(in_turn(range(6, 20), *few))
    assert len(publishes) <= 3 * len(few), "few enough are known again"
    assert bodies_in(peer, "q00") == digits(0, 20)


def test_more_than_are_remembered(peer: Peer) -> None:
    """Then each of them costs what it did without."""
    peer.sends_octets(
        in_turn(range(3), *((1, f"nowhere {number}") for number in range(MEMOS_MAX + 2)))
    )
    assert len(peer.connection.memos) <= MEMOS_MAX
    assert peer.world.vhost.exchanges[""].published == 3 * (MEMOS_MAX + 2)


def test_long_ones_are_remembered_one_at_a_time(peer: Peer, publishes: list[bytes]) -> None:
    for queue in "qr":
        peer.declares(1, queue)
    long = publish_frames(1, "", "q", b"x", headers=table(text="y" * MEMO_OCTETS_MAX))
    peer.sends_octets((long * 3 + in_turn([1], (1, "r"))) * 3)
    memos = peer.connection.memos
    assert all(len(prefix) <= MEMO_OCTETS_MAX for prefix in memos)
    assert len(memos) == 1
    publishes.clear()
    peer.sends_octets(long * 100)
    assert len(publishes) <= 1
    assert bodies_in(peer, "q") == ["x"] * 109
    assert bodies_in(peer, "r") == ["1"] * 3


@pytest.mark.parametrize("excess", [0, 1])
def test_up_to_the_octet(peer: Peer, excess: int) -> None:
    """The length up to the body decides, whatever the body."""
    bare = len(publish_frames(1, "", "q", b"x" * 1000, headers=table(text=""))) - 1001
    text = "t" * (MEMO_OCTETS_MAX + excess - bare)
    long = publish_frames(1, "", "q", b"x" * 1000, headers=table(text=text))
    assert len(long) - 1000 - 1 == MEMO_OCTETS_MAX + excess
    peer.sends_octets((long + in_turn([1], (1, "r"))) * 4)
    assert len(peer.connection.memos) == 2 - excess


# what was remembered may not stand any more


def test_they_follow_the_topology(turning: Peer, other: Peer) -> None:
    """Whoever changes it."""
    other.sends(1, QueueDelete(queue="r"))
    other.receives(1, QueueDeleteOk(3))
    turning.sends_octets(in_turn([3], *TURNS))
    other.declares(1, "r")
    turning.sends_octets(in_turn([4], *TURNS))
    assert bodies_in(turning, "q") == digits(0, 5)
    assert bodies_in(turning, "r") == ["4"]


def test_they_follow_bindings(peer: Peer, other: Peer) -> None:
    for queue in "qr":
        peer.declares(1, queue)
        peer.binds(1, queue, "amq.direct", "both")
        peer.binds(1, queue, "amq.direct", queue)
    keys = ("q", "both", "r")

    def turn(number: int) -> bytes:
        return b"".join(publish_frames(1, "amq.direct", key, b"%d" % number) for key in keys)

    peer.sends_octets(b"".join(map(turn, range(3))))
    peer.declares(1, "t")
    other.binds(1, "t", "amq.direct", "both")
    peer.sends_octets(b"".join(map(turn, range(3, 6))))
    assert bodies_in(peer, "q") == list(chain(*zip(digits(0, 6), digits(0, 6), strict=True)))
    assert bodies_in(peer, "t") == digits(3, 6)


def test_they_follow_the_permissions(turning: Peer) -> None:
    turning.world.node.execute(SetPermissions("guest", "/", ".*", "^$", ".*"))
    turning.sends_octets(in_turn([3], *TURNS))
    for channel in (1, 2):
        assert turning.takes(channel, ChannelClose).reply_code == 403
    turning.receives_nothing()
    assert bodies_in(turning, "q") == bodies_in(turning, "r") == digits(0, 3)


def test_a_change_between_two_of_one_read(turning: Peer) -> None:
    turning.sends_octets(
        in_turn([3], (1, "q"), (1, "r"))
        + frame(METHOD, 1, QueueDelete(queue="r", nowait=True).encode())
        + in_turn([4], (1, "q"), (1, "r"))
        + frame(METHOD, 1, QueueDeclare(queue="r", nowait=True).encode())
        + in_turn([5], (1, "q"), (1, "r"))
    )
    assert bodies_in(turning, "q") == digits(0, 6)
    assert bodies_in(turning, "r") == ["5"]


def test_a_queue_that_becomes_another_kind(turning: Peer, publishes: list[bytes]) -> None:
    """What was remembered goes, and is remembered again."""
    turning.publishes(1, "q", "x", expiration="1000")
    publishes.clear()
    turning.sends_octets(in_turn(range(3, 6), *TURNS))
    assert publishes.count(b"3") == len(TURNS)
    turning.world.queue("q").check_invariants()
    publishes.clear()
    turning.sends_octets(in_turn(range(6, 9), *TURNS))
    assert publishes == []
    assert bodies_in(turning, "q") == [*"012", "x", *"345678"]


def test_a_channel_that_is_closed_and_opened_again(turning: Peer) -> None:
    turning.sends(2, ChannelClose())
    turning.receives(2, ChannelCloseOk())
    assert (turning.connection.memo, turning.connection.memos) == (None, {})
    turning.sends_octets(in_turn(range(3, 6), (1, "q"), (1, "r")))
    turning.opens_channel(2)
    turning.wants_confirms(2)
    turning.sends_octets(in_turn(range(6, 9), *TURNS))
    turning.receives(2, BasicAck(3, multiple=True))
    assert bodies_in(turning, "q") == digits(0, 9)
    assert bodies_in(turning, "s") == [*"001122", *"667788"]


def test_publishing_to_a_channel_that_is_gone(turning: Peer) -> None:
    turning.sends(2, ChannelClose())
    turning.receives(2, ChannelCloseOk())
    turning.sends_octets(in_turn([3], *TURNS))
    assert turning.takes(0, ConnectionClose).reply_code == 504
    assert bodies_in(turning, "s") == list("001122")


def test_what_follows_a_refusal_on_its_channel_is_ignored(turning: Peer) -> None:
    """In the same read: the refusal of one message makes the channel forget all of them."""
    turning.sends_octets(
        in_turn([3], *TURNS) + publish_frames(2, "nope", "s", b"x") + in_turn([4, 5], *TURNS)
    )
    assert turning.takes(2, ChannelClose).reply_code == 404
    assert bodies_in(turning, "q") == digits(0, 6)
    assert bodies_in(turning, "s") == [*"00112233", *"45"]
    turning.reopens(2)
    turning.sends_octets(in_turn([6], *TURNS))
    assert bodies_in(turning, "s") == [*"00112233", *"45", *"66"]


def test_a_channel_that_becomes_transactional(turning: Peer) -> None:
    turning.sends(2, TxSelect())
    turning.receives(2, TxSelectOk())
    turning.sends_octets(in_turn([3, 4], *TURNS))
    assert bodies_in(turning, "q") == digits(0, 5)
    assert bodies_in(turning, "s") == [*"001122", *"34"]
    turning.sends(2, TxCommit())
    turning.receives(2, TxCommitOk())
    turning.sends_octets(in_turn([5], *TURNS))
    turning.sends(2, TxRollback())
    turning.receives(2, TxRollbackOk())
    turning.sends_octets(in_turn([6], (2, "s"), (2, "s")) * 2)
    assert bodies_in(turning, "s") == [*"001122", *"34", *"34", "5"]


def test_a_channel_that_begins_to_confirm(turning: Peer) -> None:
    turning.sends_octets(
        in_turn([3], *TURNS)
        + frame(METHOD, 2, ConfirmSelect().encode())
        + in_turn([4, 5, 6], *TURNS)
    )
    turning.receives(2, ConfirmSelectOk(), BasicAck(3, multiple=True))
    turning.receives_nothing()
    assert bodies_in(turning, "q") == digits(0, 7)


@pytest.mark.parametrize("fast_path", ["on", "off"])
def test_a_channel_that_waits_for_a_decision(fast_path: str) -> None:
    """What it publishes meanwhile waits as well; the others go on."""
    replicator = DelayedReplicator()
    peer = World({"fast_path": fast_path}, replicator=replicator).peer()
    peer.opens_channel(1, 2)
    for queue in "qrs":
        peer.declares(1, queue)
    replicator.is_immediate = False
    peer.sends_octets(in_turn(range(3), *TURNS))
    peer.sends_octets(
        frame(METHOD, 2, QueueDeclare(queue="t").encode()) + in_turn(range(3, 6), *TURNS)
    )
    assert bodies_in(peer, "q") == digits(0, 6)
    assert bodies_in(peer, "s") == [*"001122", *"345"]
    replicator.decide()
    peer.world.settle()
    peer.receives(2, QueueDeclareOk("t", 0, 0))
    assert bodies_in(peer, "s") == [*"001122", *"345", *"345"]
    peer.sends_octets(in_turn(range(6, 8), *TURNS))
    assert bodies_in(peer, "s") == [*"001122", *"345", *"345", *"6677"]


def test_a_channel_that_waits_for_the_disk() -> None:
    log = DelayedLog()
    peer = World(log=log).peer()
    peer.opens_channel(1, 2)
    peer.declares(1, "q", durable=True)
    peer.sends(2, TxSelect())
    peer.receives(2, TxSelectOk())
    kinds = [
        publish_frames(channel, "", "q", b"%d" % channel, delivery_mode=2) for channel in (1, 2)
    ]
    peer.sends_octets(b"".join(kinds) * 3)
    peer.sends_octets(frame(METHOD, 2, TxCommit().encode()) + b"".join(kinds) * 3)
    peer.receives_nothing()
    log.sync()
    peer.world.settle()
    peer.receives(2, TxCommitOk())
    assert bodies_in(peer, "q") == list("111222111")
    peer.sends(2, TxCommit())
    log.sync()
    peer.world.settle()
    peer.receives(2, TxCommitOk())
    assert bodies_in(peer, "q") == list("111222111222")


def alarm(peer: Peer, resource: str) -> None:
    peer.world.node.set_alarm(resource)
    peer.world.settle()


def all_clear(peer: Peer, resource: str) -> None:
    peer.world.node.clear_alarm(resource)
    peer.world.settle()


def test_after_an_alarm_the_next_publish_is_noticed(turning: Peer) -> None:
    """Whoever publishes while there is an alarm is blocked, and that is asked anew after each."""
    for number in range(3, 6):
        alarm(turning, "memory")
        turning.receives(0, ConnectionBlocked("low on memory"))
        assert not turning.transport.is_reading
        all_clear(turning, "memory")
        turning.receives(0, ConnectionUnblocked())
        assert turning.transport.is_reading
        alarm(turning, "disk")
        turning.receives_nothing(0)
        turning.sends_octets(in_turn([number], *TURNS))
        turning.receives(0, ConnectionBlocked("low on disk"))
        all_clear(turning, "disk")
        turning.receives(0, ConnectionUnblocked())
        turning.sends_octets(in_turn([number], *TURNS))
    assert bodies_in(turning, "q") == [*"012", *"334455"]


# limits of a turn


def test_a_peer_that_sends_a_lot_is_not_read_for_the_rest_of_the_turn(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.sends_octets(publish_frames(1, "", "q", b"x" * (ABSORB_MAX // 2)), settle=False)
    assert peer.transport.is_reading
    peer.sends_octets(publish_frames(1, "", "q", b"x" * (ABSORB_MAX // 2)), settle=False)
    assert not peer.transport.is_reading
    peer.world.settle()
    assert peer.transport.is_reading
    assert peer.world.queue("q").ready_count == 2


def test_a_peer_that_asks_for_more_than_it_takes_has_to_wait(peer: Peer) -> None:
    peer.declares(1, "q")
    body = b"x" * 100_000
    count = 2 * REPLIES_MAX // len(body)
    for _ in range(count):
        peer.publishes(1, "q", body)
    peer.connection.on_transport_paused()
    gets = frame(METHOD, 1, BasicGet(queue="q", no_ack=True).encode()) * count
    peer.sends_octets(gets)
    assert not peer.transport.is_reading
    waiting = peer.world.queue("q").ready_count
    assert 0 < waiting < count
    assert peer.connection.outbox_octets < REPLIES_MAX + 2 * len(body)
    while peer.world.queue("q").ready_count:
        peer.connection.on_transport_resumed()
        peer.world.settle()
    assert peer.transport.is_reading
    found = peer.takes_all(1)
    assert [content.body for content in found if isinstance(content, Content)] == [body] * count


def test_reading_goes_on_after_a_turn_with_many_replies(peer: Peer) -> None:
    """The kernel takes all of it, so nobody ever says that the transport has drained."""
    peer.declares(1, "q")
    for _ in range(40):
        peer.publishes(1, "q", b"x" * 30_000)
    octets = publish_frames(1, "", "nowhere", b"y" * 30_000) * 10
    octets += frame(METHOD, 1, BasicGet(queue="q", no_ack=True).encode()) * 40
    peer.sends_octets(octets)
    assert peer.transport.pauses
    assert peer.transport.is_reading
    assert len(peer.takes_all(1)) == 40


def test_one_peer_has_so_many_frames_in_a_turn(peer: Peer) -> None:
    """The rest waits in order, and the peer is not read meanwhile."""
    count = 2 * FRAMES_MAX + 100
    peer.sends_octets(frame(METHOD, 1, BasicQos().encode()) * count, settle=False)
    assert peer.connection.is_stalled
    assert not peer.transport.is_reading
    peer.sends(1, QueueDeclare(queue="q"), settle=False)  # was on its way
    turns = 0
    while peer.connection.is_stalled:
        peer.world.turn()
        turns += 1
    assert turns == 2
    peer.world.settle()
    peer.receives(1, *[BasicQosOk()] * count, QueueDeclareOk("q", 0, 0))
    assert peer.transport.is_reading


def test_messages_alike_count_for_nothing_in_that(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.publishes(1, "q", *["x"] * (2 * FRAMES_MAX), settle=False)
    assert not peer.connection.is_stalled
    assert peer.world.queue("q").ready_count == 2 * FRAMES_MAX


def test_nothing_is_absorbed_after_the_end(peer: Peer) -> None:
    peer.declares(1, "q")
    peer.connection.drop()
    peer.publishes(1, "q", "x")
    assert peer.world.queue("q").ready_count == 0
    assert peer.connection.state is State.CLOSED


def test_a_bug_in_the_scanner_costs_the_connection(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Channel, "publish_run", broken)
    peer.publishes(1, "q", *"abc")
    assert peer.takes(0, ConnectionClose).reply_code == 541
    assert peer.world.node.bug_count == 1


# publishers that outrun the disk


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> tuple[Peer, DelayedLog]:
    """A confirming peer of a node whose disk is behind from 1000 octets on; q is durable."""
    monkeypatch.setattr(commit_log, "BEHIND_OCTETS", 1000)
    log = DelayedLog()
    peer = World(log=log).peer(heartbeat=10)
    peer.opens_channel(1)
    peer.declares(1, "q", durable=True)
    peer.wants_confirms(1)
    return peer, log


def sync(peer: Peer, log: DelayedLog) -> None:
    log.sync()
    peer.world.settle()


def test_a_publisher_is_not_read_while_the_disk_is_behind(slow: tuple[Peer, DelayedLog]) -> None:
    peer, log = slow
    peer.publishes(1, "q", "x" * 500, delivery_mode=2)
    assert peer.transport.is_reading
    peer.publishes(1, "q", "y" * 500, delivery_mode=2)
    assert not peer.transport.is_reading
    assert list(peer.world.node.held_peers.values()) == [peer.connection]
    peer.receives_nothing()
    sync(peer, log)
    assert peer.transport.is_reading
    assert peer.world.node.held_peers == {}
    peer.receives(1, BasicAck(2, multiple=True))


def test_what_was_on_its_way_is_not_lost(slow: tuple[Peer, DelayedLog]) -> None:
    peer, log = slow
    bodies = [f"{number:03}" * 100 for number in range(20)]
    for body in bodies:
        peer.publishes(1, "q", body, delivery_mode=2)
    assert peer.transport.pauses == 1, "it is said once"
    octets = publish_frames(1, "", "q", b"end", delivery_mode=2)
    peer.sends_octets(octets[:30])
    sync(peer, log)
    assert peer.transport.is_reading
    peer.receives(1, BasicAck(20, multiple=True))
    peer.sends_octets(octets[30:])
    sync(peer, log)
    peer.receives(1, BasicAck(21))
    assert bodies_in(peer, "q") == [*bodies, "end"]


def test_runs_are_noticed_as_well(slow: tuple[Peer, DelayedLog]) -> None:
    peer, log = slow
    peer.publishes(1, "q", "x", "x", delivery_mode=2)
    sync(peer, log)
    peer.publishes(1, "q", *["x"] * 1200, delivery_mode=2)
    assert peer.connection.is_held
    sync(peer, log)
    peer.receives(1, BasicAck(2, multiple=True), BasicAck(1202, multiple=True))


def test_who_only_consumes_goes_on(slow: tuple[Peer, DelayedLog]) -> None:
    """Its acks make room."""
    peer, log = slow
    consumer = peer.world.peer()
    consumer.opens_channel(1)
    consumer.consumes(1, "q")
    peer.publishes(1, "q", "x" * 1000, "y" * 1000, delivery_mode=2)
    assert peer.connection.is_held
    tags = consumer.receives_bodies(1, "x" * 1000, "y" * 1000)
    consumer.sends(1, BasicAck(tags[-1], multiple=True), BasicQos())
    consumer.receives(1, BasicQosOk())
    assert not consumer.connection.is_held
    assert consumer.transport.is_reading
    sync(peer, log)
    assert peer.transport.is_reading
    assert peer.world.queue("q").acked == 2


def test_who_begins_to_publish_then_is_held_too(slow: tuple[Peer, DelayedLog]) -> None:
    peer, log = slow
    later = peer.world.peer()
    later.opens_channel(1)
    peer.publishes(1, "q", "x" * 1000, delivery_mode=2)
    later.publishes(1, "nowhere", "x")
    assert later.connection.is_held
    sync(peer, log)
    assert later.transport.is_reading


def test_a_held_peer_still_gets_what_it_consumes(slow: tuple[Peer, DelayedLog]) -> None:
    peer, _ = slow
    other = peer.world.peer()
    other.opens_channel(1)
    other.declares(1, "r")
    peer.consumes(1, "r")
    peer.publishes(1, "q", "x" * 1000, delivery_mode=2)
    other.publishes(1, "r", "a", "b")
    assert peer.connection.is_held
    peer.receives_bodies(1, "a", "b")


def test_silence_is_not_held_against_it(slow: tuple[Peer, DelayedLog]) -> None:
    """We do not read its heartbeats."""
    peer, log = slow
    peer.publishes(1, "q", "x" * 1000, delivery_mode=2)
    peer.world.passes(100_000)
    assert not peer.is_hung_up
    sync(peer, log)
    peer.world.passes(19_000)
    assert not peer.is_hung_up
    peer.world.passes(2_000)
    assert peer.is_hung_up


def test_every_reason_not_to_read_has_to_go(slow: tuple[Peer, DelayedLog]) -> None:
    peer, log = slow
    node = peer.world.node
    body = "x" * 1000
    for first in ("disk", "alarm", "transport"):
        peer.publishes(1, "q", body, delivery_mode=2)
        node.set_alarm("memory")
        peer.connection.on_transport_paused()
        assert not peer.transport.is_reading
        ends = {
            "disk": lambda: sync(peer, log),
            "alarm": lambda: node.clear_alarm("memory"),
            "transport": peer.connection.on_transport_resumed,
        }
        ends.pop(first)()
        assert not peer.transport.is_reading
        for end in ends.values():
            end()
        peer.world.settle()
        assert peer.transport.is_reading, first
        peer.connection.has_published = False
        peer.takes_all(0)


def test_a_turn_with_much_in_it_does_not_read_on_a_held_peer(
    slow: tuple[Peer, DelayedLog],
) -> None:
    peer, log = slow
    peer.publishes(1, "q", "x" * (ABSORB_MAX + 1), delivery_mode=2)
    assert not peer.transport.is_reading
    gets = frame(METHOD, 1, BasicQos().encode()) * (FRAMES_MAX + 100)
    peer.sends_octets(gets)  # was on its way; it stalls, and is done with in the next turn
    assert len(peer.takes_all(1)) == FRAMES_MAX + 100
    assert not peer.transport.is_reading
    sync(peer, log)
    assert peer.transport.is_reading


def test_a_decision_does_not_read_on_a_held_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit_log, "BEHIND_OCTETS", 1000)
    log, replicator = DelayedLog(), DelayedReplicator()
    peer = World(log=log, replicator=replicator).peer()
    peer.opens_channel(1, 2)
    peer.declares(1, "q", durable=True)
    replicator.is_immediate = False
    peer.sends(2, QueueDeclare(queue="r"))
    peer.publishes(1, "q", "x" * 1000, delivery_mode=2)
    replicator.decide()
    peer.world.settle()
    peer.receives(2, QueueDeclareOk("r", 0, 0))
    assert not peer.transport.is_reading
    sync(peer, log)
    assert peer.transport.is_reading


def test_a_held_peer_that_is_refused_can_say_that_it_has_heard(
    slow: tuple[Peer, DelayedLog],
) -> None:
    peer, log = slow
    peer.sends_octets(
        publish_frames(1, "", "q", b"x" * 1000, delivery_mode=2) + frame(METHOD, 0, b"\0\x0a\0\x28")
    )
    assert peer.takes(0, ConnectionClose).reply_code in (501, 502, 503)
    sync(peer, log)
    assert peer.transport.is_reading


@pytest.mark.parametrize("how", ["close", "stop", "drop", "lost"])
def test_a_held_peer_that_goes(slow: tuple[Peer, DelayedLog], how: str) -> None:
    """What it published is kept, and the node remembers nothing of it."""
    peer, log = slow
    node = peer.world.node
    peer.publishes(1, "q", "x" * 1000, delivery_mode=2)
    assert node.held_peers
    if how == "close":
        peer.sends(0, ConnectionClose())
        peer.receives(0, ConnectionCloseOk())
        assert peer.transport.is_reading
    elif how == "stop":
        peer.connection.shut_down("because")
    elif how == "drop":
        peer.connection.drop()
    if how != "lost":
        sync(peer, log)
    peer.drops()
    assert node.held_peers == {}
    sync(peer, log)
    assert bodies_in(peer, "q") == ["x" * 1000]
    assert node.bug_count == 0


def test_without_a_disk_nobody_is_held(peer: Peer) -> None:
    peer.declares(1, "q", durable=True)
    peer.publishes(1, "q", *["x" * 10_000] * 20, delivery_mode=2)
    assert peer.transport.is_reading
    assert not peer.connection.is_held
