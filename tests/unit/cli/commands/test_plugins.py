"""`rabbitmq-plugins`; the recordings of RabbitMQ's have more, tests/integration what it does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from broker import plugins as table
from broker.config import Config
from broker.plugin_settings import by_settings
from broker.plugins import ONLY_IMPLICIT, PLUGINS
from tests.support.control import ControlledNode, Said

TOOL = "rabbitmq-plugins"
USAGE = "\n\x1b[1mUsage\x1b[0m\n\nrabbitmq-plugins [--node <node>] [--longnames] [--quiet] "
DEFAULT = by_settings(Config())
DEPENDENCIES = "Enabled plugins and dependencies: "


@pytest.fixture
def file(node: ControlledNode) -> Path:
    """Two are enabled; the node has nothing else on."""
    found = node.data_dir / "enabled_plugins"
    assert plugins(node, "set", "rabbitmq_prometheus", "rabbitmq_sharding").code == 0
    return found


def plugins(node: ControlledNode, *argv: str, **environment: str) -> Said:
    return node.tool(*argv, tool=TOOL, environment=environment)


def test_a_list_has_marks_and_a_legend(node: ControlledNode, file: Path) -> None:
    assert plugins(node, "list", "^rabbitmq_(pro|web|sh|top|rand)") == (
        0,
        'Listing plugins with pattern "^rabbitmq_(pro|web|sh|top|rand)" ...\n'
        " Configured: E = explicitly enabled; e = implicitly enabled\n"
        " | Status: * = running on rabbit@here\n"
        " |/\n"
        "[E*] rabbitmq_prometheus      3.13.7\n"
        "[  ] rabbitmq_random_exchange 3.13.7\n"
        "[E*] rabbitmq_sharding        3.13.7\n"
        "[e*] rabbitmq_web_dispatch    3.13.7\n",
        "",
    )
    assert plugins(node, "list", "-q", "-E").out == (
        "[E*] rabbitmq_prometheus 3.13.7\n[E*] rabbitmq_sharding   3.13.7\n"
    )
    assert plugins(node, "list", "-s", "-m").out.split() == sorted(PLUGINS)
    assert plugins(node, "list", "-s", "-m", "-e").out.split() == sorted(
        {"rabbitmq_prometheus", "rabbitmq_sharding", *ONLY_IMPLICIT}
    )


def test_a_long_list(node: ControlledNode, file: Path) -> None:
    assert plugins(node, "list", "-s", "--verbose", "prometheus").out == (
        "[E*] rabbitmq_prometheus\n"
        "     Version:     \t3.13.7\n"
        "     Dependencies:\t[rabbitmq_web_dispatch,rabbitmq_management_agent]\n"
        "     Description: \tMetrics\n"
    )


def test_a_list_for_programs(node: ControlledNode, file: Path) -> None:
    (one,) = json.loads(plugins(node, "list", "sharding", "--formatter", "json").out)["plugins"]
    version = list(b"3.13.7")
    assert one == {
        "name": "rabbitmq_sharding",
        "enabled": "enabled",
        "running": True,
        "version": version,
        "running_version": version,
    }
    (one,) = json.loads(plugins(node, "list", "random", "--formatter", "json").out)["plugins"]
    assert (one["running_version"], one["enabled"]) == (None, "not_enabled")


def test_patterns_and_options_that_make_no_sense(node: ControlledNode) -> None:
    said = plugins(node, "list", "[")
    assert said.code == 70
    assert said.err == (
        "Error:\n{:badmatch, {:error, {'missing terminating ] for character class', 1}}}\n\n"
    )
    said = plugins(node, "list", "-m", "-v")
    assert said.code == 65
    assert "Bad argument: Cannot set both verbose and minimal\n" in said.err


def test_names_of_the_file_that_there_are_none_of(node: ControlledNode, file: Path) -> None:
    file.write_text("[rabbitmq_shovel,rabbitmq_sharding].")
    said = plugins(node, "list", "-m", "-E")
    assert said.out.splitlines()[1:] == [
        "WARNING - plugins currently enabled but missing: rabbitmq_shovel",
        "",
        "rabbitmq_sharding",
    ]
    assert json.loads(plugins(node, "list", "-m", "-E", "--formatter", "json").out)
    assert plugins(node, "enable", "rabbitmq_prometheus").code == 0
    assert file.read_text() == "[rabbitmq_prometheus,rabbitmq_sharding,rabbitmq_shovel].\n"
    assert plugins(node, "disable", "rabbitmq_shovel").code == 0
    assert file.read_text() == "[rabbitmq_prometheus,rabbitmq_sharding].\n"


def test_enabling_and_disabling(node: ControlledNode, file: Path) -> None:
    head = "The following plugins have been configured:\n"
    applying = "Applying plugin configuration to rabbit@here...\n"
    web = "  rabbitmq_management_agent\n  rabbitmq_prometheus\n"
    assert plugins(node, "enable", "rabbitmq_random_exchange") == (
        0,
        f"Enabling plugins on node rabbit@here:\nrabbitmq_random_exchange\n{head}{web}"
        f"  rabbitmq_random_exchange\n  rabbitmq_sharding\n  rabbitmq_web_dispatch\n{applying}"
        "The following plugins have been enabled:\n  rabbitmq_random_exchange\n\n"
        "started 1 plugins.\n",
        "",
    )
    assert plugins(node, "disable", "rabbitmq_random_exchange", "-q") == (
        0,
        f"{head}{web}  rabbitmq_sharding\n  rabbitmq_web_dispatch\n{applying}"
        "The following plugins have been disabled:\n  rabbitmq_random_exchange\n\n"
        "stopped 1 plugins.\n",
        "",
    )
    unchanged = f"{web}  rabbitmq_sharding\n  rabbitmq_web_dispatch\n{applying}"
    unchanged = f"{head}{unchanged}Plugin configuration unchanged.\n"
    for argv in (("enable", "rabbitmq_sharding"), ("disable", "bogus")):
        assert plugins(node, "-s", *argv) == (0, unchanged, "")


def test_setting(node: ControlledNode, file: Path) -> None:
    said = plugins(node, "set", "-q", "rabbitmq_sharding", "rabbitmq_random_exchange")
    assert said.out.endswith("...\nstarted 1 plugins and stopped 3 plugins.\n")
    assert plugins(node, "set", "-q", "rabbitmq_sharding").out.endswith("stopped 1 plugins.\n")
    assert plugins(node, "set", "-q", "rabbitmq_sharding").out.endswith("nothing to do.\n")
    said = plugins(node, "set", "bogus", "rabbitmq_sharding", "other")
    assert (said.code, said.err) == (
        65,
        "Error:\nThe following plugins were not found: bogus, other\n",
    )
    assert file.read_text() == "[rabbitmq_sharding].\n"


def test_all_and_none(node: ControlledNode, file: Path) -> None:
    said = plugins(node, "disable", "--all")
    assert said.out.startswith(
        "Disabling ALL plugins on node rabbit@here\nAll plugins have been disabled.\n"
    )
    assert file.read_text() == "[].\n"
    assert plugins(node, "enable", "--all").out.startswith("Enabling ALL plugins on node")
    assert table.read(file) == PLUGINS.keys()
    assert plugins(node, "list", "-s").out.count("[E*]") == len(PLUGINS)


def test_a_change_as_json(node: ControlledNode, file: Path) -> None:
    said = plugins(node, "enable", "rabbitmq_random_exchange", "--formatter", "json")
    names, done = json.loads(said.out)
    assert done == {
        "mode": "online",
        "set": names,
        "started": ["rabbitmq_random_exchange"],
        "stopped": [],
        "enabled": ["rabbitmq_random_exchange"],
    }


@pytest.mark.parametrize("name", ["bogus", "rabbitmq_shovel", "Odd-Name"])
def test_enabling_nothing(node: ControlledNode, file: Path, name: str) -> None:
    before = file.read_text()
    shown = f'"{name}"' if "-" in name else name
    for mode in ((), ("--offline",)):
        said = plugins(node, "enable", "-q", name, "rabbitmq_random_exchange", *mode)
        assert said == (70, "", f"Error:\n{{:plugins_not_found, [:{shown}]}}\n")
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("argv", "code", "text"),
    [
        (["enable"], 64, "not enough arguments."),
        (["disable"], 64, "not enough arguments."),
        (["is_enabled"], 64, "not enough arguments."),
        (["directories", "extra"], 64, "too many arguments."),
        (["enable", "--all", "x"], 65, "Bad argument: Cannot set both --all and a list of plugins"),
        *(
            (
                [*argv, "--online", "--offline"],
                65,
                "Bad argument: Cannot set both online and offline",
            )
            for argv in (["enable", "x"], ["set"], ["is_enabled", "x"], ["directories"])
        ),
        (
            ["directories", "--no-online"],
            65,
            "Bad argument: Cannot set online and offline to false",
        ),
    ],
)
def test_bad_usage(node: ControlledNode, argv: list[str], code: int, text: str) -> None:
    said = plugins(node, *argv)
    assert (said.code, said.out) == (code, "")
    assert said.err.startswith(f"Error (argument validation): {text}\nArguments given:\n\t")
    assert USAGE + argv[0] in said.err


def test_whether_they_are_on(node: ControlledNode, file: Path) -> None:
    assert plugins(node, "is_enabled", "rabbitmq_sharding") == (
        0,
        "Asking node rabbit@here if plugin rabbitmq_sharding is enabled...\n"
        "Plugin rabbitmq_sharding is enabled on node rabbit@here\n",
        "",
    )
    both = ("rabbitmq_prometheus", "rabbitmq_web_dispatch")
    assert plugins(node, "is_enabled", *both, "-q").out == (
        "Plugins rabbitmq_prometheus, rabbitmq_web_dispatch are enabled on node rabbit@here\n"
    )
    there = ", ".join(sorted({"rabbitmq_prometheus", "rabbitmq_sharding", *ONLY_IMPLICIT}))
    text = f"Plugins a, b are not enabled on node rabbit@here. {DEPENDENCIES}{there}"
    assert plugins(node, "is_enabled", "a", *both, "b", "-q") == (69, "", f"Error:\n{text}\n")
    said = plugins(node, "is_enabled", "a", "b", "--formatter", "json")
    assert json.loads(said.err) == {"result": "error", "message": text}


def test_whether_they_will_be_on(node: ControlledNode, file: Path) -> None:
    file.write_text("[rabbitmq_random_exchange].")
    assert plugins(node, "is_enabled", "--offline", "rabbitmq_random_exchange") == (
        0,
        "Inferring if plugin rabbitmq_random_exchange is from local environment...\n"
        "Plugin rabbitmq_random_exchange is enabled\n",
        "",
    )
    said = plugins(node, "is_enabled", "--offline", "rabbitmq_sharding")
    assert said.code == 69
    assert said.err.endswith(f"is not enabled. {DEPENDENCIES}rabbitmq_random_exchange\n")


def test_directories(node: ControlledNode, file: Path) -> None:
    said = plugins(node, "directories")
    lines = said.out.splitlines()
    assert lines[0] == "Listing plugin directories used by node rabbit@here"
    assert lines[3] == f"Enabled plugins file: {file}"
    offline = plugins(node, "directories", "--offline").out.splitlines()
    assert offline[0] == "Listing plugin directories inferred from local environment..."
    assert offline[1:] == lines[1:]
    found = json.loads(plugins(node, "directories", "--formatter", "json").out)
    assert found["enabled_plugins_file"] == str(file)
    assert Path(found["plugins_dir"], "plugins.py").exists()


def test_a_file_that_is_no_list(node: ControlledNode, file: Path) -> None:
    file.write_text("nonsense")
    text = (
        f"Error:\nCould not read enabled plugins file at {file}: it is no list like [name,name].\n"
    )
    calls = [
        ["list"],
        ["enable", "rabbitmq_sharding"],
        ["enable", "--offline", "rabbitmq_sharding"],
    ]
    for argv in calls:
        said = plugins(node, *argv)
        assert (said.code, said.err) == (65, text)
    assert file.read_text() == "nonsense"
    file.unlink()  # what the node has read stays


def test_another_file_than_the_nodes(node: ControlledNode, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    said = plugins(node, "enable", "rabbitmq_sharding", RABBITMQ_ENABLED_PLUGINS_FILE=str(other))
    assert (said.code, said.err) == (
        65,
        f"Error:\nCould not update enabled plugins file at {other}: target node rabbit@here uses a"
        f" different path ({file})\n",
    )
    assert not other.exists()
    given = ("--enabled-plugins-file", str(file))
    assert plugins(node, "enable", "rabbitmq_sharding", *given).code == 0


# a node that is down


class Down:
    """Its tools, and where its file is."""

    def __init__(self, node: ControlledNode, file: Path):
        self._node = node
        self.file = file

    def says(self, *argv: str) -> Said:
        return plugins(
            self._node, "-n", "rabbit@down", *argv, RABBITMQ_ENABLED_PLUGINS_FILE=str(self.file)
        )


@pytest.fixture
def down(node: ControlledNode, tmp_path: Path) -> Down:
    return Down(node, tmp_path / "enabled_plugins")


def test_a_node_that_is_down_is_changed_by_its_file(down: Down) -> None:
    said = down.says("list", "prometheus")
    assert said.code == 0
    assert " | Status: [failed to contact rabbit@down - status not shown]\n" in said.out
    assert said.out.endswith("[E ] rabbitmq_prometheus 3.13.7\n")
    said = down.says("set", "rabbitmq_sharding", "-q")
    assert said.out.endswith("Applying plugin configuration to rabbit@down...\nset 1 plugins.\n")
    said = down.says("enable", "rabbitmq_prometheus", "-q")
    assert said.out.endswith(
        "The following plugins have been enabled:\n  rabbitmq_management_agent\n"
        "  rabbitmq_prometheus\n  rabbitmq_web_dispatch\n\nset 4 plugins.\n"
        "Offline change; changes will take effect at broker restart.\n"
    )
    assert table.read(down.file) == {"rabbitmq_prometheus", "rabbitmq_sharding"}
    assert down.says("disable", "--all", "-q").out.endswith(
        "\nnothing to do.\nOffline change; changes will take effect at broker restart.\n"
    )
    assert down.says("set", "-q").out == (
        "All plugins have been disabled.\n"
        "Applying plugin configuration to rabbit@down...\nnothing to do.\n"
    )


def test_without_a_file_it_has_what_is_on_by_default(down: Down) -> None:
    assert set(down.says("list", "-s", "-m", "-E").out.split()) == DEFAULT
    assert down.says("disable", "rabbitmq_prometheus").code == 0
    assert table.read(down.file) == DEFAULT - {"rabbitmq_prometheus"}


@pytest.mark.parametrize(
    "argv",
    [
        ["enable", "--online", "rabbitmq_sharding"],
        ["set", "--online"],
        ["is_enabled", "rabbitmq_sharding"],
        ["directories"],
    ],
)
def test_who_must_be_asked_must_be_there(down: Down, argv: list[str]) -> None:
    said = down.says(*argv)
    assert (said.code, said.out) == (64, "")
    assert said.err.startswith(
        "Error: this command requires the target node to be running.\nArguments given:\n\t"
    )
    assert not down.file.exists()


def test_a_file_that_cannot_be_written(down: Down, tmp_path: Path) -> None:
    down.file = tmp_path / "none" / "file"
    said = down.says("enable", "rabbitmq_sharding", "-q")
    assert said == (
        65,
        "",
        f"Error:\nCould not update enabled plugins file at {down.file}: the file does not exist"
        " (ENOENT)\n",
    )


def test_while_the_app_is_stopped(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        assert node.tool("stop_app").code == 0
        said = plugins(node, "enable", "--online", "rabbitmq_sharding")
        assert said.code == 64
        assert "requires the 'rabbit' app to be running" in said.err
        said = plugins(node, "disable", "rabbitmq_sharding", "--formatter", "json")
        done: dict[str, Any] = json.loads(said.out)[1]
        assert (done["mode"], done["disabled"]) == ("offline", ["rabbitmq_sharding"])
        assert "[  ]" in plugins(node, "list", "sharding").out
        assert plugins(node, "is_enabled", "rabbitmq_random_exchange").code == 69
        assert plugins(node, "list", "-e").out.count("[E ]") == len(DEFAULT) - 3


def test_help(node: ControlledNode) -> None:
    for name in ("list", "enable", "disable", "set", "is_enabled", "directories"):
        said = plugins(node, "help", name)
        assert said.code == 0
        assert USAGE + name in said.out
