"""The broker that is to be left: RabbitMQ, or one of ours in its place. Each writes the programs
that the page calls into a directory."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.conformance.migration import estate
from tests.conformance.migration.reference import CONFIG, TOOLS, Reference, free_ports

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent


class Old(NamedTuple):
    """is_real: it is RabbitMQ."""

    port: int
    api_port: int
    config: Path
    is_real: bool


def recorded(name: str) -> dict[str, object]:
    """What RabbitMQ has exported: definitions.json, by-tool.json."""
    found: dict[str, object] = json.loads(HERE.joinpath(name).read_text())
    return found


def program(path: Path, command: str, **variables: str) -> None:
    """A file that runs a command with variables."""
    exports = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    path.write_text("".join(["#!/bin/sh\n", *exports, f'exec {command} "$@"\n']))
    path.chmod(0o755)


def our_programs(directory: Path) -> None:
    python = shlex.quote(sys.executable)
    program(directory / "leveret", f"{python} -m broker", PYTHONPATH=str(ROOT))
    program(directory / "leveretctl", f"{python} -m broker.cli.main", PYTHONPATH=str(ROOT))


@contextmanager
def rabbitmq(root: Path, programs: Path) -> Iterator[Old]:
    with Reference(root) as reference:
        for tool in ("rabbitmqctl", "rabbitmq-server"):
            program(programs / tool, str(TOOLS / tool), **reference.environment)
        estate.build(reference.api_port)
        yield Old(reference.port, reference.api_port, reference.config, is_real=True)


@contextmanager
def stand_in(root: Path, programs: Path) -> Iterator[Old]:
    """It has what was exported of RabbitMQ."""
    port, api_port, metrics_port = free_ports(3)
    config, data_dir = root / "rabbitmq.conf", root / "data"
    config.write_text(CONFIG.format(port=port, api_port=api_port, metrics_port=metrics_port))
    python = shlex.quote(sys.executable)
    ours = {"PYTHONPATH": str(ROOT), "LEVERET_DATA_DIR": str(data_dir)}
    ours["LEVERET_TOOL"] = "rabbitmqctl"
    program(programs / "rabbitmqctl", f"{python} -m broker.cli.main", **ours)
    flags = f"--config {config} --data-dir {data_dir} --node-name old@localhost"
    program(programs / "rabbitmq-server", f"{python} -m broker {flags}", **ours)
    run_dir = root / "run"
    environment = {**os.environ, "HOME": str(root), "LEVERET_RUN_DIR": str(run_dir)}
    with ended(data_dir):
        server = [str(programs / "rabbitmq-server"), "-detached"]
        subprocess.run(server, env=environment, check=True, capture_output=True)
        definitions = estate.without_streams(estate.without_mover(recorded("definitions.json")))
        estate.Api(api_port).ask("POST", "definitions", definitions)
        yield Old(port, api_port, config, is_real=False)


def pid_of(data_dir: Path) -> int:
    """Of the node that has this directory. Raises: OSError: nobody has it."""
    pid: int = json.loads((data_dir / "node.json").read_text())["pid"]
    return pid


@contextmanager
def ended(data_dir: Path) -> Iterator[None]:
    """In the end there is no node in this directory."""
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid_of(data_dir), signal.SIGKILL)
