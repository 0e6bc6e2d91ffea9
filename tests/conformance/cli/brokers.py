"""A broker with its tools: RabbitMQ by commands of this machine, ours in this process."""

from __future__ import annotations

import importlib
import io
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol
from urllib.parse import quote

from tests.conformance.http.client import Client
from tests.support.process import BrokerProcess

CALL_TIMEOUT_S = 12  # some wait for ever for a node with an odd name
NODE = "rabbit@localhost"  # ours; RabbitMQ's is on localhost as well
PLUGINS = "enabled_plugins"  # a file, next to the data
VARIABLES = ("RABBITMQ_", "LEVERET_")
ENDLESS = -1  # the exit code of a call that does not end
Main = Callable[..., int]


class Answer(NamedTuple):
    """What one call of a tool gave."""

    code: int
    stdout: str
    stderr: str


class Broker(Protocol):
    """What a walk needs of a broker. at_once: calls that may run at the same time."""

    port: int
    api_port: int
    node: str
    at_once: int

    def run(self, tool: str, argv: Sequence[str], stdin: str | None) -> Answer: ...


class Reference:
    """RabbitMQ with its tools. prefix: what is called with a tool's name and its arguments."""

    at_once = 3

    def __init__(self, port: int, api_port: int, prefix: Sequence[str]):
        self.port = port
        self.api_port = api_port
        self._prefix = list(prefix)
        self.node = str(asked(api_port, "GET", "/overview")["node"])

    def run(self, tool: str, argv: Sequence[str], stdin: str | None) -> Answer:
        try:
            done = subprocess.run(
                [*self._prefix, tool, *argv],
                input=(stdin or "").encode(),
                capture_output=True,
                timeout=CALL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Answer(ENDLESS, "", "(does not end)")
        decoded = [text.decode("utf-8", "backslashreplace") for text in (done.stdout, done.stderr)]
        return Answer(done.returncode, *decoded)


class Walked(BrokerProcess):
    """Of ours, as the walks want one: with a name, a cookie, settings and a log of its own."""

    def environment(self) -> dict[str, str]:
        root = self.data_dir.parent
        (root / "rabbitmq.conf").write_text("log.console = true\nlog.file = node.log\n")
        (root / PLUGINS).write_text("[rabbitmq_management,rabbitmq_prometheus].\n")
        inherited = super().environment().items()
        return {
            **{name: value for name, value in inherited if not name.startswith(VARIABLES)},
            "HOME": str(root),
            "RABBITMQ_NODENAME": NODE,
            "RABBITMQ_CONFIG_FILE": str(root / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(root / PLUGINS),
            "RABBITMQ_LOG_BASE": str(root / "logs"),
        }


class Ours:
    """A process of ours; the tools run in this one."""

    at_once = 1

    def __init__(self, process: BrokerProcess, main: Main):
        self.port = process.port
        self.api_port = int(process.ports["management"] or 0)
        self.node = str(asked(self.api_port, "GET", "/overview")["node"])
        self._main = main
        self._environ = {**os.environ, "LEVERET_DATA_DIR": str(process.data_dir)}
        self._environ["LEVERET_NODENAME"] = self.node  # when it has gone
        root = process.data_dir.parent
        self._environ["HOME"] = str(root)
        self._environ["RABBITMQ_ENABLED_PLUGINS_FILE"] = str(root / PLUGINS)

    def run(self, tool: str, argv: Sequence[str], stdin: str | None) -> Answer:
        out, err = io.StringIO(), io.StringIO()
        code = self._main(
            list(argv),
            tool=tool,
            stdin=io.StringIO(stdin or ""),
            stdout=out,
            stderr=err,
            environ=self._environ,
        )
        return Answer(code, out.getvalue(), err.getvalue())


def our_main() -> Main | None:
    """None as long as there is none."""
    try:
        module = importlib.import_module("broker.cli.main")
    except ImportError:
        return None
    main: Main = module.main
    return main


def asked(api_port: int, method: str, path: str, body: object = None) -> object | dict[str, object]:
    """One request as guest. Returns: the JSON, None without any."""
    client = Client(api_port)
    try:
        data = None if body is None else json.dumps(body).encode()
        answer = client.ask(method, f"/api{path}", credentials="guest:guest", body=data)
    finally:
        client.close()
    return json.loads(answer.body) if answer.body and answer.status < 400 else None


def cleaned(broker: Broker) -> None:
    """Make it as it was on its first day, as far as walks change it."""

    def items(path: str) -> list[dict[str, str]]:
        found = asked(broker.api_port, "GET", path)
        return found if isinstance(found, list) else []

    def remove(*parts: str) -> None:
        asked(broker.api_port, "DELETE", "".join(f"/{quote(part, safe='')}" for part in parts))

    for connection in items("/connections"):
        remove("connections", connection["name"])
    for vhost in items("/vhosts"):
        remove("vhosts", vhost["name"])
    for user in items("/users"):
        if user["name"] != "guest":
            remove("users", user["name"])
    for limit in items("/user-limits"):
        for kind in ("max-connections", "max-channels"):
            remove("user-limits", limit["user"], kind)
    for parameter in items("/global-parameters"):
        if parameter["name"] != "internal_cluster_id":
            remove("global-parameters", parameter["name"])
    asked(broker.api_port, "PUT", "/vhosts/%2F", {"description": "Default virtual host"})
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    asked(broker.api_port, "PUT", "/permissions/%2F/guest", rights)
    asked(broker.api_port, "PUT", "/users/guest", {"password": "guest", "tags": "administrator"})


def scratch_of(root: Path) -> Path:
    """A directory for the files of a walk."""
    scratch = root / "files"
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch
