"""Limits and levels by the command line."""

from __future__ import annotations

import socket
from pathlib import Path
from socket import AF_UNIX

import pika
import pytest

from broker.node import Node
from tests.support.control import ControlledNode

MEMORY, DISK = "set_vm_memory_high_watermark", "set_disk_free_limit"


@pytest.mark.parametrize(
    ("argv", "octets"),
    [
        (("absolute", "100000"), 100_000),
        (("absolute", "3kB"), 3_000),
        (("absolute", "3k"), 3_072),
        (("absolute", "2MiB"), 2 * 2**20),
        (("absolute", "1GB"), 10**9),
    ],
)
def test_memory_as_an_amount(node: ControlledNode, argv: tuple[str, ...], octets: int) -> None:
    said = node.tool(MEMORY, *argv)
    text = f"Setting memory threshold on rabbit@here to {argv[1]} bytes ...\n"
    assert said == (0, text, "")
    assert node.call(_memory_limit) == octets


def _memory_limit(node: Node) -> int:
    assert node.watermarks is not None
    return node.watermarks.snapshot().memory_limit


def test_memory_as_a_share_blocks_publishers_at_once(node: ControlledNode) -> None:
    said = node.tool(MEMORY, "0")
    assert said == (0, "Setting memory threshold on rabbit@here to 0 ...\n", "")
    assert node.call(lambda broker: "memory" in broker.alarms)
    assert node.tool(MEMORY, "4e-1").code == 0
    assert not node.call(lambda broker: "memory" in broker.alarms)


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ((), "not enough arguments."),
        (("absolute",), "not enough arguments."),
        (("absolute", "1", "2"), "too many arguments."),
        (("0.5", "0.6"), "too many arguments."),
        (("1.5",), "Bad argument: The threshold should be a fraction between 0.0 and 1.0"),
        (("--", "-0.5"), "Bad argument: The threshold should be a fraction between 0.0 and 1.0"),
        (("x",), "Bad argument."),
        ((".5",), "Bad argument."),
        (("nan",), "Bad argument."),
        (("1e999",), "Bad argument."),
        (("absolute", "x"), "Bad argument."),
        (("absolute", "1.5GB"), "Bad argument: The threshold should be an integer."),
        (("absolute", "2XB"), "Bad argument: Invalid units."),
        (("absolute", "2g"), "Bad argument: Invalid units."),
        (("absolute", "0"), "Bad argument: The threshold should be greater than 0."),
    ],
)
def test_what_is_no_limit_of_memory(node: ControlledNode, argv: tuple[str, ...], text: str) -> None:
    said = node.tool(MEMORY, *argv)
    assert said.err.startswith(f"Error (argument validation): {text}\n")
    assert said.code == (65 if text.startswith("Bad") else 64)


def test_disk(node: ControlledNode) -> None:
    limit = _disk_limit
    said = node.tool(DISK, "5MB")
    assert said == (0, "Setting disk free limit on rabbit@here to 5MB bytes ...\n", "")
    assert node.call(limit) == 5 * 10**6
    said = node.tool(DISK, "mem_relative", "1000000")
    text = "Setting disk free limit on rabbit@here to 1000000 times the total RAM ...\n"
    assert said == (0, text, "")
    assert node.call(lambda broker: "disk" in broker.alarms)
    said = node.tool("-q", DISK, "mem_relative", "1e308")
    assert said == (69, "", "Error:\nthe limit is too large\n")
    assert node.tool(DISK, "--", "-5").code == 0
    assert node.call(limit) == -5
    assert not node.call(lambda broker: "disk" in broker.alarms)


def _disk_limit(node: Node) -> int:
    assert node.watermarks is not None
    return node.watermarks.snapshot().disk_limit


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ((), 64),
        (("mem_relative",), 64),
        (("mem_relative", "1", "2"), 64),
        (("1", "2"), 64),
        (("1.5GB",), 65),
        (("10XX",), 65),
        (("--", "-5MB"), 65),
        (("mem_relative", "x"), 65),
        (("mem_relative", "--", "-1"), 65),
    ],
)
def test_what_is_no_limit_of_disk(node: ControlledNode, argv: tuple[str, ...], code: int) -> None:
    assert node.tool(DISK, *argv).code == code


def test_a_level_is_for_all_that_is_logged(
    node: ControlledNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels: list[str] = []
    monkeypatch.setattr(node.runtime.log_output, "set_level", levels.append)
    said = node.tool("set_log_level", "error")
    assert said == (0, 'Setting log level to "error" ...\n', "")
    for level in ("none", "notice", "alert"):
        assert node.tool("set_log_level", level).code == 0
    assert levels == ["error", "none", "notice", "alert"]
    text = "level INFO is not supported. Try one of debug, info, warning, error, critical, none"
    assert node.tool("set_log_level", "INFO") == (69, "", f"Error:\n{text}\n")
    assert node.tool("set_log_level").code == 64


def test_memory_is_given_back(node: ControlledNode) -> None:
    text = "Will ask all processes on node rabbit@here to schedule a full sweep GC\n"
    assert node.tool("force_gc") == (0, text, "")


SUSPENDED = (
    "Will suspend client connection listeners on node rabbit@here."
    " The node will no longer accept client connections!\n"
)
RESUMED = (
    "Will resume client connection listeners on node rabbit@here."
    " The node will now accept client connections\n"
)


def connected(port: int) -> pika.BlockingConnection:
    return pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", port))


def test_nobody_connects_while_listeners_are_suspended(tmp_path: Path) -> None:
    path = str(tmp_path / "mq.sock")
    with ControlledNode(tmp_path, {"listeners.unix.1": path}) as node, connected(node.port) as one:
        for _ in range(2):
            assert node.tool("suspend_listeners") == (0, SUSPENDED, "")
            for family, place in ((socket.AF_INET, ("127.0.0.1", node.port)), (AF_UNIX, path)):
                with socket.socket(family) as client, pytest.raises(ConnectionRefusedError):
                    client.connect(place)
        assert one.channel().queue_declare("blue").method.queue == "blue", "who is there stays"
        for _ in range(2):
            assert node.tool("resume_listeners") == (0, RESUMED, "")
            with connected(node.port) as another, socket.socket(AF_UNIX) as client:
                assert another.is_open
                client.connect(path)
    assert not Path(path).exists()


def test_a_stopped_app_has_no_listeners(node: ControlledNode) -> None:
    assert node.tool("stop_app").code == 0
    for name in ("suspend_listeners", "resume_listeners"):
        text = "{:aborted, {:no_exists, [:rabbit_listener, :rabbit@here]}}"
        assert node.tool("-q", name) == (69, "", f"Error:\n{text}\n")


def test_a_node_stops_while_its_listeners_are_suspended(tmp_path: Path) -> None:
    with ControlledNode(tmp_path) as node:
        assert node.tool("suspend_listeners").code == 0
        assert node.tool("stop_app").code == 0
        assert node.tool("start_app").code == 0
        connected(node.port).close()
        assert node.tool("suspend_listeners").code == 0
