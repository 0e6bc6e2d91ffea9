"""Connections are closed by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress

import pika
import pytest
from pika.exceptions import AMQPError, ConnectionClosedByBroker

from tests.support.control import ControlledNode

WAIT_S = 10.0
Connect = Callable[[], pika.BlockingConnection]


@pytest.fixture
def connect(node: ControlledNode) -> Iterator[Connect]:
    connections = []

    def connected() -> pika.BlockingConnection:
        parameters = pika.ConnectionParameters("127.0.0.1", node.port)
        connections.append(pika.BlockingConnection(parameters))
        return connections[-1]

    yield connected
    for connection in connections:
        with suppress(AMQPError):
            connection.close()


def closed_with(connection: pika.BlockingConnection) -> str:
    with pytest.raises(ConnectionClosedByBroker) as caught:
        connection.process_data_events(WAIT_S)
    assert caught.value.reply_code == 320
    return str(caught.value.reply_text)


@pytest.mark.parametrize("form", ["{}", "#PID{}"])
def test_one_connection(node: ControlledNode, connect: Connect, form: str) -> None:
    connection = connect()
    (pid,) = node.lines("list_connections", "pid")
    said = node.tool("close_connection", form.format(pid), "go away")
    assert said == (0, f"Closing connection {form.format(pid)}, reason: go away...\n", "")
    assert closed_with(connection) == "CONNECTION_FORCED - go away"


def test_a_long_reason_is_cut(node: ControlledNode, connect: Connect) -> None:
    connection = connect()
    assert node.tool("close_all_user_connections", "guest", "ö" * 4000).code == 0
    assert closed_with(connection).startswith("CONNECTION_FORCED - öö")


def test_what_is_no_pid(node: ControlledNode) -> None:
    for text in ("foo", "<0.1.0>", "<a.1.2.3>x", "", "<a.\u0661.2.3>"):
        said = node.tool("-q", "close_connection", text, "why")
        assert said == (69, "", f'Error:\nError:\n{{:invalid_pid_syntax, "{text}"}}\n')


def test_others_stay(node: ControlledNode, connect: Connect) -> None:
    connect()
    (pid,) = node.lines("list_connections", "pid")
    others = [pid[:-2] + "7>", pid.replace("here", "there"), f"<x.{'9' * 20}.1.0>"]
    for other in others:  # a channel's, another node's, nobody's
        assert node.tool("-q", "close_connection", other, "why") == (0, "", "")
    assert node.tool("-q", "close_all_user_connections", "nobody", "why") == (0, "", "")
    assert node.tool("-q", "close_all_connections", "-p", "nope", "why").out == (
        "Closed 0 connections\n"
    )
    assert node.lines("list_connections", "pid") == [pid]


def test_some_of_a_vhost(node: ControlledNode, connect: Connect) -> None:
    connections = [connect() for _ in range(3)]
    said = node.tool("close_all_connections", "--limit", "2", "--per-connection-delay", "1", "bye")
    assert said.out == ("Closing 2 connections in vhost /, reason: bye...\nClosed 2 connections\n")
    assert [closed_with(one) for one in connections[:2]] == ["CONNECTION_FORCED - bye"] * 2
    said = node.tool("close_all_connections", "--global", "--limit", "9", "bye")
    assert said.out.startswith(
        "Closing all connections to node rabbit@here (across all vhosts), reason: bye...\n"
    )
    assert closed_with(connections[2]) == "CONNECTION_FORCED - bye"
    said = node.tool("close_all_connections", "bye", "--formatter", "json")
    assert json.loads(said.out)["value"] == "Closed 0 connections"


def test_a_limit_is_no_debt(node: ControlledNode) -> None:
    assert node.tool("close_all_connections", "--limit", "-1", "bye").code == 65
