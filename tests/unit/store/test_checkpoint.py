from __future__ import annotations

import sys
from random import Random

import pytest

from broker.seams import VOLATILE_ID
from broker.store import checkpoint
from broker.store.checkpoint import CheckpointDamaged
from broker.store.commit_log import CommitLog
from broker.store.queue_log import TRIM_MIN, QueueLog
from broker.store.store import open_log
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, commit, keep, live_in, opened, reopened


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk, segment_octets=500)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


def publish(queue: QueueLog, *names: str) -> None:
    """A block for each."""
    for name in names:
        keep(queue, name.ljust(60, "."))
        commit(queue.log)


def put_down(log: CommitLog, disk: FaultyDisk) -> FaultyDisk:
    """The disk after a kill that followed a checkpoint."""
    commit(log)
    log.files.put(checkpoint.NAME, checkpoint.of(log))
    return disk.after_kill()


def state_of(log: CommitLog) -> dict[int, object]:
    """All that matters of its queues."""
    found: dict[int, object] = {}
    for queue_id, queue in log.queues.items():
        queue.check_invariants()
        live = [(kept.seq, kept.message.body, kept.deadline_ms) for kept in live_in(queue)]
        counts = {seq: count for seq, count in queue.counts.items() if queue.is_live(seq)}
        found[queue_id] = (queue.next_seq, live, counts)
    return found


def test_what_it_says(log: CommitLog, queue: QueueLog) -> None:
    publish(queue, *"abcdef")
    queue.settle_all([1, 3])
    queue.hand_out([2], 1)
    commit(log)
    found = checkpoint.decode(checkpoint.of(log))
    assert (found.salt, found.last_block) == (log.files.salt, 7)
    assert [segment.number for segment in found.segments] == list(log.space.segments)
    for segment in found.segments:
        known = log.space.segments[segment.number]
        assert segment.end == known.end
        assert (segment.first_block, segment.last_block) == (known.first_block, known.last_block)
        assert segment.is_cold is known.is_cold
    assert list(found.queues) == [1]
    state = found.queues[1]
    assert (state.next_seq, state.last_kept) == (7, 6)
    assert (state.firsts, state.lasts) == ([2, 3, 4, 5, 6], [2, 3, 4, 5, 6])
    assert list(state.settled) == [(3, 3)]
    assert list(state.delivered) == [(2, 2)]
    assert state.counts == {2: 2}


def test_an_empty_log(log: CommitLog) -> None:
    found = checkpoint.decode(checkpoint.of(log))
    assert (found.last_block, found.segments, found.queues) == (0, [], {})


@pytest.mark.parametrize("seed", range(20))
def test_a_start_with_it_finds_what_one_without_it_would(seed: int) -> None:
    """As long as no segment is gone: then the checkpoint alone knows what was in it."""
    random = Random(seed)
    disk = FaultyDisk()
    log = reopened(disk, segment_octets=10**6)
    queues = [log.open_queue(number, 1, is_durable=True) for number in (1, 2, 3)]
    live = {queue: list(keep(queue, "first")) for queue in queues}
    for _ in range(random.randrange(1, 60)):
        queue = random.choice(queues)
        match random.randrange(6):
            case 0 | 1:
                bodies = ["x" * random.randrange(20)] * random.randrange(1, 5)
                live[queue] += keep(queue, *bodies, persistent=random.random() < 0.8)
            case 2:
                taken = random.sample(live[queue], min(len(live[queue]), random.randrange(4)))
                queue.settle_all(taken)
                live[queue] = [seq for seq in live[queue] if seq not in taken]
            case 3:
                queue.hand_out(live[queue][: random.randrange(4)], random.randrange(3))
            case 4:
                commit(log)
            case _:
                log.files.put(checkpoint.NAME, checkpoint.of(log)) if not log.has_news else None
    with_it = put_down(log, disk)
    files = with_it.files()
    del files["log/checkpoint"]
    one, report = opened(with_it)
    assert report.blocks == 0
    other, report = opened(FaultyDisk(files))
    assert report.blocks == log.next_block - 1
    assert state_of(one) == state_of(other)


