"""The log of a node by its tools."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from broker.control import logs
from broker.log_output import LogOutput
from broker.log_settings import Log
from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


@pytest.fixture
def log_file(node: ControlledNode, tmp_path: Path) -> Iterator[Path]:
    """The node writes one for a while."""
    before = node.runtime.log_output
    output = LogOutput(Log(dir=str(tmp_path)), "rabbit@here", directory=tmp_path)
    output.open()
    node.runtime.log_output = output
    yield output.files()[0]
    node.runtime.log_output = before
    output.close()


def test_without_a_file_there_is_nothing_to_show(node: ControlledNode) -> None:
    for command in ("log_location", "log_tail", "log_tail_stream"):
        said = node.tool("-q", command, tool=DIAGNOSTICS)
        assert said == (69, "", "Error:\nNo log files configured on the node\n")
    assert node.tool("-q", "log_location", "--all", tool=DIAGNOSTICS).code == 0


def test_where_it_is_and_what_is_in_it(node: ControlledNode, log_file: Path) -> None:
    for number in range(5):
        logging.getLogger("broker").warning("line %s", number)
    for argv in ((), ("--all",), ("-a",)):
        said = node.tool("-q", "log_location", *argv, tool=DIAGNOSTICS)
        assert said == (0, f"{log_file}\n", "")
    said = node.tool("log_tail", "-N", "2", tool=DIAGNOSTICS)
    banner, *lines = said.out.splitlines()
    assert banner == "Last 2 log lines on node rabbit@here ..."
    assert [line[-6:] for line in lines] == ["line 3", "line 4"]
    assert node.tool("-q", "log_tail", "-N", "0", tool=DIAGNOSTICS) == (0, "", "")


def test_lines_are_shown_as_they_come(
    node: ControlledNode, log_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "POLL_S", 0.01)
    with ThreadPoolExecutor(1) as pool:
        said = pool.submit(node.tool, "-q", "log_tail_stream", "-d", "1", tool=DIAGNOSTICS)
        while not said.done():
            logging.getLogger("broker").warning("come")
            time.sleep(0.01)
        lines = said.result().out.splitlines()
    assert lines
    assert all(line.endswith(" come") for line in lines)


def test_rotating_puts_the_file_aside(node: ControlledNode, log_file: Path) -> None:
    logging.getLogger("broker").warning("before")
    assert node.tool("rotate_logs") == (0, "", "")
    assert "before" not in log_file.read_text()
    assert any("before" in path.read_text() for path in log_file.parent.glob(f"{log_file.name}.*"))
