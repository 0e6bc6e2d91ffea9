"""Where messages come from."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.cli.messaging.exits import Failure
from broker.cli.messaging.inputs import ListInput, Splitter, StreamInput, files
from tests.property.conftest import examples


@examples(60)
@given(st.lists(st.sampled_from([b"", b"a", b"\n", b"b\n", b"\n\n", b"c\nd"])))
def test_any_split_of_the_octets_gives_the_same_lines(chunks: list[bytes]) -> None:
    splitter = Splitter(b"\n")
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)] + splitter.end()
    lines = b"".join(chunks).split(b"\n")
    assert pieces == lines[:-1] + ([lines[-1]] if lines[-1] else [])


def test_without_separators_all_is_one_piece_even_nothing() -> None:
    splitter = Splitter(b"")
    assert splitter.feed(b"a\n") == splitter.feed(b"\0b") == []
    assert splitter.end() == [b"a\n\0b"]
    assert Splitter(b"").end() == [b""]


def read_all(source: StreamInput | ListInput) -> list[bytes]:
    pieces = []
    while not source.is_over:
        pieces += source.read()
    return pieces


def test_a_stream_that_is_no_file() -> None:
    source = StreamInput(io.BytesIO(b"a\0b"), b"\0")
    assert source.descriptor is None
    assert read_all(source) == [b"a", b"b"]


def test_a_pipe_is_read_as_it_comes() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as stream:
        source = StreamInput(stream, b"\n")
        assert source.descriptor == reading
        os.write(writing, b"one\ntw")
        assert source.read() == [b"one"]
        os.set_blocking(reading, False)
        assert source.read() == []
        os.write(writing, b"o\n")
        assert source.read() == [b"two"]
        os.close(writing)
        assert source.read() == []
        assert source.is_over


class Folder(io.BytesIO):
    """A descriptor that cannot be read."""

    def __init__(self) -> None:
        super().__init__()
        self.opened = os.open("/", os.O_RDONLY)

    def fileno(self) -> int:
        return self.opened


def test_what_cannot_be_read() -> None:
    folder = Folder()
    with pytest.raises(Failure, match="Is a directory") as caught:
        StreamInput(folder, b"\n").read()
    assert caught.value.code == 66
    os.close(folder.opened)


def test_files_are_messages(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x\ny")
    source = ListInput(files([str(tmp_path / "a"), str(tmp_path / "none")]))
    assert source.read() == [b"x\ny"]
    with pytest.raises(Failure, match="none: No such file"):
        source.read()
    assert read_all(ListInput([b"1", b"2"])) == [b"1", b"2"]
