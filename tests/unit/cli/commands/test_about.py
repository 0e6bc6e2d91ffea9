"""What a node is and was started with."""

from __future__ import annotations

import json

import pytest

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


@pytest.mark.parametrize(
    ("command", "banner", "value"),
    [
        ("server_version", "Asking node rabbit@here for its RabbitMQ version...", "3.13.7"),
        ("erlang_version", "Asking node rabbit@here for its Erlang/OTP version...", "Python"),
        ("erlang_cookie_hash", "Asking node rabbit@here its Erlang cookie hash...", "=="),
    ],
)
def test_single_values(node: ControlledNode, command: str, banner: str, value: str) -> None:
    said = node.tool(command, tool=DIAGNOSTICS)
    first, second = said.out.splitlines()
    assert first == banner
    assert value in second
    assert node.tool(command, "--formatter", "json", tool=DIAGNOSTICS).out == (
        f'{{"result":"ok","value":"{second}"}}\n'
    )


def test_a_tool_knows_its_own_version_without_a_node(node: ControlledNode) -> None:
    argv = ("erlang_version", "--offline", "--details", "-n", "nobody@here")
    said = node.tool(*argv, tool=DIAGNOSTICS)
    assert said.code == 0
    assert said.out.startswith("CLI Erlang/OTP version ...\n")


def test_where_the_cookie_comes_from(node: ControlledNode) -> None:
    said = node.tool(
        *("erlang_cookie_sources", "--formatter", "json", "--erlang-cookie", "ABC"),
        tool=DIAGNOSTICS,
        environment={"RABBITMQ_ERLANG_COOKIE": "hush!", "USER": "me"},
    )
    assert "hush" not in said.out
    found = json.loads(said.out)
    assert found == {
        "cookie_file_access": found["cookie_file_access"],
        "cookie_file_exists": True,
        "cookie_file_path": str(node.root / ".erlang.cookie"),
        "cookie_file_size": 20,
        "cookie_file_type": "regular",
        "effective_user": "me",
        "home_dir": str(node.root),
        "os_env_cookie_set": True,
        "os_env_cookie_value_length": 5,
        "switch_cookie_set": True,
        "switch_cookie_value_length": 3,
    }
    elsewhere = {"HOME": str(node.root / "run")}
    said = node.tool("-q", "erlang_cookie_sources", tool=DIAGNOSTICS, environment=elsewhere)
    lines = said.out.splitlines()
    assert lines[2:9] == [
        "Effective user: (none)",
        f"Effective home directory: {node.root / 'run'}",
        f"Cookie file path: {node.root / 'run' / '.erlang.cookie'}",
        "Cookie file exists? false",
        "Cookie file type: (n/a)",
        "Cookie file access: (n/a)",
        "Cookie file size: (n/a)",
    ]
    assert "\x1b[1mEnv variable \x1b[0m \x1b[1m\x1b[31m(Deprecated)\x1b[0m" in lines


def test_the_command_line_is_terms_only(node: ControlledNode) -> None:
    said = node.tool("command_line_arguments", "--formatter", "json", tool=DIAGNOSTICS)
    assert said.code == 64
    assert "the requested formatter is not supported by this command" in said.err
    assert node.tool("-q", "command_line_arguments", tool=DIAGNOSTICS).out.startswith("[{root,[")


def test_variables(node: ControlledNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_NODENAME", "x")
    assert "RABBITMQ_NODENAME=x" in node.lines("os_env", tool=DIAGNOSTICS)
    said = node.tool("os_env", "--formatter", "json", tool=DIAGNOSTICS)
    found = json.loads(said.out)
    assert (found["node"], found["result"]) == ("rabbit@here", "ok")
    assert found["variables"]["RABBITMQ_NODENAME"] == "x"
    said = node.tool("os_env", "--formatter", "csv", tool=DIAGNOSTICS)
    assert said.out.startswith('"variable","value"\n') or '"RABBITMQ_NODENAME","x"' in said.out


def test_settings(node: ControlledNode) -> None:
    said = node.tool("environment")
    assert said.out.startswith("Application environment of node rabbit@here ...\n[{")
    assert "{heartbeat,60}" in said.out
    found = json.loads(node.tool("environment", "--formatter", "json").out)
    assert found["rabbit"]["heartbeat"] == 60
    assert found["leveret"]["store.sync"] == "commit"


def test_nobody_else_is_found(node: ControlledNode) -> None:
    assert node.tool("discover_peers", tool=DIAGNOSTICS).out == (
        "Discovering peers nodes ...\nNo peers discovered\n"
    )


def test_tables(node: ControlledNode) -> None:
    said = node.tool("schema_info")
    banner, header, first, *_ = said.out.splitlines()
    assert banner == "Asking node rabbit@here to report its schema..."
    assert header == "name\tcookie\tactive_replicas\tuser_properties"
    assert first == "rabbit_vhost\tundefined\t[rabbit@here]\t[]"
    assert "Info key(s) bogus are not supported" in node.tool("schema_info", "bogus").err
