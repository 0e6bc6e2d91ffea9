"""The grammar of the commands about logs; what they show: see the tests of the node's side."""

from __future__ import annotations

import pytest

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


@pytest.mark.parametrize(
    "argv",
    [("log_tail", "-N", "-1"), ("log_tail_stream", "-d", "-1"), ("consume_event_stream", "-d-1")],
)
def test_numbers_are_not_negative(node: ControlledNode, argv: tuple[str, ...]) -> None:
    assert node.tool(*argv, tool=DIAGNOSTICS).code in (64, 65)


def test_banners_say_how_long(node: ControlledNode) -> None:
    said = node.tool("log_tail_stream", "-d", "2", tool=DIAGNOSTICS)
    assert said.out == "Streaming logs from node rabbit@here for 2 seconds ...\n"
    said = node.tool("log_tail_stream", "--dry-run", tool=DIAGNOSTICS)
    assert said.out == "Streaming logs from node rabbit@here ...\n"
    assert node.tool("log_tail", tool=DIAGNOSTICS).out == (
        "Last 50 log lines on node rabbit@here ...\n"
    )
