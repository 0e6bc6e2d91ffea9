"""Commands about the tools themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from broker.version import __version__
from tests.support.control import ControlledNode


def test_the_version(node: ControlledNode) -> None:
    assert node.tool("version").out == "3.13.7\n"
    assert node.tool("--version").out == "3.13.7\n"
    assert node.tool("version", tool="leveretctl").out == f"{__version__}\n"
    said = json.loads(node.tool("version", "--formatter", "json").out)
    assert said == {"result": "ok", "node": said["node"], "value": {"version": "3.13.7"}}
    assert node.tool("version", "--formatter", "csv").out == '"version"\n"3.13.7"\n'
    assert node.tool("version", tool="rabbitmq-queues").code == 64


def test_help(node: ControlledNode) -> None:
    page = node.tool("help", "list_vhosts")
    assert page.code == 0
    assert page == node.tool("list_vhosts", "--help") == node.tool("--help", "list_vhosts")
    assert node.tool("help").out == node.tool("--help").out
    assert node.tool("help", "--list-commands").out.strip() in node.tool("help").out
    said = node.tool("help", "list_vhost")
    assert (said.code, said.out) == (64, "")
    assert "Command 'list_vhost' not found. \nDid you mean 'list_vhosts'?" in said.err
    assert node.tool("help", "a", "b").code == 64
    assert node.tool().code == 64


def test_completion(node: ControlledNode) -> None:
    assert node.tool("autocomplete", "list_vhost_").out == "list_vhost_limits\n"
    assert node.tool("--auto-complete", "list_vhost_").out == "list_vhost_limits\n"
    assert "--dry-run\n" in node.tool("autocomplete", "").out
    assert node.tool("autocomplete").code == 64
    said = node.tool("autocomplete", "--line", "leveretctl list_vh", tool="leveretctl")
    assert said.out.split() == ["list_vhost_limits", "list_vhosts"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_shells(node: ControlledNode, shell: str) -> None:
    assert "autocomplete --line" in node.tool("completion", shell, tool="leveretctl").out


def test_what_is_leveretctls_alone(node: ControlledNode, tmp_path: Path) -> None:
    assert node.tool("completion", "bash").code == 64
    assert node.tool("completion", "csh", tool="leveretctl").code == 65
    said = node.tool("install-aliases", str(tmp_path / "bin"), tool="leveretctl")
    assert said.code == 0
    assert str(tmp_path / "bin" / "rabbitmqctl") in said.out.splitlines()
    (tmp_path / "bin" / "rabbitmqctl").write_text("mine")
    said = node.tool("install-aliases", str(tmp_path / "bin"), tool="leveretctl")
    assert said.code == 78
    assert node.tool("install-aliases", tool="leveretctl").code == 64
