"""Goes through the steps at a broker, and keeps what was said."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pika.exceptions

from tests.conformance.rabbitmqadmin.steps import CHAPTERS, CONNECTION, VHOST, Step
from tests.conformance.rabbitmqadmin.tool import Tool, as_lines, steady

SETTLE_S = 12.0  # of the reference broker: its quorum queues are slow to say how they are
WAIT_S = 20.0
_GUEST = base64.b64encode(b"guest:guest").decode()


def play(directory: Path, amqp_port: int, http_port: int, *, is_slow: bool) -> dict[str, list[str]]:
    """All steps. is_slow: statistics take their time, as RabbitMQ's. Returns: what was said, by the
    names of the steps."""
    tool = Tool(directory, http_port)
    said: dict[str, list[str]] = {}
    for chapter, steps in CHAPTERS.items():
        with _client(amqp_port, http_port, chapter == "clients") as connection:
            names = {connection: CONNECTION} if connection else {}
            for step in steps:
                if is_slow and step.settles:
                    time.sleep(SETTLE_S)
                assert step.name not in said, f"two steps are called {step.name}"
                said[step.name] = _run(tool, directory, step, names, http_port)
    return said


def _run(
    tool: Tool, directory: Path, step: Step, names: dict[str, str], http_port: int
) -> list[str]:
    if step.before is not None:
        name, text = step.before
        (directory / name).write_text(text.replace("{port}", str(http_port)))
    filled = [word.replace("{port}", str(http_port)) for word in step.words]
    for value, name in names.items():
        filled = [word.replace(name, value) for word in filled]
    said = tool.run(*filled, stdin=step.stdin, is_bare=step.is_bare)
    lines = as_lines(said, step.kind, {f":{http_port}": ":PORT"})
    if step.file:
        lines.append(f"file {step.file}")
        lines += _of_file((directory / step.file).read_text())
    return lines


def _of_file(text: str) -> list[str]:
    """JSON in an order of its own."""
    try:
        found = json.loads(text)
    except ValueError:
        return text.splitlines()
    return steady(json.dumps(ordered(found), indent=1, sort_keys=True)).splitlines()


def ordered(value: Any) -> Any:
    """Definitions, without what is no two times the same: salts, ids; lists in one order."""
    if isinstance(value, dict):
        shown = {key: ordered(inner) for key, inner in value.items()}
        if value.get("name") == "internal_cluster_id" and "value" in shown:
            shown["value"] = "an id"
        if "password_hash" in shown:
            shown["password_hash"] = "a hash"
        return shown
    if isinstance(value, list):
        return sorted(
            (ordered(inner) for inner in value), key=lambda one: json.dumps(one, sort_keys=True)
        )
    return value


@contextlib.contextmanager
def _client(amqp_port: int, http_port: int, is_wanted: bool) -> Iterator[str]:
    """Somebody who is connected, and consumes. Yields: the name of the connection; "": nobody."""
    if not is_wanted:
        yield ""
        return
    parameters = pika.ConnectionParameters(
        "127.0.0.1",
        amqp_port,
        VHOST,
        pika.PlainCredentials("guest", "guest"),
        client_properties={"connection_name": "rmqa client"},
    )
    connection = pika.BlockingConnection(parameters)
    channel = connection.channel()
    channel.basic_qos(prefetch_count=7)
    channel.basic_consume("q2", lambda *_: None, consumer_tag="rmqa-tag")
    deadline = time.monotonic() + WAIT_S
    while not (found := [one["channel_details"] for one in _get(http_port, "/api/consumers")]) or (
        not found[0]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    try:
        yield str(found[0]["connection_name"])
    finally:
        with contextlib.suppress(pika.exceptions.AMQPError):
            connection.process_data_events(0)
            connection.close()


def _get(http_port: int, path: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{http_port}{path}", headers={"Authorization": f"Basic {_GUEST}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
