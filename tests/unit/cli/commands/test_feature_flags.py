"""Feature flags by the command line."""

from __future__ import annotations

from tests.support.control import ControlledNode


def test_they_are_listed_with_what_is_asked_for(node: ControlledNode) -> None:
    lines = node.tool("list_feature_flags").out.splitlines()
    assert lines[:2] == ["Listing feature flags ...", "name\tstate"]
    assert "quorum_queue\tenabled" in lines
    assert lines[2:] == sorted(lines[2:])
    columns = ("name", "stability", "provided_by", "doc_url")
    assert node.lines("list_feature_flags", *columns)[5] == (
        "quorum_queue\tstable\trabbit\thttps://www.rabbitmq.com/quorum-queues.html"
    )
    assert node.tool("list_feature_flags", "bogus").code == 64


def test_one_has_to_be_named(node: ControlledNode) -> None:
    assert node.tool("enable_feature_flag", "all").out == "Enabling all feature flags ...\n"
    said = node.tool("enable_feature_flag", "")
    assert said.code == 65
    assert "Bad argument: feature_flag cannot be an empty string.\n" in said.err
