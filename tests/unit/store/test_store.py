"""The data directory as a whole. What is found in the log is in test_recovery.py."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from broker.commands import DeclareQueue, DeleteQueue
from broker.config import Config, Storage
from broker.message import Message
from broker.node import Node
from broker.queues.queue import Queue
from broker.store import store as module
from broker.store.errors import StoreError, StoreInUse, StoreTooNew
from broker.store.store import FORMAT, IDENTITY, Store, claim, close_log, identify, open_log
from tests.support.faulty_disk import FaultyDisk
from tests.support.kept import bodies_of, commit, envelope, keep, opened, reopened
from tests.support.seams import FakeClock

# the directory


def test_a_directory_is_made_and_belongs_to_one(tmp_path: Path) -> None:
    directory = tmp_path / "deep" / "down"
    disk = claim(directory)
    with pytest.raises(StoreInUse, match=rf"in use by another process \(pid {os.getpid()}\)"):
        claim(directory)
    disk.unlock()
    claim(directory).unlock()


HOLD = """
import sys
from pathlib import Path
from broker.store.store import claim
claim(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.read()
"""


def test_another_process_keeps_us_out_until_it_dies(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with pytest.raises(StoreInUse, match=rf"pid {process.pid}"):
            claim(tmp_path)
        process.kill()
        process.wait()
        claim(tmp_path).unlock()


def test_a_holder_that_has_not_said_who_it_is(tmp_path: Path) -> None:
    disk = claim(tmp_path)
    (tmp_path / "lock").write_text("")
    with pytest.raises(StoreInUse, match=r"in use by another process$"):
        claim(tmp_path)
    disk.unlock()


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot use the data directory .*/file: Not a directory"):
        claim(tmp_path / "file")
    with pytest.raises(StoreError, match="Not a directory"):
        claim(tmp_path / "file" / "below")


# the name


@pytest.fixture
def disk() -> FaultyDisk:
    return FaultyDisk()


def test_a_new_node_has_the_name_that_it_is_given(disk: FaultyDisk) -> None:
    assert identify(disk, "rabbit@here", "rabbit@host") == "rabbit@here"
    assert json.loads(disk.contents(IDENTITY)) == {"format": FORMAT, "node": "rabbit@here"}
    assert disk.open_files == []


def test_it_keeps_its_name_when_the_host_is_renamed(disk: FaultyDisk) -> None:
    assert identify(disk, "", "rabbit@host") == "rabbit@host"
    assert identify(disk.after_power_loss(), "", "rabbit@other") == "rabbit@host"
    assert identify(disk.after_power_loss(), "rabbit@host", "rabbit@other") == "rabbit@host"


def test_another_name_is_refused(disk: FaultyDisk) -> None:
    identify(disk, "", "rabbit@host")
    before = disk.files()
    text = "belongs to node rabbit@host, not to rabbit@x: use that name or another directory"
    with pytest.raises(StoreError, match=text):
        identify(disk, "rabbit@x", "rabbit@host")
    assert disk.files() == before


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b"\xff\xfe",
        b'{"format": 1}',
        b'{"node": "x"}',
        b'{"format": null, "node": "x"}',
        b'{"format": "one", "node": "x"}',
    ],
)
def test_a_damaged_identity_is_not_made_up(contents: bytes) -> None:
    disk = FaultyDisk({IDENTITY: contents})
    with pytest.raises(StoreError, match=r"identity\.json in the data directory is damaged"):
        identify(disk, "", "rabbit@host")
    assert disk.files() == {IDENTITY: contents}
    assert disk.open_files == []


def test_a_directory_of_a_later_release(disk: FaultyDisk) -> None:
    document = json.dumps({"format": FORMAT + 1, "node": "rabbit@host", "more": 1})
    disk = FaultyDisk({IDENTITY: document.encode()})
    text = f"has format {FORMAT + 1}, this release knows {FORMAT}: it was used by a later one"
    with pytest.raises(StoreTooNew, match=text):
        identify(disk, "", "rabbit@host")


def test_a_crash_at_any_point_of_it(disk: FaultyDisk) -> None:
    identify(disk, "", "rabbit@host")
    for point in range(disk.operations + 1):
        for found in (disk.after_kill(point), *disk.extremes(point)):
            name = identify(found, "", "rabbit@new")
            assert name in ("rabbit@host", "rabbit@new"), found.story
            assert identify(found, "", "rabbit@third") == name


# the log


def test_a_clean_stop_is_known_as_one(disk: FaultyDisk) -> None:
    log = reopened(disk)
    keep(log.open_queue(1, 1, is_durable=True), "a")
    commit(log)
    close_log(log)
    log.close()
    assert disk.open_files == []
    found = disk.after_power_loss()
    log, report = opened(found)
    assert report.is_clean
    assert bodies_of(log, 1) == ["a"]
    assert not opened(found.after_power_loss())[1].is_clean


def test_a_crash_at_any_point_of_a_clean_stop(disk: FaultyDisk) -> None:
    log = reopened(disk)
    queue = log.open_queue(1, 1, is_durable=True)
    keep(queue, "a", "b")
    commit(log)
    queue.settle(1)
    commit(log)
    before = disk.operations
    close_log(log)
    for point in range(before, disk.operations + 1):
        for found in (disk.after_kill(point), *disk.extremes(point)):
            assert bodies_of(reopened(found), 1) == ["b"], found.story


def test_starting_and_stopping_without_anything_to_do(disk: FaultyDisk) -> None:
    log = reopened(disk)
    keep(log.open_queue(1, 1, is_durable=True), "a")
    commit(log)
    close_log(log)
    log.close()
    size = sum(map(len, disk.files().values()))
    for _ in range(5):
        log, report = opened(disk)
        assert report.is_clean
        close_log(log)
        log.close()
    assert sum(map(len, disk.files().values())) == size
    assert disk.open_files == []


def test_nothing_is_left_open_when_a_start_fails(disk: FaultyDisk) -> None:
    log = reopened(disk)
    keep(log.open_queue(1, 1, is_durable=True), "a")
    commit(log)
    log.close()
    for nth in range(1, 4):
        disk.fail("read", nth=nth)
        try:
            opened(disk)
        except OSError:
            assert disk.open_files == []
        disk.heal()
    assert bodies_of(reopened(disk), 1) == ["a"]


def test_what_recovery_found_is_said(disk: FaultyDisk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="broker.store")
    log = reopened(disk)
    keep(log.open_queue(1, 1, is_durable=True), "a", "b")
    commit(log)
    disk.open("log/0000000001.seg").write(b"torn", disk.open("log/0000000001.seg").size())
    caplog.clear()
    reopened(disk.after_kill())
    said = [record.getMessage() for record in caplog.records]
    assert any(text.startswith("recovered, messages=2 queues=1") for text in said)
    assert "an unfinished commit was cut off, octets=4" in said
    caplog.clear()
    found = reopened(disk.after_kill())
    close_log(found)
    caplog.clear()
    opened(found.files.disk)
    assert caplog.records == [], "there is nothing to say after a clean stop"


# all of it


class Life:
    """A node on a directory, from a start to its end."""

    def __init__(self, directory: Path, name: str = "", **settings: object):
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.answers: list[object] = []
        storage = Storage(**settings)  # type: ignore[arg-type]
        self.store = Store(
            directory,
            storage,
            wanted_name=name,
            default_name="rabbit@default",
            post=self.posted.put,
        )
        self.clock = FakeClock()
        self.node = Node(Config(), name=self.store.name, log=self.store.log, clock=self.clock)
        self.is_first = self.store.is_new
        self.store.attach(self.node)
        if self.is_first:
            self.node.make_defaults()
        self.settle()

    def settle(self) -> None:
        """Turns until everything is committed."""
        assert self.store.committer is not None
        committer = self.store.committer
        committer.is_stopping = True
        for _ in range(1000):
            if committer.is_idle:
                committer.is_stopping = False
                return
            self.clock.time_ms += 1
            self.node.turn(self.clock.time_ms)
            with suppress(Empty):
                self.posted.get(timeout=0 if committer.is_idle else 0.01)()
        raise AssertionError("it does not come to rest")

    def declare(self, name: str) -> None:
        self.node.execute(DeclareQueue("/", name, durable=True), self.answers.append)

    def queue(self, name: str) -> Queue:
        return self.node.vhosts["/"].queues[name]

    def publish(self, name: str, *bodies: str) -> None:
        for body in bodies:
            self.queue(name).push(Message(envelope(len(body)), body.encode()))

    def stop(self) -> None:
        self.settle()
        self.store.close(is_clean=True)

    def die(self) -> None:
        """As after a kill: what is written is there, nobody cleans up."""
        self.store.log.close()
        self.store.catalogue.close()
        self.store.disk.unlock()

    def take(self, name: str) -> list[str]:
        """Everything in a queue, without ack."""
        found = []
        while (delivery := self.queue(name).pop()) is not None:
            found.append(delivery.message.body.decode())
        return found


@pytest.mark.parametrize("how", ["stop", "die"])
def test_messages_are_there_again(tmp_path: Path, how: str) -> None:
    life = Life(tmp_path)
    assert life.is_first
    life.declare("q")
    life.declare("r")
    life.settle()
    life.publish("q", *"abc")
    life.publish("r", "x")
    life.settle()
    getattr(life, how)()
    again = Life(tmp_path)
    assert not again.is_first
    assert again.store.report.is_clean is (how == "stop")
    assert again.take("q") == ["a", "b", "c"]
    assert again.take("r") == ["x"]
    again.stop()
    third = Life(tmp_path)
    assert third.take("q") == []
    third.stop()


def test_the_queues_numbers_are_never_given_twice(tmp_path: Path) -> None:
    """Or a new queue would have the messages of one that was deleted."""
    life = Life(tmp_path)
    life.declare("q")
    life.settle()
    life.publish("q", "ghost")
    life.settle()
    life.node.execute(DeleteQueue("/", "q"))
    life.settle()
    life.die()
    again = Life(tmp_path)
    again.declare("r")
    again.settle()
    again.die()
    third = Life(tmp_path)
    assert third.take("r") == []
    third.stop()


def test_a_queue_that_comes_and_goes_within_a_commit(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.declare("q")
    life.publish("q", "ghost")
    life.node.execute(DeleteQueue("/", "q"), life.answers.append)
    life.declare("q")
    life.publish("q", "real")
    life.settle()
    life.die()
    again = Life(tmp_path)
    assert again.take("q") == ["real"]
    again.stop()


def test_the_settings_arrive(tmp_path: Path) -> None:
    life = Life(tmp_path, segment_octets=65536, queue_memory=12345, sync="never")
    assert life.store.log.queue_memory == 12345
    assert life.store.log.space.segment_octets == 65536
    life.stop()


def test_the_name_is_the_directorys(tmp_path: Path) -> None:
    life = Life(tmp_path, "rabbit@one")
    assert life.node.name == "rabbit@one"
    life.stop()
    life = Life(tmp_path)
    assert life.node.name == "rabbit@one"
    life.stop()
    with pytest.raises(StoreError, match="belongs to node rabbit@one"):
        Life(tmp_path, "rabbit@two")
    Life(tmp_path, "rabbit@one").stop()


def test_a_start_that_fails_lets_go_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Life(tmp_path).stop()

    def fail(*_: object, **__: object) -> None:
        raise OSError("no")

    with monkeypatch.context() as patch:
        patch.setattr(module, "open_log", fail)
        with pytest.raises(OSError, match="no"):
            Life(tmp_path)
    Life(tmp_path).stop()


def test_a_stop_that_cannot_put_down_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    life = Life(tmp_path)
    life.declare("q")
    life.settle()
    life.publish("q", "a")
    life.settle()

    def fail(*_: object) -> None:
        raise OSError("no room")

    monkeypatch.setattr(life.store.log.files, "put", fail)
    life.stop()
    assert "the next start has to read the log: no room" in caplog.text
    again = Life(tmp_path)
    assert not again.store.report.is_clean
    assert again.take("q") == ["a"]
    again.stop()


def test_a_log_without_its_catalogue_is_not_thrown_away(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.declare("q")
    life.settle()
    life.publish("q", "a")
    life.stop()
    saved = (tmp_path / "catalogue.db").read_bytes()
    (tmp_path / "catalogue.db").unlink()
    with pytest.raises(StoreError, match=r"catalogue\.db is missing"):
        Life(tmp_path)
    (tmp_path / "catalogue.db").write_bytes(saved)
    again = Life(tmp_path)
    assert again.take("q") == ["a"]
    again.stop()


def test_open_log_says_what_it_found_for_each_queue(disk: FaultyDisk) -> None:
    log = reopened(disk)
    for number in (1, 2):
        keep(log.open_queue(number, 1, is_durable=True), "a")
    commit(log)
    found, report = open_log(disk.after_kill(), {2}, segment_octets=1000, queue_memory=77)
    assert list(found.queues) == [2]
    assert found.queue_memory == 77
    assert report.last_block == 1
