"""Logins by the command line; how they are counted: see the tests of the node's side."""

from __future__ import annotations

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def test_without_logins_a_sentence_says_so(node: ControlledNode) -> None:
    said = node.tool("list_node_auth_attempt_stats")
    assert said.out == (
        'Listing authentication\n attempts for node "rabbit@here" ...\n'
        "Node rabbit@here reported no authentication attempt stats\n"
    )
    said = node.tool("list_node_auth_attempt_stats", "--formatter", "json")
    assert said.out == '{"attempts":[],"node":"rabbit@here","result":"ok"}\n'


def test_logins_are_a_table(node: ControlledNode) -> None:
    own = node.runtime.node
    assert own is not None
    own.usage.logins["amqp091"] = [1, 2]
    try:
        lines = node.tool("-q", "list_node_auth_attempt_stats").out.splitlines()
    finally:
        own.usage.logins.clear()
    assert lines == [
        "protocol\tauth_attempts\tauth_attempts_failed\tauth_attempts_succeeded",
        "amqp091\t3\t1\t2",
    ]


def test_banners(node: ControlledNode) -> None:
    what = "authentication attempt source tracking"
    for command, banner in (
        ("enable_auth_attempt_source_tracking", f"Enabling {what}"),
        (
            "disable_auth_attempt_source_tracking",
            f"Disabling {what}",
        ),
        ("reset_node_auth_attempt_metrics", "Reset auth attempt metrics on node rabbit@here"),
    ):
        assert node.tool(command, tool=DIAGNOSTICS) == (0, f"{banner} ...\n", "")
