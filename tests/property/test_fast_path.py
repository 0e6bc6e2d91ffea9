"""`fast_path` on and off: the same octets in give the same octets out, whatever was said.

And where messages are kept, the same in the log, at every commit and after a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.amqp.methods import ChannelClose, ChannelCloseOk, ChannelOpen, ChannelOpenOk
from broker.amqp.wire import EMPTY_TABLE, Table
from broker.store.commit_log import Batch, CommitLog
from tests.property.conftest import examples
from tests.property.conversations import (
    CHANNELS,
    FRAME_MAX,
    durable_reads,
    method_octets,
    prepare,
    reads,
    start_consumers,
)
from tests.support.builders import table
from tests.support.kept import NO_LIMIT, KeptWorld, live_in, reopened
from tests.support.peer import Peer, World


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are logged; thousands of them are meant."""
    caplog.set_level(logging.CRITICAL, logger="broker")


# Of a read of the socket, the share that comes first; the rest comes after a turn.
cuts = st.sampled_from([0.0, 0.0, 0.0, 0.3, 0.5, 0.9])


class Twins:
    """Two nodes that are told the same, and must say the same. The first has the fast path."""

    def __init__(
        self,
        make: Callable[[dict[str, object]], World] = World,
        *,
        durable: bool = False,
        arguments: Table = EMPTY_TABLE,
    ) -> None:
        self.worlds = [make({"fast_path": True}), make({"fast_path": False})]
        self.peers: list[list[Peer]] = []  # by number, then by world
        for number in range(2):
            self._connect(number)
        for peer in self.peers[0]:
            prepare(peer, durable=durable, arguments=arguments)
            start_consumers(peer, 2)
            if arguments:  # queues that may refuse
                peer.wants_confirms(1)
        for peer in self.peers[1]:
            peer.opens_channel(*CHANNELS)
            peer.consumes(1, "q1", "fifth")
            peer.consumes(1, "q2", "sixth")

    def _connect(self, number: int) -> None:
        self.peers[number:number] = [[world.peer(frame_max=FRAME_MAX) for world in self.worlds]]

    def say(self, number: int, octets: bytes, cut: float = 0.0) -> None:
        """One read of a peer's socket, or two."""
        at = int(len(octets) * cut)
        for part in (octets[:at], octets[at:]):
            if part:
                for peer in self.peers[number]:
                    peer.sends_octets(part)
                self.compare()
        self.recover()

    def wait(self, pause_ms: int) -> None:
        """Time passes, and whatever expires does."""
        if pause_ms:
            for world in self.worlds:
                world.passes(pause_ms, step_ms=pause_ms)
            self.compare()
            self.recover()

    def compare(self) -> None:
        """Both have said the same so far."""
        for fast, plain in self.peers:
            assert fast.transport.written == plain.transport.written
            assert fast.is_hung_up == plain.is_hung_up
            assert fast.transport.is_reading == plain.transport.is_reading

    def recover(self) -> None:
        """Agree to closed channels and open them again, so that the conversation can go on."""
        for number in range(2):
            self._recover(number)

    def _recover(self, number: int) -> None:
        fast = self.peers[number][0]
        if fast.is_hung_up or fast.inbox(0):
            self._reconnect(number)
            return
        for channel in CHANNELS:
            received = fast.takes_all(channel)
            again = b""
            if any(isinstance(command, ChannelClose) for command in received):
                again = method_octets(channel, ChannelCloseOk())
            elif not any(isinstance(command, ChannelCloseOk) for command in received):
                continue
            for peer in self.peers[number]:
                peer.sends_octets(again + method_octets(channel, ChannelOpen()))
            if ChannelOpenOk() not in fast.takes_all(channel):
                self._reconnect(number)  # it was in the middle of a content
                return

    def _reconnect(self, number: int) -> None:
        for peer in self.peers.pop(number):
            peer.drops()
        self._connect(number)
        for peer in self.peers[number]:
            peer.opens_channel(*CHANNELS)
            if "q1" in peer.world.vhost.queues:
                peer.consumes(2, "q1", "again")

    def finish(self) -> None:
        """Both nodes hold the same."""
        for fast, plain in zip(
            self.worlds[0].vhost.queues.values(),
            self.worlds[1].vhost.queues.values(),
            strict=True,
        ):
            assert fast.name == plain.name
            assert fast.ready_count == plain.ready_count
            assert fast.unacked_count == plain.unacked_count
            assert fast.published == plain.published
            assert fast.acked == plain.acked
        published = [
            {name: exchange.published for name, exchange in world.vhost.exchanges.items()}
            for world in self.worlds
        ]
        assert published[0] == published[1]
        assert [world.node.bug_count for world in self.worlds] == [0, 0]


@examples(250)
@given(script=st.lists(st.tuples(st.integers(0, 1), reads, cuts), min_size=1, max_size=12))
def test_a_conversation_has_the_same_answers(script: list[tuple[int, bytes, float]]) -> None:
    twins = Twins()
    for number, octets, cut in script:
        twins.say(number, octets, cut)
    twins.finish()


# queues with features

featured: st.SearchStrategy[Table] = st.fixed_dictionaries(
    {},
    optional={
        "x_message_ttl": st.sampled_from([0, 10, 1000]),
        "x_max_length": st.sampled_from([0, 1, 3, 8]),
        "x_max_length_bytes": st.sampled_from([0, 20, 500]),
        "x_overflow": st.sampled_from(["drop-head", "reject-publish", "reject-publish-dlx"]),
        "x_max_priority": st.sampled_from([1, 10]),
        "x_single_active_consumer": st.just(True),
        "x_dead_letter_exchange": st.just("ef"),
    },
).map(lambda arguments: table(**arguments))
pauses = st.sampled_from([0, 0, 1, 10, 500])


