from __future__ import annotations

import pytest

from broker.message import Message
from broker.store import commit_log as module
from broker.store.commit_log import BEHIND_OCTETS, CommitLog
from broker.store.format import BLOCK_OCTETS, MESSAGES, REFER, TRANSIENT, read_block_header
from broker.store.queue_log import QueueLog
from broker.store.reader import CACHE_BLOCKS
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import (
    bodies_of,
    commit,
    envelope,
    keep,
    live_in,
    messages,
    opened,
    reopened,
    share,
    written,
)


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


# numbers


def test_commits_are_numbered(log: CommitLog, queue: QueueLog) -> None:
    assert (log.number, log.synced) == (1, 0)
    keep(queue, "a")
    batch = log.begin()
    assert (batch.number, log.number, log.synced) == (1, 2, 0)
    keep(queue, "b")
    batch.write(log.files, sync=True)
    assert log.synced == 0
    log.finish()
    assert (log.number, log.synced) == (2, 1)
    commit(log)
    assert (log.number, log.synced) == (3, 2)


def test_there_is_one_commit_at_a_time(log: CommitLog, queue: QueueLog) -> None:
    log.begin()
    with pytest.raises(AssertionError, match="one commit at a time"):
        log.begin()


def test_what_is_news(log: CommitLog, queue: QueueLog) -> None:
    assert not log.has_news
    (seq,) = keep(queue, "a")
    assert log.has_news
    batch = log.begin()
    assert not log.has_news
    queue.settle(seq)
    assert log.has_news
    batch.write(log.files, sync=True)
    log.finish()
    assert log.has_news
    commit(log)
    assert not log.has_news


def test_somebody_waits_until_a_commit_begins(log: CommitLog, queue: QueueLog) -> None:
    log.is_urgent = True
    keep(queue, "a")
    log.begin()
    assert not log.is_urgent
    log.is_urgent = True
    log.finish()
    assert log.is_urgent, "for the one to come"


