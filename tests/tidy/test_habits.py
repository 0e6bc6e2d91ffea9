"""Things the linter does not know: clocks, tasks, docstrings, a test beside each module."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from tests.tidy.source import ROOT, Module, modules

MODULES = [module for module in modules() if module.text.strip()]
ALLOWED = tomllib.loads((Path(__file__).parent / "allowed.toml").read_text())
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.path)

# Calls that read a clock, sleep, or start something nobody waits for.
FORBIDDEN = {
    "time.time",
    "time.sleep",
    "datetime.now",
    "datetime.utcnow",
    "asyncio.create_task",
    "asyncio.ensure_future",
    "loop.create_task",
}
CLOCKS = {
    "time.time_ns",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
}
# Places that may, with the reason.
MAY_SLEEP = {"cli/processes.py": "waits for a process to start or to end"}
MAY_READ_A_CLOCK = {
    "server/timers.py": "it is the clock",
    "store/files.py": "measures how long the disk takes",
    "cli/processes.py": "waits so long",
    "control/activity.py": "measures how late the loop is",
    "control/top.py": "shows what was done since it looked last",
    "cli/messaging/clock.py": "it is the clock",
}


def _calls(module: Module) -> list[str]:
    return [
        f"{node.func.value.id}.{node.func.attr}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ]


@each_module
def test_nobody_reads_the_wall_clock_or_loses_a_task(module: Module) -> None:
    found = set(_calls(module)) & FORBIDDEN
    if module.path in MAY_SLEEP:
        found.discard("time.sleep")
    assert not found


@each_module
def test_time_arrives_as_now_ms(module: Module) -> None:
    if module.path not in MAY_READ_A_CLOCK:
        assert not set(_calls(module)) & CLOCKS


@each_module
def test_a_module_opens_with_its_idea(module: Module) -> None:
    docstring = ast.get_docstring(module.tree)
    assert docstring
    assert docstring.splitlines()[0].strip()


@each_module
def test_nothing_is_printed_but_by_command_lines(module: Module) -> None:
    if module.unit in ("cli", "__main__"):
        return
    names = {
        node.func.id
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not names & {"print", "breakpoint", "input"}


def _test_of(module: Module) -> Path:
    path = Path(module.path)
    return ROOT / "tests" / "unit" / path.with_name(f"test_{path.stem.strip('_')}.py")


@each_module
def test_every_module_has_its_test(module: Module) -> None:
    if module.path.endswith("__init__.py"):
        return
    if module.path in ALLOWED["untested"]:
        assert not _test_of(module).exists(), "it has one by now; remove it from allowed.toml"
        return
    assert _test_of(module).exists(), f"tests/unit has no {_test_of(module).name} for it"


def test_every_module_without_a_test_is_there_and_has_a_reason() -> None:
    paths = {module.path for module in MODULES}
    for path, reason in ALLOWED["untested"].items():
        assert path in paths, f"{path} is gone"
        assert len(reason.split()) >= 3, path
