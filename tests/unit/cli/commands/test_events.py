"""Events by the command line; what they are: see the tests of the node's side."""

from __future__ import annotations

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def test_the_end_is_an_empty_line_and_there_is_no_banner(node: ControlledNode) -> None:
    said = node.tool("consume_event_stream", "-d", "0", tool=DIAGNOSTICS)
    assert said == (0, "\n", "")
    said = node.tool("consume_event_stream", "-d", "0", "--formatter", "json", tool=DIAGNOSTICS)
    assert said == (0, "[\n]\n", "")
