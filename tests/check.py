"""What a change must pass: `python -m tests.check`; with --static only what runs no test."""

from __future__ import annotations

import subprocess
import sys
import time

PLACES = ("broker", "tests", "benchmarks", "examples", "tools")
HANG_S = 300  # a test that takes longer hangs: say where, and end

STATIC = {
    "format": ("ruff", "format", "--check", "--quiet", *PLACES),
    "lint": ("ruff", "check", "--quiet", *PLACES),
    "types": ("mypy",),
}
PYTEST = (
    *("pytest", "-q", "-m", "not soak"),
    *("-o", f"faulthandler_timeout={HANG_S}", "-o", "faulthandler_exit_on_timeout=true"),
)
SUITES = {name: (*PYTEST, f"tests/{name}") for name in ("tidy", "unit", "property", "simulation")}


def run(name: str, command: tuple[str, ...]) -> bool:
    """One step, and its line. Returns: whether it passed; what it said is printed if not."""
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True)
    seconds = time.monotonic() - started
    verdict = "ok" if done.returncode == 0 else "FAILED"
    print(f"{name:<10} {verdict:<6} {seconds:5.1f} s", flush=True)  # noqa: T201
    if done.returncode:
        print(done.stdout + done.stderr, flush=True)  # noqa: T201
    return done.returncode == 0


def main(arguments: list[str]) -> int:
    """Run the steps, one line each. Returns: how many failed."""
    steps = STATIC if "--static" in arguments else STATIC | SUITES
    return sum(not run(name, command) for name, command in steps.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
