"""Who may import whom. Function bodies and TYPE_CHECKING count like any other import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.tidy.source import ROOT, Module, modules

# Each rank may import the ranks below it, never a neighbour; inside a package all is allowed.
LAYERS: list[set[str]] = [
    {"sections"},
    {
        *("marks", "version", "settings", "log_lines", "detached", "memory", "descriptors"),
        *("plugins", "processes"),
    },
    {"amqp", "auth_settings", "transport_settings", "log_settings"},
    {"management_settings", "logs"},
    {
        *("log_output", "message", "config", "commands", "changes", "patterns", "retired"),
        *("terms", "cookie", "control_socket"),
    },
    {"seams", "plugin_settings", "configuration"},
    {"exchanges", "queues", "store", "auth", "policies", "alarms"},
    {"vhost", "cluster"},
    {"accounts"},
    {"definitions", "dead_letters"},
    {"hooks", "identity"},
    {"node"},
    {"session"},
    {"management"},
    {"control"},
    {"account_lines", "vhost_defaults"},
    {"server", "cli", "starting_definitions", "watching", "reconfiguring"},
    {"boot", "start_errors"},
    {"reloading", "ready_file", "pid_file"},
    {"runtime"},
    {"__main__", "testing"},
    {"__init__"},  # of the broker package: gives `Broker` to those who ask for it
]
RANK = {unit: rank for rank, units in enumerate(LAYERS) for unit in units}

# asyncio, sockets and TLS.
ASYNC_MODULES = {"asyncio", "socket", "ssl", "selectors", "uvloop", "threading", "select"}
ASYNC_ALLOWED = {
    "server",
    "management",
    "control",
    "cluster/links.py",
    "cluster/consensus",
    "boot.py",
    "runtime.py",
    "__main__.py",  # makes the loop that boot runs on
    "logs/console.py",  # whether a pipe has room
    "logs/syslog.py",  # a thread of its own
    "logs/compressing.py",  # likewise
    "cli",  # a plain socket to ask whether a node answers
}
THREADS_ALLOWED = {
    *("boot.py", "store/commit.py", "logs/syslog.py", "logs/compressing.py"),
    "control/activity.py",  # says what they do
}

MODULES = modules()
each_module = pytest.mark.parametrize("module", MODULES, ids=lambda module: module.path)


@each_module
def test_every_module_has_its_layer(module: Module) -> None:
    assert module.unit in RANK, "add it to LAYERS, and to style.md"


@each_module
def test_imports_lead_downwards(module: Module) -> None:
    wrong = [
        f"{module.path}:{line} imports {name}"
        for name, line in module.imports()
        if name.startswith("broker.")
        and name.split(".")[1] in RANK
        and name.split(".")[1] != module.unit
        and RANK[name.split(".")[1]] >= RANK[module.unit]
    ]
    assert wrong == []


@each_module
def test_the_loop_and_the_sockets_stay_at_the_edge(module: Module) -> None:
    is_allowed = any(
        module.path == place or module.path.startswith(f"{place}/") for place in ASYNC_ALLOWED
    )
    found = {name.partition(".")[0] for name, _ in module.imports()} & ASYNC_MODULES
    if "threading" in found and module.path in THREADS_ALLOWED:
        found.discard("threading")
    assert not found or (is_allowed and "threading" not in found), found


def test_the_entries_for_the_edge_are_needed() -> None:
    for place in ASYNC_ALLOWED:
        files = [m for m in MODULES if m.path == place or m.path.startswith(f"{place}/")]
        assert not files or any(
            {name.partition(".")[0] for name, _ in module.imports()} & ASYNC_MODULES
            or module.path.endswith("__init__.py")
            for module in files
        ), place


@each_module
def test_nothing_below_the_edge_awaits(module: Module) -> None:
    import ast

    if module.unit in {
        *("server", "management", "control", "boot", "runtime", "__main__", "cluster"),
    }:
        return
    coroutines = [
        f"{module.path}:{node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith))
    ]
    assert coroutines == []


IMPORT_ALONE = """
import importlib, os, sys, traceback
failed = []
for name in sys.argv[1:]:
    process = os.fork()
    if process == 0:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(process, 0)[1]:
        failed.append(name)
sys.exit(f"cannot be imported alone: {failed}" if failed else 0)
"""


def test_every_module_can_be_imported_alone() -> None:
    """A process of its own for each, forked from an interpreter that knows nothing of them."""
    names = [module.name for module in MODULES if module.name != "broker.__main__"]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IMPORT_ALONE, *names],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
