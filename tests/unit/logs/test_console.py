"""A console that is a pipe, and who is at its other end."""

from __future__ import annotations

import io
import logging
import os
import select
import threading
from pathlib import Path

from broker.log_settings import ConsoleOutput
from broker.logs.console import Console, pipe_of


def test_a_pipe_that_nobody_reads_holds_nobody() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "w") as stream:
        console = Console(ConsoleOutput(), stream)
        record = logging.makeLogRecord({"msg": "x" * 1000, "levelno": logging.INFO})

        def fill() -> None:
            for _ in range(1000):
                console.handle(record)

        filling = threading.Thread(target=fill, daemon=True)
        filling.start()
        filling.join(20)
        assert not filling.is_alive()
        lost = console.lost
        assert lost
        while select.select([reader], [], [], 0)[0]:
            os.read(reading, 1 << 20)
        console.handle(logging.makeLogRecord({"msg": "here again", "levelno": logging.INFO}))
        told, line = os.read(reading, 1 << 20).decode().splitlines()
        assert told.endswith(f"lines of the log are lost, count={lost}")
        assert line.endswith("here again")
        assert console.lost == 0


def test_a_pipe_whose_reader_has_gone_holds_nobody() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as stream:
        os.close(reading)
        console = Console(ConsoleOutput(), stream)
        console.handle(
            logging.makeLogRecord({"msg": "%s %s", "args": ("one",), "levelno": logging.INFO})
        )
        console.handle(logging.makeLogRecord({"msg": "lost", "levelno": logging.INFO}))


def test_what_is_no_pipe(tmp_path: Path) -> None:
    stream = io.StringIO()
    Console(ConsoleOutput(), stream).handle(
        logging.makeLogRecord({"msg": "here", "levelno": logging.INFO})
    )
    assert stream.getvalue().endswith("here\n")
    with open(tmp_path / "file", "w") as file:
        assert pipe_of(stream) == pipe_of(file) == -1
        Console(ConsoleOutput(), file).handle(
            logging.makeLogRecord({"msg": "here", "levelno": logging.INFO})
        )
    assert (tmp_path / "file").read_text().endswith("here\n")
