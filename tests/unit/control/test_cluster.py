"""A node that is alone is asked about clusters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.control import ControlledNode


@pytest.fixture
def stopped(node: ControlledNode) -> Iterator[ControlledNode]:
    assert node.tool("stop_app").code == 0
    yield node
    assert node.tool("start_app").code == 0


def test_the_name_of_the_cluster_is_kept(node: ControlledNode) -> None:
    assert node.tool("set_cluster_name", "odd näme") == (
        0,
        "Setting cluster name to odd näme ...\n",
        "",
    )
    broker = node.runtime.broker
    assert broker is not None
    assert broker.node is not None
    assert broker.node.cluster_name == "odd näme"
    assert node.tool("-q", "set_cluster_name", "") == (0, "", "")
    assert broker.node.cluster_name == "rabbit@here"
    assert node.lines("eval", "rabbit_nodes:cluster_name().") == ['<<"rabbit@here">>']


@pytest.mark.parametrize("command", ["join_cluster", "update_cluster_nodes"])
def test_others_cannot_be_joined(stopped: ControlledNode, command: str) -> None:
    said = stopped.tool("-q", command, "rabbit@here")
    assert (said.code, said.err) == (
        70,
        "Error:\nError: cannot cluster node with itself: rabbit@here\n",
    )
    said = stopped.tool("-q", command, "rabbit@there")
    assert said.code == 69
    assert said.err.startswith("Error: unable to perform an operation on node 'rabbit@there'.")


def test_a_node_that_is_alone_keeps_everything_on_disk(stopped: ControlledNode) -> None:
    said = stopped.tool("change_cluster_node_type", "disk")
    assert said.out == "Turning rabbit@here into a disk node\nNode type is already disc\n"
    said = stopped.tool("-q", "change_cluster_node_type", "ram")
    text = "{:not_clustered, 'Non-clustered nodes can only be disc nodes.'}"
    assert said == (69, "", f"Error:\n{text}\n")


def test_nobody_can_be_forgotten(node: ControlledNode) -> None:
    said = node.tool("-q", "forget_cluster_node", "rabbit@there")
    text = "{:not_a_cluster_node, 'The node selected is not in the cluster.'}"
    assert said == (69, "", f"Error:\n{text}\n")
    said = node.tool("-q", "forget_cluster_node", "rabbit@here")
    why = "{:combine_error, :schema, 'Last replica'}"
    assert said == (69, "", f"Error:\n{{:failed_to_remove_node, :rabbit@here, {why}}}\n")


def test_a_stopped_app_forgets_nobody(stopped: ControlledNode) -> None:
    said = stopped.tool("-q", "forget_cluster_node", "rabbit@here")
    assert said.err.startswith("Error:\n{:offline_node_no_offline_flag, 'You are trying")


@pytest.mark.parametrize(
    "argv",
    [("join_cluster", "x@y"), ("change_cluster_node_type", "ram"), ("force_boot",)],
)
def test_the_app_has_to_be_stopped_first(node: ControlledNode, argv: tuple[str, ...]) -> None:
    said = node.tool(*argv)
    assert said.code == 64
    assert said.err.startswith(
        "Error: this command requires the 'rabbit' app to be stopped on the target node."
    )
