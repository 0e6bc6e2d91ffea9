"""Queues are deleted and emptied by the command line."""

from __future__ import annotations

import pytest

from broker.amqp.wire import Field
from broker.commands import DeclareQueue
from broker.node import Node
from tests.support.builders import message
from tests.support.control import ControlledNode

QUORUM = {"x-queue-type": Field("S", "quorum")}


def _fill(node: Node) -> None:
    node.execute(DeclareQueue("/", "blue"))
    queue = node.vhosts["/"].queues["blue"]
    queue.purge()
    queue.push(message(b"1"))
    queue.push(message(b"2"))


@pytest.fixture
def queue(node: ControlledNode) -> str:
    """With two messages."""

    node.call(_fill)
    return "blue"


def test_a_queue_is_deleted(node: ControlledNode, queue: str) -> None:
    assert node.tool("delete_queue", queue, "-u") == (
        0,
        "Deleting queue 'blue' on vhost '/' if queue is unused ...\n"
        "Queue was successfully deleted with 2 ready messages\n",
        "",
    )
    said = node.tool("-q", "delete_queue", queue)
    assert said == (64, "", "Error:\nQueue not found\n")
    assert node.tool("-q", "delete_queue", queue, "-p", "nope").code == 64


def test_one_with_messages_stays(node: ControlledNode, queue: str) -> None:
    said = node.tool("delete_queue", queue, "--if-empty", "--if-unused")
    assert said.out == (
        "Deleting queue 'blue' on vhost '/' if queue is empty and if queue is unused ...\n"
    )
    assert (said.code, said.err) == (64, "Error:\nQueue is not empty\n")


def test_a_name_is_needed(node: ControlledNode) -> None:
    said = node.tool("delete_queue", "")
    assert said.code == 65
    assert "Bad argument: queue name cannot be an empty string\n" in said.err


def test_conditions_are_not_for_quorum_queues(node: ControlledNode) -> None:
    node.call(lambda broker: broker.execute(DeclareQueue("/", "q", durable=True, arguments=QUORUM)))
    said = node.tool("-q", "delete_queue", "q", "-e")
    assert said.code == 69
    assert "cannot delete queue 'q' in vhost '/'." in said.err
    assert node.tool("delete_queue", "q").code == 0


def test_a_queue_is_purged(node: ControlledNode, queue: str) -> None:
    said = node.tool("purge_queue", queue)
    assert said == (0, "Purging queue 'blue' in vhost '/' ...\n", "")
    assert "blue\t0" in node.lines("list_queues")
    assert node.tool("-q", "purge_queue", "nope") == (69, "", "Error:\nnot_found\n")


def test_there_are_no_mirrors(node: ControlledNode, queue: str) -> None:
    assert node.tool("-q", "sync_queue", queue) == (69, "", "Error:\nnot_mirrored\n")
    assert node.tool("-q", "cancel_sync_queue", queue) == (0, "not_syncing\n", "")
    assert node.tool("-q", "cancel_sync_queue", "nope") == (69, "", "Error:\nnot_found\n")
    node.call(lambda broker: broker.execute(DeclareQueue("/", "q", durable=True, arguments=QUORUM)))
    text = "Error:\nquorum_queue_not_supported\n"
    assert node.tool("-q", "sync_queue", "q") == (69, "", text)
