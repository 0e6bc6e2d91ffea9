"""What is out, and what is not."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from broker.cli.messaging.exits import Failure
from broker.cli.messaging.outputs import Output


def test_a_stream_that_is_no_file_takes_all() -> None:
    stream = io.BytesIO()
    output = Output(stream)
    output.put(b"one\n", 1)
    output.put(b"two\n", 2)
    assert output.write() == 2
    assert output.write() == 0
    assert stream.getvalue() == b"one\ntwo\n"


def test_a_file_is_written(tmp_path: Path) -> None:
    with (tmp_path / "out").open("wb") as stream:
        output = Output(stream)
        output.put(b"x" * 3_000_000, 5)
        assert output.write() == 5
    assert (tmp_path / "out").stat().st_size == 3_000_000


def test_a_full_disk_is_a_failure() -> None:
    with open("/dev/full", "wb") as stream:
        output = Output(stream)
        output.put(b"x", 1)
        with pytest.raises(Failure, match="No space left"):
            output.write()


@pytest.fixture
def pipe() -> tuple[int, Output]:
    """The reading end, and an output whose second message fills the pipe."""
    reading, writing = os.pipe()
    output = Output(os.fdopen(writing, "wb"))
    output.put(b"first\n", 1)
    output.put(b"x" * 1_000_000 + b"\n", 2)
    output.put(b"third\n", 3)
    assert output.write() == 1
    assert output.waiting
    return reading, output


def rest_of(reading: int, output: Output) -> tuple[bytes, int]:
    """Read and write until nothing waits. Returns: all that was read; the last tag."""
    data, last = b"", 0
    while output.waiting:
        data += os.read(reading, 1 << 20)
        last = max(last, output.write())
    output._stream.close()
    while piece := os.read(reading, 1 << 20):
        data += piece
    os.close(reading)
    return data, last


def test_a_slow_reader_holds_nobody(pipe: tuple[int, Output]) -> None:
    data, last = rest_of(*pipe)
    assert data == b"first\n" + b"x" * 1_000_000 + b"\nthird\n"
    assert last == 3


def test_what_has_begun_is_finished_and_the_rest_forgotten(pipe: tuple[int, Output]) -> None:
    reading, output = pipe
    output.forget()
    data, last = rest_of(reading, output)
    assert data == b"first\n" + b"x" * 1_000_000 + b"\n"
    assert last == 2


def test_on_another_connection_its_tag_means_nothing(pipe: tuple[int, Output]) -> None:
    reading, output = pipe
    output.forget(is_lost=True)
    data, last = rest_of(reading, output)
    assert data.endswith(b"x\n")
    assert last == 0


def test_nothing_begun_nothing_left() -> None:
    output = Output(io.BytesIO())
    output.put(b"x", 1)
    output.forget()
    assert output.waiting == 0
    assert output.write() == 0


def test_a_reader_that_has_gone(pipe: tuple[int, Output]) -> None:
    reading, output = pipe
    os.close(reading)
    assert output.write() == 0
    assert output.is_broken
    output._stream.close()
