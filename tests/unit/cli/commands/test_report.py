"""The report for whoever has to find out what is wrong."""

from __future__ import annotations

import json

import pytest

from broker.cli.commands.report import masked
from broker.sections import MASK
from tests.support.control import ControlledNode


def test_it_has_everything_and_no_passwords(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBITMQ_DEFAULT_PASS", "hush1")
    assert node.tool("add_vhost", "other").code == 0
    value = json.dumps({"uri": "amqp://me:hush2@there", "password": "hush3", "ttl": 5})
    assert node.tool("set_global_parameter", "link", value).code == 0
    said = node.tool("report")
    assert (said.code, said.err) == (0, "")
    for banner in (
        "Reporting server status of node rabbit@here ...",
        "Status of node rabbit@here ...",
        "Cluster status of node rabbit@here ...",
        "Application environment of node rabbit@here ...",
        "Command line arguments of node rabbit@here ...",
        "Listing RabbitMQ-specific environment variables defined on node rabbit@here...",
        "Listing global runtime parameters ...",
        'Listing permissions for vhost "/" ...',
        'Listing permissions for vhost "other" ...',
        "Last 100 log lines on node rabbit@here ...",
    ):
        assert f"{banner}\n" in said.out, banner
    assert f"RABBITMQ_DEFAULT_PASS={MASK}" in said.out
    assert f"amqp://me:{MASK}@there" in said.out
    assert "hush" not in said.out
    assert "No log files configured on the node" in said.out  # and yet it went on


def test_it_has_one_form(node: ControlledNode) -> None:
    said = node.tool("report", "--formatter", "json")
    assert said.code == 64
    assert '"Only report formatter is supported"' in said.err


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('x\t{"password":"hush","a":1}', f'x\t{{"password":"{MASK}","a":1}}'),
        (r'"{\"src-password\":\"hush\"}"', rf'"{{\"src-password\":\"{MASK}\"}}"'),
        ('{"uri":["amqps://a:hush@b","c"]}', f'{{"uri":["amqps://a:{MASK}@b","c"]}}'),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_lines_are_masked(line: str, shown: str) -> None:
    assert masked(line) == shown
