from __future__ import annotations

from random import Random

import pytest

from broker.message import Message
from broker.seams import MAYBE_DELIVERED, VOLATILE_ID
from broker.store.commit_log import CommitLog
from broker.store.format import COUNTED, JUMP, MESSAGES, SETTLED, TRANSIENT
from broker.store.queue_log import TRIM_MIN, QueueLog
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, commit, envelope, keep, live_in, opened, reopened, written


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


def seqs(queue: QueueLog) -> list[int]:
    return [kept.seq for kept in live_in(queue)]


def settled_on(disk: FaultyDisk) -> list[list[tuple[int, int]]]:
    """The ranges of every SETTLED record."""
    return [item.pairs for item in written(disk, SETTLED)]


def page_out(queue: QueueLog) -> None:
    """Have everything live on disk only."""
    queue.paged_from, queue.paged_count = queue.floor, queue.live_count


def page_in_all(queue: QueueLog) -> list[str]:
    bodies: list[str] = []
    while queue.paged_count:
        bodies += [kept.message.body.decode() for kept in queue.page_in()]
        queue.check_invariants()
    return bodies


# in


def test_messages_have_the_queues_own_numbers(log: CommitLog) -> None:
    queue = log.open_queue(7, 100, is_durable=True)
    assert keep(queue, "a") == range(100, 101)
    assert keep(queue, "b", "c") == range(101, 103)
    assert queue.next_seq == 103
    assert queue.live_count == 3
    assert seqs(queue) == [100, 101, 102]
    assert log.find_queue(7) is queue
    assert log.find_queue(8) is None


def test_one_entry_for_what_a_commit_brings(log: CommitLog, queue: QueueLog) -> None:
    for _ in range(50):
        keep(queue, "a", "b")
    assert (list(queue.firsts), list(queue.lasts)) == ([1], [100])
    commit(log)
    keep(queue, "c")
    assert (list(queue.firsts), list(queue.lasts)) == ([1, 101], [100, 101])
    assert queue.blocks[0] != queue.blocks[1]


