"""What may stand where the cursor is."""

from __future__ import annotations

import subprocess

import pytest

from broker.cli import completion
from broker.cli.command import CTL, GLOBAL_SWITCHES, SWITCH

VALUED = [name for name, kind in GLOBAL_SWITCHES.items() if kind != SWITCH]


def found(line: str) -> list[str]:
    return completion.of_line(line, "", GLOBAL_SWITCHES, VALUED)


def test_prefixes_as_rabbitmqs_tools_take_them() -> None:
    assert completion.of_prefix("list_vhost_", CTL, {}) == ["list_vhost_limits"]
    assert completion.of_prefix("list_vhosts", CTL, {}) == ["list_vhosts"]
    assert completion.of_prefix("nothing", CTL, {}) == []
    assert completion.of_prefix("", CTL, ["quiet", "dry_run"]) == ["--dry-run", "--quiet"]


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("leveretctl ", "add_user", "--quiet"),
        ("leveretctl add_us", "add_user", "add_vhost"),
        ("leveretctl -n add_us", "", "add_user"),
        ("leveretctl -n x add_us", "add_user", "add_vhost"),
        ("leveretctl --dry", "--dry-run", "--quiet"),
        ("leveretctl --formatter ", "json", "add_user"),
        ("leveretctl list_vhosts --formatter js", "json_stream", "csv"),
        ("leveretctl list_vhosts ", "tracing", "add_user"),
        ("leveretctl list_vhosts name tr", "tracing", "name"),
        ("leveretctl add_vhost x --desc", "--description", "--quiet"),
        ("leveretctl help add_us", "add_user", "add_vhost"),
        ("leveretctl add_user ", "", "add_user"),
        ("rabbitmq-plugins enable rabbitmq_ma", "rabbitmq_management", "rabbitmq_sharding"),
        ("rabbitmq-plugins list rabbitmq_ma", "", "rabbitmq_management"),
        ("leveretctl 'unfinished", "", "add_user"),
        ("", "add_user", "--quiet"),
    ],
)
def test_lines(line: str, some: str, none: str) -> None:
    assert not some or some in found(line)
    assert none not in found(line)


def test_the_scripts_are_such() -> None:
    for shell in completion.SHELLS:
        assert "leveretctl" in completion.script(shell)
        assert "{" + "{" not in completion.script(shell)
    checked = subprocess.run(
        ["bash", "-n"], input=completion.script("bash"), text=True, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
