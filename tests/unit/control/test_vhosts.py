"""Vhosts as rows."""

from __future__ import annotations

import pytest

from broker.amqp.erlang import Atom
from broker.cli.errors import FailedError, ReasonError
from tests.support.control import ControlledNode


def test_all_that_is_told_of_one(node: ControlledNode) -> None:
    given = {"name": "v", "description": "d", "tags": "a,,b ", "queue_type": "stream"}
    node.ask("vhosts.add_vhost", **given)
    node.ask("vhosts.add_vhost", **{**given, "description": "other"})  # it stays as it is
    rows = node.ask("vhosts.list_vhosts")
    assert isinstance(rows, list)
    assert dict(rows[-1]) == {
        "name": "v",
        "description": "d",
        "tags": [Atom("a"), Atom("b")],
        "default_queue_type": "stream",
        "tracing": False,
        "cluster_state": [(Atom("rabbit@here"), Atom("running"))],
    }
    assert dict(rows[0])["default_queue_type"] == Atom("undefined")
    node.ask("vhosts.set_vhost_tags", name="v", tags=[" c ", ""])
    node.ask("vhosts.set_tracing", name="v", is_on=True)
    rows = node.ask("vhosts.list_vhosts")
    assert isinstance(rows, list)
    assert (dict(rows[-1])["tags"], dict(rows[-1])["tracing"]) == ([Atom("c")], True)
    assert dict(rows[-1])["default_queue_type"] == "stream"
    node.ask("vhosts.delete_vhost", name="v")


def test_what_is_not_there(node: ControlledNode) -> None:
    for what in ("delete_vhost", "check_vhost"):
        with pytest.raises(ReasonError) as caught:
            node.ask(f"vhosts.{what}", name="no")
        assert (caught.value.word, caught.value.about) == ("no_such_vhost", "no")
    given = {"name": "v", "description": "", "tags": "", "queue_type": "bogus"}
    with pytest.raises(FailedError, match="invalid_queue_type"):
        node.ask("vhosts.add_vhost", **given)