def test_persistent_messages_are_counted(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    keep(queue, "a", "b")
    keep(queue, "c", persistent=False)
    share((queue, other), "d")
    assert log.kept_count == 4


# blocks


def test_a_commit_is_a_block(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    for _ in range(3):
        keep(queue, "a", "b")
        keep(queue, "c")
        queue.settle(queue.next_seq - 1)
        commit(log)
    assert sorted({item.block for item in written(disk)}) == [1, 2, 3]
    assert sorted({item.segment for item in written(disk)}) == [1]


def test_a_large_commit_is_several_blocks(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, "first")
    commit(log)
    disk.counts.clear()
    for _ in range(10):
        keep(queue, "x" * (BLOCK_OCTETS // 4))
    keep(queue, "y" * 3 * BLOCK_OCTETS)
    keep(queue, "z")
    commit(log)
    assert [item.block for item in written(disk)] == [1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 5]
    assert disk.counts["sync"] == 1
    assert [len(body) for body in bodies_of(reopened(disk.after_power_loss()), 1)] == (
        [5, *10 * [BLOCK_OCTETS // 4], 3 * BLOCK_OCTETS, 1]
    )


def test_segments_follow_each_other(disk: FaultyDisk) -> None:
    log = reopened(disk, segment_octets=500)
    queue = log.open_queue(1, 1, is_durable=True)
    for number in range(10):
        keep(queue, f"{number}" * 200)
        commit(log)
    sizes = [len(data) for path, data in disk.files().items() if path.endswith(".seg")]
    assert len(sizes) == 5
    assert all(500 <= size < 800 for size in sizes[:-1])
    assert [segment.end for segment in log.space.segments.values()] == sizes
    wanted = [f"{number}" * 200 for number in range(10)]
    assert bodies_of(log, 1) == wanted
    assert bodies_of(reopened(disk.after_power_loss()), 1) == wanted


def test_a_block_knows_what_had_been_synced(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    """Its header says so, which recovery relies on: see test_recovery.py."""
    for _ in range(3):
        keep(queue, "x" * BLOCK_OCTETS)
    commit(log)
    keep(queue, "y")
    batch = log.begin()
    keep(queue, "z")
    log.close_block()
    batch.write(log.files, sync=True)
    log.finish()
    commit(log)
    data, synced, at = disk.contents("log/0000000001.seg"), [], 64
    while (header := read_block_header(data, at)) is not None:
        synced.append((header.number, header.synced))
        at += 32 + header.length
    # the last was closed before the fourth was synced, and turned out to be a commit's last after
    assert synced == [(1, 0), (2, 0), (3, 0), (4, 3), (5, 4)]


def test_the_last_block_of_a_commit_says_so(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    for _ in range(3):
        keep(queue, "x" * BLOCK_OCTETS)
    commit(log)
    keep(queue, "y")
    log.close_block()  # to be read, say
    commit(log)
    keep(queue, "z")
    commit(log)
    data, lasts, at = disk.contents("log/0000000001.seg"), [], 64
    while (header := read_block_header(data, at)) is not None:
        lasts.append(header.is_last)
        at += 32 + header.length
    assert lasts == [False, False, True, True, True]


# what several queues share


def test_a_fan_out_is_written_once(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    others = [log.open_queue(number, number, is_durable=True) for number in range(2, 6)]
    shared = messages(*(f"{number:0>1000}" for number in range(10)))
    for one in (queue, *others):
        one.keep(shared, shared, persistent=True)
    commit(log)
    kinds = [(item.record.kind, item.record.queue_id, item.record.total) for item in written(disk)]
    assert kinds == [(MESSAGES, 1, 10), *((REFER, number, 10) for number in range(2, 6))]
    assert len(disk.contents("log/0000000001.seg")) < 10_600
    wanted = [f"{number:0>1000}" for number in range(10)]
    found = reopened(disk.after_power_loss())
    for number in range(1, 6):
        assert bodies_of(log, number) == wanted
        assert bodies_of(found, number) == wanted
        assert live_in(found.queues[number])[0].seq == number


def test_each_queue_has_its_own_extras(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    other, plain = (log.open_queue(number, 1, is_durable=True) for number in (2, 3))
    shared = messages("x")
    queue.keep(shared, shared, persistent=True, deadline_ms=5)
    other.keep(shared, shared, persistent=True, deadline_ms=7)
    plain.keep(shared, shared, persistent=True)
    commit(log)
    for found in (log, reopened(disk.after_power_loss())):
        deadlines = [live_in(found.queues[number])[0].deadline_ms for number in (1, 2, 3)]
        assert deadlines == [5, 7, 0]


def test_blind_keys_are_in_every_queue(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    secret = envelope(1)
    secret.blind_keys = ("hidden",)
    message = Message(secret, b"x")
    for one in (queue, other):
        one.keep([message], message, persistent=True)
    for one in (queue, other):
        assert live_in(one)[0].message.envelope.blind_keys == ("hidden",)


def test_persistent_in_one_queue_and_transient_in_the_other(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    volatile = log.open_queue(1 << 63, 1, is_durable=False)
    for body, order in (("a", (volatile, queue)), ("b", (queue, volatile))):
        kept = messages(body)
        for one in order:
            one.keep(kept, kept, persistent=one.is_durable)
    commit(log)
    flags = [bool(item.record.flags & TRANSIENT) for item in written(disk)]
    assert flags == [True, False, False, True]
    assert bodies_of(reopened(disk.after_power_loss()), 1) == ["a", "b"]


def test_sharing_ends_with_the_next_message(log: CommitLog, queue: QueueLog) -> None:
    """And with the block: a REFER record is in that of its MESSAGES record."""
    other = log.open_queue(2, 1, is_durable=True)
    shared = messages("a")
    queue.keep(shared, shared, persistent=True)
    keep(queue, "b")
    other.keep(shared, shared, persistent=True)
    queue.keep(shared, shared, persistent=True)
    commit(log)
    other.keep(shared, shared, persistent=True)
    commit(log)
    assert bodies_of(log, 1) == ["a", "b", "a"]
    assert bodies_of(log, 2) == ["a", "a"]


def test_a_queue_may_get_a_message_twice(log: CommitLog, queue: QueueLog) -> None:
    share((queue, queue), "a")
    assert bodies_of(log, 1) == ["a", "a"]


# back


def test_reading_back_at_every_stage(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, "a", "b")
    assert bodies_of(log, 1) == ["a", "b"], "from the open block, which that closes"
    keep(queue, "c")
    batch = log.begin()
    keep(queue, "d")
    assert bodies_of(log, 1) == list("abcd"), "from blocks that are not written yet"
    batch.write(log.files, sync=True)
    assert disk.counts["read"] == 0
    log.finish()
    assert bodies_of(log, 1) == list("abcd")
    assert disk.counts["read"] == 2, "those that were committed; now from the disk"


def test_what_was_read_lately_is_not_read_again(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    for number in range(CACHE_BLOCKS):
        keep(queue, f"{number:02}")
        commit(log)
    for _ in range(3):
        assert len(bodies_of(log, 1)) == CACHE_BLOCKS
    assert disk.counts["read"] == CACHE_BLOCKS
    for _ in range(2 * CACHE_BLOCKS):
        keep(queue, "xx")
        commit(log)
    bodies_of(log, 1)
    assert len(log.reader._cache) == CACHE_BLOCKS


def test_very_large_messages(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    large = "x" * (20 * BLOCK_OCTETS)
    keep(queue, large)
    keep(queue, "y")
    commit(log)
    found = reopened(disk.after_kill())
    assert bodies_of(found, 1) == [large, "y"]
    assert sum(map(len, found.reader._cache.values())) < BLOCK_OCTETS, "it would fill the memory"


def test_empty_messages(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, "", "", "")
    commit(log)
    found = reopened(disk.after_power_loss())
    assert bodies_of(found, 1) == ["", "", ""]


def test_any_bit_of_a_block_that_is_read(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, "body")
    commit(log)
    disk = log.files.disk
    assert isinstance(disk, FaultyDisk)
    block = queue.blocks[0]
    for at in range(64, len(disk.contents("log/0000000001.seg"))):
        damaged = disk.after_kill()
        found = reopened(damaged)
        damaged.flip("log/0000000001.seg", at)
        assert found.payload(block) is None, at


def test_envelopes_read_back_are_shared(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, *"abc")
    keep(queue, *"def")
    commit(log)
    assert len({id(kept.message.envelope) for kept in live_in(queue)}) == 1


# back-pressure


def test_how_much_is_waiting(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, "x" * BEHIND_OCTETS)
    keep(queue, "y")
    assert log.uncommitted_octets > BEHIND_OCTETS
    assert log.is_behind
    batch = log.begin()
    assert log.is_behind, "it is not written yet"
    assert log.uncommitted_octets == 0
    keep(queue, "z")
    assert 0 < log.uncommitted_octets < 200
    batch.write(log.files, sync=True)
    log.finish()
    assert not log.is_behind


def test_payloads_are_let_go_of_when_they_are_written(log: CommitLog, queue: QueueLog) -> None:
    for _ in range(5):
        keep(queue, "x" * BLOCK_OCTETS)
    batch = log.begin()
    assert len(log._payloads) == 5
    batch.write(log.files, sync=True)
    log.finish()
    assert log._payloads == {}
    assert log.pending_octets == 0


# segments go


@pytest.fixture
def small(disk: FaultyDisk) -> QueueLog:
    """A queue with a segment for every message."""
    log = reopened(disk, segment_octets=100)
    queue = log.open_queue(1, 1, is_durable=True)
    for letter in "abcd":
        keep(queue, letter * 100)
        commit(log)
    return queue


def segments_on(disk: FaultyDisk) -> list[int]:
    return [int(name[:10]) for name in disk.names("log") if name.endswith(".seg")]


def test_dead_segments_go_with_a_checkpoint(small: QueueLog, disk: FaultyDisk) -> None:
    assert segments_on(disk) == [1, 2, 3, 4]
    assert opened(disk.after_kill())[1].checkpoint_block == 1
    small.settle_all([1, 3])
    commit(small.log)
    assert segments_on(disk) == [2, 4, 5]
    assert opened(disk.after_kill())[1].checkpoint_block == 5
    assert bodies_of(small.log, 1) == ["b" * 100, "d" * 100]
    found, report = opened(disk.after_power_loss())
    assert (report.gaps, report.lost, report.problems) == ([], {}, [])
    assert bodies_of(found, 1) == ["b" * 100, "d" * 100]


def test_removing_that_fails_half_way(disk: FaultyDisk) -> None:
    """The commit that is tried again had blocks in a segment that it has removed already."""
    log = reopened(disk, segment_octets=100)
    queue = log.open_queue(1, 1, is_durable=True)
    commit(log)
    for letter in "abc":
        keep(queue, letter * 100)
        log.close_block()
    queue.settle_all([1, 2])
    batch = log.begin()
    assert [number for number, _, _ in batch.blocks] == [1, 2, 3, 4]
    assert batch.removals == [1, 2]
    disk.fail("remove", nth=2)
    with pytest.raises(OSError, match="Input/output"):
        batch.write(log.files, sync=True)
    batch.write(log.files, sync=True)
    log.finish()
    assert segments_on(disk) == [3, 4]
    assert bodies_of(reopened(disk.after_power_loss()), 1) == ["c" * 100]


def test_at_every_point_of_that_nothing_is_lost(small: QueueLog, disk: FaultyDisk) -> None:
    before = disk.operations
    small.settle_all([1, 3])
    commit(small.log)
    after = ["b" * 100, "d" * 100]
    whole = [letter * 100 for letter in "abcd"]
    for point in range(before, disk.operations + 1):
        for found in (disk.after_kill(point), *disk.extremes(point)):
            log, report = opened(found)
            assert bodies_of(log, 1) in (whole, after), found.story
            assert (report.gaps, report.lost, report.problems) == ([], {}, [])
            assert bodies_of(reopened(found.after_power_loss()), 1) == bodies_of(log, 1)


def test_a_lot_that_was_written_is_a_reason_for_a_checkpoint(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHECKPOINT_OCTETS", 1000)
    described = []
    for _ in range(8):
        keep(queue, "x" * 300)
        commit(log)
        described.append(opened(disk.after_kill())[1].checkpoint_block)
    assert described == [1, 1, 1, 4, 4, 4, 7, 7], "the first one has the salt"


def test_what_was_in_a_segment_that_is_gone_is_not_remembered(small: QueueLog) -> None:
    bodies_of(small.log, 1)
    small.settle_all([1, 2, 3])
    commit(small.log)
    assert {position >> 32 for position in small.log.reader._cache} == {4}
