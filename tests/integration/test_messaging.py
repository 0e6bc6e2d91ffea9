"""pub, sub and bench as processes, joined by real pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from broker import Broker

ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT)}


class Tool:
    """Starts commands that talk to one broker."""

    def __init__(self, url: str):
        self._url = url

    def words(self, command: str, *words: str) -> list[str]:
        module = [sys.executable, "-m", "broker.cli.main"]
        return [*module, command, "--uri", self._url, *words]

    def starts(self, command: str, *words: str) -> subprocess.Popen[bytes]:
        pipe = subprocess.PIPE
        return subprocess.Popen(
            self.words(command, *words), stdin=pipe, stdout=pipe, stderr=pipe, env=ENVIRONMENT
        )

    def shell(self, line: str) -> subprocess.CompletedProcess[bytes]:
        """A line in which PUB, SUB and BENCH are the commands."""
        for command in ("pub", "sub", "bench"):
            line = line.replace(command.upper() + " ", " ".join(self.words(command)) + " ")
        shell = ["bash", "-c", f"set -o pipefail; {line}"]
        return subprocess.run(shell, capture_output=True, env=ENVIRONMENT, timeout=60)


@pytest.fixture(scope="module")
def tool() -> Iterator[Tool]:
    with Broker() as broker:
        yield Tool(broker.url)


def test_lines_through_pipes(tool: Tool) -> None:
    done = tool.shell(
        "seq 1 20000 | PUB a --declare quorum && SUB a --count 20000 --json |"
        " PUB b --declare classic --json && SUB b --count 20000 | md5sum && seq 1 20000 | md5sum"
    )
    first, second = done.stdout.splitlines()
    assert (done.returncode, done.stderr, first) == (0, b"", second)


def test_a_reader_that_ends_early_leaves_the_rest(tool: Tool) -> None:
    """What is in the pipe is gone; the megabytes that are not come back."""
    done = tool.shell(
        "head -c 9000000 /dev/zero | tr '\\0' x | fold -w 90000 | PUB big --declare classic;"
        " SUB big | head -c 5; echo; SUB big --idle 0.5 | wc -l"
    )
    head, count = done.stdout.splitlines()
    assert (done.returncode, done.stderr, head) == (0, b"", b"xxxxx")
    assert 90 <= int(count) <= 100


def test_a_line_goes_when_it_is_there(tool: Tool) -> None:
    sub = tool.starts("sub", "live", "--declare", "transient")
    pub = tool.starts("pub", "live", "--declare", "transient")
    assert pub.stdin is not None
    assert sub.stdout is not None
    for line in (b"one\n", b"two\n"):
        pub.stdin.write(line)
        pub.stdin.flush()
        assert sub.stdout.readline() == line
    pub.send_signal(signal.SIGINT)
    sub.send_signal(signal.SIGTERM)
    assert pub.wait(30) == 130  # before its input ends
    assert pub.communicate()[1] == b"2 messages were published before the end was asked\n"
    assert sub.communicate() == (b"", b"")
    assert sub.returncode == 0


def test_what_the_broker_has_forgotten_is_written_to_the_last(tool: Tool) -> None:
    """A reader that has not read yet holds the pipe full when the end is asked."""
    lines = "seq 1 60000 | PUB fast --declare classic"
    assert tool.shell(lines).returncode == 0
    sub = tool.starts("sub", "fast", "--no-ack")
    assert sub.stdout is not None
    assert os.read(sub.stdout.fileno(), 2) == b"1\n"  # unbuffered: communicate() reads on
    sub.send_signal(signal.SIGINT)
    numbers = [b"1", *sub.communicate(timeout=30)[0].split()]
    assert sub.returncode == 0
    rest = tool.shell("SUB fast --idle 0.5").stdout.split()
    assert numbers + rest == [b"%d" % number for number in range(1, 60001)]


def test_a_command_under_way_is_finished(tool: Tool, tmp_path: Path) -> None:
    assert tool.shell("PUB jobs --declare classic first second").returncode == 0
    wait = f"echo began; cat > {tmp_path}/body; while test ! -e {tmp_path}/go; do sleep 0.02; done"
    sub = tool.starts("sub", "jobs", "--exec", wait)
    assert sub.stdout is not None
    assert sub.stdout.readline() == b"began\n"
    sub.send_signal(signal.SIGINT)
    (tmp_path / "go").touch()
    assert sub.wait(30) == 0
    assert sub.communicate() == (b"", b"")
    assert (tmp_path / "body").read_bytes() == b"first"
    assert tool.shell("SUB jobs --idle 0.5").stdout == b"second\n"


def test_a_load_test_that_is_interrupted(tool: Tool) -> None:
    bench = tool.starts("bench", "--rate", "100")
    assert bench.stderr is not None
    assert b"sent" in bench.stderr.readline()
    os.kill(bench.pid, signal.SIGINT)
    out, err = bench.communicate(timeout=30)
    assert bench.returncode == 0, err
    assert b"received" in out
    gone = tool.shell(f"SUB leveretctl-bench-{bench.pid}-0000 --timeout 5")
    assert b"404 NOT_FOUND" in gone.stderr


def test_it_imports_little() -> None:
    """A pipe is often short; what costs time at the start is loaded when it is asked for."""
    program = (
        "import sys; import broker.cli.messaging.pub, broker.cli.messaging.sub;"
        "print(sorted({'ssl', 'asyncio', 'subprocess', 'tempfile', 'pathlib', 'uvloop',"
        " 'yaml', 'broker.boot', 'broker.node'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], capture_output=True, env=ENVIRONMENT, text=True
    )
    assert done.stdout == "[]\n", done.stderr
