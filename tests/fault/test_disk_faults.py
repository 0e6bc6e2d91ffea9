"""A disk that fills up, fails, forgets or cannot be written to, wherever it matters.

Nothing confirmed is lost, nothing unconfirmed is confirmed meanwhile, publishers are told,
consumers go on, and what is lost is said.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from time import sleep

import pika
import pytest

from broker.amqp.methods import BasicAck, ConnectionBlocked, ConnectionUnblocked
from broker.boot import Broker
from broker.queues.queue import Queue
from broker.store.catalogue import Catalogue
from broker.store.commit import RETRY_MS, Committer, InlineRunner
from broker.store.errors import StoreUnavailable
from broker.store.format import segment_name
from tests.support.kept import KeptWorld
from tests.support.peer import Peer
from tests.support.process import FREE_PORTS, BrokerProcess

ROOT = Path(__file__).parents[2]
SEGMENT = "log/*.seg"


class DiskWorld(KeptWorld):
    """A node that commits by itself, in place, with every turn."""

    def __init__(self, **how: int):
        super().__init__(**how)  # type: ignore[arg-type]
        self.committer = Committer(self.log, None, InlineRunner(), owner=self.node)

    def publisher(self) -> Peer:
        """A peer that wants confirms, and a durable queue "q"."""
        peer = self.peer()
        peer.opens_channel(1)
        peer.declares(1, "q", durable=True)
        peer.wants_confirms(1)
        return peer

    def retries(self) -> None:
        self.passes(2 * RETRY_MS)

    def bodies(self, name: str = "q") -> list[str]:
        """What a new life finds."""
        queue = self.crashes().queue(name)
        found = []
        while (delivery := queue.pop()) is not None:
            found.append(delivery.message.body.decode())
        return found


def publish(peer: Peer, *bodies: str) -> None:
    peer.publishes(1, "q", *bodies, delivery_mode=2)


FAULTS = {
    "full while appending": lambda disk: disk.fill(10),
    "an error while appending": lambda disk: disk.fail("write", times=None, path=SEGMENT),
    "no sync": lambda disk: disk.fail("sync", times=None, path="log/*"),
    "no new file for what was not synced": lambda disk: (
        disk.fail("sync", path=SEGMENT),
        disk.fail("create", times=None, error=errno.ENOSPC),
    ),
    "read-only": lambda disk: setattr(disk, "read_only", True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_while_the_disk_fails(fault: str) -> None:
    """Publishers are blocked, consumers go on, nothing is confirmed; then all of it is."""
    world = DiskWorld()
    peer = world.publisher()
    publish(peer, "1", "2")
    peer.receives(1, BasicAck(2, multiple=True))
    FAULTS[fault](world.disk)
    publish(peer, "3")
    peer.receives(0, ConnectionBlocked("low on disk"))
    peer.receives_nothing(1)
    assert not peer.transport.is_reading
    reader = world.peer()
    reader.opens_channel(1)
    content = reader.gets(1, "q")
    assert content is not None
    assert content.body == b"1"
    world.retries()
    world.retries()
    peer.receives_nothing()
    assert world.committer.failures > 1
    world.disk.heal()
    world.disk.read_only = False
    world.retries()
    peer.receives(0, ConnectionUnblocked())
    peer.receives(1, BasicAck(3))
    assert peer.transport.is_reading
    world.retries()
    assert world.bodies() == ["2", "3"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_power_cut_while_the_disk_fails(fault: str) -> None:
    world = DiskWorld()
    peer = world.publisher()
    publish(peer, "1", "2")
    FAULTS[fault](world.disk)
    publish(peer, "3")
    for found in world.disk.extremes():
        queue = world.crashes(found).queue("q")
        bodies = []
        while (delivery := queue.pop()) is not None:
            bodies.append(delivery.message.body.decode())
        assert bodies in (["1", "2"], ["1", "2", "3"]), found.story


@pytest.mark.parametrize("kind", ["create", "write", "sync", "sync names"])
def test_a_new_segment_cannot_be_begun(kind: str) -> None:
    world = DiskWorld(segment_octets=200)
    peer = world.publisher()
    publish(peer, "x" * 200)
    peer.receives(1, BasicAck(1))
    where = "log" if kind == "sync names" else f"log/{segment_name(2)}"
    world.disk.fail(kind, times=3, error=errno.ENOSPC, path=where)
    publish(peer, "y" * 200)
    peer.receives(0, ConnectionBlocked("low on disk"))
    for _ in range(4):
        world.retries()
    peer.receives(0, ConnectionUnblocked())
    peer.receives(1, BasicAck(2))
    assert world.bodies() == ["x" * 200, "y" * 200]


@pytest.mark.parametrize("kind", ["create", "write", "sync", "rename", "sync names", "remove"])
def test_a_checkpoint_cannot_be_put_down(kind: str) -> None:
    """It comes with a commit, when a segment has died or is cleaned: that commit has to wait."""
    world = DiskWorld(segment_octets=2000)
    peer = world.publisher()
    peer.declares(1, "stays", durable=True)
    reader = world.peer()
    reader.opens_channel(1)
    expected, confirmed, failed = [], 0, False
    path = {"sync names": "log", "remove": SEGMENT}.get(kind, "log/checkpoint.tmp")
    for number in range(60):
        if number == 20:
            world.disk.fail(kind, times=4, error=errno.ENOSPC, path=path)
        body = f"{number:0200}"
        if number % 10 == 0:
            peer.publishes(1, "stays", body, delivery_mode=2)
            expected.append(body)
        else:
            publish(peer, body)
            assert reader.gets(1, "q") is not None
        world.passes(500)
        for _ in range(6):
            if "disk" in world.node.alarms:
                failed = True
                world.retries()
        confirmed = number + 1
    acks = [item for item in peer.takes_all(1) if isinstance(item, BasicAck)]
    assert acks[-1].delivery_tag == confirmed
    assert failed, "there was no checkpoint"
    assert world.node.alarms == {}
    assert world.node.bug_count == 0
    for found in (world.disk.after_kill(), world.disk.after_power_loss()):
        queue = world.crashes(found).queue("stays")
        bodies = []
        while (delivery := queue.pop()) is not None:
            bodies.append(delivery.message.body.decode())
        assert bodies == expected


def test_a_sync_that_fails_once_is_made_up_for() -> None:
    """What it should have covered may be gone from the cache: it is written again, elsewhere."""
    world = DiskWorld()
    peer = world.publisher()
    publish(peer, "1", "2")
    world.disk.fail("sync", path=SEGMENT)
    publish(peer, "3")
    world.retries()
    assert BasicAck(3) in peer.takes_all(1)
    queue = world.crashes(world.disk.after_power_loss()).queue("q")
    assert [queue.pop().message.body for _ in range(3)] == [b"1", b"2", b"3"]  # type: ignore[union-attr]


@pytest.fixture
def paged() -> tuple[DiskWorld, Queue]:
    """A life that begins with 60 messages on disk, a commit each."""
    world = DiskWorld()
    peer = world.publisher()
    for number in range(60):
        publish(peer, f"{number:02}")
    following = world.crashes()
    assert isinstance(following, KeptWorld)
    return world, following.queue("q")


def everything(queue: Queue) -> list[int]:
    found = []
    while (delivery := queue.pop()) is not None:
        found.append(int(delivery.message.body))
    return found


def test_a_flipped_bit_found_at_the_start(caplog: pytest.LogCaptureFixture) -> None:
    """What is lost is said, queue and numbers; the rest is there."""
    world = DiskWorld()
    peer = world.publisher()
    for number in range(9):
        publish(peer, f"{number:02}")
    disk = world.disk.after_kill()
    path = f"log/{segment_name(1)}"
    at = disk.contents(path).index(b"04\xb1")  # the body, and the next block behind it
    disk.flip(path, at)
    with caplog.at_level(logging.ERROR, "broker.store"):
        queue = world.crashes(disk).queue("q")
    assert everything(queue) == [0, 1, 2, 3, 5, 6, 7, 8]
    said = [record.getMessage() for record in caplog.records]
    assert any("a part of the log is damaged" in line for line in said)
    assert any("messages are lost" in line and "count=1 numbers=5-5" in line for line in said)


def test_a_flipped_bit_found_while_it_is_read(caplog: pytest.LogCaptureFixture) -> None:
    world = DiskWorld()
    peer = world.publisher()
    for number in range(9):
        publish(peer, f"{number:02}")
    following = world.stops()  # its next start reads nothing
    disk = following.disk
    path = f"log/{segment_name(1)}"
    disk.flip(path, disk.contents(path).index(b"04\xb1"))
    with caplog.at_level(logging.ERROR, "broker.store"):
        assert everything(following.queue("q")) == [0, 1, 2, 3, 5, 6, 7, 8]
    (line,) = [r.getMessage() for r in caplog.records if "messages are lost" in r.getMessage()]
    assert "count=1 seqs=5-5" in line
    assert following.log.lost_count == 1


def test_what_cannot_be_read_is_there_at_the_next_start(
    paged: tuple[DiskWorld, Queue], caplog: pytest.LogCaptureFixture
) -> None:
    world, queue = paged
    assert isinstance(queue.store, object)
    following = world.crashes()
    following.disk.fail("read", times=1)
    with caplog.at_level(logging.ERROR, "broker.store"):
        found = everything(following.queue("q"))
    assert len(found) == 59
    assert "messages cannot be read, the next start tries again" in caplog.text
    for _ in range(2):
        following.commits()
    assert everything(following.crashes().queue("q")) == sorted({*range(60)} - {*found})


def test_a_segment_is_missing(caplog: pytest.LogCaptureFixture) -> None:
    world = DiskWorld(segment_octets=2000)
    peer = world.publisher()
    for number in range(60):
        publish(peer, f"{number:02}")
    before = everything(world.crashes().queue("q"))
    assert before == list(range(60))
    disk = world.disk.after_kill()
    disk.remove(f"log/{segment_name(2)}")
    with caplog.at_level(logging.ERROR, "broker.store"):
        found = everything(world.crashes(disk).queue("q"))
    lost = sorted({*range(60)} - {*found})
    assert lost
    assert found == sorted(found)
    assert lost == list(range(lost[0], lost[-1] + 1)), "one file's worth"
    assert f"count={len(lost)} numbers={lost[0] + 1}-{lost[-1] + 1}" in caplog.text


# definitions


def test_definitions_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """SQLite cannot commit for a while: a declaration is answered when it can again."""
    commit = Catalogue.commit
    left = 3

    def fails(self: Catalogue, changes: object) -> None:
        nonlocal left
        if left:
            left -= 1
            raise StoreUnavailable("database or disk is full (SQLITE_FULL)")
        commit(self, changes)  # type: ignore[arg-type]

    with Broker({"data_dir": str(tmp_path)}) as broker:
        parameters = pika.ConnectionParameters(broker.host, broker.port)
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.queue_declare("before", durable=True)
            monkeypatch.setattr(Catalogue, "commit", fails)
            with caplog.at_level(logging.ERROR, "broker.store"):
                channel.queue_declare("after", durable=True)
            assert left == 0, "it was answered too early"
            assert "a commit failed" in caplog.text
            assert broker.call(lambda node: dict(node.alarms)) == {}
    with Broker({"data_dir": str(tmp_path)}) as broker:
        names = broker.call(lambda node: set(node.vhosts["/"].queues))
        assert names == {"before", "after"}


def leveret(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "broker", *FREE_PORTS, "--bind", "127.0.0.1", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_damaged_catalogue_is_refused(tmp_path: Path) -> None:
    with BrokerProcess(data_dir=tmp_path):
        pass
    (tmp_path / "catalogue.db").write_bytes(b"nonsense" * 1000)
    result = leveret("--data-dir", str(tmp_path))
    assert result.returncode == 1
    assert "catalogue" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = leveret("--data-dir", str(tmp_path / "file" / "data"))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("leveret: cannot use the data directory")


# real filesystems


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 4 MB, where the tests may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a filesystem")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def remount(place: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(place)], check=True)


def make_room(small_disk: Path, broker: BrokerProcess) -> None:
    while "alarm set" not in broker.log.read_text():
        sleep(0.01)
    remount(small_disk, "size=64m")


def test_a_real_filesystem_fills_up(small_disk: Path) -> None:
    """Blocked, and nothing confirmed, until there is room; then everything is, once."""
    flags = ["--set", "disk_free_limit.absolute=0"]  # which would be quicker
    with BrokerProcess(*flags, data_dir=small_disk / "data") as broker:
        parameters = pika.ConnectionParameters("127.0.0.1", broker.port)
        connection = pika.BlockingConnection(parameters)
        events: list[str] = []
        connection.add_on_connection_blocked_callback(lambda *_: events.append("blocked"))
        connection.add_on_connection_unblocked_callback(lambda *_: events.append("unblocked"))
        channel = connection.channel()
        channel.queue_declare("q", durable=True)
        properties = pika.BasicProperties(delivery_mode=2)
        published = 0
        # a publisher that is blocked may be stuck in a write: somebody else has to make room
        relief = Thread(target=make_room, args=(small_disk, broker))
        relief.start()
        while "unblocked" not in events:
            channel.basic_publish("", "q", b"x" * 50_000, properties)
            published += 1
            connection.process_data_events(0)
            assert published < 10_000, "where does it put them?"
        relief.join()
        assert events == ["blocked", "unblocked"]
        assert published > 40
        channel.confirm_delivery()
        channel.basic_publish("", "q", b"last", properties)
        connection.close()
        broker.stop(9)
        broker.start()
        with pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", broker.port)
        ) as connection:
            found = connection.channel().queue_declare("q", passive=True)
            assert found.method.message_count == published + 1
        assert "a commit failed" in broker.log.read_text()
        assert "Traceback" not in broker.log.read_text()


def test_a_real_directory_that_is_read_only(small_disk: Path) -> None:
    data_dir = small_disk / "data"
    with BrokerProcess(data_dir=data_dir):
        pass
    remount(small_disk, "ro")
    result = leveret("--data-dir", str(data_dir))
    remount(small_disk, "rw")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith("leveret: ")
    with BrokerProcess(data_dir=data_dir) as broker:
        assert json.loads((data_dir / "node.json").read_text())["pid"] == broker.pid


def test_a_real_file_with_a_flipped_bit(tmp_path: Path) -> None:
    with BrokerProcess(data_dir=tmp_path) as broker:
        parameters = pika.ConnectionParameters("127.0.0.1", broker.port)
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            channel.queue_declare("q", durable=True)
            channel.confirm_delivery()
            for number in range(20):
                body = f"number {number:02}".encode()
                channel.basic_publish("", "q", body, pika.BasicProperties(delivery_mode=2))
    path = tmp_path / "log" / segment_name(1)
    data = bytearray(path.read_bytes())
    data[data.index(b"number 07")] ^= 1
    path.write_bytes(data)
    verdict = subprocess.run(
        [sys.executable, "-m", "broker", "store", "verify", "--data-dir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert verdict.returncode == 1
    assert "its checksum is wrong" in verdict.stdout
    with BrokerProcess(data_dir=tmp_path) as broker:
        parameters = pika.ConnectionParameters("127.0.0.1", broker.port)
        with pika.BlockingConnection(parameters) as connection:
            channel = connection.channel()
            found = []
            while (body := channel.basic_get("q", auto_ack=True)[2]) is not None:
                found.append(body.decode())
        assert found == [f"number {number:02}" for number in range(20) if number != 7]
        assert "messages are lost" in broker.log.read_text()
