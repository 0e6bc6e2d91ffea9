"""Clusters by the command line; what is answered: see the tests of the node's side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.control import ControlledNode

ABSENT = ("-n", "rabbit@absent")


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        (("join_cluster", "x", "--disc", "--ram"), "The node type must be either disc or ram."),
        (("change_cluster_node_type", "x"), "The node type must be either disc or ram."),
    ],
)
def test_types_are_disc_or_ram(node: ControlledNode, argv: tuple[str, ...], text: str) -> None:
    said = node.tool(*argv)
    assert said.code == 65
    assert said.err.startswith(f"Error (argument validation): Bad argument: {text}\n")


def test_a_node_that_runs_is_not_offline(node: ControlledNode) -> None:
    for argv in (("forget_cluster_node", "--offline", "x@y"), ("rename_cluster_node", "a", "b")):
        said = node.tool(*argv)
        assert said.code == 64
        text = "Error: this command requires the target node to be stopped.\n"
        assert said.err.startswith(text)


def test_names_come_in_pairs(node: ControlledNode) -> None:
    assert node.tool("rename_cluster_node", "a").code == 64
    said = node.tool("rename_cluster_node", "a", "b", "c")
    assert said.code == 65
    assert said.err.startswith("Error: Bad argument: Argument list should contain even number")


def test_offline_nobody_can_be_forgotten(node: ControlledNode, tmp_path: Path) -> None:
    nobody = {"LEVERET_DATA_DIR": str(tmp_path)}
    said = node.tool(*ABSENT, "forget_cluster_node", "--offline", "x@y", environment=nobody)
    assert said.code == 69
    assert said.out.endswith("Warning: quorum queues cannot be shrunk in offline mode\n")
    assert said.err.startswith("Error:\n{:not_a_cluster_node,")


def test_a_node_that_does_not_run_would_start(node: ControlledNode, tmp_path: Path) -> None:
    nowhere = {"LEVERET_DATA_DIR": ""}
    said = node.tool(*ABSENT, "force_boot", environment=nowhere)
    assert said == (69, "", "Error:\nmnesia_dir_not_found\n")
    in_memory = {"LEVERET_DATA_DIR": "none"}
    assert node.tool(*ABSENT, "force_boot", environment=in_memory) == said
    somewhere = {"LEVERET_DATA_DIR": str(tmp_path)}
    assert node.tool(*ABSENT, "force_boot", environment=somewhere) == (0, "", "")


def test_a_data_directory_gets_another_name(node: ControlledNode, tmp_path: Path) -> None:
    identity = tmp_path / "identity.json"
    there = {"LEVERET_DATA_DIR": str(tmp_path)}

    def rename(*names: str) -> tuple[int, str]:
        said = node.tool("-q", *ABSENT, "rename_cluster_node", *names, environment=there)
        return said.code, said.err.removeprefix("Error:\n").rstrip("\n")

    assert rename("old@a", "new@a") == (69, f"cannot read {identity}: No such file or directory")
    identity.write_text("nonsense")
    assert rename("old@a", "new@a") == (69, f"{identity} is damaged")
    identity.write_text(json.dumps({"format": 1, "node": "old@a"}))
    assert rename("other@a", "new@a") == (69, "{:nodes_not_in_cluster, [:other@a]}")
    assert rename("old@a", "ne w@a")[0] == 65
    assert rename("old@a", "new@a") == (0, "")
    assert json.loads(identity.read_text()) == {"format": 1, "node": "new@a"}
