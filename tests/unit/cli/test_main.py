"""From the command line to the exit code; the recordings of RabbitMQ's tools have more."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from broker.cli import main as module
from broker.cli.main import COOKIE_WARNING, main
from tests.support.control import ControlledNode


def test_what_it_is_asked_is_checked_in_order(node: ControlledNode) -> None:
    """Command, options, arguments, then the node."""
    nowhere = ("-n", "wrong@localhost")
    for argv, code, text in (
        (("bogus_command_here", *nowhere), 64, "Command 'bogus_command_here' not found"),
        (("list_user", *nowhere), 64, "Did you mean 'list_users'?"),
        (("list_users", "--bogus", *nowhere), 64, "Invalid options for this command:\n--bogus : "),
        (("list_users", "extra", *nowhere), 64, "too many arguments."),
        (("list_users", "-t", "-1"), 64, "a timeout cannot be negative."),
        (("list_users", *nowhere), 69, "unable to perform an operation on node 'wrong@localhost'"),
        (("list_users", "--formatter", "bogus"), 1, "there is no formatter 'bogus'"),
    ):
        said = node.tool(*argv)
        assert (said.code, said.out) == (code, "")
        assert text in said.err


def test_banners_and_how_to_do_without(node: ControlledNode) -> None:
    assert node.tool("list_users").out.startswith("Listing users ...\nuser\ttags\nguest\t")
    assert node.tool("-q", "list_users").out.startswith("user\ttags\nguest\t")
    assert node.tool("-s", "list_users").out.startswith("guest\t")
    assert node.tool("list_users", "--formatter=JSON").out.startswith("[\n{")


def test_nothing_happens_in_a_dry_run(node: ControlledNode) -> None:
    assert node.tool("--dry-run", "add_vhost", "dry") == (0, 'Adding vhost "dry" ...\n', "")
    assert "dry" not in node.lines("list_vhosts")
    assert node.tool("--dry-run", "list_vhosts", "bogus").code == 64


def test_no_time(node: ControlledNode) -> None:
    said = node.tool("list_users", "-t", "0")
    text = "Error: operation list_users on node rabbit@here timed out. Timeout value used: 0\n"
    assert said == (75, "", text)
    assert node.tool("-q", "ping", "-t", "0").code == 69


def test_a_node_by_its_name_its_directory_or_its_file(node: ControlledNode) -> None:
    for argv in (
        ("-n", "rabbit@here"),
        ("--data-dir", str(node.data_dir)),
        ("--ready-file", str(node.root / "ready.json")),
    ):
        assert node.tool("-q", *argv, "ping").out == "Ping succeeded\n"
    assert node.tool("-q", "--data-dir", str(node.root), "ping").code == 69
    assert node.tool("-q", "--mnesia-dir", str(node.root), "ping").code == 0  # RabbitMQ's, unused


def test_a_node_whose_name_has_no_host(tmp_path: Path) -> None:
    with ControlledNode(tmp_path, {"node_name": "bare"}) as node:
        assert node.tool("-q", "-n", "bare", "ping").out == "Ping succeeded\n"
        assert node.tool("-q", "-n", "bare@here", "ping").code == 69
        node.environment["RABBITMQ_NODENAME"] = "bare"
        said = node.tool("-q", "eval", "node().", environment={"LEVERET_DATA_DIR": ""})
        assert said.out == "bare\n"
        said = node.tool("-q", "ping", environment={"LEVERET_DATA_DIR": "none"})
        assert said.out == "Ping succeeded\n"


def test_rabbitmqs_variable_of_the_cookie_is_taken_with_a_warning(node: ControlledNode) -> None:
    secret = node.runtime._cookie.secret
    given = {"RABBITMQ_ERLANG_COOKIE": secret}
    assert node.tool("ping", environment=given).out.startswith("Will ping rabbit@here.")
    said = node.tool("list_users", environment=given)
    assert said.out.startswith(f"{COOKIE_WARNING}\nListing users ...\n")
    assert said.out.count(COOKIE_WARNING) == 1
    for quiet in ("-q", "-s", "--formatter=json"):
        assert COOKIE_WARNING not in node.tool(quiet, "list_users", environment=given).out
    wrong = node.tool("-q", "list_users", environment={"RABBITMQ_ERLANG_COOKIE": "OTHER"})
    assert wrong.code == 69
    assert "its cookie is another one" in wrong.err


def test_aliases(node: ControlledNode, tmp_path: Path) -> None:
    path = tmp_path / "aliases"
    path.write_text("who = list_users -s\nbad = 'unfinished\nloop = loop\nnone =\nempty\n")
    given = {"RABBITMQ_CLI_ALIASES_FILE": str(path)}
    assert node.tool("who", environment=given).out == "guest\t[administrator]\n"
    assert node.tool("who", "--aliases-file", str(path)).code == 0
    said = node.tool("bad", environment=given)
    assert said.code == 64
    assert said.err.startswith(f"Error in alias bad of file {path}: No closing quotation\n")
    for name in ("loop", "none", "other"):
        assert node.tool(name, environment=given).code == 64
    said = node.tool("who", "--aliases-file", str(tmp_path))
    assert said.err.startswith(f"Error reading aliases file {tmp_path}: Is a directory\n")


def test_another_tool_by_name(node: ControlledNode) -> None:
    assert node.tool("--script-name", "rabbitmq-diagnostics", "-q", "is_running").code == 0
    assert node.tool("-q", "is_running").code == 64
    assert node.tool("-q", "is_running", tool="leveretctl").code == 0


def test_errors_as_json(node: ControlledNode) -> None:
    said = node.tool("delete_user", "nobody", "--formatter", "json")
    assert (said.code, said.out) == (69, "")
    assert json.loads(said.err)["result"] == "error"
    assert json.loads(node.tool("add_vhost", "j", "--formatter", "json").out) == {
        "result": "ok",
        "node": "rabbit@here",
    }


def test_who_reads_may_have_seen_enough(node: ControlledNode) -> None:
    class Closed(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    assert main(["list_users"], tool="rabbitmqctl", stdout=Closed(), environ=node.environment) in (
        *(0, 69),
    )


def test_who_interrupts_is_not_shown_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(_self: object, _argv: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Tool, "run", run)
    assert main([], tool="rabbitmqctl") == 130


def test_the_name_it_was_called_by(monkeypatch: pytest.MonkeyPatch) -> None:
    for own, name in (("/bin/rabbitmq-queues", "rabbitmq-queues"), ("/x/main.py", "leveretctl")):
        monkeypatch.setattr(sys, "argv", [own])
        out = io.StringIO()
        assert main(["--help"], stdout=out, environ={}) == 0
        assert f"{name} [--node <node>]" in out.getvalue()
    out = io.StringIO()
    assert main(["--help"], stdout=out, environ={"LEVERET_TOOL": "rabbitmqctl"}) == 0
    assert "rabbitmqctl [--node <node>]" in out.getvalue()