def test_other_queues_in_between_do_not_matter(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    for _ in range(3):
        keep(queue, "a")
        keep(other, "b", "c")
    assert (list(queue.firsts), list(queue.lasts)) == ([1], [3])
    assert (list(other.firsts), list(other.lasts)) == ([1], [6])
    assert bodies_of(log, 1) == ["a", "a", "a"]
    assert bodies_of(log, 2) == ["b", "c"] * 3


def test_numbers_that_are_skipped(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    """Transient messages in between: their numbers are not missing."""
    queue.skip_to(6)
    first = keep(queue, "a")
    assert first == range(6, 7)
    commit(log)
    queue.settle_all(first)
    commit(log)
    queue.skip_to(9)
    assert queue.floor == queue.next_seq == 9
    keep(queue, "b")
    keep(queue, "c")
    commit(log)
    jumps = [bool(item.record.flags & JUMP) for item in written(disk, MESSAGES)]
    assert jumps == [True, True, False]
    found, report = opened(disk.after_kill())
    assert report.lost == {}
    assert [kept.seq for kept in live_in(found.queues[1])] == [9, 10]


def test_what_is_kept_for_want_of_room_is_marked(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, "a")
    keep(queue, "b", persistent=False)
    volatile = log.open_queue(VOLATILE_ID + 1, 1, is_durable=False)
    keep(volatile, "c", persistent=False)
    commit(log)
    flags = [bool(item.record.flags & TRANSIENT) for item in written(disk)]
    assert flags == [False, True, True]
    assert log.kept_count == 1
    assert bodies_of(log, 1) == ["a", "b"]
    assert bodies_of(log, VOLATILE_ID + 1) == ["c"]
    found = reopened(disk.after_kill())
    assert bodies_of(found, 1) == ["a"]
    assert list(found.queues) == [1]


# settle


def test_settlements_are_written_once_as_ranges(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    for _ in range(10):
        keep(queue, "x")
    commit(log)
    for seq in (3, 1, 2, 7):
        queue.settle(seq)
    queue.settle_all(range(8, 10))
    queue.settle_all([3, 9, 5])
    assert queue.live_count == 10, "they count from the next commit on"
    commit(log)
    assert settled_on(disk) == [[(1, 3), (5, 5), (7, 9)]]
    assert seqs(queue) == [4, 6, 10]
    assert queue.live_count == 3
    queue.check_invariants()


def test_settling_twice_is_settling_once(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, *"abcde")
    commit(log)
    queue.settle_all(range(2, 4))
    commit(log)
    queue.settle_all(range(1, 5))
    queue.settle(3)
    commit(log)
    queue.settle(3)
    commit(log)
    assert settled_on(disk) == [[(2, 3)], [(1, 1), (4, 4)]]
    assert seqs(queue) == [5]


def test_settling_what_was_never_kept_says_nothing(log: CommitLog, disk: FaultyDisk) -> None:
    queue = log.open_queue(1, 10, is_durable=True)
    queue.settle_all(range(1, 10))
    queue.settle(4)
    queue.settle_all(range(5, 5))
    queue.settle_all([])
    commit(log)
    assert written(disk) == []
    keep(queue, "a")
    commit(log)
    assert seqs(queue) == [10]


def test_settling_in_the_same_commit(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, *"abc")
    queue.settle_all(range(1, 3))
    commit(log)
    assert seqs(queue) == [3]
    assert bodies_of(reopened(disk.after_power_loss()), 1) == ["c"]


def test_ranks_of_a_priority_queue(log: CommitLog, queue: QueueLog) -> None:
    """See queues/extended.py: a rank is the number less 2**48 per priority."""
    keep(queue, *"abcde")
    queue.settle(2 - (3 << 48))
    queue.settle_all([4 - (255 << 48), 5])
    commit(log)
    assert seqs(queue) == [1, 3]


def test_nothing_is_written_for_queues_that_a_restart_forgets(
    log: CommitLog, disk: FaultyDisk
) -> None:
    queue = log.open_queue(VOLATILE_ID, 1, is_durable=False)
    keep(queue, *"abc")
    queue.hand_out(range(1, 3), 1)
    queue.settle_all(range(1, 3))
    commit(log)
    assert seqs(queue) == [3]
    assert written(disk, SETTLED, COUNTED) == []


@pytest.mark.parametrize("seed", range(10))
def test_settling_in_any_order(seed: int) -> None:
    """The floor follows, what is below it is let go of, and the segments go."""
    random = Random(seed)
    disk = FaultyDisk()
    log = reopened(disk, segment_octets=2000)
    queue = log.open_queue(1, 1, is_durable=True)
    model: list[int] = []
    for _ in range(3 * TRIM_MIN):
        model += keep(queue, "x" * 50)
        commit(log)
        if len(model) > 30:
            taken = random.sample(model, random.randrange(20)) if seed % 2 else model[:10]
            queue.settle_all(taken)
            model = [seq for seq in model if seq not in taken]
        if random.random() < 0.1:
            commit(log)
            assert seqs(queue) == model
            assert queue.floor <= (model[0] if model else queue.next_seq)
            queue.check_invariants()
    queue.settle_all(model)
    commit(log)
    assert (queue.live_count, queue.floor) == (0, queue.next_seq)
    assert len(queue.blocks) - queue.head == 0
    assert len(queue.blocks) <= 2 * TRIM_MIN
    assert not queue.settled
    commit(log)
    assert len(disk.names("log")) <= 3, "a segment written to, the one before, a checkpoint"


def test_a_queue_that_is_gone(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    keep(queue, *"abcde")
    keep(other, "o")
    commit(log)
    queue.settle(2)
    queue.drop()
    assert log.find_queue(1) is None
    assert (queue.live_count, queue.paged_count) == (0, 0)
    assert sum(segment.live for segment in log.space.segments.values()) == 1
    commit(log)
    assert settled_on(disk) == [], "the catalogue says that it is gone"
    assert bodies_of(log, 2) == ["o"]


# deliveries


def test_deliveries_are_counted_over_a_crash(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, *"abcd")
    queue.hand_out(range(1, 4), 0)
    queue.hand_out([2], 1)
    queue.hand_out([2 - (5 << 48), 3], 2)
    commit(log)
    pairs = [pair for item in written(disk, COUNTED) for pair in item.pairs]
    assert pairs == [(1, 1), (2, 3), (3, 3)]
    found = reopened(disk.after_kill()).queues[1]
    assert [kept.delivery_count for kept in live_in(found)] == [1, 3, 3, 1]
    found.is_counting = True
    counts = [kept.delivery_count for kept in live_in(found)]
    assert counts == [1, 3, 3, MAYBE_DELIVERED], "nobody has counted it"


def test_deliveries_are_not_counted_where_it_does_not_matter(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, *"abc")
    queue.hand_out(range(1, 3), None)
    queue.hand_out([2], None)
    assert not queue.is_dirty
    commit(log)
    assert written(disk, COUNTED) == []
    assert [kept.delivery_count for kept in live_in(queue)] == [1, 1, 0]


def test_deliveries_of_what_is_not_in_the_log(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    queue.skip_to(6)
    queue.hand_out(range(1, 6), 3)
    queue.hand_out([2], 4)
    commit(log)
    assert written(disk) == []
    assert queue.counts == {}


def test_counts_are_let_go_of(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, *"abcd")
    queue.hand_out(range(1, 5), 1)
    commit(log)
    assert queue.counts == {1: 2, 2: 2, 3: 2, 4: 2}
    queue.settle_all(range(1, 4))
    commit(log)
    assert queue.counts == {4: 2}
    queue.settle(4)
    commit(log)
    assert (queue.counts, list(queue.delivered)) == ({}, [])


# back


def test_paging_in_goes_block_by_block(log: CommitLog, queue: QueueLog) -> None:
    for pair in ("ab", "cd", "ef"):
        keep(queue, *pair)
        commit(log)
    queue.settle_all([2, 3])
    commit(log)
    page_out(queue)
    assert queue.paged_count == 4
    rounds = []
    while queue.paged_count:
        rounds.append([(kept.seq, kept.message.body) for kept in queue.page_in()])
    assert rounds == [[(1, b"a")], [(4, b"d")], [(5, b"e"), (6, b"f")]]
    assert queue.page_in() == []
    assert queue.paged_from == queue.next_seq


def test_paging_in_goes_on_where_memory_ends(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, *"abc")  # in memory too
    more = [Message(envelope(1), body) for body in (b"d", b"e")]
    for message in more:
        queue.keep([message], message, persistent=True)
        queue.paged_count += 1
    commit(log)
    assert page_in_all(queue) == ["d", "e"]


def test_what_a_message_had_comes_back_with_it(log: CommitLog, queue: QueueLog) -> None:
    secret = envelope(1, "schlüssel")
    secret.blind_keys = ("hidden", "geheim\udcff")
    message = Message(secret, b"x")
    queue.keep([message], message, persistent=True, deadline_ms=1_700_000_000_123)
    keep(queue, "y")
    queue.hand_out([2], 0)
    commit(log)
    first, second = live_in(queue)
    assert (first.deadline_ms, first.delivery_count) == (1_700_000_000_123, 0)
    assert first.message.envelope.blind_keys == secret.blind_keys
    assert first.message.envelope.routing_key == "schlüssel"
    assert first.message.envelope.header == secret.header
    assert first.message.envelope.is_persistent
    assert (second.deadline_ms, second.delivery_count) == (0, 1)
    assert second.message.envelope.blind_keys == ()


def test_counting_the_octets_on_disk(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, "a" * 10)
    keep(queue, "b" * 20)
    commit(log)
    keep(queue, "c" * 30)
    commit(log)
    queue.settle(2)
    commit(log)
    assert queue.count_octets() == 0
    page_out(queue)
    assert queue.count_octets() == 40
    queue.paged_from = 3
    assert queue.count_octets() == 30


# what cannot be read


def damage(disk: FaultyDisk, queue: QueueLog, seq: int) -> None:
    """Flip a bit of a message's body."""
    index = next(at for at, last in enumerate(queue.lasts) if last >= seq)
    block = queue.blocks[index]
    disk.flip(f"log/{block >> 32:010}.seg", (block & 0xFFFF_FFFF) + 40)


@pytest.fixture
def three_blocks(disk: FaultyDisk) -> QueueLog:
    """Two messages in each, all of them on disk only, none of them in memory."""
    log = reopened(disk)
    queue = log.open_queue(1, 1, is_durable=True)
    for pair in ("ab", "cd", "ef"):
        keep(queue, *pair)
        commit(log)
    return reopened(disk.after_kill()).queues[1]


def disk_of(queue: QueueLog) -> FaultyDisk:
    disk = queue.log.files.disk
    assert isinstance(disk, FaultyDisk)
    return disk


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_a_damaged_block_costs_its_messages_and_no_others(
    three_blocks: QueueLog, seq: int, caplog: pytest.LogCaptureFixture
) -> None:
    queue = three_blocks
    damage(disk_of(queue), queue, seq)
    wanted = [body for at, body in enumerate("abcdef", 1) if at not in (seq, seq + 1)]
    assert page_in_all(queue) == wanted
    assert queue.log.lost_count == 2
    said = [record.getMessage() for record in caplog.records if "lost" in record.getMessage()]
    assert len(said) == 1
    assert f"{seq}-{seq + 1}" in said[0]
    commit(queue.log)
    assert queue.live_count == 4
    page_out(queue)
    assert page_in_all(queue) == wanted
    assert queue.log.lost_count == 2
    assert bodies_of(reopened(disk_of(queue).after_kill()), 1) == wanted


def test_a_block_that_is_lost_twice_is_counted_once(three_blocks: QueueLog) -> None:
    queue = three_blocks
    damage(disk_of(queue), queue, 3)
    queue.lose_block(queue.blocks[1])
    assert queue.paged_count == 4
    queue.lose_block(queue.blocks[1])
    assert queue.paged_count == 4
    assert page_in_all(queue) == ["a", "b", "e", "f"]
    assert queue.log.lost_count == 2


def test_losing_a_block_of_which_a_part_is_done_with(three_blocks: QueueLog) -> None:
    queue = three_blocks
    queue.page_in()
    queue.page_in()
    queue.settle(3)  # not written down yet
    damage(disk_of(queue), queue, 3)
    queue.lose_block(queue.blocks[1])
    assert queue.log.lost_count == 1
    assert queue.paged_count == 2
    assert page_in_all(queue) == ["e", "f"]


@pytest.mark.parametrize("is_written", [True, False])
def test_a_block_that_was_lost_and_its_segment_removed(
    disk: FaultyDisk, is_written: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Or about to be: the log does not know it any more, the file is still there."""
    log = reopened(disk, segment_octets=100)
    queue = log.open_queue(1, 1, is_durable=True)
    for letter in "abcd":
        keep(queue, letter * 100)
        commit(log)
    queue = reopened(disk.after_kill(), segment_octets=100).queues[1]
    damage(disk_of(queue), queue, 2)
    queue.lose_block(queue.blocks[1])
    batch = queue.log.begin()
    assert batch.removals == [2]
    if is_written:
        batch.write(queue.log.files, sync=True)
        queue.log.finish()
    caplog.clear()
    assert page_in_all(queue) == ["a" * 100, "c" * 100, "d" * 100]
    assert caplog.records == []


def test_losing_many_blocks(log: CommitLog, queue: QueueLog) -> None:
    """So many that the arrays are cut on the way."""
    for _ in range(4 * TRIM_MIN):
        keep(queue, "x")
        commit(log)
    for block in list(queue.blocks):
        queue.lose_block(block)
        queue.check_invariants()
    assert queue.log.lost_count == 4 * TRIM_MIN
    assert queue.live_count == 0


@pytest.mark.parametrize("seq", [1, 3, 5])
def test_what_cannot_be_read_for_now_is_there_at_the_next_start(
    three_blocks: QueueLog, seq: int
) -> None:
    """An error of the system is no damage: out of descriptors, say."""
    queue, disk = three_blocks, disk_of(three_blocks)
    disk.fail("read", nth=(seq + 1) // 2)
    assert page_in_all(queue) == [b for at, b in enumerate("abcdef", 1) if at not in (seq, seq + 1)]
    assert queue.log.lost_count == 0
    assert queue.live_count == 6
    commit(queue.log)
    assert bodies_of(reopened(disk.after_kill()), 1) == list("abcdef")


def test_a_hint_opens_nothing(disk: FaultyDisk) -> None:
    """The next segment may be half begun by a commit that failed: whoever has it open would take
    it for whole."""
    log = reopened(disk, segment_octets=200)
    queue = log.open_queue(1, 1, is_durable=True)
    for body in "abc":
        keep(queue, body * 100)
        commit(log)
    assert len(log.space.segments) == 3
    queue = reopened(disk.after_kill(), segment_octets=200).queues[1]
    queue.log.files.close()
    opened = disk_of(queue).counts["open"]
    assert [kept.seq for kept in queue.page_in()] == [1]
    assert disk_of(queue).counts["open"] == opened + 1
    assert queue.paged_count == 2
    assert page_in_all(queue) == ["b" * 100, "c" * 100]


# the invariants


@pytest.mark.parametrize("damage", ["floor", "paged", "order", "live"])
def test_the_invariants_notice_damage(log: CommitLog, queue: QueueLog, damage: str) -> None:
    for _ in range(3):
        keep(queue, *"ab")
        commit(log)
    queue.check_invariants()
    if damage == "floor":
        queue.floor = 100
    elif damage == "paged":
        queue.paged_from, queue.paged_count = 3, 5
    elif damage == "order":
        queue.firsts[1] = 2
    else:
        queue.live_count -= 1
    with pytest.raises(AssertionError):
        queue.check_invariants()


def test_what_goes_from_the_midst_of_what_is_paged_is_passed_over(log: CommitLog) -> None:
    queue = log.open_queue(1, 1, is_durable=True)
    keep(queue, *"abcde")
    queue.paged_from, queue.paged_count = 1, 5
    queue.settle_all([2, 5], are_paged=True)
    queue.check_invariants()
    assert queue.paged_count == 3
    assert [kept.seq for kept in queue.page_in()] == [1, 3, 4]
    assert not queue.paged_count
    commit(log)
    assert bodies_of(log, 1) == ["a", "c", "d"]


def test_what_comes_after_all_is_done_with_is_found_in_the_same_block(log: CommitLog) -> None:
    queue = log.open_queue(1, 1, is_durable=True)
    keep(queue, *"ab")
    queue.paged_from, queue.paged_count = 1, 2
    queue.settle_all([1, 2], are_paged=True)
    first = queue.next_seq
    keep(queue, *"cd")
    queue.paged_from, queue.paged_count = first, 2
    queue.check_invariants()
    assert len(set(queue.blocks)) == 1
    assert [kept.message.body for kept in queue.page_in()] == [b"c", b"d"]
