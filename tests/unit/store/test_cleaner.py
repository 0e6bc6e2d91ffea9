from __future__ import annotations

import logging
from collections.abc import Iterable
from random import Random

import pytest

from broker.message import Envelope, Message
from broker.seams import VOLATILE_ID
from broker.store import cleaner as module
from broker.store import space
from broker.store.commit_log import BEHIND_OCTETS, CommitLog
from broker.store.format import MESSAGES, MOVED, REFER
from broker.store.queue_log import QueueLog
from broker.store.store import close_log
from tests.support.builders import header
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import (
    bodies_of,
    commit,
    envelope,
    keep,
    live_in,
    opened,
    reopened,
    share,
    written,
)

SIZE = 1000  # of a segment
FILLING = "." * 80


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


@pytest.fixture
def log(disk: FaultyDisk) -> CommitLog:
    return reopened(disk, segment_octets=SIZE)


@pytest.fixture
def queue(log: CommitLog) -> QueueLog:
    return log.open_queue(1, 1, is_durable=True)


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clean whatever is not all live, however small the log is."""
    monkeypatch.setattr(space, "SLACK_SEGMENTS", -2)
    monkeypatch.setattr(space, "WASTE_MAX", 1.0)


def fill(log: CommitLog, segments: int = 8) -> None:
    """As many segments more of messages in queue 9 that are all settled but the last."""
    other = log.queues.get(9) or log.open_queue(9, 1, is_durable=True)
    assert isinstance(other, QueueLog)
    last = log.space.last_number
    while log.space.last_number < last + segments:
        seqs = keep(other, *5 * [FILLING])
        commit(log)
        other.settle_all(seqs)
    commit(log)


def clean(log: CommitLog, *, commits: bool = True) -> int:
    """Everything there is to clean, but no cold segments again. Returns: in how many steps."""
    steps = 0
    while log.cleaner._blocks or (
        (segment := log.space.next_to_clean()) is not None and not segment.is_cold
    ):
        if not log.cleaner.step():
            break
        steps += 1
        assert steps < 1000
    if commits:
        commit(log)
        commit(log)
    for queue in log.queues.values():
        queue.check_invariants()
    return steps


def hot_segments(log: CommitLog) -> set[int]:
    return {number for number, segment in log.space.segments.items() if not segment.is_cold}


def contents(log: CommitLog, ids: Iterable[int] = (1, 2, 3)) -> dict[int, list[tuple[int, str]]]:
    """Numbers and bodies of what is live."""
    return {
        queue_id: [(kept.seq, kept.message.body.decode()) for kept in live_in(queue)]
        for queue_id in ids
        if (queue := log.queues.get(queue_id)) is not None
    }


def straggle(log: CommitLog, *queues: QueueLog, count: int = 3) -> None:
    """Every segment has a message that stays."""
    for number in range(count):
        for queue in queues:
            keep(queue, f"stays{number}")
        fill(log, 2)


# what moves


def test_a_small_log_is_left_alone(log: CommitLog, queue: QueueLog) -> None:
    keep(queue, "a")
    fill(log, 1)
    assert clean(log) == 0


@pytest.mark.parametrize("body_size", [0, 10, 1000])
@pytest.mark.parametrize("queue_count", [1, 3])
def test_a_log_in_which_all_is_live_is_left_alone(
    disk: FaultyDisk, body_size: int, queue_count: int
) -> None:
    """However large what comes with the bodies: it would move for ever."""
    log = reopened(disk, segment_octets=64 * 1024)
    queues = [log.open_queue(number, 1, is_durable=True) for number in range(1, queue_count + 1)]
    properties = header(body_size, delivery_mode=2, message_id="m" * 36, correlation_id="c" * 36)
    while log.space.octets < 10 * 64 * 1024:
        message = Message(Envelope("exchange", "routing.key", properties), bytes(body_size))
        for queue in queues:
            queue.keep([message], message, persistent=True)
        if queues[0].next_seq % 100 == 0:
            commit(log)
    commit(log)
    assert clean(log) == 0
    found = reopened(disk.after_kill(), segment_octets=64 * 1024)
    assert clean(found) == 0
    keep(queues[0], "more")
    commit(log)
    assert clean(log) == 0


@pytest.mark.parametrize("body_size", [0, 150])
def test_what_was_shared_comes_to_rest(disk: FaultyDisk, body_size: int) -> None:
    """The queue whose record has the bodies is done with them; they move once, and no more."""
    log = reopened(disk, segment_octets=16 * 1024)
    queues = [log.open_queue(number, 1, is_durable=True) for number in (1, 2, 3)]
    while log.space.octets < 20 * 16 * 1024:
        share(queues, "x" * body_size)
        if queues[0].next_seq % 100 == 0:
            commit(log)
    queues[0].drop()
    commit(log)
    before = {2: bodies_of(log, 2), 3: bodies_of(log, 3)}
    for _ in range(100):
        log.cleaner.work()
        commit(log)
    assert log.cleaner.step() == 0
    found = reopened(disk.after_kill(), segment_octets=16 * 1024)
    for known in (log, found):
        assert {2: bodies_of(known, 2), 3: bodies_of(known, 3)} == before
    for _ in range(100):
        found.cleaner.work()
        commit(found)
    assert found.cleaner.step() == 0


def test_what_is_live_moves_and_the_segments_go(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    straggle(log, queue, count=6)
    before = contents(log)
    assert len(hot_segments(log)) > 6
    assert clean(log) > 3, "a block each, until the log is small enough"
    assert contents(log) == before
    assert len(hot_segments(log)) <= 3
    assert len(log.space.segments) == len([n for n in disk.names("log") if n.endswith(".seg")])
    found, report = opened(disk.after_power_loss())
    assert (report.gaps, report.lost, report.problems) == ([], {}, [])
    assert contents(found) == before


def test_it_moves_into_cold_segments(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    straggle(log, queue, count=6)
    clean(log)
    moved = [item for item in written(disk, MESSAGES) if item.record.flags & MOVED]
    assert len(moved) > 3
    assert all(item.bodies[0].startswith(b"stays") for item in moved)
    assert {item.segment for item in moved} == {log.space.cold}
    assert all(log.space.segments[item.segment].is_cold for item in moved)
    cold = [item for item in written(disk) if log.space.segments[item.segment].is_cold]
    assert cold == moved, "nothing else is there"


def test_what_is_published_meanwhile_does_not_mix_with_it(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    straggle(log, queue, count=6)
    news = 0
    while log.cleaner.step():
        keep(queue, "new")
        news += 1
    assert news > 3
    commit(log)
    wanted = [*(f"stays{number}" for number in range(6)), *news * ["new"]]
    assert bodies_of(log, 1) == wanted
    assert bodies_of(reopened(disk.after_power_loss()), 1) == wanted
    cold = [item for item in written(disk) if log.space.segments[item.segment].is_cold]
    assert all(item.record.flags & MOVED for item in cold)


@pytest.mark.usefixtures("eager")
def test_only_what_is_live_moves(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, *"abcdefgh")
    fill(log)
    queue.settle_all([1, 3, 4, 8])
    commit(log)
    assert clean(log) == 1
    runs = [item.bodies for item in written(disk, MESSAGES) if item.record.flags & MOVED]
    assert runs == [[b"b"], [b"e", b"f", b"g"]]
    assert [kept.seq for kept in live_in(queue)] == [2, 5, 6, 7]


@pytest.mark.usefixtures("eager")
def test_what_is_settled_and_not_written_down_yet_does_no_harm(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    keep(queue, *"abc")
    fill(log)
    queue.settle(2)
    assert clean(log) == 1
    assert bodies_of(log, 1) == ["a", "c"]
    assert bodies_of(reopened(disk.after_power_loss()), 1) == ["a", "c"]


@pytest.mark.usefixtures("eager")
def test_a_block_where_nothing_is_live_is_passed_over(log: CommitLog, queue: QueueLog) -> None:
    """In the middle of a queue: its entry is still there."""
    keep(queue, "a")
    commit(log)
    keep(queue, "b")
    commit(log)
    keep(queue, "c")
    fill(log)
    queue.settle(2)
    commit(log)
    clean(log)
    assert contents(log)[1] == [(1, "a"), (3, "c")]


@pytest.mark.usefixtures("eager")
def test_fan_outs_stay_shared(log: CommitLog, disk: FaultyDisk) -> None:
    queues = [log.open_queue(number, 1, is_durable=True) for number in (1, 2, 3)]
    for queue in queues:
        keep(queue, *"xyz"[: queue.queue_id])  # the numbers differ
    share(queues, *"abcd")
    fill(log)
    queues[0].settle_all(range(1, 4))  # has c, d
    queues[1].settle_all([1, 2])  # has a, b, c, d
    queues[2].settle_all([1, 2, 3, 5])  # has a, c, d
    commit(log)
    before = contents(log)
    assert [[body for _, body in found] for found in before.values()] == [
        ["c", "d"],
        ["a", "b", "c", "d"],
        ["a", "c", "d"],
    ]
    clean(log)
    assert contents(log) == before
    assert contents(reopened(disk.after_power_loss())) == before
    moved = [item for item in written(disk) if item.record.flags & MOVED]
    bodies = [b"".join(item.bodies) for item in moved if item.record.kind == MESSAGES]
    assert bodies == [b"a", b"b", b"cd"], "each is written once"
    assert len([item for item in moved if item.record.kind == REFER]) == 3


@pytest.mark.usefixtures("eager")
def test_a_fan_out_whose_first_queue_is_done(log: CommitLog, disk: FaultyDisk) -> None:
    one, two = (log.open_queue(number, 1, is_durable=True) for number in (1, 2))
    share((one, two), *"ab")
    fill(log)
    one.drop()
    clean(log)
    assert contents(log) == {2: [(1, "a"), (2, "b")]}
    assert contents(reopened(disk.after_power_loss()))[2] == [(1, "a"), (2, "b")]


@pytest.mark.usefixtures("eager")
def test_what_a_message_had_goes_along(log: CommitLog, disk: FaultyDisk) -> None:
    one, two = (log.open_queue(number, 1, is_durable=True) for number in (1, 2))
    secret = envelope(1)
    secret.blind_keys = ("hidden",)
    message = Message(secret, b"x")
    one.keep([message], message, persistent=True, deadline_ms=12345)
    two.keep([message], message, persistent=True)
    fill(log)
    clean(log)
    for found in (log, reopened(disk.after_power_loss())):
        (first,), (second,) = live_in(found.queues[1]), live_in(found.queues[2])
        assert (first.deadline_ms, second.deadline_ms) == (12345, 0)
        assert first.message.envelope.blind_keys == ("hidden",)
        assert second.message.envelope.blind_keys == ("hidden",)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("is_clean", [True, False])
def test_deliveries_go_along(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, is_clean: bool
) -> None:
    keep(queue, *"abcd")
    commit(log)
    queue.hand_out(range(2, 4), 0)
    queue.hand_out([3], 4)
    commit(log)
    fill(log)
    clean(log)
    assert [kept.delivery_count for kept in live_in(queue)] == [0, 1, 5, 0]
    if is_clean:
        close_log(log)
    found = reopened(disk.after_power_loss())
    wanted = [0, 1, 5, 0] if is_clean else [1, 1, 5, 1]
    assert [kept.delivery_count for kept in live_in(found.queues[1])] == wanted


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("is_clean", [True, False])
def test_what_is_transient_stays_so(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, is_clean: bool
) -> None:
    keep(queue, "a")
    keep(queue, "b", persistent=False)
    keep(queue, "c")
    volatile = log.open_queue(VOLATILE_ID, 1, is_durable=False)
    keep(volatile, *"xy")
    fill(log)
    clean(log)
    assert bodies_of(log, 1) == ["a", "b", "c"]
    assert bodies_of(log, VOLATILE_ID) == ["x", "y"]
    if is_clean:
        close_log(log)
    found = reopened(disk.after_kill())
    assert bodies_of(found, 1) == ["a", "c"]
    assert sum(segment.live for segment in found.space.segments.values()) == 2


@pytest.mark.usefixtures("eager")
def test_messages_can_move_again(log: CommitLog, queue: QueueLog, disk: FaultyDisk) -> None:
    keep(queue, *"abcd")
    queue.hand_out([4], 1)
    fill(log)
    clean(log)
    first = log.space.cold
    while log.space.cold == first:
        keep(queue, "x" * 300)
        fill(log, 2)
        clean(log)
    queue.settle_all([1, 3])
    commit(log)
    while first in log.space.segments:
        assert log.cleaner.step()
        commit(log)
    assert contents(log)[1][:2] == [(2, "b"), (4, "d")]
    wanted = contents(log)
    found = reopened(disk.after_power_loss())
    assert contents(found) == wanted
    assert live_in(found.queues[1])[1].delivery_count == 2


# reading while it moves


@pytest.mark.usefixtures("eager")
def test_paged_messages_are_read_from_where_they_are(log: CommitLog, disk: FaultyDisk) -> None:
    queue = log.open_queue(1, 1, is_durable=True)
    for number in range(6):
        keep(queue, f"stays{number}", f"stays{number}")
        fill(log, 2)
    queue.paged_from, queue.paged_count = 1, queue.live_count
    seen = []
    while queue.paged_count:
        seen += [kept.seq for kept in queue.page_in()]
        log.cleaner.step()
        commit(log)
    assert seen == list(range(1, 13))


# how much at once


def test_a_turns_share_is_in_proportion_to_what_is_written(
    log: CommitLog, queue: QueueLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WORK_MIN", 300)
    straggle(log, queue, count=20)
    log.cleaner.work()  # what was written so far
    before = log.space.live_octets
    straggle(log, queue, count=20)
    assert log.space.live_octets > before
    steps = []

    def step() -> int:
        steps.append(1)
        return 100

    monkeypatch.setattr(log.cleaner, "step", step)
    log.cleaner.work()
    many, steps[:] = len(steps), []
    log.cleaner.work()
    assert len(steps) == 3, "nothing was written since"
    assert many > 3


def test_it_waits_for_a_disk_that_is_behind(log: CommitLog, queue: QueueLog) -> None:
    straggle(log, queue, count=6)
    keep(queue, "x" * BEHIND_OCTETS)
    assert clean(log, commits=False) == 0
    commit(log)
    queue.settle(queue.next_seq - 1)
    commit(log)
    assert clean(log) > 0


# what goes wrong


def flip_body(disk: FaultyDisk, log: CommitLog, queue: QueueLog, seq: int) -> None:
    index = next(at for at, last in enumerate(queue.lasts) if last >= seq)
    block = queue.blocks[index]
    log.reader._cache.clear()
    disk.flip(f"log/{block >> 32:010}.seg", (block & 0xFFFF_FFFF) + 40)


def test_a_damaged_block_is_lost_once_and_the_others_move(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, caplog: pytest.LogCaptureFixture
) -> None:
    straggle(log, queue, count=6)
    flip_body(disk, log, queue, 3)
    assert clean(log) > 3
    assert bodies_of(log, 1) == ["stays0", "stays1", "stays3", "stays4", "stays5"]
    assert log.lost_count == 1
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(said) == 2, "which block, and which messages"
    found, report = opened(disk.after_power_loss())
    assert (report.gaps, report.lost) == ([], {})
    assert bodies_of(found, 1) == bodies_of(log, 1)


def test_a_block_that_cannot_be_read_for_now_stays(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk
) -> None:
    straggle(log, queue, count=6)
    before = contents(log)
    log.reader._cache.clear()
    disk.fail("read", times=3)
    for _ in range(20):
        log.cleaner.work()
        commit(log)
    assert log.lost_count == 0
    assert contents(log) == before
    disk.heal()
    clean(log)
    assert contents(log) == before


@pytest.mark.usefixtures("eager")
def test_a_segment_that_dies_while_it_is_cleaned(
    log: CommitLog, queue: QueueLog, disk: FaultyDisk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(6):
        keep(queue, "x")
        commit(log)
    assert len(log.space.segments) == 1
    fill(log)
    assert log.cleaner.step()
    assert log.cleaner._blocks
    queue.settle_all(range(1, 7))
    keep(queue, "y")
    commit(log)
    commit(log)
    clean(log)
    assert bodies_of(log, 1) == ["y"]
    assert caplog.records == []


@pytest.mark.usefixtures("eager")
def test_a_queue_that_is_deleted_while_it_is_cleaned(log: CommitLog, queue: QueueLog) -> None:
    other = log.open_queue(2, 1, is_durable=True)
    for _ in range(4):
        keep(queue, "x")
        keep(other, "y")
        commit(log)
    fill(log)
    assert log.cleaner.step()
    queue.drop()
    clean(log)
    assert bodies_of(log, 2) == ["y"] * 4


@pytest.mark.usefixtures("eager")
def test_after_a_start_without_a_checkpoint(log: CommitLog, disk: FaultyDisk) -> None:
    """All that is known is what moved: pieces that lie side by side, not that they were one."""
    queue = log.open_queue(1, 1, is_durable=True)
    for letter in "abcdef":
        kept = Message(envelope(1, routing_key=f"key {letter}"), letter.encode())
        queue.keep([kept], kept, persistent=True)
    fill(log)
    clean(log)
    assert "0000000001.seg" not in disk.names("log")
    disk.flip("log/checkpoint", 100)
    found = reopened(disk.after_kill(), segment_octets=SIZE)
    assert bodies_of(found, 1) == list("abcdef")
    for known in found.queues.values():
        while known.paged_count:
            known.page_in()
    fill(found)
    for number in range(40):
        keep(found.queues[1], f"{number}" * 200)
        fill(found, 2)
        found.queues[1].settle(found.queues[1].next_seq - 1)
        clean(found)
    assert bodies_of(found, 1) == list("abcdef")


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_any_point_of_it_loses_and_repeats_nothing(seed: int) -> None:
    random = Random(seed)
    disk = FaultyDisk()
    log = reopened(disk, segment_octets=SIZE)
    queues = [log.open_queue(number, 1, is_durable=True) for number in (1, 2, 3)]
    for _ in range(5):
        share(random.sample(queues, random.randrange(1, 4)), *"abc"[: random.randrange(1, 4)])
        keep(random.choice(queues), "own")
        fill(log, 2)
    before = disk.operations
    wanted = contents(log)
    while log.cleaner.step():
        if random.random() < 0.5:
            commit(log)
    commit(log)
    commit(log)
    fill(log, 1)
    assert contents(log) == wanted
    for point in range(before, disk.operations + 1):
        for found in (disk.after_kill(point), disk.after_power_loss(point, random)):
            again, report = opened(found, segment_octets=SIZE)
            assert (report.gaps, report.lost, report.problems) == ([], {}, []), found.story
            assert contents(again) == wanted, found.story
            for queue in again.queues.values():
                queue.check_invariants()
