"""Erlang and Elixir by the command line, of which there is little."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


@pytest.mark.parametrize("expression", ["node()", "bad(", "."])
def test_what_cannot_be_right_is_refused_as_there(node: ControlledNode, expression: str) -> None:
    said = node.tool("eval", expression)
    assert said.code == 64
    assert said.err.startswith('Error (argument validation): "syntax error before: "\n')
    said = node.tool("eval", stdin=expression)
    assert said == (65, "", "Error:\nEvaluation failed: syntax error before: \n")


def test_an_expression_may_come_by_standard_input(node: ControlledNode) -> None:
    assert node.tool("eval", stdin="node().\n") == (0, "rabbit@here\n", "")
    text = "Expression to evaluate is not provided via argument or stdin"
    assert node.tool("eval") == (65, "", f"Error:\n{text}\n")
    assert node.tool("eval", "").code == 64


def test_a_value_as_json(node: ControlledNode) -> None:
    said = node.tool("eval", "nodes().", "--formatter", "json")
    assert said.out == '{"node":"rabbit@here","result":"ok","value":[]}\n'


def test_an_expression_may_come_from_a_file(node: ControlledNode, tmp_path: Path) -> None:
    path = tmp_path / "e.erl"
    path.write_text("node().\n")
    assert node.tool("eval_file", str(path)) == (0, "rabbit@here\n", "")
    path.write_bytes(b"\xff.")
    assert f'"File {path} is not text"' in node.tool("eval_file", str(path)).err
    path.write_text("node()")
    assert '"syntax error before: "' in node.tool("eval_file", str(path)).err
    gone = tmp_path / "gone"
    said = node.tool("eval_file", str(gone))
    assert said.code == 64
    assert said.err.startswith(f'Error (argument validation): "File {gone} does not exist"\n')
    assert '"File path must not be blank"' in node.tool("eval_file", "").err
    assert "cannot be read: Is a directory" in node.tool("eval_file", str(tmp_path)).err


def test_elixir_and_shells_are_not_there(node: ControlledNode) -> None:
    for argv, tool in ((("exec", "1"), "rabbitmqctl"), (("remote_shell",), DIAGNOSTICS)):
        said = node.tool(*argv, tool=tool)
        assert said.code == 69
        assert said.err.startswith("Error:\n")
        assert said.err.count("\n") == 2
    assert node.tool("exec", "").code == 64


def test_hipe_compile_does_nothing(node: ControlledNode, tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    said = node.tool("hipe_compile", str(path))
    assert said == (
        0,
        "This command is a no-op. HiPE is no longer supported by modern Erlang versions\n",
        "",
    )
    assert path.is_dir()
    assert node.tool("hipe_compile", " ").code == 65
    path.joinpath("file").write_text("")
    assert node.tool("hipe_compile", str(path / "file")).code == 65
