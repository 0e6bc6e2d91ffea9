"""Where lines of the log go, which of them, and how that changes while a node runs."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from broker import log_output
from broker.config import Config, ConfigError, override
from broker.log_output import LogOutput, directory_of, wanted
from broker.log_settings import Log
from tests.support.peer import World

node = logging.getLogger("broker.node")
connection = logging.getLogger("broker.connection")
channel = logging.getLogger("broker.channel")

Opens = Callable[..., LogOutput]


@pytest.fixture(autouse=True)
def _clean_logging() -> Iterator[None]:
    """Every test leaves logging as it was."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)
    yield
    assert (root.level, list(root.handlers)) == before


@pytest.fixture
def opens(tmp_path: Path) -> Iterator[Opens]:
    """An output with these settings, by RabbitMQ's keys without "log."."""
    made: list[LogOutput] = []

    def opens(settings: dict[str, Any] | None = None, **more: Any) -> LogOutput:
        log = settings_of(settings or {})
        made.append(
            LogOutput(log, "rabbit@host", directory=directory_of(log, str(tmp_path)), **more)
        )
        made[-1].open()
        return made[-1]

    yield opens
    for output in reversed(made):
        output.close()


def settings_of(settings: dict[str, Any]) -> Log:
    config = Config()
    for key, value in settings.items():
        config = override(config, f"log.{key}", value)
    return config.log


def texts(path: Path) -> list[str]:
    """Lines of a file, without time and process."""
    return [line.partition("> ")[2] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("settings", "is_detached", "outputs"),
    [
        ({}, False, {"console"}),
        ({}, True, {"file"}),
        ({"dir": "/d"}, False, {"file"}),
        ({"file": "a.log"}, False, {"file"}),
        ({"file": False}, False, {"console"}),
        ({"file": "false", "dir": "/d"}, True, {"console"}),
        ({"file.level": "debug"}, False, {"file"}),
        ({"console": True}, True, {"console"}),
        ({"console": True, "dir": "/d"}, False, {"console"}),
        ({"console": True, "file": "a.log"}, False, {"console", "file"}),
        ({"console": True, "file.level": "info"}, False, {"console", "file"}),
        ({"console.level": "info"}, False, {"console"}),
        ({"console.level": "none", "dir": "/d"}, False, {"file"}),
        ({"console": False}, False, set()),
        ({"syslog": True}, False, {"syslog"}),
        ({"syslog.level": "error", "dir": "/d"}, False, {"syslog"}),
        ({"exchange": True}, False, {"console"}),
    ],
)
def test_what_is_on(settings: dict[str, Any], is_detached: bool, outputs: set[str]) -> None:
    assert wanted(settings_of(settings), is_detached=is_detached) == outputs


def test_where_files_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_output, "SYSTEM_DIR", tmp_path / "none")
    assert directory_of(settings_of({"dir": "/d"}), "/data") == Path("/d")
    assert directory_of(settings_of({}), "/data") == Path("/data/logs")
    assert directory_of(settings_of({}), "") == tmp_path / "none"
    monkeypatch.setattr(log_output, "SYSTEM_DIR", tmp_path)
    assert directory_of(settings_of({}), "/data") == tmp_path


def test_the_console_is_standard_error(opens: Opens, capsys: pytest.CaptureFixture[str]) -> None:
    output = opens()
    node.info("a line")
    node.debug("too small")
    assert output.locations() == ["<stderr>"]
    assert output.files() == []
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.endswith(f" [info] <0.{os.getpid()}.0> a line\n")
    assert captured.err.count("\n") == 1


def test_a_console_that_is_asked_for_is_standard_output(
    opens: Opens, capsys: pytest.CaptureFixture[str]
) -> None:
    output = opens({"console": True, "console.formatter": "json", "console.level": "debug"})
    node.debug("a line")
    assert output.locations() == ["<stdout>"]
    assert json.loads(capsys.readouterr().out)["domain"] == "rabbitmq"


