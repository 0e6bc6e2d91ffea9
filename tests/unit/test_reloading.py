from __future__ import annotations

import argparse
import errno
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import reloading
from broker.boot import Broker
from broker.configuration.loading import load_everything
from broker.log_output import LogOutput
from broker.reloading import reload
from tests.support.configuring import arguments


class Started:
    """A broker with a file of settings."""

    def __init__(self, path: Path):
        self.path = path
        self.arguments: argparse.Namespace = arguments(
            *("--config", str(path), "--data-dir", "none", "--port", "0", "--bind", "127.0.0.1")
        )
        self.write("heartbeat = 30")
        self.broker = Broker(load_everything(self.arguments, {}).config)
        log = self.broker.config.log
        self.log_output = LogOutput(log, "rabbit@here", directory=path.parent / "logs")

    def write(self, *lines: str) -> None:
        off = ("management.enabled = false", "prometheus.enabled = false")
        self.path.write_text("\n".join((*lines, *off)) + "\n")

    def reload(self) -> object:
        return self.broker.call(
            lambda node: reload(self.broker, self.arguments, {}, self.log_output)
        )


@pytest.fixture
def started(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Iterator[Started]:
    caplog.set_level(logging.INFO, "broker.configuration")
    started = Started(tmp_path / "x.conf")
    with started.broker:
        yield started


def test_a_running_broker_takes_up_what_it_can(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    started.write("heartbeat = 5", "default_pass = geheim", "net_ticktime = 5")
    assert started.reload() is not None
    assert started.broker.config.limits.heartbeat_s == 5
    assert started.broker.config.defaults.password == "guest"
    lines = [record.getMessage() for record in caplog.records]
    assert lines[0].endswith("it is about Erlang's runtime, which is not here")
    assert lines[1:] == [
        "setting changed, heartbeat: 30 -> 5",
        "setting waits for a restart, default_pass: ******** -> ********",
    ]


def test_nothing_has_changed(started: Started, caplog: pytest.LogCaptureFixture) -> None:
    started.reload()
    assert caplog.messages == ["settings are what they were"]


def test_a_file_with_mistakes_changes_nothing(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    before = started.broker.config
    started.write("heartbeat = 5", "hartbeat = 5", "channel_max = x")
    assert started.reload() is None
    assert started.broker.config == before
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]
    assert caplog.messages[0] == (
        f"settings stay as they are: {started.path}:2: unknown key 'hartbeat';"
        " did you mean 'heartbeat'?"
    )


def test_the_level_of_the_log(started: Started) -> None:
    root = logging.getLogger()
    before = root.level
    try:
        started.log_output.open()
        started.write("log.console = true", "log.default.level = error", "heartbeat = 30")
        assert started.reload() is not None
        assert root.level == logging.ERROR
    finally:
        started.log_output.close()
        root.setLevel(before)


def test_what_nobody_has_thought_of_changes_nothing(
    started: Started, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", "/etc/leveret/rabbitmq-env.conf")

    monkeypatch.setattr(reloading, "load_everything", fail)
    assert started.reload() is None
    line = "settings stay as they are: /etc/leveret/rabbitmq-env.conf: Permission denied"
    assert caplog.messages == [line]