@examples(250)
@given(
    script=st.lists(st.tuples(st.integers(0, 1), reads, cuts, pauses), min_size=1, max_size=12),
    arguments=featured,
)
def test_queues_with_features_have_the_same_answers(
    script: list[tuple[int, bytes, float, int]], arguments: Table
) -> None:
    twins = Twins(arguments=arguments)
    for number, octets, cut, pause_ms in script:
        twins.say(number, octets, cut)
        twins.wait(pause_ms)
    twins.finish()


# where messages are kept


@dataclass(frozen=True)
class Say:
    number: int
    octets: bytes
    cut: float


@dataclass(frozen=True)
class Commit:
    """part: "begin", "end", or both."""

    part: str


@dataclass(frozen=True)
class PageOut:
    keep_octets: int


Step = Say | Commit | PageOut
says = st.builds(Say, st.integers(0, 1), durable_reads, cuts)
steps: st.SearchStrategy[Step] = st.one_of(
    says,
    says,
    says,
    st.builds(Commit, st.sampled_from(["begin", "end", "both", "both"])),
)
paging_steps: st.SearchStrategy[Step] = st.one_of(
    steps, steps, st.builds(PageOut, st.sampled_from([0, 200, 2000]))
)


class KeptTwins(Twins):
    """Twins whose messages are in logs, each on a disk of its own, committed at the same points."""

    worlds: list[KeptWorld]  # type: ignore[assignment]

    def __init__(self, queue_memory: int, arguments: Table = EMPTY_TABLE):
        super().__init__(
            lambda settings: KeptWorld(queue_memory=queue_memory, settings=settings),
            durable=True,
            arguments=arguments,
        )
        self.batches: list[Batch] | None = None  # of the commit under way

    def take(self, step: Step) -> None:
        if isinstance(step, Say):
            self.say(step.number, step.octets, step.cut)
        elif isinstance(step, PageOut):
            for world in self.worlds:
                for queue in world.vhost.queues.values():
                    queue.page_out(step.keep_octets)
        else:
            if step.part != "end":
                self.begin()
            if step.part != "begin":
                self.end()

    def begin(self) -> None:
        if self.batches is None:
            self.batches = [world.log.begin() for world in self.worlds]

    def end(self) -> None:
        batches, self.batches = self.batches, None
        for world, batch in zip(self.worlds, batches or (), strict=bool(batches)):
            world.completes(batch)
        self.compare()
        self.recover()

    def logs(self) -> list[CommitLog]:
        return [world.log for world in self.worlds]

    def found(self) -> list[CommitLog]:
        """The logs as they would be found if both nodes were killed now."""
        return [reopened(world.disk.after_kill()) for world in self.worlds]


def contents(log: CommitLog) -> dict[int, Any]:
    """Everything that a log knows of its queues."""
    return {
        queue_id: (
            [_known(kept) for kept in live_in(queue)],
            queue.next_seq,
            queue.floor,
            list(queue.settled),
            list(queue.delivered),
            queue.has_deadlines,
        )
        for queue_id, queue in log.queues.items()
    }


def survivors(log: CommitLog) -> dict[int, Any]:
    """Of a log after a crash, what it brings back."""
    found = {
        queue_id: [_known(kept) for kept in live_in(queue)]
        for queue_id, queue in log.queues.items()
    }
    return {queue_id: known for queue_id, known in found.items() if known}


def _known(kept: Any) -> tuple[object, ...]:
    envelope = kept.message.envelope
    described = envelope.address, envelope.header, envelope.blind_keys
    return (kept.seq, *described, kept.message.body, kept.deadline_ms, kept.delivery_count)


@examples(150)
@given(script=st.lists(steps, min_size=1, max_size=12))
def test_the_same_is_kept_and_confirmed(script: list[Step]) -> None:
    twins = KeptTwins(NO_LIMIT)
    for step in script:
        twins.take(step)
        fast, plain = twins.logs()
        assert (fast.number, fast.synced) == (plain.number, plain.synced)
        assert (fast.has_news, fast.is_urgent) == (plain.has_news, plain.is_urgent)
        assert fast.kept_count == plain.kept_count
    fast, plain = twins.found()
    assert contents(fast) == contents(plain)
    twins.begin()
    twins.end()
    twins.begin()
    twins.end()
    twins.finish()
    for fast, plain in (twins.logs(), twins.found()):
        assert contents(fast) == contents(plain)


@examples(150)
@given(script=st.lists(steps, min_size=1, max_size=12), arguments=featured)
def test_queues_with_features_keep_the_same(script: list[Step], arguments: Table) -> None:
    twins = KeptTwins(NO_LIMIT, arguments)
    for step in script:
        twins.take(step)
        fast, plain = twins.logs()
        assert (fast.number, fast.synced) == (plain.number, plain.synced)
        assert fast.kept_count == plain.kept_count
    for _ in range(2):
        twins.begin()
        twins.end()
    twins.finish()
    for fast, plain in (twins.logs(), twins.found()):
        assert contents(fast) == contents(plain)


@examples(100)
@given(
    script=st.lists(paging_steps, min_size=1, max_size=12),
    queue_memory=st.sampled_from([0, 400, 3000]),
)
def test_the_same_comes_back_from_disk(script: list[Step], queue_memory: int) -> None:
    """Where memory is short a run goes to disk as a whole, or stays in memory as a whole: what is
    where may differ, but not what is seen of it."""
    twins = KeptTwins(queue_memory)
    for step in script:
        twins.take(step)
    fast, plain = twins.found()
    assert survivors(fast) == survivors(plain)
    for _ in range(2):
        twins.begin()
        twins.end()
    twins.finish()
    fast, plain = twins.found()
    assert survivors(fast) == survivors(plain)
