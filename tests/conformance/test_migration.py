"""The way from RabbitMQ and back: every command of docs/migrating.md as it is written, in order.

Between them stands what a user would look at: logins, permissions, definitions, messages.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pika
import pytest

from tests.conformance.migration import brokers, estate
from tests.conformance.migration.brokers import Old
from tests.conformance.migration.reference import IS_INSTALLED, free_ports
from tests.conformance.migration.shell import Block, Shell, blocks_of, with_values
from tests.support.control import ControlledNode

PAGE = brokers.ROOT / "docs" / "migrating.md"
# of an export what is told in another way: by the HTTP API vhosts, with metadata; by RabbitMQ's
# tool bindings of exchanges that it leaves out, and operator policies, as lists of pairs
DIFFERENT = {"definitions.json": {"vhosts"}, "by-tool.json": {"bindings", "parameters"}}
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_rabbitmq = pytest.mark.skipif(not IS_INSTALLED, reason="RabbitMQ (Debian) is not installed")


class Move:
    """One reader of the page: a shell in a directory, with all programs in its PATH."""

    def __init__(self, root: Path, old: Old, programs: Path):
        self.old = old
        self.port, self.api_port = free_ports(2)
        self.directory = root / "here"
        self.data_dir = root / "home" / "leveret"
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(root / "home"),
            "PYTHONPATH": str(brokers.ROOT),
            "LEVERET_RUN_DIR": str(root / "run"),
        }
        self.values = {
            "OLD_PORT": str(old.port),
            "OLD_API": str(old.api_port),
            "NEW_PORT": str(self.port),
            "NEW_API": str(self.api_port),
            "CONF": str(old.config),
            "PASSWORD": estate.PASSWORDS["mover"],
        }
        self._blocks = blocks_of(PAGE)

    def section(self, number: int) -> list[Block]:
        """The blocks of one; 0: before the first."""
        title = f"{number}. " if number else ""
        return [
            block
            for block in self._blocks
            if (block.section.startswith(title) if title else not block.section)
        ]


@pytest.fixture(
    params=[
        pytest.param(brokers.stand_in, id="stand-in"),
        pytest.param(brokers.rabbitmq, id="RabbitMQ", marks=[needs_rabbitmq, pytest.mark.soak]),
    ]
)
def move(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Move]:
    start: Callable[[Path, Path], AbstractContextManager[Old]] = request.param
    for name in ("old", "programs", "here", "home"):
        (tmp_path / name).mkdir()
    for name in ("run", "old/run"):
        (tmp_path / name).mkdir(mode=0o700)
    programs = tmp_path / "programs"
    brokers.our_programs(programs)
    with ExitStack() as stack:
        old = stack.enter_context(start(tmp_path / "old", programs))
        made = Move(tmp_path, old, programs)
        stack.enter_context(brokers.ended(made.data_dir))
        estate.publish(old.port)
        yield made


def definitions(port: int) -> dict[str, Any]:
    found = estate.Api(port).ask("GET", "definitions")
    assert isinstance(found, dict)
    return found


def is_refused(port: int, act: Callable[[Any], object], user: str = "app") -> bool:
    with estate.logged_in(port, user) as channel:
        try:
            act(channel)
        except pika.exceptions.ChannelClosedByBroker as closed:
            return bool(closed.reply_code == 403)
    return False


def check_users(port: int, *, has_internal: bool = True) -> None:
    """They log in by the passwords they had, and may do what they might."""
    for user in ("app", "auditor", "guest"):
        with estate.logged_in(port, user) as channel:
            assert channel.queue_declare("app.jobs", passive=True).method.queue == "app.jobs"
    assert not is_refused(port, lambda channel: channel.basic_get("app.recent"))
    assert is_refused(port, lambda channel: channel.queue_declare("other", durable=True))
    declare = {"exchange": "app.new", "exchange_type": "fanout"}
    assert is_refused(port, lambda channel: channel.exchange_declare(**declare), "auditor")

    def publish(key: str) -> Callable[[Any], object]:
        def act(channel: Any) -> None:
            channel.confirm_delivery()
            channel.basic_publish("events", key, b"")

        return act

    assert is_refused(port, publish("us.jobs"))  # by the permissions of the topic
    assert not is_refused(port, publish("eu.jobs"))
    with estate.logged_in(port, "guest") as channel:
        purged = channel.queue_purge("app.log").method.message_count
        assert purged == has_internal  # it comes by way of an internal exchange


def check_definitions(port: int, wanted: dict[str, Any]) -> None:
    theirs, ours = estate.comparable(wanted), estate.comparable(definitions(port))
    for category in theirs.keys() - DIFFERENT["definitions.json"]:
        assert estate.general(ours[category]) == estate.general(theirs[category]), category


@needs_curl
def test_there_and_back(move: Move) -> None:
    messages = estate.seen(move.old.port)
    assert list(map(len, messages.values())) == [3, 40, 9]
    with Shell(move.directory, move.environment) as shell:

        def run(*numbers: int) -> str:
            texts = [block.text for number in numbers for block in move.section(number)]
            assert texts
            return "".join(map(shell.run, texts))

        (values,) = move.section(0)
        shell.run(with_values(values.text, move.values))
        run(1)
        export, *others = move.section(2)
        shell.run(export.text)
        wanted = take_definitions(move)
        for block in others:
            shell.run(block.text)
        assert "stays behind: orders app.history" in shell.complaints()
        run(3, 4)
        check_users(move.port)
        check_definitions(move.api_port, wanted)

        run(5)
        assert not any(estate.seen(move.old.port).values())
        assert estate.seen(move.port) == messages
        assert f"{estate.ODD}\t9\n" in run(6)

        said = run(7)
        assert "auditor\t[monitoring]" in said
        os.kill(brokers.pid_of(move.data_dir), signal.SIGKILL)
        shell.run(move.section(7)[0].text.partition("leveretctl shutdown\n")[2])
        assert estate.seen(move.old.port) == messages
        check_definitions(move.old.api_port, wanted)

        estate.Api(move.old.api_port).ask("PUT", "queues/orders/app.new", {"durable": True})
        run(8)
        assert estate.seen(move.old.port) == messages
        found = definitions(move.old.api_port)
        assert "app.new" in {queue["name"] for queue in found["queues"]}
        assert "mover" not in {user["name"] for user in found["users"]}


@pytest.mark.parametrize("is_at_start", [False, True], ids=["by the tool", "at the start"])
@pytest.mark.parametrize("name", ["definitions.json", "by-tool.json"])
def test_what_rabbitmq_exports_arrives(tmp_path: Path, name: str, is_at_start: bool) -> None:
    exported = brokers.recorded(name)
    wanted = estate.without_streams(exported)
    path = tmp_path / "definitions.json"
    path.write_text(json.dumps(wanted))
    settings: dict[str, object] = {"load_definitions": str(path)} if is_at_start else {}
    with ControlledNode(tmp_path, settings) as node:
        if not is_at_start:
            assert node.tool("-q", "import_definitions", str(path)) == (0, "", "")
        written = tmp_path / "written.json"
        assert node.tool("-q", "export_definitions", str(written)) == (0, "", "")
        ours = estate.comparable(json.loads(written.read_text()))
        check_users(node.port, has_internal=name != "by-tool.json")
    theirs = estate.comparable(estate.as_by_the_tool(wanted))
    assert any('{"max-length": 200000}' in each for each in ours["parameters"])  # of an operator
    for category in theirs.keys() - DIFFERENT[name]:
        assert estate.general(ours[category]) == estate.general(theirs[category]), category


def test_streams_are_refused_as_a_whole(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        said = node.tool("import_definitions", str(brokers.HERE / "definitions.json"))
        assert said.code == 69
        assert "no streams on this node" in said.err
        assert node.lines("list_vhosts") == ["/"]


def test_a_command_that_fails_is_told(tmp_path: Path) -> None:
    with Shell(tmp_path, dict(os.environ)) as shell:
        assert shell.run("here=5; echo one") == "one\n"
        assert shell.run('echo "$here"') == "5\n"
        with pytest.raises(AssertionError, match="no such place"):
            shell.run("echo two; echo no such place >&2; false; echo three")


def test_values_of_a_block() -> None:
    block = 'A=1 B="two words"  # which\nexport C="$HOME/x"\n'
    values = {"A": "6", "B": "7", "C": "8"}
    assert with_values(block, values) == "A='6' B='7'  # which\nexport C='8'\n"
    with pytest.raises(KeyError):
        with_values(block, {"D": "9"})


def take_definitions(move: Move) -> dict[str, Any]:
    """What has to arrive. Where RabbitMQ is not, what it exported takes the place of the export."""
    exported = move.directory / "definitions.json"
    if not move.old.is_real:
        exported.write_text(brokers.HERE.joinpath("definitions.json").read_text())
    found: dict[str, Any] = json.loads(exported.read_text())
    return estate.without_streams(found)
