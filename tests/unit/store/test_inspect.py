"""Looking into a data directory that a `Store` has written, whole or damaged, used or not."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from zlib import crc32

import pytest

from broker.__main__ import main
from broker.commands import DeclareQueue
from broker.config import Config, Storage
from broker.message import Message
from broker.node import Node
from broker.queues.queue import Queue
from broker.store import inspect as module
from broker.store.commit import InlineRunner
from broker.store.errors import StoreError, StoreTooNew
from broker.store.files import LocalFile
from broker.store.format import FIRST_OFFSET, VERSION
from broker.store.inspect import inspect, verify
from broker.store.store import FORMAT, IDENTITY, Store
from tests.support.kept import envelope
from tests.support.seams import FakeClock

SEGMENT_OCTETS = 64 * 1024  # the least a setting allows


class Life:
    """A node on a directory, from a start to its end; commits are made in place."""

    def __init__(self, directory: Path):
        self.store = Store(
            directory,
            Storage(segment_octets=SEGMENT_OCTETS),
            wanted_name="",
            default_name="rabbit@here",
            post=lambda job: job(),
        )
        self.clock = FakeClock()
        self.node = Node(Config(), name=self.store.name, log=self.store.log, clock=self.clock)
        is_first = self.store.is_new
        self.store.attach(self.node)
        assert self.store.committer is not None
        self.committer = self.store.committer
        self.committer._runner = InlineRunner()
        if is_first:
            self.node.make_defaults()
        self.commit()

    def commit(self) -> None:
        self.committer.is_stopping = True
        while not self.committer.is_idle:
            self.clock.time_ms += 1
            self.node.turn(self.clock.time_ms)
        self.committer.is_stopping = False

    def queue(self, name: str) -> Queue:
        """A durable one, declared if need be."""
        self.node.execute(DeclareQueue("/", name, durable=True), lambda _: None)
        return self.node.vhosts["/"].queues[name]

    def publish(self, name: str, *bodies: str) -> None:
        queue = self.queue(name)
        for body in bodies:
            queue.push(Message(envelope(len(body)), body.encode()))

    def stop(self) -> None:
        self.commit()
        self.store.close(is_clean=True)

    def die(self) -> None:
        """As after a kill: what is written is there, nobody cleans up."""
        self.store.log.close()
        self.store.catalogue.close()
        self.store.disk.unlock()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a node that was stopped: 4 segments of one block each, two queues."""
    directory = tmp_path_factory.mktemp("written") / "data"
    life = Life(directory)
    for _ in range(100):
        life.publish("q", "x" * 2000)
        life.publish("queue", "yy")
    life.stop()
    return directory


