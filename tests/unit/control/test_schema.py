"""Tables of definitions."""

from __future__ import annotations

from tests.support.control import ControlledNode


def test_tables_have_as_many_rows_as_there_are_definitions(node: ControlledNode) -> None:
    assert node.tool("add_vhost", "other").code == 0
    found = dict(line.split("\t") for line in node.lines("schema_info", "name", "size"))
    assert found == {
        "rabbit_vhost": "2",
        "rabbit_user": "1",
        "rabbit_user_permission": "1",
        "rabbit_topic_permission": "0",
        "rabbit_runtime_parameters": "1",
        "rabbit_exchange": "14",
        "rabbit_queue": "0",
    }


def test_what_is_not_known_is_undefined(node: ControlledNode) -> None:
    assert node.lines("schema_info", "name", "cookie,storage_type", "snmp")[0] == (
        "rabbit_vhost\tundefined\tdisc_copies\tundefined"
    )
