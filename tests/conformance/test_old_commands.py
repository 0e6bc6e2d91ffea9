"""Every command of the walk, on one node, in order; what each is answered is a test of its own.

And the server by its old name, in processes.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest

from tests.conformance.old_commands.walk import Step, is_like, steps
from tests.support.control import ControlledNode, Said

STEPS = steps()
ROOT = Path(__file__).parents[2]


def prepared(node: ControlledNode) -> pika.BlockingConnection:
    """Queues, messages and a consumer, and the connection that has them."""
    for line in (
        "add_user admin admin",
        "set_permissions admin .* .* .*",
        "add_vhost vhostpath",
        "set_permissions -p vhostpath admin .* .* .*",
    ):
        assert node.tool(*line.split()).code == 0
    credentials = pika.PlainCredentials("admin", "admin")
    parameters = pika.ConnectionParameters("127.0.0.1", node.port, "vhostpath", credentials)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        channel.queue_declare("blue")
        for body in (b"1", b"2"):
            channel.basic_publish("", "blue", body)
    parameters = pika.ConnectionParameters("127.0.0.1", node.port, "/", credentials)
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.queue_declare("hello")
    channel.queue_declare("my_queue")
    channel.exchange_declare("logs", "fanout")
    channel.queue_bind("my_queue", "logs", routing_key="")
    channel.confirm_delivery()
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", "hello", body)
    channel.basic_qos(prefetch_count=1)
    channel.basic_consume("hello", lambda *_: None, consumer_tag="ctag1.hello")
    return connection


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Said]]:
    with ControlledNode(tmp_path_factory.mktemp("node")) as node:
        connection = prepared(node)
        yield [node.tool(*step.arguments, tool=step.tool) for step in STEPS]
        with pytest.raises(pika.exceptions.AMQPConnectionError):  # the walk has stopped the node
            connection.channel()


def case(number: int, step: Step) -> object:
    marks = [pytest.mark.xfail(reason=step.missing, strict=True)] if step.missing else []
    return pytest.param(number, step, id=f"{number}-{step.line}", marks=marks)


@pytest.mark.parametrize(("number", "step"), list(map(case, range(len(STEPS)), STEPS)))
def test_a_command(number: int, step: Step, answers: list[Said]) -> None:
    said = answers[number]
    assert said.code == step.code, said
    assert is_like(step.err, said.err), said.err
    assert is_like(step.out, said.out), said.out


def test_what_is_like_an_answer() -> None:
    assert is_like([], "")
    assert is_like(["a", "…", "b … d", ""], "a \nx\ny\nb c d\n\n")
    assert is_like(["a", "…"], "a\n")
    for other in ("", "a\n", "a\nb\nc\n", "x\na\nb\n"):
        assert not is_like(["a", "b"], other)


class Tools:
    """The names that scripts call, written by `leveretctl install-aliases`, as programs."""

    def __init__(self, root: Path):
        self._directory = root / "bin"
        home = root / "home"
        home.mkdir()
        self._environment = {
            "PATH": f"{self._directory}:{os.environ['PATH']}",
            "HOME": str(home),
            "PYTHONPATH": str(ROOT),
            "LEVERET_RUN_DIR": str(root / "run"),
            "LEVERET_DATA_DIR": str(root / "data"),
        }
        (root / "run").mkdir(mode=0o700)
        done = self._run([sys.executable, "-m", "broker.cli.main", *self._installing()])
        assert done.code == 0, done

    def _installing(self) -> list[str]:
        return ["install-aliases", str(self._directory)]

    def shell(self, line: str) -> Said:
        return self._run(["sh", "-c", line])

    def _run(self, words: list[str]) -> Said:
        done = subprocess.run(
            words,
            env=self._environment,
            cwd=self._environment["HOME"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)


SERVER = (
    "rabbitmq-server -detached --bind 127.0.0.1 --port 0 --management-port 0 --prometheus-port 0"
    ' --data-dir "$LEVERET_DATA_DIR" --ready-file ../ready.json'
)


@pytest.fixture
def tools(tmp_path: Path) -> Iterator[Tools]:
    yield Tools(tmp_path)
    with contextlib.suppress(OSError):  # it has ended, mostly
        os.kill(pid_in(tmp_path), signal.SIGKILL)


def pid_in(directory: Path) -> int:
    ready: dict[str, int] = json.loads((directory / "ready.json").read_text())
    return ready["pid"]


def test_a_server_by_its_old_name(tools: Tools, tmp_path: Path) -> None:
    started = tools.shell(SERVER)
    assert started.code == 0, started
    assert started.err == "Warning: PID file not written; -detached was passed.\n"
    pid = pid_in(tmp_path)
    assert tools.shell("rabbitmqctl -q status > page.txt").code == 0
    assert f"OS PID: {pid}\n" in tools.shell("cat page.txt").out
    stopped = tools.shell("rabbitmqctl shutdown")
    assert (stopped.code, stopped.err) == (0, "")
    first, *others = stopped.out.splitlines()
    node = first.split()[4]
    assert first == f"Shutting down RabbitMQ node {node} running at PID {pid}"
    assert others == [
        f"Waiting for PID {pid} to terminate",
        f"RabbitMQ node {node} running at PID {pid} successfully shut down",
    ]
    assert tools.shell("rabbitmqctl status").code == 69
    for unknown in ("rabbit-server", "rabbitmq reset"):
        assert tools.shell(unknown).code == 127


def test_a_server_is_named_by_a_variable(tools: Tools) -> None:
    name = "RABBITMQ_NODENAME=rabbit@old"
    assert tools.shell(f"{name} {SERVER}").code == 0
    stopped = tools.shell(f"{name} rabbitmqctl shutdown")
    assert stopped.out.startswith("Shutting down RabbitMQ node rabbit@old running at PID "), stopped


def test_a_server_is_stopped(tools: Tools, tmp_path: Path) -> None:
    assert tools.shell(f"{SERVER} --pid-file ../pid") == (0, "", "")
    assert tools.shell("rabbitmq-diagnostics -q ping").out == "Ping succeeded\n"
    stopped = tools.shell("rabbitmqctl stop ../pid")
    assert (stopped.code, stopped.err) == (0, "")
    assert stopped.out.startswith("Stopping and halting node rabbit@")
    assert not (tmp_path / "pid").exists()
