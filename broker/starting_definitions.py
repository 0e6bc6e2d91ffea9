"""Definitions that are imported when the node starts: `load_definitions`, `definitions.local.path`.

A file, or all files of a directory in the order of their names, as the HTTP API exports them. They
are looked at as a whole, then carried out; what cannot be keeps the node from starting. With
`definitions.skip_if_unchanged` their hash is kept as the global parameter that RabbitMQ keeps it
as, and files that have it are not imported again.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from broker.commands import INTERNAL_USER, Bind, Command, SetGlobalParameter
from broker.config import ConfigError, StartingDefinitions

if TYPE_CHECKING:
    from broker.node import Node

log = logging.getLogger("broker")

HASH_PARAMETER = "imported_definition_hash_value"  # RabbitMQ: rabbit_definitions_hashing
FILE_MAX = 256 * 1024 * 1024  # octets
_ALGORITHMS = {"sha": "sha1"}


def paths_of(settings: StartingDefinitions) -> list[Path]:
    """What there is to import; empty: nothing. Raises: ConfigError."""
    if bool(settings.local_path) != (settings.backend != "none"):
        problem = "'definitions.import_backend' and 'definitions.local.path' need each other"
        raise ConfigError(problem)
    return [Path(path) for path in (settings.path, settings.local_path) if path]


def import_definitions(node: Node, settings: StartingDefinitions) -> None:
    """Have them carried out, without waiting until they are durable. Raises: ConfigError."""
    documents = [one for path in paths_of(settings) for one in _documents(path)]
    if not documents:
        return
    digest = _digest(documents, settings) if settings.skip_if_unchanged else ""
    if digest and node.global_parameters.get(HASH_PARAMETER) == digest:
        log.info("definitions are those of the last start: not imported")
        return
    for path, octets in documents:
        _import(node, path, _parsed(path, octets))
    if digest:
        node.execute(SetGlobalParameter(HASH_PARAMETER, json.dumps(digest)))


def _digest(documents: list[tuple[Path, bytes]], settings: StartingDefinitions) -> str:
    algorithm = _ALGORITHMS.get(settings.hashing_algorithm, settings.hashing_algorithm)
    digest = hashlib.new(algorithm)
    for _, octets in documents:
        digest.update(len(octets).to_bytes(8, "big"))
        digest.update(octets)
    return digest.hexdigest()


def _documents(path: Path) -> Iterator[tuple[Path, bytes]]:
    """Files and what is in them. Raises: ConfigError."""
    try:
        files = sorted(path.iterdir()) if path.is_dir() else [path]
        for file in files:
            if path.is_dir() and not file.is_file():
                continue
            if file.stat().st_size > FILE_MAX:
                raise ConfigError(f"definitions in {file} are larger than 256 MiB")
            yield file, file.read_bytes()
    except OSError as error:
        where = error.filename or path
        raise ConfigError(f"cannot read definitions from {where}: {error.strerror}") from None


def _parsed(path: Path, octets: bytes) -> dict[str, Any]:
    try:
        found = json.loads(octets) if octets.strip() else {}
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ConfigError(f"definitions in {path} are no JSON object")
    return found


def _import(node: Node, path: Path, definitions: dict[str, Any]) -> None:
    """Raises: ConfigError."""
    from broker.management.operations.importing import Import
    from broker.management.operations.refused import Refused

    plan = Import(node, definitions, actor=INTERNAL_USER)
    try:
        commands = [step.command for step in plan.steps() if step.command is not None]
    except Refused as error:
        raise ConfigError(f"definitions in {path} cannot be imported: {error}") from None
    problems: list[Exception] = []
    for command in commands:
        command.actor = INTERNAL_USER
        node.execute(command, partial(_note, command, problems))
    if problems:
        raise ConfigError(f"definitions in {path} cannot be imported: {problems[0]}")
    log.info("definitions were imported, file=%s count=%s", path, len(commands))


def _note(command: Command, problems: list[Exception], result: object) -> None:
    """A binding that is of no use to its exchange is left out, as with an import over HTTP."""
    if isinstance(result, Exception) and not isinstance(command, Bind):
        problems.append(result)
