"""RabbitMQ's `rabbitmqadmin`, as it is installed, against a broker; what it prints.

The tool is found on the PATH, or by the environment variable RABBITMQADMIN. It is run unmodified,
in a directory of its own which is its home as well.
"""

from __future__ import annotations

import functools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RELEASE = "3.10.8"
TIMEOUT_S = 30


@functools.cache
def installed() -> str | None:
    """Where it is; None: nowhere, or it is of another release."""
    path = os.environ.get("RABBITMQADMIN") or shutil.which("rabbitmqadmin")
    if path is None or not Path(path).is_file():
        return None
    done = subprocess.run(
        [sys.executable, path, "--version"], capture_output=True, text=True, check=False
    )
    return path if done.stdout.strip() == f"rabbitmqadmin {RELEASE}" else None


@dataclass
class Said:
    """What came of one run. files: those that it wrote."""

    code: int
    out: str
    err: str


class Tool:
    """One broker's. directory: where it runs; `shown` makes what it says comparable."""

    def __init__(self, directory: Path, port: int, host: str = "127.0.0.1"):
        path = installed()
        assert path is not None
        self._path = path
        self._directory = directory
        self._port = port
        self._host = host

    def run(self, *words: str, stdin: str = "", is_bare: bool = False) -> Said:
        """is_bare: without being told where the broker is."""
        where = [] if is_bare else ["-H", self._host, "-P", str(self._port)]
        done = subprocess.run(
            [sys.executable, self._path, *where, *words],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            cwd=self._directory,
            env={"HOME": str(self._directory), "PATH": os.defpath, "PYTHONIOENCODING": "utf-8"},
            timeout=TIMEOUT_S,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())


# What differs from one broker, and from one run, to the next.
_VOLATILE = (
    (re.compile(r"127\.0\.0\.1:\d+ -> 127\.0\.0\.1:\d+"), "PEER"),
    (re.compile(r"[\w-]+@[\w.-]+"), "NODE"),
    (re.compile(r"\b3\.1\d\.\d+\b"), "RELEASE"),
    (re.compile(r"127\.0\.0\.1%3A\d+%20-%3E%20127\.0\.0\.1%3A\d+"), "PEER"),
)


def steady(text: str, more: Mapping[str, str] | None = None) -> str:
    """The text without what nobody can know beforehand. more: what stands for what."""
    for value, name in (more or {}).items():
        text = text.replace(value, name)
    for pattern, name in _VOLATILE:
        text = pattern.sub(name, text)
    return text


def as_lines(said: Said, kind: str, names: Mapping[str, str]) -> list[str]:
    """What is compared of a run. kind: "text"; "loose": a table whose widths do not matter;
    "columns": the names of columns, whatever it made of the values; "json": parsed; "trace": an
    error of its own, without where it comes from."""
    out, err = steady(said.out, names), steady(said.err, names)
    lines = out.splitlines()
    if kind == "loose":
        lines = [re.sub(r"-+", "-", re.sub(r" +", " ", line)) for line in lines]
    elif kind == "columns":
        return sorted(lines[0].split("\t")) if lines else []
    elif kind == "json":
        lines = json.dumps(json.loads(out), indent=1, sort_keys=True).splitlines()
    errors = [line for line in err.splitlines() if line.strip()]
    if kind == "trace":
        errors = [line for line in errors if not line.startswith((" ", "Traceback"))]
    return [f"exit {said.code}", *lines, *(f"! {line}" for line in errors)]


def read(path: Path) -> Any:
    return json.loads(path.read_text())
