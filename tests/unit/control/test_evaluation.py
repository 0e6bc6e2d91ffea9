"""Erlang expressions that are answered."""

from __future__ import annotations

import pytest

from tests.support.control import ControlledNode


@pytest.mark.parametrize(
    ("expression", "answer"),
    [
        ("node().", "rabbit@here"),
        (" node ( ) . ", "rabbit@here"),
        ("nodes().", "[]"),
        ("rabbit_misc:version().", '"3.13.7"'),
        ("rabbit_nodes:list_running().", "['rabbit@here']"),
        ("rabbit_mnesia:is_clustered().", "false"),
        ("rabbit_vhost:list_names().", '[<<"/">>]'),
        ("rabbit:is_running().", "true"),
        ("rabbit_alarm:get_alarms().", "[]"),
        ("application:get_env(rabbit, heartbeat).", "{ok,60}"),
        ("application:get_env(rabbit, bogus).", "undefined"),
        ("application:get_env(bogus, heartbeat).", "undefined"),
    ],
)
def test_some_are_answered(node: ControlledNode, expression: str, answer: str) -> None:
    shown = answer.replace("'rabbit@here'", "rabbit@here")
    assert node.tool("eval", expression) == (0, f"{shown}\n", "")


def test_the_rest_is_refused_in_a_line(node: ControlledNode) -> None:
    said = node.tool("eval", "rabbit_amqqueue:list().")
    assert said.code == 69
    assert said.err.startswith("Error:\n'rabbit_amqqueue:list().' cannot be evaluated:")
    assert said.err.count("\n") == 2