class Broken(io.StringIO):
    """A console that has gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_the_console_may_be_said_closed_or_broken(
    opens: Opens, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert opens({"console": True, "console.stdio": "stderr"}).locations() == ["<stderr>"]
    monkeypatch.setattr(sys, "stdout", None)
    assert opens({"console": True}).locations() == []
    monkeypatch.setattr(sys, "stdout", Broken())
    assert opens({"console": True}).locations() == ["<stdout>"]
    node.info("a line")
    assert capsys.readouterr().err.count("\n") == 1  # the other one has it


def test_the_file_has_the_nodes_name(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path / "d")})
    node.info("a line")
    path = tmp_path / "d" / "rabbit@host.log"
    assert output.files() == [path]
    assert output.locations() == [str(path)]
    assert texts(path) == ["a line"]


def test_the_same_level_need_not_go_everywhere(
    opens: Opens, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = opens(
        {"console.level": "error", "file": "a.log", "dir": str(tmp_path), "level": "debug"}
    )
    node.debug("small")
    node.error("large")
    assert texts(tmp_path / "a.log") == ["small", "large"]
    assert capsys.readouterr().out.count("\n") == 0
    assert output.locations() == [str(tmp_path / "a.log"), "<stderr>"]


def test_a_category_has_its_own_level(opens: Opens, tmp_path: Path) -> None:
    opens({"dir": str(tmp_path), "connection.level": "debug", "channel.level": "none"})
    connection.debug("small")
    channel.critical("not wanted")
    node.debug("too small")
    assert texts(tmp_path / "rabbit@host.log") == ["small"]


def test_a_category_has_its_own_file(opens: Opens, tmp_path: Path) -> None:
    settings = {"dir": str(tmp_path), "connection.file": "c.log", "connection.level": "debug"}
    output = opens({**settings, "channel.file": "rabbit@host.log", "queue.file": "c.log"})
    connection.debug("one")
    channel.info("two")
    logging.getLogger("broker.queue").info("three")
    logging.getLogger("broker.queue").debug("too small")
    node.info("four")
    assert texts(tmp_path / "c.log") == ["one", "three"]
    assert texts(tmp_path / "rabbit@host.log") == ["two", "four"]
    assert output.files() == [tmp_path / "rabbit@host.log", tmp_path / "c.log"]
    output.set_category_level("connection", "error")
    connection.warning("too small")
    output.set_level("debug")
    node.debug("five")
    connection.debug("six")
    assert texts(tmp_path / "c.log") == ["one", "three", "six"]
    assert texts(tmp_path / "rabbit@host.log") == ["two", "four", "five"]


def test_a_level_of_one_category_makes_no_lines_elsewhere(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path), "connection.file": "c.log"})
    output.set_category_level("channel", "debug")
    output.set_category_level("default", "debug")
    channel.debug("one")
    node.debug("two")
    assert texts(tmp_path / "c.log") == []
    assert texts(tmp_path / "rabbit@host.log") == ["one", "two"]


def test_levels_of_other_settings_are_taken_over(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path), "connection.file": "c.log"})
    output.apply_levels(
        settings_of(
            {
                "level": "error",
                "connection.level": "debug",
                "channel.level": "info",
                "channel.file": "new.log",  # takes a restart
            }
        )
    )
    node.warning("too small")
    connection.debug("one")
    channel.info("two")
    assert texts(tmp_path / "c.log") == ["one"]
    assert texts(tmp_path / "rabbit@host.log") == ["two"]
    assert not (tmp_path / "new.log").exists()


def test_levels_change_while_it_runs(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path), "file.level": "error"})
    assert not node.isEnabledFor(logging.INFO)
    output.set_level("debug")
    node.debug("one")
    output.set_level("none")
    node.critical("nobody hears this")
    output.set_level("warning")
    output.set_category_level("connection", "info")
    output.set_category_level("default", "error")
    connection.info("two")
    node.warning("too small")
    assert texts(tmp_path / "rabbit@host.log") == ["one", "two"]
    with pytest.raises(ValueError, match="level loud is not supported"):
        output.set_level("loud")
    with pytest.raises(ValueError, match="there is no category birds"):
        output.set_category_level("birds", "info")


def test_the_exchange_goes_by_the_same_levels(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path), "exchange": True, "exchange.level": "info"})
    assert "exchange:amq.rabbitmq.log" in output.locations()
    world = World({"log.exchange": True, "log.exchange.level": "debug"})
    world.node.tell(threading.get_ident())
    try:
        assert node.isEnabledFor(logging.DEBUG)
        output.set_level("error")
        assert not node.isEnabledFor(logging.WARNING)
        output.set_category_level("connection", "debug")
        exchange = world.node._log_exchange
        assert exchange is not None
        assert exchange.threshold.least == logging.DEBUG
        assert node.isEnabledFor(logging.DEBUG)
    finally:
        world.node.tell_no_more()


def test_files_are_put_aside_on_demand(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path), "default.rotation.count": 1, "queue.file": "q.log"})
    node.info("one")
    assert output.rotate() == []
    node.info("two")
    assert output.rotate() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "q.log",
        "rabbit@host.log",
        "rabbit@host.log.0",
    ]
    assert texts(tmp_path / "rabbit@host.log.0") == ["two"]
    (tmp_path / "rabbit@host.log.0").unlink()
    (tmp_path / "rabbit@host.log.0").mkdir()
    (tmp_path / "rabbit@host.log.0" / "x").touch()
    node.info("three")
    assert output.rotate() == [f"{tmp_path}/rabbit@host.log: Is a directory"]
    assert texts(tmp_path / "rabbit@host.log") == ["three"]
    assert output.reopen() == []


def test_by_size_as_the_settings_say(opens: Opens, tmp_path: Path) -> None:
    opens({"dir": str(tmp_path), "default.rotation.size": 1, "file.rotation.count": 2})
    for number in range(5):
        node.info("%s", number)
    names = ("rabbit@host.log", "rabbit@host.log.0", "rabbit@host.log.1")
    assert [texts(tmp_path / name) for name in names] == [["4"], ["3"], ["2"]]
    assert len(list(tmp_path.iterdir())) == 3


def test_the_end_of_the_file_and_what_comes(opens: Opens, tmp_path: Path) -> None:
    output = opens({"dir": str(tmp_path)})
    for number in range(5):
        node.info("line %s", number)
    assert [line[-6:] for line in output.tail(2)] == ["line 3", "line 4"]
    follower = output.follow()
    node.info("line 5")
    output.rotate()
    node.info("line 6")
    assert [line[-6:] for line in follower.read() + follower.read()] == ["line 5", "line 6"]
    follower.close()


def test_without_a_file_there_is_no_end_of_it(opens: Opens) -> None:
    with pytest.raises(LookupError, match="No log files configured on the node"):
        opens().tail(5)


def test_a_file_that_cannot_be_written_is_told_at_the_start(opens: Opens, tmp_path: Path) -> None:
    (tmp_path / "d").write_text("in the way")
    with pytest.raises(ConfigError, match=r"^the log cannot be written: .*host\.log: Not a d"):
        opens({"dir": str(tmp_path / "d")})


def test_syslog_is_one_of_them(opens: Opens) -> None:
    settings = {"syslog": True, "syslog.ip": "127.0.0.1", "syslog.port": 1}
    output = opens(settings, complain=lambda _: None)
    assert output.locations() == ["syslog:127.0.0.1"]
    output.close()
    assert not any(thread.name == "leveret-syslog" for thread in threading.enumerate())
