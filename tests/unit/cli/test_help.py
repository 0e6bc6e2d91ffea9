"""The pages of help; their usages are held against RabbitMQ's by the recordings."""

from __future__ import annotations

import pytest

from broker.cli import help as pages
from broker.cli import index
from broker.cli.command import TOOLS

USAGES = {
    "disable_auth_attempt_source_tracking": "disable_track_auth_attempt_source",
    "list_node_auth_attempt_stats": "list_node_auth_attempts",
}


@pytest.mark.parametrize("name", index.names(""))
def test_every_command_has_a_page(name: str) -> None:
    found = index.find(name, "")
    assert found is not None
    page = pages.command_usage(found, "leveretctl")
    assert page.startswith("\n\x1b[1mUsage\x1b[0m\n\nleveretctl [--node <node>]")
    usage = USAGES.get(name, name)  # two of RabbitMQ's have other names in their usage
    assert f"[--quiet] {usage}" in page
    assert not found.description.endswith(".")
    assert f"{found.description}.\n" in page
    assert ("[--timeout <timeout>]" in page) == found.has_timeout
    for topic, about in found.topics:
        assert f"{topic}\n\t{about}\n" in page


@pytest.mark.parametrize(("tool", "scope"), TOOLS.items())
def test_a_tool_lists_all_that_it_has(tool: str, scope: str) -> None:
    page = pages.tool_usage(tool, scope)
    for name in index.names(scope):
        assert f"\n   {name} " in page
    assert page.endswith(f"Use '{tool} help <command>' to learn more about a specific command")
