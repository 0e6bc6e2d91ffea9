"""Going on in the background, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, time
from pathlib import Path
from broker.detached import detach
first = os.getpid()
tell = detach()
print(f"{{first}} {{os.getpid()}} {{os.getsid(0)}} {{os.getppid()}}", flush=True)
{body}
"""


def detached(body: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    script = SCRIPT.format(body=body.replace("PLACE", str(tmp_path)))
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_the_first_process_ends_when_it_is_told_to(tmp_path: Path) -> None:
    body = """
tell(0)
tell(5)
print("nobody reads this", flush=True)
assert sys.stdin.read() == ""
Path("PLACE/alive").touch()
"""
    result = detached(body, tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    first, second, session, _ = map(int, result.stdout.split())
    assert first not in (second, session)
    assert session != second  # so no terminal can become its own
    deadline = time.monotonic() + 10
    while not (tmp_path / "alive").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("tell(2)", 2),
        ("os._exit(7)", 1),
        ("raise SystemExit(0)", 1),
        ("os.kill(os.getpid(), 9)", 1),
    ],
)
def test_a_failure_is_told_and_shown(tmp_path: Path, body: str, code: int) -> None:
    result = detached(f"print('no good', file=sys.stderr, flush=True)\n{body}", tmp_path)
    assert (result.returncode, result.stderr) == (code, "no good\n")
