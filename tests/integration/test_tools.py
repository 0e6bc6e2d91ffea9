"""Nodes and their tools as processes: starting in the background, ending by force, and sharing."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.control import Said

ROOT = Path(__file__).parents[2]
FREE = ("--bind", "127.0.0.1", "--port", "0", "--management-port", "0", "--prometheus-port", "0")
WAIT_S = 20.0


def until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


class Place(NamedTuple):
    """A home, a run directory, and a data directory."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def pid_file(self) -> Path:
        return self.root / "pid"

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        own = {"HOME": str(self.root), "LEVERET_RUN_DIR": str(self.run)}
        return {**kept, **own, "PYTHONWARNINGS": "default", **more}

    def argv(self, *flags: str) -> list[str]:
        node = (sys.executable, "-m", "broker", *FREE, "--data-dir", str(self.data))
        name = () if "--node-name" in flags else ("--node-name", "rabbit@localhost")
        return [*node, "--pid-file", str(self.pid_file), *name, *flags]

    def begin(self, *flags: str, **environment: str) -> subprocess.Popen[str]:
        """A node in the foreground, which is not waited for."""
        return subprocess.Popen(
            self.argv(*flags),
            cwd=ROOT,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tool(self, *argv: str, **environment: str) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "broker.cli.main", *argv],
            cwd=ROOT,
            env=self.environment(**{"LEVERET_DATA_DIR": str(self.data), **environment}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@contextlib.contextmanager
def running(place: Place, *flags: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A node that serves clients; killed at the end if it has not ended."""
    process = place.begin(*flags, **environment)
    try:
        until(lambda: serving(place) == process.pid, "it does not start")
        yield process
    finally:
        ended(process)


def serving(place: Place) -> int:
    """The process id of the node that serves clients; 0: none has said so."""
    try:
        return int(json.loads((place.data / "node.json").read_text())["pid"])
    except (OSError, ValueError):
        return 0


def ended(process: subprocess.Popen[str]) -> str:
    """What it has said last, however it ends."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    return process.communicate(timeout=WAIT_S)[1]


def failed(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Of a node that does not start: its exit code and its last line."""
    _, errors = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in errors
    return process.returncode, errors.splitlines()[-1]


def test_in_the_background_until_it_is_stopped(place: Place) -> None:
    done = subprocess.run(
        place.argv("-detached"),
        cwd=ROOT,
        env=place.environment(),
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    pid = int(place.pid_file.read_text())
    try:
        facts = json.loads((place.data / "control.json").read_text())
        assert facts["pid"] == pid
        assert place.tool("-q", "wait", str(place.pid_file)).code == 0
        assert place.tool("-n", "rabbit@localhost", "-q", "ping").code == 0
        assert place.tool("stop_app").code == 0
        assert place.tool("-q", "status").code == 64
        assert place.tool("reset").code == 0
        assert place.tool("start_app").code == 0
        said = place.tool("shutdown")
        assert said.out.splitlines()[-1] == (
            f"RabbitMQ node rabbit@localhost running at PID {pid} successfully shut down"
        )
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not place.pid_file.exists()
    assert list(place.run.iterdir()) == []
    assert place.tool("-q", "ping").code == 69


def test_a_second_one_in_the_same_directory_changes_nothing(place: Place) -> None:
    with running(place) as first:
        before = (place.data / "control.json").read_text()
        code, line = failed(place.begin("-detached", "--node-name", "other@localhost"))
        assert code == 1
        assert line.endswith(f"is in use by another process (pid {first.pid})")
        assert (place.data / "control.json").read_text() == before
        assert place.pid_file.read_text() == f"{first.pid}\n"
        assert place.tool("-q", "status").code == 0
        first.send_signal(signal.SIGTERM)
        assert first.wait(WAIT_S) == 0


def test_two_of_one_name_are_told_apart_by_their_directories(place: Place) -> None:
    other = Place(place.root / "other")
    other.root.mkdir()
    shared = {"LEVERET_RUN_DIR": str(place.run), "HOME": str(place.root)}
    with running(place) as first, running(other, **shared) as second:
        pids = []
        for one, options in ((place, ("-n", "rabbit@localhost")), (place, ()), (other, ())):
            said = one.tool("-q", "status", "--formatter", "json", *options, **shared)
            pids.append(json.loads(said.out)["pid"])
        assert pids == [first.pid, first.pid, second.pid]
        assert "another node of this name runs on this machine" in ended(second)


def test_killed_and_started_again(place: Place) -> None:
    with running(place) as process:
        process.kill()
        process.wait(WAIT_S)
    left = {path.suffix for path in place.run.iterdir()}
    assert left == {".json", ".sock"}
    said = place.tool("-q", "status")
    assert said.code == 69
    assert "its process has ended without a word" in said.err
    with running(place) as process:
        assert place.tool("-q", "-n", "rabbit@localhost", "ping").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    assert [path.suffix for path in place.run.iterdir()] == [".sock"]  # of the one that was killed


def test_signals(place: Place) -> None:
    """One while the app is stopped ends it; a second one does not wait."""
    with running(place) as process:
        assert place.tool("stop_app").code == 0
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        assert not place.pid_file.exists()
    with running(place) as process:
        port = json.loads((place.data / "node.json").read_text())["ports"]["amqp"]
        with socket.create_connection(("127.0.0.1", port)) as deaf:
            deaf.sendall(b"AMQP\x00\x00\x09\x01")
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) in (0, 1)


@pytest.mark.parametrize(
    ("cookie", "mode", "problem"),
    [
        ("", 0o400, "is empty"),
        ("x" * 256, 0o400, "is longer than 255 characters"),
        ("SECRET", 0o440, "must be accessible by owner only"),
    ],
)
def test_a_cookie_that_is_none(place: Place, cookie: str, mode: int, problem: str) -> None:
    path = place.root / ".erlang.cookie"
    path.write_text(cookie)
    path.chmod(mode)
    code, line = failed(place.begin())
    assert code == 1
    assert line.startswith("leveret: ")
    assert problem in line
    assert not place.pid_file.exists()


def test_cookies(place: Place) -> None:
    """Of a node without a home; given to it and to a tool."""
    with running(place, HOME="/proc/none"):
        assert (place.data / ".erlang.cookie").stat().st_mode & 0o777 == 0o400
        assert place.tool("-q", "ping").code == 0
        assert place.tool("-q", "ping", "--erlang-cookie", "WRONG").code == 69
    with running(place, RABBITMQ_ERLANG_COOKIE="GIVEN"):
        assert place.tool("-q", "list_users").code == 69
        assert place.tool("-q", "list_users", "--erlang-cookie", "GIVEN").code == 0
        said = place.tool("list_users", RABBITMQ_ERLANG_COOKIE="GIVEN")
        assert "env variable support is deprecated" in said.out


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_another_user_is_told_whose_it_is(place: Place) -> None:
    assert place.root.stat().st_uid == 0
    place.run.mkdir(mode=0o755)
    with running(place):
        said = _as_nobody(place, ["-n", "rabbit@localhost", "-q", "status"])
    assert said.code == 69
    assert "belongs to another user: call this tool as that user, or as root" in said.err


def _as_nobody(place: Place, argv: Sequence[str]) -> Said:
    """In this process' child, because nobody may look into the directory of the tests."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        import io

        from broker.cli import main, unreachable  # before nobody may read them
        from broker.cli.commands import status

        assert status
        assert unreachable
        try:
            os.setgid(65534)
            os.setuid(65534)
            err = io.StringIO()
            given = {"LEVERET_RUN_DIR": str(place.run), "HOME": "/"}
            out = io.StringIO()
            code = main.main(list(argv), tool="rabbitmqctl", stdout=out, stderr=err, environ=given)
            os.write(writing, json.dumps([code, err.getvalue()]).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        code, errors = json.load(file)
    os.waitpid(child, 0)
    return Said(code, "", errors)
