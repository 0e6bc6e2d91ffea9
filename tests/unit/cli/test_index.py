"""Which command is where: the index and the modules say the same."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from broker.cli import command, index
from broker.cli.command import SECTIONS, TOOLS
from broker.cli.commands import __path__ as places

OWN = {"bench", "completion", "install-aliases", "pub", "sub", "top"}


def test_each_module_is_in_the_index() -> None:
    files = {path.stem for path in Path(places[0]).glob("*.py")} - {"__init__"}
    assert {name for name in index.modules() if name in files} == set(index.modules())


@pytest.mark.parametrize("name", index.names(""))
def test_a_command_is_where_the_index_says(name: str) -> None:
    found = index.find(name, "")
    assert found is not None
    assert found.name == name
    assert found.section in SECTIONS
    if name not in OWN:
        assert all(index.find(name, tool) is found for tool in found.tools)
    scopes = {scope for scope in TOOLS.values() if scope and name in index.names(scope)}
    assert scopes == (set() if name in OWN else set(found.tools))


def test_what_a_module_has_is_in_the_index() -> None:
    for module in index.modules():
        importlib.import_module(f"{index.PACKAGE}.{module}")
    assert set(command._COMMANDS) <= set(index.names(""))


def test_what_is_not_there() -> None:
    assert index.find("bogus", "") is None
    assert index.find("", "") is None
    assert index.find("add_user", command.QUEUES) is None
