"""Permissions as rows."""

from __future__ import annotations

import pytest

from broker.cli.errors import ToolError
from tests.support.control import ControlledNode


def test_of_a_vhost_and_of_a_user(node: ControlledNode) -> None:
    given = {"vhost": "/", "name": "guest", "configure": "a", "write": "b", "read": "c"}
    node.ask("permissions.set_permissions", **given)
    rights = [("configure", "a"), ("write", "b"), ("read", "c")]
    assert node.ask("permissions.list_permissions", vhost="/") == [[("user", "guest"), *rights]]
    assert node.ask("permissions.list_user_permissions", name="guest") == [
        [("vhost", "/"), *rights]
    ]
    node.ask("permissions.clear_permissions", vhost="/", name="guest")
    assert node.ask("permissions.list_permissions", vhost="/") is None


def test_of_topics_one_exchange_or_all_can_be_cleared(node: ControlledNode) -> None:
    for exchange in ("amq.topic", "logs"):
        given = {"vhost": "/", "name": "guest", "exchange": exchange, "write": "w", "read": "r"}
        node.ask("permissions.set_topic_permissions", **given)
    rows = node.ask("permissions.list_topic_permissions", vhost="/")
    assert isinstance(rows, list)
    assert len(rows) == 2
    clear = "permissions.clear_topic_permissions"
    node.ask(clear, vhost="/", name="guest", exchange="logs")
    assert node.ask("permissions.list_user_topic_permissions", name="guest") == [
        [("vhost", "/"), ("exchange", "amq.topic"), ("write", "w"), ("read", "r")]
    ]
    node.ask(clear, vhost="/", name="guest", exchange=None)
    assert node.ask("permissions.list_user_topic_permissions", name="guest") is None


def test_a_pattern_is_looked_at_before_the_user(node: ControlledNode) -> None:
    given = {"vhost": "no", "name": "nobody", "configure": "*", "write": "b", "read": "c"}
    with pytest.raises(ToolError, match="invalid_regexp"):
        node.ask("permissions.set_permissions", **given)
