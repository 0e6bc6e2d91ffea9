"""The database of the definitions is full, locked, read-only or damaged, and what becomes of that.

A commit writes the definitions first, then the messages: while the former cannot be written neither
is, and whoever waits for one of them goes on waiting.
"""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from broker.amqp.methods import (
    BasicAck,
    BasicPublish,
    ConnectionBlocked,
    ConnectionUnblocked,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
)
from broker.commands import Command
from broker.store import catalogue as catalogue_module
from broker.store.catalogue import FILE_NAME, Catalogue
from broker.store.catalogue_replicator import CatalogueReplicator
from broker.store.commit import RETRY_MS, Committer, Definitions, InlineRunner
from broker.store.errors import StoreError
from broker.store.store import open_log
from tests.support.faulty_disk import FaultyDisk
from tests.support.peer import Peer, World

LOCK = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


class CatalogueWorld(World):
    """A node with a real catalogue and a log on a disk in memory, that commits with every turn."""

    def __init__(self, directory: Path, disk: FaultyDisk | None = None):
        self.directory = directory
        self.disk = disk or FaultyDisk()
        self.catalogue = Catalogue(directory)
        known = self.catalogue.queue_ids()
        self.log, _ = open_log(self.disk, known, segment_octets=1 << 20, queue_memory=1 << 40)
        super().__init__(log=self.log)
        node = self.node
        self.catalogue.restore(node.apply)
        node.last_queue_id = self.catalogue.last_queue_id
        replicator = CatalogueReplicator(node.apply, node.changes, node.request_turn, node.on_bug)
        node.replicator = replicator
        definitions = Definitions(replicator, self.catalogue)
        self.committer = Committer(self.log, definitions, InlineRunner(), owner=node)

    @property
    def database(self) -> sqlite3.Connection:
        return self.catalogue._database

    def retries(self) -> None:
        self.passes(2 * RETRY_MS)

    def crashes(self) -> CatalogueWorld:
        """The process dies; the next one starts."""
        self.catalogue.close()
        return CatalogueWorld(self.directory, self.disk.after_kill())

    def bodies(self, name: str) -> list[str]:
        queue, found = self.queue(name), []
        while (delivery := queue.pop()) is not None:
            found.append(delivery.message.body.decode())
        return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CatalogueWorld]:
    monkeypatch.setattr(catalogue_module, "BUSY_TIMEOUT_S", 0.01)
    world = CatalogueWorld(tmp_path)
    yield world
    world.catalogue.close()


@pytest.fixture
def publisher(world: CatalogueWorld) -> Peer:
    """A peer that has published two messages to the durable queue "before"; both are confirmed."""
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "before", durable=True)
    peer.wants_confirms(1)
    peer.publishes(1, "before", "1", "2", delivery_mode=2)
    peer.receives(1, BasicAck(2, multiple=True))
    return peer


Heal = Callable[[], object]


def fill(world: CatalogueWorld) -> Heal:
    (pages,) = world.database.execute("PRAGMA page_count").fetchone()
    world.database.execute(f"PRAGMA max_page_count = {pages}")
    return lambda: world.database.execute("PRAGMA max_page_count = 1000000")


