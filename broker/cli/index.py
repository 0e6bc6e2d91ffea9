"""Which command is in which module, and of which tools: so that a call imports one module only.

`tests/unit/cli` holds it against what the modules say.
"""

from __future__ import annotations

import importlib

from broker.cli.command import CTL, DIAGNOSTICS, PLUGINS, QUEUES, Command, entered

PACKAGE = "broker.cli.commands"
ALL = f"{CTL} {DIAGNOSTICS} {PLUGINS} {QUEUES}"
BOTH = f"{CTL} {DIAGNOSTICS}"

# module → tools → commands
_MODULES: dict[str, dict[str, str]] = {
    "general": {ALL: "help"},
    "users": {BOTH: "list_users"},
}

_PLACES = {
    name: (module, tuple(tools.split()))
    for module, entries in _MODULES.items()
    for tools, names in entries.items()
    for name in names.split()
}


def names(tool: str) -> list[str]:
    """Of the commands of a tool, sorted. tool: "": of all."""
    return sorted(name for name, (_, tools) in _PLACES.items() if not tool or tool in tools)


def find(name: str, tool: str) -> Command | None:
    """None: the tool has no such command."""
    module, tools = _PLACES.get(name, ("", ()))
    if not module or (tool and tool not in tools):
        return None
    importlib.import_module(f"{PACKAGE}.{module}")
    return entered(name)


def modules() -> list[str]:
    return list(_MODULES)
