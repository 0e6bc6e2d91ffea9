"""The commands of rabbitmq-queues, of a cluster of one node."""

from __future__ import annotations

import json

import pytest

from broker.amqp.wire import Field
from broker.commands import DeclareQueue
from broker.node import Node
from tests.support.builders import message
from tests.support.control import ControlledNode, Said

QUORUM = {"x-queue-type": Field("S", "quorum")}
NAME, HERE = "replicated", "rabbit@here"


def _fill(node: Node) -> None:
    node.execute(DeclareQueue("/", NAME, durable=True, arguments=QUORUM))
    node.execute(DeclareQueue("/", "plain"))
    queue = node.vhosts["/"].queues[NAME]
    queue.purge()
    for number in range(3):
        body = b"x" * 99 if number else b"first"
        headers = {"h": Field("S", "v"), "CC": Field("A", [Field("S", "too")])}
        queue.push(
            message(body, message_id=f"m{number}", content_type="text/plain", headers=headers)
        )


@pytest.fixture(autouse=True)
def _queues(node: ControlledNode) -> None:
    node.call(_fill)


def queues(node: ControlledNode, *argv: str) -> Said:
    return node.tool("-q", *argv, tool="rabbitmq-queues")


def test_a_message_is_looked_at(node: ControlledNode) -> None:
    said = queues(node, "peek", NAME, "1x", "--formatter", "json")
    assert json.loads(said.out) == {
        "result": "ok",
        "message": {
            "message_id": "m0",
            "content_type": "text/plain",
            "routing_keys": ["key", "too"],
            "exchange": "",
            "payload (max 64 bytes)": "first",
            "header.h": "v",
            "header.CC": {"longstr": "too"},
            "header.x-delivery-count": 0,
        },
    }
    said = queues(node, "peek", NAME, "3", "--formatter", "erlang")
    assert said.out.startswith('[[{<<"keys">>,<<"message_id">>},{<<"values">>,<<"m2">>}],\n')
    assert "x" * 64 in said.out
    assert "x" * 65 not in said.out
    assert "header.h" in queues(node, "peek", NAME, "2").out
    assert f"{NAME}\t3" in node.lines("list_queues")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ((NAME, "99"), "Target queue does not have a message at that position"),
        ((NAME, "9" * 18), "Target queue does not have a message at that position"),
        (("nope", "1"), "Target queue was not found in virtual host '/'"),
        (("plain", "1"), "Cannot peek into a classic queue"),
    ],
)
def test_there_is_nothing_to_look_at(
    node: ControlledNode, argv: tuple[str, str], text: str
) -> None:
    assert queues(node, "peek", *argv) == (69, "", f"Error:\n{text}\n")
    said = queues(node, "peek", *argv, "--formatter", "json")
    message_ = text if text.startswith("Target") else f"Failed to perform the operation: {text}"
    assert (said.code, json.loads(said.err)) == (69, {"result": "error", "message": message_})


@pytest.mark.parametrize("position", ["x", "0", "-1", ""])
def test_positions_count_from_1_on(node: ControlledNode, position: str) -> None:
    said = queues(node, "peek", "--", NAME, position)
    assert said.code == 64
    text = 'Error (argument validation): "position value must be a positive integer"\n'
    assert said.err.startswith(text)


def test_status(node: ControlledNode) -> None:
    last = node.call(lambda broker: broker.vhosts["/"].queues[NAME].next_seq - 1)
    said = queues(node, "quorum_status", NAME, "--formatter", "json")
    assert said.out == (
        f'[\n{{"Node Name":"{HERE}","Raft State":"leader","Log Index":{last},'
        f'"Commit Index":{last},"Snapshot Index":"undefined","Term":1,"Machine Version":2}}\n]\n'
    )
    texts = [queues(node, "quorum_status", name).err for name in ("plain", "nope")]
    assert texts == ["Error:\nCannot get quorum status of a classic queue\n", "Error:\nnot_found\n"]
    texts = [queues(node, "stream_status", name).err for name in (NAME, "plain", "nope")]
    assert texts == [
        "Error:\nCannot get stream status of a quorum queue\n",
        "Error:\nCannot get stream status of a classic queue\n",
        "Error:\nnot_found\n",
    ]


@pytest.mark.parametrize("kind", ["quorum", "mirror_sync"])
def test_one_node_is_not_critical(node: ControlledNode, kind: str) -> None:
    name, text = f"check_if_node_is_{kind}_critical", "the check does not apply"
    said = node.tool("-q", name, tool="rabbitmq-diagnostics")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith(f"Node {HERE} seems to be the only one")
    assert queues(node, name, "-s") == (0, "", "")
    said = queues(node, name, "--formatter", "json")
    assert json.loads(said.out)["message"].endswith(text)


def test_members(node: ControlledNode) -> None:
    assert queues(node, "add_member", NAME, HERE) == (0, "", "")
    assert queues(node, "add_member", NAME, "x@there").err == "Error:\nnode_not_running\n"
    assert queues(node, "delete_member", NAME, "x@there") == (0, "", "")
    assert queues(node, "delete_member", NAME, HERE).err == "Error:\nlast_node\n"
    for name in ("add_member", "delete_member"):
        text = "Error:\nCannot add members to a classic queue\n"
        assert queues(node, name, "plain", HERE) == (69, "", text)
        assert queues(node, name, "nope", HERE) == (69, "", "Error:\nnot_found\n")


def test_growing_and_shrinking(node: ControlledNode) -> None:
    assert queues(node, "grow", HERE, "all", "--formatter", "json").out == "[]\n"
    said = queues(node, "grow", HERE, "odd")
    text = "Error (argument validation): \"strategy 'odd' is not recognised.\"\n"
    assert (said.code, said.err.startswith(text)) == (64, True)
    header = "vhost\tname\tsize\tresult"
    line = f"/\t{NAME}\t1\terror: the last node cannot be removed"
    assert queues(node, "shrink", HERE).out == f"{header}\n{line}\n"
    assert queues(node, "shrink", HERE, "--errors-only").out == f"{header}\n{line}\n"
    assert queues(node, "shrink", "x@there") == (0, "\n", "")


def test_rebalancing(node: ControlledNode) -> None:
    said = queues(node, "rebalance", "all", "--formatter", "json")
    assert json.loads(said.out)["value"] == [
        [
            ["Node name", HERE],
            ["Number of quorum queues", 1],
            ["Number of replicated classic queues", 0],
        ]
    ]
    for options in (("quorum", "--queue-pattern", "^x"), ("all", "--vhost-pattern", "^x")):
        assert queues(node, "rebalance", *options, "--formatter", "erlang").out == "[]\n"
    assert queues(node, "rebalance", "classic", "--formatter", "erlang").out == "[]\n"
    text = "type foo is not supported. Try one of all, classic, quorum."
    assert queues(node, "rebalance", "foo") == (69, "", f"Error:\n{text}\n")
    for pattern in ("(", "(a*)*(a*)*(a*)*(a*)*b"):
        said = queues(node, "rebalance", "all", "--queue-pattern", pattern)
        assert (said.code, said.out) == (69, "")
        assert said.err.count("\n") == 2


def test_memory_of_a_queue(node: ControlledNode) -> None:
    assert queues(node, "reclaim_quorum_memory", NAME) == (0, "", "")
    text = "This operation is not applicable to classic queues"
    assert queues(node, "reclaim_quorum_memory", "plain") == (69, "", f"Error:\n{text}\n")
    said = queues(node, "reclaim_quorum_memory", "nope", "--formatter", "json")
    assert json.loads(said.err)["message"] == "Target queue was not found in virtual host '/'"