@pytest.fixture
def stopped(written: Path, tmp_path: Path) -> Path:
    """A copy of that, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "data"))


def segment(directory: Path, number: int) -> Path:
    return directory / "log" / f"{number:010}.seg"


def flip(path: Path, at: int, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << bit
    path.write_bytes(data)


def cut(path: Path, octets: int) -> None:
    os.truncate(path, path.stat().st_size - octets)


def lines(directory: Path) -> list[list[str]]:
    """What `inspect` says, split at its tabs."""
    return [line.split("\t") for line in inspect(directory)]


def section(directory: Path, title: str) -> list[list[str]]:
    """The rows of a table, by the first word of its head."""
    found = lines(directory)
    at = next(index for index, line in enumerate(found) if line[0] == title) + 1
    return found[at : found.index([""], at)]


def conclusion(directory: Path) -> list[str]:
    """What a start would do, and what is damaged."""
    found = list(inspect(directory))
    return found[len(found) - found[::-1].index("") :]


def said(directory: Path, key: str) -> str:
    return next(line[1] for line in lines(directory) if line[0] == key)


def contents(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file() and path.name != "catalogue.db-shm"  # an index that SQLite makes anew
    }


# inspect


def test_a_directory_after_a_clean_stop(stopped: Path) -> None:
    found = lines(stopped)
    assert found[:5] == [
        ["data directory", str(stopped)],
        ["node", "rabbit@here"],
        ["in use by", "nobody"],
        ["last stop", "clean"],
        ["checkpoint", "up to block 4"],
    ]
    segments = section(stopped, "segment")
    assert [row[:2] for row in segments] == [[f"{number}", "hot"] for number in range(1, 5)]
    for number, _, octets, _, last_block in segments:
        assert int(octets) == segment(stopped, int(number)).stat().st_size
        assert last_block == number
    assert sum(int(row[3]) for row in segments) == 200
    queues = {row[0]: row[1:] for row in section(stopped, "queue")}
    assert set(queues) == {"q", "queue"}
    assert [queues[name][:2] for name in ("q", "queue")] == [["/", "100"], ["/", "100"]]
    assert 200_000 < int(queues["q"][2]) < 220_000
    assert queues["q"][3] == "101"
    assert conclusion(stopped) == ["a start would read 0 octets in 0 blocks"]


def test_a_directory_in_which_nothing_has_happened(tmp_path: Path) -> None:
    Life(tmp_path / "new").stop()
    assert section(tmp_path / "new", "segment") == []
    assert section(tmp_path / "new", "queue") == []
    assert verify(tmp_path / "new").problems == []


def test_what_was_consumed_is_not_counted(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.publish("q", *"abcdef")
    life.commit()
    for _ in range(4):
        life.queue("q").pop()
    life.queue("empty")
    life.stop()
    assert [row[:3] for row in section(tmp_path, "queue")] == [["q", "/", "2"]]
    assert [row[3] for row in section(tmp_path, "segment")] == ["2"]


def test_beside_a_running_node(tmp_path: Path) -> None:
    """And it goes on as if nobody had looked."""
    life = Life(tmp_path)
    life.publish("q", *"abc")
    life.commit()
    life.publish("q", "not committed")
    assert said(tmp_path, "in use by") == str(os.getpid())
    assert said(tmp_path, "last stop") == "not clean, or it runs"
    assert said(tmp_path, "checkpoint") == "up to block 0"
    assert [row[2] for row in section(tmp_path, "queue")] == ["3"]
    assert verify(tmp_path).problems == []
    life.publish("q", "d")
    life.stop()
    assert [row[2] for row in section(tmp_path, "queue")] == ["5"]
    life = Life(tmp_path)
    assert said(tmp_path, "last stop") == "not clean, or it runs"
    life.stop()


def test_after_a_crash(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.publish("q", *"abc")
    life.commit()
    life.die()
    assert said(tmp_path, "in use by") == "nobody"
    assert said(tmp_path, "last stop") == "not clean, or it runs"
    (size,) = (int(row[2]) for row in section(tmp_path, "segment"))
    assert conclusion(tmp_path) == [f"a start would read {size - FIRST_OFFSET} octets in 1 blocks"]


def test_an_unfinished_commit(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.publish("q", *"abc")
    life.commit()
    life.publish("q", "d" * 1000)
    life.commit()
    life.die()
    before = contents(tmp_path)
    cut(segment(tmp_path, 1), 10)
    assert [row[2] for row in section(tmp_path, "queue")] == ["3"]
    octets = len(before["log/0000000001.seg"]) - 10 - int(section(tmp_path, "segment")[0][2])
    assert octets > 1000
    assert conclusion(tmp_path)[1:] == [
        f"a start would cut off {octets} octets of segment 1, an unfinished commit"
    ]
    assert verify(tmp_path).problems == []


def test_a_segment_that_does_not_count_any_more(tmp_path: Path) -> None:
    """The process died before it could remove it."""
    life = Life(tmp_path)
    life.publish("q", *["x" * 2000] * 100)
    life.stop()
    old = segment(tmp_path, 1).read_bytes()
    life = Life(tmp_path)
    while life.queue("q").pop() is not None:
        pass
    life.publish("q", "last")
    life.stop()
    assert not segment(tmp_path, 1).exists()
    segment(tmp_path, 1).write_bytes(old)
    said = "a start would remove segment 1, which does not count any more"
    assert said in conclusion(tmp_path)
    assert verify(tmp_path).problems == []


def test_what_is_damaged_is_named(stopped: Path) -> None:
    cut(segment(stopped, 2), 100)
    segment(stopped, 3).unlink()
    found = conclusion(stopped)
    assert "damaged: log/0000000002.seg is short of 100 octets" in found
    assert "damaged: log/0000000003.seg is missing" in found
    lost = {line for line in found if line.startswith("lost: ")}
    assert lost == {
        "lost: 32 messages of queue 'q' in vhost '/'",
        "lost: 32 messages of queue 'queue' in vhost '/'",
    }


def test_a_gap_is_named(tmp_path: Path) -> None:
    """A block that was promised and is not there; none of it is in the checkpoint."""
    life = Life(tmp_path)
    for body in "abc":
        life.publish("q", body)
        life.commit()
    life.die()
    data = segment(tmp_path, 1).read_bytes()
    flip(segment(tmp_path, 1), data.index(b"b", data.index(b"a") + 32))
    found = conclusion(tmp_path)
    assert "damaged: blocks 2-2 are missing" in found
    assert "lost: 1 messages of queue 'q' in vhost '/'" in found


def test_a_damaged_checkpoint_is_named(stopped: Path) -> None:
    flip(stopped / "log" / "checkpoint", 20)
    found = conclusion(stopped)
    assert found[0].endswith("in 4 blocks")
    assert any(line.startswith("damaged: the checkpoint is damaged") for line in found)
    assert [row[2] for row in section(stopped, "queue")] == ["100", "100"]


def unfinished(directory: Path) -> None:
    (directory / "log" / "stopped").unlink()
    (directory / "log" / "checkpoint").unlink()
    cut(segment(directory, 4), 10)


@pytest.mark.parametrize(
    "harm",
    [
        lambda directory: None,
        unfinished,
        lambda directory: flip(directory / "log" / "checkpoint", 20),
        lambda directory: segment(directory, 3).unlink(),
        lambda directory: flip(segment(directory, 4), 5000),
    ],
    ids=["none", "unfinished", "checkpoint", "segment", "block"],
)
def test_what_it_says_is_what_a_start_finds(stopped: Path, harm: Callable[[Path], object]) -> None:
    harm(stopped)
    said = {row[0]: int(row[2]) for row in section(stopped, "queue")}
    for line in conclusion(stopped):
        if line.startswith("lost: "):
            words = line.split()
            said[words[5].strip("'")] -= int(words[1])
    life = Life(stopped)
    assert {name: life.queue(name).ready_count for name in said} == said
    life.stop()


# verify


def test_a_good_log(stopped: Path) -> None:
    verdict = verify(stopped)
    octets = sum(segment(stopped, number).stat().st_size for number in range(1, 5))
    assert (verdict.blocks, verdict.octets) == (4, octets - 4 * FIRST_OFFSET)
    assert verdict.problems == []


@pytest.mark.parametrize("window", [32, 40, 1000, 10_000, 70_000, 1 << 20])
def test_whatever_is_read_at_once(
    stopped: Path, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(module, "WINDOW_OCTETS", window)
    assert (verify(stopped).blocks, verify(stopped).problems) == (4, [])
    flip(segment(stopped, 2), 5000)
    verdict = verify(stopped)
    assert verdict.blocks == 3
    assert "log/0000000002.seg at 64: its checksum is wrong" in verdict.problems


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """The directory of a node that was stopped, with 20 blocks in a segment, and where they end."""
    directory = tmp_path_factory.mktemp("many")
    life = Life(directory)
    ends = []
    for number in range(20):
        life.publish("q", f"{number}" * 50)
        life.commit()
        ends.append(segment(directory, 1).stat().st_size)
    life.stop()
    return directory, ends


@pytest.mark.parametrize("seed", range(40))
def test_any_flipped_bit_costs_one_block(
    many: tuple[Path, list[int]], tmp_path: Path, seed: int
) -> None:
    directory = Path(shutil.copytree(many[0], tmp_path / "data"))
    ends = many[1]
    dice = random.Random(seed)
    at = dice.randrange(FIRST_OFFSET, ends[-1])
    flip(segment(directory, 1), at, dice.randrange(8))
    start = max((end for end in ends if end <= at), default=FIRST_OFFSET)
    verdict = verify(directory)
    assert verdict.blocks == 19
    (problem,) = verdict.problems
    assert problem.startswith(f"log/0000000001.seg at {start}: ")


@pytest.mark.parametrize("octets", [1, 31, 33, 100, 60_000, 67_000])
def test_a_segment_that_is_short(stopped: Path, octets: int) -> None:
    cut(segment(stopped, 2), octets)
    verdict = verify(stopped)
    assert verdict.blocks == 3
    assert verdict.problems[0] == f"log/0000000002.seg is short of {octets} octets"
    assert len(verdict.problems) <= 2


def test_a_segment_that_is_empty(stopped: Path) -> None:
    segment(stopped, 2).write_bytes(b"")
    verdict = verify(stopped)
    assert verdict.blocks == 3
    assert any("is short of" in problem for problem in verdict.problems)


def test_a_segment_that_is_missing(stopped: Path) -> None:
    segment(stopped, 4).unlink()
    verdict = verify(stopped)
    assert (verdict.blocks, verdict.problems) == (3, ["log/0000000004.seg is missing"])


def test_a_length_that_is_damaged_is_not_believed(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It could say 4 GiB."""
    sizes: list[int] = []
    read = LocalFile.read

    def noting(file: LocalFile, size: int, offset: int) -> bytes:
        sizes.append(size)
        return read(file, size, offset)

    monkeypatch.setattr(LocalFile, "read", noting)
    monkeypatch.setattr(module, "WINDOW_OCTETS", 1000)
    flip(segment(stopped, 2), FIRST_OFFSET + 7, 7)
    assert verify(stopped).blocks == 3
    assert max(sizes) <= 2 * SEGMENT_OCTETS


