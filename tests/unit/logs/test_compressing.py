"""Files of the log that were put aside are compressed, whatever happens to them meanwhile."""

from __future__ import annotations

import gzip
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker.log_settings import Rotation
from broker.logs.compressing import Compressor
from broker.logs.log_file import LogFile
from broker.logs.rotation import Plan, put_aside

WAIT_S = 10.0


class Names:
    """Whoever is in it has the names for himself."""

    def __init__(self) -> None:
        self._lock = threading.RLock()

    def __call__(self) -> Names:
        return self

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def complaints() -> list[str]:
    return []


@pytest.fixture
def names() -> Names:
    return Names()


@pytest.fixture
def compressor(path: Path, names: Names, complaints: list[str]) -> Iterator[Compressor]:
    made = Compressor(str(path), names, complaints.append)
    yield made
    made.close()


def finish(compressor: Compressor, names: Names) -> None:
    """Wake it, and wait until it has nothing to do."""
    with names:
        compressor.wake()
        thread = compressor._thread
    assert thread is not None
    thread.join(WAIT_S)
    assert not thread.is_alive()


def read(path: Path) -> dict[str, str]:
    return {
        one.name: gzip.decompress(one.read_bytes()).decode()
        if one.suffix == ".gz"
        else one.read_text()
        for one in path.parent.iterdir()
    }


def test_files_that_were_put_aside_are_compressed(
    path: Path, names: Names, compressor: Compressor
) -> None:
    path.write_text("new")
    for number in range(3):
        path.with_name(f"log.{number}").write_text(f"{number}\n" * 1000)
    finish(compressor, names)
    wanted = {f"log.{number}.gz": f"{number}\n" * 1000 for number in range(3)}
    assert read(path) == {"log": "new", **wanted}
    assert path.with_name("log.0.gz").stat().st_mode & 0o007 == 0
    finish(compressor, names)
    assert len(read(path)) == 4


def test_both_kinds_move_on(path: Path) -> None:
    path.write_text("new")
    path.with_name("log.0").write_text("0")
    path.with_name("log.1.gz").write_bytes(gzip.compress(b"1"))
    path.with_name("log.2.gz").write_bytes(gzip.compress(b"2"))
    put_aside(str(path), 3)
    assert read(path) == {"log.0": "new", "log.1": "0", "log.2.gz": "1"}


@pytest.mark.parametrize("count", [1, 5])
def test_a_file_may_move_on_meanwhile(
    path: Path,
    names: Names,
    compressor: Compressor,
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """Or go: with one file kept it is not there any more."""
    path.with_name("log.0").write_text("old")
    begin = gzip.GzipFile

    def moved(*arguments: object) -> gzip.GzipFile:
        monkeypatch.setattr(gzip, "GzipFile", begin)
        with names:
            path.write_text("new")
            put_aside(str(path), count)
        return begin(*arguments)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(gzip, "GzipFile", moved)
    finish(compressor, names)
    wanted = {"log.0.gz": "new"} if count == 1 else {"log.0.gz": "new", "log.1.gz": "old"}
    assert read(path) == wanted


def test_a_full_disk_leaves_the_file_as_it_was(
    path: Path,
    names: Names,
    compressor: Compressor,
    complaints: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path.with_name("log.0").write_text("old")

    def refuse(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(gzip.GzipFile, "write", refuse)
    finish(compressor, names)
    assert read(path) == {"log.0": "old"}
    assert complaints == [f"the log {path}.0 cannot be compressed: No space left on device"]
    monkeypatch.undo()
    finish(compressor, names)
    assert read(path) == {"log.0.gz": "old"}


def test_an_end_does_not_wait_for_it(path: Path, compressor: Compressor, names: Names) -> None:
    path.with_name("log.0").write_text("old")
    with names:
        compressor.wake()
        compressor._is_ending = True
    compressor.close()
    assert read(path) == {"log.0": "old"}


def test_a_log_file_has_its_own(path: Path) -> None:
    file = LogFile(str(path), Plan(Rotation(size=10, count=4, compress=True)))
    file.setFormatter(logging.Formatter("%(message)s"))
    path.with_name("log.0").write_text("of before")
    file.open()
    for number in range(3):
        file.handle(logging.LogRecord("x", 20, "", 0, f"{number}" * 9, (), None))
    thread = file._compressor._thread if file._compressor is not None else None
    if thread is not None:  # else it has already ended
        thread.join(WAIT_S)
    file.close()
    assert read(path) == {
        "log": "2" * 9, "log.0.gz": "1" * 9, "log.1.gz": "0" * 9, "log.2.gz": "of before"
    }  # fmt: skip
