"""The names that scripts written for RabbitMQ call: small files that call ours."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from broker.cli.command import TOOLS
from broker.cli.errors import EX_CONFIG, FailedError

MARK = "# made by leveretctl install-aliases"
SERVER = "rabbitmq-server"
OWN = "leveretctl"


def text_of(name: str, python: str) -> str:
    """What is in the file of that name. python: the interpreter that has the package."""
    interpreter = f"{shlex.quote(python)} -P"  # never what lies in the directory of the caller
    if name == SERVER:
        call = f'exec {interpreter} -m broker "$@"'
    else:
        call = f'LEVERET_TOOL={name} exec {interpreter} -m broker.cli.main "$@"'
    return f"#!/bin/sh\n{MARK}\n{call}\n"


def install(directory: Path, *, is_forced: bool) -> list[Path]:
    """Write them. is_forced: also over files that are not ours. Raises: FailedError."""
    names = [SERVER, *(name for name in TOOLS if name != OWN)]
    paths = [directory / name for name in names]
    try:
        directory.mkdir(parents=True, exist_ok=True)
        strange = [path for path in paths if path.exists() and not _is_ours(path)]
        if strange and not is_forced:
            shown = ", ".join(map(str, strange))
            raise FailedError(f"there are other files: {shown} (--force replaces them)", EX_CONFIG)
        for name, path in zip(names, paths, strict=True):
            temporary = path.with_name(f".{name}.new")
            temporary.write_text(text_of(name, sys.executable))
            temporary.chmod(0o755)
            temporary.replace(path)
    except OSError as error:
        raise FailedError(f"cannot write {error.filename}: {error.strerror}", EX_CONFIG) from None
    return paths


def _is_ours(path: Path) -> bool:
    try:
        return MARK in path.read_text()
    except (OSError, UnicodeDecodeError):
        return False
