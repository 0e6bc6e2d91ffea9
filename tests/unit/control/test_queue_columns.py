"""Columns of queues against the queues themselves."""

from __future__ import annotations

from typing import Any

from broker.amqp.erlang import Atom
from broker.amqp.wire import Field
from broker.cli.commands.lists import QUEUE, UNRESPONSIVE
from broker.commands import DeclareQueue, SetPolicy
from broker.control.listing import Pids
from broker.control.queue_columns import CLASSIC, REPLICATED, Seen, queue_row
from broker.node import Node
from tests.support.asked import asked_of, bare_node
from tests.support.builders import message


def test_the_tools_ask_for_what_there_is() -> None:
    assert set(CLASSIC) == set(REPLICATED) == {*QUEUE, *UNRESPONSIVE}


def shown(node: Node, name: str) -> dict[str, Any]:
    pids = Pids(asked_of(node))
    return dict(queue_row(Seen(node.vhosts["/"].queues[name], node, pids), list(CLASSIC)))


def test_what_is_in_a_queue() -> None:
    node = bare_node()
    policy = SetPolicy("/", "short", "^blue", '{"max-length": 9}')
    node.execute(policy)
    node.execute(DeclareQueue("/", "blue", auto_delete=True))
    queue = node.vhosts["/"].queues["blue"]
    queue.push(message(b"12345", timestamp=1_500_000_000))
    queue.push(message(b"123"))
    row = shown(node, "blue")
    assert (row["messages"], row["messages_ready"], row["messages_ram"]) == (2, 2, 2)
    assert (row["message_bytes"], row["message_bytes_ready"], row["message_bytes_ram"]) == (8, 8, 8)
    assert (row["messages_persistent"], row["message_bytes_persistent"]) == (0, 0)
    assert row["head_message_timestamp"] == 1_500_000_000
    assert (row["policy"], row["auto_delete"], row["durable"]) == ("short", True, False)
    assert (row["type"], row["state"], row["leader"]) == ("classic", "running", "")
    assert all(isinstance(row[name], Atom) for name in ("type", "state", "leader", "slave_pids"))


def test_an_empty_one_has_no_head() -> None:
    node = bare_node()
    node.execute(DeclareQueue("/", "blue"))
    row = shown(node, "blue")
    assert (row["head_message_timestamp"], row["owner_pid"], row["policy"]) == (Atom(""),) * 3
    assert (row["consumer_capacity"], row["disk_reads"], row["message_bytes"]) == (0, 0, 0)


def test_a_quorum_queue_has_members() -> None:
    node = bare_node()
    quorum = {"x-queue-type": Field("S", "quorum")}
    node.execute(DeclareQueue("/", "blue", durable=True, arguments=quorum))
    row = shown(node, "blue")
    assert row["members"] == row["online"] == [Atom(node.name)]
    assert row["leader"] == Atom(node.name)
    assert row["message_bytes"] == row["exclusive"] == Atom("")
