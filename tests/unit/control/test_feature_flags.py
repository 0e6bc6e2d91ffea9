"""Feature flags of a node."""

from __future__ import annotations

from tests.support.control import ControlledNode


def test_each_is_on_and_others_are_unknown(node: ControlledNode) -> None:
    for name in ("quorum_queue", "all"):
        assert node.tool("enable_feature_flag", name).code == 0
    assert node.tool("-q", "enable_feature_flag", "bogus") == (
        64,
        "",
        "Error:\nThis feature flag is not supported by node rabbit@here\n",
    )
