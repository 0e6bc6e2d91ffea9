"""What a change must pass: `python -m tests.check`; with --static only what runs no test."""

from __future__ import annotations

import subprocess
import sys
import time

PLACES = ("broker", "tests", "benchmarks")
STATIC = {
    "format": ("ruff", "format", "--check", "--quiet", *PLACES),
    "lint": ("ruff", "check", "--quiet", *PLACES),
    "types": ("mypy",),
}
TESTS = ("tests/tidy", "tests/unit", "tests/property", "tests/simulation")
QUICK = {"tests": ("pytest", "-q", "-m", "not soak", *TESTS)}


def main(arguments: list[str]) -> int:
    """Run the steps, one line each. Returns: how many failed."""
    failed = 0
    for name, command in (STATIC if "--static" in arguments else STATIC | QUICK).items():
        started = time.monotonic()
        done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
        seconds = time.monotonic() - started
        print(f"{name:<8} {'ok' if done.returncode == 0 else 'FAILED'}  {seconds:.1f} s")  # noqa: T201
        if done.returncode:
            failed += 1
            print(done.stdout + done.stderr)  # noqa: T201
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
