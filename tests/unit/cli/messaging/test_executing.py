"""Commands for messages."""

from __future__ import annotations

import fcntl
import io
import os
import select
from pathlib import Path

import pytest

from broker.amqp.content import Properties
from broker.amqp.methods import BasicDeliver
from broker.amqp.wire import Field
from broker.cli.messaging import executing
from broker.cli.messaging.executing import Commands, variables
from broker.cli.messaging.exits import Failure
from broker.cli.messaging.formats import Delivery
from broker.cli.messaging.signals import Stopping


def delivery(tag: int = 1, body: bytes = b"", **properties: object) -> Delivery:
    return Delivery(BasicDeliver("c", tag, False, "e", "k"), Properties(**properties), body)


def run_all(commands: Commands) -> None:
    """Until nothing is under way, woken by the ends of processes."""
    with Stopping() as stopping:
        poller = select.poll()
        poller.register(stopping.wake_fd, select.POLLIN)
        while commands.active:
            commands.look()
            wait_s = commands.wait_s()
            if wait_s is not None:
                poller.poll(wait_s * 1000)
            stopping.clear()


def test_the_exit_code_decides_and_output_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executing, "FAILED_PAUSE_S", 0.0)
    reading, writing = os.pipe()
    settled: dict[int, bool] = {}
    with os.fdopen(writing, "wb") as stdout:
        commands = Commands("cat; test $AMQP_DELIVERY_TAG = 1", stdout, settled.__setitem__)
        big = bytes(200_000)
        commands.start(delivery(1, b"first"), "q")
        commands.start(delivery(2, big[:50]), "q")
        assert commands.active == 2
        run_all(commands)
    data = os.read(reading, 1000)
    os.close(reading)
    assert len(data) == 55
    assert b"first" in data
    assert settled == {1: True, 2: False}
    assert (commands.succeeded, commands.failed) == (1, 1)
    assert commands.wait_s() is None


def test_commands_append_to_a_file_that_they_share(tmp_path: Path) -> None:
    with (tmp_path / "new").open("wb") as new, (tmp_path / "old").open("wb+") as old:
        old.write(b"text")
        old.seek(0)
        for file in (new, old):
            Commands("cat", file, lambda tag, is_done: None)
        flags = [fcntl.fcntl(file, fcntl.F_GETFL) & os.O_APPEND for file in (new, old)]
    assert flags == [os.O_APPEND, 0]  # who has gone back means to write there


def test_a_failure_is_told_later_unless_it_is_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    settled: dict[int, bool] = {}
    commands = Commands("exit 5", io.BytesIO(), settled.__setitem__)
    commands.start(delivery(), "q")
    while not commands.failed:
        commands.look()
    assert commands.active == 1
    assert settled == {}
    assert 0 < (commands.wait_s() or 0) <= 1
    commands.look(at_once=True)
    assert settled == {1: False}
    assert commands.active == 0


def test_a_command_that_takes_too_long_is_ended_with_what_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executing, "FAILED_PAUSE_S", 0.0)
    monkeypatch.setattr(executing, "KILL_AFTER_S", 0.05)
    settled: dict[int, bool] = {}
    stubborn = "trap '' TERM; sleep 60 & wait; sleep 60"
    commands = Commands(stubborn, io.BytesIO(), settled.__setitem__, timeout_s=0.02)
    commands.start(delivery(), "q")
    run_all(commands)
    assert settled == {1: False}


def test_all_can_be_killed() -> None:
    commands = Commands("sleep 60", io.BytesIO(), lambda tag, is_done: None)
    commands.start(delivery(), "q")
    commands.kill()
    assert commands.active == 0


def test_what_the_shell_cannot_run() -> None:
    commands = Commands("exit 126", io.BytesIO(), lambda tag, is_done: None)
    commands.start(delivery(), "q")
    with pytest.raises(Failure, match="cannot be run"):
        run_all(commands)


def test_what_a_command_learns() -> None:
    headers = {
        "x-retries": Field("I", 3),
        "nul": Field("S", "a\0b"),
        "large": Field("S", "x" * 70_000),
        "delivery": Field("F", {}),
    }
    named = variables(delivery(content_type="text/plain", headers=headers), "q")
    assert named.pop("AMQP_HEADERS", None) is None  # too large with that one
    assert named == {
        "AMQP_EXCHANGE": "e",
        "AMQP_ROUTING_KEY": "k",
        "AMQP_REDELIVERED": "false",
        "AMQP_DELIVERY_TAG": "1",
        "AMQP_CONTENT_TYPE": "text/plain",
        "AMQP_QUEUE": "q",
        "AMQP_HEADER_X_RETRIES": "3",
        "AMQP_HEADER_DELIVERY": "{}",
    }