def lock(world: CatalogueWorld) -> Heal:
    holder = subprocess.Popen(
        [sys.executable, "-c", LOCK, str(world.directory / FILE_NAME)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"locked\n"

    def heal() -> None:
        holder.communicate()
        assert holder.returncode == 0

    return heal


def forbid(world: CatalogueWorld) -> Heal:
    world.database.execute("PRAGMA query_only = 1")
    return lambda: world.database.execute("PRAGMA query_only = 0")


FAULTS: dict[str, tuple[Callable[[CatalogueWorld], Heal], str]] = {
    "full": (fill, "SQLITE_FULL"),
    "locked by another process": (lock, "SQLITE_BUSY"),
    "read-only": (forbid, "SQLITE_READONLY"),
}
each_fault = pytest.mark.parametrize(("break_", "name"), FAULTS.values(), ids=FAULTS)
LARGE = "x" * 200  # names, so that a few declarations need a page


def declare_many(peer: Peer) -> None:
    """More than fits into the last pages of the database."""
    for number in range(60):
        command = QueueDeclare(queue=f"{number}{LARGE}", durable=True, nowait=True)
        peer.sends(1, command, settle=False)
    peer.sends(1, QueueDeclare(queue="after", durable=True))


@each_fault
def test_definitions_and_confirms_wait(
    world: CatalogueWorld,
    publisher: Peer,
    break_: Callable[[CatalogueWorld], Heal],
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    heal = break_(world)
    other = world.peer()
    other.opens_channel(1)
    with caplog.at_level(logging.WARNING, "broker"):
        declare_many(other)
        publisher.receives(0, ConnectionBlocked("low on disk"))
        assert not publisher.transport.is_reading
        late = world.peer()
        late.opens_channel(1)
        late.wants_confirms(1)
        late.publishes(1, "before", "3", delivery_mode=2)
        late.receives(0, ConnectionBlocked("low on disk"))
        reader = world.peer()
        reader.opens_channel(1)
        content = reader.gets(1, "before")
        assert content is not None
        assert content.body == b"1"
        for _ in range(3):
            world.retries()
        other.receives_nothing(1)
        late.receives_nothing(1)
    assert f"a commit failed, it is tried again, failures=1: {world.directory}" in caplog.text
    assert name in caplog.text
    heal()
    world.retries()
    other.receives(1, QueueDeclareOk("after", 0, 0))
    late.receives(1, BasicAck(1))
    for peer in (publisher, late):
        peer.receives(0, ConnectionUnblocked())
        assert peer.transport.is_reading
    assert world.node.alarms == {}
    assert world.node.bug_count == 0
    following = world.crashes()
    assert following.bodies("before") == ["2", "3"]
    assert "after" in following.vhost.queues
    following.catalogue.close()


@each_fault
def test_a_crash_meanwhile(
    world: CatalogueWorld,
    publisher: Peer,
    break_: Callable[[CatalogueWorld], Heal],
    name: str,
) -> None:
    """What was not answered has not happened, all of it or nothing."""
    heal = break_(world)
    other = world.peer()
    other.opens_channel(1)
    other.wants_confirms(1)
    declare_many(other)
    other.sends(1, BasicPublish(routing_key="after"))
    other.receives_nothing(1)
    world.catalogue.close()
    with suppress(sqlite3.ProgrammingError):  # it is over with the connection
        heal()
    following = CatalogueWorld(world.directory, world.disk.after_kill())
    assert "after" not in following.vhost.queues
    assert following.bodies("before") == ["1", "2"]
    following.catalogue.close()


@each_fault
def test_messages_do_not_need_the_database(
    world: CatalogueWorld,
    publisher: Peer,
    break_: Callable[[CatalogueWorld], Heal],
    name: str,
) -> None:
    """As long as nobody changes a definition nobody notices."""
    heal = break_(world)
    publisher.publishes(1, "before", "3", delivery_mode=2)
    publisher.receives(1, BasicAck(3))
    assert world.node.alarms == {}
    heal()


def test_a_deletion_waits(world: CatalogueWorld, publisher: Peer) -> None:
    heal = forbid(world)
    other = world.peer()
    other.opens_channel(1)
    other.sends(1, QueueDelete(queue="before"))
    world.retries()
    other.receives_nothing(1)
    heal()
    world.retries()
    other.receives(1, QueueDeleteOk(2))
    following = world.crashes()
    assert following.vhost.queues == {}
    assert following.log.queues == {}
    following.catalogue.close()


def test_a_crash_before_a_queue_could_be_deleted(world: CatalogueWorld, publisher: Peer) -> None:
    """It is there again, with its messages: nobody was told that it is gone."""
    forbid(world)
    other = world.peer()
    other.opens_channel(1)
    other.sends(1, QueueDelete(queue="before"))
    other.publishes(1, "before", "into nothing")
    world.retries()
    other.receives_nothing(1)
    following = world.crashes()
    assert following.bodies("before") == ["1", "2"]
    following.catalogue.close()


# a damaged file


def definitions_in(directory: Path) -> list[Command]:
    catalogue = Catalogue(directory)
    try:
        return list(catalogue.load())
    finally:
        catalogue.close()


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with some definitions, left cleanly."""
    directory = tmp_path_factory.mktemp("healthy")
    world = CatalogueWorld(directory)
    peer = world.peer()
    peer.opens_channel(1)
    for number in range(150):
        peer.declares(1, f"queue {number} {LARGE}"[:200], durable=True)
        peer.binds(1, f"queue {number} {LARGE}"[:200], "amq.topic", f"{number}.{LARGE}"[:200])
    world.catalogue.close()
    return directory


def damaged(healthy: Path, directory: Path, data: bytes) -> str:
    """What comes of a start: the error, or "" if everything is there."""
    directory.mkdir()
    (directory / FILE_NAME).write_bytes(data)
    said = ""
    try:
        found = definitions_in(directory)
    except StoreError as error:
        said = str(error)
    if not said:
        assert found == definitions_in(healthy), "definitions are missing, and nobody says so"
        return ""
    assert FILE_NAME in said
    assert "\n" not in said
    return said


def test_a_page_of_zeros(
    healthy: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """It is refused, whichever it is: a node without some of its queues would lose their messages.

    SQLite has no checksums: what looks like a page is believed.
    """
    data = (healthy / FILE_NAME).read_bytes()
    page = int.from_bytes(data[16:18], "big")
    said = [
        damaged(healthy, tmp_path / str(at), data[:at] + bytes(page) + data[at + page :])
        for at in range(0, len(data), page)
    ]
    refused = sum(1 for text in said if text)
    print(f"\npages={len(said)} refused={refused}")  # noqa: T201
    record_property("pages", len(said))
    record_property("refused", refused)
    assert refused > len(said) // 4  # the rest are of indexes, which are not needed to read


def test_a_file_that_was_cut(healthy: Path, tmp_path: Path) -> None:
    data = (healthy / FILE_NAME).read_bytes()
    page = int.from_bytes(data[16:18], "big")
    for at in range(page, len(data), page):
        assert damaged(healthy, tmp_path / str(at), data[:at])


def test_a_file_of_something_else(healthy: Path, tmp_path: Path) -> None:
    assert "damaged" in damaged(healthy, tmp_path / "text", b"nonsense" * 1000)


def test_any_other_error_of_the_database(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    world = CatalogueWorld(tmp_path)
    peer = world.peer()
    peer.opens_channel(1)
    peer.declares(1, "before", durable=True)

    world.database.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    with caplog.at_level(logging.ERROR, "broker.store"):
        peer.sends(1, QueueDeclare(queue="after", durable=True))
    peer.receives_nothing(1)
    assert "a commit failed" in caplog.text
    world.database.set_authorizer(None)
    world.retries()
    peer.receives(1, QueueDeclareOk("after", 0, 0))
    world.catalogue.close()