def test_zeros_at_the_end_of_a_segment(stopped: Path) -> None:
    """Of a size that the file system has given it and nobody has written."""
    with segment(stopped, 4).open("ab") as file:
        file.write(bytes(5000))
    assert (verify(stopped).blocks, verify(stopped).problems) == (4, [])


def test_a_header_of_which_one_copy_is_damaged(stopped: Path) -> None:
    flip(segment(stopped, 2), 5)
    assert verify(stopped).problems == []
    flip(segment(stopped, 2), 37)
    verdict = verify(stopped)
    assert verdict.problems == ["log/0000000002.seg: not a segment of the log"]
    assert verdict.blocks == 4


def test_a_gap_is_a_problem(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for body in "abc":
        life.publish("q", body)
        life.commit()
    life.die()
    data = segment(tmp_path, 1).read_bytes()
    at = data.index(b"b", data.index(b"a") + 32)
    flip(segment(tmp_path, 1), at)
    verdict = verify(tmp_path)
    assert verdict.blocks == 2
    assert verdict.problems[0] == "blocks 2-2 are missing"
    assert verdict.problems[1].endswith(": its checksum is wrong")


# what cannot be looked into


@pytest.mark.parametrize("look", [lambda path: list(inspect(path)), verify])
def test_what_is_no_data_directory(tmp_path: Path, look: Callable[[Path], object]) -> None:
    with pytest.raises(StoreError, match=r"not-there is not a data directory"):
        look(tmp_path / "not-there")
    (tmp_path / "log").mkdir()
    with pytest.raises(StoreError, match="is not a data directory"):
        look(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_directory_of_a_later_release(stopped: Path) -> None:
    document = {"format": FORMAT + 1, "node": "rabbit@later"}
    (stopped / IDENTITY).write_text(json.dumps(document))
    with pytest.raises(StoreTooNew, match="was used by a later one"):
        list(inspect(stopped))


def test_a_segment_of_a_later_release(stopped: Path) -> None:
    data = segment(stopped, 2).read_bytes()
    head = bytearray(data[:28])
    head[8:10] = (VERSION + 1).to_bytes(2, "little")
    copy = bytes(head) + crc32(head).to_bytes(4, "little")
    segment(stopped, 2).write_bytes(copy + copy + data[64:])
    with pytest.raises(StoreTooNew, match=r"log/0000000002.seg: format version"):
        verify(stopped)


def test_a_missing_catalogue_is_not_made(stopped: Path) -> None:
    """With an empty one, the next start would take all messages for those of deleted queues."""
    (stopped / "catalogue.db").unlink()
    for look in (lambda path: list(inspect(path)), verify):
        with pytest.raises(StoreError, match=r"catalogue.db is missing from "):
            look(stopped)
    assert not (stopped / "catalogue.db").exists()
    with pytest.raises(StoreError, match="put it back"):
        Life(stopped)


# nothing is changed


@pytest.mark.parametrize("action", ["inspect", "verify"])
@pytest.mark.parametrize(
    "how",
    [
        "stopped",
        "dead",
        "damaged",
        "killed",
    ],
)
def test_looking_changes_nothing(
    stopped: Path, tmp_path: Path, how: str, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = stopped
    if how in ("dead", "killed"):
        directory = tmp_path / "dead"
        life = Life(directory)
        life.publish("q", *"abc")
        life.commit()
        if how == "killed":  # with the catalogue's own log beside it
            directory = Path(shutil.copytree(directory, tmp_path / "killed"))
        life.die()
    elif how == "damaged":
        cut(segment(stopped, 4), 100)
        flip(segment(stopped, 2), 5)
        flip(segment(stopped, 2), 37)
        flip(stopped / "log" / "checkpoint", 20)
    before = contents(directory)
    main(["store", action, "--data-dir", str(directory)])
    assert capsys.readouterr().out
    assert contents(directory) == before


# the command


def test_inspecting_by_the_command(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["store", "inspect", "--data-dir", str(stopped)]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == list(inspect(stopped))
    assert said.err == ""


def test_verifying_by_the_command(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    octets = verify(stopped).octets
    assert main(["store", "verify", "--data-dir", str(stopped)]) == 0
    assert capsys.readouterr().out == f"4 blocks, {octets} octets are good\n"


def test_damage_is_an_exit_code(stopped: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of verify; inspect has done what it was asked for."""
    flip(segment(stopped, 3), 1000)
    assert main(["store", "verify", "--data-dir", str(stopped)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "damaged: log/0000000003.seg at 64: its checksum is wrong"
    assert second.startswith("3 blocks, ")
    assert main(["store", "inspect", "--data-dir", str(stopped)]) == 0


@pytest.mark.parametrize("action", ["inspect", "verify"])
def test_what_cannot_be_looked_into_is_one_line(
    tmp_path: Path, action: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["store", action, "--data-dir", str(tmp_path / "no")]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"leveret: {tmp_path / 'no'} is not a data directory\n"


@pytest.mark.parametrize("action", ["inspect", "verify"])
def test_an_error_of_the_system_is_one_line(
    stopped: Path,
    action: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(file: LocalFile, size: int, offset: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(LocalFile, "read", broken)
    assert main(["store", action, "--data-dir", str(stopped)]) == 1
    assert capsys.readouterr().err == "leveret: [Errno 5] Input/output error\n"


def test_without_a_directory_it_is_where_a_node_would_be(
    stopped: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broker.__main__.default_data_dir", lambda: stopped)
    assert main(["store", "inspect"]) == 0
    assert capsys.readouterr().out.startswith(f"data directory\t{stopped}\n")


@pytest.mark.parametrize("arguments", [[], ["remove"], ["verify", "--what"]])
def test_an_action_that_there_is_not(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["store", *arguments])
    assert "usage: leveret store" in capsys.readouterr().err
