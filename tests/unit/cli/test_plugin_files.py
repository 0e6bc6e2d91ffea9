"""Where the file of enabled plugins is, as far as a tool can tell without the node."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from broker.cli.command import Call, Streams
from broker.cli.errors import EX_DATA, FailedError
from broker.cli.index import find
from broker.cli.plugin_files import change, enabled, file_of, given_file
from broker.control_socket import ENTRY
from broker.plugins import UnknownPluginsError, write


def call(options: dict[str, Any] | None = None, **environment: str) -> Call:
    command = find("list", "plugins")
    assert command is not None
    streams = Streams(io.StringIO(), io.StringIO(), io.StringIO())
    given = {"node": "rabbit@here", **(options or {})}
    return Call(command, "rabbitmq-plugins", [], given, {"HOME": "/h", **environment}, streams)


def entered(directory: Path, **facts: Any) -> None:
    """As a node that runs does."""
    text = json.dumps({"node": "rabbit@here", "socket": "/s", "pid": 1, **facts})
    (directory / ENTRY).write_text(text)


def test_who_names_it_is_believed(tmp_path: Path) -> None:
    variable = {"RABBITMQ_ENABLED_PLUGINS_FILE": "/v"}
    assert given_file(call()) is None
    assert file_of(call(**variable)) == Path("/v")
    assert file_of(call(LEVERET_ENABLED_PLUGINS_FILE="/l", **variable)) == Path("/l")
    assert file_of(call({"enabled_plugins_file": "/o"}, **variable)) == Path("/o")


def test_else_a_node_that_runs_has_said_it(tmp_path: Path) -> None:
    entered(tmp_path, enabled_plugins_file="/etc/f", enabled_plugins=["rabbitmq_sharding"])
    here = {"data_dir": str(tmp_path)}
    assert file_of(call(here)) == Path("/etc/f")
    assert enabled(call(here)) == {"rabbitmq_sharding"}
    other = {**here, "node": "rabbit@other"}
    assert file_of(call(other)) == tmp_path / "enabled_plugins"
    assert file_of(call({"ready_file": str(tmp_path / ENTRY)})) == Path("/etc/f")


def test_else_it_is_in_the_data_directory(tmp_path: Path) -> None:
    for found in (
        call({"data_dir": str(tmp_path)}),
        call({"mnesia_dir": str(tmp_path)}),
        call(LEVERET_DATA_DIR=str(tmp_path)),
        call(RABBITMQ_MNESIA_DIR=str(tmp_path)),  # as a node would read it
    ):
        assert file_of(found) == tmp_path / "enabled_plugins"


def test_a_variable_of_rabbitmqs_counts_where_a_node_would_count_it(tmp_path: Path) -> None:
    """Behind a file that is named in rabbitmq-env.conf, say."""
    settings = tmp_path / "rabbitmq-env.conf"
    settings.write_text(f"ENABLED_PLUGINS_FILE={tmp_path}/named\n")
    found = call(RABBITMQ_CONF_ENV_FILE=str(settings), RABBITMQ_MNESIA_DIR=str(tmp_path / "m"))
    assert file_of(found) == tmp_path / "named"


@pytest.mark.parametrize(
    ("options", "environment"),
    [({"data_dir": "none"}, {}), ({"mnesia_dir": "none"}, {}), ({}, {"LEVERET_DATA_DIR": "none"})],
)
def test_a_node_in_memory_has_none(options: dict[str, Any], environment: dict[str, str]) -> None:
    with pytest.raises(FailedError, match="a node in memory has no file of enabled plugins"):
        file_of(call(options, **environment))


def test_settings_count_where_there_is_no_file(tmp_path: Path) -> None:
    settings = tmp_path / "rabbitmq.conf"
    settings.write_text("management.enabled = false\n")
    variables = {"RABBITMQ_CONFIG_FILE": str(settings), "RABBITMQ_MNESIA_DIR": str(tmp_path)}
    found = enabled(call(**variables))
    assert "rabbitmq_prometheus" in found
    assert "rabbitmq_management" not in found
    settings.write_text("nonsense = 1\n")
    with pytest.raises(FailedError) as caught:
        enabled(call(**variables))
    assert caught.value.code == EX_DATA
    assert "nonsense" in str(caught.value)


def test_a_change_of_the_file(tmp_path: Path) -> None:
    here = call({"data_dir": str(tmp_path)})
    write(tmp_path / "enabled_plugins", ["rabbitmq_sharding"])
    assert change(here, "enable", ["rabbitmq_random_exchange"]) == {
        "before": ["rabbitmq_sharding"],
        "set": ["rabbitmq_random_exchange", "rabbitmq_sharding"],
    }
    with pytest.raises(UnknownPluginsError):
        change(here, "set", ["bogus"])
    assert enabled(here) == {"rabbitmq_random_exchange", "rabbitmq_sharding"}
