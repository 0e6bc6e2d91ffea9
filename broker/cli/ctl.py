"""`leveretctl`: asks and tells a running node. Imports nothing of the broker.

A node is found by `--data-dir D` (it leaves `node.json` there while it runs), by `--ready-file F`,
or by `--host` and `--port`. Exit codes are those of RabbitMQ's tools: 0 done, 64 wrong usage, 69
the node cannot be reached, 75 it took too long.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

from broker.version import __version__

EX_OK, EX_USAGE, EX_UNAVAILABLE, EX_TEMPFAIL = 0, 64, 69, 75
POLL_S = 0.05
COMMANDS = {
    "help": "this list",
    "version": "the version of these tools",
    "ping": "does the node answer?",
    "await_startup": "wait until it does",
    "status": "what is known of the node",
    "stop": "stop the node and wait until it is gone (needs --data-dir or --ready-file)",
}


class NodeUnreachable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """The text says which node and why."""


class Place:
    """Where a node is: host and port, and what it wrote about itself, if anything."""

    def __init__(self, host: str, port: int, facts: dict[str, object], *, is_tls: bool = False):
        self.host = host
        self.port = port
        self.facts = facts
        self.is_tls = is_tls

    @property
    def name(self) -> str:
        return str(self.facts.get("node") or f"{self.host}:{self.port}")

    def is_answering(self, timeout_s: float) -> bool:
        """Whether an AMQP broker answers the protocol header there."""
        try:
            with socket.create_connection((self.host, self.port), timeout_s) as connection:
                connection.settimeout(timeout_s)
                if self.is_tls:
                    return _speaks_tls(connection)
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False


def _speaks_tls(connection: socket.socket) -> bool:
    """Whether TLS is spoken there; who it is, and whether it would let us in, does not matter."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with context.wrap_socket(connection):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")


def find(arguments: argparse.Namespace) -> Place:
    """Raises: NodeUnreachable when the file that should tell is not there."""
    path = arguments.ready_file
    if arguments.data_dir is not None:
        path = Path(arguments.data_dir) / "node.json"
    if path is None:
        return Place(arguments.host, arguments.port, {})
    try:
        facts = json.loads(path.read_text())
    except (OSError, ValueError):
        raise NodeUnreachable(f"no node runs there: {path} cannot be read") from None
    host, ports = facts.get("host") or "127.0.0.1", facts["ports"]
    is_tls = not ports["amqp"] and bool(ports.get("amqps"))
    return Place(host, ports["amqps"] if is_tls else ports["amqp"] or 0, facts, is_tls=is_tls)


def main(argv: list[str] | None = None) -> int:
    """Returns: the exit code."""
    parser = argparse.ArgumentParser(prog="leveretctl", add_help=False)
    parser.add_argument("-q", "--quiet", action="store_true")
    parser.add_argument("-t", "--timeout", type=float, default=60.0, metavar="SECONDS")
    parser.add_argument("--data-dir", metavar="D")
    parser.add_argument("--ready-file", type=Path, metavar="F")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5672)
    parser.add_argument("--formatter", choices=("table", "json"), default="table")
    parser.add_argument("-h", "--help", action="store_true")
    parser.add_argument("command", nargs="?", default="help")
    try:
        arguments = parser.parse_args(argv)
    except SystemExit:
        return EX_USAGE
    command = "help" if arguments.help else arguments.command
    if command not in COMMANDS:
        import difflib

        nearest = difflib.get_close_matches(command, COMMANDS, 1)
        hint = f"\n\nDid you mean '{nearest[0]}'?" if nearest else ""
        print(f"Command '{command}' not found.{hint}", file=sys.stderr)
        return EX_USAGE
    try:
        return run(command, arguments)
    except NodeUnreachable as error:
        print(f"Error: {error}", file=sys.stderr)
        return EX_UNAVAILABLE


def run(command: str, arguments: argparse.Namespace) -> int:
    """Carry out one command. Returns: the exit code. Raises: NodeUnreachable."""
    if command == "help":
        print("Usage: leveretctl [options] <command>\n")
        for name, text in COMMANDS.items():
            print(f"    {name:<16} {text}")
        return EX_OK
    if command == "version":
        print(__version__)
        return EX_OK
    deadline = time.monotonic() + arguments.timeout
    if command == "await_startup":
        return await_startup(arguments, deadline)
    place = find(arguments)
    if command == "stop":
        return stop(place, arguments, deadline)
    if command == "ping" and not arguments.quiet:
        print(f"Will ping {place.name}. Timeout: {arguments.timeout * 1000:.0f} ms.")
    if not place.is_answering(arguments.timeout):
        raise NodeUnreachable(f"unable to perform an operation on node '{place.name}'")
    if command == "ping":
        print("Ping succeeded")
        return EX_OK
    return status(place, arguments)


def await_startup(arguments: argparse.Namespace, deadline: float) -> int:
    while time.monotonic() < deadline:
        with contextlib.suppress(NodeUnreachable):
            if find(arguments).is_answering(1.0):
                return EX_OK
        time.sleep(POLL_S)
    print("Error: operation await_startup timed out", file=sys.stderr)
    return EX_TEMPFAIL


def status(place: Place, arguments: argparse.Namespace) -> int:
    facts = place.facts or {"ports": {"amqp": place.port}}
    if arguments.formatter == "json":
        print(json.dumps(facts))
        return EX_OK
    if not arguments.quiet:
        print(f"Status of node {place.name} ...")
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {port}" for name, port in value.items() if port)
        print(f"{key}: {value if value is not None else '(none)'}")
    return EX_OK


def stop(place: Place, arguments: argparse.Namespace, deadline: float) -> int:
    """SIGTERM, then wait for the process to end."""
    pid = place.facts.get("pid")
    if not isinstance(pid, int):
        print("Error: stop needs --data-dir or --ready-file", file=sys.stderr)
        return EX_USAGE
    if not arguments.quiet:
        print(f"Stopping and halting node {place.name} ...")
    try:
        os.kill(pid, signal.SIGTERM)
        while time.monotonic() < deadline:
            time.sleep(POLL_S)
            os.kill(pid, 0)
    except ProcessLookupError:
        return EX_OK
    print("Error: operation stop timed out", file=sys.stderr)
    return EX_TEMPFAIL


if __name__ == "__main__":
    sys.exit(main())
