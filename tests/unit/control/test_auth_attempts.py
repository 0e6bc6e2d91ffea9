"""Logins are counted."""

from __future__ import annotations

import json

import pika
import pytest

from tests.support.control import ControlledNode

DIAGNOSTICS = "rabbitmq-diagnostics"


def log_in(node: ControlledNode, password: str) -> None:
    credentials = pika.PlainCredentials("guest", password)
    where = pika.ConnectionParameters("127.0.0.1", node.port, credentials=credentials)
    pika.BlockingConnection(where).close()


def attempts(node: ControlledNode, *argv: str) -> list[dict[str, object]]:
    said = node.tool("list_node_auth_attempt_stats", *argv, "--formatter", "json")
    found: list[dict[str, object]] = json.loads(said.out)["attempts"]
    return found


def test_logins_are_told_apart_once_it_is_asked_for(node: ControlledNode) -> None:
    log_in(node, "guest")
    assert attempts(node, "--by-source") == []
    assert node.tool("enable_auth_attempt_source_tracking", tool=DIAGNOSTICS).code == 0
    log_in(node, "guest")
    with pytest.raises(pika.exceptions.AMQPError):
        log_in(node, "wrong")
    counts = {"auth_attempts": 2, "auth_attempts_failed": 1, "auth_attempts_succeeded": 1}
    source = {"remote_address": "127.0.0.1", "username": "guest", "protocol": "amqp091"}
    assert attempts(node, "--by-source") == [source | counts]
    counts = {"auth_attempts": 3, "auth_attempts_failed": 1, "auth_attempts_succeeded": 2}
    assert attempts(node) == [{"protocol": "amqp091"} | counts]

    assert node.tool("disable_auth_attempt_source_tracking", tool=DIAGNOSTICS).code == 0
    log_in(node, "guest")
    assert attempts(node, "--by-source")[0]["auth_attempts"] == 2
    assert node.tool("reset_node_auth_attempt_metrics", tool=DIAGNOSTICS).code == 0
    assert attempts(node) == []
    assert attempts(node, "--by-source") == []