def test_what_comes_after_it_is_read(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    publish(queue, *"abc")
    put_down(log, disk)
    queue.settle(2)
    publish(queue, "d")
    found, report = opened(disk.after_kill())
    assert (report.checkpoint_block, report.blocks) == (3, 1)
    assert [body[0] for body in bodies_of(found, 1)] == ["a", "c", "d"]


def test_queues_that_a_restart_forgets_are_not_in_it(log: CommitLog, disk: FaultyDisk) -> None:
    volatile = log.open_queue(VOLATILE_ID, 1, is_durable=False)
    keep(volatile, *"abc", persistent=False)
    durable = log.open_queue(1, 1, is_durable=True)
    keep(durable, "d")
    found = reopened(put_down(log, disk))
    assert list(found.queues) == [1]
    assert sum(segment.live for segment in found.space.segments.values()) == 1


def test_transient_messages_are_not_in_it(log: CommitLog, disk: FaultyDisk) -> None:
    queue = log.open_queue(1, 1, is_durable=True)
    keep(queue, "a")
    keep(queue, "b", "c", persistent=False)
    keep(queue, "d")
    queue.settle(2)
    commit(log)
    after = put_down(log, disk)
    assert bodies_of(log, 1) == ["a", "c", "d"], "here they still are"
    found = reopened(after)
    assert bodies_of(found, 1) == ["a", "d"]
    assert sum(segment.live for segment in found.space.segments.values()) == 2


def test_a_queue_whose_first_entry_is_partly_done(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, *"abcdef")
    commit(log)
    queue.settle_all([1, 2, 4])
    found = reopened(put_down(log, disk))
    assert bodies_of(found, 1) == ["c", "e", "f"]
    assert found.queues[1].floor == 3


def test_a_long_row_of_entries(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    for _ in range(2 * TRIM_MIN + 20):
        publish(queue, "x")
    queue.settle_all(range(1, 2 * TRIM_MIN + 11))
    found = reopened(put_down(log, disk))
    assert [kept.seq for kept in live_in(found.queues[1])] == list(
        range(2 * TRIM_MIN + 11, 2 * TRIM_MIN + 21)
    )


def test_queues_that_the_catalogue_has_not(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:

    publish(queue, "a")
    publish(log.open_queue(2, 1, is_durable=True), "b")
    found, _ = open_log(put_down(log, disk), {2}, segment_octets=500, queue_memory=1 << 20)
    assert list(found.queues) == [2]
    assert sum(segment.live for segment in found.space.segments.values()) == 1


# damage


def test_every_flipped_bit_and_every_end_is_noticed(log: CommitLog, queue: QueueLog) -> None:
    publish(queue, *"abc")
    data = checkpoint.of(log)
    checkpoint.decode(data)
    for at in range(len(data)):
        with pytest.raises(CheckpointDamaged):
            checkpoint.decode(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        with pytest.raises(CheckpointDamaged):
            checkpoint.decode(data[:at])
    with pytest.raises(CheckpointDamaged):
        checkpoint.decode(data + bytes(8))


def test_one_of_another_version(
    log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "VERSION", checkpoint.VERSION + 1)
    data = checkpoint.of(log)
    monkeypatch.undo()
    with pytest.raises(CheckpointDamaged, match="another kind or version"):
        checkpoint.decode(data)


def test_there_may_be_none(disk: FaultyDisk) -> None:
    disk.make_directory("log")
    assert checkpoint.load(disk, "log") is None
    assert disk.open_files == []


def test_the_order_of_octets_is_the_same_everywhere(
    log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(queue, "a")
    data = checkpoint.of(log)
    assert data[:8] == b"LEVRTCHK"
    other = "big" if sys.byteorder == "little" else "little"
    monkeypatch.setattr(sys, "byteorder", other)
    assert checkpoint.of(log)[:8] == b"LEVRTCHK"[::-1], "it swaps, for a machine that we are not"
    assert checkpoint.decode(checkpoint.of(log)).last_block == 1
