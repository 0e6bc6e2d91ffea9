"""Vhosts by the command line; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import pytest

from tests.support.control import ControlledNode


def test_a_vhost_comes_and_goes(node: ControlledNode) -> None:
    argv = ("add_vhost", "v1", "--description", "First", "--tags", "a, b,")
    assert node.tool(*argv, "--default-queue-type", "quorum").code == 0
    assert node.tool("add_vhost", "v1").code == 0  # it stays as it is
    columns = "name,description,tags,default_queue_type,tracing,cluster_state"
    assert "v1\tFirst\t[a, b]\tquorum\tfalse\t[{rabbit@here, running}]" in node.lines(
        "list_vhosts", columns
    )
    assert node.tool("set_vhost_tags", "v1", "c").out == (
        'Setting tags for virtual host "v1" to [c] ...\n'
    )
    assert "v1\t[c]\tquorum" in node.lines("list_vhosts", "name", "tags", "default_queue_type")
    assert node.tool("delete_vhost", "v1") == (0, 'Deleting vhost "v1" ...\n', "")
    assert node.lines("list_vhosts") == ["/"]


def test_the_firehose(node: ControlledNode) -> None:
    assert node.tool("-q", "trace_on").out == "Trace enabled for vhost /\n"
    assert node.lines("list_vhosts", "tracing") == ["true"]
    assert node.tool("-q", "trace_off").out == "Trace disabled for vhost /\n"
    assert node.lines("list_vhosts", "tracing") == ["false"]
    assert node.tool("trace_on", "-p", "nowhere").code == 0  # as with RabbitMQ


def test_one_that_runs_need_not_be_restarted(node: ControlledNode) -> None:
    said = node.tool("-q", "restart_vhost")
    assert said == (0, "Vhost '/' is already running on node 'rabbit@here'\n", "")


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (("delete_vhost", "no"), 65, "Virtual host 'no' does not exist\n"),
        (("set_vhost_tags", "no"), 65, 'Error:\nVirtual host "no" does not exist\n'),
        (("restart_vhost", "-p", "no"), 70, '{:no_such_vhost, "no"}'),
        (("add_vhost", "v", "--default-queue-type", "x"), 69, "Error:\ninvalid_queue_type\n"),
        (("list_vhosts", "bogus"), 64, "Info key(s) bogus are not supported"),
    ],
)
def test_what_cannot_be(node: ControlledNode, argv: tuple[str, ...], code: int, text: str) -> None:
    said = node.tool(*argv)
    assert said.code == code
    assert text in said.err
